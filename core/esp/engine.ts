import type { EspSpi } from '../bytes/brands.ts'
import type { Secret } from '../bytes/secret.ts'
import type { TrafficSelector } from '../wire/ikev2/traffic-selector.ts'

/** One direction of a CHILD_SA, ready to seal or open packets. RFC 4303, RFC 7296 §2.17 */
export interface EspSa {
  readonly spi: EspSpi
  /** IANA id of transform type 1, and its key length in bits. */
  readonly encryption: { readonly id: number; readonly keyBits: number }
  /** Key ‖ salt. */
  readonly encryptionKey: Secret
  /** IANA id of transform type 3; absent with an AEAD. */
  readonly integrity?: number
  readonly integrityKey?: Secret
  /** 64-bit sequence numbers, RFC 4303 §2.2.1. */
  readonly esn: boolean
}

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

/** Around the whole packet, or around what it carries. RFC 4301 §3.2 */
export type ChildMode = 'tunnel' | 'transport'

/** One direction of what a negotiation made: ESP, AH, or ESP inside AH. At least one of the two is there. */
export interface IpsecSa {
  readonly mode: ChildMode
  readonly esp?: EspSa
  readonly ah?: AhSa
}

/** The SPI by which the two are known together: that of ESP, or of AH where it is alone. */
export function spiOf({ esp, ah }: IpsecSa): EspSpi {
  const sa = esp ?? ah
  if (sa === undefined) throw new RangeError('an SA has ESP or AH')
  return sa.spi
}

/** Wipes its keys. */
export function closeSa({ esp, ah }: IpsecSa): void {
  for (const key of [esp?.encryptionKey, esp?.integrityKey, ah?.integrityKey]) key?.close()
}

/** Which inner packets belong to a CHILD_SA, seen from this end. RFC 4301 §4.4.1 */
export interface SelectorPair {
  readonly local: readonly TrafficSelector[]
  readonly remote: readonly TrafficSelector[]
}

export interface EspSaCounters {
  readonly bytes: number
  readonly packets: number
  /** Milliseconds on the engine's clock of the last packet, or undefined. */
  readonly lastAtMs: number | undefined
}

export interface InboundCounters extends EspSaCounters {
  readonly replayed: number
  readonly failedIcv: number
  readonly malformed: number
  readonly selectorMismatch: number
}

export interface OutboundCounters extends EspSaCounters {
  /** Last sequence number used. */
  readonly sequence: bigint
}

/** Which limit of an SA was reached. */
export type LimitReason = 'bytes' | 'packets' | 'sequence'

/** When an SA asks to be replaced, and how much it remembers. Each is for one SA. */
export interface EspLimits {
  /** Octets of inner packets. Default: none. */
  readonly softBytes?: number
  /** Inner packets. Default: none. */
  readonly softPackets?: number
  /** Default: three quarters of the sequence numbers there are. */
  readonly softSequence?: bigint
  /** Last sequence number ever used; at most, and by default, 2³²−1, or 2⁶⁴−1 with ESN. */
  readonly hardSequence?: bigint
  /** Places in the replay window of an inbound SA; 0: none, which only the TypeScript engines can. RFC 4303 §3.4.3 */
  readonly replayWindow?: number
}

/** What an engine has to say about its SAs. */
export interface EspEvents {
  /** Said once per SA and reason, while there is still room to rekey. RFC 7296 §2.8 */
  readonly onSoftLimit?: (spi: EspSpi, reason: LimitReason) => void
  /** Said once, when an outbound SA has used its last sequence number and sends no more. */
  readonly onHardLimit?: (spi: EspSpi) => void
}

/**
 * The datapath of one tunnel. Two implementations: TypeScript (the one to read, the oracle in tests)
 * and native. Packets of a CHILD_SA's selectors leave by its newest outbound SA; every inbound SA that
 * is installed is accepted until it is removed.
 */
export interface EspEngine {
  readonly kind: 'typescript' | 'native'
  /** Accepts packets with this SPI from now on. Takes over the keys. */
  addInbound(sa: EspSa, selectors: SelectorPair): void
  /** Sends what matches `selectors` with this SA from now on; `child` names the CHILD_SA across rekeys. Takes over the keys. */
  useOutbound(child: string, sa: EspSa, selectors: SelectorPair): void
  /** Forgets the SA and wipes its keys. Unknown SPIs are ignored. */
  removeInbound(spi: EspSpi): void
  removeOutbound(spi: EspSpi): void
  inbound(spi: EspSpi): InboundCounters | undefined
  outbound(spi: EspSpi): OutboundCounters | undefined
  /** Packets that no SA explains: unknown SPI, or inner packets no selector covers. */
  strays(): { readonly noSa: number; readonly noSelector: number }
  /** Wipes all keys. The descriptors belong to whoever opened them. */
  close(): void
}

/** An engine whose owner pumps packets into its two ends. Neither ever throws for what a packet holds. */
export interface PacketEngine extends EspEngine {
  /** An inner packet from the TUN device. */
  fromTun(packet: Uint8Array): void
  /** An ESP packet from the SPI on, without IP or UDP header. */
  fromNetwork(esp: Uint8Array): void
}
