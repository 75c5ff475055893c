import { asMillis, type Millis } from '../../bytes/brands.ts'
import type { Endpoint } from '../../net/plan.ts'
import type { IkeEvent } from '../session.ts'
import type { Established } from './established.ts'
import { deleteIke } from './exchanges/rekey-ike.ts'
import type { IkeSa } from './ike-sa.ts'
import { CHOICE } from './numbers.ts'
import { type Progress, Reauthentication, reauthAt } from './reauthentication.ts'
import { type Retiring, takeOver } from './take-over.ts'

/** Authentication once more: when it begins, what comes of it, and when the IKE SA of before may go. RFC 7296 §2.8.3, RFC 4478 */
export class Renewal {
  readonly #e: Established
  /** We prove who we are once more, beside all that stands. */
  #again: Reauthentication | undefined
  #retiring: Retiring | undefined

  constructor(e: Established) {
    this.#e = e
  }

  /** A second run is on its way. */
  get runs(): boolean {
    return this.#again !== undefined
  }

  /** The gateway says how long our proof lasts; zero asks for a new one now. RFC 4478 §2 */
  onLifetime(seconds: number, now: Millis): void {
    this.#e.n.authLifetimeSeconds = seconds
    this.plan(now)
  }

  plan(now: Millis): void {
    const { n, current } = this.#e
    const { reauthSeconds } = n.config.lifetimes
    if (!n.initiated) {
      // Its time, and a little more for a client that is at it. RFC 4478 §2
      if (reauthSeconds !== undefined)
        n.setTimer('reauth', asMillis(now + reauthSeconds * 1000 + CHOICE.reauthGraceMs))
      return
    }
    const limits = [n.authLifetimeSeconds, reauthSeconds].filter((s) => s !== undefined)
    if (n.startOver === undefined || limits.length === 0) return
    n.setTimer('reauth', reauthAt(n, Math.min(...limits), current.establishedAt, now))
  }

  begin(now: Millis): void {
    const { n } = this.#e
    if (n.startOver === undefined || this.#again !== undefined || this.#retiring !== undefined) return
    n.note('proving who we are once more, beside the tunnel that stands')
    this.#again = new Reauthentication(n, n.startOver, now)
  }

  /** Hands an event to the second run, if there is one. */
  feed(event: IkeEvent, now: Millis): void {
    if (this.#again !== undefined) this.#onProgress(this.#again.feed(event, now), now)
  }

  /** The path has changed under it. RFC 4555 */
  moved(local: Endpoint, remote: Endpoint): void {
    this.#again?.moved(local, remote)
  }

  /** → whether the timer was one of the second run. */
  onTimer(timer: string, now: Millis): boolean {
    const progress = this.#again?.onTimer(timer, now)
    if (progress !== undefined) this.#onProgress(progress, now)
    return progress !== undefined
  }

  abandon(): void {
    this.#again?.abandon()
  }

  #onProgress(progress: Progress, now: Millis): void {
    const e = this.#e
    const { n } = e
    if (progress.outcome === 'goes on') return
    this.#again = undefined
    if (progress.outcome === 'done') {
      this.#retiring = takeOver(e, progress, now)
      e.startTimers(now)
      n.clearTimer('reauth')
      this.plan(now)
      return this.retire(now)
    }
    const error = progress.error ?? { kind: 'closedByGateway', reason: 'it deleted the IKE SA' }
    if (e.current.state === 'closed') return e.finish(error)
    n.note(`that did not work (${error.kind}); the tunnel stands as long as the gateway lets it`)
    // Trying a refused proof again and again gets an account locked.
    if (error.kind !== 'authFailed') n.setTimer('reauth', asMillis(now + n.jittered(CHOICE.refusedMs)))
  }

  /** The IKE SA of before goes once everything it carried stands on the fresh one. */
  retire(now: Millis): void {
    const retiring = this.#retiring
    if (retiring === undefined || retiring.deleted === true || this.#e.children.awaited) return
    if (retiring.sa.state === 'closed') return this.#e.drop(retiring.sa, now)
    retiring.deleted = true
    deleteIke(this.#e, retiring.sa, now)
  }

  /** What ends with an IKE SA that nobody inherits from. */
  endRetired(sa: IkeSa, now: Millis): void {
    if (this.#retiring?.sa !== sa) return
    for (const child of this.#retiring.children) this.#e.children.remove(child, now)
    this.#retiring = undefined
  }
}
