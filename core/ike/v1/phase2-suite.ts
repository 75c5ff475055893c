import { caught } from '../../bytes/malformed.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import type { CryptoRegistry } from '../../crypto/transforms.ts'
import {
  Encapsulation,
  EspTransform,
  LifeType,
  NotifyType,
  Phase1Attribute,
  Phase2Attribute,
  Phase2Authentication,
  SecurityProtocol,
} from '../../iana/ikev1.ts'
import { attributeNumber, decodeAttributes, encodeAttributes } from '../../wire/ikev1/attribute.ts'
import type { Attribute, NotifyPayload, Proposal, SaPayload, Transform } from '../../wire/ikev1/payload.ts'
import type { OfferedProposal } from '../config.ts'
import { type ChildSuite, TYPE } from '../v2/suite.ts'
import { SPEC } from './numbers.ts'
import { notify } from './payloads.ts'
import { lifeDuration } from './phase1-suite.ts'

/** One transform of phase 2 for ESP, by the numbers of RFC 2407. */
export interface Phase2Offer {
  /** ESP transform identifier. */
  readonly transform: number
  readonly keyBits?: number
  /** Value of the Authentication attribute; absent with an AEAD. */
  readonly authentication?: number
  readonly encapsulation: number
  /** Absent without perfect forward secrecy. */
  readonly group?: number
  /** 64-bit sequence numbers. RFC 4304 */
  readonly esn: boolean
}

const A = Phase2Attribute

/** ESP transform → Transform ID of the same cipher in IKEv2. */
const ciphers: ReadonlyMap<number, number> = new Map([
  [EspTransform.ESP_DES.id, 2],
  [EspTransform.ESP_3DES.id, 3],
  [EspTransform.ESP_NULL.id, 11],
  [EspTransform.ESP_AES_CBC.id, 12],
  [EspTransform.ESP_AES_CTR.id, 13],
  [EspTransform.ESP_AES_CCM_8.id, 14],
  [EspTransform.ESP_AES_CCM_12.id, 15],
  [EspTransform.ESP_AES_CCM_16.id, 16],
  [EspTransform.ESP_AES_GCM_8.id, 18],
  [EspTransform.ESP_AES_GCM_12.id, 19],
  [EspTransform.ESP_AES_GCM_16.id, 20],
  [EspTransform.ESP_CAMELLIA.id, 23],
])

/** Authentication attribute → Transform ID of the same integrity in IKEv2. */
const integrities: ReadonlyMap<number, number> = new Map([
  [Phase2Authentication.HMAC_MD5.id, 1],
  [Phase2Authentication.HMAC_SHA1.id, 2],
  [Phase2Authentication.HMAC_SHA2_256.id, 12],
  [Phase2Authentication.HMAC_SHA2_384.id, 13],
  [Phase2Authentication.HMAC_SHA2_512.id, 14],
  [Phase2Authentication.AES_XCBC_MAC.id, 5],
])

const keyOf = (map: ReadonlyMap<number, number>, value: number): number | undefined =>
  [...map].find(([, v]) => v === value)?.[0]

/** How packets travel, by the value of the Encapsulation attribute. RFC 3947 §5.1 */
export const tunnelMode = (nat: 'none' | 'rfc' | 'draft'): number =>
  nat === 'none'
    ? Encapsulation.TUNNEL.id
    : nat === 'rfc'
      ? Encapsulation.UDP_TUNNEL.id
      : Encapsulation.UDP_TUNNEL_DRAFT.id

/** The proposals of a profile as quick mode offers them: every combination, the most wanted first. */
export function phase2Offers(
  registry: CryptoRegistry,
  proposals: readonly OfferedProposal[],
  encapsulation: number,
  group: number | undefined,
): Phase2Offer[] {
  const offers: Phase2Offer[] = []
  for (const proposal of proposals.filter((p) => p.every(({ type }) => type <= TYPE.SN))) {
    const of = (type: number) => proposal.filter((t) => t.type === type)
    // 64-bit numbers came late and few gateways know them: only where nothing else will do.
    const esn = of(TYPE.SN).length > 0 && of(TYPE.SN).every((t) => t.id === 1)
    for (const encr of of(TYPE.ENCR)) {
      const transform = keyOf(ciphers, encr.id)
      const row = registry.encryption.get(encr.id)
      if (transform === undefined || row === undefined) continue
      const macs = row.aead
        ? [undefined]
        : of(TYPE.INTEG).flatMap((t) =>
            registry.integrity.has(t.id) ? (keyOf(integrities, t.id) ?? []) : [],
          )
      for (const authentication of macs)
        offers.push({
          transform,
          ...(row.keyLengthAttribute ? { keyBits: encr.keyBits ?? row.keyBits[0]! } : {}),
          ...(authentication === undefined ? {} : { authentication }),
          encapsulation,
          ...(group === undefined ? {} : { group }),
          esn,
        })
    }
  }
  return offers.filter((offer, i) => offers.findIndex((other) => same(other, offer)) === i)
}

const same = (a: Phase2Offer, b: Phase2Offer): boolean =>
  a.transform === b.transform &&
  a.keyBits === b.keyBits &&
  a.authentication === b.authentication &&
  a.encapsulation === b.encapsulation &&
  a.group === b.group &&
  a.esn === b.esn

const attributesOf = (offer: Phase2Offer, seconds: number): Attribute[] => [
  ...(offer.keyBits === undefined ? [] : [{ type: A.KEY_LENGTH.id, value: offer.keyBits }]),
  ...(offer.authentication === undefined ? [] : [{ type: A.AUTHENTICATION.id, value: offer.authentication }]),
  ...(offer.group === undefined ? [] : [{ type: A.GROUP.id, value: offer.group }]),
  { type: A.ENCAPSULATION.id, value: offer.encapsulation },
  { type: A.LIFE_TYPE.id, value: LifeType.SECONDS.id },
  lifeDuration(A.LIFE_DURATION.id, seconds),
  ...(offer.esn ? [{ type: A.EXTENDED_SEQUENCE_NUMBER.id, value: 1 }] : []),
]

const espSa = (number: number, spi: Uint8Array, transforms: readonly Transform[]): SaPayload => ({
  type: 'SA',
  doi: SPEC.doi,
  situation: SPEC.identityOnly,
  proposals: [{ number, protocol: SecurityProtocol.ESP.id, spi, transforms }],
})

/** One proposal with a transform for each offer. `spi`: ours, four octets. RFC 2409 §5.5 */
export const encodePhase2 = (offers: readonly Phase2Offer[], spi: Uint8Array, seconds: number): SaPayload =>
  espSa(
    1,
    spi,
    offers.map((offer, i) => ({
      number: i + 1,
      id: offer.transform,
      attributes: attributesOf(offer, seconds),
    })),
  )

/** How long a pair of SAs may live, by the clock and by what it carries. RFC 2407 §4.5 */
export interface Life {
  readonly seconds: number
  readonly kilobytes?: number
}

/** The numbers of its attributes: as in a transform of that phase. */
const LIFE_NUMBERS = {
  1: { type: Phase1Attribute.LIFE_TYPE.id, duration: Phase1Attribute.LIFE_DURATION.id },
  2: { type: A.LIFE_TYPE.id, duration: A.LIFE_DURATION.id },
} as const

/** RESPONDER-LIFETIME: we keep an SA for less than the peer offered. RFC 2407 §4.6.3.1 */
export function lifeNotice(phase: 1 | 2, spi: Uint8Array, seconds: number): NotifyPayload {
  const { type, duration } = LIFE_NUMBERS[phase]
  const w = new Writer()
  encodeAttributes(w, [{ type, value: LifeType.SECONDS.id }, lifeDuration(duration, seconds)])
  const protocol = phase === 1 ? SecurityProtocol.ISAKMP.id : SecurityProtocol.ESP.id
  return notify(NotifyType.RESPONDER_LIFETIME.id, spi, w.finish(), protocol)
}

/** What a RESPONDER-LIFETIME says: a list of attributes, as in a transform. RFC 2407 §4.6.3.1 */
export function readLife(data: Uint8Array, phase: 1 | 2 = 2): Partial<Life> {
  const numbers = LIFE_NUMBERS[phase]
  const read = caught(() => decodeAttributes(new Reader(data, ['RESPONDER_LIFETIME'], 'RFC 2407 §4.6.3.1')))
  if (!read.ok) return {}
  let lifeType: number | undefined
  const life: { seconds?: number; kilobytes?: number } = {}
  for (const attribute of read.value) {
    const value = attributeNumber(attribute)
    if (attribute.type === numbers.type) lifeType = value
    else if (attribute.type === numbers.duration && value !== undefined) {
      if (lifeType === LifeType.SECONDS.id && value > 0) life.seconds = value
      if (lifeType === LifeType.KILOBYTES.id && value > 0) life.kilobytes = value
    }
  }
  return life
}

/** What a transform asks for; `undefined` with anything in it that we do not know or cannot do. RFC 2407 §4.5 */
export function readPhase2(transform: Transform): ({ readonly offer: Phase2Offer } & Life) | undefined {
  const values = new Map<number, number>()
  let lifeType: number | undefined
  let seconds: number = SPEC.phase2Seconds
  let kilobytes: number | undefined
  for (const attribute of transform.attributes) {
    const value = attributeNumber(attribute)
    if (value === undefined) return undefined
    if (attribute.type === A.LIFE_TYPE.id) lifeType = value
    else if (attribute.type === A.LIFE_DURATION.id) {
      // As in phase 1, nothing is none.
      if (lifeType === LifeType.SECONDS.id && value > 0) seconds = value
      if (lifeType === LifeType.KILOBYTES.id && value > 0) kilobytes = value
      lifeType = undefined
    } else if (!KNOWN.has(attribute.type) || values.has(attribute.type)) return undefined
    else values.set(attribute.type, value)
  }
  const esn = values.get(A.EXTENDED_SEQUENCE_NUMBER.id)
  if (esn !== undefined && esn !== 1) return undefined
  const keyBits =
    values.get(A.KEY_LENGTH.id) ?? (transform.id === EspTransform.ESP_AES_CBC.id ? 128 : undefined)
  const authentication = values.get(A.AUTHENTICATION.id)
  const group = values.get(A.GROUP.id)
  const offer: Phase2Offer = {
    transform: transform.id,
    ...(keyBits === undefined ? {} : { keyBits }),
    ...(authentication === undefined ? {} : { authentication }),
    // Absent means what the host likes; everybody means a tunnel.
    encapsulation: values.get(A.ENCAPSULATION.id) ?? Encapsulation.TUNNEL.id,
    ...(group === undefined ? {} : { group }),
    esn: esn === 1,
  }
  return { offer, seconds, ...(kilobytes === undefined ? {} : { kilobytes }) }
}

const KNOWN = new Set<number>([
  A.KEY_LENGTH.id,
  A.AUTHENTICATION.id,
  A.GROUP.id,
  A.ENCAPSULATION.id,
  A.EXTENDED_SEQUENCE_NUMBER.id,
])

export interface Phase2Choice extends Life {
  readonly offer: Phase2Offer
  /** The peer's SPI, four octets. */
  readonly spi: Uint8Array
}

/** A proposal that stands alone: neighbours of the same number are bundles, which we cannot do. RFC 2408 §4.2 */
const alone = (proposals: readonly Proposal[], proposal: Proposal): boolean =>
  proposals.every((other) => other === proposal || other.number !== proposal.number)

/** The responder's choice: the first of the initiator's transforms that `allow` takes. `spi`: ours. */
export function choosePhase2(
  allow: (offer: Phase2Offer) => boolean,
  sa: SaPayload,
  spi: Uint8Array,
): (Phase2Choice & { readonly answer: SaPayload }) | undefined {
  for (const proposal of sa.proposals) {
    if (proposal.protocol !== SecurityProtocol.ESP.id || !alone(sa.proposals, proposal)) continue
    for (const transform of proposal.transforms) {
      const read = readPhase2(transform)
      if (read === undefined || !allow(read.offer)) continue
      return { ...read, spi: proposal.spi, answer: espSa(proposal.number, spi, [transform]) }
    }
  }
  return undefined
}

/** Whether `offer` is one of ours, group aside where `group` is not given. */
export const isAllowed = (allowed: readonly Phase2Offer[], offer: Phase2Offer): boolean =>
  allowed.some((a) => same(a, offer))

/** The answer to our offer must be one of our transforms, unchanged but for the lifetime. RFC 2409 §5.5 */
export function checkPhase2(
  offers: readonly Phase2Offer[],
  sa: SaPayload,
): ({ readonly ok: true } & Phase2Choice) | { readonly ok: false; readonly problem: string } {
  const refuse = (problem: string) => ({ ok: false, problem }) as const
  const [proposal, more] = sa.proposals
  if (proposal === undefined || more !== undefined)
    return refuse(`${sa.proposals.length} proposals instead of one`)
  if (proposal.protocol !== SecurityProtocol.ESP.id)
    return refuse(`protocol ${proposal.protocol} was not offered`)
  const [transform, second] = proposal.transforms
  if (transform === undefined || second !== undefined)
    return refuse(`${proposal.transforms.length} transforms instead of one`)
  const read = readPhase2(transform)
  if (read === undefined || !isAllowed(offers, read.offer))
    return refuse(`transform ${transform.number} was not offered`)
  return { ok: true, ...read, spi: proposal.spi }
}

/** Registry rows behind an offer; `undefined` when one is missing. */
export function phase2Suite(registry: CryptoRegistry, offer: Phase2Offer): ChildSuite | undefined {
  const encryption = registry.encryption.get(ciphers.get(offer.transform) ?? -1)
  if (encryption === undefined) return undefined
  const integrity =
    offer.authentication === undefined
      ? undefined
      : registry.integrity.get(integrities.get(offer.authentication) ?? -1)
  if (encryption.aead !== (integrity === undefined)) return undefined
  const keyExchange = offer.group === undefined ? undefined : registry.keyExchange.get(offer.group)
  if (offer.group !== undefined && keyExchange === undefined) return undefined
  const keyBits = offer.keyBits ?? encryption.keyBits[0]!
  if (!encryption.keyBits.includes(keyBits)) return undefined
  return { encryption, keyBits, integrity, keyExchange, esn: offer.esn }
}
