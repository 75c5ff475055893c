import { type Decoded, Malformed } from '../../bytes/malformed.ts'
import { Reader } from '../../bytes/reader.ts'

/** Reads `data` with a decoder that throws `Malformed` among its own, and hands the caller a value. */
export function decoding<T>(
  data: Uint8Array,
  what: string,
  reference: string,
  read: (r: Reader) => T,
): Decoded<T> {
  try {
    return { ok: true, value: read(new Reader(data, [what], reference)) }
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error }
    throw error
  }
}
