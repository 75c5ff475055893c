import { asIkeSpi, asMillis, asNonce, type IkeSpi, type Millis, type Nonce } from '../../../bytes/brands.ts'
import { compare } from '../../../bytes/octets.ts'
import type { Secret } from '../../../bytes/secret.ts'
import type { KeyExchangeBegun } from '../../../crypto/transforms.ts'
import { ExchangeType, SecurityProtocol } from '../../../iana/ikev2.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import { nameOf } from '../../../iana/registry.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import type { OfferedProposal } from '../../config.ts'
import { lowestNonce } from '../child-sa.ts'
import { crashNotify, crashToken } from '../crash-detection.ts'
import type { Established } from '../established.ts'
import { IkeSa } from '../ike-sa.ts'
import { ikeKeys, rekeyedSkeyseed } from '../keys.ts'
import type { Negotiation } from '../negotiation.ts'
import { CHOICE } from '../numbers.ts'
import { errorOf, find, findNotify } from '../payloads.ts'
import {
  checkChoice,
  choose,
  encodeChoice,
  encodeOffer,
  type IkeSuite,
  ikeSuite,
  PROTOCOL,
  TYPE,
} from '../suite.ts'
import { groupOf, malformed, refuse, wantGroup } from './child-offer.ts'
import { beginSeries, followUp } from './followup-ke.ts'
import type { Answer } from './informational.ts'

interface Asked {
  readonly spi: IkeSpi
  readonly nonce: Nonce
  readonly exchange: KeyExchangeBegun
}

/** Our proposals with the PRF in use: peers differ in which PRF expands the new keys when it changes. */
const offersFor = (n: Negotiation, old: IkeSa): OfferedProposal[] =>
  n.config.ikeProposals
    .map((p) => p.filter((t) => t.type !== TYPE.PRF || t.id === old.suite.prf.id))
    .filter((p) => p.some((t) => t.type === TYPE.PRF))

const groupsOf = (n: Negotiation, offers: readonly OfferedProposal[]): number[] =>
  offers
    .flatMap((p) => p.filter((t) => t.type === TYPE.KE).map((t) => t.id))
    .filter((id) => n.registry.keyExchange.has(id))

/** `SK {SA, Ni, KEi}` with a new SPI. `tried`: groups that the peer did not take. RFC 7296 §1.3.2, §2.18 */
export function rekeyIke(
  e: Established,
  now: Millis,
  group = e.current.suite.keyExchange.id,
  tried: readonly number[] = [],
): void {
  const { n } = e
  const old = e.current
  if (old.state !== 'live' || old.rekeyQueued) return
  old.rekeyQueued = true
  n.clearTimer('ike-rekey')
  const offers = offersFor(n, old)
  let asked: Asked | undefined
  e.ask(
    old,
    {
      label: 'CREATE_CHILD_SA rekey IKE',
      exchange: ExchangeType.CREATE_CHILD_SA.id,
      build: (sa) => {
        old.rekeyQueued = false
        // The peer was faster: this one is fresh.
        if (sa !== old || sa.state !== 'live') return undefined
        sa.state = 'rekeying'
        asked = {
          spi: n.freshIkeSpi(),
          nonce: asNonce(n.random.bytes(CHOICE.nonce)),
          exchange: n.registry.keyExchange.get(group)!.begin(n.random),
        }
        return [
          { type: 'SA', proposals: encodeOffer(offers, PROTOCOL.IKE, asked.spi) },
          { type: 'Nonce', nonce: asked.nonce },
          { type: 'KE', group, data: asked.exchange.data },
        ]
      },
      onReply: (payloads, at) => {
        const terms = termsOfReply(e, offers, asked!, group, payloads)
        asked!.exchange.close()
        if (typeof terms === 'string')
          return onRefusal(e, old, terms, payloads, offers, [...tried, group], at)
        followUp(e, old, terms.suite.additional, payloads, at, (more, later) => {
          if (typeof more !== 'string') {
            const made = ikeOf(e, old, asked!, terms, more, later)
            made.crashToken = crashToken(payloads)
            return onRekeyed(e, old, made, terms.lowestNonce, later)
          }
          terms.shared.close()
          onUnfinished(e, old, more, later)
        })
      },
    },
    now,
  )
}

/** What the answer agrees to; `shared` of its own key exchange. */
interface Terms {
  readonly suite: IkeSuite
  readonly spiR: IkeSpi
  readonly nr: Nonce
  readonly shared: Secret
  readonly lowestNonce: Uint8Array
}

/** What the answer agrees to, or why it does not. */
function termsOfReply(
  e: Established,
  offers: readonly OfferedProposal[],
  asked: Asked,
  group: number,
  payloads: readonly Payload[],
): Terms | string {
  const { n } = e
  const error = errorOf(payloads)
  if (error !== undefined) return nameOf(NotifyType, error.notify)
  const proposals = find(payloads, 'SA')?.proposals
  const ke = find(payloads, 'KE')
  const nonce = find(payloads, 'Nonce')
  if (proposals === undefined || ke === undefined || nonce === undefined) return 'SA, KE or Nonce is missing'
  const choice = checkChoice(offers, PROTOCOL.IKE, 8, proposals)
  if (!choice.ok) return choice.problem
  const suite = ikeSuite(n.registry, choice.chosen)
  if (suite === undefined || suite.keyExchange.id !== group || ke.group !== group)
    return 'the key exchange does not go with the proposal'
  const shared = asked.exchange.finish(ke.data)
  if (shared === undefined) return 'the public value is not acceptable'
  const nr = asNonce(nonce.nonce.slice())
  return { suite, spiR: asIkeSpi(choice.spi.slice()), nr, shared, lowestNonce: lowestNonce(asked.nonce, nr) }
}

/** The IKE SA, once all key exchanges are done. Closes their secrets. */
function ikeOf(
  e: Established,
  old: IkeSa,
  asked: Asked,
  { suite, spiR, nr, shared }: Terms,
  more: readonly Secret[],
  now: Millis,
): IkeSa {
  const seed = rekeyedSkeyseed(old.suite.prf, old.keys.d, shared, asked.nonce, nr, more)
  for (const secret of [shared, ...more]) secret.close()
  const keys = ikeKeys(suite, seed, asked.nonce, nr, asked.spi, spiR)
  const spis = { localSpi: asked.spi, remoteSpi: spiR, initiator: true }
  return new IkeSa(spis, suite, keys, e.n.random, now)
}

/** A series of key exchanges broke off: nothing was made on either side. RFC 9370 §2.2.4 */
function onUnfinished(e: Established, old: IkeSa, why: string, now: Millis): void {
  const { n } = e
  if (old.rekeyOfTheirs !== undefined) return adoptTheirs(e, old, old.rekeyOfTheirs.sa, now)
  if (old.state !== 'rekeying') return
  old.state = 'live'
  n.ikeRefusedSince ??= now
  if (now - n.ikeRefusedSince >= CHOICE.refusedLongestMs)
    return e.leave({ kind: 'closedByGateway', reason: `it refuses fresh keys (${why})` }, now)
  n.note(`the IKE SA was not rekeyed: ${why}; trying again shortly`)
  n.setTimer('ike-rekey', asMillis(now + n.jittered(CHOICE.temporaryFailureMs)))
}

function onRekeyed(e: Established, old: IkeSa, made: IkeSa, lowest: Uint8Array, now: Millis): void {
  const { n } = e
  made.fragments = old.fragments
  e.sas.push(made)
  const theirs = old.rekeyOfTheirs
  if (theirs !== undefined && compare(lowest, theirs.lowestNonce) < 0) {
    // Ours holds the lowest of the four nonces: it goes, and theirs inherits the children. RFC 7296 §2.8.2
    n.note('both ends rekeyed the IKE SA at once; the one of the peer stays')
    adoptTheirs(e, old, theirs.sa, now)
    return deleteIke(e, made, now)
  }
  if (old.state === 'closed') {
    // The peer has moved on already and does not know ours, or will forget it.
    return deleteIke(e, made, now)
  }
  if (theirs !== undefined) {
    n.note('both ends rekeyed the IKE SA at once; ours stays')
    theirs.sa.state = 'replaced'
    e.expectIkeDelete(theirs.sa, now)
  }
  e.moveTo(made, old, now)
  deleteIke(e, old, now)
}

/** The IKE SA of the peer's rekey carries on, unless the peer has closed that one too. */
function adoptTheirs(e: Established, old: IkeSa, theirs: IkeSa, now: Millis): void {
  if (e.current !== old) return
  if (theirs.state === 'closed') return e.finish({ kind: 'closedByGateway', reason: 'it deleted the IKE SA' })
  e.moveTo(theirs, old, now)
  e.expectIkeDelete(old, now)
}

function onRefusal(
  e: Established,
  old: IkeSa,
  why: string,
  payloads: readonly Payload[],
  offers: readonly OfferedProposal[],
  tried: readonly number[],
  now: Millis,
): void {
  const { n } = e
  // It was ahead of us with a rekey of its own. RFC 7296 §2.8.2
  if (old.rekeyOfTheirs !== undefined) return adoptTheirs(e, old, old.rekeyOfTheirs.sa, now)
  if (old.state !== 'rekeying') return
  old.state = 'live'
  const error = errorOf(payloads)
  if (error === undefined) {
    // The peer believes in an IKE SA we can't make, and has moved everything there.
    return e.leave({ kind: 'badProposalChosen', phase: 1, problem: why }, now)
  }
  const wanted = findNotify(payloads, NotifyType.INVALID_KE_PAYLOAD.id)
  const group = wanted === undefined ? 0 : groupOf(wanted.data)
  if (groupsOf(n, offers).includes(group) && !tried.includes(group)) return rekeyIke(e, now, group, tried)
  n.ikeRefusedSince ??= now
  if (now - n.ikeRefusedSince >= CHOICE.refusedLongestMs)
    return e.leave({ kind: 'closedByGateway', reason: `it refuses fresh keys (${why})` }, now)
  n.note(`the peer did not rekey the IKE SA: ${why}; trying again shortly`)
  const temporary = error.notify === NotifyType.TEMPORARY_FAILURE.id
  n.setTimer(
    'ike-rekey',
    asMillis(now + n.jittered(temporary ? CHOICE.temporaryFailureMs : CHOICE.refusedMs)),
  )
}

/** Deletes an IKE SA that another one replaces: the last request on it. RFC 7296 §2.8 */
export function deleteIke(e: Established, sa: IkeSa, now: Millis): void {
  sa.state = 'replaced'
  e.ask(
    sa,
    {
      label: 'INFORMATIONAL delete',
      exchange: ExchangeType.INFORMATIONAL.id,
      build: () => [{ type: 'Delete', protocol: SecurityProtocol.IKE.id, spiBytes: 0, spis: [] }],
      onReply: (_, at) => e.drop(sa, at),
      onSilence: (at) => e.drop(sa, at),
    },
    now,
  )
}

/** The peer replaces the IKE SA. RFC 7296 §1.3.2, §2.8.2, §2.25.2 */
export function onRekeyIkeRequest(
  e: Established,
  sa: IkeSa,
  payloads: readonly Payload[],
  now: Millis,
): Answer {
  const { n } = e
  const busy = sa.outstanding?.request.concerns === 'child'
  if (sa !== e.current || sa.state === 'replaced' || busy || sa.rekeyOfTheirs !== undefined)
    return refuse(NotifyType.TEMPORARY_FAILURE.id)
  const ke = find(payloads, 'KE')
  const nonce = find(payloads, 'Nonce')
  if (ke === undefined || nonce === undefined) return malformed('KE or Nonce is missing', 'RFC 7296 §1.3.2')
  const proposals = find(payloads, 'SA')!.proposals.filter(
    (p) => p.spi.length === 8 && p.spi.some((octet) => octet !== 0),
  )
  const have = (id: number): boolean => n.registry.keyExchange.has(id)
  const pick =
    choose(n.config.ikeProposals, PROTOCOL.IKE, proposals, (id) => id === ke.group && have(id)) ??
    choose(n.config.ikeProposals, PROTOCOL.IKE, proposals, have)
  const suite = pick === undefined ? undefined : ikeSuite(n.registry, pick.chosen)
  if (pick === undefined || suite === undefined) return refuse(NotifyType.NO_PROPOSAL_CHOSEN.id)
  const group = suite.keyExchange
  if (ke.group !== group.id) return wantGroup(group.id)
  const exchange = group.respond(n.random, ke.data)
  if (exchange === undefined)
    return malformed('the public value of the key exchange is not acceptable', 'RFC 6989 §2')
  const ni = asNonce(nonce.nonce.slice())
  const nr = asNonce(n.random.bytes(CHOICE.nonce))
  const spiI = asIkeSpi(pick.proposal.spi.slice())
  const spiR = n.freshIkeSpi()
  const lowest = lowestNonce(ni, nr)
  const install = (more: readonly Secret[], at: Millis): Pick<Answer, 'after'> => {
    const seed = rekeyedSkeyseed(sa.suite.prf, sa.keys.d, exchange.secret, ni, nr, more)
    for (const secret of [exchange.secret, ...more]) secret.close()
    const keys = ikeKeys(suite, seed, ni, nr, spiI, spiR)
    const spis = { localSpi: spiR, remoteSpi: spiI, initiator: false }
    const made = new IkeSa(spis, suite, keys, n.random, at)
    made.fragments = sa.fragments
    e.sas.push(made)
    sa.rekeyOfTheirs = { sa: made, lowestNonce: lowest }
    const collided = sa.state === 'rekeying'
    return {
      after: (later) => {
        // If our own request is out, the nonces of both exchanges decide later.
        if (collided) return
        e.moveTo(made, sa, later)
        e.expectIkeDelete(sa, later)
      },
    }
  }
  const answer: Payload[] = [
    { type: 'SA', proposals: [encodeChoice(pick.proposal.number, PROTOCOL.IKE, spiR, pick.chosen)] },
    { type: 'Nonce', nonce: nr },
    { type: 'KE', group: group.id, data: exchange.data },
    ...crashNotify(n.config, { initiatorSpi: spiI, responderSpi: spiR }),
  ]
  if (suite.additional === undefined) return { payloads: answer, ...install([], now) }
  const link = beginSeries(e, sa, suite.additional, now, {
    finish: install,
    abandon: () => exchange.secret.close(),
  })
  return { payloads: [...answer, link] }
}
