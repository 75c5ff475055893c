import type { Millis } from '../../bytes/brands.ts'
import type { Datagram, Step } from '../session.ts'

/** Ours: so many messages wait at most. */
const MOST = 8

/**
 * Messages that came while a key or a calendar had to be asked. The peer goes on as soon as it has our message, and would
 * repeat itself only after seconds.
 */
export class Held {
  #datagrams: Datagram[] = []

  add(datagram: Datagram): void {
    if (this.#datagrams.length < MOST) this.#datagrams.push(datagram)
  }

  /** What `step` leads to once they have been read too. */
  release({ next, actions }: Step, now: Millis): Step {
    const all = [...actions]
    let state = next
    for (const datagram of this.#datagrams.splice(0)) {
      const step = state.handle({ type: 'datagram', datagram }, now)
      state = step.next
      all.push(...step.actions)
    }
    return { next: state, actions: all }
  }
}
