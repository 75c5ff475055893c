import { asEspSpi, type EspSpi, type Millis } from '../../../bytes/brands.ts'
import type { ChainVerdict } from '../../../cert/chain.ts'
import type { VpnError } from '../../../errors.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import { nameOf } from '../../../iana/registry.ts'
import type { IdPayload, Payload } from '../../../wire/ikev2/payload.ts'
import type { TrafficSelector } from '../../../wire/ikev2/traffic-selector.ts'
import { mostBytes } from '../../byte-limits.ts'
import type { AssignedConfiguration } from '../../session.ts'
import { announceInReturn } from '../auth-methods.ts'
import { type ChildSa, type ChildSas, childSas, freshEspSpi } from '../child-sa.ts'
import { configurationRequest, readConfiguration } from '../configuration.ts'
import { mobikeNotify } from '../mobility.ts'
import type { Negotiation } from '../negotiation.ts'
import { errorOf, find, findNotify, notify, spiBytes, spiNumber } from '../payloads.ts'
import {
  certificateRequest,
  doubt,
  nameDoubt,
  ocspRequest,
  ourProof,
  proofWords,
  theirProof,
} from '../proof.ts'
import { describeSelector, everything, isSubset, knownSelectors } from '../selectors.ts'
import { checkChoice, childSuite, describeOffer, encodeOffer } from '../suite.ts'
import { answeredMode, asSeenHere, endsOf, transportNotify, wantsTransport } from '../transport-mode.ts'
import { askedProtocol, firstOffers, proposalsOf } from './child-offer.ts'
import type { InitDone } from './ike-sa-init.ts'

/** What the CHILD_SA that comes with the connection is called. */
export const FIRST_CHILD = 'net'

/** What the initiator must remember between its IKE_AUTH request and the answer. */
export interface AuthRequest {
  /** `undefined`: it asks for no CHILD_SA. RFC 6023 §3 */
  readonly inboundSpi: EspSpi | undefined
  readonly payloads: readonly Payload[]
  readonly local: readonly TrafficSelector[]
  readonly remote: readonly TrafficSelector[]
}

/** Who we say we are. RFC 7296 §3.5 */
export const identityPayload = (type: 'IDi' | 'IDr', { config }: Negotiation): IdPayload => ({
  type,
  idType: config.localIdentity.type,
  data: config.localIdentity.data,
})

/** `SK {IDi, [CERT+,] [CERTREQ,] [IDr,] AUTH, [CP,] SAi2, TSi, TSr}`; `proof`: our CERT and AUTH. RFC 7296 §1.2 */
export function authRequest(n: Negotiation, init: InitDone, proof: readonly Payload[]): AuthRequest {
  const { config } = n
  const wantsAddress = config.requestAddresses.ipv4 || config.requestAddresses.ipv6
  // With an address still to be given, our side is "whatever you give me". RFC 7296 §2.19
  const transport = wantsTransport(config)
  const ends = endsOf(n)
  const local = transport
    ? ends.local
    : wantsAddress
      ? [
          ...(config.requestAddresses.ipv4 ? [everything(4)] : []),
          ...(config.requestAddresses.ipv6 ? [everything(6)] : []),
        ]
      : config.localSelectors
  const remote = transport ? ends.remote : config.remoteSelectors
  const protocol = askedProtocol(config)
  const inboundSpi = init.childless ? undefined : freshEspSpi(n.random, n.isTaken)
  const payloads: Payload[] = [
    identityPayload('IDi', n),
    ...proof.filter(({ type }) => type === 'CERT'),
    ...certificateRequest(config),
    ...ocspRequest(config),
    ...(init.resumed === undefined ? announceInReturn(config, init.peerPayloads) : []),
    ...(config.remoteIdentity === undefined || config.asksForIdentity === false
      ? []
      : [{ type: 'IDr', idType: config.remoteIdentity.type, data: config.remoteIdentity.data } as const]),
    ...proof.filter(({ type }) => type !== 'CERT'),
    ...(theirProof(n).method === 'eapAlone' ? [notify(NotifyType.EAP_ONLY_AUTHENTICATION.id)] : []),
    ...secondProof(n),
    ...(config.initialContact === false ? [] : [notify(NotifyType.INITIAL_CONTACT.id)]),
    ...mobikeNotify(config),
    ...(wantsAddress ? [configurationRequest(config.requestAddresses)] : []),
    ...(inboundSpi === undefined
      ? []
      : ([
          ...transportNotify(transport),
          {
            type: 'SA',
            proposals: encodeOffer(firstOffers(n, protocol), protocol, spiBytes(inboundSpi)),
          },
          { type: 'TSi', selectors: local },
          { type: 'TSr', selectors: remote },
        ] as const)),
  ]
  return { inboundSpi, payloads, local, remote }
}

/** Our proof is not the last. RFC 4739 §2.1 */
const secondProof = ({ authentication }: Negotiation): readonly Payload[] =>
  authentication.method === 'each' && authentication.oursThen !== undefined
    ? [notify(NotifyType.MULTIPLE_AUTH_SUPPORTED.id), notify(NotifyType.ANOTHER_AUTH_FOLLOWS.id)]
    : []

export type GatewayProof =
  | { readonly outcome: 'proven'; readonly remoteId: IdPayload }
  /** The gateway refused us; nothing stands on its side. */
  | { readonly outcome: 'refused'; readonly error: VpnError }
  /** The gateway can't be believed: tell it AUTHENTICATION_FAILED. RFC 7296 §2.21.2 */
  | { readonly outcome: 'distrust'; readonly error: VpnError }

/** `SK {IDr, [CERT+,] AUTH, …}`: nothing is believed before AUTH is verified. `verdict`: on the gateway's certificate, where it has one to show. */
export function gatewayProof(
  n: Negotiation,
  init: InitDone,
  payloads: readonly Payload[],
  verdict: ChainVerdict | undefined,
): GatewayProof {
  const idr = find(payloads, 'IDr')
  const auth = find(payloads, 'AUTH')
  // Where EAP alone proves the gateway, it has only told its name so far. RFC 5998 §3
  const later = theirProof(n).method === 'eapAlone'
  if (idr === undefined || (auth === undefined && !later))
    return { outcome: 'refused', error: refusal(n, payloads) }
  if (later || auth === undefined) {
    const doubted = nameDoubt(n, idr)
    return doubted === undefined
      ? { outcome: 'proven', remoteId: idr }
      : { outcome: 'distrust', error: doubted }
  }
  const doubted = doubt(n, init, 'responder', { id: idr, auth }, verdict)
  return doubted === undefined
    ? { outcome: 'proven', remoteId: idr }
    : { outcome: 'distrust', error: doubted }
}

export type ChildOutcome =
  /** The CHILD_SA is still to be asked for. RFC 6023 */
  | { readonly outcome: 'later'; readonly configuration: AssignedConfiguration }
  | { readonly outcome: 'done'; readonly child: ChildSa; readonly configuration: AssignedConfiguration }
  | { readonly outcome: 'refused'; readonly error: VpnError }
  /** The IKE SA stands, the CHILD_SA does not: delete the IKE SA. RFC 7296 §2.21.2 */
  | { readonly outcome: 'childless'; readonly error: VpnError }

/** `[CP,] SAr2, TSi, TSr`, of a gateway that has proven itself. RFC 7296 §1.2 */
export function openChild(
  n: Negotiation,
  init: InitDone,
  request: AuthRequest,
  payloads: readonly Payload[],
  now: Millis,
): ChildOutcome {
  const { config } = n
  const error = errorOf(payloads)
  // A refusal beside a good AUTH speaks of the whole exchange or of the CHILD_SA alone.
  if (error?.notify === NotifyType.AUTHENTICATION_FAILED.id)
    return { outcome: 'refused', error: refusal(n, payloads) }
  const configuration = readConfiguration(find(payloads, 'CP'))
  n.moreSelectors = findNotify(payloads, NotifyType.ADDITIONAL_TS_POSSIBLE.id) !== undefined
  const pairs =
    error?.notify === NotifyType.SINGLE_PAIR_REQUIRED.id && request.local.length * request.remote.length > 1
  if (error !== undefined && !pairs) return { outcome: 'childless', error: childRefused(n, error.notify) }
  const lacksAddress =
    (config.requestAddresses.ipv4 || config.requestAddresses.ipv6) && configuration.addresses.length === 0
  if ((request.inboundSpi === undefined || pairs) && !lacksAddress) return { outcome: 'later', configuration }
  const child = firstChild(n, init, request, payloads, now)
  if ('error' in child) return { outcome: 'childless', error: child.error }
  if (lacksAddress) return { outcome: 'childless', error: { kind: 'noAddress' } }
  return { outcome: 'done', child: child.install(), configuration }
}

/** Why a gateway does not go on, which it says in a notify or not at all. */
export function refusal(n: Negotiation, payloads: readonly Payload[], missing = 'IDr or AUTH'): VpnError {
  const type = errorOf(payloads)?.notify
  if (type === NotifyType.AUTHENTICATION_FAILED.id)
    return { kind: 'authFailed', who: 'us', method: proofWords(ourProof(n)) }
  if (type === undefined)
    return {
      kind: 'protocol',
      exchange: 'IKE_AUTH',
      problem: `${missing} is missing`,
      reference: 'RFC 7296 §1.2',
    }
  return { kind: 'refused', exchange: 'IKE_AUTH', notify: nameOf(NotifyType, type) }
}

/** Why there is no CHILD_SA, in our words. */
export function childRefused(n: Negotiation, type: number): VpnError {
  if (type === NotifyType.NO_PROPOSAL_CHOSEN.id)
    return {
      kind: 'noProposalChosen',
      phase: 2,
      offered: describeOffer(n.registry, proposalsOf(n, askedProtocol(n.config))),
    }
  if (type === NotifyType.TS_UNACCEPTABLE.id || type === NotifyType.SINGLE_PAIR_REQUIRED.id) {
    return { kind: 'selectorsUnacceptable', asked: n.config.remoteSelectors.map(describeSelector) }
  }
  if (type === NotifyType.INTERNAL_ADDRESS_FAILURE.id) return { kind: 'noAddress' }
  if (type === NotifyType.FAILED_CP_REQUIRED.id) return { kind: 'noAddress', mustAsk: true }
  return { kind: 'refused', exchange: 'IKE_AUTH', notify: nameOf(NotifyType, type) }
}

function firstChild(
  n: Negotiation,
  init: InitDone,
  request: AuthRequest,
  payloads: readonly Payload[],
  now: Millis,
) {
  const sa = find(payloads, 'SA')
  const tsi = find(payloads, 'TSi')
  const tsr = find(payloads, 'TSr')
  const { inboundSpi } = request
  if (inboundSpi === undefined) return { error: { kind: 'noAddress' } as VpnError }
  if (sa === undefined || tsi === undefined || tsr === undefined) {
    return {
      error: {
        kind: 'protocol',
        exchange: 'IKE_AUTH',
        problem: 'SA, TSi or TSr is missing',
        reference: 'RFC 7296 §1.2',
      } as VpnError,
    }
  }
  const protocol = askedProtocol(n.config)
  const choice = checkChoice(firstOffers(n, protocol), protocol, 4, sa.proposals)
  const suite = choice.ok ? childSuite(n.registry, choice.chosen, protocol) : undefined
  if (!choice.ok || suite === undefined || spiNumber(choice.spi) < 256) {
    return {
      error: {
        kind: 'badProposalChosen',
        phase: 2,
        problem: choice.ok ? 'an algorithm is missing' : choice.problem,
      } as VpnError,
    }
  }
  const mode = answeredMode(payloads, wantsTransport(n.config))
  if (mode === undefined) {
    const problem = 'transport mode was not asked for'
    return { error: { kind: 'badProposalChosen', phase: 2, problem } as VpnError }
  }
  if (mode === 'tunnel' && n.config.protection?.mode === 'transport')
    return { error: { kind: 'transportRefused' } as VpnError }
  const selectors = asSeenHere(n, mode, { local: knownSelectors(tsi), remote: knownSelectors(tsr) })
  if (!isSubset(selectors.local, request.local) || !isSubset(selectors.remote, request.remote)) {
    return {
      error: { kind: 'selectorsUnacceptable', asked: request.remote.map(describeSelector) } as VpnError,
    }
  }
  const outboundSpi = asEspSpi(spiNumber(choice.spi))
  const install = (): ChildSa => {
    const sas = childSas(
      init.sa.suite.prf,
      init.sa.keys.d,
      suite,
      mode,
      undefined,
      { ni: init.ni, nr: init.nr },
      true,
      inboundSpi,
      outboundSpi,
    )
    return addChild(
      n,
      { name: FIRST_CHILD, inboundSpi, outboundSpi, suite, mode, selectors, ours: true },
      sas,
      'both',
      now,
    )
  }
  return { install }
}

/**
 * Hands a CHILD_SA to the datapath. `both`: at once in both directions; `inbound`: sending waits until the
 * peer is known to be ready. RFC 7296 §2.8
 */
export function addChild(
  n: Negotiation,
  made: Pick<ChildSa, 'name' | 'inboundSpi' | 'outboundSpi' | 'suite' | 'mode' | 'selectors' | 'ours'>,
  sas: ChildSas,
  directions: 'both' | 'inbound',
  now: Millis,
): ChildSa {
  const seconds = n.config.lifetimes.childRekeySeconds
  const rekeyAt = seconds === 0 ? undefined : ((now + n.jittered(seconds * 1000)) as Millis)
  const child: ChildSa = { ...made, establishedAt: now, rekeyAt, state: 'installed' }
  n.children.set(child.inboundSpi, child)
  n.act({ do: 'addInbound', sa: sas.inbound, selectors: child.selectors })
  if (directions === 'both')
    n.act({ do: 'useOutbound', child: child.name, sa: sas.outbound, selectors: child.selectors })
  else child.pendingOutbound = sas.outbound
  const bytes = mostBytes(sas.inbound, n.registry)
  if (bytes !== undefined)
    n.act({ do: 'limitBytes', inbound: child.inboundSpi, outbound: child.outboundSpi, bytes })
  if (rekeyAt !== undefined) n.setTimer(`child-rekey:${child.inboundSpi}`, rekeyAt)
  return child
}
