import type { IkeSpi, Millis } from '../../bytes/brands.ts'
import type { Decoded } from '../../bytes/malformed.ts'
import type { Random } from '../../bytes/random.ts'
import type { Header, Message } from '../../wire/ikev2/message.ts'
import { decodePayloads, encodePayloads } from '../../wire/ikev2/message.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { ObservedMessage } from '../session.ts'
import { closeIkeKeys, type IkeKeys } from './keys.ts'
import { open, seal } from './protect.ts'
import type { IkeSuite } from './suite.ts'

/** A request of ours that waits for its answer. RFC 7296 §2.1: who asks also retransmits. */
export interface Outstanding {
  readonly messageId: number
  readonly request: Request
  readonly bytes: Uint8Array
  readonly observed: ObservedMessage
  tries: number
}

/** Something to ask the peer, built when its turn in the window comes. */
export interface Request {
  /** For people and for the tables: `CREATE_CHILD_SA rekey`. */
  readonly label: string
  readonly exchange: number
  /** Payloads, or `undefined` when there is nothing to ask any more. */
  build(): readonly Payload[] | undefined
  onReply(payloads: readonly Payload[], now: Millis): void
  /** Overrides what silence means (default: the peer is gone). */
  readonly onSilence?: () => void
  readonly tries?: number
}

/** One IKE SA: keys, message window and what is on its way. RFC 7296 §2.2, §2.3 (window of 1) */
export class IkeSa {
  readonly localSpi: IkeSpi
  readonly remoteSpi: IkeSpi
  /** We sent its first request: our messages carry the I flag. */
  readonly initiator: boolean
  readonly suite: IkeSuite
  readonly keys: IkeKeys
  readonly establishedAt: Millis
  /** Message ID of our next request, and of the peer's next. */
  nextId = 0
  expectedId = 0
  outstanding: Outstanding | undefined
  readonly queue: Request[] = []
  /** The answer to the last request, repeated bit for bit. */
  lastReply:
    | { readonly messageId: number; readonly bytes: Uint8Array; readonly observed: ObservedMessage }
    | undefined
  /** Being replaced or closed: no new CREATE_CHILD_SA on it. */
  retiring = false
  /** The IKE SA that the peer's rekey made of this one. */
  rekeyOfTheirs: { readonly sa: IkeSa; readonly lowestNonce: Uint8Array } | undefined
  readonly #random: Random
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

  /** A protected message of ours. */
  seal(
    exchange: number,
    messageId: number,
    response: boolean,
    payloads: readonly Payload[],
  ): { readonly bytes: Uint8Array; readonly plaintext: Uint8Array } {
    const { first, bytes: plaintext } = encodePayloads(payloads)
    const header: Header = {
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
    const keys = this.initiator
      ? { encryption: this.keys.ei, integrity: this.keys.ai }
      : { encryption: this.keys.er, integrity: this.keys.ar }
    return {
      bytes: seal(this.suite, keys, header, first, plaintext, ++this.#counter, this.#random),
      plaintext,
    }
  }

  /** What a protected message of the peer says; `undefined` unless the integrity check passes. */
  open(
    bytes: Uint8Array,
    message: Message,
  ): { readonly plaintext: Uint8Array; readonly payloads: Decoded<readonly Payload[]> } | undefined {
    const sk = message.payloads.find((p) => p.type === 'SK')
    if (sk === undefined || sk.type !== 'SK') return undefined
    const keys = this.initiator
      ? { encryption: this.keys.er, integrity: this.keys.ar }
      : { encryption: this.keys.ei, integrity: this.keys.ai }
    const plaintext = open(this.suite, keys, bytes, sk)
    if (plaintext === undefined) return undefined
    return { plaintext, payloads: decodePayloads(sk.first, plaintext) }
  }

  close(): void {
    closeIkeKeys(this.keys)
  }
}
