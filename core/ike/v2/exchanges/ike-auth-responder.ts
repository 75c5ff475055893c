import { asEspSpi, type Millis } from '../../../bytes/brands.ts'
import { utf8 } from '../../../bytes/octets.ts'
import type { ChainVerdict } from '../../../cert/chain.ts'
import type { VpnError } from '../../../errors.ts'
import { IdType } from '../../../iana/ikev2.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import type { IdPayload, Payload } from '../../../wire/ikev2/payload.ts'
import type { Assigned, Identity } from '../../config.ts'
import { type ChildSa, childSas, freshEspSpi } from '../child-sa.ts'
import { configurationReply, isRequest } from '../configuration.ts'
import { crashNotify } from '../crash-detection.ts'
import { mobikeNotify, saysMobike } from '../mobility.ts'
import type { Negotiation } from '../negotiation.ts'
import { find, findNotify, notify, spiBytes, spiNumber } from '../payloads.ts'
import { choosePpk } from '../ppk.ts'
import { doubt } from '../proof.ts'
import { lifetimeNotify } from '../reauthentication.ts'
import { identityOf } from '../redirect.ts'
import { ticketNotify } from '../resumption.ts'
import { intersect, knownSelectors, selectorOfAddress } from '../selectors.ts'
import { encodeChoice } from '../suite.ts'
import { asSeenHere, chosenMode, endsOf, transportNotify, wantsTransport } from '../transport-mode.ts'
import { chooseProtection, firstOffers } from './child-offer.ts'
import { addChild, FIRST_CHILD } from './ike-auth.ts'
import type { InitDone } from './ike-sa-init.ts'

export type Refusal = {
  readonly outcome: 'refused'
  readonly payloads: readonly Payload[]
  readonly error: VpnError
}

/** `beside`: what our own proof has to be accompanied by. */
export interface Proven {
  readonly outcome: 'proven'
  readonly remoteId: IdPayload
  readonly beside: readonly Payload[]
}

/** Whether the initiator proved itself: it goes first. `verdict`: on its certificate, where it has one to show. RFC 7296 §1.2, §2.21.2 */
export function checkInitiator(
  n: Negotiation,
  init: InitDone,
  payloads: readonly Payload[],
  verdict: ChainVerdict | undefined,
): Refusal | Proven {
  const idi = find(payloads, 'IDi')
  const auth = find(payloads, 'AUTH')
  if (idi === undefined || auth === undefined) {
    return refuse(NotifyType.INVALID_SYNTAX.id, {
      kind: 'protocol',
      exchange: 'IKE_AUTH',
      problem: 'IDi or AUTH is missing',
      reference: 'RFC 7296 §1.2',
    })
  }
  // Whether the name or a key was wrong is nobody's business.
  const failed = (error: VpnError): Refusal => refuse(NotifyType.AUTHENTICATION_FAILED.id, error)
  const ppk = choosePpk(n.config, init, auth, payloads)
  if (ppk.outcome === 'refuse')
    return failed({ kind: 'authFailed', who: 'us', method: 'post-quantum key', problem: ppk.problem })
  const doubted = doubt(n, init, 'initiator', { id: idi, auth: ppk.auth }, verdict)
  if (doubted !== undefined) return failed(doubted)
  return { outcome: 'proven', remoteId: idi, beside: ppk.beside }
}

/** `SK {[IDr, [CERT+,]] AUTH, [CP,] SAr2, TSi, TSr}`, of which `proof` is what comes before CP; both stand, or the IKE SA alone with the reason why beside it. RFC 7296 §1.2 */
export function answerAuth(
  n: Negotiation,
  init: InitDone,
  payloads: readonly Payload[],
  proof: readonly Payload[],
  now: Millis,
): { readonly payloads: readonly Payload[]; readonly child: ChildSa | undefined } {
  const { redirectsTo } = n.config
  if (redirectsTo?.in === 'IKE_AUTH' && n.redirectable) {
    const elsewhere = notify(NotifyType.REDIRECT.id, identityOf(redirectsTo.host))
    return { payloads: [...proof, elsewhere], child: undefined }
  }
  const { payloads: rest, child } = firstChild(n, init, payloads, now)
  n.mobike = saysMobike(n.config, payloads)
  const mobike = n.mobike ? mobikeNotify(n.config) : []
  return {
    payloads: [
      ...[...proof, ...rest, ...lifetimeNotify(n), ...mobike],
      ...crashNotify(n.config, init.sa),
      ...ticketNotify(n, init.sa, payloads, now),
    ],
    child,
  }
}

export const refuse = (type: number, error: VpnError): Refusal => ({
  outcome: 'refused',
  payloads: [notify(type)],
  error,
})

function firstChild(
  n: Negotiation,
  init: InitDone,
  payloads: readonly Payload[],
  now: Millis,
): { readonly payloads: readonly Payload[]; readonly child: ChildSa | undefined } {
  const none = (type: number) => ({ payloads: [notify(type)], child: undefined })
  const sa = find(payloads, 'SA')
  const tsi = find(payloads, 'TSi')
  const tsr = find(payloads, 'TSr')
  if (init.childless && sa === undefined && tsi === undefined && tsr === undefined) {
    const given = assign(n, payloads, !wantsTransport(n.config))
    if (typeof given === 'number') return none(given)
    return { payloads: given === undefined ? [] : [given.payload], child: undefined }
  }
  if (sa === undefined || tsi === undefined || tsr === undefined)
    return none(NotifyType.NO_PROPOSAL_CHOSEN.id)
  const mode = chosenMode(n.config, payloads)
  const pick = chooseProtection(n, sa.proposals, (protocol) => firstOffers(n, protocol))
  if (pick === undefined || mode === undefined) return none(NotifyType.NO_PROPOSAL_CHOSEN.id)
  // Asked only now, so that a client that gets no CHILD_SA takes no address.
  const given = assign(n, payloads, mode === 'tunnel')
  if (typeof given === 'number') return none(given)
  const wanted = asSeenHere(n, mode, { local: knownSelectors(tsr), remote: knownSelectors(tsi) })
  const ends = endsOf(n)
  const selectors =
    mode === 'transport'
      ? { local: intersect(ends.local, wanted.local), remote: intersect(ends.remote, wanted.remote) }
      : {
          local: intersect(n.config.localSelectors, wanted.local),
          remote: intersect(n.assigned ?? n.config.remoteSelectors, wanted.remote),
        }
  if (selectors.local.length === 0 || selectors.remote.length === 0)
    return none(NotifyType.TS_UNACCEPTABLE.id)

  const inboundSpi = freshEspSpi(n.random, n.isTaken)
  const { suite, proposal } = pick
  const outboundSpi = asEspSpi(spiNumber(proposal.spi))
  const sas = childSas(
    init.sa.suite.prf,
    init.sa.keys.d,
    suite,
    mode,
    undefined,
    { ni: init.ni, nr: init.nr },
    false,
    inboundSpi,
    outboundSpi,
  )
  const child = addChild(
    n,
    { name: FIRST_CHILD, inboundSpi, outboundSpi, suite, mode, selectors, ours: false },
    sas,
    'both',
    now,
  )
  return {
    child,
    payloads: [
      ...(given === undefined ? [] : [given.payload]),
      ...transportNotify(mode === 'transport'),
      {
        type: 'SA',
        proposals: [encodeChoice(proposal.number, proposal.protocol, spiBytes(inboundSpi), pick.chosen)],
      },
      { type: 'TSi', selectors: selectors.remote },
      { type: 'TSr', selectors: selectors.local },
    ],
  }
}

/** What the client gets by CP, which it `mustAsk` for if it is to have a tunnel; `undefined` when it brings its own address along, or the notify that refuses it. RFC 7296 §2.19 */
function assign(
  n: Negotiation,
  payloads: readonly Payload[],
  mustAsk: boolean,
): ReturnType<typeof configurationReply> | number {
  const request = find(payloads, 'CP')
  // Where we give the addresses nobody brings one along.
  const { assigns: gives, remoteSelectors } = n.config
  if (mustAsk && gives !== undefined && remoteSelectors.length === 0 && !isRequest(request))
    return NotifyType.FAILED_CP_REQUIRED.id
  const assigns = isRequest(request) ? assignedTo(n, payloads) : undefined
  const given = assigns === undefined ? undefined : configurationReply(request, assigns)
  if (given === undefined) return undefined
  if (given.addresses.length === 0) return NotifyType.INTERNAL_ADDRESS_FAILURE.id
  n.assigned = given.addresses.map(selectorOfAddress)
  return given
}

/** By EAP somebody has proven a name of EAP: what IDi said is no more than a hint. RFC 7296 §2.16 */
const whoIsIn = ({ eapIdentity }: Negotiation, { idType, data }: IdPayload): Identity =>
  eapIdentity === undefined ? { type: idType, data } : { type: IdType.ID_KEY_ID.id, data: utf8(eapIdentity) }

function assignedTo(n: Negotiation, payloads: readonly Payload[]): Assigned | undefined {
  const { assigns } = n.config
  if (typeof assigns !== 'function') return assigns
  if (n.remoteId === undefined) return undefined
  return assigns({
    identity: whoIsIn(n, n.remoteId),
    initialContact: findNotify(payloads, NotifyType.INITIAL_CONTACT.id) !== undefined,
  })
}
