import type { Outcome } from '../../core/contract/contract.ts'
import type { MessageLine } from '../../core/contract/message.ts'
import type { Finding, MessageTree } from '../../core/contract/tree.ts'
import type { FilterName } from '../text/inspect.ts'
import { Fields } from './fields.svelte.ts'
import { type Cause, causeOf, Ladder, type LadderRow, type Part, phasesOf } from './ladder.ts'
import { heightOf, rowsBetween } from './rows.ts'

/** Ours: what main keeps too; older messages make room, a tenth of all at a time. */
const MOST = 100_000

/** Where messages come from: a connection, or a capture. */
export interface Messages {
  /** Those with a number above `after`, not all at once. */
  lines(after: number): Promise<Outcome<readonly MessageLine[]>>
  tree(number: number): Promise<Outcome<MessageTree | undefined>>
  find(wanted: string, after: number): Promise<Outcome<Finding>>
  /** As files; left out where they are files already. */
  save?(): Promise<Outcome<readonly string[]>>
}

/** The messages of one connection or capture, as they come. */
export class Inspector {
  readonly #source: Messages
  #ladder = new Ladder()
  /** Counts the changes of the ladder, whose lists are too long to be copied for each. */
  #version = $state(0)
  #chosen = $state<number | undefined>(undefined)
  #filter = $state<FilterName>('all')
  /** What is looked for: words, or a filter with Wireshark's names. */
  wanted = $state('')
  finding = $state.raw<Finding | undefined>(undefined)
  #found = new Set<number>()
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
  #finding = false

  constructor(source: Messages) {
    this.#source = source
  }

  // Not $derived: such a value ends with the view it was first read in, and this outlives views.
  get #now(): Ladder {
    void this.#version
    return this.#ladder
  }

  /** How many there are. */
  get count(): number {
    return this.#now.messages.length
  }

  /** How many of them fit the filter and what is looked for. */
  get shown(): number {
    return this.#now.shown.length
  }

  /** The rows between two heights. */
  rows(from: number, to: number): readonly LadderRow[] {
    return rowsBetween(this.#now.rows, from, to)
  }

  row(number: number): LadderRow | undefined {
    return this.#now.rowOf(number)
  }

  /** Of all rows together. */
  get height(): number {
    return heightOf(this.#now.rows)
  }

  get startMs(): number {
    return this.#now.startMs
  }

  /** The message that shows why it ended. */
  get cause(): Cause | undefined {
    return causeOf(this.#now.messages)
  }

  get canSave(): boolean {
    return this.#source.save !== undefined
  }

  get filter(): FilterName {
    return this.#filter
  }

  set filter(filter: FilterName) {
    this.#filter = filter
    this.#show()
  }

  /** The message looked at: the one chosen, else the newest. */
  get chosen(): MessageLine | undefined {
    const { shown } = this.#now
    return (this.#chosen === undefined ? undefined : this.#now.find(this.#chosen)) ?? shown.at(-1)
  }

  choose(number: number): void {
    this.#chosen = number
  }

  /** The message before or after the one looked at. */
  step(by: 1 | -1): void {
    const { chosen } = this
    const next = chosen === undefined ? undefined : this.#now.beside(chosen.number, by)
    if (next !== undefined) this.#chosen = next.number
  }

  #show(): void {
    const found = this.wanted === '' || this.finding?.ok !== true ? undefined : this.#found
    const { filter } = this
    this.#ladder.show(
      (message, part) => fits(filter, message, part) && (found === undefined || found.has(message.number)),
    )
    this.#version += 1
  }

  /** Looks for something; what was looked for before is forgotten, also when its answer comes late. */
  async find(wanted: string): Promise<void> {
    this.wanted = wanted.trim()
    this.finding = undefined
    this.#found = new Set()
    if (this.wanted === '') this.#show()
    else await this.#findMore()
  }

  /** Looks through what has not been looked at yet, and shows what is found as it is found. */
  async #findMore(): Promise<void> {
    if (this.#finding) return
    this.#finding = true
    try {
      for (;;) {
        const { wanted, finding: before } = this
        const after = before?.ok === true ? before.upTo : 0
        const isAll = before !== undefined && after >= (this.#ladder.messages.at(-1)?.number ?? 0)
        if (wanted === '' || before?.ok === false || isAll) return
        const outcome = await this.#source.find(wanted, after)
        if (!outcome.ok) return
        // Something else is looked for by now.
        if (this.wanted !== wanted || this.finding !== before) continue
        this.#take(outcome.value, before)
        if (outcome.value.ok && outcome.value.upTo === after) return
      }
    } finally {
      this.#finding = false
    }
  }

  #take(finding: Finding, before: Finding | undefined): void {
    if (finding.ok) for (const number of finding.numbers) this.#found.add(number)
    // A field that was seen once is known.
    const unseen =
      finding.ok && before?.ok === true
        ? { unseen: finding.unseen.filter((name) => before.unseen.includes(name)) }
        : {}
    this.finding = { ...finding, ...unseen }
    this.#show()
  }

  /** The messages as files; main asks where, and whether with the keys. */
  async save(): Promise<void> {
    this.saved = undefined
    const outcome = await this.#source.save?.()
    if (outcome === undefined) return
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
    try {
      do {
        this.#again = false
        await this.#bring()
      } while (this.#again)
    } finally {
      this.#loading = false
    }
    if (this.wanted !== '') void this.#findMore()
  }

  async #bring(): Promise<void> {
    for (;;) {
      const after = this.#ladder.messages.at(-1)?.number ?? 0
      const outcome = await this.#source.lines(after)
      if (!outcome.ok || outcome.value.length === 0) return
      this.#ladder.append(outcome.value)
      if (this.#ladder.messages.length > MOST * 1.1) {
        this.#ladder = new Ladder(this.#ladder.messages.slice(-MOST))
        this.#show()
      }
      this.#version += 1
    }
  }

  /** Takes the message looked at apart; one that is not kept any more has no fields. */
  async open(number: number | undefined): Promise<void> {
    if (number === this.#opened) return
    this.#opened = number ?? 0
    this.fields.show(undefined)
    if (number === undefined) return
    const outcome = await this.#source.tree(number)
    // Meanwhile another one may be looked at.
    if (outcome.ok && this.#opened === number) this.fields.show(outcome.value)
  }
}

function fits(filter: FilterName, { problem, refusal }: MessageLine, part: Part): boolean {
  switch (filter) {
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
