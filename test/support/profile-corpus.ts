import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { ImportFile } from '../../core/profile/import/bundle.ts'
import { projectRoot } from './project-root.ts'

/** One folder a format; beside `x`, or the folder `x.d`, stands what is expected of it. */
export const EXPECTED = '.expected.json'

/** Samples below a corpus folder, as `format/name`. */
export function samplesIn(corpus: string): readonly string[] {
  return readdirSync(corpus)
    .filter((format) => statSync(join(corpus, format)).isDirectory())
    .flatMap((format) => readdirSync(join(corpus, format)).map((name) => join(format, name)))
    .filter((name) => !name.endsWith(EXPECTED) && !name.endsWith('.md'))
    .sort()
}

/** The file, or all files of the folder, as a person would give them. */
export function filesAt(path: string): readonly ImportFile[] {
  const read = (file: string) => new Uint8Array(readFileSync(file))
  if (!statSync(path).isDirectory()) return [{ name: path.split('/').at(-1) ?? '', bytes: read(path) }]
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({ name: relative(path, file), bytes: read(file) }))
}

export const CORPUS = join(projectRoot(), 'test/profiles')
