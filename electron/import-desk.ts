import { isDeepStrictEqual } from 'node:util'
import type { ImportOutcome, ImportPreview, ImportProgress } from '../core/contract/import.ts'
import { VpnFailure } from '../core/errors.ts'
import { closeImport, inPlaceOf, keepImported } from '../core/manager/import.ts'
import type { ImportFile } from '../core/profile/import/bundle.ts'
import { importFiles } from '../core/profile/import/import-files.ts'
import type { ImportAnswers, ImportResult } from '../core/profile/import/result.ts'
import type { ProfileStore } from '../core/profile/store.ts'
import type { SecretStore } from '../core/secrets/store.ts'
import { withLooseCredential } from './loose-credential.ts'
import { KILL_SWITCH_STAYS } from './words.ts'

export interface ImportDeskNeeds {
  readonly profiles: ProfileStore
  readonly keychain: SecretStore
  /** The list is to be read again. */
  changed(): Promise<void>
  progress(progress: ImportProgress): void
}

/** Files that wait for a yes: they are read once, shown, and kept or forgotten. Only the newest waits. */
export class ImportDesk {
  readonly #needs: ImportDeskNeeds
  #waiting:
    | {
        readonly token: number
        readonly files: readonly ImportFile[]
        readonly answers: ImportAnswers
        readonly read: ImportResult
      }
    | undefined
  #next = 1
  /** What is being done now, to be stopped. */
  #stop = new AbortController()

  constructor(needs: ImportDeskNeeds) {
    this.#needs = needs
  }

  /** Throws `VpnFailure` (`profileInvalid`, `weakAlgorithm`) when a single file cannot be used. */
  async read(files: readonly ImportFile[], answers: ImportAnswers = new Map()): Promise<ImportPreview> {
    this.forget()
    this.stop()
    const { signal } = this.#stop
    const tell = (done: number, total: number): void => this.#needs.progress({ what: 'read', done, total })
    const read = withLooseCredential(files, await importFiles(files, answers, { tell, signal }), answers)
    const token = this.#next
    this.#next += 1
    this.#waiting = { token, files, answers, read }
    return this.#preview(token, files, read)
  }

  /** The same files with what the person answered now and before. */
  async again(token: number, answers: ImportAnswers): Promise<ImportPreview> {
    const { files, answers: before } = this.#find(token)
    return this.read(files, new Map([...before, ...answers]))
  }

  async keep(token: number, how: 'update' | 'both'): Promise<ImportOutcome> {
    const { read } = this.#find(token)
    const { signal } = this.#stop
    const total = read.profiles.length
    const kept: { id: string; name: string }[] = []
    let problem: string | undefined
    try {
      const { profiles: known } = await this.#needs.profiles.list()
      for (const imported of read.profiles) {
        // Between two: each is there with its secrets, or not at all.
        if (signal.aborted) break
        const result = await keepImported(
          this.#needs.profiles,
          this.#needs.keychain,
          imported,
          how === 'update',
          known,
        )
        kept.push({ id: result.profile.id, name: result.profile.name })
        if (result.problem?.kind === 'keychainUnavailable') problem = result.problem.problem
        this.#needs.progress({ what: 'keep', done: kept.length, total })
      }
    } finally {
      this.forget(token)
      await this.#needs.changed()
    }
    return { kept, left: total - kept.length, problem }
  }

  /** Ends what is being done: reading with nothing, keeping after the connection it is at. */
  stop(): void {
    this.#stop.abort()
    this.#stop = new AbortController()
  }

  forget(token?: number): void {
    if (this.#waiting === undefined || (token !== undefined && token !== this.#waiting.token)) return
    closeImport(this.#waiting.read)
    this.#waiting = undefined
  }

  #find(token: number) {
    if (this.#waiting?.token === token) return this.#waiting
    throw new VpnFailure({
      kind: 'internal',
      problem: 'these files are not waiting any more; give them again',
    })
  }

  async #preview(token: number, files: readonly ImportFile[], read: ImportResult): Promise<ImportPreview> {
    const { profiles: known } = await this.#needs.profiles.list()
    return {
      token,
      files: files.map(({ name, bytes }) => ({ name, octets: bytes.length })),
      profiles: read.profiles.map(({ profile, warnings, secrets }) => {
        const there = known.find(({ id }) => id === profile.id)
        const updated = inPlaceOf(there, profile)
        return {
          id: profile.id,
          name: profile.name,
          gateway: profile.gateway.host,
          updates: there?.name,
          same: isDeepStrictEqual(there, updated),
          warnings: updated === profile ? warnings : [...warnings, KILL_SWITCH_STAYS],
          secrets: [...secrets.keys()],
        }
      }),
      refused: read.refused,
      questions: read.questions,
      rows: read.report,
      signers: read.signers,
    }
  }
}
