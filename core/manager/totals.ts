import type { Phase2Snapshot } from '../contract/snapshot.ts'

/** Octets of a connection over all its keys: the counters of a child start at nothing when it gets fresh ones. */
export class Totals {
  readonly #seen = new Map<string, { readonly inBytes: number; readonly outBytes: number }>()

  /** The children as they are now. */
  look(children: readonly Phase2Snapshot[]): void {
    for (const { inboundSpi, traffic } of children) {
      this.#seen.set(inboundSpi, { inBytes: traffic.inBytes, outBytes: traffic.outBytes })
    }
  }

  /** What was seen since the last time, from nothing on. */
  take(): { readonly inBytes: number; readonly outBytes: number } {
    const all = [...this.#seen.values()]
    this.#seen.clear()
    return {
      inBytes: all.reduce((sum, one) => sum + one.inBytes, 0),
      outBytes: all.reduce((sum, one) => sum + one.outBytes, 0),
    }
  }
}
