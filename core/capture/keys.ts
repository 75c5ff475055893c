import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { VpnFailure } from '../errors.ts'
import { joinTables, type KeyTables, readKeyTable, TABLE_FILES } from '../inspect/key-tables.ts'

/** Ours: a table this long is none. */
const LARGEST = 16 << 20

/** Keys from Wireshark's tables: files, or folders in which they have their usual names. Throws `VpnFailure` (`fileUnreadable`). */
export async function readKeys(paths: readonly string[]): Promise<KeyTables> {
  const tables: KeyTables[] = []
  for (const path of paths) {
    for (const file of await filesAt(path)) tables.push(await readTable(file))
  }
  return joinTables(tables)
}

async function filesAt(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = await readdir(path)
    const found = TABLE_FILES.filter((name) => names.includes(name)).map((name) => join(path, name))
    if (found.length > 0) return found
  } catch (error) {
    throw unreadable(
      path,
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'it cannot be read',
    )
  }
  throw unreadable(path, `there is no ${TABLE_FILES.join(', no ')} in it`)
}

async function readTable(path: string): Promise<KeyTables> {
  if ((await stat(path)).size > LARGEST) throw unreadable(path, 'it is too large for a table of keys')
  const table = readKeyTable(await readFile(path, 'utf8'))
  if (!table.ok) throw unreadable(path, table.problem)
  return table.keys
}

const unreadable = (source: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'fileUnreadable', source, problem })
