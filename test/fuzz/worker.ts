import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { Desk } from './desk.ts'
import { Dice, mutate } from './mutate.ts'
import { targets } from './targets.ts'

export interface Start {
  readonly target: string
  readonly milliseconds: number
  readonly seed: number
  /** The folder of what was found before. */
  readonly kept: string
  readonly desk: SharedArrayBuffer
}

export interface Finish {
  readonly runs: number
  readonly finds: readonly { readonly bytes: Uint8Array; readonly why: string }[]
}

/** A worker's life: what was found before, the samples, then steps away from them until the time is up. */
export async function work(): Promise<void> {
  const { target: name, milliseconds, seed, kept, desk: shared } = workerData as Start
  const target = targets().find((one) => one.name === name)
  if (target === undefined) throw new Error(`there is no target ${name}`)
  const desk = new Desk(shared)
  const dice = new Dice(seed)
  const finds = new Map<string, Finish['finds'][number]>()
  const check = async (bytes: Uint8Array): Promise<void> => {
    desk.lay(bytes)
    try {
      await target.run(bytes)
    } catch (thrown) {
      const why = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
      // The same fault from other octets is no second find.
      const key = why.split('\n').slice(0, 2).join('\n')
      if (!finds.has(key)) finds.set(key, { bytes, why })
    }
  }
  const before = existsSync(kept)
    ? readdirSync(kept).map((file) => new Uint8Array(readFileSync(join(kept, file))))
    : []
  for (const bytes of [...before, ...target.seeds]) await check(bytes)
  const until = performance.now() + milliseconds
  while (performance.now() < until) {
    await check(mutate(dice.pick(target.seeds), dice.pick(target.seeds), dice))
  }
  parentPort?.postMessage({ runs: desk.runs, finds: [...finds.values()] } satisfies Finish)
}
