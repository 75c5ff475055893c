import { asMillis, type Millis } from '../../bytes/brands.ts'
import { equal } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev1.ts'
import { decodeMessage } from '../../wire/ikev1/message.ts'
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { Established } from './established.ts'
import { MainResponder } from './exchanges/main-mode.ts'
import type { Phase1 } from './exchanges/phase1.ts'
import { Closed } from './initiator.ts'
import type { Negotiation } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { observed } from './observed.ts'

/** The responder's side of one negotiation; it waits for the first message of main mode. RFC 2409 §5 */
export class AwaitFirst implements State {
  readonly name = 'AwaitFirst'
  readonly #n: Negotiation

  constructor(n: Negotiation) {
    this.#n = n
  }

  handle(event: IkeEvent, now: Millis): Step {
    const n = this.#n
    const stay = (why?: string): Step => {
      if (why !== undefined) n.note(`dropped a message: ${why}`)
      return { next: this, actions: n.take() }
    }
    if (event.type !== 'datagram') return stay()
    const { bytes, local, remote } = event.datagram
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) return stay(decoded.error.message)
    const message = decoded.value
    const { header } = message
    const first = header.messageId === 0 && header.responderCookie.every((octet) => octet === 0)
    if (message.sealed || !first || header.exchange !== ExchangeType.MAIN.id)
      return stay('it begins nothing we answer')
    n.local = local
    n.remote = remote
    n.observe(observed('in', bytes, header, message.payloads, false))
    const phase1 = MainResponder.answer(n, message)
    if (!('onMessage' in phase1)) {
      if (phase1.reply !== undefined) n.send(phase1.reply)
      return stay(phase1.why)
    }
    n.send(phase1.outgoing!)
    n.setTimer('half-open', asMillis(now + CHOICE.halfOpenMs))
    return { next: new AnswerPhase1(n, phase1, bytes), actions: n.take() }
  }
}

/** Phase 1 runs: the initiator repeats itself until it hears us, and so do we. RFC 2408 §5.1 */
class AnswerPhase1 implements State {
  readonly name = 'AnswerPhase1'
  readonly #n: Negotiation
  readonly #phase1: Phase1
  /** The message that our latest answers. */
  #heard: Uint8Array
  #hint: VpnError | undefined

  constructor(n: Negotiation, phase1: Phase1, heard: Uint8Array) {
    this.#n = n
    this.#phase1 = phase1
    this.#heard = heard
  }

  handle(event: IkeEvent, now: Millis): Step {
    const n = this.#n
    if (event.type === 'datagram') return this.#onDatagram(event.datagram, now)
    if (event.type === 'failed') return this.#end(event.error)
    if (event.type === 'timer' && event.timer === 'half-open')
      return this.#end(this.#hint ?? { kind: 'noAnswer', exchange: this.#phase1.label, tries: 1 })
    if (event.type === 'command' && event.command.type === 'disconnect')
      return this.#end({ kind: 'cancelled' })
    return { next: this, actions: n.take() }
  }

  #end(error: VpnError): Step {
    this.#n.clearTimer('half-open')
    this.#phase1.close()
    this.#n.finish(error)
    return { next: new Closed(), actions: this.#n.take() }
  }

  #onDatagram({ bytes, local, remote }: Datagram, now: Millis): Step {
    const n = this.#n
    const stay = (why?: string): Step => {
      if (why !== undefined) n.note(`dropped a message: ${why}`)
      return { next: this, actions: n.take() }
    }
    if (equal(bytes, this.#heard)) {
      n.send(this.#phase1.outgoing!, true)
      return stay()
    }
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) return stay(decoded.error.message)
    const message = decoded.value
    const { header } = message
    if (!equal(header.initiatorCookie, this.#phase1.initiatorCookie)) return stay('its cookie is another one')
    // The address counts from here on, or the answer would go nowhere. RFC 3947 §4
    const before = { local: n.local, remote: n.remote }
    n.local = local
    n.remote = remote
    if (!message.sealed) n.observe(observed('in', bytes, header, message.payloads, false))
    const step = this.#phase1.onMessage(bytes, message, now)
    switch (step.outcome) {
      case 'ignore':
        Object.assign(n, before)
        return stay(step.why)
      case 'doubt':
        this.#hint = step.error
        if (step.reply !== undefined) n.send(step.reply)
        Object.assign(n, before)
        return stay('it proves nothing')
      case 'failed':
        if (step.reply !== undefined) n.send(step.reply)
        return this.#end(step.error)
      case 'next':
        this.#heard = bytes
        n.send(this.#phase1.outgoing!)
        return stay()
      case 'done': {
        n.clearTimer('half-open')
        n.remoteId = step.remoteId
        n.facts = step.facts
        if (step.last !== undefined) n.send(step.last)
        step.sa.remember(bytes, step.last)
        return new Established(n, step.sa, now).begin(now)
      }
    }
  }
}
