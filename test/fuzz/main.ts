// npm run fuzz -- [--seconds N] [--seed N] [TARGET…]: octets that nobody would send, into everything that reads octets.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isMainThread, Worker } from 'node:worker_threads'
import { projectRoot } from '../support/project-root.ts'
import { Desk } from './desk.ts'
import { targets } from './targets.ts'
import { type Finish, type Start, work } from './worker.ts'

/** Ours: longer than this on a quarter of a megabyte is a find too, since a person waits. */
const SLOW_MS = 10_000
const MOST_MEGABYTES = 512

const USAGE = 'usage: npm run fuzz -- [--seconds N] [--seed N] [TARGET…]'

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
    })
  } catch (problem) {
    return stop(`${problem instanceof Error ? problem.message : problem}\n${USAGE}`)
  }
}

function stop(sentence: string): never {
  console.error(`fuzz: ${sentence}`)
  process.exit(2)
}

/** What was found stays here and is tried first the next time. */
const kept = join(projectRoot(), 'test/fuzz/found')

function keep(target: string, bytes: Uint8Array): string {
  const folder = join(kept, target)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, createHash('sha256').update(bytes).digest('hex').slice(0, 16))
  writeFileSync(path, bytes)
  return path
}

/** One target in a thread of its own, so that what hangs or eats all memory can be told and ended. */
function fuzz(target: string, milliseconds: number, seed: number): Promise<Finish> {
  const desk = new Desk()
  const start: Start = { target, milliseconds, seed, kept: join(kept, target), desk: desk.shared }
  const worker = new Worker(new URL(import.meta.url), {
    workerData: start,
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEGABYTES },
  })
  return new Promise((resolve) => {
    let runs = -1
    const end = (finish: Finish): void => {
      clearInterval(timer)
      void worker.terminate()
      resolve(finish)
    }
    const give = (why: string): void => end({ runs: desk.runs, finds: [{ bytes: desk.bytes(), why }] })
    const timer = setInterval(() => {
      if (desk.runs === runs) give(`it took more than ${SLOW_MS / 1000} seconds`)
      runs = desk.runs
    }, SLOW_MS)
    worker.once('message', end)
    worker.once('error', (error) => give(error.message))
  })
}

/** Native, so in a program of its own with its own sanitizers: tells by itself, and whether all was well. */
const DATAPATH = 'datapath'

function fuzzDatapath(milliseconds: number, seed: number): boolean {
  const seconds = String(Math.max(1, Math.round(milliseconds / 1000)))
  const program = join(projectRoot(), 'build/datapath-checks.mjs')
  const args = [program, '--seconds', seconds, '--seed', String(seed)]
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0
}

async function main(): Promise<void> {
  const { values, positionals } = options()
  const all = [...targets().map(({ name }) => name), DATAPATH]
  const chosen = all.filter(
    (name) => positionals.length === 0 || positionals.some((one) => name.startsWith(one)),
  )
  const seconds = Number(values.seconds)
  if (chosen.length === 0) stop(`there is no such target; there are ${all.join(', ')}`)
  if (!(seconds > 0)) stop(USAGE)
  const seed = values.seed === undefined ? Math.floor(Math.random() * 0xffff_ffff) : Number(values.seed)
  const share = (seconds * 1000) / chosen.length
  console.log(`seed ${seed}, ${chosen.length} targets, ${(share / 1000).toFixed(1)} s each`)
  let failed = 0
  for (const target of chosen) {
    if (target === DATAPATH) {
      const well = fuzzDatapath(share, seed)
      failed += well ? 0 : 1
      console.log(`${well ? 'ok  ' : 'FAIL'} ${target}`)
      continue
    }
    const { runs, finds } = await fuzz(target, share, seed)
    for (const { bytes, why } of finds) console.error(`fuzz: ${target}: ${keep(target, bytes)}\n${why}`)
    failed += finds.length
    console.log(`${finds.length === 0 ? 'ok  ' : 'FAIL'} ${target}: ${runs} runs, ${finds.length} finds`)
  }
  process.exitCode = failed === 0 ? 0 : 1
}

await (isMainThread ? main() : work())
