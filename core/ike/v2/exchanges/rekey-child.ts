import { asEspSpi, asMillis, asNonce, type EspSpi, type Millis, type Nonce } from '../../../bytes/brands.ts'
import { compare } from '../../../bytes/octets.ts'
import type { Secret } from '../../../bytes/secret.ts'
import type { KeyExchangeBegun } from '../../../crypto/transforms.ts'
import { ExchangeType, SecurityProtocol } from '../../../iana/ikev2.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import { nameOf } from '../../../iana/registry.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import { type ChildSa, espSas, freshEspSpi, lowestNonce } from '../child-sa.ts'
import type { Established } from '../established.ts'
import type { IkeSa } from '../ike-sa.ts'
import { CHOICE } from '../numbers.ts'
import { errorOf, find, findNotify, notify, spiBytes, spiNumber } from '../payloads.ts'
import { covers, knownSelectors } from '../selectors.ts'
import { checkChoice, childSuite, encodeChoice, encodeOffer, PROTOCOL } from '../suite.ts'
import { chooseChild, groupOf, malformed, refuse, rekeyGroups, rekeyOffers } from './child-offer.ts'
import { addChild } from './ike-auth.ts'
import type { Answer } from './informational.ts'

/** What must be remembered between our request and its answer. */
interface Asked {
  readonly inboundSpi: EspSpi
  readonly nonce: Nonce
  readonly exchange: KeyExchangeBegun | undefined
}

/**
 * `SK {N(REKEY_SA), SA, Ni, [KEi,] TSi, TSr}`, unless something else happens to the SA already.
 * `tried`: groups that the peer did not take. RFC 7296 §1.3.3, §2.8
 */
export function rekeyChild(
  e: Established,
  child: ChildSa,
  now: Millis,
  group = rekeyGroups(e.n).find((id) => id === child.suite.keyExchange?.id) ?? rekeyGroups(e.n)[0],
  tried: readonly number[] = [],
): void {
  const { n } = e
  if (child.state !== 'installed' || child.rekeyQueued === true) return
  child.rekeyQueued = true
  n.clearTimer(`child-rekey:${child.inboundSpi}`)
  let asked: Asked | undefined
  e.ask(
    e.current,
    {
      label: 'CREATE_CHILD_SA rekey',
      exchange: ExchangeType.CREATE_CHILD_SA.id,
      concerns: 'child',
      build: () => {
        child.rekeyQueued = false
        if (child.state !== 'installed' || !n.children.has(child.inboundSpi)) return undefined
        child.state = 'rekeying'
        const exchange = group === undefined ? undefined : n.registry.keyExchange.get(group)?.begin(n.random)
        asked = {
          inboundSpi: freshEspSpi(n.random, n.isTaken),
          nonce: asNonce(n.random.bytes(CHOICE.nonce)),
          exchange,
        }
        return [
          notify(NotifyType.REKEY_SA.id, undefined, SecurityProtocol.ESP.id, spiBytes(child.inboundSpi)),
          { type: 'SA', proposals: encodeOffer(rekeyOffers(n), PROTOCOL.ESP, spiBytes(asked.inboundSpi)) },
          { type: 'Nonce', nonce: asked.nonce },
          ...(exchange === undefined ? [] : [{ type: 'KE', group: group!, data: exchange.data } as const]),
          { type: 'TSi', selectors: child.selectors.local },
          { type: 'TSr', selectors: child.selectors.remote },
        ]
      },
      onReply: (payloads, at, sa) => {
        const error = errorOf(payloads)
        if (error === undefined) onRekeyReply(e, sa, child, asked!, group, payloads, at)
        else onRefusal(e, child, error.notify, error.data, [...tried, group ?? 0], at)
        asked?.exchange?.close()
      },
    },
    now,
  )
}

function onRekeyReply(
  e: Established,
  sa: IkeSa,
  old: ChildSa,
  asked: Asked,
  group: number | undefined,
  payloads: readonly Payload[],
  now: Millis,
): void {
  const { n } = e
  const made = childFromReply(e, sa, old, asked, group, payloads, now)
  if (typeof made === 'string') {
    // The peer believes in an SA we can't make: only a fresh start brings both to one view.
    return e.leave({ kind: 'badProposalChosen', phase: 2, problem: made }, now)
  }
  n.rekeys.child++
  const theirs = old.successorOfTheirs
  const bothStand = theirs !== undefined && n.children.has(theirs.child.inboundSpi)
  old.successorOfOurs = made
  if (bothStand && compare(made.lowestNonce, theirs.lowestNonce) < 0) {
    // Ours holds the lowest of the four nonces: it goes, and whoever made the other one deletes the old. RFC 7296 §2.8.1
    n.note('both ends rekeyed at once; the SA of the peer stays')
    if (old.state === 'rekeying') old.state = 'replaced'
    return deleteChild(e, made.child, now)
  }
  if (bothStand) {
    n.note('both ends rekeyed at once; our SA stays')
    theirs.child.state = 'replaced'
    e.expectDelete(theirs.child, now)
  }
  e.startSending(made.child)
  if (n.children.has(old.inboundSpi)) deleteChild(e, old, now)
}

/** The peer keeps the old SA, or has lost it. RFC 7296 §2.25 */
function onRefusal(
  e: Established,
  old: ChildSa,
  type: number,
  data: Uint8Array,
  tried: readonly number[],
  now: Millis,
): void {
  const { n } = e
  if (!n.children.has(old.inboundSpi)) return e.checkChildren(now)
  const theirs = old.successorOfTheirs
  if (theirs !== undefined && n.children.has(theirs.child.inboundSpi)) {
    // It was ahead of us with a rekey of its own, and will delete the old SA. RFC 7296 §2.8.1
    old.state = 'replaced'
    return
  }
  delete old.successorOfTheirs
  old.state = 'installed'
  if (type === NotifyType.INVALID_KE_PAYLOAD.id) {
    const wanted = groupOf(data)
    if (rekeyGroups(n).includes(wanted) && !tried.includes(wanted))
      return rekeyChild(e, old, now, wanted, tried)
  }
  if (type === NotifyType.CHILD_SA_NOT_FOUND.id) {
    e.removeChild(old, now)
    return e.checkChildren(now)
  }
  const since = old.refused?.since ?? now
  if (now - since >= CHOICE.refusedLongestMs)
    return e.leave(
      { kind: 'closedByGateway', reason: `it refuses fresh keys (${nameOf(NotifyType, type)})` },
      now,
    )
  n.note(`the peer refused a rekey: ${nameOf(NotifyType, type)}; trying again shortly`)
  const temporary = type === NotifyType.TEMPORARY_FAILURE.id
  const retryAt = asMillis(now + n.jittered(temporary ? CHOICE.temporaryFailureMs : CHOICE.refusedMs))
  old.refused = { since, retryAt }
  n.setTimer(`child-rekey:${old.inboundSpi}`, retryAt)
}

/** The SA that the answer agrees to, or what is wrong with it. */
function childFromReply(
  e: Established,
  sa: IkeSa,
  old: ChildSa,
  asked: Asked,
  group: number | undefined,
  payloads: readonly Payload[],
  now: Millis,
) {
  const { n } = e
  const proposals = find(payloads, 'SA')?.proposals
  const nonce = find(payloads, 'Nonce')
  const tsi = find(payloads, 'TSi')
  const tsr = find(payloads, 'TSr')
  if (proposals === undefined || nonce === undefined || tsi === undefined || tsr === undefined)
    return 'SA, Nonce, TSi or TSr is missing'
  const choice = checkChoice(rekeyOffers(n), PROTOCOL.ESP, 4, proposals)
  if (!choice.ok) return choice.problem
  const suite = childSuite(n.registry, choice.chosen)
  if (suite === undefined || spiNumber(choice.spi) < 256) return 'an algorithm or the SPI is missing'
  // A rekey must not be narrower than what is in use. RFC 7296 §2.9.2
  if (!covers(knownSelectors(tsi), old.selectors.local) || !covers(knownSelectors(tsr), old.selectors.remote))
    return 'the selectors were narrowed'
  const shared = agreed(suite.keyExchange?.id, group, asked.exchange, find(payloads, 'KE'))
  if (shared === 'refused') return 'the key exchange does not go with the proposal'
  const outboundSpi = asEspSpi(spiNumber(choice.spi))
  const nr = asNonce(nonce.nonce.slice())
  const { inboundSpi } = asked
  const nonces = { ni: asked.nonce, nr }
  const sas = espSas(sa.suite.prf, sa.keys.d, suite, shared, nonces, true, inboundSpi, outboundSpi)
  shared?.close()
  const { name, selectors } = old
  const child = addChild(
    n,
    { name, inboundSpi, outboundSpi, suite, selectors, ours: true },
    sas,
    'inbound',
    now,
  )
  return { child, lowestNonce: lowestNonce(asked.nonce, nr) }
}

/** The shared secret of the group that was asked for, chosen and answered: all three must be the same. */
function agreed(
  chosen: number | undefined,
  group: number | undefined,
  exchange: KeyExchangeBegun | undefined,
  ke: Extract<Payload, { type: 'KE' }> | undefined,
): Secret | undefined | 'refused' {
  if (chosen === undefined) return ke === undefined && exchange === undefined ? undefined : 'refused'
  if (exchange === undefined || ke === undefined || chosen !== group || ke.group !== group) return 'refused'
  return exchange.finish(ke.data) ?? 'refused'
}

/** Tells the peer that our half of a CHILD_SA is gone; it goes when the answer comes. RFC 7296 §1.4.1 */
export function deleteChild(e: Established, child: ChildSa, now: Millis): void {
  const { n } = e
  if (child.state === 'deleting') return
  child.state = 'deleting'
  n.clearTimer(`child-rekey:${child.inboundSpi}`)
  const spis = [spiBytes(child.inboundSpi)]
  e.ask(
    e.current,
    {
      label: 'INFORMATIONAL delete',
      exchange: ExchangeType.INFORMATIONAL.id,
      concerns: 'child',
      build: () => {
        if (!n.children.has(child.inboundSpi)) return undefined
        child.deleteSent = true
        return [{ type: 'Delete', protocol: SecurityProtocol.ESP.id, spiBytes: 4, spis }]
      },
      onReply: (_, at) => {
        e.removeChild(child, at)
        e.checkChildren(at)
      },
    },
    now,
  )
}

/** The peer replaces a CHILD_SA. RFC 7296 §1.3.3, §2.8, §2.25.1 */
export function onRekeyChildRequest(
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
  // One that we close, or that is replaced already, can't be rekeyed; one that we are rekeying can.
  if ((old.state !== 'installed' && old.state !== 'rekeying') || old.successorOfTheirs !== undefined)
    return refuse(NotifyType.TEMPORARY_FAILURE.id)

  const pick = chooseChild(n, payloads)
  if (!('suite' in pick)) return pick
  const { proposal, chosen, suite, ke } = pick
  const tsi = knownSelectors(find(payloads, 'TSi')!)
  const tsr = knownSelectors(find(payloads, 'TSr')!)
  // Their TSi is their side. RFC 7296 §2.9.2
  if (!covers(tsi, old.selectors.remote) || !covers(tsr, old.selectors.local))
    return refuse(NotifyType.TS_UNACCEPTABLE.id)
  const group = suite.keyExchange
  const exchange = group === undefined ? undefined : group.respond(n.random, ke!.data)
  if (group !== undefined && exchange === undefined)
    return malformed('the public value of the key exchange is not acceptable', 'RFC 6989 §2')

  const ni = asNonce(find(payloads, 'Nonce')!.nonce.slice())
  const nr = asNonce(n.random.bytes(CHOICE.nonce))
  const inboundSpi = freshEspSpi(n.random, n.isTaken)
  const outboundSpi = asEspSpi(spiNumber(proposal.spi))
  const nonces = { ni, nr }
  const sas = espSas(sa.suite.prf, sa.keys.d, suite, exchange?.secret, nonces, false, inboundSpi, outboundSpi)
  exchange?.secret.close()
  // Sending waits for the delete of the old SA: only then is the peer known to have our answer. RFC 7296 §2.8
  const { name, selectors } = old
  const child = addChild(
    n,
    { name, inboundSpi, outboundSpi, suite, selectors, ours: false },
    sas,
    'inbound',
    now,
  )
  old.successorOfTheirs = { child, lowestNonce: lowestNonce(ni, nr) }
  if (old.state === 'installed') {
    old.state = 'replaced'
    n.clearTimer(`child-rekey:${old.inboundSpi}`)
    n.rekeys.child++
  }
  e.expectDelete(old, now)
  return {
    payloads: [
      {
        type: 'SA',
        proposals: [encodeChoice(proposal.number, PROTOCOL.ESP, spiBytes(inboundSpi), chosen)],
      },
      { type: 'Nonce', nonce: nr },
      ...(exchange === undefined ? [] : [{ type: 'KE', group: group!.id, data: exchange.data } as const]),
      { type: 'TSi', selectors: selectors.remote },
      { type: 'TSr', selectors: selectors.local },
    ],
  }
}

/** The notify that makes a CREATE_CHILD_SA request a rekey. RFC 7296 §1.3.3 */
export const rekeyNotify = (payloads: readonly Payload[]) => findNotify(payloads, NotifyType.REKEY_SA.id)
