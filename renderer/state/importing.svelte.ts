import type { Outcome, WindowApi } from '../../core/contract/contract.ts'
import type { ImportOutcome, ImportPreview, ImportRow } from '../../core/contract/import.ts'
import { LARGEST_FILE, MOST_FILES } from '../../core/contract/limits.ts'
import type { ErrorSnapshot } from '../../core/contract/snapshot.ts'
import { tooLarge, tooMany } from '../text/en.ts'

export type Filter = 'all' | ImportRow['outcome']

/** Files on their way to become connections. */
export class Importing {
  readonly #api: WindowApi
  preview = $state.raw<ImportPreview | undefined>(undefined)
  outcome = $state.raw<ImportOutcome | undefined>(undefined)
  fault = $state.raw<ErrorSnapshot | undefined>(undefined)
  filter = $state<Filter>('all')
  /** How many of the dropped files were read; `undefined` while nothing is. */
  reading = $state.raw<{ readonly done: number; readonly total: number } | undefined>(undefined)
  /** How many connections are in the list already; `undefined` while none are being added. */
  keeping = $state.raw<{ readonly done: number; readonly total: number } | undefined>(undefined)
  #run = 0

  constructor(api: WindowApi) {
    this.#api = api
    api.files.progress(({ what, done, total }) => {
      if (what === 'keep' && this.keeping !== undefined) this.keeping = { done, total }
      else if (what === 'read' && this.reading !== undefined) this.reading = { done, total }
    })
  }

  /** Rows in the order of what a person should look at first. */
  get rows(): readonly ImportRow[] {
    const rows = [...(this.preview?.rows ?? [])].sort((a, b) => ORDER[a.outcome] - ORDER[b.outcome])
    return this.filter === 'all' ? rows : rows.filter(({ outcome }) => outcome === this.filter)
  }

  count(filter: Filter): number {
    const rows = this.preview?.rows ?? []
    return filter === 'all' ? rows.length : rows.filter(({ outcome }) => outcome === filter).length
  }

  /** Files that were dropped. What no profile can be is not even read. */
  async take(files: readonly File[]): Promise<void> {
    if (files.length === 0) return
    this.forget()
    const run = this.#run
    const large = files.find(({ size }) => size > LARGEST_FILE)
    if (files.length > MOST_FILES) this.fault = tooMany(files.length)
    else if (large !== undefined) this.fault = tooLarge(large.name, large.size)
    if (this.fault !== undefined) return
    const read: { name: string; bytes: Uint8Array<ArrayBuffer> }[] = []
    for (const file of files) {
      this.reading = { done: read.length, total: files.length }
      const bytes = await file.arrayBuffer().catch(() => undefined)
      // Cancelled, or other files were dropped meanwhile.
      if (run !== this.#run) return
      if (bytes !== undefined)
        read.push({ name: file.webkitRelativePath || file.name, bytes: new Uint8Array(bytes) })
    }
    this.reading = { done: files.length, total: files.length }
    this.#show(run, await this.#api.files.read({ files: read }))
  }

  /** Lets the person choose; whether they did. */
  async choose(): Promise<boolean> {
    this.forget()
    const run = this.#run
    const chosen = await this.#api.files.choose()
    if (chosen.ok && chosen.value === undefined) return false
    this.#show(run, chosen as Outcome<ImportPreview>)
    return true
  }

  async answer(answers: Readonly<Record<string, string>>): Promise<void> {
    const token = this.preview?.token
    if (token !== undefined) this.#show(this.#run, await this.#api.files.again({ token, answers }))
  }

  async keep(how: 'update' | 'both'): Promise<void> {
    const { token, profiles } = this.preview ?? { profiles: [] }
    if (token === undefined || this.keeping) return
    this.keeping = { done: 0, total: profiles.length }
    const kept = await this.#api.files.keep({ token, how })
    this.keeping = undefined
    if (kept.ok) this.outcome = kept.value
    else this.fault = kept.error
    this.preview = undefined
  }

  /** The system opened a file with Culvert. */
  opened(preview: ImportPreview): void {
    this.#run += 1
    this.#show(this.#run, { ok: true, value: preview })
  }

  failed(fault: ErrorSnapshot): void {
    this.#run += 1
    this.#show(this.#run, { ok: false, error: fault })
  }

  /** Ends adding after the connection it is at. */
  stop(): void {
    void this.#api.files.stop()
  }

  forget(): void {
    this.#run += 1
    if (this.reading !== undefined) this.stop()
    if (this.preview !== undefined) void this.#api.files.forget({ token: this.preview.token })
    this.preview = undefined
    this.outcome = undefined
    this.fault = undefined
    this.reading = undefined
    this.filter = 'all'
  }

  #show(run: number, read: Outcome<ImportPreview>): void {
    if (run !== this.#run) return
    this.reading = undefined
    this.outcome = undefined
    this.preview = read.ok ? read.value : undefined
    this.fault = read.ok ? undefined : read.error
  }
}

const ORDER: Readonly<Record<ImportRow['outcome'], number>> = { refused: 0, changed: 1, ignored: 2, kept: 3 }
