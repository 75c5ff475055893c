import type { EspSpi } from '../bytes/brands.ts'
import type { Secret } from '../bytes/secret.ts'
import type { EspSa, SelectorPair } from '../esp/engine.ts'
import type { OuterHeader } from './ip-packet.ts'

/** Around the payload, or around the whole packet with new addresses. RFC 4301 §3.2 */
export type Mode = { readonly mode: 'transport' } | ({ readonly mode: 'tunnel' } & OuterHeader)

/** One direction of an AH SA. RFC 4302 */
export interface AhSa {
  readonly spi: EspSpi
  /** IANA id of transform type 3. */
  readonly integrity: number
  readonly integrityKey: Secret
  /** 64-bit sequence numbers, RFC 4302 §2.5.1. */
  readonly esn: boolean
  /**
   * Octets the header is a multiple of; when left out 4 in IPv4 and 8 in IPv6, as the RFC wants. Linux wants 8 in IPv4
   * too, unless told otherwise.
   */
  readonly boundary?: 4 | 8
}

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
