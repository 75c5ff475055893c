import { asIkeSpi, asNonce } from '../bytes/brands.ts'
import { NO_OCTETS } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import { ExchangeType } from '../iana/ikev2.ts'
import { NotifyType } from '../iana/ikev2-notify.ts'
import {
  EncryptionAlgorithm,
  IntegrityAlgorithm,
  KeyExchangeMethod,
  PseudorandomFunction,
} from '../iana/ikev2-transforms.ts'
import { nameOf } from '../iana/registry.ts'
import { decodeMessage, encodeMessage } from '../wire/ikev2/message.ts'
import type { NotifyPayload, Payload, Proposal, Transform } from '../wire/ikev2/payload.ts'
import type { Asking } from './asker.ts'

export interface Ikev2Report {
  readonly state: 'silent' | 'refuses' | 'accepts'
  readonly encryption: readonly string[]
  readonly integrity: readonly string[]
  readonly prf: readonly string[]
  readonly groups: readonly string[]
  /** It wants newcomers to show that they are where they say. RFC 7296 §2.6 */
  readonly cookie: boolean
  /** What it said where it refused. */
  readonly says: readonly string[]
}

interface Cipher {
  readonly id: number
  readonly keyBits?: number
  readonly aead: boolean
}
const sized = (id: number, aead: boolean): readonly Cipher[] =>
  [256, 192, 128].map((keyBits) => ({ id, keyBits, aead }))
const CIPHERS: readonly Cipher[] = [
  ...sized(20, true),
  { id: 28, aead: true },
  ...sized(12, false),
  ...sized(13, false),
  { id: 23, keyBits: 256, aead: false },
  { id: 3, aead: false },
  { id: 2, aead: false },
]
const INTEGRITIES = [12, 13, 14, 5, 2, 1]
const PRFS = [5, 6, 7, 4, 8, 2, 1]
const GROUPS = [31, 19, 20, 21, 32, 14, 15, 16, 17, 18, 5, 2, 1, 35, 36, 37]
/**
 * The group of the public value we send, which is never the one we ask about: a gateway that would go on says which it wants
 * instead, and keeps nothing of us. RFC 7296 §1.2
 */
const OTHER_GROUP = 22
const OTHER_VALUE_BYTES = 128
const TYPE = { ENCR: 1, PRF: 2, INTEG: 3, KE: 4 } as const

interface Offer {
  readonly ciphers: readonly Cipher[]
  readonly integrities: readonly number[]
  readonly prfs: readonly number[]
  readonly groups: readonly number[]
}
const ALL: Offer = { ciphers: CIPHERS, integrities: INTEGRITIES, prfs: PRFS, groups: GROUPS }

/** What a gateway accepts in IKEv2: a question for each algorithm, with all of the other kinds beside it. */
export async function probeIkev2(asking: Asking, random: Random): Promise<Ikev2Report> {
  const probe = new Probe(asking, random)
  const accepts = await probe.takes(ALL)
  const accepted = async <T>(values: readonly T[], offer: (value: T) => Offer): Promise<readonly T[]> => {
    const found: T[] = []
    for (const value of accepts ? values : []) if (await probe.takes(offer(value))) found.push(value)
    return found
  }
  const ciphers = await accepted(CIPHERS, (cipher) => ({ ...ALL, ciphers: [cipher] }))
  const blocks = CIPHERS.filter(({ aead }) => !aead)
  const integrities = await accepted(INTEGRITIES, (one) => ({ ...ALL, ciphers: blocks, integrities: [one] }))
  const prfs = await accepted(PRFS, (one) => ({ ...ALL, prfs: [one] }))
  const groups = await accepted(GROUPS, (one) => ({ ...ALL, groups: [one] }))
  return {
    state: accepts ? 'accepts' : probe.heard ? 'refuses' : 'silent',
    encryption: ciphers.map(({ id, keyBits }) =>
      [nameOf(EncryptionAlgorithm, id), ...(keyBits === undefined ? [] : [keyBits])].join('_'),
    ),
    integrity: integrities.map((id) => nameOf(IntegrityAlgorithm, id)),
    prf: prfs.map((id) => nameOf(PseudorandomFunction, id)),
    groups: groups.map((id) => nameOf(KeyExchangeMethod, id)),
    cookie: probe.cookie,
    says: [...probe.says],
  }
}

class Probe {
  heard = false
  cookie = false
  readonly says = new Set<string>()
  readonly #asking: Asking
  readonly #random: Random

  constructor(asking: Asking, random: Random) {
    this.#asking = asking
    this.#random = random
  }

  async takes(offer: Offer): Promise<boolean> {
    const initiatorSpi = asIkeSpi(this.#random.bytes(8))
    const header = {
      initiatorSpi,
      responderSpi: new Uint8Array(8),
      majorVersion: 2,
      minorVersion: 0,
      exchange: ExchangeType.IKE_SA_INIT.id,
      initiator: true,
      higherVersion: false,
      response: false,
      messageId: 0,
    }
    const payloads: readonly Payload[] = [
      { type: 'SA', proposals: proposalsOf(offer) },
      { type: 'KE', group: OTHER_GROUP, data: this.#random.bytes(OTHER_VALUE_BYTES) },
      { type: 'Nonce', nonce: asNonce(this.#random.bytes(32)) },
    ]
    let answer = await this.#answerTo(encodeMessage(header, payloads))
    const cookie = notifyIn(answer, NotifyType.COOKIE.id)
    if (cookie !== undefined) {
      this.cookie = true
      answer = await this.#answerTo(encodeMessage(header, [{ ...cookie, spi: NO_OCTETS }, ...payloads]))
    }
    if (answer === undefined) return false
    for (const payload of answer)
      if (
        payload.type === 'Notify' &&
        payload.notify < 16384 &&
        payload.notify !== NotifyType.INVALID_KE_PAYLOAD.id
      )
        this.says.add(nameOf(NotifyType, payload.notify))
    return (
      answer.some((payload) => payload.type === 'SA') ||
      notifyIn(answer, NotifyType.INVALID_KE_PAYLOAD.id) !== undefined
    )
  }

  async #answerTo(message: Uint8Array): Promise<readonly Payload[] | undefined> {
    const answer = await this.#asking.ask(message)
    const decoded = answer === undefined ? undefined : decodeMessage(answer)
    if (decoded?.ok !== true) return undefined
    this.heard = true
    return decoded.value.payloads
  }
}

const notifyIn = (payloads: readonly Payload[] | undefined, type: number): NotifyPayload | undefined =>
  payloads?.find((payload): payload is NotifyPayload => payload.type === 'Notify' && payload.notify === type)

/** Ciphers that bring their own integrity stand in a proposal of their own. RFC 7296 §3.3 */
function proposalsOf({ ciphers, integrities, prfs, groups }: Offer): readonly Proposal[] {
  const plain = (type: number, ids: readonly number[]): Transform[] =>
    ids.map((id) => ({ type, id, attributes: [] }))
  const encr = (list: readonly Cipher[]): Transform[] =>
    list.map(({ id, keyBits }) => ({
      type: TYPE.ENCR,
      id,
      attributes: keyBits === undefined ? [] : [{ type: 14, value: keyBits }],
    }))
  const kinds = [
    { list: ciphers.filter(({ aead }) => aead), integ: [] },
    { list: ciphers.filter(({ aead }) => !aead), integ: integrities },
  ].filter(({ list }) => list.length > 0)
  return kinds.map(({ list, integ }, at) => ({
    number: at + 1,
    protocol: 1,
    spi: NO_OCTETS,
    transforms: [
      ...encr(list),
      ...plain(TYPE.INTEG, integ),
      ...plain(TYPE.PRF, prfs),
      ...plain(TYPE.KE, groups),
    ],
  }))
}
