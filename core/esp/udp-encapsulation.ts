import { concat } from '../bytes/octets.ts'

/** Four zero octets where ESP has its SPI, which is never zero. RFC 3948 §2.2 */
const NON_ESP_MARKER = new Uint8Array(4)

/** One octet that keeps a NAT mapping alive; whoever receives it ignores it. RFC 3948 §2.3 */
export const NAT_KEEPALIVE: Uint8Array = Uint8Array.of(0xff)

/** What a datagram on port 4500 carries. `message` and `packet` are views. */
export type Port4500 =
  | { readonly kind: 'keepalive' }
  /** `message`: the IKE message without the marker. */
  | { readonly kind: 'ike'; readonly message: Uint8Array }
  /** `packet`: from the SPI on. */
  | { readonly kind: 'esp'; readonly packet: Uint8Array }
  | { readonly kind: 'tooShort'; readonly octets: Uint8Array }

/** Tells IKE, ESP and keepalives apart. RFC 3948 §2 */
export function classifyPort4500(datagram: Uint8Array): Port4500 {
  if (datagram.length === 1 && datagram[0] === NAT_KEEPALIVE[0]) return { kind: 'keepalive' }
  if (datagram.length < NON_ESP_MARKER.length) return { kind: 'tooShort', octets: datagram }
  const marked = datagram[0] === 0 && datagram[1] === 0 && datagram[2] === 0 && datagram[3] === 0
  if (marked) return { kind: 'ike', message: datagram.subarray(NON_ESP_MARKER.length) }
  // RFC 4303 §2: SPI and sequence number are eight octets before anything else.
  return datagram.length < 8 ? { kind: 'tooShort', octets: datagram } : { kind: 'esp', packet: datagram }
}

/** The IKE message as it leaves port 4500. RFC 3948 §2.2 */
export const withNonEspMarker = (message: Uint8Array): Uint8Array => concat(NON_ESP_MARKER, message)
