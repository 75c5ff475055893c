import { inspect } from 'node:util'

/**
 * Octets nobody may see: keys, passwords. Prints as `[secret]` wherever it lands, lends its
 * octets only inside {@link Secret.use}, and forgets them when its owner closes it.
 */
export class Secret {
  #bytes: Uint8Array | undefined

  /** Takes over `bytes`: the caller must not keep them. */
  constructor(bytes: Uint8Array) {
    // The slice of a Buffer is no copy: who took one would lose it when this is closed.
    this.#bytes = Buffer.isBuffer(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
      : bytes
  }

  static fromText(text: string): Secret {
    return new Secret(new Uint8Array(Buffer.from(text, 'utf8')))
  }

  get length(): number {
    return this.#open().length
  }

  get closed(): boolean {
    return this.#bytes === undefined
  }

  /** Lends the octets for the time of the call. What it returns must not hold them. */
  use<T>(borrow: (bytes: Uint8Array) => T): T {
    return borrow(this.#open())
  }

  /** A second owner with its own copy. */
  clone(): Secret {
    return new Secret(this.#open().slice())
  }

  /** Wipes the octets. Closing twice is harmless. */
  close(): void {
    this.#bytes?.fill(0)
    this.#bytes = undefined
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }

  #open(): Uint8Array {
    if (this.#bytes === undefined) throw new Error('this secret was closed')
    return this.#bytes
  }
}
