import { VpnFailure } from '../../errors.ts'

/** A place in a file, for messages: a dotted path, a line, or both. */
export interface Place {
  readonly file: string
  /** Dotted path of the key; empty for the whole file. */
  readonly field?: string
  /** From 1. */
  readonly line?: number
}

/** That a file cannot be used: names the file, the line or the path, and the expected form. */
export function invalid(place: Place, problem: string): VpnFailure {
  const field = place.field ?? ''
  const line = place.line === undefined ? '' : `line ${place.line}`
  return new VpnFailure({
    kind: 'profileInvalid',
    import: true,
    source: place.file,
    field: field !== '' && line !== '' ? `${field} (${line})` : field + line,
    problem,
  })
}
