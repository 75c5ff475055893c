import type { Random } from '../bytes/random.ts'
import { backoffMs } from './backoff.ts'
import type { Clock } from './dependencies.ts'

/** Ours: a connection that stood this long has earned a quick first retry. */
const SETTLED_MS = 30_000

/** The wait of a tunnel that stood for its next try: the more have failed in a row, the longer. */
export class NextTry {
  readonly #clock: Clock
  readonly #random: Random
  #tries = 0
  #waiting: { readonly dueMs: number; begin(): void; stop(): void } | undefined

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** When it begins, Unix time in ms; nothing while none is waited for. */
  get dueMs(): number | undefined {
    return this.#waiting?.dueMs
  }

  /** Begins after a while. `stoodMs`: how long the connection stood that has just ended. */
  wait(stoodMs: number, begin: () => void): void {
    this.callOff()
    if (stoodMs >= SETTLED_MS) this.#tries = 0
    const waitMs = backoffMs(this.#tries, this.#random)
    this.#tries += 1
    const stop = this.#clock.after(waitMs, () => this.hurry())
    this.#waiting = { dueMs: this.#clock.now() + waitMs, begin, stop }
  }

  /** Begins now; returns whether there was one to wait for. */
  hurry(): boolean {
    const begin = this.#waiting?.begin
    this.callOff()
    begin?.()
    return begin !== undefined
  }

  /** The computer goes to sleep: it waits until `hurry`. */
  hold(): void {
    this.#waiting?.stop()
  }

  callOff(): void {
    this.#waiting?.stop()
    this.#waiting = undefined
  }
}
