import type { EspSpi, Millis } from '../../../bytes/brands.ts'
import { NO_OCTETS } from '../../../bytes/octets.ts'
import type { KeyExchangeBegun } from '../../../crypto/transforms.ts'
import type { VpnError } from '../../../errors.ts'
import type { ChildMode, SelectorPair } from '../../../esp/engine.ts'
import { ExchangeType, NotifyType, SecurityProtocol } from '../../../iana/ikev1.ts'
import type { IdPayload, Payload } from '../../../wire/ikev1/payload.ts'
import type { TrafficSelector } from '../../../wire/ikev2/traffic-selector.ts'
import { mostBytes } from '../../byte-limits.ts'
import type { ChildSas } from '../../v2/child-sa.ts'
import { proposalsOf } from '../../v2/exchanges/child-offer.ts'
import { spiBytes } from '../../v2/payloads.ts'
import { describeSelector, everything, isSubset, selectorOfAddress } from '../../v2/selectors.ts'
import { describeOffer } from '../../v2/suite.ts'
import { asSeenHere, endsOf } from '../../v2/transport-mode.ts'
import { childSas, mainSpis, spisToSay } from '../child-sas.ts'
import { assignedTo } from '../configuration.ts'
import type { Established } from '../established.ts'
import { idSelector, selectorId } from '../identities.ts'
import type { IsakmpSa, Opened } from '../isakmp-sa.ts'
import { isEncapsulated, originalAddresses } from '../nat-discovery.ts'
import { type ChildSa, closePending, type Negotiation } from '../negotiation.ts'
import { CHOICE } from '../numbers.ts'
import { all, notify, only } from '../payloads.ts'
import {
  checkPhase2,
  choosePhase2,
  encodePhase2,
  isAllowed,
  type Life,
  lifeNotice,
  modeOf,
  type Named,
  type Phase2Offer,
  phase2Suite,
  readLife,
} from '../phase2-suite.ts'
import type { Withdraw } from '../takeover.ts'
import { deletes } from './informational.ts'
import {
  allowedTerms,
  askedProtocols,
  freshSpis,
  lifeOf,
  offersOf,
  pfsGroups,
  spisOf,
  termsOf,
} from './quick-terms.ts'

const QUICK = ExchangeType.QUICK.id
const ESP = SecurityProtocol.ESP.id
const AH = SecurityProtocol.AH.id
export const QUICK_MODE = 'quick mode'

/** What a quick mode is for. */
export interface QuickPurpose {
  /** The name of what it makes. */
  readonly name: string
  readonly selectors: SelectorPair
  /** What it makes anew. */
  readonly renews?: ChildSa
  onDone(child: ChildSa, now: Millis, withdraw: Withdraw): void
  onFailed(error: VpnError, now: Millis): void
}

/** `HDR*, HASH(1), SA, Ni, [KE,] IDci, IDcr`. RFC 2409 §5.5 */
export function beginQuick(e: Established, purpose: QuickPurpose, now: Millis): void {
  const { n } = e
  const sa = e.current
  const { prf, keys } = { prf: sa.suite.prf, keys: sa.keys }
  const group = pfsGroups(n)[0]
  const terms = termsOf(n, purpose.renews)
  const offers = offersOf(n, terms, group)
  const ours = freshSpis(n)
  const named = terms.protocols.map((protocol) => ({ protocol, spi: spiBytes(ours(protocol)) }))
  const ni = n.random.bytes(CHOICE.nonce)
  const exchange = group === undefined ? undefined : n.registry.keyExchange.get(group)?.begin(n.random)
  const ids = [purpose.selectors.local, purpose.selectors.remote].map((side) => selectorId(side[0]!))
  const payloads: Payload[] = [
    encodePhase2(offers, named, lifeOf(n, purpose.renews)),
    { type: 'Nonce', nonce: ni },
    ...(exchange === undefined ? [] : [{ type: 'KE', data: exchange.data } as const]),
    ...ids,
    ...(isEncapsulated(n) && terms.modes.includes('transport') ? originalAddresses(n, true) : []),
  ]
  const fail = (error: VpnError, at: Millis): void => {
    exchange?.close()
    purpose.onFailed(error, at)
  }
  e.ask(
    sa,
    {
      label: QUICK_MODE,
      exchange: QUICK,
      payloads,
      onMessage: (opened, at, messageId) => {
        if (!opened.hashFits(ni)) return 'ignored'
        opened.accept()
        const made = fromReply(n, opened.chain.payloads, { offers, exchange, ids, purpose, ours })
        if ('error' in made) {
          // The peer believes in an SA that we cannot make.
          e.inform(sa, deletesOf(made.unmade))
          return { after: (later) => fail(made.error, later) }
        }
        const { nr, suite, mode, shared, selectors, spis, seconds, kilobytes } = made
        const sas = childSas({ prf, d: keys.d, shared, nonces: { ni, nr } }, suite, mode, spis)
        shared?.close()
        exchange?.close()
        const { name } = purpose
        const child = install(
          n,
          { name, selectors, spis, suite, mode, ours: true },
          { seconds, ...(kilobytes === undefined ? {} : { kilobytes }) },
          sas,
          at,
        )
        const { renews } = purpose
        // With a pair that carries traffic until now there is time for a sign that the peer has this one.
        if (renews === undefined || renews.unproven !== undefined || !n.children.has(renews.inboundSpi))
          startSending(n, child)
        const third = sa.sealHash3(QUICK, messageId, ni, nr)
        return { last: third, after: (later) => purpose.onDone(child, later, () => sa.withdraw(third)) }
      },
      onFailed: fail,
      again: (at) => {
        exchange?.close()
        beginQuick(e, purpose, at)
      },
      offered: () =>
        terms.protocols.flatMap((protocol) => describeOffer(n.registry, proposalsOf(n, protocol))),
    },
    now,
  )
}

/** What the answer gives us: `HDR*, HASH(2), SA, Nr, [KE,] IDci, IDcr`. RFC 2409 §5.5 */
function fromReply(
  n: Negotiation,
  payloads: readonly Payload[],
  asked: {
    readonly offers: readonly Phase2Offer[]
    readonly exchange: KeyExchangeBegun | undefined
    readonly ids: readonly IdPayload[]
    readonly purpose: QuickPurpose
    readonly ours: (protocol: number) => EspSpi
  },
) {
  const sa = only(payloads, 'SA')
  const unmade = sa?.proposals ?? []
  const protocol = (problem: string) => ({
    error: { kind: 'protocol', exchange: QUICK_MODE, problem, reference: 'RFC 2409 §5.5' } as VpnError,
    unmade,
  })
  const nonce = only(payloads, 'Nonce')
  if (sa === undefined || nonce === undefined) return protocol('SA or the nonce is missing, or there twice')
  const checked = checkPhase2(asked.offers, sa)
  const suite = checked.ok ? phase2Suite(n.registry, checked.parts) : undefined
  const spis = checked.ok ? spisOf(asked.ours, checked) : undefined
  if (!checked.ok || suite === undefined || spis === undefined) {
    const problem = checked.ok ? 'an algorithm is missing, or the SPI is a reserved one' : checked.problem
    return { error: { kind: 'badProposalChosen', phase: 2, problem } as VpnError, unmade }
  }
  const mode = modeOf(checked.parts[0]!.offer)
  const answered = all(payloads, 'ID').map((id) => idSelector(id))
  const [local, remote] = pairSeen(n, mode, answered)
  const { selectors } = asked.purpose
  // Without IDs the answer is for what we asked. Some gateways open less than that: never more.
  if (answered.length > 0 && (local === undefined || remote === undefined || answered.length > 2))
    return { error: unacceptable(selectors), unmade }
  if (local !== undefined && remote !== undefined) {
    if (!isSubset([local], selectors.local) || !isSubset([remote], selectors.remote))
      return { error: unacceptable(selectors), unmade }
  }
  const ke = only(payloads, 'KE')
  if ((asked.exchange === undefined) !== (ke === undefined))
    return protocol(ke === undefined ? 'KE is missing' : 'KE was not asked for')
  const shared = ke === undefined ? undefined : asked.exchange?.finish(ke.data)
  if (ke !== undefined && shared === undefined) return protocol('the public value does not fit the group')
  const notice = lifetimeNotice(payloads)
  return {
    nr: nonce.nonce.slice(),
    suite,
    mode,
    spis,
    shared,
    selectors: local === undefined || remote === undefined ? selectors : { local: [local], remote: [remote] },
    seconds: Math.min(
      checked.seconds,
      lifeOf(n, asked.purpose.renews),
      notice.seconds ?? Number.POSITIVE_INFINITY,
    ),
    kilobytes: notice.kilobytes ?? checked.kilobytes,
  }
}

const unacceptable = (selectors: SelectorPair): VpnError => ({
  kind: 'selectorsUnacceptable',
  asked: selectors.remote.map(describeSelector),
})

/** What a RESPONDER-LIFETIME beside the answer says. RFC 2407 §4.6.3.1 */
const lifetimeNotice = (payloads: readonly Payload[]): Partial<Life> =>
  readLife(
    all(payloads, 'Notify').find((p) => p.notify === NotifyType.RESPONDER_LIFETIME.id)?.data ?? NO_OCTETS,
  )

/** `HDR*, HASH(1), SA, Ni, [KE,] IDci, IDcr` of the peer; ← our half, or an error in an Informational. RFC 2409 §5.5 */
export function answerQuick(e: Established, sa: IsakmpSa, opened: Opened, now: Millis): boolean {
  const { n } = e
  if (!opened.hashFits()) return false
  const { payloads } = opened.chain
  const { messageId } = opened.header
  const refuse = (type: number, why: string): true => {
    n.note(`refused a quick mode: ${why}`)
    opened.accept()
    sa.finish(messageId)
    const proposal = only(payloads, 'SA')?.proposals[0]
    e.inform(sa, [notify(type, proposal?.spi, undefined, proposal?.protocol === AH ? AH : ESP)])
    return true
  }
  const offer = only(payloads, 'SA')
  const nonce = only(payloads, 'Nonce')
  const ids = all(payloads, 'ID')
  const ke = only(payloads, 'KE')
  if (offer === undefined || nonce === undefined || payloads[1] !== offer)
    return refuse(NotifyType.PAYLOAD_MALFORMED.id, 'SA or the nonce is missing, or there twice')
  const notAllowed = (): true =>
    refuse(NotifyType.INVALID_ID_INFORMATION.id, 'it is for traffic we do not allow')
  if ((ids.length !== 0 && ids.length !== 2) || ids.some((id) => idSelector(id) === undefined))
    return notAllowed()
  if (n.config.forceEncapsulation && !isEncapsulated(n))
    return refuse(NotifyType.NO_PROPOSAL_CHOSEN.id, 'the client cannot carry ESP in UDP')
  const own = freshSpis(n)
  const choice = choosePhase2(
    (wanted) => isWanted(n, wanted, ke !== undefined),
    offer,
    (protocol) => spiBytes(own(protocol)),
  )
  const suite = choice === undefined ? undefined : phase2Suite(n.registry, choice.parts)
  const spis = choice === undefined ? undefined : spisOf(own, choice)
  // A client has asked for what it wants, and takes no less.
  const less = n.initiated && choice?.parts.length !== askedProtocols(n.config).length
  if (choice === undefined || suite === undefined || spis === undefined || less)
    return refuse(NotifyType.NO_PROPOSAL_CHOSEN.id, 'it proposes nothing we allow')
  const mode = modeOf(choice.parts[0]!.offer)
  const allowed = allowedSelectors(n, ids, mode)
  if (allowed === undefined) return notAllowed()
  const { selectors, asked } = allowed
  const ours = ke === undefined ? undefined : suite.keyExchange?.respond(n.random, ke.data)
  if (ke !== undefined && ours === undefined)
    return refuse(NotifyType.INVALID_KEY_INFORMATION.id, 'its public value does not fit the group')

  opened.accept()
  const ni = nonce.nonce.slice()
  const nr = n.random.bytes(CHOICE.nonce)
  const source = { prf: sa.suite.prf, d: sa.keys.d, shared: ours?.secret, nonces: { ni, nr } }
  const sas = childSas(source, suite, mode, spis)
  ours?.secret.close()
  const renews = sameTraffic(n, asked)
  const name = renews?.name ?? e.children.freshName()
  const { kilobytes } = choice
  const life = {
    seconds: Math.min(choice.seconds, lifeOf(n)),
    ...(kilobytes === undefined ? {} : { kilobytes }),
  }
  // The initiator sends as soon as it has our answer.
  const child = install(n, { name, selectors, asked, spis, suite, mode, ours: false }, life, sas, now)
  const reply: Payload[] = [
    choice.answer,
    { type: 'Nonce', nonce: nr },
    ...(ours === undefined ? [] : [{ type: 'KE', data: ours.data } as const]),
    ...ids,
    ...(choice.seconds > life.seconds
      ? spisToSay(spis, 'inbound').map(({ protocol, spi }) => lifeNotice(2, spi, life.seconds, protocol))
      : []),
    ...(isEncapsulated(n) && mode === 'transport' ? originalAddresses(n, false) : []),
  ]
  const drop = (_: VpnError, at: Millis): void => {
    if (n.children.get(child.inboundSpi) === child && child.pendingOutbound !== undefined)
      e.children.remove(child, at)
  }
  e.await(
    sa,
    {
      label: QUICK_MODE,
      messageId,
      message: sa.seal(QUICK, messageId, reply, true, ni),
      onMessage: (third) => {
        if (!third.isHash3(ni, nr)) return 'ignored'
        third.accept()
        startSending(n, child)
        return { after: (at) => e.children.onChild(child, renews, at) }
      },
      onFailed: drop,
    },
    now,
  )
  return true
}

/** With a public value the group has to be one we do; without one only where nobody insists on secrecy. RFC 2409 §5.5 */
function isWanted(n: Negotiation, wanted: Phase2Offer, withKe: boolean): boolean {
  const { group } = wanted
  if ((group !== undefined) !== withKe) return false
  const groups = pfsGroups(n)
  if (group === undefined)
    return groups.length === 0 && isAllowed(offersOf(n, allowedTerms(n), undefined), wanted)
  const row = n.registry.keyExchange.get(group)
  const fine = groups.length > 0 ? groups.includes(group) : row !== undefined && row.weakness === undefined
  return fine && isAllowed(offersOf(n, allowedTerms(n), group), wanted)
}

/** The traffic a peer asks for, seen from here, if it lies inside what we allow. There is no narrowing. RFC 2409 §5.5 */
function allowedSelectors(
  n: Negotiation,
  ids: readonly IdPayload[],
  mode: ChildMode,
): { readonly selectors: SelectorPair; readonly asked: SelectorPair } | undefined {
  // Without IDs it is between the two ends themselves.
  const ends = endsOf(n)
  const [ours, theirs] =
    ids.length === 0
      ? [ends.local[0], ends.remote[0]]
      : pairSeen(n, mode, ids.map((id) => idSelector(id)).reverse())
  if (theirs === undefined || ours === undefined) return undefined
  const { config } = n
  const assigned = assignedTo(n)
  const remote = assigned === undefined ? config.remoteSelectors : addressesOf(assigned.addresses)
  // A client takes back what it asked for itself, when the gateway renews it.
  const known = [...n.children.values()].map((child) => child.selectors)
  const asked = { local: [ours], remote: [theirs] }
  const allowed = [...known, mode === 'transport' ? ends : { local: config.localSelectors, remote }]
  const fits = allowed.some((pair) => isSubset([ours], pair.local) && isSubset([theirs], pair.remote))
  if (fits) return { selectors: asked, asked }
  // Clients of split tunnels ask for everything and learn what of it there is another way.
  const all = isSubset([everything(ours.type === 7 ? 4 : 6)], [ours])
  const there = all ? config.localSelectors.filter((one) => isSubset([one], [ours])) : []
  return assigned !== undefined && there.length > 0 && isSubset([theirs], remote)
    ? { selectors: { local: there, remote: [theirs] }, asked }
    : undefined
}

const addressesOf = (cidrs: readonly string[]) => cidrs.map((cidr) => selectorOfAddress(cidr.split('/')[0]!))

/** The latest pair of SAs that carries the very same traffic, which a new one renews. */
function sameTraffic(n: Negotiation, selectors: SelectorPair): ChildSa | undefined {
  const text = (pair: SelectorPair): string => [...pair.local, ...pair.remote].map(describeSelector).join(' ')
  return [...n.children.values()].findLast(
    (child) =>
      child.state !== 'replaced' &&
      (child.ours || child.pendingOutbound === undefined) &&
      text(child.asked ?? child.selectors) === text(selectors),
  )
}

/** Ours first, as they are at this end where a NAT has changed addresses on the way; `undefined`: one is no traffic. RFC 3947 §5.2 */
function pairSeen(
  n: Negotiation,
  mode: ChildMode,
  [local, remote]: readonly (TrafficSelector | undefined)[],
): readonly (TrafficSelector | undefined)[] {
  if (local === undefined || remote === undefined) return [local, remote]
  const path = { local: n.local, remote: n.remote, nat: n.facts.nat }
  const pair = asSeenHere(path, mode, { local: [local], remote: [remote] })
  return [pair.local[0], pair.remote[0]]
}

const deletesOf = (proposals: readonly Named[]): Payload[] =>
  deletes(proposals.filter(({ protocol, spi }) => (protocol === ESP || protocol === AH) && spi.length === 4))

/** Hands the inbound half to the datapath; the outbound half waits for {@link startSending}. */
function install(
  n: Negotiation,
  made: Pick<ChildSa, 'name' | 'selectors' | 'asked' | 'spis' | 'suite' | 'mode' | 'ours'>,
  { seconds, kilobytes }: Life,
  sas: ChildSas,
  now: Millis,
): ChildSa {
  const { selectors, spis } = made
  const { inbound: inboundSpi, outbound: outboundSpi } = mainSpis(spis)
  const rekeyAt = (now + n.renewAfterMs(seconds, n.config.lifetimes.childRekeySeconds)) as Millis
  const child: ChildSa = {
    ...made,
    inboundSpi,
    outboundSpi,
    rekeyAt,
    lifeSeconds: seconds,
    establishedAt: now,
    state: 'installed',
    pendingOutbound: sas.outbound,
  }
  n.children.set(inboundSpi, child)
  n.act({ do: 'addInbound', sa: sas.inbound, selectors })
  n.setTimer(`child-rekey:${inboundSpi}`, rekeyAt)
  if (kilobytes !== undefined) limitBytes(n, child, kilobytes)
  const bytes = mostBytes(sas.inbound, n.registry)
  if (bytes !== undefined) n.act({ do: 'limitBytes', inbound: inboundSpi, outbound: outboundSpi, bytes })
  return child
}

/** They are renewed before they have carried that much, both ways together. RFC 2407 §4.5 */
export function limitBytes(n: Negotiation, { inboundSpi, outboundSpi }: ChildSa, kilobytes: number): void {
  const bytes = Math.floor(kilobytes * 1000 * CHOICE.lifeShare)
  n.act({ do: 'limitBytes', inbound: inboundSpi, outbound: outboundSpi, bytes })
}

/** The peer is ready for it. */
export function startSending(n: Negotiation, child: ChildSa): void {
  const sa = child.pendingOutbound
  if (sa === undefined || !n.children.has(child.inboundSpi)) return closePending(child)
  delete child.pendingOutbound
  n.act({ do: 'useOutbound', child: child.name, sa, selectors: child.selectors })
}
