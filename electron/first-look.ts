import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { AppSnapshot, ProfileSummary } from '../core/contract/snapshot.ts'
import { FIRST_LOOK } from '../core/contract/snapshot.ts'
import { controlPath } from '../core/manager/control-protocol.ts'

/**
 * The list as it was when it was last read, in `home`/run/list.json: what the window shows until the engine is there,
 * which takes longer than everything else of a start.
 */
export class FirstLook {
  readonly #home: string
  #kept: readonly ProfileSummary[] | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(home: string) {
    this.#home = home
  }

  /**
   * Nothing where it would not be true: a profile came, went or was saved since, traffic may be held back, or another
   * Culvert may carry tunnels. Never throws.
   */
  read(): AppSnapshot | undefined {
    if (existsSync(controlPath(this.#home)) || existsSync(join(this.#home, 'run', 'held.json')))
      return undefined
    const stamp = this.#stamp()
    const profiles = stamp === NO_FOLDER ? [] : this.#list(stamp)
    return profiles && { revision: FIRST_LOOK, profiles, tunnels: [], prompts: [] }
  }

  /** The list as it is now. Never throws: the next start takes longer without. */
  keep(profiles: readonly ProfileSummary[]): Promise<void> {
    if (profiles === this.#kept) return this.#writing
    this.#kept = profiles
    const text = JSON.stringify({ stamp: this.#stamp(), profiles })
    this.#writing = this.#writing.then(async () => {
      try {
        await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
        await writeFile(`${this.#path}.new`, text, { mode: 0o600 })
        await rename(`${this.#path}.new`, this.#path)
      } catch {
        // A home nobody may write to.
      }
    })
    return this.#writing
  }

  #list(stamp: string): readonly ProfileSummary[] | undefined {
    try {
      const read = JSON.parse(readFileSync(this.#path, 'utf8')) as Partial<
        Record<'stamp' | 'profiles', unknown>
      >
      const { profiles } = read
      return read.stamp === stamp && Array.isArray(profiles) && profiles.every(isSummary)
        ? profiles
        : undefined
    } catch {
      return undefined
    }
  }

  /** Changes with every profile that comes, goes or is saved: each of these renames a file. */
  #stamp(): string {
    try {
      return String(statSync(join(this.#home, 'profiles')).mtimeMs)
    } catch {
      return NO_FOLDER
    }
  }

  get #path(): string {
    return join(this.#home, 'run', 'list.json')
  }
}

const NO_FOLDER = 'none'

function isSummary(value: unknown): value is ProfileSummary {
  const { id, name, folder, gateway, signIn, saved } = (value ?? {}) as Partial<Record<string, unknown>>
  return (
    [id, name, gateway, signIn].every((text) => typeof text === 'string') &&
    (folder === undefined || typeof folder === 'string') &&
    Array.isArray(saved)
  )
}
