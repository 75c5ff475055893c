/** Writes big-endian fields into a buffer that grows; lengths can be filled in later. */
export class Writer {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 512) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Octets written so far. */
  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  u16(value: number): void {
    this.#room(2)
    this.#view.setUint16(this.#length, value)
    this.#length += 2
  }

  u32(value: number): void {
    this.#room(4)
    this.#view.setUint32(this.#length, value)
    this.#length += 4
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  zeros(count: number): void {
    this.#room(count)
    this.#length += count
  }

  /** Overwrites one octet written before. */
  setU8(offset: number, value: number): void {
    this.#bytes[offset] = value
  }

  /** Overwrites two octets written before. */
  setU16(offset: number, value: number): void {
    this.#view.setUint16(offset, value)
  }

  /** Overwrites four octets written before. */
  setU32(offset: number, value: number): void {
    this.#view.setUint32(offset, value)
  }

  /** What was written: a copy the caller owns. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
    grown.set(this.#bytes)
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}
