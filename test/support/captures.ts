/** Frames of a little-endian pcap or pcapng file; all that the captures under test need of the formats. */
export function frames(file: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const u32 = (at: number) => view.getUint32(at, true)
  const found: Uint8Array[] = []
  switch (u32(0)) {
    case 0xa1b2c3d4:
      for (let at = 24; at < file.length; at += 16 + u32(at + 8)) {
        found.push(file.subarray(at + 16, at + 16 + u32(at + 8)))
      }
      return found
    case 0x0a0d0d0a:
      for (let at = 0; at < file.length; at += u32(at + 4)) {
        if (u32(at) === 6) found.push(file.subarray(at + 28, at + 28 + u32(at + 20)))
      }
      return found
    default:
      throw new Error('neither pcap nor pcapng, or of the other byte order')
  }
}

/** The IP packet in an Ethernet frame, without padding behind it. */
export function ipOf(frame: Uint8Array): Uint8Array {
  const packet = frame.subarray(14)
  const view = new DataView(packet.buffer, packet.byteOffset)
  return packet.subarray(0, packet[0]! >> 4 === 4 ? view.getUint16(2) : 40 + view.getUint16(4))
}
