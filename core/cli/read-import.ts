import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { VpnFailure } from '../errors.ts'
import type { ImportFile } from '../profile/import/bundle.ts'
import { LIMITS } from '../profile/import/limits.ts'

/** The octets of a file a person named. Throws `VpnFailure` (`profileInvalid`). */
export async function readNamed(path: string): Promise<Uint8Array> {
  try {
    if ((await stat(path)).isDirectory()) throw refuse(path, 'it is a folder')
    return (await readOne(path, basename(path))).bytes
  } catch (thrown) {
    throw asRefusal(path, thrown)
  }
}

/**
 * The file a person named, or every file below the folder. Links inside a folder are not followed, so that nothing
 * outside it is read. Throws `VpnFailure` (`profileInvalid`).
 */
export async function readImport(path: string): Promise<readonly ImportFile[]> {
  try {
    const named = await stat(path)
    if (!named.isDirectory()) return [await readOne(path, basename(path))]
    const entries = await readdir(path, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    if (files.length === 0) throw refuse(path, 'the folder has no files')
    if (files.length > LIMITS.bundleFiles) {
      throw refuse(path, `the folder has ${files.length} files, at most ${LIMITS.bundleFiles} are read`)
    }
    const read: ImportFile[] = []
    for (const file of files.sort()) read.push(await readOne(file, relative(path, file)))
    return read
  } catch (thrown) {
    throw asRefusal(path, thrown)
  }
}

function asRefusal(path: string, thrown: unknown): VpnFailure {
  if (thrown instanceof VpnFailure) return thrown
  const { code, message } = thrown as NodeJS.ErrnoException
  if (code === 'ENOENT') return refuse(path, 'there is no such file')
  if (code === 'EACCES') return refuse(path, 'it may not be read')
  return refuse(path, message)
}

async function readOne(path: string, name: string): Promise<ImportFile> {
  const { size } = await stat(path)
  if (size > LIMITS.fileOctets) throw refuse(path, `it has ${size} octets, which no profile has`)
  return { name, bytes: new Uint8Array(await readFile(path)) }
}

const refuse = (source: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source, field: '', problem })
