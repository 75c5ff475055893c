import { Malformed } from './malformed.ts'

/**
 * Reads big-endian fields from octets it does not own, and knows where it is, so that
 * every complaint names field, offset and the section of the standard.
 */
export class Reader {
  readonly path: readonly string[]
  /** The section that describes what is being read, e.g. `RFC 7296 §3.3`. */
  readonly reference: string
  #bytes: Uint8Array
  #view: DataView
  #at = 0
  #base: number

  constructor(bytes: Uint8Array, path: readonly string[], reference: string, base = 0) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.path = path
    this.reference = reference
    this.#base = base
  }

  /** Octets not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** Offset of the next octet from the start of the whole message. */
  get offset(): number {
    return this.#base + this.#at
  }

  u8(field: string): number {
    this.#want(1, field)
    return this.#bytes[this.#at++]!
  }

  u16(field: string): number {
    this.#want(2, field)
    const value = this.#view.getUint16(this.#at)
    this.#at += 2
    return value
  }

  u32(field: string): number {
    this.#want(4, field)
    const value = this.#view.getUint32(this.#at)
    this.#at += 4
    return value
  }

  /** The next `count` octets: a view, not a copy. */
  bytes(count: number, field: string): Uint8Array {
    this.#want(count, field)
    const slice = this.#bytes.subarray(this.#at, this.#at + count)
    this.#at += count
    return slice
  }

  /** All that is left: a view, not a copy. */
  rest(): Uint8Array {
    const slice = this.#bytes.subarray(this.#at)
    this.#at = this.#bytes.length
    return slice
  }

  /** A reader of the next `count` octets, one step deeper in the path. */
  sub(count: number, field: string, reference = this.reference): Reader {
    const base = this.offset
    return new Reader(this.bytes(count, field), [...this.path, field], reference, base)
  }

  /** Complains about the field at `offset`: by default the one about to be read. */
  fail(field: string, problem: string, reference = this.reference, offset = this.offset): never {
    throw new Malformed([...this.path, field], offset, problem, reference)
  }

  /** Complains unless everything was read. */
  end(): void {
    if (this.left > 0) this.fail('end', `${this.left} octets too many`)
  }

  #want(count: number, field: string): void {
    if (this.left < count) this.fail(field, `${this.left} octets left, ${count} wanted`)
  }
}
