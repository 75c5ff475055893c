import type { Phase2Snapshot } from '../contract/snapshot.ts'
import type { Clock } from './dependencies.ts'

/** Ours: how often it is looked, in parts of the idle time, and at most and at least. */
const LOOKS = 8
const OFTEN_MS = 1_000
const SELDOM_MS = 60_000

/**
 * Notices that nothing has gone through a tunnel for a time, either way. What counts are the packets of its SAs: messages
 * and keepalives are none. It never speaks too early, and late by no more than the time between two looks.
 */
export class Idle {
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #everyMs: number
  readonly #children: () => readonly Phase2Snapshot[]
  readonly #onIdle: () => void
  #packets = new Map<string, number>()
  #movedMs: number
  #callOff: () => void

  constructor(
    clock: Clock,
    idleSeconds: number,
    children: () => readonly Phase2Snapshot[],
    onIdle: () => void,
  ) {
    this.#clock = clock
    this.#idleMs = idleSeconds * 1_000
    this.#everyMs = Math.min(SELDOM_MS, Math.max(OFTEN_MS, this.#idleMs / LOOKS))
    this.#children = children
    this.#onIdle = onIdle
    this.#movedMs = clock.now()
    this.#moved()
    this.#callOff = clock.after(this.#everyMs, () => this.#look())
  }

  stop(): void {
    this.#callOff()
  }

  #look(): void {
    const now = this.#clock.now()
    if (this.#moved()) this.#movedMs = now
    if (now - this.#movedMs >= this.#idleMs) return this.#onIdle()
    this.#callOff = this.#clock.after(this.#everyMs, () => this.#look())
  }

  /** Fresh SAs begin at nothing, which is no movement. */
  #moved(): boolean {
    const now = new Map(
      this.#children().map(({ inboundSpi, traffic }) => [inboundSpi, traffic.inPackets + traffic.outPackets]),
    )
    const moved = [...now].some(([spi, packets]) => packets > (this.#packets.get(spi) ?? 0))
    this.#packets = now
    return moved
  }
}
