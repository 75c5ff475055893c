import { addressBytes, addressText } from '../bytes/address.ts'

/** One range of addresses for clients, of one family. */
export interface PoolRange {
  /** First and last address that may be given out, numeric. */
  readonly first: string
  readonly last: string
}

/** What one client holds; at most one address of each family. */
export interface Lease {
  readonly addresses: readonly string[]
  /** Gives the addresses back. Repeats are harmless. */
  release(): void
}

/** Ours: how many identities are remembered for their addresses. */
const REMEMBERED = 4096

/**
 * The inner addresses clients are given. Who comes back gets what they had, as long as nobody else has it; an address
 * in use is never given twice. RFC 7296 §2.19
 */
export class AddressPool {
  readonly #ranges: readonly Range[]
  /** Addresses last held by an identity, the longest unused first. */
  readonly #last = new Map<string, readonly string[]>()

  /** Throws `RangeError` for a range that is empty or of two families. */
  constructor(ranges: readonly PoolRange[]) {
    this.#ranges = ranges.map((range) => new Range(range))
  }

  /** Fewer addresses than ranges, or none, when a range is used up. */
  lease(identity: string): Lease {
    const before = this.#last.get(identity) ?? []
    const taken = this.#ranges.flatMap((range) => {
      const address = range.take(before)
      return address === undefined ? [] : [{ range, address }]
    })
    const addresses = taken.map(({ address }) => address)
    this.#remember(identity, addresses)
    return {
      addresses,
      release: () => {
        for (const { range, address } of taken.splice(0)) range.give(address)
      },
    }
  }

  /** Addresses in use, of all families. */
  get inUse(): number {
    return this.#ranges.reduce((sum, range) => sum + range.inUse, 0)
  }

  #remember(identity: string, addresses: readonly string[]): void {
    this.#last.delete(identity)
    if (addresses.length > 0) this.#last.set(identity, addresses)
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= REMEMBERED) break
      this.#last.delete(oldest)
    }
  }
}

class Range {
  readonly #first: bigint
  readonly #size: bigint
  readonly #octets: number
  readonly #used = new Set<string>()
  /** Where the search begins: the address given back last is given out again last. */
  #next = 0n

  constructor({ first, last }: PoolRange) {
    const from = addressBytes(first)
    const to = addressBytes(last)
    this.#octets = from.length
    this.#first = toNumber(from)
    this.#size = toNumber(to) - this.#first + 1n
    if (from.length !== to.length || this.#size < 1n) {
      throw new RangeError(`no addresses from ${first} to ${last}`)
    }
  }

  get inUse(): number {
    return this.#used.size
  }

  take(wanted: readonly string[]): string | undefined {
    for (const address of wanted) {
      if (!this.#holds(address) || this.#used.has(address)) continue
      this.#used.add(address)
      return address
    }
    if (BigInt(this.#used.size) >= this.#size) return undefined
    for (;;) {
      const address = this.#text(this.#next)
      this.#next = (this.#next + 1n) % this.#size
      if (this.#used.has(address)) continue
      this.#used.add(address)
      return address
    }
  }

  give(address: string): void {
    this.#used.delete(address)
  }

  #holds(address: string): boolean {
    const octets = addressBytes(address)
    const offset = toNumber(octets) - this.#first
    return octets.length === this.#octets && offset >= 0n && offset < this.#size
  }

  #text(offset: bigint): string {
    const octets = new Uint8Array(this.#octets)
    let rest = this.#first + offset
    for (let at = octets.length - 1; at >= 0; at--, rest >>= 8n) octets[at] = Number(rest & 0xffn)
    return addressText(octets)
  }
}

function toNumber(octets: Uint8Array): bigint {
  let value = 0n
  for (const octet of octets) value = (value << 8n) | BigInt(octet)
  return value
}
