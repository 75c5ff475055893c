import type { Millis } from '../bytes/brands.ts'
import { equal } from '../bytes/octets.ts'

/** The last request of a session and what it was answered, as they travelled. */
export interface LastWords {
  /** The request, or its first fragment: whoever repeats it repeats that too. RFC 7383 §2.6.1 */
  readonly request: Uint8Array
  readonly answer: readonly Uint8Array[]
}

/** Ours: by then every client has given up asking. */
const KEPT_MS = 60_000

/**
 * What sessions that are over said last. The answer may be lost, and with the session gone nobody else could repeat
 * it: a refusal would look like silence. No keys are kept, only octets that were on the wire already. RFC 7296 §2.1
 */
export class LastWordsMemory {
  readonly #most: number
  readonly #bySpi = new Map<string, LastWords & { readonly until: Millis }>()

  /** `most`: sessions remembered; the one that ended first is forgotten first. */
  constructor(most: number) {
    this.#most = most
  }

  /** `spi`: ours, in hex, under which the request came. */
  keep(spi: string, words: LastWords, now: Millis): void {
    this.#forget(now)
    this.#bySpi.delete(spi)
    this.#bySpi.set(spi, { ...words, until: (now + KEPT_MS) as Millis })
    if (this.#bySpi.size <= this.#most) return
    for (const oldest of this.#bySpi.keys()) {
      this.#bySpi.delete(oldest)
      break
    }
  }

  /** The answer to a request that was answered before, if this is that very request. */
  answerTo(spi: string, request: Uint8Array, now: Millis): readonly Uint8Array[] | undefined {
    const words = this.#bySpi.get(spi)
    if (words === undefined || words.until <= now) return undefined
    return equal(words.request, request) ? words.answer : undefined
  }

  /** The oldest come first. */
  #forget(now: Millis): void {
    for (const [spi, { until }] of this.#bySpi) {
      if (until > now) return
      this.#bySpi.delete(spi)
    }
  }
}
