import { compare } from '../bytes/octets.ts'
import type { TrafficSelector } from '../wire/ikev2/traffic-selector.ts'
import type { SelectorPair } from './engine.ts'

/** What selectors look at in an IP packet. RFC 4301 §4.4.1.1 */
export interface InnerPacket {
  readonly version: 4 | 6
  /** Octets the header says the packet has; anything beyond is padding. */
  readonly length: number
  readonly source: Uint8Array
  readonly destination: Uint8Array
  /** Next layer protocol; absent in an IPv6 fragment that does not show it. */
  readonly protocol: number | undefined
  /** Absent in fragments other than the first, in truncated headers, and where the protocol has none. */
  readonly ports: Ports | undefined
}

/** ICMP type and code (or the type of a Mobility Header) are one value, seen as the sender's port. RFC 4301 §4.4.1.3 */
type Ports =
  | { readonly source: number; readonly destination: number }
  | { readonly source: number; readonly destination?: undefined }

const Protocol = {
  hopByHop: 0,
  icmp: 1,
  tcp: 6,
  udp: 17,
  dccp: 33,
  routing: 43,
  fragment: 44,
  icmpv6: 58,
  destinationOptions: 60,
  sctp: 132,
  mobility: 135,
  udpLite: 136,
} as const

const WITH_PORTS: ReadonlySet<number> = new Set([
  Protocol.tcp,
  Protocol.udp,
  Protocol.dccp,
  Protocol.sctp,
  Protocol.udpLite,
])

/** Ours: no sender needs more, and a chain of thousands would cost more to walk than to drop. */
const CHOICE = { extensionHeaders: 8 } as const

/** Reads the headers selectors need, IPv4 or IPv6; `undefined` when the packet is not well-formed. Views into `packet`. */
export function parseInner(packet: Uint8Array): InnerPacket | undefined {
  if (packet.length === 0) return undefined
  switch (packet[0]! >> 4) {
    case 4:
      return parseIpv4(packet)
    case 6:
      return parseIpv6(packet)
    default:
      return undefined
  }
}

/** RFC 791 §3.1 */
function parseIpv4(packet: Uint8Array): InnerPacket | undefined {
  if (packet.length < 20) return undefined
  const headerBytes = (packet[0]! & 0x0f) * 4
  const length = u16(packet, 2)
  if (headerBytes < 20 || length < headerBytes || length > packet.length) return undefined
  const protocol = packet[9]!
  const firstFragment = (u16(packet, 6) & 0x1fff) === 0
  return {
    version: 4,
    length,
    source: packet.subarray(12, 16),
    destination: packet.subarray(16, 20),
    protocol,
    ports: firstFragment ? portsOf(protocol, packet.subarray(headerBytes, length)) : undefined,
  }
}

/** RFC 8200 §3, §4 */
function parseIpv6(packet: Uint8Array): InnerPacket | undefined {
  if (packet.length < 40) return undefined
  const length = 40 + u16(packet, 4)
  if (length > packet.length) return undefined
  const found = nextLayer(packet.subarray(40, length), packet[6]!)
  if (found === undefined) return undefined
  return {
    version: 6,
    length,
    source: packet.subarray(8, 24),
    destination: packet.subarray(24, 40),
    ...found,
  }
}

/** Walks extension headers up to the protocol selectors speak of. AH and ESP count as such. RFC 4301 §4.4.1.1 */
function nextLayer(payload: Uint8Array, first: number): Pick<InnerPacket, 'protocol' | 'ports'> | undefined {
  let protocol = first
  let at = 0
  for (let headers = 0; headers <= CHOICE.extensionHeaders; headers++) {
    if (!isExtension(protocol)) return { protocol, ports: portsOf(protocol, payload.subarray(at)) }
    if (payload.length - at < 8) return undefined
    const next = payload[at]!
    if (protocol === Protocol.fragment) {
      const later = (u16(payload, at + 2) & 0xfff8) !== 0
      if (later) return { protocol: isExtension(next) ? undefined : next, ports: undefined }
      at += 8
    } else {
      at += (payload[at + 1]! + 1) * 8
    }
    if (at > payload.length) return undefined
    protocol = next
  }
  return undefined
}

const isExtension = (protocol: number): boolean =>
  protocol === Protocol.hopByHop ||
  protocol === Protocol.routing ||
  protocol === Protocol.fragment ||
  protocol === Protocol.destinationOptions

function portsOf(protocol: number, header: Uint8Array): Ports | undefined {
  if (WITH_PORTS.has(protocol)) {
    return header.length < 4 ? undefined : { source: u16(header, 0), destination: u16(header, 2) }
  }
  switch (protocol) {
    case Protocol.icmp:
    case Protocol.icmpv6:
      return header.length < 2 ? undefined : { source: u16(header, 0) }
    case Protocol.mobility:
      // RFC 7296 §3.13.1: the MH type stands in the upper octet of the port.
      return header.length < 3 ? undefined : { source: header[2]! << 8 }
    default:
      return undefined
  }
}

/** A packet that leaves this end belongs to the SA. RFC 4301 §5.1 */
export const coversOutbound = (selectors: SelectorPair, packet: InnerPacket): boolean =>
  covers(selectors.local, selectors.remote, packet)

/** A packet that came out of the SA was allowed in it. RFC 4301 §5.2 step 4 */
export const coversInbound = (selectors: SelectorPair, packet: InnerPacket): boolean =>
  covers(selectors.remote, selectors.local, packet)

function covers(
  senders: readonly TrafficSelector[],
  receivers: readonly TrafficSelector[],
  packet: InnerPacket,
): boolean {
  const { source, destination, ports } = packet
  const single = ports !== undefined && ports.destination === undefined
  return (
    senders.some((ts) => fits(ts, packet, source) && fitsPort(ts, ports?.source)) &&
    receivers.some((ts) => fits(ts, packet, destination) && (single || fitsPort(ts, ports?.destination)))
  )
}

function fits(ts: TrafficSelector, packet: InnerPacket, address: Uint8Array): boolean {
  return (
    ts.type === (packet.version === 4 ? 7 : 8) &&
    (ts.protocol === 0 || ts.protocol === packet.protocol) &&
    compare(ts.startAddress, address) <= 0 &&
    compare(address, ts.endAddress) <= 0
  )
}

/** A port that cannot be seen fits ANY (0 … 65535) and OPAQUE (65535 … 0) alone. RFC 7296 §3.13.1, RFC 4301 §4.4.1.1 */
function fitsPort(ts: TrafficSelector, port: number | undefined): boolean {
  const any = ts.startPort === 0 && ts.endPort === 0xffff
  if (any) return true
  if (port === undefined) return ts.startPort === 0xffff && ts.endPort === 0
  return ts.startPort <= port && port <= ts.endPort
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!
