import type { Millis } from '../../../bytes/brands.ts'
import { concat, equalConstantTime, fromHex } from '../../../bytes/octets.ts'
import type { Secret } from '../../../bytes/secret.ts'
import type { VpnError } from '../../../errors.ts'
import { NotifyType, Phase1Authentication } from '../../../iana/ikev1.ts'
import { isVendor, VENDOR, type VendorId, vendorName } from '../../../iana/ikev1-vendor-ids.ts'
import { encodeBody, encodeMessage, type Header, type Message } from '../../../wire/ikev1/message.ts'
import type { IdPayload, Payload } from '../../../wire/ikev1/payload.ts'
import type { Chain } from '../../../wire/ikev1/payload-chain.ts'
import { describeIdentity } from '../../v2/negotiation.ts'
import { hashI, hashR, type Phase1Transcript } from '../hashes.ts'
import { isIdentity, phase1Id } from '../identities.ts'
import { IsakmpSa, type Outgoing } from '../isakmp-sa.ts'
import { phase1Keys, skeyidOfPsk } from '../keys.ts'
import type { Negotiation, PeerFacts } from '../negotiation.ts'
import { CHOICE } from '../numbers.ts'
import { observed } from '../observed.ts'
import { all, notify, notifyName, only } from '../payloads.ts'
import {
  describePhase1Offers,
  type Phase1Choice,
  type Phase1Offer,
  type Phase1Suite,
  phase1Offers,
} from '../phase1-suite.ts'
import { firstIv } from '../protect.ts'

/** One negotiation of an ISAKMP SA, in either role. RFC 2409 §5 */
export interface Phase1 {
  readonly label: string
  /** What was said last, to be said again until something comes. */
  readonly outgoing: Outgoing | undefined
  readonly initiatorCookie: Uint8Array
  /** Set once there are keys. */
  readonly sa: IsakmpSa | undefined
  onMessage(bytes: Uint8Array, message: Message, now: Millis): Phase1Step
  /** Wipes what is not handed over. */
  close(): void
}

export type Phase1Step =
  | { readonly outcome: 'ignore'; readonly why: string }
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

/** The Authentication attribute this configuration wants. */
export const authenticationOf = (n: Negotiation): number =>
  n.config.ikev1?.xauth === undefined
    ? Phase1Authentication.PRE_SHARED_KEY.id
    : Phase1Authentication.XAUTH_INITIATOR_PRE_SHARED_KEY.id

export const offersOf = (n: Negotiation): Phase1Offer[] =>
  phase1Offers(n.registry, n.config.ikev1?.ikeProposals ?? n.config.ikeProposals, authenticationOf(n))

/** Seconds we offer an ISAKMP SA to live: a little more than the time after which we renew it. */
export const phase1Seconds = (n: Negotiation): number =>
  lifeFor(n.config.lifetimes.ikeRekeySeconds, CHOICE.phase1Seconds)

export const lifeFor = (renewSeconds: number, otherwise: number): number =>
  renewSeconds > 0 ? Math.ceil(renewSeconds / CHOICE.lifeShare) : otherwise

/** The pre-shared key, which is all that phase 1 can prove itself with here. */
export function pskOf(n: Negotiation): Secret | undefined {
  const { authentication } = n.config
  return authentication.method === 'psk' ? authentication.psk : undefined
}

const vendor = ({ bytes }: VendorId, more = ''): Payload => ({
  type: 'VendorID',
  data: concat(bytes, fromHex(more)),
})

/** What we say we can do, in the first message of either end. `natTraversal`: as a responder, the one both know. */
export function vendorPayloads(n: Negotiation, natTraversal?: 'none' | 'draft' | 'rfc'): Payload[] {
  return [
    ...(n.config.ikev1?.xauth === undefined ? [] : [vendor(VENDOR.XAUTH)]),
    vendor(VENDOR.DPD, '0100'),
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
export function learn({ peer, vendorIds }: PeerFacts, payloads: readonly Payload[]): void {
  for (const { data } of all(payloads, 'VendorID')) {
    const is = (v: VendorId): boolean => isVendor(v, data)
    if (is(VENDOR.DPD)) peer.dpd = true
    if (is(VENDOR.XAUTH)) peer.xauth = true
    if (is(VENDOR.UNITY)) peer.unity = true
    if (is(VENDOR.FRAGMENTATION)) peer.fragmentation = true
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

/** The ISAKMP SA of a pre-shared key. Closes `shared`. */
export function makeSa(
  n: Negotiation,
  psk: Secret,
  suite: Phase1Suite,
  choice: Phase1Choice,
  initiator: boolean,
  { transcript, ni, nr, shared }: Secrets,
  now: Millis,
): IsakmpSa {
  const { initiatorCookie, responderCookie, initiatorKe, responderKe } = transcript
  const cookies = { initiatorCookie, responderCookie }
  const { prf, hash, encryption } = suite
  const skeyid = skeyidOfPsk(prf, psk, ni, nr)
  const keys = phase1Keys(prf, skeyid, shared, cookies, suite.keyBits / 8)
  shared.close()
  return new IsakmpSa({
    cookies,
    initiator,
    suite,
    keys,
    lifeSeconds: Math.min(phase1Seconds(n), choice.seconds ?? phase1Seconds(n)),
    firstIv: firstIv(hash, initiatorKe, responderKe, encryption.blockBytes),
    now,
  })
}

/** IDii, HASH_I or IDir, HASH_R. RFC 2409 §5.4 */
export function proof(n: Negotiation, sa: IsakmpSa, transcript: Phase1Transcript): Payload[] {
  const id = phase1Id(n.config.localIdentity)
  const make = sa.initiator ? hashI : hashR
  const data = make(sa.suite.prf, sa.keys.skeyid, transcript, encodeBody(id))
  return [id, { type: 'HASH', data }]
}

/** Whether the peer's ID and HASH prove that it has the key. RFC 2409 §5.4 */
export function proves(
  sa: IsakmpSa,
  transcript: Phase1Transcript,
  chain: Chain,
): { readonly id: IdPayload } | undefined {
  const id = only(chain.payloads, 'ID')
  const hash = only(chain.payloads, 'HASH')
  if (id === undefined || hash === undefined) return undefined
  const body = chain.bodies[chain.payloads.indexOf(id)]!
  const make = sa.initiator ? hashR : hashI
  return equalConstantTime(hash.data, make(sa.suite.prf, sa.keys.skeyid, transcript, body))
    ? { id }
    : undefined
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

/** We knew nothing of the peer before: it may forget what it had of us. RFC 2407 §4.6.3.3 */
export const initialContact = (n: Negotiation, sa: IsakmpSa): Payload[] =>
  n.current === undefined ? [notify(NotifyType.INITIAL_CONTACT.id, sa.spi)] : []

/** What it means that the peer refuses with this notify. RFC 2408 §3.14.1 */
export function refusal(n: Negotiation, phase1: Phase1, type: number): VpnError {
  if (type === NotifyType.NO_PROPOSAL_CHOSEN.id)
    return { kind: 'noProposalChosen', phase: 1, offered: describePhase1Offers(n.registry, offersOf(n)) }
  // A gateway with another key decrypts our proof to noise, and says so.
  if (phase1.sa !== undefined && UNPROVED.includes(type))
    return { kind: 'authFailed', who: 'us', method: 'psk' }
  return { kind: 'refused', exchange: phase1.label, notify: notifyName(type) }
}

const UNPROVED: readonly number[] = [
  NotifyType.PAYLOAD_MALFORMED.id,
  NotifyType.INVALID_HASH_INFORMATION.id,
  NotifyType.AUTHENTICATION_FAILED.id,
]

/** The group is the peer's choice among ours, so what it sends must fit; and nobody's value may be a trivial one. */
export const badKey = (label: string): VpnError => ({
  kind: 'protocol',
  exchange: label,
  problem: 'the public value does not fit the group',
  reference: 'RFC 2409 §5',
})

export const missing = (label: string, what: string): VpnError => ({
  kind: 'protocol',
  exchange: label,
  problem: `${what} is missing, or there twice`,
  reference: 'RFC 2409 §5',
})
