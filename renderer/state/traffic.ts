/** Bytes a second, both ways, over one second. */
export interface Sample {
  readonly received: number
  readonly sent: number
}

/** How far back the drawing looks. */
export const SECONDS = 60

const NONE: Sample = { received: 0, sent: 0 }

/** Counters of one tunnel, as rates of the last minute. */
export class Traffic {
  #samples: readonly Sample[] = Array.from({ length: SECONDS }, () => NONE)
  #last: { readonly atMs: number; readonly inBytes: number; readonly outBytes: number } | undefined

  /** Oldest first, always `SECONDS` of them. */
  get samples(): readonly Sample[] {
    return this.#samples
  }

  /** Counters as of `atMs`. Readings less than 0.9 s after the last one wait for the next. */
  add(atMs: number, inBytes: number, outBytes: number): void {
    const last = this.#last
    if (last !== undefined && atMs - last.atMs < 900) return
    this.#last = { atMs, inBytes, outBytes }
    if (last === undefined) return
    const seconds = (atMs - last.atMs) / 1000
    // Counters start again with new keys: a rate is never negative.
    const sample = {
      received: Math.max(0, inBytes - last.inBytes) / seconds,
      sent: Math.max(0, outBytes - last.outBytes) / seconds,
    }
    const steps = Math.min(SECONDS, Math.max(1, Math.round(seconds)))
    this.#samples = [...this.#samples.slice(steps), ...Array.from({ length: steps }, () => sample)]
  }
}

/** The rate a full pipe stands for: 1, 2 or 5 times a power of ten, at least 10 kB/s. */
export function fullPipe(samples: readonly Sample[]): number {
  const most = Math.max(10_000, ...samples.map(({ received, sent }) => Math.max(received, sent)))
  const power = 10 ** Math.floor(Math.log10(most))
  return ([1, 2, 5, 10].find((step) => step * power >= most) ?? 10) * power
}
