import type { AhSa, EspSa, SelectorPair } from '../esp/engine.ts'
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
