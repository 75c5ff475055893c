import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, release } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ParseArgsConfig, parseArgs } from 'node:util'

/** Ends the run with status 2: what was asked for cannot be measured. */
export function stop(sentence: string): never {
  console.error(`bench: ${sentence}`)
  process.exit(2)
}

/** The folder of package.json, wherever this file was bundled to. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    if (dirname(folder) === folder) stop('run this inside a checkout')
    folder = dirname(folder)
  }
  return folder
}

/** Arguments, or the usage and status 2. */
export function readArgs<T extends ParseArgsConfig>(
  usage: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (problem) {
    return stop(`${problem instanceof Error ? problem.message : problem}\n${usage}`)
  }
}

/** Writes figures under a name into `bench/results.json`; others in the file stay. Returns the path. */
export async function save(root: string, name: string, figures: object): Promise<string> {
  const file = join(root, 'bench', 'results.json')
  const old = await readFile(file, 'utf8').then(JSON.parse, () => ({}))
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    node: process.version,
  }
  const entry = { measuredAt: new Date().toISOString(), machine, ...figures }
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify({ ...old, [name]: entry }, undefined, 2)}\n`)
  return file
}
