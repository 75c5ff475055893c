import type { StepSnapshot } from '../contract/snapshot.ts'

const ORDER: readonly StepSnapshot['what'][] = ['find', 'prepare', 'agree', 'prove', 'open']

/** How far a connection has come, and how long each step of it took. Times are Unix ms. */
export class Steps {
  #began = new Map<StepSnapshot['what'], number>()
  #tries = 0
  #doneAtMs: number | undefined

  /** A new attempt: everything is still to be done but the first step, which begins. */
  restart(atMs: number): void {
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

  /** The message of this step went out once more. */
  sentAgain(): void {
    this.#tries += 1
  }

  finish(atMs: number): void {
    this.#doneAtMs = atMs
  }

  get list(): readonly StepSnapshot[] {
    const now = this.#now
    return ORDER.map((what, at) => {
      const sinceMs = this.#began.get(what)
      if (sinceMs === undefined) {
        // Skipped over: the answer came before we looked.
        const passed = now !== undefined && at < ORDER.indexOf(now)
        return { what, state: passed ? 'done' : 'todo', sinceMs, tookMs: passed ? 0 : undefined, again: 0 }
      }
      const next = ORDER.slice(at + 1).find((later) => this.#began.has(later))
      const untilMs = next === undefined ? this.#doneAtMs : this.#began.get(next)
      if (untilMs === undefined) return { what, state: 'now', sinceMs, tookMs: undefined, again: this.#tries }
      return { what, state: 'done', sinceMs, tookMs: untilMs - sinceMs, again: 0 }
    })
  }

  get #now(): StepSnapshot['what'] | undefined {
    return [...ORDER].reverse().find((what) => this.#began.has(what))
  }
}
