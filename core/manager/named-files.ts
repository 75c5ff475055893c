import { open, readdir, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { VpnFailure } from '../errors.ts'
import type { ImportFile } from '../profile/import/bundle.ts'
import { LIMITS } from '../profile/import/limits.ts'

/**
 * The file a person or the system named, or every file below the folder. Links inside a folder are not followed, so
 * that nothing outside it is read; nothing is read that no profile can have. Throws `VpnFailure` (`profileInvalid`).
 */
export async function readNamed(path: string): Promise<readonly ImportFile[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [await readFileNamed(path)]
    const entries = await readdir(path, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    if (files.length === 0) throw refuse(path, 'the folder has no files')
    if (files.length > LIMITS.bundleFiles) {
      throw refuse(path, `the folder has ${files.length} files, at most ${LIMITS.bundleFiles} are read`)
    }
    const read: ImportFile[] = []
    for (const file of files.sort()) {
      read.push(await readOne(file, relative(path, file).replaceAll(sep, '/')))
    }
    return read
  } catch (thrown) {
    throw asRefusal(path, thrown)
  }
}

/** A single file; throws as {@link readNamed}. */
export async function readFileNamed(path: string): Promise<ImportFile> {
  try {
    return await readOne(path, basename(path))
  } catch (thrown) {
    throw asRefusal(path, thrown)
  }
}

/** Opened once and judged by what was opened: a name may stand for another file a moment later. */
async function readOne(path: string, name: string): Promise<ImportFile> {
  const file = await open(path, 'r')
  try {
    const found = await file.stat()
    if (!found.isFile()) throw refuse(path, 'it is not a file')
    if (found.size > LIMITS.fileOctets) {
      throw refuse(path, `it has ${found.size} octets, which no profile has`)
    }
    return { name, bytes: new Uint8Array(await file.readFile()) }
  } finally {
    await file.close()
  }
}

function asRefusal(path: string, thrown: unknown): VpnFailure {
  if (thrown instanceof VpnFailure) return thrown
  const { code, message } = thrown as NodeJS.ErrnoException
  if (code === 'ENOENT') return refuse(path, 'there is no such file')
  if (code === 'EACCES') return refuse(path, 'it may not be read')
  return refuse(path, message)
}

const refuse = (source: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', import: true, source, field: '', problem })
