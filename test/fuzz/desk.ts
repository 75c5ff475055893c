/** Ours: no octets under test are longer. */
const MOST = 1 << 19

/** What a worker has before it, seen from the main thread too: a worker that hangs cannot tell. */
export class Desk {
  readonly shared: SharedArrayBuffer
  readonly #counts: Int32Array
  readonly #octets: Uint8Array

  constructor(shared = new SharedArrayBuffer(8 + MOST)) {
    this.shared = shared
    this.#counts = new Int32Array(shared, 0, 2)
    this.#octets = new Uint8Array(shared, 8)
  }

  lay(bytes: Uint8Array): void {
    this.#octets.set(bytes.subarray(0, MOST))
    this.#counts[1] = Math.min(bytes.length, MOST)
    this.#counts[0] = this.runs + 1
  }

  get runs(): number {
    return this.#counts[0] ?? 0
  }

  bytes(): Uint8Array {
    return this.#octets.slice(0, this.#counts[1])
  }
}
