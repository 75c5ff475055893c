import { asMillis, type Millis } from '../../bytes/brands.ts'
import { equal, NO_OCTETS } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { Established } from './established.ts'
import { answerPhase1, beginsPhase1 } from './exchanges/begin-phase1.ts'
import type { Phase1, Phase1Step } from './exchanges/phase1.ts'
import { Held } from './held.ts'
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
    const { local, remote } = event.datagram
    const received = n.receive(event.datagram.bytes, now)
    if (!received.ok) return stay(received.why)
    const { bytes, message } = received
    const { header } = message
    if (!beginsPhase1(n, message)) return stay('it begins nothing we answer')
    n.local = local
    n.remote = remote
    n.observe(observed('in', bytes, header, message.payloads, false))
    const phase1 = answerPhase1(n, message, now)
    if (!('onMessage' in phase1)) {
      if (phase1.reply !== undefined) n.send(phase1.reply)
      return stay(phase1.why)
    }
    if (phase1.outgoing !== undefined) n.send(phase1.outgoing)
    n.setTimer('half-open', asMillis(now + CHOICE.halfOpenMs))
    return { next: new AnswerPhase1(n, phase1, bytes), actions: n.take() }
  }
}

/** Phase 1 runs: the initiator repeats itself until it hears us, and so do we. RFC 2408 §5.1 */
export class AnswerPhase1 implements State {
  readonly name = 'AnswerPhase1'
  readonly #n: Negotiation
  readonly #phase1: Phase1
  /** The message that our latest answers. */
  #heard: Uint8Array
  /** The message an answer is waited for to go on with, and where we were before it. */
  #judging: Uint8Array | undefined
  readonly #held = new Held()
  #before: Pick<Negotiation, 'local' | 'remote'>
  #hint: VpnError | undefined

  constructor(n: Negotiation, phase1: Phase1, heard: Uint8Array) {
    this.#n = n
    this.#phase1 = phase1
    this.#heard = heard
    this.#before = { local: n.local, remote: n.remote }
  }

  /** How its messages name us. */
  get ourCookies(): readonly Uint8Array[] {
    return [this.#phase1.ourCookie]
  }

  handle(event: IkeEvent, now: Millis): Step {
    const n = this.#n
    if (event.type === 'datagram') {
      if (this.#judging === undefined) return this.#onDatagram(event.datagram, now)
      this.#held.add(event.datagram)
      return this.#stay()
    }
    if (event.type === 'answered') {
      const bytes = this.#judging ?? NO_OCTETS
      this.#judging = undefined
      const step = this.#onStep(this.#phase1.onAnswer(event.id, event.answer), bytes, now)
      return this.#judging === undefined ? this.#held.release(step, now) : step
    }
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

  #stay(why?: string): Step {
    if (why !== undefined) this.#n.note(`dropped a message: ${why}`)
    return { next: this, actions: this.#n.take() }
  }

  #onDatagram(datagram: Datagram, now: Millis): Step {
    const n = this.#n
    const { local, remote } = datagram
    const received = n.receive(datagram.bytes, now)
    if (!received.ok) return this.#stay(received.why)
    const { bytes, message } = received
    if (equal(bytes, this.#heard)) {
      if (this.#phase1.outgoing !== undefined) n.send(this.#phase1.outgoing, true)
      return this.#stay()
    }
    const { header } = message
    if (!equal(header.initiatorCookie, this.#phase1.initiatorCookie))
      return this.#stay('its cookie is another one')
    // The address counts from here on, or the answer would go nowhere. RFC 3947 §4
    this.#before = { local: n.local, remote: n.remote }
    n.local = local
    n.remote = remote
    if (!message.sealed) n.observe(observed('in', bytes, header, message.payloads, false))
    return this.#onStep(this.#phase1.onMessage(bytes, message, now), bytes, now)
  }

  #onStep(step: Phase1Step, bytes: Uint8Array, now: Millis): Step {
    const n = this.#n
    switch (step.outcome) {
      case 'wait':
        this.#judging = bytes
        return this.#stay()
      case 'ignore':
        Object.assign(n, this.#before)
        return this.#stay(step.why)
      case 'doubt':
        this.#hint = step.error
        if (step.reply !== undefined) n.send(step.reply)
        Object.assign(n, this.#before)
        return this.#stay('it proves nothing')
      case 'failed':
        if (step.reply !== undefined) n.send(step.reply)
        return this.#end(step.error)
      case 'next':
        this.#heard = bytes
        n.send(this.#phase1.outgoing!)
        return this.#stay()
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
