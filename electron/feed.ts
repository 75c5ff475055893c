import { type AppSnapshot, isAlive } from '../core/contract/snapshot.ts'
import type { Clock } from '../core/manager/dependencies.ts'

/** Ours: fast enough to look immediate, slow enough that a storm of changes costs next to nothing. */
const GAP_MS = 50
/** Ours: how often counters are read while somebody looks. */
const PULSE_MS = 1000

export interface FeedOptions {
  readonly read: () => Promise<AppSnapshot>
  readonly send: (snapshot: AppSnapshot) => void
  readonly clock: Clock
}

/**
 * Brings snapshots to a window: the newest of many changes, and every second while a tunnel lives, because counters
 * change without a word. A window nobody sees gets nothing, and the newest one at once when it is seen again.
 */
export class Feed {
  readonly #options: FeedOptions
  #visible = false
  #lastMs = Number.NEGATIVE_INFINITY
  #callOff: (() => void) | undefined
  #dueMs = Number.POSITIVE_INFINITY
  #reading = false
  #again = false

  constructor(options: FeedOptions) {
    this.#options = options
  }

  /** Something changed. */
  changed(): void {
    if (this.#visible) this.#sendAt(this.#lastMs + GAP_MS)
  }

  /** Whether anybody can see it. */
  show(visible: boolean): void {
    if (visible === this.#visible) return
    this.#visible = visible
    if (visible) void this.#send()
    else this.#stop()
  }

  close(): void {
    this.#visible = false
    this.#stop()
  }

  #stop(): void {
    this.#callOff?.()
    this.#callOff = undefined
    this.#dueMs = Number.POSITIVE_INFINITY
  }

  #sendAt(atMs: number): void {
    const { clock } = this.#options
    const dueMs = Math.max(atMs, clock.now())
    if (dueMs >= this.#dueMs) return
    this.#stop()
    this.#dueMs = dueMs
    this.#callOff = clock.after(dueMs - clock.now(), () => {
      this.#stop()
      void this.#send()
    })
  }

  async #send(): Promise<void> {
    if (this.#reading) {
      this.#again = true
      return
    }
    this.#reading = true
    this.#lastMs = this.#options.clock.now()
    try {
      const snapshot = await this.#options.read()
      if (!this.#visible) return
      this.#options.send(snapshot)
      if (snapshot.tunnels.some(isAlive)) this.#sendAt(this.#lastMs + PULSE_MS)
    } catch {
      // The engine is gone or coming; it tells when it is there again.
    } finally {
      this.#reading = false
      if (this.#again) {
        this.#again = false
        this.changed()
      }
    }
  }
}
