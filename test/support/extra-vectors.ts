import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The folder of files that may not be part of the repository: `CULVERT_VECTORS`, or the usual one beside the checkout. */
const folder = resolve(process.env.CULVERT_VECTORS ?? resolve(root, '../shared/vectors'))

/** Octets of a file in it. A missing file is a failure, never a skip. */
export function extraFile(name: string): Uint8Array {
  const path = resolve(folder, name)
  if (!existsSync(path))
    throw new Error(`${name} is missing: set CULVERT_VECTORS to the folder that holds it`)
  return new Uint8Array(readFileSync(path))
}

export const extraJson = <T>(name: string): T =>
  JSON.parse(Buffer.from(extraFile(name)).toString('utf8')) as T

/** The paths of all files below a folder of it, in order. A missing folder is a failure, never a skip. */
export function extraFiles(name: string): string[] {
  const path = resolve(folder, name)
  if (!existsSync(path))
    throw new Error(`${name} is missing: set CULVERT_VECTORS to the folder that holds it`)
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}
