import { asMillis, type Millis } from '../../../bytes/brands.ts'
import { compare, NO_OCTETS } from '../../../bytes/octets.ts'
import { ExchangeType } from '../../../iana/ikev2.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import { nameOf } from '../../../iana/registry.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import type { TrafficSelector } from '../../../wire/ikev2/traffic-selector.ts'
import type { ChildSa } from '../child-sa.ts'
import type { Established } from '../established.ts'
import type { IkeSa } from '../ike-sa.ts'
import { CHOICE } from '../numbers.ts'
import { errorOf, find, findNotify, notify, spiBytes, spiNumber } from '../payloads.ts'
import { withLessSecrecy } from '../secrecy.ts'
import { covers, knownSelectors } from '../selectors.ts'
import { asSeenHere } from '../transport-mode.ts'
import {
  type AgreedChild,
  type AskedChild,
  answerChild,
  askChild,
  askedPayloads,
  closeUnused,
  concludeChild,
  firstGroup,
} from './child-exchange.ts'
import { chooseChild, groupOf, protocolOf, refuse, rekeyGroups } from './child-offer.ts'
import { deleteChild } from './delete-child.ts'
import { addChild } from './ike-auth.ts'
import type { Answer } from './informational.ts'

/**
 * `SK {N(REKEY_SA), SA, Ni, [KEi,] TSi, TSr}`, unless something else happens to the SA already.
 * `tried`: groups that the peer did not take. RFC 7296 §1.3.3, §2.8
 */
export function rekeyChild(
  e: Established,
  child: ChildSa,
  now: Millis,
  group = firstGroup(e.n, child.suite.keyExchange?.id),
  tried: readonly number[] = [],
): void {
  const { n } = e
  if (child.state !== 'installed' || child.rekeyQueued === true || e.children.deferred(child, 'rekey')) return
  child.rekeyQueued = true
  n.clearTimer(`child-rekey:${child.inboundSpi}`)
  let asked: AskedChild | undefined
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
        asked = askChild(n, group, child)
        return [
          notify(NotifyType.REKEY_SA.id, undefined, protocolOf(child.suite), spiBytes(child.inboundSpi)),
          ...askedPayloads(n, asked, child.selectors),
        ]
      },
      onReply: (payloads, at, sa) => {
        const error = errorOf(payloads)
        if (error === undefined) onRekeyReply(e, sa, child, asked!, payloads, at)
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
  asked: AskedChild,
  payloads: readonly Payload[],
  now: Millis,
): void {
  const { n } = e
  const { selectors } = old
  // A rekey must not be narrower than what is in use. RFC 7296 §2.9.2
  const objection = (local: readonly TrafficSelector[], remote: readonly TrafficSelector[]) =>
    covers(local, selectors.local) && covers(remote, selectors.remote)
      ? undefined
      : 'the selectors were narrowed'
  concludeChild(e, sa, asked, payloads, objection, now, (made, at) => {
    if ('mode' in made && made.mode !== old.mode) {
      closeUnused(made)
      return e.leave({ kind: 'transportRefused' }, at)
    }
    if (!('problem' in made)) return onRekeyed(e, old, made, at)
    // The peer believes in an SA we can't make: only a fresh start brings both to one view.
    if (made.onlyThere) return e.leave({ kind: 'badProposalChosen', phase: 2, problem: made.problem }, at)
    n.note(`a rekey did not come to its end: ${made.problem}`)
    onRefusal(e, old, NotifyType.TEMPORARY_FAILURE.id, NO_OCTETS, [], at)
  })
}

function onRekeyed(e: Established, old: ChildSa, agreed: AgreedChild, now: Millis): void {
  const { n } = e
  const { name, selectors } = old
  const child = addChild(n, { ...agreed, name, selectors, ours: true }, agreed.sas, 'inbound', now)
  n.rekeys.child++
  const theirs = old.successorOfTheirs
  const bothStand = theirs !== undefined && n.children.has(theirs.child.inboundSpi)
  old.successorOfOurs = { child, lowestNonce: agreed.lowestNonce }
  if (bothStand && compare(agreed.lowestNonce, theirs.lowestNonce) < 0) {
    // Ours holds the lowest of the four nonces: it goes, and whoever made the other one deletes the old. RFC 7296 §2.8.1
    n.note('both ends rekeyed at once; the SA of the peer stays')
    if (old.state === 'rekeying') old.state = 'replaced'
    return deleteChild(e, child, now)
  }
  if (bothStand) {
    n.note('both ends rekeyed at once; our SA stays')
    theirs.child.state = 'replaced'
    e.children.expectDelete(theirs.child, now)
  }
  e.children.startSending(child)
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
  if (!n.children.has(old.inboundSpi)) return e.children.check(now)
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
    // Silently gone, and made again from scratch if nothing replaces it. RFC 7296 §2.25
    e.children.remove(old, now)
    e.children.lost(old, now)
    return e.children.check(now)
  }
  if (withLessSecrecy(n, type)) return rekeyChild(e, old, now)
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
  if (old === undefined || rekey.protocol !== protocolOf(old.suite)) {
    return { payloads: [notify(NotifyType.CHILD_SA_NOT_FOUND.id, undefined, rekey.protocol, rekey.spi)] }
  }
  // One that we close, or that is replaced already, can't be rekeyed; one that we are rekeying can.
  if ((old.state !== 'installed' && old.state !== 'rekeying') || old.successorOfTheirs !== undefined)
    return refuse(NotifyType.TEMPORARY_FAILURE.id)

  const pick = chooseChild(n, payloads, old)
  if (!('suite' in pick)) return pick
  // Their TSi is their side. RFC 7296 §2.9.2
  const { local, remote } = asSeenHere(n, old.mode, {
    local: knownSelectors(find(payloads, 'TSr')!),
    remote: knownSelectors(find(payloads, 'TSi')!),
  })
  if (!covers(remote, old.selectors.remote) || !covers(local, old.selectors.local))
    return refuse(NotifyType.TS_UNACCEPTABLE.id)
  const { name, selectors } = old
  return answerChild(e, sa, pick, payloads, selectors, now, (agreed, at) => {
    // Sending waits for the delete of the old SA: only then is the peer known to have our answer. RFC 7296 §2.8
    const stands = n.children.has(old.inboundSpi)
    const child = addChild(n, { name, ...agreed, ours: false }, agreed.sas, stands ? 'inbound' : 'both', at)
    e.children.answered(sa, child, at)
    if (!stands) return
    old.successorOfTheirs = { child, lowestNonce: agreed.lowestNonce }
    if (old.state === 'installed') {
      old.state = 'replaced'
      n.clearTimer(`child-rekey:${old.inboundSpi}`)
      n.rekeys.child++
    }
    e.children.expectDelete(old, at)
  })
}

/** The notify that makes a CREATE_CHILD_SA request a rekey. RFC 7296 §1.3.3 */
export const rekeyNotify = (payloads: readonly Payload[]) => findNotify(payloads, NotifyType.REKEY_SA.id)
