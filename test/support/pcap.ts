import { gunzipSync } from 'node:zlib'
import { concat } from '../../core/bytes/octets.ts'

/** A captured frame; `number` counts from 1, as tshark does. */
export interface Frame {
  readonly number: number
  readonly linkType: number
  readonly bytes: Uint8Array
}

export interface Datagram {
  readonly frame: number
  readonly sourcePort: number
  readonly destinationPort: number
  readonly payload: Uint8Array
}

/** Frames of a pcap or pcapng file, gzipped or not. Only what the captures in use need. */
export function readCapture(file: Uint8Array): Frame[] {
  const bytes = file[0] === 0x1f && file[1] === 0x8b ? new Uint8Array(gunzipSync(file)) : file
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return view.getUint32(0) === 0x0a0d0d0a ? readPcapng(bytes, view) : readPcap(bytes, view)
}

function readPcap(bytes: Uint8Array, view: DataView): Frame[] {
  const little = [0xd4c3b2a1, 0x4d3cb2a1].includes(view.getUint32(0))
  if (!little && ![0xa1b2c3d4, 0xa1b23c4d].includes(view.getUint32(0))) throw new Error('not a capture')
  const linkType = view.getUint32(20, little) & 0xffff // above: whether frames end in a checksum
  const frames: Frame[] = []
  for (let at = 24; at + 16 <= bytes.length; ) {
    const length = view.getUint32(at + 8, little)
    frames.push({ number: frames.length + 1, linkType, bytes: bytes.subarray(at + 16, at + 16 + length) })
    at += 16 + length
  }
  return frames
}

function readPcapng(bytes: Uint8Array, view: DataView): Frame[] {
  const little = view.getUint32(8) === 0x4d3c2b1a
  const linkTypes: number[] = []
  const frames: Frame[] = []
  for (let at = 0; at + 12 <= bytes.length; ) {
    const type = view.getUint32(at, little)
    if (type === 1) linkTypes.push(view.getUint16(at + 8, little))
    if (type === 6) {
      const linkType = linkTypes[view.getUint32(at + 8, little)]!
      const length = view.getUint32(at + 20, little)
      frames.push({ number: frames.length + 1, linkType, bytes: bytes.subarray(at + 28, at + 28 + length) })
    }
    if (type === 3) throw new Error('simple packet blocks are not read')
    at += view.getUint32(at + 4, little)
  }
  return frames
}

/** UDP datagrams in order of the frame that completes them; IPv4 fragments are put together. */
export function datagramsOf(frames: readonly Frame[]): Datagram[] {
  const fragments = new Map<string, { offset: number; data: Uint8Array }[]>()
  const datagrams: Datagram[] = []
  for (const frame of frames) {
    const ip = frame.bytes.subarray(linkHeader(frame))
    const udp = ip[0]! >> 4 === 4 ? udpOverIpv4(ip, fragments) : udpOverIpv6(ip)
    if (udp === undefined || udp.length < 8) continue
    const view = new DataView(udp.buffer, udp.byteOffset)
    datagrams.push({
      frame: frame.number,
      sourcePort: view.getUint16(0),
      destinationPort: view.getUint16(2),
      payload: udp.subarray(8, view.getUint16(4)),
    })
  }
  return datagrams
}

/** Octets before the IP header. */
function linkHeader({ linkType, bytes, number }: Frame): number {
  if (linkType === 0) return 4
  if (linkType === 1) return bytes[12] === 0x81 && bytes[13] === 0x00 ? 18 : 14
  if (linkType === 12 || linkType === 101) return 0
  if (linkType === 113) return 16
  throw new Error(`frame ${number}: link type ${linkType} is not read`)
}

function udpOverIpv4(
  ip: Uint8Array,
  fragments: Map<string, { offset: number; data: Uint8Array }[]>,
): Uint8Array | undefined {
  if (ip.length < 20 || ip[9] !== 17) return undefined
  const view = new DataView(ip.buffer, ip.byteOffset)
  const data = ip.subarray((ip[0]! & 0x0f) * 4, view.getUint16(2))
  const flags = view.getUint16(6)
  const more = (flags & 0x2000) !== 0
  const offset = (flags & 0x1fff) * 8
  if (!more && offset === 0) return data

  const key = [...ip.subarray(4, 6), ...ip.subarray(12, 20)].join('.')
  const parts = fragments.get(key) ?? []
  parts.push({ offset, data })
  parts.sort((a, b) => a.offset - b.offset)
  fragments.set(key, parts)
  let end = 0
  for (const part of parts) if (part.offset === end) end += part.data.length
  const first = parts[0]!.data
  const wanted = parts[0]!.offset === 0 ? (first[4]! << 8) | first[5]! : Number.POSITIVE_INFINITY
  if (end < wanted) return undefined
  fragments.delete(key)
  return concat(...parts.map((part) => part.data))
}

function udpOverIpv6(ip: Uint8Array): Uint8Array | undefined {
  return ip.length >= 40 && ip[0]! >> 4 === 6 && ip[6] === 17 ? ip.subarray(40) : undefined
}

const MARKER = 4

/** The IKE message a datagram carries, without non-ESP marker (RFC 3948 §2.2); none for ESP and keepalives. */
export function ikeOf({ sourcePort, destinationPort, payload }: Datagram): Uint8Array | undefined {
  if ([sourcePort, destinationPort].includes(4500)) {
    if (payload.length < MARKER || payload.subarray(0, MARKER).some((octet) => octet !== 0)) return undefined
    return payload.subarray(MARKER)
  }
  return [sourcePort, destinationPort].includes(500) ? payload : undefined
}
