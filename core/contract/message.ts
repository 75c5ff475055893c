/** A message of the inspector as it crosses to a face. */
export interface MessageLine {
  /** Counts up from 1 for each profile, so that a reader sees what is new and what made room. */
  readonly number: number
  /** Unix time in ms. */
  readonly atMs: number
  readonly direction: 'in' | 'out'
  readonly exchange: string
  readonly messageId: number
  readonly response: boolean
  readonly retransmission: boolean
  readonly problem: string | undefined
  readonly payloads: readonly string[]
  /** The error its sender reports, by its name in the registry: `AUTHENTICATION_FAILED`. */
  readonly refusal?: string
  /** Octets of the message as it travelled. */
  readonly octets: number
  /** The initiator's SPI or cookie, hexadecimal: which IKE SA it belongs to. */
  readonly sa: string
  /** A datagram with a part of a message. RFC 7383 */
  readonly fragment?: { readonly number: number; readonly total: number }
  /** A message that these many fragments carry; `octets` are those of its headers alone. */
  readonly fragments?: number
}
