import type { Millis } from '../../../bytes/brands.ts'
import { equal } from '../../../bytes/octets.ts'
import type { Secret } from '../../../bytes/secret.ts'
import type { KeyExchangeBegun, KeyExchangeInfo } from '../../../crypto/transforms.ts'
import { ExchangeType } from '../../../iana/ikev2.ts'
import { NotifyType } from '../../../iana/ikev2-notify.ts'
import { nameOf } from '../../../iana/registry.ts'
import type { Payload } from '../../../wire/ikev2/payload.ts'
import type { Established } from '../established.ts'
import type { IkeSa } from '../ike-sa.ts'
import { CHOICE } from '../numbers.ts'
import { errorOf, find, findNotify, notify } from '../payloads.ts'
import { malformed, refuse } from './child-offer.ts'
import type { Answer } from './informational.ts'

/** What the responder of a series keeps between its exchanges. RFC 9370 §2.2.4 */
export interface FollowUp {
  /** What the initiator has to show next; it means nothing to it. */
  readonly link: Uint8Array
  readonly left: readonly KeyExchangeInfo[]
  readonly secrets: readonly Secret[]
  readonly until: Millis
  /** All exchanges are done: what they were for can be made. Takes the secrets over. */
  finish(secrets: readonly Secret[], now: Millis): Pick<Answer, 'after'>
  /** It will never be made. */
  abandon(): void
}

const linkNotify = (link: Uint8Array): Payload => notify(NotifyType.ADDITIONAL_KEY_EXCHANGE.id, link)

// --- who asks ---

/**
 * One IKE_FOLLOWUP_KE for each additional key exchange, behind the CREATE_CHILD_SA whose answer is `answer`. `done`: with a
 * secret of each, which it closes, or with what went wrong. RFC 9370 §2.2.4
 */
export function followUp(
  e: Established,
  sa: IkeSa,
  methods: readonly KeyExchangeInfo[] | undefined,
  answer: readonly Payload[],
  now: Millis,
  done: (result: readonly Secret[] | string, now: Millis) => void,
): void {
  const secrets: Secret[] = []
  const fail = (why: string, at: Millis): void => {
    for (const secret of secrets) secret.close()
    done(why, at)
  }
  const next = (left: readonly KeyExchangeInfo[], payloads: readonly Payload[], at: Millis): void => {
    const [method, ...rest] = left
    if (method === undefined) return done(secrets, at)
    const link = findNotify(payloads, NotifyType.ADDITIONAL_KEY_EXCHANGE.id)?.data.slice()
    if (link === undefined) return fail('ADDITIONAL_KEY_EXCHANGE is missing', at)
    let begun: KeyExchangeBegun | undefined
    e.requests.askNext(
      sa,
      {
        label: 'IKE_FOLLOWUP_KE',
        exchange: ExchangeType.IKE_FOLLOWUP_KE.id,
        concerns: 'child',
        build: () => {
          begun = method.begin(e.n.random)
          return [{ type: 'KE', group: method.id, data: begun.data }, linkNotify(link)]
        },
        onReply: (reply, later) => {
          const error = errorOf(reply)
          const ke = find(reply, 'KE')
          const shared = error === undefined && ke?.group === method.id ? begun?.finish(ke.data) : undefined
          begun?.close()
          if (error !== undefined) return fail(nameOf(NotifyType, error.notify), later)
          if (shared === undefined) return fail(`there is no acceptable value of ${method.name}`, later)
          secrets.push(shared)
          next(rest, reply, later)
        },
      },
      at,
    )
  }
  next(methods ?? [], answer, now)
}

// --- who answers ---

/** Begins a series on this IKE SA. → what goes into the answer to CREATE_CHILD_SA. */
export function beginSeries(
  e: Established,
  sa: IkeSa,
  methods: readonly KeyExchangeInfo[],
  now: Millis,
  on: Pick<FollowUp, 'finish' | 'abandon'>,
): Payload {
  closeSeries(sa.series)
  const link = e.n.random.bytes(CHOICE.link)
  sa.series = { link, left: methods, secrets: [], until: (now + CHOICE.seriesMs) as Millis, ...on }
  return linkNotify(link)
}

export function closeSeries(series: FollowUp | undefined): void {
  if (series === undefined) return
  for (const secret of series.secrets) secret.close()
  series.abandon()
}

/** `SK {KEi(n), N(ADDITIONAL_KEY_EXCHANGE)}` of the peer. RFC 9370 §2.2.4 */
export function onFollowUpRequest(
  e: Established,
  sa: IkeSa,
  payloads: readonly Payload[],
  now: Millis,
): Answer {
  const series = sa.series
  const link = findNotify(payloads, NotifyType.ADDITIONAL_KEY_EXCHANGE.id)?.data
  const ke = find(payloads, 'KE')
  const [method, ...left] = series?.left ?? []
  if (series === undefined || method === undefined || link === undefined || !equal(link, series.link))
    return refuse(NotifyType.STATE_NOT_FOUND.id)
  sa.series = undefined
  if (now >= series.until) {
    closeSeries(series)
    return refuse(NotifyType.STATE_NOT_FOUND.id)
  }
  const exchange = ke?.group === method.id ? method.respond(e.n.random, ke.data) : undefined
  if (exchange === undefined) {
    closeSeries(series)
    return malformed(`there is no acceptable value of ${method.name}`, 'RFC 9370 §2.2.4')
  }
  const secrets = [...series.secrets, exchange.secret]
  const reply: Payload = { type: 'KE', group: method.id, data: exchange.data }
  if (left.length === 0) return { payloads: [reply], ...series.finish(secrets, now) }
  const further = e.n.random.bytes(CHOICE.link)
  sa.series = { ...series, link: further, left, secrets, until: (now + CHOICE.seriesMs) as Millis }
  return { payloads: [reply, linkNotify(further)] }
}
