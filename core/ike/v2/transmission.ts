import type { IkeSa, Outgoing } from './ike-sa.ts'
import { CHOICE, waitAfter } from './numbers.ts'

/** A request of ours on its way, sent again until its answer comes. RFC 7296 §2.1, §2.4 */
export class Transmission {
  readonly #sa: IkeSa
  #outgoing: Outgoing
  #tries = 1
  /** Tries since the fragments became smaller, or since the first. */
  #triesOfSize = 1

  constructor(sa: IkeSa, outgoing: Outgoing) {
    this.#sa = sa
    this.#outgoing = outgoing
  }

  get outgoing(): Outgoing {
    return this.#outgoing
  }

  get tries(): number {
    return this.#tries
  }

  /** How long the answer to the latest try is awaited. */
  get waitMs(): number {
    return waitAfter(this.#triesOfSize)
  }

  /** Another path: what was lost on the one before does not count. */
  startOver(): void {
    this.#triesOfSize = 1
  }

  /** What to send now that no answer came; `undefined` after `most` tries. `whole`: never in smaller fragments, RFC 9329 §7.5. A try in smaller fragments starts the count over. RFC 7383 §2.5.2 */
  again(most: number = CHOICE.tries, whole = false): Outgoing | undefined {
    if (this.#triesOfSize >= most) return undefined
    this.#tries++
    this.#triesOfSize++
    if (!whole && this.#triesOfSize === CHOICE.triesOfOneSize + 1) {
      const smaller = this.#sa.refragment(this.#outgoing)
      if (smaller !== undefined) {
        this.#outgoing = smaller
        this.#triesOfSize = 1
      }
    }
    return this.#outgoing
  }
}
