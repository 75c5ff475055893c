import { Malformed } from '../../bytes/malformed.ts'
import { NO_OCTETS } from '../../bytes/octets.ts'
import type {
  CryptoRegistry,
  EncryptionInfo,
  IntegrityInfo,
  KeyExchangeInfo,
  PrfInfo,
} from '../../crypto/transforms.ts'
import type { Proposal, Transform } from '../../wire/ikev2/payload.ts'
import type { OfferedProposal, OfferedTransform } from '../config.ts'

/** IANA Transform Types. RFC 7296 §3.3.2 */
export const TYPE = { ENCR: 1, PRF: 2, INTEG: 3, KE: 4, SN: 5 } as const
/** Additional key exchanges, ADDKE1 … ADDKE7: the methods are those of type 4. RFC 9370 §2.2.1 */
export const isAdditional = ({ type }: { readonly type: number }): boolean => type >= 6 && type <= 12

/** Proposals that ask for more than one key exchange. */
export const needsIntermediate = (offers: readonly OfferedProposal[]): boolean =>
  offers.some((offer) => offer.some((t) => isAdditional(t) && t.id !== 0))

/** Security Protocol Identifiers. RFC 7296 §3.3.1 */
export const PROTOCOL = { IKE: 1, AH: 2, ESP: 3 } as const
const KEY_LENGTH_ATTRIBUTE = 14

/** What two peers agreed on for an IKE SA. */
export interface IkeSuite {
  readonly encryption: EncryptionInfo
  readonly keyBits: number
  readonly prf: PrfInfo
  /** Absent with an AEAD. */
  readonly integrity: IntegrityInfo | undefined
  readonly keyExchange: KeyExchangeInfo
  /** One after the other, behind `keyExchange`. RFC 9370 */
  readonly additional?: readonly KeyExchangeInfo[]
}

/** What two peers agreed on for a CHILD_SA. */
export interface ChildSuite {
  /** Of ESP; absent where AH protects alone. */
  readonly encryption: EncryptionInfo | undefined
  readonly keyBits: number
  readonly integrity: IntegrityInfo | undefined
  /** Of AH, where there is one. */
  readonly ah?: IntegrityInfo
  /** Absent without perfect forward secrecy. */
  readonly keyExchange: KeyExchangeInfo | undefined
  readonly additional?: readonly KeyExchangeInfo[]
  readonly esn: boolean
}

/** Our offer as it travels: proposal numbers count from 1. RFC 7296 §3.3 */
export function encodeOffer(
  offers: readonly OfferedProposal[],
  protocol: number,
  spi: Uint8Array = NO_OCTETS,
): Proposal[] {
  return offers.map((offer, i) => ({
    number: i + 1,
    protocol,
    spi,
    transforms: offer.map((t) => ({
      type: t.type,
      id: t.id,
      attributes: t.keyBits === undefined ? [] : [{ type: KEY_LENGTH_ATTRIBUTE, value: t.keyBits }],
    })),
  }))
}

/** Key length in bits a transform names, `undefined` without the attribute, `null` with an attribute nobody knows. */
function keyLength(t: Transform): number | undefined | null {
  let bits: number | undefined
  for (const attribute of t.attributes) {
    if (attribute.type !== KEY_LENGTH_ATTRIBUTE || !('value' in attribute) || bits !== undefined) return null
    bits = attribute.value
  }
  return bits
}

const sameTransform = (offered: OfferedTransform, t: Transform): boolean =>
  offered.type === t.type &&
  offered.id === t.id &&
  offered.keyBits === (keyLength(t) ?? undefined) &&
  keyLength(t) !== null

/**
 * The answer to our offer must be one of our proposals with exactly one transform of each type.
 * RFC 7296 §2.7, §3.3.6
 */
export function checkChoice(
  offers: readonly OfferedProposal[],
  protocol: number,
  spiBytes: number,
  proposals: readonly Proposal[],
):
  | { readonly ok: true; readonly chosen: readonly OfferedTransform[]; readonly spi: Uint8Array }
  | { readonly ok: false; readonly problem: string } {
  const chosen = proposals[0]
  if (chosen === undefined || proposals.length !== 1)
    return refuse(`${proposals.length} proposals instead of one`)
  const offer = offers[chosen.number - 1]
  if (offer === undefined) return refuse(`proposal number ${chosen.number} was not offered`)
  if (chosen.protocol !== protocol) return refuse(`protocol ${chosen.protocol} was not offered`)
  if (chosen.spi.length !== spiBytes) return refuse(`an SPI of ${chosen.spi.length} octets`)
  const picked: OfferedTransform[] = []
  for (const t of chosen.transforms) {
    if (t.type === TYPE.INTEG && t.id === 0 && !offer.some((o) => o.type === TYPE.INTEG)) continue
    const match = offer.find((o) => sameTransform(o, t))
    if (match === undefined) return refuse(`transform ${t.type}/${t.id} was not offered`)
    if (picked.some((p) => p.type === match.type)) return refuse(`two transforms of type ${t.type}`)
    if (isRepeated(match, picked)) return refuse(`key exchange ${t.id} twice`)
    picked.push(match)
  }
  for (const o of offer) {
    if (
      o.id !== 0 &&
      !picked.some((p) => p.type === o.type) &&
      !offer.some((p) => p.type === o.type && p.id === 0)
    ) {
      return refuse(`no transform of type ${o.type}`)
    }
  }
  return { ok: true, chosen: picked, spi: chosen.spi }
}

/** No method may be used twice in one negotiation. RFC 9370 §2.2.1 */
const isRepeated = (t: OfferedTransform, picked: readonly OfferedTransform[]): boolean =>
  t.id !== 0 &&
  (isAdditional(t) || t.type === TYPE.KE) &&
  picked.some((p) => p.id === t.id && (isAdditional(p) || p.type === TYPE.KE))

const refuse = (problem: string) => ({ ok: false, problem }) as const

/**
 * The responder's choice: the first proposal of the peer for which we allow a transform of every type it
 * has, our order deciding between alternatives. RFC 7296 §2.7
 */
export function choose(
  allowed: readonly OfferedProposal[],
  protocol: number,
  proposals: readonly Proposal[],
  acceptGroup: (id: number) => boolean = () => true,
): { readonly proposal: Proposal; readonly chosen: readonly OfferedTransform[] } | undefined {
  for (const proposal of proposals) {
    if (proposal.protocol !== protocol) continue
    for (const allow of allowed) {
      const chosen = pickTransforms(allow, proposal.transforms, acceptGroup)
      if (chosen !== undefined) return { proposal, chosen }
    }
  }
  return undefined
}

function pickTransforms(
  allow: OfferedProposal,
  theirs: readonly Transform[],
  acceptGroup: (id: number) => boolean,
): OfferedTransform[] | undefined {
  const picked: OfferedTransform[] = []
  const types = new Set([...allow.map((a) => a.type), ...theirs.map((t) => t.type)])
  for (const type of [...types].sort((a, b) => a - b)) {
    const offered = theirs.filter((t) => t.type === type)
    const mine = allow.filter((a) => a.type === type)
    const match = mine.find(
      (a) =>
        offered.some((t) => sameTransform(a, t)) &&
        (type !== TYPE.KE || acceptGroup(a.id)) &&
        !isRepeated(a, picked),
    )
    if (match !== undefined) picked.push(match)
    else if (isAdditional({ type })) {
      // NONE, said or meant, makes it optional for whoever has it. RFC 9370 §2.2.1
      if (isOptional(offered) && isOptional(mine)) continue
      return undefined
    } else if (
      offered.some((t) => t.id === 0) ||
      (offered.length === 0 && (type === TYPE.KE || type === TYPE.SN)) ||
      (mine.length === 0 && type === TYPE.KE)
    )
      continue
    else return undefined
  }
  return picked
}

const isOptional = (transforms: readonly { readonly id: number }[]): boolean =>
  transforms.length === 0 || transforms.some((t) => t.id === 0)

/** The chosen transforms as a proposal, for the responder's answer. */
export const encodeChoice = (
  number: number,
  protocol: number,
  spi: Uint8Array,
  chosen: readonly OfferedTransform[],
): Proposal => ({
  ...encodeOffer([chosen], protocol, spi)[0]!,
  number,
})

/** Registry rows behind the chosen transforms; `undefined` when one is missing. */
export function ikeSuite(
  registry: CryptoRegistry,
  chosen: readonly OfferedTransform[],
): IkeSuite | undefined {
  const child = childSuite(registry, chosen)
  const prf = registry.prf.get(idOf(chosen, TYPE.PRF) ?? -1)
  if (child?.encryption === undefined || prf === undefined || child.keyExchange === undefined)
    return undefined
  return {
    encryption: child.encryption,
    keyBits: child.keyBits,
    prf,
    integrity: child.integrity,
    keyExchange: child.keyExchange,
    ...(child.additional === undefined ? {} : { additional: child.additional }),
  }
}

/** `protocol`: AH has an integrity algorithm and nothing else. RFC 7296 §3.3.3 */
export function childSuite(
  registry: CryptoRegistry,
  chosen: readonly OfferedTransform[],
  protocol: number = PROTOCOL.ESP,
): ChildSuite | undefined {
  const encr = chosen.find((t) => t.type === TYPE.ENCR)
  const encryption = registry.encryption.get(encr?.id ?? -1)
  const integrityId = idOf(chosen, TYPE.INTEG)
  const integrity =
    integrityId === undefined || integrityId === 0 ? undefined : registry.integrity.get(integrityId)
  const alone = protocol === PROTOCOL.AH
  if (alone ? encr !== undefined || integrity === undefined : encryption?.aead !== (integrity === undefined))
    return undefined
  const group = idOf(chosen, TYPE.KE)
  const keyExchange = group === undefined || group === 0 ? undefined : registry.keyExchange.get(group)
  if (group !== undefined && group !== 0 && keyExchange === undefined) return undefined
  const additional = chosen
    .filter((t) => isAdditional(t) && t.id !== 0)
    .sort((a, b) => a.type - b.type)
    .map((t) => registry.keyExchange.get(t.id))
  if (!additional.every((method) => method !== undefined)) return undefined
  if (additional.length > 0 && keyExchange === undefined) return undefined
  return {
    encryption,
    keyBits: encr?.keyBits ?? encryption?.keyBits[0] ?? 0,
    integrity: alone ? undefined : integrity,
    ...(alone && integrity !== undefined ? { ah: integrity } : {}),
    keyExchange,
    ...(additional.length === 0 ? {} : { additional }),
    esn: idOf(chosen, TYPE.SN) === 1,
  }
}

const idOf = (chosen: readonly OfferedTransform[], type: number): number | undefined =>
  chosen.find((t) => t.type === type)?.id

/** IANA names of a suite, for people. */
export function describeSuite(suite: IkeSuite | ChildSuite): string[] {
  const { encryption, keyBits } = suite
  const names: string[] = []
  if ('ah' in suite && suite.ah !== undefined) names.push(suite.ah.name)
  if (encryption !== undefined)
    names.push(encryption.keyLengthAttribute ? `${encryption.name}_${keyBits}` : encryption.name)
  if ('prf' in suite) names.push(suite.prf.name)
  if (suite.integrity !== undefined) names.push(suite.integrity.name)
  if (suite.keyExchange !== undefined) names.push(suite.keyExchange.name)
  names.push(...(suite.additional ?? []).map(({ name }) => name))
  return names
}

/** One line per proposal, for "the gateway takes none of these". */
export function describeOffer(registry: CryptoRegistry, offers: readonly OfferedProposal[]): string[] {
  const maps = [undefined, registry.encryption, registry.prf, registry.integrity, registry.keyExchange]
  return offers.map((offer) =>
    offer
      .filter((t) => t.type !== TYPE.SN)
      .map((t) => {
        if (isAdditional(t) && t.id === 0) return 'NONE'
        const map = isAdditional(t) ? registry.keyExchange : maps[t.type]
        const name = map?.get(t.id)?.name ?? `${t.type}/${t.id}`
        return t.keyBits === undefined ? name : `${name}_${t.keyBits}`
      })
      .join(' '),
  )
}

/** A typed complaint about the answer's proposal. */
export const badChoice = (problem: string): Malformed => new Malformed(['SA'], 0, problem, 'RFC 7296 §3.3.6')
