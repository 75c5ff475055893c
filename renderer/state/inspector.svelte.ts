import type { WindowApi } from '../../core/contract/contract.ts'
import type { MessageLine } from '../../core/contract/message.ts'
import type { Finding } from '../../core/contract/tree.ts'
import type { FilterName } from '../text/inspect.ts'
import { Fields } from './fields.svelte.ts'
import { type LadderRow, ladderOf, type Part, partsOf, phasesOf } from './ladder.ts'

/** Ours: what main keeps of a profile too; older messages make room. */
const MOST = 5_000

/** The messages of one connection, as they come. */
export class Inspector {
  readonly #api: WindowApi
  readonly #profile: string
  messages = $state.raw<readonly MessageLine[]>([])
  #chosen = $state<number | undefined>(undefined)
  filter = $state<FilterName>('all')
  /** What is looked for: words, or a filter with Wireshark's names. */
  wanted = $state('')
  finding = $state.raw<Finding | undefined>(undefined)
  /** The list stands still, while messages go on to be kept. */
  paused = $state(false)
  /** The fields of the message looked at. */
  readonly fields = new Fields()
  /** What came of saving them: where they are, or why not. */
  saved = $state.raw<{ readonly files: readonly string[] } | { readonly problem: string } | undefined>(
    undefined,
  )
  #opened = 0
  #loading = false
  #again = false

  constructor(api: WindowApi, profile: string) {
    this.#api = api
    this.#profile = profile
  }

  // Not $derived: such a value ends with the view it was first read in, and this outlives views.
  get parts(): readonly Part[] {
    return partsOf(this.messages)
  }

  /** What fits the filter and what is looked for. */
  get shown(): readonly MessageLine[] {
    return this.#shownWith(this.parts).map(({ message }) => message)
  }

  get rows(): readonly LadderRow[] {
    const shown = this.#shownWith(this.parts)
    return ladderOf(
      shown.map(({ message }) => message),
      shown.map(({ part }) => part),
    )
  }

  #shownWith(parts: readonly Part[]): readonly { readonly message: MessageLine; readonly part: Part }[] {
    const found = this.wanted === '' || this.finding?.ok !== true ? undefined : new Set(this.finding.numbers)
    return this.messages.flatMap((message, at) => {
      const part = parts[at] ?? 'keep'
      const fits = this.#fits(message, part) && (found === undefined || found.has(message.number))
      return fits ? [{ message, part }] : []
    })
  }

  #fits({ problem, refusal }: MessageLine, part: Part): boolean {
    switch (this.filter) {
      case 'all':
        return true
      case 'phase1':
        return phasesOf(part).includes(1)
      case 'phase2':
        return phasesOf(part).includes(2)
      case 'problems':
        return problem !== undefined || refusal !== undefined
    }
  }

  /** The message looked at: the one chosen, else the newest. */
  get chosen(): MessageLine | undefined {
    const { shown } = this
    return shown.find(({ number }) => number === this.#chosen) ?? shown.at(-1)
  }

  choose(number: number): void {
    this.#chosen = number
  }

  /** The message before or after the one looked at. */
  step(by: 1 | -1): void {
    const { shown, chosen } = this
    const at = chosen === undefined ? -1 : shown.findIndex(({ number }) => number === chosen.number)
    const next = shown[at + by]
    if (next !== undefined) this.#chosen = next.number
  }

  /** Looks for something; what was looked for before is forgotten, also when its answer comes late. */
  async find(wanted: string): Promise<void> {
    this.wanted = wanted.trim()
    if (this.wanted === '') {
      this.finding = undefined
      return
    }
    const asked = this.wanted
    const outcome = await this.#api.session.find({ profile: this.#profile, wanted: asked })
    if (outcome.ok && this.wanted === asked) this.finding = outcome.value
  }

  /** The messages as files; main asks where, and whether with the keys. */
  async save(): Promise<void> {
    this.saved = undefined
    const outcome = await this.#api.session.capture({ profile: this.#profile })
    if (!outcome.ok) this.saved = { problem: outcome.error.detail }
    else if (outcome.value.length > 0) this.saved = { files: outcome.value }
  }

  /** Brings what is new. Asked again meanwhile, it looks once more. */
  async load(): Promise<void> {
    if (this.paused) return
    if (this.#loading) {
      this.#again = true
      return
    }
    this.#loading = true
    const before = this.messages
    try {
      do {
        this.#again = false
        await this.#bring()
      } while (this.#again)
    } finally {
      this.#loading = false
    }
    // What is new may fit as well; once for all of it, since every message is looked at.
    if (this.wanted !== '' && this.messages !== before) void this.find(this.wanted)
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
}
