import { createCipheriv, createDecipheriv } from 'node:crypto'
import { asMillis, type Millis } from '../../bytes/brands.ts'
import { concat, equal, toHex, utf8 } from '../../bytes/octets.ts'
import type { Random } from '../../bytes/random.ts'
import { Reader } from '../../bytes/reader.ts'
import { Secret } from '../../bytes/secret.ts'
import { Writer } from '../../bytes/writer.ts'
import type { Certificate } from '../../cert/certificate.ts'
import type { CryptoRegistry } from '../../crypto/transforms.ts'
import type { Identity } from '../config.ts'
import type { IkeSuite } from './suite.ts'

/** What an IKE SA has that is taken up where another one left off. RFC 5723 §5 */
export interface Resumable {
  readonly suite: IkeSuite
  /** SK_d of the IKE SA that was. */
  readonly d: Secret
  /** Both ends as they named themselves: neither may be another one now. */
  readonly initiator: Identity
  readonly responder: Identity
  /** Whom the client has proven to be in EAP, and how. */
  readonly eapIdentity?: string | undefined
  readonly eapMethod?: string | undefined
}

/** A ticket as its owner keeps it. */
export interface Ticket extends Resumable {
  /** What it is presented as; nobody but its gateway can read it. */
  readonly opaque: Uint8Array
  readonly gatewayAddress: string
  readonly expiresAt: Millis
  readonly remoteProof?: { readonly certificate: Certificate; readonly scheme: string } | undefined
}

/** The ticket of one connection, from one IKE SA to the next; in memory alone, and for one use. RFC 5723 §4.3.1, §6.2 */
export class TicketMemory {
  #ticket: Ticket | undefined

  /** In place of the one before. */
  keep(ticket: Ticket): void {
    this.forget()
    this.#ticket = ticket
  }

  /** Hands it over, where there is one for this gateway whose time is not over; its keys are the taker's to wipe. */
  take(gatewayAddress: string, now: Millis): Ticket | undefined {
    const ticket = this.#ticket
    if (ticket === undefined) return undefined
    if (ticket.gatewayAddress !== gatewayAddress || ticket.expiresAt <= now) {
      this.forget()
      return undefined
    }
    this.#ticket = undefined
    return ticket
  }

  /** The IKE SA it is of was deleted, or has other keys now. */
  forget(): void {
    this.#ticket?.d.close()
    this.#ticket = undefined
  }
}

const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Ours: tickets taken that are remembered until they expire anyway. */
const MOST_TAKEN = 4096
/** Ours: how long a client may be away. */
export const TICKET_SECONDS = 3600

/** Tickets by value: what is in them is sealed under a key of this gateway, so that nothing is kept for who never comes. RFC 5723 §6.1 */
export class TicketOffice {
  readonly #random: Random
  readonly #key: Secret
  /** Names the key, so that tickets of another one are known as such. */
  readonly #keyId: Uint8Array
  readonly #taken = new Map<string, Millis>()

  constructor(random: Random) {
    this.#random = random
    this.#key = new Secret(random.bytes(32))
    this.#keyId = random.bytes(4)
  }

  issue(from: Resumable, expiresAt: Millis): Uint8Array {
    const nonce = this.#random.bytes(NONCE_BYTES)
    const head = concat(Uint8Array.of(VERSION), this.#keyId, nonce)
    const plain = encode(from, expiresAt)
    const sealed = this.#key.use((key) => {
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(head)
      return concat(cipher.update(plain), cipher.final(), cipher.getAuthTag())
    })
    plain.fill(0)
    return concat(head, sealed)
  }

  /** What is in a ticket of ours that is in time and was not taken before; its keys are the caller's to wipe. Never throws. */
  open(ticket: Uint8Array, registry: CryptoRegistry, now: Millis): Resumable | undefined {
    const head = ticket.subarray(0, 5 + NONCE_BYTES)
    if (
      ticket.length < head.length + TAG_BYTES ||
      head[0] !== VERSION ||
      !equal(head.subarray(1, 5), this.#keyId)
    )
      return undefined
    if (this.#taken.has(nameOf(ticket))) return undefined
    try {
      const plain = this.#key.use((key) => {
        const cipher = createDecipheriv('aes-256-gcm', key, head.subarray(5)).setAAD(head)
        cipher.setAuthTag(ticket.subarray(ticket.length - TAG_BYTES))
        return concat(cipher.update(ticket.subarray(head.length, ticket.length - TAG_BYTES)), cipher.final())
      })
      const { expiresAt, ...found } = decode(plain, registry)
      plain.fill(0)
      if (expiresAt > now) return found
      found.d.close()
      return undefined
    } catch {
      return undefined
    }
  }

  /** It has served: nobody comes in by it again. RFC 5723 §4.3.1 */
  take(ticket: Uint8Array, now: Millis): void {
    const oldest = this.#taken.keys().next()
    if (this.#taken.size >= MOST_TAKEN && oldest.done !== true) this.#taken.delete(oldest.value)
    this.#taken.set(nameOf(ticket), now)
  }

  close(): void {
    this.#key.close()
  }
}

/** The nonce of a ticket is its own. */
const nameOf = (ticket: Uint8Array): string => toHex(ticket.subarray(5, 5 + NONCE_BYTES))

function encode({ suite, d, initiator, responder, eapIdentity }: Resumable, expiresAt: Millis): Uint8Array {
  const w = new Writer()
  w.bytes(new Uint8Array(new Float64Array([expiresAt]).buffer))
  for (const id of [
    suite.encryption.id,
    suite.keyBits,
    suite.prf.id,
    suite.integrity?.id ?? 0,
    suite.keyExchange.id,
  ])
    w.u16(id)
  const secret = d.use((octets) => octets.slice())
  for (const part of [secret, identity(initiator), identity(responder), utf8(eapIdentity ?? '')]) {
    w.u16(part.length)
    w.bytes(part)
  }
  secret.fill(0)
  return w.finish()
}

const identity = ({ type, data }: Identity): Uint8Array => concat(Uint8Array.of(type), data)

/** Throws for what no gateway of this version has written. */
function decode(plain: Uint8Array, registry: CryptoRegistry): Resumable & { readonly expiresAt: Millis } {
  const r = new Reader(plain, ['ticket'], 'RFC 5723 §6.1')
  const expiresAt = asMillis(new Float64Array(r.bytes(8, 'expiry').slice().buffer)[0]!)
  const [encryption, keyBits, prf, integrity, group] = [0, 1, 2, 3, 4].map(() => r.u16('algorithm'))
  const part = (): Uint8Array => r.bytes(r.u16('length'), 'part').slice()
  const named = (): Identity => {
    const octets = part()
    return { type: octets[0]!, data: octets.subarray(1) }
  }
  const d = new Secret(part())
  const suite: IkeSuite = {
    encryption: registry.encryption.get(encryption!)!,
    keyBits: keyBits!,
    prf: registry.prf.get(prf!)!,
    integrity: integrity === 0 ? undefined : registry.integrity.get(integrity!),
    keyExchange: registry.keyExchange.get(group!)!,
  }
  const [initiator, responder] = [named(), named()]
  const eapIdentity = Buffer.from(part()).toString('utf8')
  return { expiresAt, suite, d, initiator, responder, ...(eapIdentity === '' ? {} : { eapIdentity }) }
}
