import { Writer } from '../bytes/writer.ts'

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
