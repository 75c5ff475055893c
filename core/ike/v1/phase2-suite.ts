import { caught } from '../../bytes/malformed.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import type { CryptoRegistry } from '../../crypto/transforms.ts'
import type { ChildMode } from '../../esp/engine.ts'
import {
  AhTransform,
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

/** One transform of phase 2, by the numbers of RFC 2407. */
export interface Phase2Offer {
  /** ESP or AH. */
  readonly protocol: number
  /** ESP or AH transform identifier. */
  readonly transform: number
  readonly keyBits?: number
  /** Value of the Authentication attribute; absent with an AEAD. Of AH it says the same as the transform. RFC 2407 §4.4.3 */
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

/** AH transform → Transform ID of the same integrity in IKEv2. */
const authenticators: ReadonlyMap<number, number> = new Map([
  [AhTransform.AH_MD5.id, 1],
  [AhTransform.AH_SHA.id, 2],
  [AhTransform.AH_SHA2_256.id, 12],
  [AhTransform.AH_SHA2_384.id, 13],
  [AhTransform.AH_SHA2_512.id, 14],
  [AhTransform.AH_AES_XCBC_MAC.id, 5],
])

const ESP = SecurityProtocol.ESP.id
const AH = SecurityProtocol.AH.id

const keyOf = (map: ReadonlyMap<number, number>, value: number): number | undefined =>
  [...map].find(([, v]) => v === value)?.[0]

/** How packets travel: the values of the Encapsulation attribute. RFC 3947 §5.1 */
const ENCAPSULATIONS = {
  none: { tunnel: Encapsulation.TUNNEL.id, transport: Encapsulation.TRANSPORT.id },
  rfc: { tunnel: Encapsulation.UDP_TUNNEL.id, transport: Encapsulation.UDP_TRANSPORT.id },
  draft: { tunnel: Encapsulation.UDP_TUNNEL_DRAFT.id, transport: Encapsulation.UDP_TRANSPORT_DRAFT.id },
} as const

export const encapsulationOf = (mode: ChildMode, udp: keyof typeof ENCAPSULATIONS): number =>
  ENCAPSULATIONS[udp][mode]

export const modeOf = ({ encapsulation }: Phase2Offer): ChildMode =>
  Object.values(ENCAPSULATIONS).some(({ transport }) => transport === encapsulation) ? 'transport' : 'tunnel'

/** The proposals of a profile as quick mode offers them: every combination, the most wanted first. */
export function phase2Offers(
  registry: CryptoRegistry,
  protocol: number,
  proposals: readonly OfferedProposal[],
  encapsulation: number,
  group: number | undefined,
): Phase2Offer[] {
  const offers: Phase2Offer[] = []
  const common = { protocol, encapsulation, ...(group === undefined ? {} : { group }) }
  for (const proposal of proposals.filter((p) => p.every(({ type }) => type <= TYPE.SN))) {
    const of = (type: number) => proposal.filter((t) => t.type === type)
    // 64-bit numbers came late and few gateways know them: only where nothing else will do.
    const esn = of(TYPE.SN).length > 0 && of(TYPE.SN).every((t) => t.id === 1)
    if (protocol === AH) {
      for (const { id } of of(TYPE.INTEG)) {
        const transform = keyOf(authenticators, id)
        const authentication = keyOf(integrities, id)
        if (transform !== undefined && authentication !== undefined && registry.integrity.has(id))
          offers.push({ ...common, transform, authentication, esn })
      }
      continue
    }
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
          ...common,
          transform,
          ...(row.keyLengthAttribute ? { keyBits: encr.keyBits ?? row.keyBits[0]! } : {}),
          ...(authentication === undefined ? {} : { authentication }),
          esn,
        })
    }
  }
  return offers.filter((offer, i) => offers.findIndex((other) => same(other, offer)) === i)
}

const same = (a: Phase2Offer, b: Phase2Offer): boolean =>
  a.protocol === b.protocol &&
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

const saOf = (proposals: readonly Proposal[]): SaPayload => ({
  type: 'SA',
  doi: SPEC.doi,
  situation: SPEC.identityOnly,
  proposals,
})

/** A protocol, with the SPI of whoever speaks: four octets. */
export interface Named {
  readonly protocol: number
  readonly spi: Uint8Array
}

/**
 * A proposal for each protocol, all of one number: that is both, and not either. In it a transform for each offer.
 * RFC 2408 §4.2, RFC 2409 §5.5
 */
export const encodePhase2 = (
  offers: readonly Phase2Offer[],
  spis: readonly Named[],
  seconds: number,
): SaPayload =>
  saOf(
    spis.map(({ protocol, spi }) => ({
      number: 1,
      protocol,
      spi,
      transforms: offers
        .filter((offer) => offer.protocol === protocol)
        .map((offer, i) => ({
          number: i + 1,
          id: offer.transform,
          attributes: attributesOf(offer, seconds),
        })),
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
export function lifeNotice(
  phase: 1 | 2,
  spi: Uint8Array,
  seconds: number,
  protocol: number = phase === 1 ? SecurityProtocol.ISAKMP.id : ESP,
): NotifyPayload {
  const { type, duration } = LIFE_NUMBERS[phase]
  const w = new Writer()
  encodeAttributes(w, [{ type, value: LifeType.SECONDS.id }, lifeDuration(duration, seconds)])
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
export function readPhase2(
  protocol: number,
  transform: Transform,
): ({ readonly offer: Phase2Offer } & Life) | undefined {
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
    values.get(A.KEY_LENGTH.id) ??
    (protocol === ESP && transform.id === EspTransform.ESP_AES_CBC.id ? 128 : undefined)
  const authentication = values.get(A.AUTHENTICATION.id)
  const group = values.get(A.GROUP.id)
  const offer: Phase2Offer = {
    protocol,
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

/** What was agreed for each protocol: one, or AH and ESP around the same packets. */
export interface Phase2Choice extends Life {
  readonly parts: readonly (Named & { readonly offer: Phase2Offer })[]
}

/** Proposals of one number are for the same packets, all of them. RFC 2408 §4.2 */
function bundles(proposals: readonly Proposal[]): readonly (readonly Proposal[])[] {
  const numbers = [...new Set(proposals.map(({ number }) => number))]
  return numbers.map((number) => proposals.filter((proposal) => proposal.number === number))
}

/** ESP, AH, or one of each. */
const isKnown = (bundle: readonly Proposal[]): boolean =>
  bundle.every(({ protocol }) => protocol === ESP || protocol === AH) &&
  new Set(bundle.map(({ protocol }) => protocol)).size === bundle.length

/** What goes around one packet is in one mode, with one kind of sequence numbers, and takes its keys from one exchange. */
const goTogether = (a: Phase2Offer, b: Phase2Offer): boolean =>
  a.encapsulation === b.encapsulation && a.group === b.group && a.esn === b.esn

interface Part extends Life {
  readonly offer: Phase2Offer
  readonly transform: Transform
}

/** A transform of each proposal, those of the first in the order of their sender. */
function pick(bundle: readonly Proposal[], allow: (offer: Phase2Offer) => boolean): Part[] | undefined {
  const [first = [], ...others] = bundle.map(({ protocol, transforms }) =>
    transforms.flatMap((transform): Part[] => {
      const read = readPhase2(protocol, transform)
      return read === undefined || !allow(read.offer) ? [] : [{ ...read, transform }]
    }),
  )
  for (const one of first) {
    const rest = others.map((part) => part.find(({ offer }) => goTogether(offer, one.offer)))
    if (rest.every((part) => part !== undefined)) return [one, ...rest]
  }
  return undefined
}

/** The shortest life of any part. */
function shortest(parts: readonly Life[]): Life {
  const kilobytes = parts.flatMap((part) => part.kilobytes ?? [])
  return {
    seconds: Math.min(...parts.map(({ seconds }) => seconds)),
    ...(kilobytes.length === 0 ? {} : { kilobytes: Math.min(...kilobytes) }),
  }
}

/** The responder's choice: the first of the initiator's bundles that `allow` takes whole. `spiFor`: ours. */
export function choosePhase2(
  allow: (offer: Phase2Offer) => boolean,
  sa: SaPayload,
  spiFor: (protocol: number) => Uint8Array,
): (Phase2Choice & { readonly answer: SaPayload }) | undefined {
  for (const bundle of bundles(sa.proposals)) {
    const picked = isKnown(bundle) ? pick(bundle, allow) : undefined
    if (picked === undefined) continue
    const parts = bundle.map(({ protocol, spi }, i) => ({ protocol, spi, offer: picked[i]!.offer }))
    const answer = saOf(
      bundle.map(({ number, protocol }, i) => ({
        number,
        protocol,
        spi: spiFor(protocol),
        transforms: [picked[i]!.transform],
      })),
    )
    return { parts, answer, ...shortest(picked) }
  }
  return undefined
}

/** Whether `offer` is one of ours, group aside where `group` is not given. */
export const isAllowed = (allowed: readonly Phase2Offer[], offer: Phase2Offer): boolean =>
  allowed.some((a) => same(a, offer))

/** The answer to our offer must be one of our transforms of each protocol, unchanged but for the lifetime. RFC 2409 §5.5 */
export function checkPhase2(
  offers: readonly Phase2Offer[],
  sa: SaPayload,
): ({ readonly ok: true } & Phase2Choice) | { readonly ok: false; readonly problem: string } {
  const refuse = (problem: string) => ({ ok: false, problem }) as const
  const wanted = new Set(offers.map(({ protocol }) => protocol))
  const { proposals } = sa
  const unasked = proposals.find(({ protocol }) => !wanted.has(protocol))
  if (unasked !== undefined) return refuse(`protocol ${unasked.protocol} was not offered`)
  if (proposals.length !== wanted.size || bundles(proposals).length !== 1 || !isKnown(proposals))
    return refuse(`${proposals.length} proposals instead of ${wanted.size === 1 ? 'one' : wanted.size}`)
  const several = proposals.find(({ transforms }) => transforms.length !== 1)
  if (several !== undefined) return refuse(`${several.transforms.length} transforms instead of one`)
  const picked = pick(proposals, (offer) => isAllowed(offers, offer))
  if (picked === undefined)
    return refuse(
      `transform ${proposals.map(({ transforms }) => transforms[0]?.number).join(' with ')} was not offered`,
    )
  const parts = proposals.map(({ protocol, spi }, i) => ({ protocol, spi, offer: picked[i]!.offer }))
  return { ok: true, parts, ...shortest(picked) }
}

/** Registry rows behind what was agreed; `undefined` when one is missing. */
export function phase2Suite(
  registry: CryptoRegistry,
  parts: readonly { readonly offer: Phase2Offer }[],
): ChildSuite | undefined {
  const [esp, ah] = [ESP, AH].map((protocol) => parts.find((p) => p.offer.protocol === protocol)?.offer)
  const one = esp ?? ah
  if (one === undefined) return undefined
  const { group, esn } = one
  const keyExchange = group === undefined ? undefined : registry.keyExchange.get(group)
  if (group !== undefined && keyExchange === undefined) return undefined
  const sealed = esp === undefined ? NO_ESP : espRows(registry, esp)
  const authenticator = ah === undefined ? undefined : ahRow(registry, ah)
  if (sealed === undefined || (ah !== undefined && authenticator === undefined)) return undefined
  return { ...sealed, ...(authenticator === undefined ? {} : { ah: authenticator }), keyExchange, esn }
}

const NO_ESP = { encryption: undefined, keyBits: 0, integrity: undefined } as const

function espRows(
  registry: CryptoRegistry,
  { transform, authentication, keyBits }: Phase2Offer,
): Pick<ChildSuite, 'encryption' | 'keyBits' | 'integrity'> | undefined {
  const encryption = registry.encryption.get(ciphers.get(transform) ?? -1)
  if (encryption === undefined) return undefined
  const integrity =
    authentication === undefined ? undefined : registry.integrity.get(integrities.get(authentication) ?? -1)
  if (encryption.aead !== (integrity === undefined)) return undefined
  const bits = keyBits ?? encryption.keyBits[0]!
  return encryption.keyBits.includes(bits) ? { encryption, keyBits: bits, integrity } : undefined
}

/** The Authentication attribute has to be there and to say the same. RFC 2407 §4.4.3 */
function ahRow(registry: CryptoRegistry, { transform, authentication }: Phase2Offer) {
  const id = authenticators.get(transform)
  if (id === undefined || authentication === undefined || integrities.get(authentication) !== id)
    return undefined
  return registry.integrity.get(id)
}
