import { isIP } from 'node:net'
import { VpnFailure } from '../errors.ts'

/**
 * The addresses a gateway's name stands for, then those of the gateways it has named in its place: each tried once before
 * all are looked up again.
 */
export class GatewayAddresses {
  readonly #host: string
  readonly #lookUp: (host: string) => Promise<readonly string[]>
  #all: readonly string[] = []
  /** Addresses; behind them names and addresses of the others. */
  #untried: readonly string[] = []
  #others: readonly string[] = []

  /** `lookUp` throws `VpnFailure` (`nameNotResolved`). */
  constructor(host: string, lookUp: (host: string) => Promise<readonly string[]>) {
    this.#host = host
    this.#lookUp = lookUp
  }

  /** All that the name stood for when it was last asked for. */
  get all(): readonly string[] {
    return this.#all
  }

  /** The gateway names others, names or addresses, for when it does not answer. */
  others(hosts: readonly string[]): void {
    this.#others = hosts
  }

  /** What `take` would try without beginning anew. */
  get next(): string | undefined {
    return this.#untried[0]
  }

  /** The next to try. Throws `VpnFailure` (`nameNotResolved`). */
  async take(): Promise<string> {
    let unresolved: unknown = new VpnFailure({ kind: 'nameNotResolved', host: this.#host, code: 'ENODATA' })
    if (this.#untried.length === 0) {
      this.#all = []
      this.#untried = [this.#host, ...this.#others]
    }
    for (let [host, ...rest] = this.#untried; host !== undefined; [host, ...rest] = this.#untried) {
      this.#untried = rest
      if (this.#all.includes(host)) return host
      const found = isIP(host) === 0 ? await this.#lookUp(host).catch(failed) : [host]
      this.#all = [...this.#all, ...found]
      this.#untried = [...found, ...rest]
    }
    throw unresolved

    function failed(thrown: unknown): readonly string[] {
      unresolved = thrown
      return []
    }
  }

  /** The next one is looked up anew. */
  forget(): void {
    this.#untried = []
  }
}
