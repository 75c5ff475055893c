import type { Millis } from '../../bytes/brands.ts'
import { concat, equal } from '../../bytes/octets.ts'
import { encodeMessage, HEADER_BYTES, type Header } from '../../wire/ikev1/message.ts'
import type { FragmentPayload } from '../../wire/ikev1/payload.ts'
import { CHOICE } from './numbers.ts'

/** Octets around the data of a fragment: header, generic header, and the four of the fragment itself. */
const OVERHEAD = HEADER_BYTES + 8

/** A message in pieces of at most `most` octets each; undefined where it fits as it is, or into too many. */
export function fragmentsOf(
  bytes: Uint8Array,
  header: Header,
  most: number,
): readonly { readonly bytes: Uint8Array; readonly payload: FragmentPayload }[] | undefined {
  const size = most - OVERHEAD
  const total = Math.ceil(bytes.length / size)
  if (bytes.length <= most || total > CHOICE.mostFragments) return undefined
  return Array.from({ length: total }, (_, at) => {
    const payload: FragmentPayload = {
      type: 'FRAGMENT',
      // Everybody sends 1: there is one message on its way at a time.
      id: 1,
      number: at + 1,
      flags: at + 1 === total ? 1 : 0,
      data: bytes.subarray(at * size, (at + 1) * size),
    }
    return { bytes: encodeMessage({ ...header, encrypted: false }, [payload]), payload }
  })
}

/**
 * Puts the pieces of one message together. Nobody signs a piece, so only so many of so many octets are kept, for a
 * while, and another message takes the place of the one before.
 */
export class Reassembly {
  #id = -1
  #cookies: Uint8Array = new Uint8Array(0)
  #since = 0
  #bytes = 0
  /** Its number, once the last one is there. */
  #last: number | undefined
  readonly #parts = new Map<number, Uint8Array>()

  /** → the whole message with its last missing piece; else nothing. */
  add(header: Header, fragment: FragmentPayload, now: Millis): Uint8Array | undefined {
    const { id, number, flags, data } = fragment
    const cookies = concat(header.initiatorCookie, header.responderCookie)
    if (id !== this.#id || !equal(cookies, this.#cookies) || now - this.#since > CHOICE.reassemblyMs)
      this.#restart(id, cookies, now)
    if (number > CHOICE.mostFragments || (this.#last !== undefined && number > this.#last)) return undefined
    const known = this.#parts.get(number)
    // The same once more, or another message that has the same number.
    if (known !== undefined && !equal(known, data)) this.#restart(id, cookies, now)
    if (!this.#parts.has(number)) {
      if (this.#bytes + data.length > CHOICE.mostMessageBytes) return undefined
      this.#parts.set(number, data.slice())
      this.#bytes += data.length
    }
    if ((flags & 1) !== 0) this.#last = number
    if (this.#last === undefined || this.#parts.size !== this.#last) return undefined
    const parts = Array.from({ length: this.#last }, (_, at) => this.#parts.get(at + 1))
    this.#restart(-1, cookies, now)
    return parts.includes(undefined) ? undefined : concat(...(parts as Uint8Array[]))
  }

  #restart(id: number, cookies: Uint8Array, now: Millis): void {
    this.#id = id
    this.#cookies = cookies
    this.#since = now
    this.#bytes = 0
    this.#last = undefined
    this.#parts.clear()
  }
}
