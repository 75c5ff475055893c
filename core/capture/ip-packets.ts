import { addressBytes } from '../bytes/address.ts'
import { concat } from '../bytes/octets.ts'
import { Writer } from '../bytes/writer.ts'

/** One end of a datagram. */
export interface End {
  readonly address: string
  readonly port: number
}

/** What went from one end to the other, of which only the content was kept. */
export interface CapturedDatagram {
  readonly source: End
  readonly destination: End
  readonly payload: Uint8Array
}

const UDP = 17
const TCP = 6
/** A header of five words, with PSH and ACK. RFC 9293 §3.1 */
const TCP_PUSH_ACK = 0x5018

/**
 * What travelled, with headers as they must have been: only hop limits and identifications are made up. Addresses that are
 * none throw `RangeError`.
 */
export function udpPacket({ source, destination, payload }: CapturedDatagram): Uint8Array {
  const [from, to] = [addressBytes(source.address), addressBytes(destination.address)]
  const length = payload.length + 8
  const udp = new Writer()
  udp.u16(source.port)
  udp.u16(destination.port)
  udp.u16(length)
  const pseudo = concat(from, to, Uint8Array.of(0, UDP, length >> 8, length & 0xff))
  const sum = checksum(concat(pseudo, udp.finish(), Uint8Array.of(0, 0), payload))
  // Zero would say that there is none. RFC 768
  udp.u16(sum === 0 ? 0xffff : sum)
  udp.bytes(payload)
  return around(UDP, from, to, udp.finish())
}

/**
 * A segment, as {@link udpPacket} a datagram. What is not known of the connection is made up: the window, and whatever
 * went over it that was not kept.
 */
export function tcpPacket(
  { source, destination, payload }: CapturedDatagram,
  { sequence, acknowledgement }: { readonly sequence: number; readonly acknowledgement: number },
): Uint8Array {
  const [from, to] = [addressBytes(source.address), addressBytes(destination.address)]
  const segment = (sum: number): Uint8Array => {
    const w = new Writer()
    w.u16(source.port)
    w.u16(destination.port)
    w.u32(sequence)
    w.u32(acknowledgement)
    w.u16(TCP_PUSH_ACK)
    w.u16(0xffff)
    w.u16(sum)
    w.u16(0)
    w.bytes(payload)
    return w.finish()
  }
  const blank = segment(0)
  const pseudo = concat(from, to, Uint8Array.of(0, TCP, blank.length >> 8, blank.length & 0xff))
  return around(TCP, from, to, segment(checksum(concat(pseudo, blank))))
}

const around = (protocol: number, from: Uint8Array, to: Uint8Array, content: Uint8Array): Uint8Array =>
  concat((from.length === 4 ? ipv4Header : ipv6Header)(protocol, from, to, content.length), content)

/** RFC 791 §3.1 */
function ipv4Header(protocol: number, from: Uint8Array, to: Uint8Array, length: number): Uint8Array {
  const header = (sum: number): Uint8Array => {
    const w = new Writer()
    w.u16(0x4500)
    w.u16(20 + length)
    w.u32(0)
    w.u8(64)
    w.u8(protocol)
    w.u16(sum)
    w.bytes(from)
    w.bytes(to)
    return w.finish()
  }
  return header(checksum(header(0)))
}

/** RFC 8200 §3 */
function ipv6Header(protocol: number, from: Uint8Array, to: Uint8Array, length: number): Uint8Array {
  const w = new Writer()
  w.u32(0x6000_0000)
  w.u16(length)
  w.u8(protocol)
  w.u8(64)
  w.bytes(from)
  w.bytes(to)
  return w.finish()
}

/** RFC 1071 */
function checksum(octets: Uint8Array): number {
  const even = octets.length % 2 === 0 ? octets : concat(octets, Uint8Array.of(0))
  let sum = 0
  for (let at = 0; at < even.length; at += 2) sum += (even[at]! << 8) | even[at + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000)
  return ~sum & 0xffff
}
