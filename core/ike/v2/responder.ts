import { createHash } from 'node:crypto'
import { addressBytes } from '../../bytes/address.ts'
import type { Millis } from '../../bytes/brands.ts'
import { concat, equal } from '../../bytes/octets.ts'
import type { ChainVerdict } from '../../cert/chain.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import {
  decodeHeader,
  decodeMessage,
  encodeMessage,
  type Header,
  type Message,
} from '../../wire/ikev2/message.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { Answer, Datagram, IkeEvent, State, Step } from '../session.ts'
import { AwaitAnswer } from './await-answer.ts'
import { Closed } from './closed.ts'
import { NOTHING_ASSIGNED } from './configuration.ts'
import { Established } from './established.ts'
import { identityPayload } from './exchanges/ike-auth.ts'
import { answerAuth, checkInitiator, type Refusal, refuse } from './exchanges/ike-auth-responder.ts'
import { type InitDone, respondInit } from './exchanges/ike-sa-init.ts'
import { AwaitIntermediate, answerAgain } from './intermediate.ts'
import { type Negotiation, observed } from './negotiation.ts'
import { find, notify, unknownCritical } from './payloads.ts'
import { chainQuestion, prove } from './proof.ts'

/** Half-open negotiations are forgotten after this time. */
const HALF_OPEN_MS = 30_000

/** The Length of the header is that of the datagram: noise rarely gets that right, and deserves no answer. RFC 7296 §2.21.4 */
const isWhole = (bytes: Uint8Array): boolean =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(24) === bytes.length

/** The responder's side of one negotiation; it waits for IKE_SA_INIT. RFC 7296 §1.2 */
export class AwaitInitRequest implements State {
  readonly name = 'AwaitInitRequest'
  readonly #n: Negotiation
  readonly #cookieSecret: Uint8Array

  constructor(n: Negotiation) {
    this.#n = n
    this.#cookieSecret = n.random.bytes(32)
  }

  handle(event: IkeEvent, now: Millis): Step {
    const n = this.#n
    if (event.type !== 'datagram') return { next: this, actions: n.take() }
    const { bytes } = event.datagram
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) {
      const head = decodeHeader(bytes)
      if (head.ok && isWhole(bytes) && head.value.majorVersion > 2 && !head.value.response)
        this.#refuse(head.value, event.datagram, notify(NotifyType.INVALID_MAJOR_VERSION.id))
      n.note(`dropped a message: ${decoded.error.message}`)
      return { next: this, actions: n.take() }
    }
    const { header, payloads } = decoded.value
    if (
      header.exchange !== ExchangeType.IKE_SA_INIT.id ||
      header.response ||
      !header.initiator ||
      header.messageId !== 0
    ) {
      n.note('dropped a message that is no IKE_SA_INIT request')
      return { next: this, actions: n.take() }
    }
    n.local = event.datagram.local
    n.remote = event.datagram.remote
    n.act({ do: 'observe', message: observed('in', bytes, header, payloads) })
    const critical = unknownCritical(payloads)
    if (critical !== undefined) {
      const unknown = notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD.id, Uint8Array.of(critical))
      this.#refuse(header, event.datagram, unknown)
      n.note(`payload ${critical} is critical and unknown`)
      return { next: this, actions: n.take() }
    }
    const cookie = n.config.demandCookie === true ? this.#cookie(decoded.value, event.datagram) : undefined
    const answer = respondInit(n, bytes, decoded.value, now, cookie)
    if (answer.outcome === 'ignore') {
      n.note(answer.why)
      return { next: this, actions: n.take() }
    }
    n.send(answer.bytes, observed('out', answer.bytes, answer.header, answer.payloads))
    if (answer.outcome === 'answer') {
      n.note(answer.why)
      return { next: this, actions: n.take() }
    }
    n.current = answer.done.sa
    n.setTimer('half-open', (now + HALF_OPEN_MS) as Millis)
    const next = AwaitIntermediate.begin(n, answer.done, (init) => new AwaitAuthRequest(n, init))
    return { next, actions: n.take() }
  }

  /** One unprotected notify to where the request came from; nothing is kept. RFC 7296 §2.5, §2.21.1 */
  #refuse(header: Header, { local, remote }: Datagram, why: Payload): void {
    const reply = { ...header, majorVersion: 2, minorVersion: 0, initiator: false, response: true }
    const bytes = encodeMessage(reply, [why])
    const message = observed('out', bytes, reply, [why])
    this.#n.act({ do: 'send', datagram: { bytes, local, remote }, message })
  }

  /** Bound to nonce, address and SPI of the initiator, so that nothing needs to be kept. RFC 7296 §2.6 */
  #cookie({ header, payloads }: Message, { remote }: Datagram): Uint8Array {
    const nonce = find(payloads, 'Nonce')?.nonce ?? new Uint8Array(0)
    const whole = concat(nonce, addressBytes(remote.address), header.initiatorSpi, this.#cookieSecret)
    return new Uint8Array(createHash('sha256').update(whole).digest())
  }
}

/** IKE_SA_INIT is answered. Nothing but IKE_AUTH counts before the peer has proven itself. */
class AwaitAuthRequest implements State {
  readonly name = 'AwaitAuthRequest'
  readonly #n: Negotiation
  readonly #init: InitDone

  constructor(n: Negotiation, init: InitDone) {
    this.#n = n
    this.#init = init
  }

  handle(event: IkeEvent, now: Millis): Step {
    if (event.type === 'datagram') return this.#onDatagram(event.datagram, now)
    return this.#otherwise(event, this)
  }

  #otherwise(event: IkeEvent, self: State): Step {
    if (event.type === 'timer' && event.timer === 'half-open') {
      return this.#end({ kind: 'noAnswer', exchange: 'IKE_AUTH', tries: 1 })
    }
    if (event.type === 'failed') return this.#end(event.error)
    if (event.type === 'command' && event.command.type === 'disconnect')
      return this.#end({ kind: 'cancelled' })
    return { next: self, actions: this.#n.take() }
  }

  #end(error: Parameters<Negotiation['finish']>[0]): Step {
    this.#n.clearTimer('half-open')
    this.#init.sa.close()
    this.#n.finish(error)
    return { next: new Closed(), actions: this.#n.take() }
  }

  #onDatagram(datagram: Datagram, now: Millis): Step {
    const { bytes, local, remote } = datagram
    const n = this.#n
    const { sa } = this.#init
    const stay = (why: string): Step => {
      n.note(why)
      return { next: this, actions: n.take() }
    }
    if (answerAgain(n, this.#init, datagram)) return { next: this, actions: n.take() }
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) return stay(`dropped a message: ${decoded.error.message}`)
    const { header } = decoded.value
    const ours =
      header.exchange === ExchangeType.IKE_AUTH.id &&
      !header.response &&
      header.initiator &&
      header.messageId === sa.expectedId &&
      equal(header.initiatorSpi, sa.initiatorSpi) &&
      equal(header.responderSpi, sa.responderSpi)
    const opened = ours ? sa.open(bytes, decoded.value, now) : undefined
    if (opened === undefined) return stay('dropped a message that is not the expected IKE_AUTH request')
    n.local = local
    n.remote = remote
    n.observe(opened.observed)
    if (opened.outcome !== 'message') return { next: this, actions: n.take() }
    if (!opened.payloads.ok) {
      const { error } = opened.payloads
      this.#reply(header, [notify(NotifyType.INVALID_SYNTAX.id)])
      return this.#end({
        kind: 'protocol',
        exchange: 'IKE_AUTH',
        problem: `${error.path.join(' / ')}: ${error.problem}`,
        reference: error.reference,
      })
    }
    const payloads = opened.payloads.value
    const critical = unknownCritical(payloads)
    if (critical !== undefined) {
      this.#reply(header, [notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD.id, Uint8Array.of(critical))])
      return this.#end({
        kind: 'protocol',
        exchange: 'IKE_AUTH',
        problem: `payload ${critical} is critical and unknown`,
        reference: 'RFC 7296 §2.5',
      })
    }
    const idi = find(payloads, 'IDi')
    const { authenticationOf } = n.config
    if (idi !== undefined && authenticationOf !== undefined)
      n.authentication = authenticationOf({ type: idi.idType, data: idi.data })
    const question = chainQuestion(n, payloads, 'client')
    if (question === undefined) return this.#judge(header, payloads, undefined, now)
    return this.#ask('AwaitVerdict', { do: 'verifyChain', question }, (answer, later) =>
      answer?.what === 'chain'
        ? this.#judge(header, payloads, answer.verdict, later)
        : this.#unanswered(answer),
    )
  }

  /** The initiator has proved itself, or it is sent away; then it is our turn. */
  #judge(header: Header, payloads: readonly Payload[], verdict: ChainVerdict | undefined, now: Millis): Step {
    const n = this.#n
    const checked = checkInitiator(n, this.#init, payloads, verdict)
    if (checked.outcome === 'refused') return this.#refuse(header, checked)
    n.remoteId = checked.remoteId
    const proof = prove(n, this.#init, 'responder', identityPayload('IDr', n), payloads)
    if (proof.outcome === 'impossible')
      return this.#refuse(header, refuse(NotifyType.AUTHENTICATION_FAILED.id, proof.error))
    const { beside } = checked
    if (proof.outcome === 'ready') return this.#answer(header, payloads, [...proof.payloads, ...beside], now)
    const { form, octets } = proof
    return this.#ask('AwaitSignature', { do: 'sign', form, octets }, (answer, later) =>
      answer?.what === 'signature'
        ? this.#answer(header, payloads, [...proof.finish(answer.signature), ...beside], later)
        : this.#unanswered(answer),
    )
  }

  #answer(header: Header, payloads: readonly Payload[], proof: readonly Payload[], now: Millis): Step {
    const n = this.#n
    const answer = answerAuth(n, this.#init, payloads, proof, now)
    this.#reply(header, answer.payloads)
    n.clearTimer('half-open')
    const established = new Established(n, this.#init.sa)
    if (answer.child === undefined) return established.beginChildless(now)
    return established.begin(answer.child, NOTHING_ASSIGNED, now)
  }

  #refuse(header: Header, { payloads, error }: Refusal): Step {
    this.#reply(header, payloads)
    return this.#end(error)
  }

  /** Meanwhile the request may come again: it is answered when we can. */
  #ask(
    name: string,
    asking: Parameters<typeof AwaitAnswer.begin>[2],
    then: Parameters<typeof AwaitAnswer.begin>[3],
  ): Step {
    return AwaitAnswer.begin(this.#n, name, asking, then, (event, self) =>
      event.type === 'datagram' ? { next: self, actions: this.#n.take() } : this.#otherwise(event, self),
    )
  }

  #unanswered(answer: Answer): Step {
    return this.#end(answer?.what === 'failed' ? answer.error : { kind: 'cancelled' })
  }

  #reply(header: Header, payloads: readonly Payload[]): void {
    this.#n.transmit(this.#init.sa.answer(header, payloads))
  }
}
