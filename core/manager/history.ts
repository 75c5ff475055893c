import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { PastConnection } from '../contract/snapshot.ts'

/** Ours: enough to see a pattern, little enough to be nobody's diary. */
const MOST = 20

const schema = v.array(
  v.object({
    sinceMs: v.number(),
    untilMs: v.number(),
    inBytes: v.number(),
    outBytes: v.number(),
    ended: v.string(),
  }),
)

/** The last connections of each profile: when, how much, how they ended. A file for each in `home`/history. */
export class History {
  readonly #folder: string
  #writing: Promise<void> = Promise.resolve()

  /** `home`: the folder all state lives in. */
  constructor(home: string) {
    this.#folder = join(home, 'history')
  }

  /** Newest first, with what is being written now. A damaged file is an empty one: nothing depends on it. */
  async list(profile: string): Promise<readonly PastConnection[]> {
    await this.#writing
    return this.#read(profile)
  }

  async #read(profile: string): Promise<readonly PastConnection[]> {
    try {
      const parsed = v.safeParse(schema, JSON.parse(await readFile(this.#path(profile), 'utf8')))
      return parsed.success ? parsed.output : []
    } catch {
      return []
    }
  }

  /** Never throws: that it cannot be written down must not keep a tunnel from ending. */
  add(profile: string, past: PastConnection): Promise<void> {
    this.#writing = this.#writing
      .then(async () => {
        const entries = [past, ...(await this.#read(profile))].slice(0, MOST)
        await mkdir(this.#folder, { recursive: true, mode: 0o700 })
        const fresh = `${this.#path(profile)}.new`
        await writeFile(fresh, `${JSON.stringify(entries)}\n`, { mode: 0o600 })
        await rename(fresh, this.#path(profile))
      })
      .catch(() => {})
    return this.#writing
  }

  async forget(profile: string): Promise<void> {
    await this.#writing
    await rm(this.#path(profile), { force: true })
  }

  #path(profile: string): string {
    return join(this.#folder, `${profile}.json`)
  }
}
