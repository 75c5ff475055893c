import type { CipherInfo, CryptoRegistry, KeyExchangeInfo, PrfInfo } from '../../crypto/transforms.ts'
import { IsakmpTransform, LifeType, Phase1Attribute, Phase1Encryption } from '../../iana/ikev1.ts'
import { attributeNumber } from '../../wire/ikev1/attribute.ts'
import type { Attribute, SaPayload, Transform } from '../../wire/ikev1/payload.ts'
import type { OfferedProposal } from '../config.ts'
import { TYPE } from '../v2/suite.ts'
import { HASHES, type HashInfo } from './hash-algorithms.ts'
import { SPEC } from './numbers.ts'

/** One transform of phase 1, by the numbers of RFC 2409 Appendix A. */
export interface Phase1Offer {
  readonly encryption: number
  /** Where the cipher has more than one. */
  readonly keyBits?: number
  readonly hash: number
  readonly authentication: number
  readonly group: number
}

/** What two peers agreed on for an ISAKMP SA. */
export interface Phase1Suite {
  readonly encryption: CipherInfo
  readonly keyBits: number
  readonly hash: HashInfo
  readonly prf: PrfInfo
  readonly authentication: number
  readonly keyExchange: KeyExchangeInfo
}

const A = Phase1Attribute

/** Encryption attribute → Transform ID of the same cipher in IKEv2. */
const ciphers: ReadonlyMap<number, number> = new Map([
  [Phase1Encryption.DES_CBC.id, 2],
  [Phase1Encryption['3DES_CBC'].id, 3],
  [Phase1Encryption.AES_CBC.id, 12],
  [Phase1Encryption.CAMELLIA_CBC.id, 23],
])

/**
 * The proposals of a profile as phase 1 offers them: every combination, the most wanted first. What IKEv1 knows no
 * number for (GCM, ML-KEM) is left out. `authentication`: value of the Authentication attribute.
 */
export function phase1Offers(
  registry: CryptoRegistry,
  proposals: readonly OfferedProposal[],
  authentication: number,
): Phase1Offer[] {
  const offers: Phase1Offer[] = []
  // Who wants several key exchanges does not want to do with one. RFC 9370
  for (const proposal of proposals.filter((p) => p.every(({ type }) => type <= TYPE.SN))) {
    const of = (type: number) => proposal.filter((t) => t.type === type)
    for (const encr of of(TYPE.ENCR)) {
      const encryption = [...ciphers].find(([, id]) => id === encr.id)?.[0]
      const row = registry.encryption.get(encr.id)
      if (encryption === undefined || row === undefined) continue
      for (const prf of of(TYPE.PRF)) {
        const hash = [...HASHES.values()].find((h) => h.prf === prf.id)
        if (hash === undefined || !registry.prf.has(prf.id)) continue
        for (const ke of of(TYPE.KE)) {
          if (ke.id > SPEC.lastGroup || !registry.keyExchange.has(ke.id)) continue
          const keyBits = row.keyLengthAttribute ? { keyBits: encr.keyBits ?? row.keyBits[0]! } : {}
          offers.push({ encryption, ...keyBits, hash: hash.id, authentication, group: ke.id })
        }
      }
    }
  }
  return offers.filter((offer, i) => offers.findIndex((other) => same(other, offer)) === i)
}

const same = (a: Phase1Offer, b: Phase1Offer): boolean =>
  a.encryption === b.encryption &&
  a.keyBits === b.keyBits &&
  a.hash === b.hash &&
  a.authentication === b.authentication &&
  a.group === b.group

/** Key length right after encryption: older gateways look for it there. */
function attributesOf(offer: Phase1Offer, seconds: number): Attribute[] {
  return [
    { type: A.ENCRYPTION.id, value: offer.encryption },
    ...(offer.keyBits === undefined ? [] : [{ type: A.KEY_LENGTH.id, value: offer.keyBits }]),
    { type: A.HASH.id, value: offer.hash },
    { type: A.GROUP.id, value: offer.group },
    { type: A.AUTHENTICATION.id, value: offer.authentication },
    { type: A.LIFE_TYPE.id, value: LifeType.SECONDS.id },
    lifeDuration(A.LIFE_DURATION.id, seconds),
  ]
}

/** A duration in the short form where it fits, else in four octets. RFC 2407 §4.5 */
export function lifeDuration(type: number, amount: number): Attribute {
  if (amount <= 0xffff) return { type, value: amount }
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, Math.min(amount, 0xffff_ffff))
  return { type, bytes }
}

/** One proposal with a transform for each offer. RFC 2408 §4.2, RFC 2409 §5 */
export function encodePhase1(offers: readonly Phase1Offer[], seconds: number): SaPayload {
  const transforms = offers.map((offer, i) => ({
    number: i + 1,
    id: IsakmpTransform.KEY_IKE.id,
    attributes: attributesOf(offer, seconds),
  }))
  return isakmpSa(1, transforms)
}

const isakmpSa = (number: number, transforms: readonly Transform[]): SaPayload => ({
  type: 'SA',
  doi: SPEC.doi,
  situation: SPEC.identityOnly,
  proposals: [{ number, protocol: 1, spi: new Uint8Array(0), transforms }],
})

/** What a transform asks for; `undefined` with anything in it that we do not know, or twice. RFC 2409 Appendix A */
export function readPhase1(transform: Transform): Phase1Choice | undefined {
  if (transform.id !== IsakmpTransform.KEY_IKE.id) return undefined
  const values = new Map<number, number>()
  let lifeType: number | undefined
  let seconds: number | undefined
  let kilobytes: number | undefined
  for (const attribute of transform.attributes) {
    const value = attributeNumber(attribute)
    if (value === undefined) return undefined
    if (attribute.type === A.LIFE_TYPE.id) lifeType = value
    else if (attribute.type === A.LIFE_DURATION.id) {
      // A lifetime of nothing is none: strongSwan writes one where it is told to keep its keys.
      if (lifeType === LifeType.SECONDS.id && value > 0) seconds = value
      if (lifeType === LifeType.KILOBYTES.id && value > 0) kilobytes = value
      lifeType = undefined
    } else if (!KNOWN.has(attribute.type) || values.has(attribute.type)) return undefined
    else values.set(attribute.type, value)
  }
  const encryption = values.get(A.ENCRYPTION.id)
  const hash = values.get(A.HASH.id)
  const authentication = values.get(A.AUTHENTICATION.id)
  const group = values.get(A.GROUP.id)
  if (encryption === undefined || hash === undefined || authentication === undefined || group === undefined)
    return undefined
  // Who leaves the length of AES out means 128.
  const keyBits =
    values.get(A.KEY_LENGTH.id) ?? (encryption === Phase1Encryption.AES_CBC.id ? 128 : undefined)
  const offer = { encryption, hash, authentication, group, ...(keyBits === undefined ? {} : { keyBits }) }
  return { offer, seconds, ...(kilobytes === undefined ? {} : { kilobytes }) }
}

const KNOWN = new Set<number>([A.ENCRYPTION.id, A.HASH.id, A.AUTHENTICATION.id, A.GROUP.id, A.KEY_LENGTH.id])

export interface Phase1Choice {
  readonly offer: Phase1Offer
  /** Lifetime the peer named. */
  readonly seconds: number | undefined
  /** What may be encrypted until then, where the peer named that too. */
  readonly kilobytes?: number
}

/** The responder's choice: the first of the initiator's transforms that is among ours, and the SA that says so. */
export function choosePhase1(
  allowed: readonly Phase1Offer[],
  sa: SaPayload,
): (Phase1Choice & { readonly answer: SaPayload }) | undefined {
  for (const proposal of sa.proposals) {
    if (proposal.protocol !== 1) continue
    for (const transform of proposal.transforms) {
      const read = readPhase1(transform)
      if (read === undefined || !allowed.some((a) => same(a, read.offer))) continue
      // Attributes go back as they came. RFC 2409 §5
      return { ...read, answer: isakmpSa(proposal.number, [transform]) }
    }
  }
  return undefined
}

/** The answer to our offer must be one of our transforms, unchanged but for the lifetime. RFC 2409 §5 */
export function checkPhase1(
  offers: readonly Phase1Offer[],
  sa: SaPayload,
): ({ readonly ok: true } & Phase1Choice) | { readonly ok: false; readonly problem: string } {
  const refuse = (problem: string) => ({ ok: false, problem }) as const
  const [proposal, more] = sa.proposals
  if (proposal === undefined || more !== undefined)
    return refuse(`${sa.proposals.length} proposals instead of one`)
  if (proposal.protocol !== 1) return refuse(`protocol ${proposal.protocol} was not offered`)
  const [transform, second] = proposal.transforms
  if (transform === undefined || second !== undefined)
    return refuse(`${proposal.transforms.length} transforms instead of one`)
  const read = readPhase1(transform)
  if (read === undefined || !offers.some((o) => same(o, read.offer)))
    return refuse(`transform ${transform.number} was not offered`)
  return { ok: true, ...read }
}

/** Registry rows behind an offer; `undefined` when one is missing. */
export function phase1Suite(registry: CryptoRegistry, offer: Phase1Offer): Phase1Suite | undefined {
  const encryption = registry.encryption.get(ciphers.get(offer.encryption) ?? -1)
  const hash = HASHES.get(offer.hash)
  const prf = registry.prf.get(hash?.prf ?? -1)
  const keyExchange = registry.keyExchange.get(offer.group)
  if (encryption === undefined || encryption.aead || hash === undefined || prf === undefined) return undefined
  if (keyExchange === undefined) return undefined
  const keyBits = offer.keyBits ?? encryption.keyBits[0]!
  if (!encryption.keyBits.includes(keyBits)) return undefined
  return { encryption, keyBits, hash, prf, authentication: offer.authentication, keyExchange }
}

/** Names of a suite, for people. */
export function describePhase1(suite: Phase1Suite): string[] {
  const { encryption, keyBits, hash, keyExchange } = suite
  return [
    encryption.keyLengthAttribute ? `${encryption.name}_${keyBits}` : encryption.name,
    `HASH_${hash.name}`,
    keyExchange.name,
  ]
}

/** One line per transform, for "the gateway takes none of these". */
export const describePhase1Offers = (registry: CryptoRegistry, offers: readonly Phase1Offer[]): string[] =>
  offers.flatMap((offer) => {
    const suite = phase1Suite(registry, offer)
    return suite === undefined ? [] : [describePhase1(suite).join(' ')]
  })
