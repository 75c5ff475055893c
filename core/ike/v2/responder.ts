import { createHash } from 'node:crypto'
import { addressBytes } from '../../bytes/address.ts'
import { asMillis, type Millis } from '../../bytes/brands.ts'
import { concat } from '../../bytes/octets.ts'
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
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { respondInit } from './exchanges/ike-sa-init-responder.ts'
import { AwaitIntermediate } from './intermediate.ts'
import { LetIn } from './let-in.ts'
import { type Negotiation, observed } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { find, notify, unknownCritical } from './payloads.ts'
import { respondResume } from './resumption.ts'

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
    const resumes =
      header.exchange === ExchangeType.IKE_SESSION_RESUME.id && n.config.ticketOffice !== undefined
    if (
      (header.exchange !== ExchangeType.IKE_SA_INIT.id && !resumes) ||
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
    if (resumes) return this.#resume(event.datagram, decoded.value, now)
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
    n.setTimer('half-open', asMillis(now + CHOICE.halfOpenMs))
    const next = AwaitIntermediate.begin(n, answer.done, (init) => LetIn.begin(n, init))
    return { next, actions: n.take() }
  }

  /** A client comes back with a ticket. RFC 5723 §4.3.2 */
  #resume({ bytes }: Datagram, message: Message, now: Millis): Step {
    const n = this.#n
    const answer = respondResume(n, bytes, message, now)
    n.send(answer.bytes, observed('out', answer.bytes, answer.header, answer.payloads))
    if (answer.done === undefined) {
      n.note('a ticket that is not good, or not any more')
      return { next: this, actions: n.take() }
    }
    n.current = answer.done.sa
    n.setTimer('half-open', asMillis(now + CHOICE.halfOpenMs))
    return { next: LetIn.begin(n, answer.done), actions: n.take() }
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
