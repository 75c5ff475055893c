import { adviceFor } from '../advice.ts'
import type { CaptureState } from '../contract/capture.ts'
import type { MessageLine } from '../contract/message.ts'
import { VpnFailure } from '../errors.ts'
import type { Decoder, Frame, Packet } from '../inspect/decoder.ts'
import { packetLine } from '../inspect/packet-line.ts'
import { Recent } from '../inspect/recent.ts'
import { Tape } from '../inspect/tape.ts'
import type { Tree } from '../inspect/tree.ts'
import { readCapture } from './read.ts'
import { MOST_MESSAGES, Records } from './records.ts'
import type { MessageSource } from './source.ts'

/** Ours: of each SA this many packets are shown; one says as much as the next. */
const MOST_OF_AN_SA = 1_000
/** Ours: messages in which a repetition is looked for. */
const REPEATS = 256
/** Ours: packets between two words about how far it is, and two pauses for whatever else is to be done. */
const AT_ONCE = 500
/** Frames are written down with their time, link and length in front. */
const HEAD = 24

/**
 * A capture of whatever size, listed as it is read: IKE messages, and of each SA the first ESP and AH packets. Each can be
 * taken apart again by itself. It holds keys while it is open.
 */
export class OpenCapture implements MessageSource {
  readonly #decoder: Decoder
  readonly #records = new Records()
  readonly #seen = new Recent<true>(REPEATS)
  readonly #ofSa = new Map<string, number>()
  #initiator = ''
  #ends: readonly [string, string] = ['', '']
  #read = 0
  #skipped = 0
  #sampled = 0
  #done = false
  #full = false
  #closed = false
  #problem: string | undefined

  /** `decoder`: a fresh one, with the keys there are. */
  constructor(decoder: Decoder) {
    this.#decoder = decoder
  }

  /** Reads all of it; what goes wrong is told in {@link state}. Never throws. `progress`: there is more. */
  async read(path: string, progress: () => void): Promise<void> {
    try {
      for await (const frame of readCapture(path)) {
        if (this.#closed) return
        this.#take(frame)
        if (this.#records.next > MOST_MESSAGES) {
          this.#full = true
          break
        }
        if (this.#read % AT_ONCE !== 0) continue
        progress()
        await new Promise((soon) => setImmediate(soon))
      }
    } catch (thrown) {
      if (!(thrown instanceof VpnFailure)) throw thrown
      this.#problem = adviceFor(thrown.error).detail
    } finally {
      this.#done = true
      if (!this.#closed) progress()
    }
  }

  get state(): Omit<CaptureState, 'token' | 'name' | 'keys'> {
    return {
      ends: this.#ends,
      reading: !this.#done,
      packets: this.#read,
      messages: this.#records.next - 1,
      other: this.#skipped,
      sampled: this.#sampled,
      full: this.#full,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    }
  }

  lines(after?: number, most?: number): readonly MessageLine[] {
    return this.#records.lines(after, most)
  }

  line(number: number): MessageLine | undefined {
    return this.#records.line(number)
  }

  tree(number: number): Tree | undefined {
    const [head, bytes, tape] = this.#records.parts(number) ?? []
    if (head === undefined || bytes === undefined) return undefined
    const recorded = tape === undefined ? '[]' : new TextDecoder().decode(tape)
    return this.#decoder.frame({ ...frameOf(head), bytes }, new Tape(recorded)).tree
  }

  close(): void {
    this.#closed = true
    this.#records.close()
  }

  #take(frame: Frame): void {
    this.#read += 1
    const tape = new Tape()
    const packet = this.#decoder.frame(frame, tape)
    const number = this.#records.next
    const line = packetLine(packet, number, this.#direction(packet), this.#isRepetition(packet))
    if (line === undefined) {
      this.#skipped += 1
      return
    }
    if (packet.kind !== 'ike' && !this.#isOneOfTheFirst(`${line.exchange} ${line.sa}`)) {
      this.#sampled += 1
      return
    }
    const { text } = tape
    this.#records.add(line, [
      headOf(frame),
      frame.bytes,
      text === undefined ? undefined : new TextEncoder().encode(text),
    ])
  }

  /** Who speaks first of all is on the left. */
  #direction({ kind, source, destination }: Packet): MessageLine['direction'] {
    if (this.#initiator === '' && kind !== 'other') {
      this.#initiator = source
      this.#ends = [source, destination]
    }
    return source === this.#initiator ? 'out' : 'in'
  }

  /** The same octets went the same way before. RFC 7296 §2.1 */
  #isRepetition({ kind, source, destination, tree }: Packet): boolean {
    if (kind !== 'ike') return false
    const message = tree.layers.find(({ name }) => name === 'Message')?.bytes
    if (message === undefined) return false
    const name = `${source} ${destination} ${Buffer.from(message.buffer, message.byteOffset, message.length).toString('latin1')}`
    const before = this.#seen.get(name) !== undefined
    this.#seen.set(name, true)
    return before
  }

  #isOneOfTheFirst(sa: string): boolean {
    const count = (this.#ofSa.get(sa) ?? 0) + 1
    // A capture of nothing but SAs is one of rubbish: they are not counted for ever.
    if (count === 1 && this.#ofSa.size >= MOST_MESSAGES) return false
    this.#ofSa.set(sa, count)
    return count <= MOST_OF_AN_SA
  }
}

/** Good until the next call: there is one for every frame, and its octets are copied at once. */
function headOf({ number, atMs, linkType, wireBytes }: Frame): Uint8Array {
  head.setFloat64(0, atMs)
  head.setUint32(8, number)
  head.setUint32(12, linkType)
  head.setUint32(16, wireBytes)
  return new Uint8Array(head.buffer)
}
const head = new DataView(new ArrayBuffer(HEAD))

function frameOf(head: Uint8Array): Omit<Frame, 'bytes'> {
  const view = new DataView(head.buffer, head.byteOffset, head.length)
  return {
    atMs: view.getFloat64(0),
    number: view.getUint32(8),
    linkType: view.getUint32(12),
    wireBytes: view.getUint32(16),
  }
}
