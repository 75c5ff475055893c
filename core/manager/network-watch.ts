import { networkInterfaces } from 'node:os'
import type { Clock } from './dependencies.ts'

/** Ours: a person who changes networks waits this long at most before the tunnel follows. */
const LOOK_MS = 400

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
  readonly clock: Clock
}

/** Tells when this computer has other addresses. It looks only while somebody needs to know. */
export class NetworkWatch {
  readonly #options: NetworkWatchOptions
  #known: string | undefined
  #callOff: (() => void) | undefined

  constructor(options: NetworkWatchOptions) {
    this.#options = options
  }

  need(needed: boolean): void {
    if (needed === (this.#callOff !== undefined)) return
    if (needed) return this.#look()
    this.#callOff?.()
    this.#callOff = undefined
    this.#known = undefined
  }

  #look(): void {
    const { addresses, changed, clock } = this.#options
    this.#callOff = clock.after(LOOK_MS, () => this.#look())
    const now = addresses()
    const text = now.join(' ')
    const before = this.#known
    this.#known = text
    if (before !== undefined && before !== text) changed(now)
  }
}
