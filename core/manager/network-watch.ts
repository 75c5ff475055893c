import { networkInterfaces } from 'node:os'
import { loadAddon } from '../native/load.ts'
import { networkChanges } from '../net/network-changes.ts'
import type { Clock } from './dependencies.ts'

/** Ours: several words of the kernel about one change are one. */
const SETTLE_MS = 50
/** Ours: where nobody tells of changes, a person who changes networks waits this long at most before the tunnel follows. */
const LOOK_MS = 400

/** As {@link NetworkWatchOptions.notice}, by the kernel. */
export const kernelNotice = (perhaps: () => void): (() => void) => networkChanges(loadAddon(), perhaps)

/** The addresses of this computer on networks that are not its own tunnels. */
export function ownAddresses(interfaces = networkInterfaces()): readonly string[] {
  return Object.entries(interfaces)
    .filter(([name]) => !name.startsWith('culvert'))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address)
    .sort()
}

export interface NetworkWatchOptions {
  readonly addresses: () => readonly string[]
  readonly changed: (addresses: readonly string[]) => void
  /** Calls back whenever they may be others, until the function it returns is called; may throw. Left out: nobody tells. */
  readonly notice?: (perhaps: () => void) => () => void
  readonly clock: Clock
}

/** Tells when this computer has other addresses. It looks only while somebody needs to know, and when it is told to. */
export class NetworkWatch {
  readonly #options: NetworkWatchOptions
  #known: string | undefined
  /** Ends what goes on while it is needed. */
  #end: (() => void) | undefined
  #callOff: (() => void) | undefined
  #told = false

  constructor(options: NetworkWatchOptions) {
    this.#options = options
  }

  need(needed: boolean): void {
    if (needed === (this.#end !== undefined)) return
    if (needed) {
      this.#end = this.#follow() ?? (() => {})
      this.#look()
      return
    }
    this.#end?.()
    this.#end = undefined
    this.#callOff?.()
    this.#callOff = undefined
    this.#known = undefined
  }

  #follow(): (() => void) | undefined {
    try {
      const end = this.#options.notice?.(() => this.#lookIn(SETTLE_MS))
      this.#told = end !== undefined
      return end
    } catch {
      this.#told = false
      return undefined
    }
  }

  #lookIn(ms: number): void {
    if (this.#end === undefined || this.#callOff !== undefined) return
    this.#callOff = this.#options.clock.after(ms, () => {
      this.#callOff = undefined
      this.#look()
    })
  }

  #look(): void {
    const { addresses, changed } = this.#options
    const now = addresses()
    const text = now.join(' ')
    const before = this.#known
    this.#known = text
    if (!this.#told) this.#lookIn(LOOK_MS)
    if (before !== undefined && before !== text) changed(now)
  }
}
