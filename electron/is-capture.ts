import { open } from 'node:fs/promises'

/** pcap in either order of octets, with microseconds or nanoseconds; pcapng. */
const MAGIC: ReadonlySet<string> = new Set(['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a'])
const CALLED_CAPTURE = /\.p?cap(ng)?(\.gz)?$/i

/** Whether a file is a capture, or at least says so by its name. */
export async function isCapture(path: string): Promise<boolean> {
  if (CALLED_CAPTURE.test(path)) return true
  const file = await open(path).catch(() => undefined)
  try {
    const read = await file?.read(Buffer.alloc(4), 0, 4, 0)
    return read !== undefined && MAGIC.has(read.buffer.toString('hex', 0, read.bytesRead))
  } catch {
    return false
  } finally {
    await file?.close()
  }
}
