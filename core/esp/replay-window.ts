const WORD_BITS = 32

/**
 * Which of the last `size` sequence numbers have been seen: the ring of RFC 6479. Moving the window
 * on clears whole words instead of shifting bits; one spare word keeps the oldest numbers intact.
 */
export class ReplayWindow {
  /** How many sequence numbers up to and including {@link top} are remembered. */
  readonly size: number
  #words: Uint32Array
  #mask: bigint
  #top = 0n

  /**
   * `size`: in packets; RFC 4303 §3.4.3 wants at least 32. 4096 lets a multi-core sender reorder freely. 0: nothing is
   * remembered and every number taken, for keys by hand, whose sender may begin anew.
   */
  constructor(size = 4096) {
    if (!Number.isInteger(size) || (size !== 0 && size < WORD_BITS)) {
      throw new RangeError(`a replay window has at least ${WORD_BITS} places, not ${size}`)
    }
    this.size = size
    let words = 2
    while (words * WORD_BITS < size + WORD_BITS) words *= 2
    this.#words = new Uint32Array(words)
    this.#mask = BigInt(words - 1)
  }

  /** Highest sequence number accepted so far; 0 before the first packet. */
  get top(): bigint {
    return this.#top
  }

  /** Whether `sequence` is new and not too old. Asked before the ICV is computed. RFC 4303 §3.4.3 */
  check(sequence: bigint): boolean {
    if (this.size === 0) return true
    if (sequence <= 0n) return false // the first packet of an SA has number 1, RFC 4303 §2.2
    if (sequence > this.#top) return true
    if (sequence + BigInt(this.size) <= this.#top) return false
    return (this.#words[this.#index(sequence)]! & bitOf(sequence)) === 0
  }

  /** Remembers `sequence`. Called only after its ICV proved right, and after {@link check} said yes. */
  accept(sequence: bigint): void {
    if (this.size === 0) {
      this.#top = sequence
      return
    }
    if (sequence > this.#top) this.#moveTo(sequence)
    this.#words[this.#index(sequence)]! |= bitOf(sequence)
  }

  #moveTo(sequence: bigint): void {
    const steps = (sequence >> 5n) - (this.#top >> 5n)
    const clear = steps < BigInt(this.#words.length) ? Number(steps) : this.#words.length
    const from = this.#index(this.#top)
    for (let i = 1; i <= clear; i++) this.#words[(from + i) % this.#words.length] = 0
    this.#top = sequence
  }

  #index(sequence: bigint): number {
    return Number((sequence >> 5n) & this.#mask)
  }
}

const bitOf = (sequence: bigint): number => 1 << Number(sequence & 31n)
