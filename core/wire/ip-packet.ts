import type { Random } from '../bytes/random.ts'

/** Protocol numbers that stand in the headers of IP packets. */
export const Protocol = {
  hopByHop: 0,
  ipv4: 4,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  esp: 50,
  ah: 51,
  destinationOptions: 60,
} as const

/** An IP packet with the place where IPsec headers stand, or would stand. */
export interface IpPacket {
  readonly version: 4 | 6
  /** Octets of the whole packet, as its header says. */
  readonly length: number
  /** Where the IPsec header begins: behind everything that routers on the way read. RFC 4303 §3.1.1 */
  readonly at: number
  /** Where the number of the protocol at `at` stands. */
  readonly protocolAt: number
  readonly protocol: number
  /** It is a fragment: IPsec is for whole packets. RFC 4303 §3.3.4 */
  readonly fragment: boolean
}

/** Ours: nobody honest sends more extension headers. */
const MOST_EXTENSIONS = 8

/** Reads the headers in front of the payload; `undefined` when they are not well-formed. */
export function readIp(packet: Uint8Array): IpPacket | undefined {
  const version = (packet[0] ?? 0) >> 4
  if (version === 4) return readIpv4(packet)
  return version === 6 ? readIpv6(packet) : undefined
}

/** RFC 791 §3.1 */
function readIpv4(packet: Uint8Array): IpPacket | undefined {
  if (packet.length < 20) return undefined
  const at = (packet[0]! & 0x0f) * 4
  const length = u16(packet, 2)
  if (at < 20 || length < at || length > packet.length) return undefined
  // The third bit of the flags (more fragments), and the offset.
  const fragment = (u16(packet, 6) & 0x3fff) !== 0
  return { version: 4, length, at, protocolAt: 9, protocol: packet[9]!, fragment }
}

/** RFC 8200 §4; destination options belong behind the IPsec header unless a routing header follows them. RFC 4303 §3.1.1 */
function readIpv6(packet: Uint8Array): IpPacket | undefined {
  if (packet.length < 40) return undefined
  const length = 40 + u16(packet, 4)
  if (length > packet.length) return undefined
  let here = { at: 40, protocolAt: 6, protocol: packet[6]! }
  let before: typeof here | undefined
  let fragment = false
  for (let count = 0; count < MOST_EXTENSIONS; count++) {
    const { protocol, at } = here
    if (protocol === Protocol.destinationOptions) before ??= here
    else if (protocol === Protocol.routing) before = undefined
    else if (protocol === Protocol.fragment) fragment = true
    else if (protocol !== Protocol.hopByHop) break
    if (at + 8 > length) return undefined
    const bytes = protocol === Protocol.fragment ? 8 : (packet[at + 1]! + 1) * 8
    if (at + bytes > length) return undefined
    here = { at: at + bytes, protocolAt: at, protocol: packet[at]! }
  }
  // An IPsec header that is there already says itself where it stands.
  const there = here.protocol === Protocol.ah || here.protocol === Protocol.esp
  return { version: 6, length, fragment, ...(there ? here : (before ?? here)) }
}

/** Writes what changed with the length of a packet: its length, and IPv4's header checksum. */
export function settle(packet: Uint8Array): void {
  const view = new DataView(packet.buffer, packet.byteOffset)
  if (packet[0]! >> 4 === 6) {
    view.setUint16(4, packet.length - 40)
    return
  }
  view.setUint16(2, packet.length)
  view.setUint16(10, 0)
  view.setUint16(10, checksum(packet.subarray(0, (packet[0]! & 0x0f) * 4)))
}

/** The Internet checksum. RFC 1071 */
export function checksum(octets: Uint8Array): number {
  let sum = 0
  for (let at = 0; at + 1 < octets.length; at += 2) sum += u16(octets, at)
  if (octets.length % 2 === 1) sum += octets[octets.length - 1]! << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

export interface OuterHeader {
  /** Four octets or sixteen, both alike. */
  readonly source: Uint8Array
  readonly destination: Uint8Array
}

/** Ours, and what IANA recommends. RFC 1700 */
const HOPS = 64

/** The differentiated services of an IP packet; congestion marks stay, as nobody brings them back in. RFC 4301 §5.1.2.1, RFC 6040 §4.1 */
export const trafficClassOf = (packet: Uint8Array): number =>
  (packet[0]! >> 4 === 4 ? packet[1]! : ((packet[0]! & 0x0f) << 4) | (packet[1]! >> 4)) & 0xfc

/**
 * A header for tunnel mode, without length and checksum. Routers may fragment what it goes with. RFC 4301 §5.1.2
 *
 * @param fields `identification` of IPv4, not zero: some kernels would fill a zero in behind our back, and break an ICV
 */
export function outerHeader(
  { source, destination }: OuterHeader,
  protocol: number,
  { trafficClass, identification }: { readonly trafficClass: number; readonly identification: number },
): Uint8Array {
  if (source.length === 4) {
    const header = new Uint8Array(20)
    const [high, low] = [identification >> 8, identification & 0xff]
    header.set([0x45, trafficClass, 0, 0, high, low, 0, 0, HOPS, protocol])
    header.set(source, 12)
    header.set(destination, 16)
    return header
  }
  const header = new Uint8Array(40)
  header.set([0x60 | (trafficClass >> 4), (trafficClass & 0x0f) << 4, 0, 0, 0, 0, protocol, HOPS])
  header.set(source, 8)
  header.set(destination, 24)
  return header
}

/** Identifications of IPv4 packets, one after the other and never zero. RFC 791 §3.1 */
export function identifications(random: Random): () => number {
  const [high = 0, low = 0] = random.bytes(2)
  let last = (high << 8) | low
  return () => {
    last = (last % 0xffff) + 1
    return last
  }
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!
