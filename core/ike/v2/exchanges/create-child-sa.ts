import { asEspSpi, asIkeSpi, asMillis, asNonce, type Millis, type Nonce } from '../../../bytes/brands.ts'
import { compare } from '../../../bytes/octets.ts'
import type { Secret } from '../../../bytes/secret.ts'
import type { KeyExchangeBegun } from '../../../crypto/transforms.ts'
import { ExchangeType, SecurityProtocol } from '../../../iana/ikev2.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import { nameOf } from '../../../iana/registry.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import type { OfferedProposal } from '../../config.ts'
import { type ChildSa, espSas, freshEspSpi, lowestNonce } from '../child-sa.ts'
import type { Established } from '../established.ts'
import { IkeSa } from '../ike-sa.ts'
import { ikeKeys, rekeyedSkeyseed } from '../keys.ts'
import { hexSpi } from '../negotiation.ts'
import { CHOICE } from '../numbers.ts'
import { errorOf, find, findNotify, notify, spiBytes, spiNumber } from '../payloads.ts'
import { contains, knownSelectors } from '../selectors.ts'
import {
  checkChoice,
  childSuite,
  choose,
  encodeChoice,
  encodeOffer,
  ikeSuite,
  PROTOCOL,
  TYPE,
} from '../suite.ts'
import { addChild } from './ike-auth.ts'
import type { Answer } from './informational.ts'

const refuse = (type: number, data?: Uint8Array): Answer => ({ payloads: [notify(type, data)] })
const groupOf = (data: Uint8Array): number => (data.length === 2 ? (data[0]! << 8) | data[1]! : 0)

/** An offer whose key exchange is fixed to one group, which stands first. */
const groupsOf = (offers: readonly OfferedProposal[]): number[] => [
  ...new Set(offers.flatMap((p) => p.filter((t) => t.type === TYPE.KE && t.id !== 0).map((t) => t.id))),
]

// --- a CHILD_SA is replaced -------------------------------------------------------------------------

/** `SK {N(REKEY_SA), SA, Ni, [KEi,] TSi, TSr}`, unless something else is under way. RFC 7296 §1.3.3, §2.8 */
export function rekeyChild(e: Established, child: ChildSa, now: Millis, group?: number): void {
  const { n } = e
  if (child.state !== 'installed' || child.successorOfTheirs !== undefined || e.current.retiring) return
  child.state = 'rekeying'
  const offers = n.config.espProposals
  const groups = groupsOf(offers).filter((id) => n.registry.keyExchange.has(id))
  const wanted = group ?? child.suite.keyExchange?.id ?? groups[0]
  let inboundSpi = asEspSpi(256)
  let nonce: Nonce | undefined
  let exchange: KeyExchangeBegun | undefined
  e.ask(
    e.current,
    {
      label: 'CREATE_CHILD_SA rekey',
      exchange: ExchangeType.CREATE_CHILD_SA.id,
      build: () => {
        if (!n.children.has(child.inboundSpi) || e.current.retiring) return undefined
        inboundSpi = freshEspSpi(n.random, n.isTaken)
        nonce = asNonce(n.random.bytes(CHOICE.nonce))
        exchange = wanted === undefined ? undefined : n.registry.keyExchange.get(wanted)?.begin(n.random)
        return [
          notify(NotifyType.REKEY_SA.id, undefined, SecurityProtocol.ESP.id, spiBytes(child.inboundSpi)),
          { type: 'SA', proposals: encodeOffer(offers, PROTOCOL.ESP, spiBytes(inboundSpi)) },
          { type: 'Nonce', nonce },
          ...(exchange === undefined ? [] : [{ type: 'KE', group: wanted!, data: exchange.data } as const]),
          { type: 'TSi', selectors: child.selectors.local },
          { type: 'TSr', selectors: child.selectors.remote },
        ]
      },
      onReply: (payloads, at) =>
        onRekeyReply(e, child, { inboundSpi, nonce: nonce!, exchange, group: wanted }, payloads, at),
    },
    now,
  )
}

interface RekeyAsked {
  readonly inboundSpi: ReturnType<typeof asEspSpi>
  readonly nonce: Nonce
  readonly exchange: KeyExchangeBegun | undefined
  readonly group: number | undefined
}

function onRekeyReply(
  e: Established,
  old: ChildSa,
  asked: RekeyAsked,
  payloads: readonly Payload[],
  now: Millis,
): void {
  const { n } = e
  const gone = !n.children.has(old.inboundSpi)
  const error = errorOf(payloads)
  if (error !== undefined) {
    asked.exchange?.close()
    if (gone) return
    return onRekeyRefused(e, old, error.notify, error.data, asked.group, now)
  }
  const made = childFromReply(e, old, asked, payloads, now)
  if (typeof made === 'string') {
    n.note(`the answer to a rekey can't be used: ${made}`)
    // The gateway believes in an SA we can't make: only a fresh start brings both to one view.
    return void e.disconnect({ kind: 'badProposalChosen', phase: 2, problem: made }, now)
  }
  n.rekeys.child++
  const theirs = old.successorOfTheirs
  old.successorOfOurs = made
  if (theirs !== undefined && compare(made.lowestNonce, theirs.lowestNonce) < 0) {
    // Both rekeyed at once, and ours holds the lowest nonce: ours goes. RFC 7296 §2.8.1
    n.note('both ends rekeyed at once; the SA of the gateway stays')
    return deleteChild(e, made.child, now)
  }
  e.startSending(made.child)
  if (gone) return
  old.state = 'replaced'
  deleteChild(e, old, now)
}

function onRekeyRefused(
  e: Established,
  old: ChildSa,
  type: number,
  data: Uint8Array,
  group: number | undefined,
  now: Millis,
): void {
  const { n } = e
  old.state = 'installed'
  if (old.successorOfTheirs !== undefined) return
  if (type === NotifyType.INVALID_KE_PAYLOAD.id) {
    const wanted = groupOf(data)
    if (wanted !== group && groupsOf(n.config.espProposals).includes(wanted))
      return rekeyChild(e, old, now, wanted)
  }
  if (type === NotifyType.CHILD_SA_NOT_FOUND.id) {
    e.removeChild(old)
    if (n.children.size === 0)
      e.disconnect({ kind: 'closedByGateway', reason: 'it no longer knows the tunnel' }, now)
    return
  }
  n.note(`the gateway refused a rekey: ${nameOf(NotifyType, type)}; trying again shortly`)
  const wait =
    type === NotifyType.TEMPORARY_FAILURE.id ? CHOICE.temporaryFailureMs : 6 * CHOICE.temporaryFailureMs
  n.setTimer(`child-rekey:${old.inboundSpi}`, asMillis(now + wait))
}

function childFromReply(
  e: Established,
  old: ChildSa,
  asked: RekeyAsked,
  payloads: readonly Payload[],
  now: Millis,
) {
  const { n } = e
  const sa = find(payloads, 'SA')
  const nonce = find(payloads, 'Nonce')
  const tsi = find(payloads, 'TSi')
  const tsr = find(payloads, 'TSr')
  if (sa === undefined || nonce === undefined || tsi === undefined || tsr === undefined)
    return 'SA, Nonce, TSi or TSr is missing'
  const choice = checkChoice(n.config.espProposals, PROTOCOL.ESP, 4, sa.proposals)
  if (!choice.ok) return choice.problem
  const suite = childSuite(n.registry, choice.chosen)
  if (suite === undefined || spiNumber(choice.spi) < 256) return 'an algorithm or the SPI is missing'
  const shared = agreed(suite.keyExchange?.id, asked, find(payloads, 'KE'))
  if (shared === 'refused') return 'the key exchange does not go with the proposal'
  const selectors = { local: knownSelectors(tsi), remote: knownSelectors(tsr) }
  // A rekey must not be narrower than what is in use. RFC 7296 §2.9.2
  if (!covers(selectors.local, old.selectors.local) || !covers(selectors.remote, old.selectors.remote))
    return 'the selectors were narrowed'
  const outboundSpi = asEspSpi(spiNumber(choice.spi))
  const nr = asNonce(nonce.nonce.slice())
  const parent = e.current
  const sas = espSas(
    parent.suite.prf,
    parent.keys.d,
    suite,
    shared,
    { ni: asked.nonce, nr },
    true,
    asked.inboundSpi,
    outboundSpi,
  )
  shared?.close()
  const child = addChild(
    n,
    {
      name: old.name,
      inboundSpi: asked.inboundSpi,
      outboundSpi,
      suite,
      selectors: old.selectors,
      ours: true,
    },
    sas,
    'inbound',
    now,
  )
  return { child, lowestNonce: lowestNonce(asked.nonce, nr) }
}

const covers = (
  wide: Parameters<typeof contains>[0][],
  narrow: readonly Parameters<typeof contains>[1][],
): boolean => narrow.every((s) => wide.some((w) => contains(w, s)))

function agreed(
  chosen: number | undefined,
  asked: RekeyAsked,
  ke: Extract<Payload, { type: 'KE' }> | undefined,
): Secret | undefined | 'refused' {
  const { exchange, group } = asked
  if (chosen === undefined) {
    exchange?.close()
    return ke === undefined ? undefined : 'refused'
  }
  if (exchange === undefined || ke === undefined || chosen !== group || ke.group !== group) {
    exchange?.close()
    return 'refused'
  }
  const shared = exchange.finish(ke.data)
  exchange.close()
  return shared ?? 'refused'
}

/** Tells the peer that our half of a CHILD_SA is gone; it goes when the answer comes. RFC 7296 §1.4.1 */
export function deleteChild(e: Established, child: ChildSa, now: Millis): void {
  child.state = 'deleting'
  e.n.clearTimer(`child-rekey:${child.inboundSpi}`)
  e.ask(
    e.current,
    {
      label: 'INFORMATIONAL delete',
      exchange: ExchangeType.INFORMATIONAL.id,
      build: () =>
        e.n.children.has(child.inboundSpi)
          ? [
              {
                type: 'Delete',
                protocol: SecurityProtocol.ESP.id,
                spiBytes: 4,
                spis: [spiBytes(child.inboundSpi)],
              },
            ]
          : undefined,
      onReply: () => e.removeChild(child),
    },
    now,
  )
}

// --- the peer asks ------------------------------------------------------------------------------------

/** CREATE_CHILD_SA of the peer: a rekey of the IKE SA, a rekey of a CHILD_SA, or a new one. RFC 7296 §1.3 */
export function onCreateChildRequest(
  e: Established,
  sa: IkeSa,
  payloads: readonly Payload[],
  now: Millis,
): Answer {
  const proposals = find(payloads, 'SA')?.proposals
  if (proposals === undefined || find(payloads, 'Nonce') === undefined)
    return refuse(NotifyType.INVALID_SYNTAX.id)
  if (find(payloads, 'TSi') === undefined) return onRekeyIkeRequest(e, sa, payloads, now)
  const rekey = findNotify(payloads, NotifyType.REKEY_SA.id)
  // We are a client: the gateway has no business opening further tunnels into us.
  if (rekey === undefined) return refuse(NotifyType.NO_ADDITIONAL_SAS.id)
  return onRekeyChildRequest(e, sa, rekey, payloads, now)
}

function onRekeyChildRequest(
  e: Established,
  sa: IkeSa,
  rekey: Extract<Payload, { type: 'Notify' }>,
  payloads: readonly Payload[],
  now: Millis,
): Answer {
  const { n } = e
  const old = [...n.children.values()].find((c) => c.outboundSpi === spiNumber(rekey.spi))
  if (rekey.protocol !== SecurityProtocol.ESP.id || old === undefined) {
    return { payloads: [notify(NotifyType.CHILD_SA_NOT_FOUND.id, undefined, rekey.protocol, rekey.spi)] }
  }
  // RFC 7296 §2.25.1: closing it, or the IKE SA itself is being replaced
  if (
    sa.retiring ||
    old.state === 'deleting' ||
    old.state === 'replaced' ||
    old.successorOfTheirs !== undefined
  )
    return refuse(NotifyType.TEMPORARY_FAILURE.id)

  const pick = choose(
    withOptionalGroup(n.config.espProposals, n.registry.keyExchange),
    PROTOCOL.ESP,
    find(payloads, 'SA')!.proposals,
    (id) => n.registry.keyExchange.has(id),
  )
  const suite = pick === undefined ? undefined : childSuite(n.registry, pick.chosen)
  if (pick === undefined || suite === undefined || spiNumber(pick.proposal.spi) < 256)
    return refuse(NotifyType.NO_PROPOSAL_CHOSEN.id)
  const ke = find(payloads, 'KE')
  const group = suite.keyExchange
  if (group !== undefined && ke?.group !== group.id)
    return refuse(NotifyType.INVALID_KE_PAYLOAD.id, Uint8Array.of(group.id >> 8, group.id & 0xff))
  const tsi = knownSelectors(find(payloads, 'TSi')!)
  const tsr = knownSelectors(find(payloads, 'TSr') ?? { type: 'TSr', selectors: [] })
  // Their TSi is their side.
  if (!covers(tsi, old.selectors.remote) || !covers(tsr, old.selectors.local))
    return refuse(NotifyType.TS_UNACCEPTABLE.id)
  const exchange = group === undefined ? undefined : group.respond(n.random, ke!.data)
  if (group !== undefined && exchange === undefined) return refuse(NotifyType.INVALID_SYNTAX.id)

  const ni = asNonce(find(payloads, 'Nonce')!.nonce.slice())
  const nr = asNonce(n.random.bytes(CHOICE.nonce))
  const inboundSpi = freshEspSpi(n.random, n.isTaken)
  const outboundSpi = asEspSpi(spiNumber(pick.proposal.spi))
  const sas = espSas(
    sa.suite.prf,
    sa.keys.d,
    suite,
    exchange?.secret,
    { ni, nr },
    false,
    inboundSpi,
    outboundSpi,
  )
  exchange?.secret.close()
  // Sending waits for the delete of the old SA: only then is the peer known to have our answer. RFC 7296 §2.8
  const child = addChild(
    n,
    { name: old.name, inboundSpi, outboundSpi, suite, selectors: old.selectors, ours: false },
    sas,
    'inbound',
    now,
  )
  old.successorOfTheirs = { child, lowestNonce: lowestNonce(ni, nr) }
  if (old.state === 'installed') {
    n.clearTimer(`child-rekey:${old.inboundSpi}`)
    n.rekeys.child++
  }
  n.setTimer(`child-linger:${old.inboundSpi}`, asMillis(now + CHOICE.lingerMs))
  return {
    payloads: [
      {
        type: 'SA',
        proposals: [encodeChoice(pick.proposal.number, PROTOCOL.ESP, spiBytes(inboundSpi), pick.chosen)],
      },
      { type: 'Nonce', nonce: nr },
      ...(exchange === undefined ? [] : [{ type: 'KE', group: group!.id, data: exchange.data } as const]),
      { type: 'TSi', selectors: old.selectors.remote },
      { type: 'TSr', selectors: old.selectors.local },
    ],
  }
}

/** A peer that wants perfect forward secrecy gets it even if our own offer has none: any strong group we can do. */
function withOptionalGroup(
  offers: readonly OfferedProposal[],
  groups: ReadonlyMap<number, { readonly weakness?: string }>,
): OfferedProposal[] {
  const strong = [...groups]
    .filter(([, info]) => info.weakness === undefined)
    .map(([id]) => ({ type: TYPE.KE, id }))
  return offers.map((p) => (p.some((t) => t.type === TYPE.KE) ? p : [...p, ...strong]))
}

// --- the IKE SA is replaced ---------------------------------------------------------------------------

/** `SK {SA, Ni, KEi}` with a new SPI. RFC 7296 §1.3.2, §2.18 */
export function rekeyIke(e: Established, now: Millis, group?: number): void {
  const { n } = e
  const old = e.current
  if (old.retiring) return
  if ([...n.children.values()].some((c) => c.state === 'rekeying' || c.state === 'deleting')) {
    return n.setTimer('ike-rekey', asMillis(now + CHOICE.temporaryFailureMs))
  }
  old.retiring = true
  // The PRF stays: peers differ in which PRF expands the new keys when it changes.
  const offers = n.config.ikeProposals
    .map((p) => p.filter((t) => t.type !== TYPE.PRF || t.id === old.suite.prf.id))
    .filter((p) => p.some((t) => t.type === TYPE.PRF))
  const wanted = group ?? old.suite.keyExchange.id
  const spi = n.freshIkeSpi()
  const nonce = asNonce(n.random.bytes(CHOICE.nonce))
  const exchange = n.registry.keyExchange.get(wanted)!.begin(n.random)
  e.ask(
    old,
    {
      label: 'CREATE_CHILD_SA rekey IKE',
      exchange: ExchangeType.CREATE_CHILD_SA.id,
      build: () => [
        { type: 'SA', proposals: encodeOffer(offers, PROTOCOL.IKE, spi) },
        { type: 'Nonce', nonce },
        { type: 'KE', group: wanted, data: exchange.data },
      ],
      onReply: (payloads, at) => {
        const made = ikeFromReply(e, old, offers, { spi, nonce, exchange, group: wanted }, payloads, at)
        exchange.close()
        if (made instanceof IkeSa) return onIkeRekeyed(e, old, made, payloads, nonce, at)
        old.retiring = old.rekeyOfTheirs !== undefined
        const ask = findNotify(payloads, NotifyType.INVALID_KE_PAYLOAD.id)
        if (ask !== undefined && groupOf(ask.data) !== wanted && groupsOf(offers).includes(groupOf(ask.data)))
          return rekeyIke(e, at, groupOf(ask.data))
        n.note(`the gateway did not rekey the IKE SA: ${made}; trying again shortly`)
        n.setTimer('ike-rekey', asMillis(at + 6 * CHOICE.temporaryFailureMs))
      },
    },
    now,
  )
}

function ikeFromReply(
  e: Established,
  old: IkeSa,
  offers: readonly OfferedProposal[],
  asked: {
    readonly spi: Uint8Array
    readonly nonce: Nonce
    readonly exchange: KeyExchangeBegun
    readonly group: number
  },
  payloads: readonly Payload[],
  now: Millis,
): IkeSa | string {
  const { n } = e
  const error = errorOf(payloads)
  if (error !== undefined) return nameOf(NotifyType, error.notify)
  const sa = find(payloads, 'SA')
  const ke = find(payloads, 'KE')
  const nonce = find(payloads, 'Nonce')
  if (sa === undefined || ke === undefined || nonce === undefined) return 'SA, KE or Nonce is missing'
  const choice = checkChoice(offers, PROTOCOL.IKE, 8, sa.proposals)
  const suite = choice.ok ? ikeSuite(n.registry, choice.chosen) : undefined
  if (!choice.ok) return choice.problem
  if (suite === undefined || suite.keyExchange.id !== asked.group || ke.group !== asked.group)
    return 'the key exchange does not go with the proposal'
  const shared = asked.exchange.finish(ke.data)
  if (shared === undefined) return 'the public value is not acceptable'
  const spiR = asIkeSpi(choice.spi.slice())
  const seed = rekeyedSkeyseed(old.suite.prf, old.keys.d, shared, asked.nonce, nonce.nonce)
  shared.close()
  const keys = ikeKeys(suite, seed, asked.nonce, nonce.nonce, asked.spi, spiR)
  return new IkeSa(
    { localSpi: asIkeSpi(asked.spi), remoteSpi: spiR, initiator: true },
    suite,
    keys,
    n.random,
    now,
  )
}

function onIkeRekeyed(
  e: Established,
  old: IkeSa,
  made: IkeSa,
  payloads: readonly Payload[],
  ni: Nonce,
  now: Millis,
): void {
  const { n } = e
  made.fragments = old.fragments
  e.sas.push(made)
  const theirs = old.rekeyOfTheirs
  const lowest = lowestNonce(ni, find(payloads, 'Nonce')!.nonce)
  if (theirs !== undefined && compare(lowest, theirs.lowestNonce) < 0) {
    // Ours holds the lowest nonce: it goes, theirs inherits the children. RFC 7296 §2.8.1
    n.note('both ends rekeyed the IKE SA at once; the one of the gateway stays')
    deleteIke(e, made, now)
    return
  }
  n.current = made
  n.rekeys.ike++
  e.startTimers(now)
  deleteIke(e, old, now)
}

/** Deletes an IKE SA that another one replaces. Its queue moves there. */
function deleteIke(e: Established, sa: IkeSa, now: Millis): void {
  sa.retiring = true
  const moved = sa.queue.splice(0)
  e.ask(
    sa,
    {
      label: 'INFORMATIONAL delete',
      exchange: ExchangeType.INFORMATIONAL.id,
      build: () => [{ type: 'Delete', protocol: SecurityProtocol.IKE.id, spiBytes: 0, spis: [] }],
      onReply: () => e.drop(sa),
      onSilence: () => e.drop(sa),
    },
    now,
  )
  for (const request of moved) e.ask(e.current, request, now)
}

function onRekeyIkeRequest(e: Established, sa: IkeSa, payloads: readonly Payload[], now: Millis): Answer {
  const { n } = e
  const busy = [...n.children.values()].some((c) => c.state === 'rekeying' || c.state === 'deleting')
  if (sa !== e.current || busy || sa.rekeyOfTheirs !== undefined)
    return refuse(NotifyType.TEMPORARY_FAILURE.id)
  const pick = choose(n.config.ikeProposals, PROTOCOL.IKE, find(payloads, 'SA')!.proposals, (id) =>
    n.registry.keyExchange.has(id),
  )
  const suite = pick === undefined ? undefined : ikeSuite(n.registry, pick.chosen)
  if (pick === undefined || suite === undefined || pick.proposal.spi.length !== 8)
    return refuse(NotifyType.NO_PROPOSAL_CHOSEN.id)
  const ke = find(payloads, 'KE')
  const group = suite.keyExchange
  if (ke?.group !== group.id)
    return refuse(NotifyType.INVALID_KE_PAYLOAD.id, Uint8Array.of(group.id >> 8, group.id & 0xff))
  const exchange = group.respond(n.random, ke.data)
  if (exchange === undefined) return refuse(NotifyType.INVALID_SYNTAX.id)
  const ni = asNonce(find(payloads, 'Nonce')!.nonce.slice())
  const nr = asNonce(n.random.bytes(CHOICE.nonce))
  const spiI = asIkeSpi(pick.proposal.spi.slice())
  const spiR = n.freshIkeSpi()
  const seed = rekeyedSkeyseed(sa.suite.prf, sa.keys.d, exchange.secret, ni, nr)
  exchange.secret.close()
  const made = new IkeSa(
    { localSpi: spiR, remoteSpi: spiI, initiator: false },
    suite,
    ikeKeys(suite, seed, ni, nr, spiI, spiR),
    n.random,
    now,
  )
  made.fragments = sa.fragments
  e.sas.push(made)
  sa.rekeyOfTheirs = { sa: made, lowestNonce: lowestNonce(ni, nr) }
  const collided = sa.retiring
  return {
    payloads: [
      { type: 'SA', proposals: [encodeChoice(pick.proposal.number, PROTOCOL.IKE, spiR, pick.chosen)] },
      { type: 'Nonce', nonce: nr },
      { type: 'KE', group: group.id, data: exchange.data },
    ],
    after: (at) => {
      if (collided) return
      sa.retiring = true
      n.current = made
      n.rekeys.ike++
      for (const request of sa.queue.splice(0)) e.ask(made, request, at)
      e.startTimers(at)
      n.setTimer(`ike-linger:${hexSpi(sa.localSpi)}`, asMillis(at + CHOICE.lingerMs))
    },
  }
}
