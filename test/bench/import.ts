import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { VpnFailure } from '../../core/errors.ts'
import type { ImportFile } from '../../core/profile/import/bundle.ts'
import { importFiles } from '../../core/profile/import/import-files.ts'
import { CORPUS, filesAt, samplesIn } from '../support/profile-corpus.ts'
import { readArgs, save } from './project.ts'

const FILES = 1000
const MEGABYTE = 1 << 20

/** Wanted: seconds for all files, and megabytes that stay in use from the first hundred files to the last. */
const TARGET = { seconds: 5, growthMegabytes: 10 }

const USAGE = 'usage: npm run bench -- import'

/**
 * `npm run bench -- import`: a thousand mixed files, good and bad, as the corpus has them, one import each. Ends with
 * status 1 where a target is missed.
 */
export async function benchImport(root: string, args: string[]): Promise<void> {
  readArgs(USAGE, { args })
  const names = samplesIn(CORPUS)
  const samples = names.map((name) => filesAt(join(CORPUS, name)))
  const sets = Array.from({ length: FILES }, (_, at) => samples[at % samples.length] ?? [])
  const costs = new Map<string, Cost>()
  // Code is loaded and compiled by a first round that is not counted.
  for (const set of samples) await importOne(set)
  const heapMegabytes = [heapInUse()]
  const started = performance.now()
  for (const [at, set] of sets.entries()) {
    const format = names[at % names.length]?.split('/')[0] ?? ''
    const cost = costs.get(format) ?? { files: 0, octets: 0, cpuMs: 0 }
    costs.set(format, cost)
    const before = process.cpuUsage()
    await importOne(set)
    cost.cpuMs += cpuMs(before)
    cost.files += 1
    cost.octets += set.reduce((sum, { bytes }) => sum + bytes.length, 0)
    if ((at + 1) % 250 === 0) heapMegabytes.push(heapInUse())
  }
  const seconds = (performance.now() - started) / 1000
  const growthMegabytes = (heapMegabytes.at(-1) ?? 0) - (heapMegabytes[0] ?? 0)
  console.log(`${FILES} mixed files in ${seconds.toFixed(2)} s (at most ${TARGET.seconds} wanted)`)
  const json = jsonCost(sets)
  console.log(`the same octets as JSON, parsed only: ${json.toFixed(0)} ms of processor`)
  for (const [format, { files, octets, cpuMs }] of costs) {
    const each = `${(cpuMs / files).toFixed(2)} ms each, ${(octets / files / 1024).toFixed(1)} kB`
    console.log(`  ${format.padEnd(16)} ${String(files).padStart(4)} files, ${each}`)
  }
  console.log(`heap in use: ${heapMegabytes.map((value) => value.toFixed(1)).join(', ')} MB`)
  console.log(`growth ${growthMegabytes.toFixed(1)} MB (at most ${TARGET.growthMegabytes} wanted)`)
  const byFormat = Object.fromEntries(costs)
  const figures = { files: FILES, seconds, heapMegabytes, growthMegabytes, jsonCpuMs: json, byFormat }
  console.log(`written to ${await save(root, 'import', figures)}`)
  if (seconds > TARGET.seconds || growthMegabytes > TARGET.growthMegabytes) process.exitCode = 1
}

interface Cost {
  files: number
  octets: number
  cpuMs: number
}

/** Milliseconds of processor since then, which others on the machine lengthen less than they do the clock. */
function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** What the least there is to do with a file costs here: a text of as many octets through `JSON.parse`. */
function jsonCost(sets: readonly (readonly ImportFile[])[]): number {
  const texts = sets.flat().map(({ bytes }) => JSON.stringify([Buffer.from(bytes).toString('latin1')]))
  const before = process.cpuUsage()
  for (const text of texts) JSON.parse(text)
  return cpuMs(before)
}

/** After a collection: what is really held, in megabytes. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed / MEGABYTE
}

async function importOne(files: readonly ImportFile[]): Promise<void> {
  try {
    const { profiles } = await importFiles(files)
    for (const { secrets } of profiles) for (const secret of secrets.values()) secret.close()
  } catch (thrown) {
    if (!(thrown instanceof VpnFailure)) throw thrown
  }
}
