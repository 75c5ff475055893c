import { isIP } from 'node:net'
import { VpnFailure } from '../errors.ts'

/** The addresses a gateway's name stands for, each tried once before it is looked up again. */
export class GatewayAddresses {
  readonly #host: string
  readonly #lookUp: (host: string) => Promise<readonly string[]>
  #all: readonly string[] = []
  #untried: readonly string[] = []

  /** `lookUp` throws `VpnFailure` (`nameNotResolved`). */
  constructor(host: string, lookUp: (host: string) => Promise<readonly string[]>) {
    this.#host = host
    this.#lookUp = lookUp
  }

  /** All that the name stood for when it was last asked for. */
  get all(): readonly string[] {
    return this.#all
  }

  /** The one that `take` would return without looking up. */
  get next(): string | undefined {
    return this.#untried[0]
  }

  /** The next to try. Throws `VpnFailure` (`nameNotResolved`). */
  async take(): Promise<string> {
    if (this.#untried.length === 0) {
      this.#all = isIP(this.#host) === 0 ? await this.#lookUp(this.#host) : [this.#host]
      this.#untried = this.#all
    }
    const [address, ...others] = this.#untried
    this.#untried = others
    if (address === undefined) {
      throw new VpnFailure({ kind: 'nameNotResolved', host: this.#host, code: 'ENODATA' })
    }
    return address
  }

  /** The next one is looked up anew. */
  forget(): void {
    this.#untried = []
  }
}
