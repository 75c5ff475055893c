import { asIkeSpi, asMillis, asNonce, type IkeSpi, type Millis, type Nonce } from '../../bytes/brands.ts'
import { concat, equal, equalConstantTime, utf8 } from '../../bytes/octets.ts'
import { Secret } from '../../bytes/secret.ts'
import { AuthMethod, ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import { encodeMessage, type Header, type Message } from '../../wire/ikev2/message.ts'
import type { AuthPayload, IdPayload, Payload } from '../../wire/ikev2/payload.ts'
import type { Identity } from '../config.ts'
import { signedOctets } from './auth.ts'
import type { Established } from './established.ts'
import {
  agreeFragmentation,
  fragmentationNotify,
  type InitDone,
  NO_SPI,
  saysFragmentation,
} from './exchanges/ike-sa-init.ts'
import { IkeSa } from './ike-sa.ts'
import { ikeKeys } from './keys.ts'
import { natNotifies, readNat } from './nat-detection.ts'
import type { Negotiation } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { find, findNotify, notify } from './payloads.ts'
import type { IkeSuite } from './suite.ts'
import { type Resumable, TICKET_SECONDS } from './tickets.ts'

/** `HDR` of IKE_SESSION_RESUME. RFC 5723 §4.3.2 */
export const resumeHeader = (
  initiatorSpi: Uint8Array,
  responderSpi: Uint8Array,
  response: boolean,
): Header => ({
  initiatorSpi,
  responderSpi,
  majorVersion: 2,
  minorVersion: 0,
  exchange: ExchangeType.IKE_SESSION_RESUME.id,
  initiator: !response,
  higherVersion: false,
  response,
  messageId: 0,
})

/** SKEYSEED = prf(SK_d_old, "Resumption" | Ni | Nr), and all keys of it. RFC 5723 §5.1 */
export function resumedKeys(
  suite: IkeSuite,
  oldD: Secret,
  ni: Uint8Array,
  nr: Uint8Array,
  spiI: Uint8Array,
  spiR: Uint8Array,
) {
  const seed = new Secret(oldD.use((d) => suite.prf.compute(d, concat(utf8('Resumption'), ni, nr))))
  return ikeKeys(suite, seed, ni, nr, spiI, spiR)
}

/** `[N(COOKIE),] Ni, N(TICKET_OPAQUE), N(NAT_DETECTION_*), …`: no SA and no KE. RFC 5723 §4.3.2 */
export const resumeRequest = (
  n: Negotiation,
  spi: IkeSpi,
  nonce: Nonce,
  ticket: Uint8Array,
  cookie: Uint8Array | undefined,
): Payload[] => [
  ...(cookie === undefined ? [] : [notify(NotifyType.COOKIE.id, cookie)]),
  { type: 'Nonce', nonce },
  notify(NotifyType.TICKET_OPAQUE.id, ticket),
  ...natNotifies(n, spi, NO_SPI),
  ...fragmentationNotify(n),
]

/** An IKE SA with fresh keys of the old SK_d. `message`: the peer's. */
export function resumedSa(
  n: Negotiation,
  { suite, d }: Resumable,
  spis: { readonly initiator: IkeSpi; readonly responder: IkeSpi },
  nonces: { readonly ni: Nonce; readonly nr: Nonce },
  peerPayloads: readonly Payload[],
  now: Millis,
): IkeSa {
  const keys = resumedKeys(suite, d, nonces.ni, nonces.nr, spis.initiator, spis.responder)
  const [localSpi, remoteSpi] = n.initiated
    ? [spis.initiator, spis.responder]
    : [spis.responder, spis.initiator]
  const sa = new IkeSa({ localSpi, remoteSpi, initiator: n.initiated }, suite, keys, n.random, now)
  if (n.initiated) sa.nextId = 1
  else sa.expectedId = 1
  agreeFragmentation(n, sa, peerPayloads)
  return sa
}

/** AUTH = prf(SK_px, octets), where SK_px is the prover's own; there is no key pad. RFC 5723 §4.3.3 */
export function resumedAuth(
  { sa, requestBytes, replyBytes, ni, nr }: InitDone,
  side: 'initiator' | 'responder',
  id: IdPayload,
): AuthPayload {
  const initiator = side === 'initiator'
  const pKey = initiator ? sa.keys.pi : sa.keys.pr
  const { prf } = sa.suite
  const octets = signedOctets(prf, {
    message: initiator ? requestBytes : replyBytes,
    nonce: initiator ? nr : ni,
    pKey,
    id,
  })
  return {
    type: 'AUTH',
    method: AuthMethod.SHARED_KEY_MIC.id,
    data: pKey.use((key) => prf.compute(key, octets)),
  }
}

/** Whether it is the peer of the ticket, under the name that is in it. RFC 5723 §4.3.3 */
export function isResumed(
  init: InitDone,
  side: 'initiator' | 'responder',
  id: IdPayload | undefined,
  auth: AuthPayload | undefined,
): boolean {
  const wanted = init.resumed?.[side]
  if (wanted === undefined || id === undefined || auth === undefined) return false
  const same = id.idType === wanted.type && equal(id.data, wanted.data)
  return (
    same &&
    auth.method === AuthMethod.SHARED_KEY_MIC.id &&
    equalConstantTime(resumedAuth(init, side, id).data, auth.data)
  )
}

/** What has no place where a ticket proves both ends. RFC 5723 §4.3.3 */
const NOT_RESUMED: ReadonlySet<number> = new Set([
  NotifyType.EAP_ONLY_AUTHENTICATION.id,
  NotifyType.MULTIPLE_AUTH_SUPPORTED.id,
  NotifyType.ANOTHER_AUTH_FOLLOWS.id,
])
export const withoutProofs = (payloads: readonly Payload[]): readonly Payload[] =>
  payloads.filter(
    (one) =>
      !['CERT', 'CERTREQ', 'IDr'].includes(one.type) &&
      !(one.type === 'Notify' && NOT_RESUMED.has(one.notify)),
  )

/** We want a ticket for when this is interrupted. RFC 5723 §4.1 */
export const ticketRequest = (n: Negotiation): Payload[] =>
  n.config.tickets === undefined ? [] : [notify(NotifyType.TICKET_REQUEST.id)]

/** N(TICKET_LT_OPAQUE) where a ticket was asked for and is given. RFC 5723 §4.1, §6.2 */
export function ticketNotify(
  n: Negotiation,
  sa: IkeSa,
  payloads: readonly Payload[],
  now: Millis,
): Payload[] {
  const { ticketOffice, localIdentity, lifetimes } = n.config
  const asked = findNotify(payloads, NotifyType.TICKET_REQUEST.id) !== undefined
  if (!asked || n.initiated || n.remoteId === undefined) return []
  if (ticketOffice === undefined) return [notify(NotifyType.TICKET_NACK.id)]
  const seconds = Math.min(TICKET_SECONDS, lifetimes.reauthSeconds ?? TICKET_SECONDS)
  const { idType: type, data } = n.remoteId
  const resumable = {
    ...{ suite: sa.suite, d: sa.keys.d, initiator: { type, data }, responder: localIdentity },
    eapIdentity: n.eapIdentity,
  }
  const opaque = ticketOffice.issue(resumable, asMillis(now + seconds * 1000))
  const data4 = Uint8Array.of(seconds >>> 24, (seconds >>> 16) & 0xff, (seconds >>> 8) & 0xff, seconds & 0xff)
  return [notify(NotifyType.TICKET_LT_OPAQUE.id, concat(data4, opaque))]
}

/** Ours: a ticket longer than this is not kept. */
const MOST_TICKET_BYTES = 16_384

/** Keeps the ticket that a gateway gives, which has proven itself. RFC 5723 §4.1, §7.2 */
export function keepTicket(n: Negotiation, sa: IkeSa, payloads: readonly Payload[], now: Millis): void {
  const { tickets, localIdentity } = n.config
  const data = findNotify(payloads, NotifyType.TICKET_LT_OPAQUE.id)?.data
  if (tickets !== undefined && findNotify(payloads, NotifyType.TICKET_NACK.id) !== undefined)
    n.note('the gateway gives no ticket: after a break there is another sign-in')
  if (tickets === undefined || n.remoteId === undefined || n.remote === undefined) return
  if (data === undefined || data.length < 5 || data.length > MOST_TICKET_BYTES) return
  const seconds = new DataView(data.buffer, data.byteOffset).getUint32(0)
  const responder: Identity = { type: n.remoteId.idType, data: n.remoteId.data.slice() }
  tickets.keep({
    opaque: data.slice(4),
    gatewayAddress: n.remote.address,
    expiresAt: asMillis(now + seconds * 1000),
    suite: withoutMore(sa.suite),
    d: sa.keys.d.clone(),
    initiator: localIdentity,
    responder,
    eapMethod: n.eapMethod,
    remoteProof: n.remoteProof,
  })
}

/** The ticket has no room in this answer: the client may ask again. RFC 5723 §4.1 */
export const comesLater = ({ config }: Negotiation, payloads: readonly Payload[]): boolean =>
  config.tickets !== undefined && findNotify(payloads, NotifyType.TICKET_ACK.id) !== undefined

/** The key exchanges are over: what they gave is in SK_d. */
const withoutMore = ({ additional: _, ...suite }: IkeSuite): IkeSuite => suite

/** The responder's side: a ticket of ours, or N(TICKET_NACK) and nothing kept. RFC 5723 §4.3.2 */
export function respondResume(
  n: Negotiation,
  bytes: Uint8Array,
  { header, payloads }: Message,
  now: Millis,
): {
  readonly header: Header
  readonly payloads: readonly Payload[]
  readonly bytes: Uint8Array
  readonly done?: InitDone
} {
  const ticket = findNotify(payloads, NotifyType.TICKET_OPAQUE.id)?.data
  const nonce = find(payloads, 'Nonce')
  const found =
    ticket === undefined || nonce === undefined
      ? undefined
      : n.config.ticketOffice?.open(ticket, n.registry, now)
  if (ticket === undefined || nonce === undefined || found === undefined) {
    const refused = [notify(NotifyType.TICKET_NACK.id)]
    const reply = resumeHeader(header.initiatorSpi, NO_SPI, true)
    return { header: reply, payloads: refused, bytes: encodeMessage(reply, refused) }
  }
  const spis = { initiator: asIkeSpi(header.initiatorSpi.slice()), responder: n.freshIkeSpi() }
  const nonces = { ni: asNonce(nonce.nonce.slice()), nr: asNonce(n.random.bytes(CHOICE.nonce)) }
  const reply = resumeHeader(spis.initiator, spis.responder, true)
  const answer: Payload[] = [
    { type: 'Nonce', nonce: nonces.nr },
    ...natNotifies(n, spis.initiator, spis.responder),
    ...(saysFragmentation(payloads) ? fragmentationNotify(n) : []),
  ]
  readNat(n, payloads, { initiatorSpi: spis.initiator, responderSpi: asIkeSpi(NO_SPI) })
  const sa = resumedSa(n, found, spis, nonces, payloads, now)
  found.d.close()
  const replyBytes = encodeMessage(reply, answer)
  const done: InitDone = {
    ...{ sa, requestBytes: bytes.slice(), replyBytes, ...nonces, peerPayloads: payloads },
    ...{ peerHashes: undefined, ppk: 'no' as const, childless: n.config.childless === true },
    resumed: { ...found, opaque: ticket.slice() },
  }
  return { header: reply, payloads: answer, bytes: replyBytes, done }
}

/** Another ticket, for the IKE SA that took the place of the one before. RFC 5723 §4.1 */
export function askForTicket(e: Established, sa: IkeSa, now: Millis): void {
  e.ask(
    sa,
    {
      label: 'INFORMATIONAL ticket',
      exchange: ExchangeType.INFORMATIONAL.id,
      build: () => [notify(NotifyType.TICKET_REQUEST.id)],
      onReply: (payloads, at, on) => keepTicket(e.n, on, payloads, at),
    },
    now,
  )
}
