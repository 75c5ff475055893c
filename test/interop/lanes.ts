/**
 * Does all jobs, so many at a time: `heavy` of those that compute, and besides `waiting` of those that mostly wait, which
 * begin first because they take longest. Results in the order of `jobs`; those not begun when `stopping` says so are left out.
 */
export async function inLanes<J, R>(
  jobs: readonly J[],
  lanes: { readonly heavy: number; readonly waiting: number },
  waits: (job: J) => boolean,
  stopping: () => boolean,
  one: (job: J) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Map<J, R>()
  const lane = async (queue: J[]): Promise<void> => {
    for (let job = queue.shift(); job !== undefined && !stopping(); job = queue.shift())
      results.set(job, await one(job))
  }
  const several = (count: number, queue: J[]) => Array.from({ length: count }, () => lane(queue))
  await Promise.all([
    ...several(lanes.waiting, jobs.filter(waits)),
    ...several(
      lanes.heavy,
      jobs.filter((job) => !waits(job)),
    ),
  ])
  return jobs.flatMap((job) => {
    const result = results.get(job)
    return result === undefined ? [] : [result]
  })
}
