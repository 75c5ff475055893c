import { createHash } from 'node:crypto'
import type { Millis } from '../../bytes/brands.ts'
import type { Malformed } from '../../bytes/malformed.ts'
import { concat, equal, equalConstantTime, NO_OCTETS, toHex } from '../../bytes/octets.ts'
import {
  decodePayloads,
  encodePayloads,
  encodeSealed,
  type Header,
  type Message,
} from '../../wire/ikev1/message.ts'
import type { Payload } from '../../wire/ikev1/payload.ts'
import type { Chain } from '../../wire/ikev1/payload-chain.ts'
import type { ObservedMessage } from '../session.ts'
import { messageHash, quickHash3 } from './hashes.ts'
import { type Cookies, closePhase1Keys, type Phase1Keys } from './keys.ts'
import { CHOICE } from './numbers.ts'
import { observed } from './observed.ts'
import type { Phase1Suite } from './phase1-suite.ts'
import { decrypt, encrypt, exchangeIv, lastBlock } from './protect.ts'

/** A message of ours, ready to be sent as often as needed. */
export type Outgoing = ObservedMessage

/** A message of the peer, decrypted. It proves nothing until its hash fits. */
export interface Opened {
  readonly header: Header
  readonly chain: Chain
  readonly observed: ObservedMessage
  /** HASH is the first payload, and fits what follows it. `ni`: in the second message of quick mode. RFC 2409 §5.5 */
  hashFits(ni?: Uint8Array): boolean
  /** HASH is all there is, and is HASH(3). */
  isHash3(ni: Uint8Array, nr: Uint8Array): boolean
  /** The message is good: what follows it in its exchange is decrypted with its last block. */
  accept(): void
}

export type Open =
  | { readonly outcome: 'message'; readonly opened: Opened }
  /** Decrypted to noise: the keys differ, or the message was changed. */
  | { readonly outcome: 'noise'; readonly error: Malformed; readonly observed: ObservedMessage }
  /** Nothing that could be decrypted, or an exchange that is over. */
  | { readonly outcome: 'dropped'; readonly why: string }

/** One ISAKMP SA: keys, chains of IVs and what was answered. RFC 2409 §5, Appendix B */
export class IsakmpSa {
  readonly cookies: Cookies
  /** We sent its first message. */
  readonly initiator: boolean
  readonly suite: Phase1Suite
  readonly keys: Phase1Keys
  readonly establishedAt: Millis
  /** Seconds both ends agreed on, or fewer where the peer has said so since. */
  #lifeSeconds: number
  /** Octets that may be encrypted in all, ours and the peer's, and those that were. */
  #mostBytes = Number.POSITIVE_INFINITY
  #bytes = 0
  /** `replaced`: another one carries on. */
  state: 'live' | 'replaced' = 'live'
  /** The client has proven all it has to: false until XAuth has ended well, where we are the gateway and ask for it. */
  signedIn = true
  #phase1Iv: Uint8Array
  readonly #ivs = new Map<number, Uint8Array>()
  /** Message IDs of exchanges that are over: none begins again. */
  readonly #spent = new Set<number>()
  /** Digest of a message we took → what we said to it, if anything. */
  readonly #answers = new Map<string, Outgoing | undefined>()

  constructor(options: {
    readonly cookies: Cookies
    readonly initiator: boolean
    readonly suite: Phase1Suite
    readonly keys: Phase1Keys
    readonly lifeSeconds: number
    readonly lifeKilobytes?: number
    readonly firstIv: Uint8Array
    readonly now: Millis
  }) {
    this.cookies = options.cookies
    this.initiator = options.initiator
    this.suite = options.suite
    this.keys = options.keys
    this.#lifeSeconds = options.lifeSeconds
    this.shorten({ kilobytes: options.lifeKilobytes })
    this.#phase1Iv = options.firstIv
    this.establishedAt = options.now
  }

  get name(): string {
    return toHex(this.cookies.initiatorCookie)
  }

  /** Both cookies: how notifies and deletes name this SA. RFC 2407 §4.6.3 */
  get spi(): Uint8Array {
    return concat(this.cookies.initiatorCookie, this.cookies.responderCookie)
  }

  /** How the messages of this SA name us. */
  get ourCookie(): Uint8Array {
    return this.initiator ? this.cookies.initiatorCookie : this.cookies.responderCookie
  }

  isOf(header: Header): boolean {
    return (
      equal(header.initiatorCookie, this.cookies.initiatorCookie) &&
      equal(header.responderCookie, this.cookies.responderCookie)
    )
  }

  get lifeSeconds(): number {
    return this.#lifeSeconds
  }

  /** The peer keeps it for less than was agreed: never for more. → whether that changes the seconds. RFC 2407 §4.6.3.1 */
  shorten({
    seconds,
    kilobytes,
  }: {
    readonly seconds?: number
    readonly kilobytes?: number | undefined
  }): boolean {
    if (kilobytes !== undefined) this.#mostBytes = Math.min(this.#mostBytes, kilobytes * 1000)
    if (seconds === undefined || seconds >= this.#lifeSeconds) return false
    this.#lifeSeconds = seconds
    return true
  }

  /** Most of what may be encrypted with it has been. RFC 2409 Appendix A */
  get usedUp(): boolean {
    return this.#bytes >= this.#mostBytes * CHOICE.lifeShare
  }

  /** No more exchanges fit on it: it has to be replaced. */
  get exhausted(): boolean {
    return this.#spent.size >= CHOICE.spentIds
  }

  /** A message of phase 1, encrypted. */
  sealPhase1(exchange: number, payloads: readonly Payload[]): Outgoing {
    const { first, bytes } = encodePayloads(payloads)
    const { message, ciphertext } = this.#seal(exchange, 0, this.#phase1Iv, first, bytes, payloads)
    this.#phase1Iv = this.#last(ciphertext)
    return message
  }

  /** A message after phase 1: HASH goes before `payloads`. `ni`: in the second message of quick mode. RFC 2409 §5.5, §5.7 */
  seal(
    exchange: number,
    messageId: number,
    payloads: readonly Payload[],
    response: boolean,
    ni?: Uint8Array,
  ): Outgoing {
    const rest = encodePayloads(payloads)
    const { prf } = this.suite
    return this.#sealHashed(
      exchange,
      messageId,
      messageHash(prf, this.keys.a, messageId, rest.bytes, ni),
      payloads,
      response,
    )
  }

  /** The third message of quick mode. RFC 2409 §5.5 */
  sealHash3(exchange: number, messageId: number, ni: Uint8Array, nr: Uint8Array): Outgoing {
    const hash = quickHash3(this.suite.prf, this.keys.a, messageId, ni, nr)
    return this.#sealHashed(exchange, messageId, hash, [], false)
  }

  /** A message of phase 1. */
  openPhase1(bytes: Uint8Array, message: Message): Open {
    return this.#open(bytes, message, this.#phase1Iv, (iv) => {
      this.#phase1Iv = iv
    })
  }

  /** A message after phase 1. `response`: for the inspector. */
  open(bytes: Uint8Array, message: Message, response: boolean): Open {
    const { messageId } = message.header
    if (messageId === 0) return { outcome: 'dropped', why: 'message ID 0 after phase 1' }
    if (this.#spent.has(messageId)) return { outcome: 'dropped', why: 'its exchange is over' }
    if (this.exhausted) return { outcome: 'dropped', why: 'too many exchanges on one ISAKMP SA' }
    return this.#open(
      bytes,
      message,
      this.#ivOf(messageId),
      (iv) => {
        this.#ivs.set(messageId, iv)
      },
      response,
    )
  }

  /** The exchange is over: its message ID is never taken again. RFC 2409 §5.5 */
  finish(messageId: number): void {
    this.#ivs.delete(messageId)
    this.#spent.add(messageId)
  }

  /** Remembers a message that was taken, and what was said to it. */
  remember(bytes: Uint8Array, answer: Outgoing | undefined): void {
    this.#answers.set(digest(bytes), answer)
    if (this.#answers.size > CHOICE.answers) this.#answers.delete(this.#answers.keys().next().value!)
  }

  /** Whether this very message was taken before, and what to say once more. RFC 2408 §5.1 */
  recall(bytes: Uint8Array): { readonly answer: Outgoing | undefined } | undefined {
    const key = digest(bytes)
    return this.#answers.has(key) ? { answer: this.#answers.get(key) } : undefined
  }

  /** This answer is not given again. */
  withdraw(answer: Outgoing): void {
    for (const [key, one] of this.#answers) if (one === answer) this.#answers.set(key, undefined)
  }

  /** Nothing is said or read with it any more. */
  closed = false

  close(): void {
    this.closed = true
    closePhase1Keys(this.keys)
  }

  #ivOf(messageId: number): Uint8Array {
    return this.#ivs.get(messageId) ?? exchangeIv(this.suite.hash, this.#phase1Iv, messageId)
  }

  #sealHashed(
    exchange: number,
    messageId: number,
    hash: Uint8Array,
    payloads: readonly Payload[],
    response: boolean,
  ): Outgoing {
    const whole: readonly Payload[] = [{ type: 'HASH', data: hash }, ...payloads]
    const { first, bytes } = encodePayloads(whole)
    const iv = this.#ivOf(messageId)
    const { message, ciphertext } = this.#seal(exchange, messageId, iv, first, bytes, whole, response)
    this.#ivs.set(messageId, this.#last(ciphertext))
    return message
  }

  #seal(
    exchange: number,
    messageId: number,
    iv: Uint8Array,
    first: number,
    plaintext: Uint8Array,
    payloads: readonly Payload[],
    response = !this.initiator,
  ): { readonly message: Outgoing; readonly ciphertext: Uint8Array } {
    this.#bytes += plaintext.length
    const ciphertext = encrypt(this.suite.encryption, this.keys.cipher, iv, plaintext)
    const header: Header = {
      ...this.cookies,
      majorVersion: 1,
      minorVersion: 0,
      exchange,
      encrypted: true,
      commit: false,
      authenticationOnly: false,
      messageId,
    }
    const bytes = encodeSealed(header, first, ciphertext)
    return { message: observed('out', bytes, header, payloads, response, { plaintext }), ciphertext }
  }

  #open(
    bytes: Uint8Array,
    message: Message,
    iv: Uint8Array,
    advance: (iv: Uint8Array) => void,
    response = this.initiator,
  ): Open {
    if (!message.sealed) return { outcome: 'dropped', why: 'it is not encrypted' }
    const { header, first, ciphertext } = message
    const plaintext = decrypt(this.suite.encryption, this.keys.cipher, iv, ciphertext)
    if (plaintext === undefined) return { outcome: 'dropped', why: 'it is no whole number of blocks' }
    const chain = decodePayloads(first, plaintext)
    if (!chain.ok) {
      const problem = chain.error.message
      const seen = observed('in', bytes, header, [], response, { plaintext, problem })
      return { outcome: 'noise', error: chain.error, observed: seen }
    }
    const { value } = chain
    const seen = observed('in', bytes, header, value.payloads, response, { plaintext })
    const { prf } = this.suite
    const hash = value.payloads[0]?.type === 'HASH' ? value.payloads[0].data : NO_OCTETS
    const opened: Opened = {
      header,
      chain: value,
      observed: seen,
      hashFits: (ni) => {
        // Without anything behind it, HASH would protect nothing.
        if (value.payloads.length < 2) return false
        const rest = plaintext.subarray(value.ends[0], value.ends.at(-1))
        return equalConstantTime(hash, messageHash(prf, this.keys.a, header.messageId, rest, ni))
      },
      isHash3: (ni, nr) => equalConstantTime(hash, quickHash3(prf, this.keys.a, header.messageId, ni, nr)),
      accept: () => {
        this.#bytes += ciphertext.length
        advance(this.#last(ciphertext))
      },
    }
    return { outcome: 'message', opened }
  }

  #last(ciphertext: Uint8Array): Uint8Array {
    return lastBlock(ciphertext, this.suite.encryption.blockBytes)
  }
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64')
