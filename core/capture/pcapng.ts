import { addressBytes } from '../bytes/address.ts'
import { concat } from '../bytes/octets.ts'
import { Writer } from '../bytes/writer.ts'

/** One end of a datagram. */
export interface End {
  readonly address: string
  readonly port: number
}

/** A UDP datagram of which only the content was kept. */
export interface CapturedDatagram {
  readonly source: End
  readonly destination: End
  readonly payload: Uint8Array
}

export interface CapturedPacket {
  /** Unix time. */
  readonly atMs: number
  /** From the IP header on. */
  readonly packet: Uint8Array
  /** What Wireshark shows beside it. */
  readonly comment: string
}

// draft-ietf-opsawg-pcapng. The writer chooses the order of octets, and the first block tells which.
const BLOCK = { section: 0x0a0d0d0a, interface: 1, packet: 6 } as const
const BYTE_ORDER_MAGIC = 0x1a2b3c4d
const OPTION = { end: 0, comment: 1, interfaceName: 2, application: 4 } as const
/** Packets begin with an IP header. */
const LINKTYPE_RAW = 101
const UDP = 17

/** A capture of one interface: its headers, then block by block. */
export function* writePcapng(
  application: string,
  interfaceName: string,
  packets: Iterable<CapturedPacket>,
): Generator<Uint8Array> {
  yield block(BLOCK.section, (w) => {
    w.u32(BYTE_ORDER_MAGIC)
    w.u16(1)
    w.u16(0)
    // Nobody knows yet how long the section will be.
    w.u32(0xffff_ffff)
    w.u32(0xffff_ffff)
    options(w, [[OPTION.application, application]])
  })
  yield block(BLOCK.interface, (w) => {
    w.u16(LINKTYPE_RAW)
    w.u16(0)
    w.u32(0)
    options(w, [[OPTION.interfaceName, interfaceName]])
  })
  for (const { atMs, packet, comment } of packets) {
    const microseconds = BigInt(Math.round(atMs * 1000))
    yield block(BLOCK.packet, (w) => {
      w.u32(0)
      w.u32(Number(microseconds >> 32n))
      w.u32(Number(microseconds & 0xffff_ffffn))
      w.u32(packet.length)
      w.u32(packet.length)
      padded(w, packet)
      options(w, [[OPTION.comment, comment]])
    })
  }
}

/** Its length stands at both ends, in octets and with the frame itself. */
function block(type: number, write: (w: Writer) => void): Uint8Array {
  const body = new Writer()
  write(body)
  const content = body.finish()
  const whole = new Writer()
  whole.u32(type)
  whole.u32(content.length + 12)
  whole.bytes(content)
  whole.u32(content.length + 12)
  return whole.finish()
}

function options(w: Writer, texts: readonly (readonly [number, string])[]): void {
  for (const [code, text] of texts) {
    const octets = new TextEncoder().encode(text).subarray(0, 0xffff)
    w.u16(code)
    w.u16(octets.length)
    padded(w, octets)
  }
  w.u16(OPTION.end)
  w.u16(0)
}

function padded(w: Writer, octets: Uint8Array): void {
  w.bytes(octets)
  w.zeros(-octets.length & 3)
}

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
  const content = udp.finish()
  return concat(from.length === 4 ? ipv4Header(from, to, length) : ipv6Header(from, to, length), content)
}

/** RFC 791 §3.1 */
function ipv4Header(from: Uint8Array, to: Uint8Array, length: number): Uint8Array {
  const header = (sum: number): Uint8Array => {
    const w = new Writer()
    w.u16(0x4500)
    w.u16(20 + length)
    w.u32(0)
    w.u8(64)
    w.u8(UDP)
    w.u16(sum)
    w.bytes(from)
    w.bytes(to)
    return w.finish()
  }
  return header(checksum(header(0)))
}

/** RFC 8200 §3 */
function ipv6Header(from: Uint8Array, to: Uint8Array, length: number): Uint8Array {
  const w = new Writer()
  w.u32(0x6000_0000)
  w.u16(length)
  w.u8(UDP)
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
