import { concat } from '../bytes/octets.ts'
import { checksum, readIp } from '../wire/ip-packet.ts'

/** Where each protocol keeps its checksum over the addresses, octets from its beginning. */
const CHECKSUM_AT: Readonly<Record<number, number>> = { 6: 16, 17: 6, 58: 2 }
const UDP = 17

/**
 * Transport mode through a NAT: the sender computed its checksum over addresses that are not those of the packet we have.
 * What came out of ESP is authentic, so it is computed anew, in place. RFC 3948 §3.1.2
 */
export function repairChecksum(packet: Uint8Array): void {
  const ip = readIp(packet)
  const at = ip && CHECKSUM_AT[ip.protocol]
  if (ip === undefined || at === undefined || ip.fragment || ip.at + at + 2 > ip.length) return
  const segment = packet.subarray(ip.at, ip.length)
  // A checksum of nothing is none. RFC 768
  if (ip.protocol === UDP && segment[at] === 0 && segment[at + 1] === 0) return
  segment.fill(0, at, at + 2)
  const addresses = ip.version === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40)
  const tail = Uint8Array.of(0, ip.protocol, segment.length >> 8, segment.length & 0xff)
  const sum = checksum(concat(addresses, tail, segment))
  const view = new DataView(segment.buffer, segment.byteOffset)
  view.setUint16(at, ip.protocol === UDP && sum === 0 ? 0xffff : sum)
}
