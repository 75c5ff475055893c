import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { VpnFailure } from '../errors.ts'
import type { Frame } from '../inspect/decoder.ts'
import { nativePath } from '../native/load.ts'

/** Octets in front of each frame that culvert-captures writes. */
const HEADER = 24
const GZIP = 0x1f8b

/**
 * The frames of a pcap or pcapng file, gzipped or not, one after the other, whatever its size. libpcap reads it, in a
 * process of its own. Throws `VpnFailure` (`fileUnreadable`, `nativeMissing`) at once or where the file breaks off.
 */
export async function* readCapture(path: string): AsyncGenerator<Frame> {
  const gzipped = (await firstTwo(path)) === GZIP
  const file = createReadStream(path)
  const program = spawn(captureProgram(), { stdio: ['pipe', 'pipe', 'pipe'] })
  let words = ''
  program.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    words += chunk
  })
  let broken: Error | undefined
  const fail = (error: Error): void => {
    broken ??= error
    program.stdin.end()
  }
  const input: Readable = gzipped ? file.on('error', fail).pipe(createGunzip()) : file
  input.on('error', fail).pipe(program.stdin)
  // Who reads no further is no reason to stop us.
  program.stdin.on('error', () => {})
  const ended = new Promise<number>((resolve) => {
    program.once('error', (error) => {
      words = error.message
      resolve(-1)
    })
    program.once('close', (code) => resolve(code ?? -1))
  })
  try {
    yield* framesOf(program.stdout)
    const code = await ended
    if (broken !== undefined) throw unreadable(path, `it cannot be unpacked: ${broken.message}`)
    if (code !== 0)
      throw unreadable(path, code === 2 ? `it is no capture (${words})` : `it breaks off (${words})`)
  } finally {
    file.destroy()
    program.kill()
  }
}

async function* framesOf(stdout: Readable): AsyncGenerator<Frame> {
  let left: Buffer = Buffer.alloc(0)
  let number = 0
  for await (const chunk of stdout) {
    left = left.length === 0 ? (chunk as Buffer) : Buffer.concat([left, chunk as Buffer])
    let at = 0
    while (left.length - at >= HEADER) {
      const length = left.readUInt32LE(at + 4)
      if (left.length - at < HEADER + length) break
      number += 1
      yield {
        number,
        linkType: left.readUInt32LE(at),
        wireBytes: left.readUInt32LE(at + 8),
        atMs: Number(left.readBigUInt64LE(at + 16)) / 1e6,
        bytes: new Uint8Array(left.buffer, left.byteOffset + at + HEADER, length),
      }
      at += HEADER + length
    }
    left = left.subarray(at)
  }
}

function captureProgram(): string {
  try {
    return nativePath('culvert-captures')
  } catch {
    throw new VpnFailure({
      kind: 'nativeMissing',
      problem:
        'captures are opened by libpcap, which was not there when Culvert was built (Debian: libpcap-dev)',
    })
  }
}

async function firstTwo(path: string): Promise<number> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
      return bytesRead < 2 ? 0 : buffer.readUInt16BE(0)
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const known = { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'it may not be read' }
    throw unreadable(path, known[code as keyof typeof known] ?? message)
  }
}

const unreadable = (source: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'fileUnreadable', source, problem })
