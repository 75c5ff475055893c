/** Of a list of figures, in their own unit. */
export interface Summary {
  readonly runs: number
  readonly median: number
  readonly min: number
  readonly max: number
}

/** `figures` has at least one element. */
export function summarize(figures: readonly number[]): Summary {
  if (figures.length === 0) throw new Error('there are no figures to summarize')
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const median =
    sorted.length % 2 === 0 ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!
  return { runs: sorted.length, median, min: sorted[0]!, max: sorted.at(-1)! }
}

/** Milliseconds of each connection in charon's log, from initiation to CHILD_SA, oldest first. */
export function charonConnectTimes(log: string): readonly number[] {
  const times: number[] = []
  let startMs: number | undefined
  for (const line of log.split('\n')) {
    const stamp = /^(\d+):(\d+):(\d+\.\d+) /.exec(line)
    if (!stamp) continue
    const atMs = (Number(stamp[1]) * 3600 + Number(stamp[2]) * 60 + Number(stamp[3])) * 1000
    if (/initiating (IKE_SA|Main Mode|Aggressive Mode)/.test(line)) startMs = atMs
    else if (startMs !== undefined && /CHILD_SA net\S* established/.test(line)) {
      // The stamp has no date: a run across midnight wraps.
      times.push((atMs - startMs + 86_400_000) % 86_400_000)
      startMs = undefined
    }
  }
  return times
}
