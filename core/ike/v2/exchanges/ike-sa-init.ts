import { asIkeSpi, asNonce, type IkeSpi, type Millis, type Nonce } from '../../../bytes/brands.ts'
import { equal } from '../../../bytes/octets.ts'
import type { KeyExchangeBegun } from '../../../crypto/transforms.ts'
import type { VpnError } from '../../../errors.ts'
import { ExchangeType } from '../../../iana/ikev2.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import { nameOf } from '../../../iana/registry.ts'
import { encodeMessage, type Header, type Message } from '../../../wire/ikev2/message.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import type { OfferedProposal, OfferedTransform } from '../../config.ts'
import { fragmentSizes } from '../fragmentation.ts'
import { IkeSa } from '../ike-sa.ts'
import { ikeKeys, skeyseed } from '../keys.ts'
import { natNotifies, readNat } from '../nat-detection.ts'
import type { Negotiation } from '../negotiation.ts'
import { CHOICE, SPEC } from '../numbers.ts'
import { all, errorOf, find, findNotify, notify } from '../payloads.ts'
import { type PpkUse, ppkNotify, saysPpk } from '../ppk.ts'
import { agreedHashes, hashesNotify } from '../proof.ts'
import { redirectNotify, unsignedRedirect } from '../redirect.ts'
import {
  checkChoice,
  describeOffer,
  encodeOffer,
  ikeSuite,
  isAdditional,
  needsIntermediate,
  PROTOCOL,
  TYPE,
} from '../suite.ts'
import type { Resumable } from '../tickets.ts'

export const NO_SPI = new Uint8Array(8)

/** What the initiator must remember between its IKE_SA_INIT request and the answer. */
export interface InitRequest {
  readonly spi: IkeSpi
  readonly nonce: Nonce
  readonly keyExchange: KeyExchangeBegun
  readonly group: number
  /** The proposals in it. */
  readonly offer: readonly OfferedProposal[]
  readonly cookie: Uint8Array | undefined
  /** COOKIE and INVALID_KE_PAYLOAD rounds so far. */
  readonly rounds: number
  readonly header: Header
  readonly payloads: readonly Payload[]
  readonly bytes: Uint8Array
}

/** What both sides know once IKE_SA_INIT is done. */
export interface InitDone {
  readonly sa: IkeSa
  readonly requestBytes: Uint8Array
  readonly replyBytes: Uint8Array
  readonly ni: Nonce
  readonly nr: Nonce
  /** What the peer's SIGNATURE_HASH_ALGORITHMS lists; undefined where one side sent none. RFC 7427 §4 */
  readonly peerHashes: readonly number[] | undefined
  /** What both ends said of post-quantum keys. */
  readonly ppk: PpkUse
  /** Of the IKE_INTERMEDIATE exchanges, once they are done: both sides sign it too. RFC 9242 §3.3.2 */
  readonly intAuth?: Uint8Array
  /** IKE_AUTH makes no CHILD_SA, or need not. RFC 6023 */
  readonly childless: boolean
  /** It was an IKE_SESSION_RESUME, and this is whom the ticket in it is of. RFC 5723 */
  readonly resumed?: Pick<Resumable, 'initiator' | 'responder' | 'eapIdentity'> & {
    readonly opaque: Uint8Array
  }
  /** The peer's IKE_SA_INIT: a responder may ask for certificates in it. RFC 7296 §1.2 */
  readonly peerPayloads: readonly Payload[]
}

/** Groups of proposals, most wanted first. */
export function offeredGroups(n: Negotiation, offer = n.config.ikeProposals): number[] {
  const ids = offer.flatMap((p) => p.filter((t: OfferedTransform) => t.type === TYPE.KE).map((t) => t.id))
  return [...new Set(ids)].filter((id) => n.registry.keyExchange.has(id))
}

/** The newest group that gateways of twenty years know to refuse, instead of saying nothing. RFC 5903 */
const LAST_OLD_GROUP = 21
const OLD_GROUPS_FIRST = [19, 14]

/**
 * The part of our offer that is for old gateways, some of which (Zyxel) answer nothing where a group is new to them;
 * undefined where there is no such part, or it would be the same. What has to have more key exchanges stays away.
 */
export function shortOffer({ config }: Negotiation): readonly OfferedProposal[] | undefined {
  const rank = ({ id }: OfferedTransform): number => {
    const at = OLD_GROUPS_FIRST.indexOf(id)
    return at < 0 ? OLD_GROUPS_FIRST.length : at
  }
  const short = config.ikeProposals
    .filter((proposal) => {
      const must = proposal.filter(isAdditional).map(({ type }) => type)
      return must.every((type) => proposal.some((one) => one.type === type && one.id === 0))
    })
    .map((proposal) => [
      ...proposal.filter((one) => one.type < TYPE.KE),
      ...proposal
        .filter(({ type, id }) => type === TYPE.KE && id <= LAST_OLD_GROUP)
        .sort((a, b) => rank(a) - rank(b)),
    ])
    .filter((proposal) => proposal.some(({ type }) => type === TYPE.KE))
  const isSame =
    short.length === config.ikeProposals.length &&
    config.ikeProposals.every((proposal, at) => proposal.length === short[at]!.length)
  return short.length === 0 || isSame ? undefined : short
}

/** `HDR, [N(COOKIE)], SAi1, KEi, Ni, N(NAT_DETECTION_*)`. RFC 7296 §1.2, §2.6, §2.23 */
export function initRequest(
  n: Negotiation,
  group: number,
  previous?: Pick<InitRequest, 'spi' | 'nonce' | 'cookie' | 'rounds'> & { keyExchange?: KeyExchangeBegun },
  offer: readonly OfferedProposal[] = n.config.ikeProposals,
): InitRequest {
  const spi = previous?.spi ?? n.freshIkeSpi()
  const nonce = previous?.nonce ?? asNonce(n.random.bytes(CHOICE.nonce))
  const keyExchange = previous?.keyExchange ?? n.registry.keyExchange.get(group)!.begin(n.random)
  const cookie = previous?.cookie
  const payloads: Payload[] = [
    ...(cookie === undefined ? [] : [notify(NotifyType.COOKIE.id, cookie)]),
    { type: 'SA', proposals: encodeOffer(offer, PROTOCOL.IKE) },
    { type: 'KE', group, data: keyExchange.data },
    { type: 'Nonce', nonce },
    ...natNotifies(n, spi, NO_SPI),
    ...fragmentationNotify(n),
    ...hashesNotify(n.config),
    ...ppkNotify(n.config),
    ...intermediateNotify(n, offer),
    ...redirectNotify(n),
  ]
  const header = initHeader(spi, NO_SPI, false)
  return {
    spi,
    nonce,
    keyExchange,
    group,
    offer,
    cookie,
    payloads,
    header,
    rounds: previous?.rounds ?? 0,
    bytes: encodeMessage(header, payloads),
  }
}

export const initHeader = (
  initiatorSpi: Uint8Array,
  responderSpi: Uint8Array,
  response: boolean,
): Header => ({
  initiatorSpi,
  responderSpi,
  majorVersion: 2,
  minorVersion: 0,
  exchange: ExchangeType.IKE_SA_INIT.id,
  initiator: !response,
  higherVersion: false,
  response,
  messageId: 0,
})

export type InitOutcome =
  | { readonly outcome: 'done'; readonly done: InitDone }
  /** Send this instead. */
  | { readonly outcome: 'again'; readonly request: InitRequest; readonly why: string }
  /** Ask there instead. RFC 5685 §3 */
  | { readonly outcome: 'redirect'; readonly host: string }
  /** An unauthenticated refusal: remembered, believed only if nothing better comes. RFC 7296 §2.21.1 */
  | { readonly outcome: 'hint'; readonly error: VpnError }
  | { readonly outcome: 'ignore'; readonly why: string }

/** `HDR, SAr1, KEr, Nr`, or one of the notifies that ask for another try. */
export function onInitReply(
  n: Negotiation,
  request: InitRequest,
  bytes: Uint8Array,
  message: Message,
  now: Millis,
): InitOutcome {
  const { payloads } = message
  const cookie = findNotify(payloads, NotifyType.COOKIE.id)
  const wantedGroup = findNotify(payloads, NotifyType.INVALID_KE_PAYLOAD.id)
  if (find(payloads, 'SA') === undefined) {
    const elsewhere = unsignedRedirect(n.config, payloads, request.nonce)
    if (elsewhere !== undefined) return { outcome: 'redirect', host: elsewhere }
    if (cookie !== undefined) {
      if (cookie.data.length < 1 || cookie.data.length > SPEC.cookieMax)
        return ignore('a COOKIE of a wrong length')
      return again(
        n,
        request,
        { cookie: cookie.data, keyExchange: request.keyExchange },
        request.group,
        'the gateway wants a cookie',
      )
    }
    if (wantedGroup !== undefined) {
      const group = wantedGroup.data.length === 2 ? (wantedGroup.data[0]! << 8) | wantedGroup.data[1]! : 0
      if (group === request.group || !offeredGroups(n, request.offer).includes(group))
        return ignore(`INVALID_KE_PAYLOAD names group ${group}, which was not offered`)
      request.keyExchange.close()
      return again(n, request, {}, group, `the gateway wants ${n.registry.keyExchange.get(group)!.name}`)
    }
    return refusal(n, payloads)
  }
  // An error of whatever kind means that nothing was agreed on, whatever stands beside it. RFC 7296 §3.10.1
  if (errorOf(payloads) !== undefined) return refusal(n, payloads)
  return accept(n, request, bytes, message, now)
}

function again(
  n: Negotiation,
  request: InitRequest,
  change: { cookie?: Uint8Array; keyExchange?: KeyExchangeBegun },
  group: number,
  why: string,
): InitOutcome {
  if (request.rounds >= CHOICE.rounds) return ignore(`${why}, for the ${request.rounds + 1}th time`)
  const cookie = change.cookie ?? request.cookie
  const next = {
    spi: request.spi,
    nonce: request.nonce,
    cookie,
    rounds: request.rounds + 1,
    ...(change.keyExchange === undefined ? {} : { keyExchange: change.keyExchange }),
  }
  return { outcome: 'again', request: initRequest(n, group, next, request.offer), why }
}

function refusal(n: Negotiation, payloads: readonly Payload[]): InitOutcome {
  const error = all(payloads, 'Notify').find((p) => p.notify < 16384)
  if (error === undefined) return ignore('neither SA nor an error in the answer')
  if (error.notify === NotifyType.NO_PROPOSAL_CHOSEN.id) {
    return {
      outcome: 'hint',
      error: {
        kind: 'noProposalChosen',
        phase: 1,
        offered: describeOffer(n.registry, n.config.ikeProposals),
      },
    }
  }
  if (error.notify === NotifyType.INVALID_MAJOR_VERSION.id)
    return { outcome: 'hint', error: { kind: 'versionUnsupported', theirs: 'not IKEv2' } }
  return {
    outcome: 'hint',
    error: { kind: 'refused', exchange: 'IKE_SA_INIT', notify: nameOf(NotifyType, error.notify) },
  }
}

function accept(
  n: Negotiation,
  request: InitRequest,
  bytes: Uint8Array,
  message: Message,
  now: Millis,
): InitOutcome {
  const { payloads, header } = message
  const ke = find(payloads, 'KE')
  const nonce = find(payloads, 'Nonce')
  if (ke === undefined || nonce === undefined) return ignore('KE or Nonce is missing')
  const responderSpi = asIkeSpi(header.responderSpi.slice())
  if (equal(responderSpi, NO_SPI)) return ignore('the responder SPI is zero')
  // Reflections of our own values are somebody's trick, not an answer.
  if (
    equal(nonce.nonce, request.nonce) ||
    equal(ke.data, request.keyExchange.data) ||
    equal(responderSpi, request.spi)
  )
    return ignore('our own values came back')
  const choice = checkChoice(request.offer, PROTOCOL.IKE, 0, find(payloads, 'SA')!.proposals)
  if (!choice.ok)
    return { outcome: 'hint', error: { kind: 'badProposalChosen', phase: 1, problem: choice.problem } }
  const suite = ikeSuite(n.registry, choice.chosen)
  if (suite === undefined || suite.keyExchange.id !== request.group || ke.group !== request.group) {
    return {
      outcome: 'hint',
      error: {
        kind: 'badProposalChosen',
        phase: 1,
        problem: `key exchange ${ke.group} does not go with the proposal`,
      },
    }
  }
  if (suite.additional !== undefined && !saysIntermediate(payloads)) {
    return {
      outcome: 'hint',
      error: {
        kind: 'badProposalChosen',
        phase: 1,
        problem: 'additional key exchanges without IKE_INTERMEDIATE',
      },
    }
  }
  const ppk = saysPpk(n.config, payloads)
  if (ppk === 'no' && n.config.ppk?.required === true)
    return { outcome: 'hint', error: { kind: 'ppkNotUsed' } }
  const shared =
    ke.data.length === suite.keyExchange.responderBytes ? request.keyExchange.finish(ke.data) : undefined
  if (shared === undefined)
    return {
      outcome: 'hint',
      error: {
        kind: 'protocol',
        exchange: 'IKE_SA_INIT',
        problem: 'the public value of the key exchange is not acceptable',
        reference: 'RFC 6989 §2',
      },
    }
  const seed = skeyseed(suite.prf, request.nonce, nonce.nonce, shared)
  shared.close()
  request.keyExchange.close()
  const keys = ikeKeys(suite, seed, request.nonce, nonce.nonce, request.spi, responderSpi)
  const sa = new IkeSa(
    { localSpi: request.spi, remoteSpi: responderSpi, initiator: true },
    suite,
    keys,
    n.random,
    now,
  )
  sa.nextId = 1
  agreeFragmentation(n, sa, payloads)
  readNat(n, payloads, sa)
  for (const vendor of all(payloads, 'VendorID')) n.vendorIds.push(Buffer.from(vendor.data).toString('hex'))
  return {
    outcome: 'done',
    done: {
      sa,
      requestBytes: request.bytes,
      replyBytes: bytes.slice(),
      ni: request.nonce,
      nr: asNonce(nonce.nonce.slice()),
      peerHashes: agreedHashes(n.config, payloads),
      ppk,
      childless: n.config.childless === true && saysChildless(payloads),
      peerPayloads: payloads,
    },
  }
}

/** We can fragment, and say so unless it is switched off. RFC 7383 §2.3 */
export const fragmentationNotify = (n: Negotiation): Payload[] =>
  n.config.fragmentation === false ? [] : [notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED.id)]

export const saysFragmentation = (payloads: readonly Payload[]): boolean =>
  findNotify(payloads, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED.id) !== undefined

/** Fragments only when both said that they can. RFC 7383 §2.4 */
export function agreeFragmentation(n: Negotiation, sa: IkeSa, theirs: readonly Payload[]): void {
  if (n.config.fragmentation === false || !saysFragmentation(theirs)) return
  sa.fragments = fragmentSizes(n.remote!, n.config.fragmentDatagramBytes)
}

/** RFC 9242 §3.1 */
export const intermediateNotify = (n: Negotiation, offer = n.config.ikeProposals): Payload[] =>
  needsIntermediate(offer) || n.config.ppk?.early === true
    ? [notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED.id)]
    : []

export const saysIntermediate = (payloads: readonly Payload[]): boolean =>
  findNotify(payloads, NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED.id) !== undefined

const saysChildless = (payloads: readonly Payload[]): boolean =>
  findNotify(payloads, NotifyType.CHILDLESS_IKEV2_SUPPORTED.id) !== undefined

export const ignore = (why: string) => ({ outcome: 'ignore', why }) as const
