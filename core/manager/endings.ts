import { type VpnError, VpnFailure } from '../errors.ts'

/** How a tunnel ended, or why it never stood. */
export interface Ending {
  readonly error: VpnError | undefined
}

/** Whoever waits for a tunnel to stand, or to end. */
export class Endings {
  #onConnected: ((ending: Ending | undefined) => void)[] = []
  #onEnd: (() => void)[] = []

  /** Resolves when it stands; throws `VpnFailure` if that will not be. */
  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onConnected.push((ending) => {
        if (ending === undefined) resolve()
        else reject(new VpnFailure(ending.error ?? { kind: 'cancelled' }))
      })
    })
  }

  /** Never throws. */
  finished(): Promise<void> {
    return new Promise((resolve) => this.#onEnd.push(resolve))
  }

  /** `undefined`: it stands. */
  tell(ending: Ending | undefined): void {
    const connected = this.#onConnected.splice(0)
    for (const tell of connected) tell(ending)
    if (ending === undefined) return
    for (const tell of this.#onEnd.splice(0)) tell()
  }
}
