import type { StepSnapshot } from '../contract/snapshot.ts'
import type { ObservedMessage } from '../ike/session.ts'
import { type Exchanges, exchangeOf } from './exchanges.ts'

const ORDER: readonly StepSnapshot['what'][] = ['find', 'prepare', 'agree', 'prove', 'open']

/** How far a connection has come, and how long each step of it took. Times are Unix ms. */
export class Steps {
  #began = new Map<StepSnapshot['what'], number>()
  #tries = 0
  #doneAtMs: number | undefined
  readonly #expectedOf: (version?: 1 | 2) => Exchanges
  #expected: Exchanges
  #seen = new Map<StepSnapshot['what'], readonly string[]>()

  /** `expectedOf`: what the exchanges of a version are called; left out: of the one that is tried first. */
  constructor(expectedOf: (version?: 1 | 2) => Exchanges = () => ({})) {
    this.#expectedOf = expectedOf
    this.#expected = expectedOf()
  }

  /** A new attempt: everything is still to be done but the first step, which begins. */
  restart(atMs: number): void {
    this.#expected = this.#expectedOf()
    this.#seen = new Map()
    this.#began = new Map([['find', atMs]])
    this.#tries = 0
    this.#doneAtMs = undefined
  }

  /** `what` begins; a step that began stays where it is, and nothing goes back. */
  reach(what: StepSnapshot['what'], atMs: number): void {
    if (this.#doneAtMs !== undefined || ORDER.indexOf(what) <= ORDER.indexOf(this.#now ?? 'find')) return
    this.#began.set(what, atMs)
    this.#tries = 0
  }

  /** A message travelled: the step it belongs to has begun, and what comes next is called as its version calls it. */
  follow(message: ObservedMessage, atMs: number): void {
    const found = exchangeOf(message)
    if (found === undefined || this.#doneAtMs !== undefined) return
    const { what, name, version } = found
    this.#expected = this.#expectedOf(version)
    const seen = this.#seen.get(what) ?? []
    if (!seen.includes(name)) this.#seen.set(what, [...seen, name])
    this.reach(what, atMs)
    if (message.retransmission && message.direction === 'out') this.#tries += 1
  }

  finish(atMs: number): void {
    this.#doneAtMs = atMs
  }

  get list(): readonly StepSnapshot[] {
    const now = this.#now
    return ORDER.map((what, at) => {
      const exchanges = this.#seen.get(what) ?? this.#expected[what] ?? []
      const sinceMs = this.#began.get(what)
      if (sinceMs === undefined) {
        // Skipped over: the answer came before we looked.
        const passed = now !== undefined && at < ORDER.indexOf(now)
        const [state, tookMs] = passed ? (['done', 0] as const) : (['todo', undefined] as const)
        return { what, state, exchanges, sinceMs, tookMs, again: 0 }
      }
      const next = ORDER.slice(at + 1).find((later) => this.#began.has(later))
      const untilMs = next === undefined ? this.#doneAtMs : this.#began.get(next)
      if (untilMs === undefined) {
        return { what, state: 'now', exchanges, sinceMs, tookMs: undefined, again: this.#tries }
      }
      return { what, state: 'done', exchanges, sinceMs, tookMs: untilMs - sinceMs, again: 0 }
    })
  }

  get #now(): StepSnapshot['what'] | undefined {
    return [...ORDER].reverse().find((what) => this.#began.has(what))
  }
}
