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

/** The initiator's side: one IKE_INTERMEDIATE for each additional key exchange, in their order; then `then`. RFC 9370 §2.2.2 */
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
  const next = (left: readonly KeyExchangeInfo[], at: Millis): Step => {
    const [method, ...rest] = left
    if (method === undefined) return then({ ...init, intAuth: transcript.octets(sa.nextId) }, at)
    const begun = method.begin(n.random)
    const request: Payload[] = [{ type: 'KE', group: method.id, data: begun.data }]
    const asked = sa.clear(INTERMEDIATE, sa.nextId, false, request)
    const asker = {
      onReply: (payloads: readonly Payload[], later: Millis, clear: () => Uint8Array): Step => {
        const ke = find(payloads, 'KE')
        const shared = ke?.group === method.id ? begun.finish(ke.data) : undefined
        begun.close()
        if (shared === undefined) return end(noKey(payloads, method))
        transcript.add(init, asked, clear())
        mixIn(init, shared)
        return next(rest, later)
      },
      end: (error: VpnError): Step => {
        begun.close()
        return end(error)
      },
      otherwise: (event: IkeEvent, self: State): Step => {
        const after = common(n, event, self)
        if (after.next === self) return after
        begun.close()
        sa.close()
        return after
      },
    }
    return AwaitAuthReply.begin(n, sa, request, asker, at, 'IKE_INTERMEDIATE')
  }
  return sa.suite.additional === undefined ? then(init, now) : next(sa.suite.additional, now)
}

function noKey(payloads: readonly Payload[], { name }: KeyExchangeInfo): VpnError {
  const error = errorOf(payloads)
  if (error !== undefined)
    return { kind: 'refused', exchange: 'IKE_INTERMEDIATE', notify: nameOf(NotifyType, error.notify) }
  return {
    kind: 'protocol',
    exchange: 'IKE_INTERMEDIATE',
    problem: `there is no acceptable value of ${name}`,
    reference: 'RFC 9370 §2.2.2',
  }
}

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

/** The responder's side: as many IKE_INTERMEDIATE requests as additional key exchanges were agreed on. RFC 9370 §2.2.2 */
export class AwaitIntermediate implements State {
  readonly name = 'AwaitIntermediate'
  readonly #n: Negotiation
  readonly #init: InitDone
  readonly #then: (init: InitDone) => State
  readonly #left: KeyExchangeInfo[]
  readonly #transcript = new Transcript()

  private constructor(n: Negotiation, init: InitDone, then: (init: InitDone) => State) {
    this.#n = n
    this.#init = init
    this.#then = then
    this.#left = [...(init.sa.suite.additional ?? [])]
  }

  /** → `then` at once, where there is nothing to wait for. */
  static begin(n: Negotiation, init: InitDone, then: (init: InitDone) => State): State {
    return init.sa.suite.additional === undefined ? then(init) : new AwaitIntermediate(n, init, then)
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
    const method = this.#left[0]!
    const ke = find(payloads, 'KE')
    const answer = ke?.group === method.id ? method.respond(n.random, ke.data) : undefined
    if (answer === undefined || unknownCritical(payloads) !== undefined) {
      n.transmit(sa.answer(header, [notify(NotifyType.INVALID_SYNTAX.id)]))
      return this.#end(noKey([], method))
    }
    this.#left.shift()
    const reply: Payload[] = [{ type: 'KE', group: method.id, data: answer.data }]
    this.#transcript.add(this.#init, opened.clear(), sa.clear(INTERMEDIATE, header.messageId, true, reply))
    n.transmit(sa.answer(header, reply))
    sa.answeredBefore = bytes.slice()
    mixIn(this.#init, answer.secret)
    if (this.#left.length > 0) return step(this, n)
    const intAuth = this.#transcript.octets(sa.expectedId)
    return step(this.#then({ ...this.#init, intAuth }), n)
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
