import { concat, NO_OCTETS, utf8 } from '../bytes/octets.ts'

/** What who opens the connection sends first, once: `IKETCP`. RFC 9329 §4 */
export const STREAM_PREFIX: Uint8Array = utf8('IKETCP')

/** Octets of the length before each message, which counts itself. RFC 9329 §3 */
const LENGTH_BYTES = 2

/** Octets of the longest message that the length can tell. */
export const MOST_FRAME_BYTES = 0xffff - LENGTH_BYTES

/** One message (IKE behind the non-ESP marker, or ESP) as it goes over the stream. RFC 9329 §3 */
export function frame(message: Uint8Array): Uint8Array {
  if (message.length > MOST_FRAME_BYTES) throw new RangeError(`${message.length} octets in one TCP frame`)
  const length = LENGTH_BYTES + message.length
  return concat(Uint8Array.of(length >> 8, length & 0xff), message)
}

/** Why a stream cannot be read any further. */
export type StreamFault = 'no stream prefix' | 'a length shorter than itself'

/** Finds the messages in a stream, however it was cut on the way; after a fault there are no more. RFC 9329 §3, §4 */
export class Deframer {
  #left: Uint8Array = NO_OCTETS
  #prefixed: boolean
  #fault: StreamFault | undefined

  /** `awaitsPrefix`: at the end that was called, nothing counts before the prefix. */
  constructor(awaitsPrefix: boolean) {
    this.#prefixed = !awaitsPrefix
  }

  get fault(): StreamFault | undefined {
    return this.#fault
  }

  /** The messages that these octets complete, each a copy; an empty one is left out. */
  push(octets: Uint8Array): readonly Uint8Array[] {
    if (this.#fault !== undefined) return []
    const all = this.#left.length === 0 ? octets : concat(this.#left, octets)
    let at = 0
    if (!this.#prefixed) {
      const known = all.subarray(0, STREAM_PREFIX.length)
      if (known.some((octet, i) => octet !== STREAM_PREFIX[i])) return this.#fail('no stream prefix')
      if (known.length < STREAM_PREFIX.length) return this.#keep(all, 0, [])
      this.#prefixed = true
      at = STREAM_PREFIX.length
    }
    const messages: Uint8Array[] = []
    while (all.length - at >= LENGTH_BYTES) {
      const length = (all[at]! << 8) | all[at + 1]!
      if (length < LENGTH_BYTES) {
        this.#fail('a length shorter than itself')
        return messages
      }
      if (all.length - at < length) break
      if (length > LENGTH_BYTES) messages.push(all.slice(at + LENGTH_BYTES, at + length))
      at += length
    }
    return this.#keep(all, at, messages)
  }

  #keep(all: Uint8Array, at: number, messages: readonly Uint8Array[]): readonly Uint8Array[] {
    this.#left = all.slice(at)
    return messages
  }

  #fail(fault: StreamFault): readonly Uint8Array[] {
    this.#fault = fault
    this.#left = NO_OCTETS
    return []
  }
}
