import type { Check, CheckPlace, ChecksProgress, ProblemReport } from '../../core/contract/checks.ts'
import type { WindowApi } from '../../core/contract/contract.ts'
import type { ErrorSnapshot } from '../../core/contract/snapshot.ts'

export const PLACES: readonly CheckPlace[] = ['here', 'way', 'gateway', 'inside']

/** The checks of one connection and the report made of them. */
export class Checks {
  readonly #api: WindowApi
  readonly #profile: string
  progress = $state.raw<ChecksProgress | undefined>(undefined)
  running = $state(false)
  /** The report is being made. */
  making = $state(false)
  /** Messages that were read for it so far. */
  read = $state(0)
  report = $state.raw<ProblemReport | undefined>(undefined)
  fault = $state.raw<ErrorSnapshot | undefined>(undefined)
  /** What was done with the report: shown for a moment. */
  done = $state<'copied' | 'saved' | 'stopped' | undefined>(undefined)
  #hide = $state(true)
  /** Whether names are hidden in the report that is shown. */
  #hidden = true
  #asked = 0

  constructor(api: WindowApi, profile: string) {
    this.#api = api
    this.#profile = profile
    api.checks.progress((progress) => {
      if (this.running) this.progress = progress
    })
    api.checks.reading((messages) => {
      if (this.making) this.read = messages
    })
  }

  get hide(): boolean {
    return this.#hide
  }

  set hide(on: boolean) {
    this.#hide = on
    void this.#makeReport()
  }

  at(place: CheckPlace): readonly Check[] {
    return this.progress?.checks.filter((check) => check.place === place) ?? []
  }

  get passed(): number {
    return this.progress?.checks.filter(({ state }) => state === 'ok').length ?? 0
  }

  async run(): Promise<void> {
    if (this.running) return
    this.running = true
    this.progress = undefined
    const outcome = await this.#api.checks.run({ profile: this.#profile })
    this.running = false
    if (outcome.ok) this.progress = outcome.value
    this.fault = outcome.ok ? undefined : outcome.error
    await this.#makeReport()
  }

  cancel(): void {
    void this.#api.checks.cancel()
  }

  async copy(): Promise<void> {
    if ((await this.#api.checks.copyReport()).ok) this.done = 'copied'
  }

  async save(): Promise<void> {
    const outcome = await this.#api.checks.saveReport()
    if (outcome.ok && outcome.value) this.done = 'saved'
    if (!outcome.ok && outcome.error.kind !== 'cancelled') this.fault = outcome.error
  }

  /** The report stays as it was. */
  stopReport(): void {
    void this.#api.checks.stopReport()
  }

  async #makeReport(): Promise<void> {
    this.#asked += 1
    const mine = this.#asked
    const hide = this.#hide
    this.done = undefined
    this.making = true
    this.read = 0
    const outcome = await this.#api.checks.report({ profile: this.#profile, hide })
    // Another one was asked for meanwhile.
    if (mine !== this.#asked) return
    this.making = false
    if (outcome.ok) {
      this.report = outcome.value
      this.#hidden = hide
      return
    }
    // What is shown is the one before, and says so.
    this.#hide = this.#hidden
    if (outcome.error.kind !== 'cancelled') this.fault = outcome.error
    else this.done = 'stopped'
  }
}

/** A text in pieces, those that stand for something hidden marked. */
export function piecesOf({ text, hidden }: ProblemReport): readonly { text: string; hidden: boolean }[] {
  const pieces: { text: string; hidden: boolean }[] = []
  let last = 0
  for (const [from, to] of hidden) {
    pieces.push({ text: text.slice(last, from), hidden: false }, { text: text.slice(from, to), hidden: true })
    last = to
  }
  return [...pieces, { text: text.slice(last), hidden: false }].filter((piece) => piece.text !== '')
}
