import { type FSWatcher, watch } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Ours: a file is written aside and renamed, and several come at once: all that is one change. */
const CALM_MS = 120

/**
 * Calls `changed` after profiles were added, edited or removed, by whatever program. The function it resolves to stops
 * that. Where the system cannot watch, nothing is called: a refresh still shows them.
 */
export async function watchProfiles(home: string, changed: () => void): Promise<() => void> {
  const folder = join(home, 'profiles')
  let timer: NodeJS.Timeout | undefined
  let watcher: FSWatcher | undefined
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    watcher = watch(folder, { persistent: false }, () => {
      clearTimeout(timer)
      timer = setTimeout(changed, CALM_MS)
      timer.unref()
    })
    watcher.on('error', () => watcher?.close())
  } catch {
    // A home nobody may write to, or no watches left: profiles are read at the start all the same.
  }
  return () => {
    clearTimeout(timer)
    watcher?.close()
  }
}
