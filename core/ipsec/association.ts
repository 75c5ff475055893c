import type { EspSpi } from '../bytes/brands.ts'
import type { AhSa, EspSa, IpsecSa, SelectorPair } from '../esp/engine.ts'
import type { OuterHeader } from '../wire/ip-packet.ts'

/** Around the payload, or around the whole packet with new addresses. RFC 4301 §3.2 */
export type Mode = { readonly mode: 'transport' } | ({ readonly mode: 'tunnel' } & OuterHeader)

/** A protocol with its keys, and where it stands in the packet. */
export type Association = Mode &
  ({ readonly protocol: 'esp'; readonly sa: EspSa } | { readonly protocol: 'ah'; readonly sa: AhSa })

/**
 * What happens to the packets of a selector: each association in turn, the innermost first. AH and ESP on one packet are
 * two of them, ESP first. RFC 4301 §4.4.1
 */
export interface IpsecPolicy {
  readonly name: string
  readonly selectors: SelectorPair
  readonly outbound: readonly Association[]
  readonly inbound: readonly Association[]
}

/** The SPI by which they are known together: that of ESP, or of AH where it is alone. As `spiOf` for {@link IpsecSa}. */
export function nameOf(associations: readonly Association[]): EspSpi {
  const named = associations.find(({ protocol }) => protocol === 'esp') ?? associations[0]
  if (named === undefined) throw new RangeError('a policy has at least one association')
  return named.sa.spi
}

/**
 * What was negotiated, as associations, the innermost first; in tunnel mode between these outer addresses. The AH around
 * ESP is in transport mode on the outer header: there is one tunnel, not two. RFC 2401 §4.3
 */
export function associationsOf({ mode, esp, ah }: IpsecSa, ends: OuterHeader): readonly Association[] {
  const inner: Mode = mode === 'tunnel' ? { mode, ...ends } : { mode }
  return [
    ...(esp === undefined ? [] : [{ ...inner, protocol: 'esp', sa: esp } as const]),
    ...(ah === undefined
      ? []
      : [
          {
            ...(esp === undefined ? inner : { mode: 'transport' as const }),
            protocol: 'ah',
            sa: ah,
          } as const,
        ]),
  ]
}
