import { invalid } from '../failure.ts'
import { LIMITS } from '../limits.ts'
import type { PlistDict, PlistValue } from './plist.ts'

/** Octets of the trailer at the end of the file. */
const TRAILER = 32

/** Seconds from 1970 to 2001, where Apple's clock begins. */
const EPOCH_SECONDS = 978_307_200

/**
 * A binary property list, `bplist00`. Objects refer to each other by number and may be shared, so a file of a
 * kilobyte can describe a value of astronomical size, or one that holds itself: every object is read once, and the
 * count of references followed is bounded. Throws `VpnFailure` (`profileInvalid`).
 */
export function parseBinaryPlist(bytes: Uint8Array, file: string): PlistValue {
  return new BinaryPlist(bytes, file).top()
}

class BinaryPlist {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #file: string
  readonly #refSize: number
  readonly #offsets: readonly number[]
  readonly #top: number
  #followed = 0

  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes
    this.#file = file
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (bytes.length < 8 + TRAILER) throw this.#wrong('it ends too early')
    const trailer = bytes.length - TRAILER
    const offsetSize = bytes[trailer + 6] ?? 0
    this.#refSize = bytes[trailer + 7] ?? 0
    const count = this.#integer(trailer + 8, 8)
    this.#top = this.#integer(trailer + 16, 8)
    const table = this.#integer(trailer + 24, 8)
    if (count > LIMITS.items) throw this.#wrong('it has too many parts')
    if (offsetSize < 1 || offsetSize > 8 || this.#refSize < 1 || this.#refSize > 8) {
      throw this.#wrong('its trailer is damaged')
    }
    if (table + count * offsetSize > trailer) throw this.#wrong('its table of objects leads outside')
    this.#offsets = Array.from({ length: count }, (_, at) =>
      this.#integer(table + at * offsetSize, offsetSize),
    )
  }

  top(): PlistValue {
    return this.#object(this.#top, 0)
  }

  #object(index: number, depth: number): PlistValue {
    this.#followed += 1
    if (this.#followed > LIMITS.items) throw this.#wrong('it has too many parts')
    if (depth > LIMITS.depth) throw this.#wrong('it is nested too deeply')
    const offset = this.#offsets[index]
    if (offset === undefined) throw this.#wrong('it refers to an object that is not there')
    const marker = this.#octets(offset, 1)[0] ?? 0
    const low = marker & 0x0f
    switch (marker >> 4) {
      case 0x0:
        if (marker === 0x08 || marker === 0x09) return marker === 0x09
        break
      case 0x1:
        return this.#integer(offset + 1, 1 << low)
      case 0x2:
        if (low === 2 || low === 3) return this.#real(offset + 1, 1 << low)
        break
      case 0x3:
        return new Date((EPOCH_SECONDS + this.#real(offset + 1, 8)) * 1000)
      case 0x4: {
        const [at, length] = this.#sized(offset, low)
        return this.#octets(at, length).slice()
      }
      case 0x5: {
        const [at, length] = this.#sized(offset, low)
        return Buffer.from(this.#octets(at, length)).toString('latin1')
      }
      case 0x6: {
        const [at, length] = this.#sized(offset, low)
        return new TextDecoder('utf-16be').decode(this.#octets(at, length * 2))
      }
      case 0xa: {
        const [at, length] = this.#sized(offset, low)
        return this.#references(at, length).map((reference) => this.#object(reference, depth + 1))
      }
      case 0xd: {
        const [at, length] = this.#sized(offset, low)
        return this.#dict(at, length, depth)
      }
    }
    throw this.#wrong(`it has an object of the unknown kind 0x${marker.toString(16)}`)
  }

  #dict(at: number, length: number, depth: number): PlistDict {
    const dict: Record<string, PlistValue> = Object.create(null)
    const keys = this.#references(at, length)
    const values = this.#references(at + length * this.#refSize, length)
    for (const [place, reference] of keys.entries()) {
      const key = this.#object(reference, depth + 1)
      if (typeof key !== 'string') throw this.#wrong('a key is no text')
      if (key in dict) throw this.#wrong('this key stands twice', key)
      dict[key] = this.#object(values[place] ?? -1, depth + 1)
    }
    return dict
  }

  #references(at: number, length: number): readonly number[] {
    this.#octets(at, length * this.#refSize)
    return Array.from({ length }, (_, place) => this.#integer(at + place * this.#refSize, this.#refSize))
  }

  /** Where the content begins and how long it is; longer lengths stand in an integer of their own. */
  #sized(offset: number, low: number): readonly [number, number] {
    if (low !== 0x0f) return [offset + 1, low]
    const marker = this.#octets(offset + 1, 1)[0] ?? 0
    if (marker >> 4 !== 0x1) throw this.#wrong('a length is no number')
    const size = 1 << (marker & 0x0f)
    const length = this.#integer(offset + 2, size)
    if (length < 0 || length > this.#bytes.length) throw this.#wrong('a part is longer than the file')
    return [offset + 2 + size, length]
  }

  /** Big-endian; 8 octets are signed, fewer are not, as Apple writes them. */
  #integer(at: number, size: number): number {
    if (size > 8) throw this.#wrong('a number is too large')
    const value = this.#octets(at, size).reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n)
    const number = Number(size === 8 ? BigInt.asIntN(64, value) : value)
    if (!Number.isSafeInteger(number)) throw this.#wrong('a number is too large')
    return number
  }

  #real(at: number, size: number): number {
    this.#octets(at, size)
    return size === 4 ? this.#view.getFloat32(at) : this.#view.getFloat64(at)
  }

  #octets(at: number, length: number): Uint8Array {
    if (at < 0 || length < 0 || at + length > this.#bytes.length) throw this.#wrong('it ends too early')
    return this.#bytes.subarray(at, at + length)
  }

  #wrong(problem: string, field = '') {
    return invalid({ file: this.#file, field }, `it is no property list: ${problem}`)
  }
}
