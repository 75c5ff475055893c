export type Outcome = 'kept' | 'changed' | 'ignored' | 'refused'

/** What became of one key of an imported file. */
export interface ReportRow {
  /** The file it stands in, where there are several. */
  readonly file?: string
  /** Dotted path in the file. */
  readonly field: string
  readonly outcome: Outcome
  /** Why, or to what it was changed, for people; absent for what was simply kept. */
  readonly reason?: string
}

/** From harmless to what a person should look at. */
const ORDER: readonly Outcome[] = ['kept', 'ignored', 'changed', 'refused']

interface Row {
  readonly file: string
  readonly field: string
  outcome: Outcome | undefined
  readonly reasons: string[]
}

/** Collects what becomes of every key, in the order of the file; a key that means several things has one row. */
export class Report {
  readonly #rows = new Map<string, Row>()

  /** Holds the place of a key whose fate is decided later. */
  mention(file: string, field: string): void {
    this.#row(file, field)
  }

  /** The gravest outcome of a key stands, with its reasons; a lesser one is no news. */
  mark(file: string, field: string, outcome: Outcome, reason?: string): void {
    const row = this.#row(file, field)
    const step = ORDER.indexOf(outcome) - ORDER.indexOf(row.outcome ?? 'kept')
    if (step < 0) return
    if (step > 0) row.reasons.length = 0
    row.outcome = outcome
    if (reason !== undefined && !row.reasons.includes(reason)) row.reasons.push(reason)
  }

  /** Every row there is; a key nobody spoke for again was kept. */
  rows(withFiles = false): readonly ReportRow[] {
    return [...this.#rows.values()].map(({ file, field, outcome, reasons }) => ({
      ...(withFiles ? { file } : {}),
      field,
      outcome: outcome ?? 'kept',
      ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
    }))
  }

  #row(file: string, field: string): Row {
    const key = `${file}\n${field}`
    const there = this.#rows.get(key)
    if (there !== undefined) return there
    const row: Row = { file, field, outcome: undefined, reasons: [] }
    this.#rows.set(key, row)
    return row
  }
}
