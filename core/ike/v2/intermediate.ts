import type { Millis } from '../../bytes/brands.ts'
import { concat, equal, NO_OCTETS } from '../../bytes/octets.ts'
import type { Secret } from '../../bytes/secret.ts'
import type { KeyExchangeInfo } from '../../crypto/transforms.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import { nameOf } from '../../iana/registry.ts'
import { decodeMessage, type Header } from '../../wire/ikev2/message.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { AwaitAuthReply } from './await-auth-reply.ts'
import { common, finish, step } from './closed.ts'
import type { InitDone } from './exchanges/ike-sa-init.ts'
import { ikeKeys, rekeyedSkeyseed } from './keys.ts'
import { type Negotiation, observed } from './negotiation.ts'
import { errorOf, find, notify, unknownCritical } from './payloads.ts'
import { chooseEarly, mixEarly, type PpkUse, ppkKey, tookEarly } from './ppk.ts'

const INTERMEDIATE = ExchangeType.IKE_INTERMEDIATE.id

/** IntAuth_i and IntAuth_r: each covers all messages of its side so far. RFC 9242 §3.3.2 */
class Transcript {
  #i: Uint8Array = NO_OCTETS
  #r: Uint8Array = NO_OCTETS

  /** One exchange, under the keys it was protected with. `request`, `response`: in clear. */
  add({ sa }: InitDone, request: Uint8Array, response: Uint8Array): void {
    const { prf } = sa.suite
    this.#i = sa.keys.pi.use((key) => prf.compute(key, concat(this.#i, request)))
    this.#r = sa.keys.pr.use((key) => prf.compute(key, concat(this.#r, response)))
  }

  /** What both AUTH payloads cover besides. `authId`: Message ID of the first IKE_AUTH. */
  octets(authId: number): Uint8Array {
    const id = new Uint8Array(4)
    new DataView(id.buffer).setUint32(0, authId)
    return concat(this.#i, this.#r, id)
  }
}

/** All SK_* anew: SKEYSEED(n) = prf(SK_d(n−1), SK(n) ‖ Ni ‖ Nr). RFC 9370 §2.2.2 */
function mixIn({ sa, ni, nr }: InitDone, shared: Secret): void {
  const seed = rekeyedSkeyseed(sa.suite.prf, sa.keys.d, shared, ni, nr)
  shared.close()
  sa.changeKeys(ikeKeys(sa.suite, seed, ni, nr, sa.initiatorSpi, sa.responderSpi))
}

/** What one IKE_INTERMEDIATE is for: a key exchange, and in the last one a post-quantum key. RFC 9370 §2.2.2, RFC 9867 §3.1 */
interface Round {
  readonly method: KeyExchangeInfo | undefined
  readonly ppk: boolean
}

/** All that were agreed on, in their order. */
function roundsOf({ sa, ppk }: InitDone): readonly Round[] {
  const early = ppk === 'early'
  const methods = sa.suite.additional ?? []
  if (methods.length === 0) return early ? [{ method: undefined, ppk: true }] : []
  return methods.map((method, at) => ({ method, ppk: early && at === methods.length - 1 }))
}

/** The initiator's side: one IKE_INTERMEDIATE for each round; then `then`. RFC 9370 §2.2.2 */
export function exchangeMoreKeys(
  n: Negotiation,
  init: InitDone,
  now: Millis,
  then: (init: InitDone, now: Millis) => Step,
): Step {
  const { sa } = init
  const transcript = new Transcript()
  const end = (error: VpnError): Step => {
    sa.close()
    return finish(n, error)
  }
  const next = (left: readonly Round[], ppk: PpkUse, at: Millis): Step => {
    const [round, ...rest] = left
    if (round === undefined) return then({ ...init, ppk, intAuth: transcript.octets(sa.nextId) }, at)
    const { method } = round
    const begun = method?.begin(n.random)
    const request: Payload[] = [
      ...(begun === undefined ? [] : [{ type: 'KE', group: method!.id, data: begun.data } as const]),
      ...(round.ppk ? ppkKey(n.config, init) : []),
    ]
    const asked = sa.clear(INTERMEDIATE, sa.nextId, false, request)
    const asker = {
      onReply: (payloads: readonly Payload[], later: Millis, clear: () => Uint8Array): Step => {
        const ke = find(payloads, 'KE')
        const shared = ke?.group === method?.id ? begun?.finish(ke!.data) : undefined
        begun?.close()
        if (method !== undefined && shared === undefined) return end(noKey(payloads, method))
        const refused = method === undefined ? errorOf(payloads) : undefined
        if (refused !== undefined) return end(refusal(refused.notify))
        transcript.add(init, asked, clear())
        if (shared !== undefined) mixIn(init, shared)
        if (!round.ppk) return next(rest, ppk, later)
        const took = tookEarly(n.config, payloads)
        if (!took && n.config.ppk?.required === true) return end({ kind: 'ppkNotUsed' })
        if (took) mixEarly(n.config, init)
        return next(rest, took ? 'mixed' : 'no', later)
      },
      end: (error: VpnError): Step => {
        begun?.close()
        return end(error)
      },
      otherwise: (event: IkeEvent, self: State): Step => {
        const after = common(n, event, self)
        if (after.next === self) return after
        begun?.close()
        sa.close()
        return after
      },
    }
    return AwaitAuthReply.begin(n, sa, request, asker, at, 'IKE_INTERMEDIATE')
  }
  const rounds = roundsOf(init)
  return rounds.length === 0 ? then(init, now) : next(rounds, init.ppk, now)
}

function noKey(payloads: readonly Payload[], { name }: KeyExchangeInfo): VpnError {
  const error = errorOf(payloads)
  if (error !== undefined) return refusal(error.notify)
  return {
    kind: 'protocol',
    exchange: 'IKE_INTERMEDIATE',
    problem: `there is no acceptable value of ${name}`,
    reference: 'RFC 9370 §2.2.2',
  }
}

const refusal = (type: number): VpnError => ({
  kind: 'refused',
  exchange: 'IKE_INTERMEDIATE',
  notify: nameOf(NotifyType, type),
})

/** A request that was answered before comes again: so does its answer. → whether it was one. RFC 7296 §2.1, RFC 9370 §2.2.2 */
export function answerAgain(n: Negotiation, init: InitDone, { bytes, local, remote }: Datagram): boolean {
  const { sa, requestBytes, replyBytes } = init
  if (sa.isAnsweredBefore(bytes) && sa.lastReply !== undefined) {
    n.transmit(sa.lastReply, true, { local, remote })
    return true
  }
  if (!equal(bytes, requestBytes)) return false
  const decoded = decodeMessage(replyBytes)
  if (decoded.ok) {
    const { header } = decoded.value
    n.send(replyBytes, observed('out', replyBytes, header, [], { retransmission: true }), { local, remote })
  }
  return true
}

/** The responder's side: as many IKE_INTERMEDIATE requests as there are rounds. RFC 9370 §2.2.2, RFC 9867 §3.1 */
export class AwaitIntermediate implements State {
  readonly name = 'AwaitIntermediate'
  readonly #n: Negotiation
  readonly #init: InitDone
  readonly #then: (init: InitDone) => State
  readonly #left: Round[]
  #ppk: PpkUse
  readonly #transcript = new Transcript()

  private constructor(n: Negotiation, init: InitDone, then: (init: InitDone) => State) {
    this.#n = n
    this.#init = init
    this.#then = then
    this.#left = [...roundsOf(init)]
    this.#ppk = init.ppk
  }

  /** → `then` at once, where there is nothing to wait for. */
  static begin(n: Negotiation, init: InitDone, then: (init: InitDone) => State): State {
    return roundsOf(init).length === 0 ? then(init) : new AwaitIntermediate(n, init, then)
  }

  handle(event: IkeEvent, now: Millis): Step {
    if (event.type === 'datagram') return this.#onDatagram(event.datagram, now)
    if (event.type === 'timer' && event.timer === 'half-open')
      return this.#end({ kind: 'noAnswer', exchange: 'IKE_INTERMEDIATE', tries: 1 })
    const next = common(this.#n, event, this)
    if (next.next !== this) this.#init.sa.close()
    return next
  }

  #end(error: VpnError): Step {
    this.#n.clearTimer('half-open')
    this.#init.sa.close()
    return finish(this.#n, error)
  }

  #onDatagram(datagram: Datagram, now: Millis): Step {
    const n = this.#n
    const { sa } = this.#init
    const { bytes, local, remote } = datagram
    if (answerAgain(n, this.#init, datagram)) return step(this, n)
    const decoded = decodeMessage(bytes)
    const ours = decoded.ok && this.#isAwaited(decoded.value.header)
    const opened = ours ? sa.open(bytes, decoded.value, now) : undefined
    if (!decoded.ok || opened === undefined) {
      n.note('dropped a message that is not the expected IKE_INTERMEDIATE request')
      return step(this, n)
    }
    n.local = local
    n.remote = remote
    n.observe(opened.observed)
    if (opened.outcome !== 'message') return step(this, n)
    const { header } = decoded.value
    const payloads = opened.payloads.ok ? opened.payloads.value : []
    const { method, ppk } = this.#left[0]!
    const refuse = (type: number, error: VpnError): Step => {
      answer?.secret.close()
      n.transmit(sa.answer(header, [notify(type)]))
      return this.#end(error)
    }
    const ke = find(payloads, 'KE')
    const answer =
      method !== undefined && ke?.group === method.id ? method.respond(n.random, ke.data) : undefined
    if ((method !== undefined && answer === undefined) || unknownCritical(payloads) !== undefined)
      return refuse(NotifyType.INVALID_SYNTAX.id, method === undefined ? notUnderstood : noKey([], method))
    const chosen = ppk ? chooseEarly(n.config, this.#init, payloads) : []
    if (ppk && chosen.length === 0 && n.config.ppk?.required === true)
      return refuse(NotifyType.AUTHENTICATION_FAILED.id, otherPpk)
    this.#left.shift()
    const reply: Payload[] = [
      ...(answer === undefined ? [] : [{ type: 'KE', group: method!.id, data: answer.data } as const]),
      ...chosen,
    ]
    this.#transcript.add(this.#init, opened.clear(), sa.clear(INTERMEDIATE, header.messageId, true, reply))
    n.transmit(sa.answer(header, reply))
    sa.answeredBefore = bytes.slice()
    if (answer !== undefined) mixIn(this.#init, answer.secret)
    if (chosen.length > 0) mixEarly(n.config, this.#init)
    if (ppk) this.#ppk = chosen.length > 0 ? 'mixed' : 'no'
    if (this.#left.length > 0) return step(this, n)
    const intAuth = this.#transcript.octets(sa.expectedId)
    return step(this.#then({ ...this.#init, ppk: this.#ppk, intAuth }), n)
  }

  #isAwaited(header: Header): boolean {
    const { sa } = this.#init
    return (
      header.exchange === INTERMEDIATE &&
      !header.response &&
      header.initiator &&
      header.messageId === sa.expectedId &&
      equal(header.initiatorSpi, sa.initiatorSpi) &&
      equal(header.responderSpi, sa.responderSpi)
    )
  }
}

const otherPpk: VpnError = {
  kind: 'authFailed',
  who: 'us',
  method: 'post-quantum key',
  problem: 'it has another PPK or none',
}

const notUnderstood: VpnError = {
  kind: 'protocol',
  exchange: 'IKE_INTERMEDIATE',
  problem: 'a payload is critical and unknown',
  reference: 'RFC 7296 §2.5',
}
