import { rmSync } from 'node:fs'

const PAUSE_MS = 100
const MOST_TRIES = 100

/**
 * Takes a folder away, also while the last child of a program that has ended still writes into it: Node's own retries
 * only try to remove the folder again, not what has come into it since.
 */
export function removeFolder(path: string): void {
  for (let tries = 1; ; tries += 1) {
    try {
      return rmSync(path, { recursive: true, force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || tries === MOST_TRIES) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
}
