import { addressBytes } from '../bytes/address.ts'
import type { Millis } from '../bytes/brands.ts'

export interface RateLimitOptions {
  /** Newcomers of one source at once. */
  readonly burst: number
  /** And from then on, every second. */
  readonly perSecond: number
  /** Sources remembered; the one that was quiet longest is forgotten first. */
  readonly sources: number
}

/** So many newcomers of one source, and no more: a token bucket for each. IPv6 sources count by /64, as one house has. */
export class RateLimit {
  readonly #options: RateLimitOptions
  readonly #buckets = new Map<string, { tokens: number; at: Millis }>()

  constructor(options: RateLimitOptions) {
    this.#options = options
  }

  /** Whether one more may come in now. */
  allows(address: string, now: Millis): boolean {
    const { burst, perSecond, sources } = this.#options
    const source = sourceOf(address)
    const bucket = this.#buckets.get(source)
    const tokens =
      bucket === undefined ? burst : Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond)
    this.#buckets.delete(source)
    this.#buckets.set(source, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now })
    if (this.#buckets.size > sources) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest)
        break
      }
    }
    return tokens >= 1
  }

  get size(): number {
    return this.#buckets.size
  }
}

function sourceOf(address: string): string {
  const octets = addressBytes(address)
  return Buffer.from(octets.subarray(0, octets.length === 16 ? 8 : 4)).toString('latin1')
}
