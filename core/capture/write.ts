import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CaptureFiles } from '../contract/capture.ts'
import { VpnFailure } from '../errors.ts'

/**
 * Puts a capture and its tables of keys into a folder, readable for their owner alone, and answers where they are. What
 * is there already is not overwritten. Throws `VpnFailure` (`fileUnreadable`).
 */
export async function writeCapture(
  folder: string,
  name: string,
  { pcapng, tables }: CaptureFiles,
): Promise<readonly string[]> {
  const files = [[`${name}.pcapng`, Buffer.from(pcapng, 'base64')] as const, ...Object.entries(tables)]
  const paths: string[] = []
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const [file, content] of files) {
      const path = join(folder, file)
      await writeFile(path, content, { mode: 0o600, flag: 'wx' })
      paths.push(path)
    }
    return paths
  } catch (error) {
    const { code, message, path } = error as NodeJS.ErrnoException
    const problem =
      code === 'EEXIST'
        ? 'it is there already, and nothing is overwritten'
        : `it cannot be written (${message})`
    throw new VpnFailure({ kind: 'fileUnreadable', source: path ?? folder, problem })
  }
}
