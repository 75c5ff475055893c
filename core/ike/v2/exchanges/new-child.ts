import { asMillis, type Millis } from '../../../bytes/brands.ts'
import type { SelectorPair } from '../../../esp/engine.ts'
import { ExchangeType } from '../../../iana/ikev2.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import { nameOf } from '../../../iana/registry.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import type { TrafficSelector } from '../../../wire/ikev2/traffic-selector.ts'
import { NOTHING_ASSIGNED } from '../configuration.ts'
import type { Established } from '../established.ts'
import type { IkeSa } from '../ike-sa.ts'
import { CHOICE } from '../numbers.ts'
import { errorOf, find } from '../payloads.ts'
import { withLessSecrecy } from '../secrecy.ts'
import { intersect, isSubset, knownSelectors } from '../selectors.ts'
import { asSeenHere, endsOf } from '../transport-mode.ts'
import {
  type AskedChild,
  answerChild,
  askChild,
  askedPayloads,
  closeUnused,
  concludeChild,
  firstGroup,
} from './child-exchange.ts'
import { chooseChild, groupOf, refuse, rekeyGroups } from './child-offer.ts'
import { deleteUnmade } from './delete-child.ts'
import { addChild, childRefused, FIRST_CHILD } from './ike-auth.ts'
import type { Answer } from './informational.ts'

/** A CHILD_SA that we want beside the others, or in place of one that was lost. */
export interface WantedChild {
  readonly name: string
  readonly selectors: SelectorPair
  /** Since when we try. */
  readonly since: Millis
  /** With it the connection begins. RFC 6023 */
  readonly first?: boolean
  /** A network that was left out of the first answer. */
  readonly rest?: boolean
  /** It was there before. */
  readonly remade?: boolean
  /** Nothing needs it at the moment. */
  readonly asleep?: boolean
  /** Our request is out. */
  asked?: boolean
}

/** `SK {SA, Ni, [KEi,] TSi, TSr}`. `tried`: groups that the peer did not take. RFC 7296 §1.3.1 */
export function createChild(
  e: Established,
  wanted: WantedChild,
  now: Millis,
  group = firstGroup(e.n),
  tried: readonly number[] = [],
): void {
  const { n } = e
  let asked: AskedChild | undefined
  e.ask(
    e.current,
    {
      label: 'CREATE_CHILD_SA',
      exchange: ExchangeType.CREATE_CHILD_SA.id,
      concerns: 'child',
      build: () => {
        // The peer may have made it meanwhile.
        if (!e.children.isWanted(wanted)) return undefined
        wanted.asked = true
        asked = askChild(n, group)
        return askedPayloads(n, asked, wanted.selectors)
      },
      onReply: (payloads, at, sa) => {
        wanted.asked = false
        const error = errorOf(payloads)
        if (error === undefined) onChildReply(e, sa, wanted, asked!, payloads, at)
        else onRefusal(e, wanted, error.notify, error.data, [...tried, group ?? 0], at)
        asked?.exchange?.close()
      },
    },
    now,
  )
}

function onChildReply(
  e: Established,
  sa: IkeSa,
  wanted: WantedChild,
  asked: AskedChild,
  payloads: readonly Payload[],
  now: Millis,
): void {
  const { n } = e
  const { name, selectors, remade } = wanted
  // The responder may narrow, and only that. RFC 7296 §2.9
  const objection = (local: readonly TrafficSelector[], remote: readonly TrafficSelector[]) =>
    isSubset(local, selectors.local) && isSubset(remote, selectors.remote)
      ? undefined
      : 'the selectors are not among those asked for'
  concludeChild(e, sa, asked, payloads, objection, now, (made, at) => {
    if ('mode' in made && made.mode === 'tunnel' && n.config.protection?.mode === 'transport') {
      closeUnused(made)
      if (wanted.first === true) return e.leave({ kind: 'transportRefused' }, at)
      n.note('the peer wants a tunnel instead of transport mode')
      e.children.settle(wanted, at)
      return deleteUnmade(e, asked, at)
    }
    if ('problem' in made) {
      const { problem, onlyThere } = made
      if (wanted.first === true) return e.leave({ kind: 'badProposalChosen', phase: 2, problem }, at)
      n.note(`the CHILD_SA is of no use: ${problem}`)
      e.children.settle(wanted, at)
      return onlyThere ? deleteUnmade(e, asked, at) : e.children.check(at)
    }
    const child = addChild(n, { name, ...made, ours: true }, made.sas, 'both', at)
    if (remade === true) child.remade = true
    if (wanted.first === true && n.configuration !== undefined) e.opened(child, n.configuration, at)
    if (wanted.rest === true) e.children.restOpened()
    e.children.settle(wanted, at)
  })
}

/** It did not work, and the IKE SA lives on. RFC 7296 §1.3.1, §2.25 */
function onRefusal(
  e: Established,
  wanted: WantedChild,
  type: number,
  data: Uint8Array,
  tried: readonly number[],
  now: Millis,
): void {
  const { n } = e
  if (!e.children.isWanted(wanted)) return
  const why = nameOf(NotifyType, type)
  if (type === NotifyType.INVALID_KE_PAYLOAD.id) {
    const group = groupOf(data)
    if (rekeyGroups(n).includes(group) && !tried.includes(group))
      return createChild(e, wanted, now, group, tried)
  }
  if (type === NotifyType.TEMPORARY_FAILURE.id && now - wanted.since < CHOICE.refusedLongestMs) {
    n.note('the peer can not make a CHILD_SA just now; trying again shortly')
    return n.setTimer(`child-create:${wanted.name}`, asMillis(now + n.jittered(CHOICE.temporaryFailureMs)))
  }
  if (withLessSecrecy(n, type)) return createChild(e, wanted, now)
  if (type === NotifyType.SINGLE_PAIR_REQUIRED.id && e.children.split(wanted, now)) return
  if (wanted.first === true) return e.leave(childRefused(n, type), now)
  n.note(`the peer refused a CHILD_SA: ${why}`)
  e.children.settle(wanted, now)
  e.children.check(now, `it closed the tunnel and does not open it again (${why})`)
}

/**
 * The peer wants another CHILD_SA. Within what IKE_AUTH spoke of it gets one, up to a bound; a client takes one only
 * where it has none, for nothing but its own traffic is meant for it. RFC 7296 §1.3.1
 */
export function onNewChildRequest(
  e: Established,
  sa: IkeSa,
  payloads: readonly Payload[],
  now: Millis,
): Answer {
  const { n } = e
  const most = n.config.mostChildren ?? (n.initiated ? 1 : CHOICE.mostChildren)
  if (e.children.live >= most) return refuse(NotifyType.NO_ADDITIONAL_SAS.id)
  const pick = chooseChild(n, payloads)
  if (!('suite' in pick)) return pick
  const bounds = pick.mode === 'transport' ? endsOf(n) : e.children.bounds
  // Their TSi is their side. RFC 7296 §2.9
  const wanted = asSeenHere(n, pick.mode, {
    local: knownSelectors(find(payloads, 'TSr')!),
    remote: knownSelectors(find(payloads, 'TSi')!),
  })
  const selectors = {
    local: intersect(bounds.local, wanted.local),
    remote: intersect(bounds.remote, wanted.remote),
  }
  if (selectors.local.length === 0 || selectors.remote.length === 0)
    return refuse(NotifyType.TS_UNACCEPTABLE.id)
  return answerChild(e, sa, pick, payloads, selectors, now, (agreed, at) => {
    const missing = e.children.missing()
    const first = e.children.none
    const name = missing?.name ?? (first ? FIRST_CHILD : e.children.freshName())
    const child = addChild(n, { name, ...agreed, ours: false }, agreed.sas, 'both', at)
    if (first) e.opened(child, NOTHING_ASSIGNED, at)
    e.children.answered(sa, child, at)
    if (missing !== undefined) e.children.settle(missing, at)
  })
}
