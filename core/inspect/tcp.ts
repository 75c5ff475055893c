import { concat, NO_OCTETS } from '../bytes/octets.ts'
import { STREAM_PREFIX } from '../esp/tcp-encapsulation.ts'
import { Recent } from './recent.ts'

/** Ours: directions of TCP connections at a time; of each no more is kept than one message that is not whole. */
const MOST_STREAMS = 128
/** Octets of the shortest message of IKE behind its length and its marker. RFC 9329 §3 */
const IKE_BYTES = 2 + 4 + 28
/** Of the shortest of ESP that makes sense: SPI, sequence number, a block and an ICV. */
const ESP_BYTES = 2 + 8 + 8

interface Stream {
  /** The sequence number that goes on with it. */
  next: number
  pending: Uint8Array
}

/** One direction, each end an address and a port. */
export interface Way {
  readonly source: string
  readonly destination: string
}

/** Where the messages in a segment begin. */
export interface Segment {
  /** Octets of a message that earlier segments began. */
  readonly before: Uint8Array
  readonly prefixed: boolean
  /** All of it was here already. */
  readonly again: boolean
}

/** Follows IKE and ESP in TCP from segment to segment. RFC 9329 */
export class TcpStreams {
  readonly #streams = new Recent<Stream>(MOST_STREAMS)

  /**
   * What goes before this segment; `undefined` where it is not of such a stream, or where it begins in the middle of a
   * message. `ofIke`: the ports are those of IKE, so that a capture may begin later than the connection.
   */
  take(
    { source, destination }: Way,
    sequence: number,
    data: Uint8Array,
    ofIke: boolean,
  ): Segment | undefined {
    const name = `${source} ${destination}`
    const known = this.#streams.get(name)
    const ahead = known === undefined ? 0 : (sequence - known.next) | 0
    if (known !== undefined && ahead < 0) return { before: NO_OCTETS, prefixed: false, again: true }
    const goesOn = known !== undefined && ahead === 0
    const prefixed = !goesOn && STREAM_PREFIX.every((octet, at) => data[at] === octet)
    if (!goesOn && !prefixed) {
      const answers = this.#streams.get(`${destination} ${source}`) !== undefined
      if (!(ofIke || answers || known !== undefined) || !beginsMessage(data)) {
        this.#streams.delete(name)
        return undefined
      }
    }
    const before = goesOn ? known.pending : NO_OCTETS
    const rest = restOf(before, prefixed ? data.subarray(STREAM_PREFIX.length) : data)
    this.#streams.set(name, { next: (sequence + data.length) >>> 0, pending: rest })
    return { before, prefixed, again: false }
  }
}

function beginsMessage(data: Uint8Array): boolean {
  if (data.length < IKE_BYTES) return false
  const length = (data[0]! << 8) | data[1]!
  const marked = data.subarray(2, 6).every((octet) => octet === 0)
  return length >= (marked ? IKE_BYTES : ESP_BYTES) && (marked ? data[23]! >> 4 <= 2 : length <= data.length)
}

/** A copy of the message that is not whole yet. A length that cannot be ends the stream: nothing is waited for. */
function restOf(before: Uint8Array, data: Uint8Array): Uint8Array {
  const all = before.length === 0 ? data : concat(before, data)
  let at = 0
  while (all.length - at >= 2) {
    const length = (all[at]! << 8) | all[at + 1]!
    if (length < 2) return NO_OCTETS
    if (length > all.length - at) break
    at += length
  }
  return all.slice(at)
}
