import type { WindowApi } from '../../core/contract/contract.ts'
import type { MessageLine } from '../../core/contract/message.ts'
import { Fields } from './fields.svelte.ts'

/** Ours: what main keeps of a profile too; older messages make room. */
const MOST = 5_000

/** The messages of one connection, as they come. */
export class Inspector {
  readonly #api: WindowApi
  readonly #profile: string
  messages = $state.raw<readonly MessageLine[]>([])
  #chosen = $state<number | undefined>(undefined)
  onlyProblems = $state(false)
  /** The fields of the message looked at. */
  readonly fields = new Fields()
  #opened = 0
  #loading = false
  #again = false

  constructor(api: WindowApi, profile: string) {
    this.#api = api
    this.#profile = profile
  }

  get shown(): readonly MessageLine[] {
    return this.onlyProblems ? this.messages.filter(({ problem }) => problem !== undefined) : this.messages
  }

  /** The message looked at: the one chosen, else the newest. */
  get chosen(): MessageLine | undefined {
    return this.shown.find(({ number }) => number === this.#chosen) ?? this.shown.at(-1)
  }

  choose(number: number): void {
    this.#chosen = number
  }

  /** The message before or after the one looked at. */
  step(by: 1 | -1): void {
    const at = this.chosen === undefined ? -1 : this.shown.indexOf(this.chosen)
    const next = this.shown[at + by]
    if (next !== undefined) this.#chosen = next.number
  }

  /** Brings what is new. Asked again meanwhile, it looks once more. */
  async load(): Promise<void> {
    if (this.#loading) {
      this.#again = true
      return
    }
    this.#loading = true
    try {
      do {
        this.#again = false
        await this.#bring()
      } while (this.#again)
    } finally {
      this.#loading = false
    }
  }

  async #bring(): Promise<void> {
    for (;;) {
      const after = this.messages.at(-1)?.number ?? 0
      const outcome = await this.#api.session.messages({ profile: this.#profile, after })
      if (!outcome.ok) return
      // The log began anew, with another connection or another process.
      if (outcome.value.length === 0) return
      this.messages = [...this.messages, ...outcome.value].slice(-MOST)
    }
  }

  /** Takes the message looked at apart; one that is not kept any more has no fields. */
  async open(number: number | undefined): Promise<void> {
    if (number === this.#opened) return
    this.#opened = number ?? 0
    this.fields.show(undefined)
    if (number === undefined) return
    const outcome = await this.#api.session.tree({ profile: this.#profile, number })
    // Meanwhile another one may be looked at.
    if (outcome.ok && this.#opened === number) this.fields.show(outcome.value)
  }

  /** A new negotiation counts from one again. */
  restart(): void {
    this.messages = []
    this.#chosen = undefined
    this.#opened = 0
    void this.load()
  }
}
