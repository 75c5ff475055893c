import type { AppSnapshot } from '../core/contract/snapshot.ts'

/** Ours: traffic this long ago is traffic now. */
const RECENT_MS = 5_000

/** Knows through which tunnels traffic flows, from snapshots it is shown now and then. */
export class Busy {
  readonly #seen = new Map<string, { octets: number; movedAtMs: number }>()

  look({ tunnels }: Pick<AppSnapshot, 'tunnels'>, nowMs: number): void {
    for (const { profile, state, phase2 } of tunnels) {
      if (state !== 'connected') {
        this.#seen.delete(profile)
        continue
      }
      const octets = phase2.reduce((sum, { traffic }) => sum + traffic.inBytes + traffic.outBytes, 0)
      const before = this.#seen.get(profile)
      if (before === undefined) this.#seen.set(profile, { octets, movedAtMs: Number.NEGATIVE_INFINITY })
      else if (before.octets !== octets) this.#seen.set(profile, { octets, movedAtMs: nowMs })
    }
  }

  /** Nobody has looked for a while: what has moved since says nothing of now. */
  forget(): void {
    this.#seen.clear()
  }

  /** Ids of the profiles whose traffic flowed in the last seconds. */
  busy(nowMs: number): readonly string[] {
    return [...this.#seen].filter(([, { movedAtMs }]) => nowMs - movedAtMs <= RECENT_MS).map(([id]) => id)
  }
}
