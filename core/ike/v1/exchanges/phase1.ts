import type { Millis } from '../../../bytes/brands.ts'
import { concat, fromHex } from '../../../bytes/octets.ts'
import type { Secret } from '../../../bytes/secret.ts'
import type { VpnError } from '../../../errors.ts'
import { ExchangeType, NotifyType, SecurityProtocol } from '../../../iana/ikev1.ts'
import { isVendor, VENDOR, type VendorId, vendorName } from '../../../iana/ikev1-vendor-ids.ts'
import { encodeMessage, type Header, type Message } from '../../../wire/ikev1/message.ts'
import type { IdPayload, Payload, SaPayload } from '../../../wire/ikev1/payload.ts'
import type { Answer } from '../../session.ts'
import { describeIdentity } from '../../v2/negotiation.ts'
import type { Phase1Transcript } from '../hashes.ts'
import { isIdentity } from '../identities.ts'
import { IsakmpSa, type Outgoing } from '../isakmp-sa.ts'
import { type Cookies, phase1Keys, skeyidOfPsk, skeyidOfSignatures } from '../keys.ts'
import { methodFor, methodOf, type Phase1Method } from '../methods.ts'
import type { Negotiation, PeerFacts } from '../negotiation.ts'
import { CHOICE, SPEC } from '../numbers.ts'
import { observed } from '../observed.ts'
import { all, notify, notifyName, only } from '../payloads.ts'
import {
  choosePhase1,
  describePhase1Offers,
  type Phase1Choice,
  type Phase1Offer,
  type Phase1Suite,
  phase1Offers,
  phase1Suite,
} from '../phase1-suite.ts'
import { lifeNotice, readLife } from '../phase2-suite.ts'
import { firstIv } from '../protect.ts'

/** One negotiation of an ISAKMP SA, in either role. RFC 2409 §5 */
export interface Phase1 {
  readonly label: string
  /** What was said last, to be said again until something comes. */
  readonly outgoing: Outgoing | undefined
  readonly initiatorCookie: Uint8Array
  /** One of the two: ours. */
  readonly ourCookie: Uint8Array
  /** Set once there are keys. */
  readonly sa: IsakmpSa | undefined
  onMessage(bytes: Uint8Array, message: Message, now: Millis): Phase1Step
  /** What was waited for: a signature, or whether a certificate can be trusted. */
  onAnswer(id: number, answer: Answer): Phase1Step
  /** We are on port 4500 now; what was held back until then, where something was. RFC 3947 §4 */
  onPath?(): Phase1Step | undefined
  /** Wipes what is not handed over. */
  close(): void
}

export type Phase1Step =
  | { readonly outcome: 'ignore'; readonly why: string }
  /** Somebody has to answer a question first. */
  | { readonly outcome: 'wait' }
  /** The next message is in `outgoing`. `float`: first go to port 4500. RFC 3947 §4 */
  | { readonly outcome: 'next'; readonly float: boolean }
  /** It stands. `last`: a message that the peer still needs, and gets again when it repeats its own. */
  | {
      readonly outcome: 'done'
      readonly sa: IsakmpSa
      readonly remoteId: IdPayload
      readonly facts: PeerFacts
      readonly last?: Outgoing
    }
  /** Nobody signed this: it may be somebody else's word. `reply`: what to say to it, in the clear. */
  | { readonly outcome: 'doubt'; readonly error: VpnError; readonly reply?: Outgoing }
  /** It cannot go on, and the peer has proved that it is its own word. */
  | { readonly outcome: 'failed'; readonly error: VpnError; readonly reply?: Outgoing }

export const ignore = (why: string): Phase1Step => ({ outcome: 'ignore', why })

export type ClearMessage = Extract<Message, { sealed: false }>

/** The suite both ends agreed on. */
export interface Agreed {
  readonly choice: Phase1Choice
  readonly suite: Phase1Suite
}

export const NO_COOKIE = new Uint8Array(8)

/** `begins`: we send the first message of this phase 1, which a gateway may do too when it renews. */
function methodOfConfig({ config, initiated }: Negotiation, begins: boolean): Phase1Method | undefined {
  const client = begins === initiated ? 'initiator' : 'responder'
  return methodFor(config.authentication, config.ikev1?.xauth === undefined ? false : client)
}

/** The transforms we offer, or allow. */
export function offersOf(n: Negotiation, begins: boolean): Phase1Offer[] {
  const method = methodOfConfig(n, begins)
  const proposals = n.config.ikev1?.ikeProposals ?? n.config.ikeProposals
  return method === undefined ? [] : phase1Offers(n.registry, proposals, method.value)
}

/** Why this configuration cannot be used with IKEv1. */
export function unableTo(n: Negotiation): VpnError | undefined {
  const missing = (algorithm: string): VpnError => ({ kind: 'algorithmUnavailable', algorithm })
  if (methodOfConfig(n, true) === undefined) return missing('this way to sign in with IKEv1')
  return offersOf(n, true).length === 0 ? missing('every IKE proposal of the profile in IKEv1') : undefined
}

/** Seconds we offer an ISAKMP SA to live: a little more than the time after which we renew it. */
export const phase1Seconds = (n: Negotiation): number =>
  lifeFor(n.config.lifetimes.ikeRekeySeconds, CHOICE.phase1Seconds)

export const lifeFor = (renewSeconds: number, otherwise: number): number =>
  renewSeconds > 0 ? Math.ceil(renewSeconds / CHOICE.lifeShare) : otherwise

const vendor = ({ bytes }: VendorId, more = ''): Payload => ({
  type: 'VendorID',
  data: concat(bytes, fromHex(more)),
})

/** What we say we can do, in the first message of either end. `natTraversal`: as a responder, the one both know. */
export function vendorPayloads(n: Negotiation, natTraversal?: 'none' | 'draft' | 'rfc'): Payload[] {
  return [
    ...(n.config.ikev1?.xauth === undefined ? [] : [vendor(VENDOR.XAUTH)]),
    // Gateways that follow Cisco give networks and names only to who knows how to ask.
    ...(n.config.ikev1?.xauth === undefined ? [] : [vendor(VENDOR.UNITY, '0100')]),
    vendor(VENDOR.DPD, '0100'),
    ...(n.fragments ? [vendor(VENDOR.FRAGMENTATION, '80000000')] : []),
    ...(natTraversal === undefined
      ? [vendor(VENDOR.NATT_RFC3947), vendor(VENDOR.NATT_03), vendor(VENDOR.NATT_02N)]
      : natTraversal === 'rfc'
        ? [vendor(VENDOR.NATT_RFC3947)]
        : natTraversal === 'draft'
          ? [vendor(VENDOR.NATT_03)]
          : []),
  ]
}

/** Learns from vendor IDs what the peer can do, and who it is. */
export function learn(n: Negotiation, { peer, vendorIds }: PeerFacts, payloads: readonly Payload[]): void {
  for (const { data } of all(payloads, 'VendorID')) {
    const is = (v: VendorId): boolean => isVendor(v, data)
    if (is(VENDOR.DPD)) peer.dpd = true
    if (is(VENDOR.XAUTH)) peer.xauth = true
    if (is(VENDOR.UNITY)) peer.unity = true
    if (is(VENDOR.FRAGMENTATION)) n.peerJoins = true
    if (is(VENDOR.NATT_RFC3947)) peer.natTraversal = 'rfc'
    const draft = is(VENDOR.NATT_02) || is(VENDOR.NATT_02N) || is(VENDOR.NATT_03)
    if (draft && peer.natTraversal === 'none') peer.natTraversal = 'draft'
    const name = vendorName(data)
    if (name !== undefined && !vendorIds.includes(name)) vendorIds.push(name)
  }
}

/** A message of phase 1 in the clear. */
export function clear(
  exchange: number,
  cookies: { readonly initiatorCookie: Uint8Array; readonly responderCookie: Uint8Array },
  payloads: readonly Payload[],
  response: boolean,
  messageId = 0,
): Outgoing {
  const header: Header = {
    initiatorCookie: cookies.initiatorCookie,
    responderCookie: cookies.responderCookie,
    majorVersion: 1,
    minorVersion: 0,
    exchange,
    encrypted: false,
    commit: false,
    authenticationOnly: false,
    messageId,
  }
  const bytes = encodeMessage(header, payloads)
  return observed('out', bytes, header, payloads, response)
}

/** Everything both ends have said by the time there are keys. */
export interface Secrets {
  readonly transcript: Phase1Transcript
  readonly ni: Uint8Array
  readonly nr: Uint8Array
  readonly shared: Secret
}

/** The ISAKMP SA that both ends have the keys of now. Closes `shared`. */
export function makeSa(
  n: Negotiation,
  { suite, choice }: Agreed,
  initiator: boolean,
  { transcript, ni, nr, shared }: Secrets,
  now: Millis,
): IsakmpSa {
  const { initiatorCookie, responderCookie, initiatorKe, responderKe } = transcript
  const cookies = { initiatorCookie, responderCookie }
  const { prf, hash, encryption } = suite
  const { authentication } = n.config
  const skeyid =
    authentication.method === 'psk'
      ? skeyidOfPsk(prf, authentication.psk, ni, nr)
      : skeyidOfSignatures(prf, ni, nr, shared)
  const keys = phase1Keys(prf, skeyid, shared, cookies, suite.keyBits / 8)
  shared.close()
  return new IsakmpSa({
    cookies,
    initiator,
    suite,
    keys,
    lifeSeconds: Math.min(phase1Seconds(n), choice.seconds ?? phase1Seconds(n)),
    ...(choice.kilobytes === undefined ? {} : { lifeKilobytes: choice.kilobytes }),
    firstIv: firstIv(hash, initiatorKe, responderKe, encryption.blockBytes),
    now,
  })
}

/** Why a first message is not answered, and what is said to it. */
export interface Refusal {
  readonly why: string
  readonly reply?: Outgoing
}

/** The responder's choice among what a first message offers. RFC 2408 §4.2 */
export function chooseAnswer(
  n: Negotiation,
  { header, payloads }: ClearMessage,
  allowed: readonly Phase1Offer[],
): { readonly agreed: Agreed; readonly answer: SaPayload } | Refusal {
  if (allowed.length === 0) return { why: 'this configuration is of no use for IKEv1' }
  if (header.initiatorCookie.every((octet) => octet === 0)) return { why: 'it has no cookie' }
  const sa = only(payloads, 'SA')
  if (sa === undefined || payloads[0] !== sa) return { why: 'SA is not its first payload, or there twice' }
  const cookies = { initiatorCookie: header.initiatorCookie, responderCookie: NO_COOKIE }
  const refused = (type: number, why: string): Refusal => ({ why, reply: refuse(n, cookies, type) })
  if (sa.doi !== SPEC.doi) return refused(NotifyType.DOI_NOT_SUPPORTED.id, `it is of DOI ${sa.doi}`)
  if (sa.situation !== SPEC.identityOnly)
    return refused(NotifyType.SITUATION_NOT_SUPPORTED.id, `it is of situation ${sa.situation}`)
  const choice = choosePhase1(allowed, sa)
  const suite = choice === undefined ? undefined : phase1Suite(n.registry, choice.offer)
  if (choice === undefined || suite === undefined)
    return refused(NotifyType.NO_PROPOSAL_CHOSEN.id, 'it proposes nothing we allow')
  return { agreed: { choice, suite }, answer: choice.answer }
}

/** An error in the clear: nobody can check whose word it is. RFC 2408 §4.8 */
export const refuse = (n: Negotiation, cookies: Cookies, type: number, spi?: Uint8Array): Outgoing =>
  clear(ExchangeType.INFORMATIONAL.id, cookies, [notify(type, spi)], true, freshMessageId(n))

/** Random and not zero, as of every exchange after the first. RFC 2408 §3.1 */
const freshMessageId = (n: Negotiation): number => new DataView(n.random.bytes(4).buffer).getUint32(0) || 1

/** A step of the responder, with what an initiator is told that is not let in. `accept`: its message was genuine. */
export function withRefusal(
  n: Negotiation,
  sa: IsakmpSa,
  cookies: Cookies,
  step: Phase1Step,
  accept: () => void,
): Phase1Step {
  if (step.outcome === 'doubt' && step.reply === undefined)
    return { ...step, reply: refuse(n, cookies, NotifyType.AUTHENTICATION_FAILED.id, sa.spi) }
  if (step.outcome !== 'failed') return step
  accept()
  const type = NotifyType.INVALID_ID_INFORMATION.id
  const payloads = [notify(type, sa.spi)]
  return { ...step, reply: sa.seal(ExchangeType.INFORMATIONAL.id, freshMessageId(n), payloads, false) }
}

/** Somebody who has the key, but not the name we asked for. */
export function wrongName(n: Negotiation, id: IdPayload): VpnError | undefined {
  const wanted = n.config.remoteIdentity
  if (wanted === undefined || isIdentity(id, wanted)) return undefined
  return {
    kind: 'gatewayIdMismatch',
    wanted: describeIdentity(wanted),
    has: [describeIdentity({ type: id.idType, data: id.data })],
  }
}

/** Whether a proven peer says so in the message that proves it. RFC 2407 §4.6.3.3 */
export const saysInitialContact = (payloads: readonly Payload[]): boolean =>
  all(payloads, 'Notify').some((n) => n.notify === NotifyType.INITIAL_CONTACT.id)

/** As a responder that keeps it for less than the initiator offers. RFC 2407 §4.6.3.1 */
export const shorterLife = (sa: IsakmpSa, { choice }: Agreed): Payload[] =>
  choice.seconds !== undefined && choice.seconds > sa.lifeSeconds
    ? [lifeNotice(1, sa.spi, sa.lifeSeconds)]
    : []

/** As an initiator, when the responder has proven itself. RFC 2407 §4.6.3.1 */
export function heedLife(sa: IsakmpSa, payloads: readonly Payload[]): void {
  for (const { notify: type, protocol, data } of all(payloads, 'Notify'))
    if (type === NotifyType.RESPONDER_LIFETIME.id && protocol === SecurityProtocol.ISAKMP.id)
      sa.shorten(readLife(data, 1))
}

/** We knew nothing of the peer before: it may forget what it had of us. RFC 2407 §4.6.3.3 */
export const initialContact = (n: Negotiation, sa: IsakmpSa): Payload[] =>
  n.current === undefined ? [notify(NotifyType.INITIAL_CONTACT.id, sa.spi)] : []

/** What it means that the peer refuses with this notify. RFC 2408 §3.14.1 */
export function refusal(n: Negotiation, phase1: Phase1, type: number): VpnError {
  if (type === NotifyType.NO_PROPOSAL_CHOSEN.id)
    return {
      kind: 'noProposalChosen',
      phase: 1,
      offered: describePhase1Offers(n.registry, offersOf(n, true)),
    }
  // A gateway with another key decrypts our proof to noise, and says so.
  if (phase1.sa !== undefined && UNPROVED.includes(type)) {
    const { initiator, xauth } = methodOf(phase1.sa.suite.authentication)
    const method =
      initiator === 'signature'
        ? 'certificate'
        : xauth && n.config.authentication.method !== 'psk'
          ? 'xauth'
          : 'psk'
    return { kind: 'authFailed', who: 'us', method }
  }
  return { kind: 'refused', exchange: phase1.label, notify: notifyName(type) }
}

const UNPROVED: readonly number[] = [
  NotifyType.PAYLOAD_MALFORMED.id,
  NotifyType.INVALID_HASH_INFORMATION.id,
  NotifyType.AUTHENTICATION_FAILED.id,
  NotifyType.INVALID_SIGNATURE.id,
  NotifyType.INVALID_CERTIFICATE.id,
  NotifyType.INVALID_CERT_AUTHORITY.id,
  NotifyType.CERTIFICATE_UNAVAILABLE.id,
]

/** The group is the peer's choice among ours, so what it sends must fit; and nobody's value may be a trivial one. */
export const badKey = (label: string): VpnError => ({
  kind: 'protocol',
  exchange: label,
  problem: 'the public value does not fit the group',
  reference: 'RFC 2409 §5',
})

export const cannotEncapsulate = (label: string): VpnError => ({
  kind: 'protocol',
  exchange: label,
  problem: 'the gateway cannot carry ESP in UDP',
  reference: 'RFC 3947 §3.1',
})

export const missing = (label: string, what: string): VpnError => ({
  kind: 'protocol',
  exchange: label,
  problem: `${what} is missing, or there twice`,
  reference: 'RFC 2409 §5',
})
