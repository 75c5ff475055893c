/** Which side of the connection something was looked at on. */
export type CheckPlace = 'here' | 'way' | 'gateway' | 'inside'

/** One thing that was looked at. */
export interface Check {
  readonly place: CheckPlace
  readonly name: string
  readonly state: 'ok' | 'missing' | 'warning'
  readonly detail: string
  readonly tryThis: readonly string[]
}

/** How far the checks have come. */
export interface ChecksProgress {
  readonly run: number
  readonly total: number
  readonly checks: readonly Check[]
}

/** A text to give away. */
export interface ProblemReport {
  readonly text: string
  /** Words that stand for what was hidden: where they begin and end in `text`. */
  readonly hidden: readonly (readonly [number, number])[]
}
