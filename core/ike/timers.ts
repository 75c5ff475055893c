import { asMillis, type Millis } from '../bytes/brands.ts'

export interface TimerClock {
  /** Milliseconds of a clock that only goes forward. */
  now(): Millis
  /** Runs `work` once after `ms`, at most 2^31 - 1; the function it returns calls it off. */
  after(ms: number, work: () => void): () => void
}

export const systemTimers: TimerClock = {
  now: () => asMillis(performance.now()),
  after: (ms, work) => {
    const timer = setTimeout(work, ms)
    return () => clearTimeout(timer)
  },
}

/** Node's timers wrap here; rekey times of weeks are cut to it. */
const LONGEST_MS = 2 ** 31 - 1

/** The timers of one negotiation, by name. While the computer sleeps none of them is due. */
export class Timers {
  readonly #due: (timer: string) => void
  readonly #clock: TimerClock
  readonly #set = new Map<string, { readonly at: Millis; readonly stop: (() => void) | undefined }>()
  #paused = false

  constructor(due: (timer: string) => void, clock: TimerClock = systemTimers) {
    this.#due = due
    this.#clock = clock
  }

  /** In the place of the one of this name, if there is one. */
  set(timer: string, at: Millis): void {
    this.clear(timer)
    this.#set.set(timer, { at, stop: this.#paused ? undefined : this.#start(timer, at) })
  }

  clear(timer: string): void {
    this.#set.get(timer)?.stop?.()
    this.#set.delete(timer)
  }

  /** None is due until `resume`, which finds those that would have been. */
  pause(): void {
    this.#paused = true
    for (const [timer, { at, stop }] of this.#set) {
      stop?.()
      this.#set.set(timer, { at, stop: undefined })
    }
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    for (const [timer, { at }] of this.#set) this.#set.set(timer, { at, stop: this.#start(timer, at) })
  }

  close(): void {
    for (const timer of [...this.#set.keys()]) this.clear(timer)
  }

  #start(timer: string, at: Millis): () => void {
    const waitMs = Math.min(Math.max(0, at - this.#clock.now()), LONGEST_MS)
    return this.#clock.after(waitMs, () => {
      this.#set.delete(timer)
      this.#due(timer)
    })
  }
}
