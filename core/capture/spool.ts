import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '../bytes/secret.ts'

const CIPHER = 'aes-256-gcm'
const TAG = 16
/** Ours: octets that are sealed and written at once. Less than this never touches a disk. */
const CHUNK = 1 << 18

interface Chunk {
  readonly at: number
  readonly length: number
}

/**
 * Octets put aside, to be read again in any order. They go to a file that its owner alone may read and that has no name
 * any more once it is open, so that nothing of it is left behind however the program ends. What is in it is sealed with
 * a key that never leaves the memory: messages are kept with what was decrypted, and that is not for a disk.
 */
export class Spool {
  readonly #folders: readonly string[]
  readonly #key = new Secret(new Uint8Array(randomBytes(32)))
  #file: number | undefined
  #end = 0
  readonly #chunks: Chunk[] = []
  /** Of each record: its chunk, where it begins in it, and its octets. */
  readonly #places: number[] = []
  #filling = Buffer.alloc(0)
  #filled = 0
  #opened: { readonly chunk: number; readonly content: Buffer } | undefined
  #lost = false

  /** `folder`: where the file goes, once there is enough for one; left out: where such files of a user belong. */
  constructor(folder?: string) {
    this.#folders =
      folder === undefined
        ? [process.env.XDG_RUNTIME_DIR, tmpdir()].filter((one) => one !== undefined)
        : [folder]
  }

  get count(): number {
    return this.#places.length / 3
  }

  /** Puts a record aside, piece behind piece; they count from 0. */
  put(...pieces: readonly Uint8Array[]): void {
    let length = 0
    for (const piece of pieces) length += piece.length
    if (this.#filled + length > CHUNK) this.#flush()
    this.#makeRoom(this.#filled + length)
    this.#places.push(this.#chunks.length, this.#filled, length)
    for (const piece of pieces) {
      this.#filling.set(piece, this.#filled)
      this.#filled += piece.length
    }
  }

  /** A record, good until the next call; `undefined` where there is none, or the disk did not take it. */
  get(number: number): Uint8Array | undefined {
    const [chunk, at, length] = this.#places.slice(number * 3, number * 3 + 3)
    if (chunk === undefined || at === undefined || length === undefined) return undefined
    const content = chunk === this.#chunks.length ? this.#filling : this.#read(chunk)
    return content?.subarray(at, at + length)
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
    this.#lost = true
    this.#places.length = 0
    this.#filling.fill(0)
    this.#opened?.content.fill(0)
    this.#key.close()
  }

  /** A connection says little: the room for a whole chunk is there only once it is wanted. */
  #makeRoom(octets: number): void {
    if (octets <= this.#filling.length) return
    const larger = Buffer.alloc(Math.max(octets, Math.min(CHUNK, 2 * this.#filling.length)))
    larger.set(this.#filling.subarray(0, this.#filled))
    this.#filling = larger
  }

  #flush(): void {
    if (this.#filled === 0) return
    const sealed = this.#seal(this.#filling.subarray(0, this.#filled))
    this.#chunks.push({ at: this.#end, length: sealed.length })
    this.#filled = 0
    if (this.#lost) return
    try {
      this.#file ??= openNameless(this.#folders)
      for (let done = 0; done < sealed.length; )
        done += writeSync(this.#file, sealed, done, sealed.length - done, this.#end + done)
      this.#end += sealed.length
    } catch {
      // A full disk costs what would have gone there, and nothing else.
      this.#lost = true
    }
  }

  #read(chunk: number): Buffer | undefined {
    if (this.#opened?.chunk === chunk) return this.#opened.content
    const { at, length } = this.#chunks[chunk]!
    if (this.#file === undefined || at + length > this.#end) return undefined
    const sealed = Buffer.allocUnsafe(length)
    for (let done = 0; done < length; ) {
      const count = readSync(this.#file, sealed, done, length - done, at + done)
      if (count === 0) return undefined
      done += count
    }
    const content = this.#open(chunk, sealed)
    this.#opened = { chunk, content }
    return content
  }

  #seal(content: Uint8Array): Buffer {
    return this.#key.use((key) => {
      const cipher = createCipheriv(CIPHER, key, nonceOf(this.#chunks.length))
      return Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()])
    })
  }

  #open(chunk: number, sealed: Buffer): Buffer {
    return this.#key.use((key) => {
      const cipher = createDecipheriv(CIPHER, key, nonceOf(chunk)).setAuthTag(sealed.subarray(-TAG))
      return Buffer.concat([cipher.update(sealed.subarray(0, -TAG)), cipher.final()])
    })
  }
}

/** Each chunk is sealed once, and each spool has a key of its own. */
function nonceOf(chunk: number): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(chunk, 8)
  return nonce
}

/** In the first folder that takes one. Throws what the system says where none does. */
function openNameless([folder = '', ...others]: readonly string[]): number {
  const path = join(folder, `culvert-${randomBytes(12).toString('hex')}`)
  let file: number
  try {
    file = openSync(path, 'wx+', 0o600)
  } catch (error) {
    if (others.length === 0) throw error
    return openNameless(others)
  }
  unlinkSync(path)
  return file
}
