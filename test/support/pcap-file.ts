import { concat } from '../../core/bytes/octets.ts'

/** Packets begin with an IP header. */
const LINKTYPE_RAW = 101

/** A pcap of raw IP packets, one every millisecond. https://www.tcpdump.org/manpages/pcap-savefile.5.txt */
export function pcapOf(packets: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4, 0)
  head.writeUInt16LE(2, 4)
  head.writeUInt16LE(4, 6)
  head.writeUInt32LE(65_535, 16)
  head.writeUInt32LE(LINKTYPE_RAW, 20)
  const records = packets.map((packet, at) => {
    const record = Buffer.alloc(16)
    record.writeUInt32LE(Math.floor(at / 1000), 0)
    record.writeUInt32LE((at % 1000) * 1000, 4)
    record.writeUInt32LE(packet.length, 8)
    record.writeUInt32LE(packet.length, 12)
    return concat(record, packet)
  })
  return concat(head, ...records)
}
