import type { IkeSpi, Millis } from '../../bytes/brands.ts'
import type { Decoded } from '../../bytes/malformed.ts'
import { concat, equal } from '../../bytes/octets.ts'
import type { Random } from '../../bytes/random.ts'
import type { Header, Message } from '../../wire/ikev2/message.ts'
import { decodeMessage, decodePayloads, encodePayloads, HEADER_BYTES } from '../../wire/ikev2/message.ts'
import type { Payload, SkfPayload, SkPayload } from '../../wire/ikev2/payload.ts'
import type { ObservedMessage } from '../session.ts'
import type { ChildSa } from './child-sa.ts'
import { withoutSecrets } from './discretion.ts'
import { closeSeries, type FollowUp } from './exchanges/followup-ke.ts'
import { type FragmentSizes, Reassembly, split, unfragmentedHead } from './fragmentation.ts'
import { closeIkeKeys, closeMixedKeys, type IkeKeys, type MixedKeys } from './keys.ts'
import { observed } from './negotiation.ts'
import { type DirectionKeys, fragmentRoom, open, seal, sealedBytes } from './protect.ts'
import type { IkeSuite } from './suite.ts'
import type { Transmission } from './transmission.ts'

/** A protected message of ours, ready to be sent as often as needed. */
export interface Outgoing {
  readonly header: Header
  readonly payloads: readonly Payload[]
  /** What travels: the message, or its fragments in order. */
  readonly datagrams: readonly ObservedMessage[]
  /** What really travels, where `datagrams` are to be shown with a secret hidden. */
  readonly concealed?: readonly Uint8Array[]
  /** What the fragments carry, for the inspector; absent when nothing was split. */
  readonly whole: ObservedMessage | undefined
}

/** What came of a datagram that passed its integrity check. `observed`: for the inspector. */
export type Opened = { readonly observed: readonly ObservedMessage[] } & (
  | {
      readonly outcome: 'message'
      readonly payloads: Decoded<readonly Payload[]>
      /** The message as it would be without encryption and fragments. RFC 9242 §3.3.2 */
      clear(): Uint8Array
    }
  /** A fragment; others are missing. */
  | { readonly outcome: 'waiting' }
  /** A request we answered: {@link IkeSa.lastReply} is to be sent once more. RFC 7296 §2.1, RFC 7383 §2.6.1 */
  | { readonly outcome: 'repeated' }
)

/** A request of ours that waits for its answer. RFC 7296 §2.1: who asks also retransmits. */
export interface Outstanding {
  readonly messageId: number
  readonly request: Request
  readonly transmission: Transmission
}

/** Something to ask the peer, built when its turn in the window comes. */
export interface Request {
  /** For people and for the tables: `CREATE_CHILD_SA rekey`. */
  readonly label: string
  readonly exchange: number
  /** What it changes: while one of these waits, the peer may not rekey the IKE SA. RFC 7296 §2.25.1 */
  readonly concerns?: 'child'
  /** Payloads, or `undefined` when there is nothing to ask any more. `sa`: the one it will travel on. */
  build(sa: IkeSa): readonly Payload[] | undefined
  /** `sa`: the one it travelled on. */
  onReply(payloads: readonly Payload[], now: Millis, sa: IkeSa): void
  /** Overrides what silence means (default: the peer is gone). */
  readonly onSilence?: (now: Millis) => void
  readonly tries?: number
}

/** One IKE SA: keys, message window and what is on its way. RFC 7296 §2.2, §2.3 (window of 1) */
export class IkeSa {
  readonly localSpi: IkeSpi
  readonly remoteSpi: IkeSpi
  /** We sent its first request: our messages carry the I flag. */
  readonly initiator: boolean
  readonly suite: IkeSuite
  /** The keys in use. */
  keys: IkeKeys
  /** Those that take their place once both ends are known to have the same post-quantum key. RFC 8784 §3 */
  mixed: MixedKeys | undefined
  readonly establishedAt: Millis
  /** Message ID of our next request, and of the peer's next. */
  nextId = 0
  expectedId = 0
  outstanding: Outstanding | undefined
  readonly queue: Request[] = []
  /** Hash of where the peer sees us, as it said last. RFC 7296 §2.23 */
  seenAs: Uint8Array | undefined
  /** By this the peer can prove that it has forgotten us. RFC 6290 */
  crashToken: Uint8Array | undefined
  /** The answer to the last request, repeated bit for bit. */
  lastReply: Outgoing | undefined
  /** The last datagram of the request before the keys changed. */
  answeredBefore: Uint8Array | undefined
  /** A series of key exchanges that the peer has begun. RFC 9370 §2.2.4 */
  series: FollowUp | undefined
  /** Set once both ends said that they can fragment; a rekeyed IKE SA inherits it. RFC 7383 §2.3 */
  fragments: FragmentSizes | undefined
  /**
   * `rekeying`: our request to replace it is out. `replaced`: another one carries on, one side will delete this one.
   * `closed`: the peer deleted it; it only repeats its last answer. RFC 7296 §2.25.2
   */
  state: 'live' | 'rekeying' | 'replaced' | 'closed' = 'live'
  /** Our request to replace it waits for its turn. */
  rekeyQueued = false
  /** The IKE SA that the peer's rekey made of this one. */
  rekeyOfTheirs: { readonly sa: IkeSa; readonly lowestNonce: Uint8Array } | undefined
  /** The CHILD_SA that our last answer made: until the next request the peer may not know of it. */
  unconfirmed: ChildSa | undefined
  readonly #random: Random
  readonly #requests = new Reassembly()
  readonly #responses = new Reassembly()
  /** Message ID of our last request, and of the last response we have whole. */
  #askedId = -1
  #heardId = -1
  #counter = 0n

  constructor(
    spis: { readonly localSpi: IkeSpi; readonly remoteSpi: IkeSpi; readonly initiator: boolean },
    suite: IkeSuite,
    keys: IkeKeys,
    random: Random,
    now: Millis,
  ) {
    this.localSpi = spis.localSpi
    this.remoteSpi = spis.remoteSpi
    this.initiator = spis.initiator
    this.suite = suite
    this.keys = keys
    this.establishedAt = now
    this.#random = random
  }

  get initiatorSpi(): IkeSpi {
    return this.initiator ? this.localSpi : this.remoteSpi
  }

  get responderSpi(): IkeSpi {
    return this.initiator ? this.remoteSpi : this.localSpi
  }

  /** A protected message of ours, in fragments where it is too large for one datagram. RFC 7383 §2.5 */
  seal(exchange: number, messageId: number, response: boolean, payloads: readonly Payload[]): Outgoing {
    if (!response) {
      this.#askedId = messageId
      this.#responses.clear()
    }
    const header = this.#header(exchange, messageId, response)
    return this.#protect(header, payloads, this.fragments?.messageBytes)
  }

  /** A message of ours as it would be without encryption and fragments. RFC 9242 §3.3.2 */
  clear(exchange: number, messageId: number, response: boolean, payloads: readonly Payload[]): Uint8Array {
    const { first, bytes } = encodePayloads(payloads)
    return concat(unfragmentedHead(this.#header(exchange, messageId, response), first, bytes), bytes)
  }

  #header(exchange: number, messageId: number, response: boolean): Header {
    return {
      initiatorSpi: this.initiatorSpi,
      responderSpi: this.responderSpi,
      majorVersion: 2,
      minorVersion: 0,
      exchange,
      initiator: this.initiator,
      higherVersion: false,
      response,
      messageId,
    }
  }

  /** Other keys from here on; our last answer stays as it was. RFC 9370 §2.2.2 */
  changeKeys(keys: IkeKeys): void {
    closeIkeKeys(this.keys)
    this.keys = keys
  }

  /** Whether these octets are a request answered under keys of before, which cannot be opened any more. RFC 9370 §2.2.2 */
  isAnsweredBefore(bytes: Uint8Array): boolean {
    return this.answeredBefore !== undefined && equal(this.answeredBefore, bytes)
  }

  /** The answer to the request that `header` belongs to, kept for when it comes again. RFC 7296 §2.1 */
  answer(header: Header, payloads: readonly Payload[]): Outgoing {
    this.lastReply = this.seal(header.exchange, header.messageId, true, payloads)
    this.expectedId = header.messageId + 1
    this.#requests.clear()
    return this.lastReply
  }

  /**
   * The same message in more and smaller fragments, which from now on is how this SA sends; `undefined` when
   * that would not help. RFC 7383 §2.5.2
   */
  refragment(sent: Outgoing): Outgoing | undefined {
    const { fragments } = this
    if (fragments === undefined || fragments.messageBytes <= fragments.smallestBytes) return undefined
    const smaller = this.#protect(sent.header, sent.payloads, fragments.smallestBytes)
    // Total Fragments tells the receiver which set a fragment is of, so it has to grow.
    if (smaller.datagrams.length <= sent.datagrams.length) return undefined
    this.fragments = { ...fragments, messageBytes: fragments.smallestBytes }
    return smaller
  }

  /**
   * A protected message of the peer; `undefined` when its integrity check fails or when it is a fragment nobody
   * waits for. A fragment changes nothing before its integrity check is passed. RFC 7296 §3.14, RFC 7383 §2.6
   */
  open(bytes: Uint8Array, { header, payloads }: Message, now: Millis): Opened | undefined {
    this.#requests.expire(now)
    this.#responses.expire(now)
    const protectedPayload = payloads.at(-1)
    if (protectedPayload?.type === 'SK') return this.#openMessage(bytes, header, protectedPayload)
    if (protectedPayload?.type === 'SKF') return this.#openFragment(bytes, header, protectedPayload, now)
    return undefined
  }

  close(): void {
    closeSeries(this.series)
    this.series = undefined
    this.#requests.clear()
    this.#responses.clear()
    closeIkeKeys(this.keys)
    this.forgetMixed()
  }

  /** What both proofs and all CHILD_SAs rest on from now on. RFC 8784 §3 */
  useMixed(): void {
    const { mixed } = this
    if (mixed === undefined) return
    closeMixedKeys(this.keys)
    this.keys = { ...this.keys, ...mixed }
    this.mixed = undefined
  }

  /** The peer does without. */
  forgetMixed(): void {
    if (this.mixed !== undefined) closeMixedKeys(this.mixed)
    this.mixed = undefined
  }

  #openMessage(bytes: Uint8Array, header: Header, sk: SkPayload): Opened | undefined {
    const plaintext = open(this.suite, this.#theirKeys, bytes, sk)
    if (plaintext === undefined) return undefined
    const clear = (): Uint8Array => concat(unfragmentedHead(header, sk.first, plaintext, sk), plaintext)
    return this.#message(bytes, header, sk.first, plaintext, clear, [])
  }

  #openFragment(bytes: Uint8Array, header: Header, skf: SkfPayload, now: Millis): Opened | undefined {
    if (this.fragments === undefined) return undefined
    const answered = this.#isAnswered(header)
    const awaited = header.response ? !this.#isHeard(header) : header.messageId === this.expectedId
    const reassembly = header.response ? this.#responses : this.#requests
    // Of an answered request only the first fragment counts. RFC 7383 §2.6.1
    if (answered ? skf.fragment !== 1 : !awaited || reassembly.refusal(header, skf, now) !== undefined)
      return undefined
    const plaintext = open(this.suite, this.#theirKeys, bytes, skf)
    if (plaintext === undefined) return undefined
    const fragment = { number: skf.fragment, total: skf.total }
    const seen = observed('in', bytes, header, [skf], { plaintext, fragment, retransmission: answered })
    if (answered) return { outcome: 'repeated', observed: [seen] }
    const whole = reassembly.add(header, skf, plaintext, bytes.length, now)
    if (whole === undefined) return { outcome: 'waiting', observed: [seen] }
    if (typeof whole === 'string') return { outcome: 'waiting', observed: [{ ...seen, problem: whole }] }
    this.#learnSize(whole.largestBytes, whole.total)
    const clear = (): Uint8Array => concat(whole.head, whole.content)
    return this.#message(whole.head, header, whole.first, whole.content, clear, [seen], whole.total)
  }

  /** `fragments`: what it came in, each already among `before`. */
  #message(
    bytes: Uint8Array,
    header: Header,
    first: number,
    plaintext: Uint8Array,
    clear: () => Uint8Array,
    before: readonly ObservedMessage[],
    fragments?: number,
  ): Opened {
    const answered = this.#isAnswered(header)
    const payloads = decodePayloads(first, plaintext)
    const expected = header.response ? !this.#isHeard(header) : header.messageId === this.expectedId
    const read = payloads.ok ? payloads.value : []
    const shown = withoutSecrets(read)
    // What hides a secret is shown without what it came as.
    const hidden = shown !== read
    const seen = observed('in', hidden ? bytes.slice(0, HEADER_BYTES) : bytes, header, shown, {
      plaintext: hidden ? encodePayloads(shown).bytes : plaintext,
      retransmission: !expected,
      ...(payloads.ok ? {} : { problem: payloads.error.message }),
      ...(fragments === undefined ? {} : { fragments }),
    })
    if (header.response && expected) this.#heardId = header.messageId
    const all = [...before, seen]
    if (answered) return { outcome: 'repeated', observed: all }
    return { outcome: 'message', payloads, observed: all, clear }
  }

  #isAnswered(header: Header): boolean {
    return (
      !header.response &&
      header.messageId === this.expectedId - 1 &&
      header.messageId === this.lastReply?.header.messageId
    )
  }

  #isHeard(header: Header): boolean {
    return header.response && (header.messageId !== this.#askedId || header.messageId === this.#heardId)
  }

  /** What the peer takes for the size that gets through is worth believing, downwards. RFC 7383 §2.5.1 */
  #learnSize(largestBytes: number, total: number): void {
    if (this.fragments === undefined || total === 1 || largestBytes >= this.fragments.messageBytes) return
    const { smallestBytes } = this.fragments
    this.fragments = { messageBytes: Math.max(largestBytes, smallestBytes), smallestBytes }
  }

  /** `messageBytes`: the largest message that goes in one piece; `undefined`: any. */
  #protect(header: Header, payloads: readonly Payload[], messageBytes: number | undefined): Outgoing {
    const real = this.#sealed(header, payloads, messageBytes)
    const shown = withoutSecrets(payloads)
    if (shown === payloads) return real
    // A capture with the keys must not give a password away: it gets a message of its own, under an IV of its own.
    const { datagrams, whole } = this.#sealed(header, shown, messageBytes)
    return { header, payloads, datagrams, whole, concealed: real.datagrams.map(({ bytes }) => bytes) }
  }

  #sealed(header: Header, payloads: readonly Payload[], messageBytes: number | undefined): Outgoing {
    const { first, bytes: content } = encodePayloads(payloads)
    const { suite } = this
    const sealed = (part: Parameters<typeof seal>[3]): Uint8Array =>
      seal(suite, this.#ourKeys, header, part, ++this.#counter, this.#random)
    if (messageBytes === undefined || sealedBytes(suite, content.length) <= messageBytes) {
      const bytes = sealed({ first, bytes: content })
      const message = observed('out', bytes, header, payloads, { plaintext: content })
      return { header, payloads, datagrams: [message], whole: undefined }
    }
    const parts = split(content, fragmentRoom(suite, messageBytes))
    const datagrams = parts.map((plaintext, i) => {
      const fragment = { number: i + 1, total: parts.length }
      const skf = { first: i === 0 ? first : 0, bytes: plaintext, fragment }
      const bytes = sealed(skf)
      return observed('out', bytes, header, payloadsOf(bytes), { plaintext, fragment })
    })
    const whole = observed('out', unfragmentedHead(header, first, content), header, payloads, {
      plaintext: content,
      fragments: parts.length,
    })
    return { header, payloads, datagrams, whole }
  }

  get #ourKeys(): DirectionKeys {
    const { ei, ai, er, ar } = this.keys
    return this.initiator ? { encryption: ei, integrity: ai } : { encryption: er, integrity: ar }
  }

  get #theirKeys(): DirectionKeys {
    const { ei, ai, er, ar } = this.keys
    return this.initiator ? { encryption: er, integrity: ar } : { encryption: ei, integrity: ai }
  }
}

/** The payloads of a message of our own making, still encrypted. */
function payloadsOf(bytes: Uint8Array): readonly Payload[] {
  const decoded = decodeMessage(bytes)
  return decoded.ok ? decoded.value.payloads : []
}
