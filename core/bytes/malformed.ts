/**
 * A message that breaks the rules of its format. Decoders throw it among themselves;
 * `decodeMessage` and its like catch it once and hand the caller a value.
 */
export class Malformed extends Error {
  override readonly name = 'Malformed'
  /** Where in the structure, outermost first, e.g. `['SA', 'Proposal 1', 'Transform ID']`. */
  readonly path: readonly string[]
  /** Offset in octets from the start of the message. */
  readonly offset: number
  /** The section that says how it should be, e.g. `RFC 7296 §3.3.2`. */
  readonly reference: string
  /** What is wrong, without the place. */
  readonly problem: string

  constructor(path: readonly string[], offset: number, problem: string, reference: string) {
    super(`${path.join(' / ')}: ${problem} at octet ${offset} (${reference})`)
    this.path = path
    this.offset = offset
    this.problem = problem
    this.reference = reference
  }
}

/** A value, or what was wrong with the octets it should have come from. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Malformed }

/** The value of a decoder, or the {@link Malformed} it threw. Anything else it throws is a fault of ours and goes on. */
export function caught<T>(decode: () => T): Decoded<T> {
  try {
    return { ok: true, value: decode() }
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error }
    throw error
  }
}
