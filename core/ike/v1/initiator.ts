import { asMillis, type Millis } from '../../bytes/brands.ts'
import { equal, NO_OCTETS } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev1.ts'
import type { Message } from '../../wire/ikev1/message.ts'
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { Established } from './established.ts'
import { beginPhase1 } from './exchanges/begin-phase1.ts'
import { type Phase1, type Phase1Step, refusal } from './exchanges/phase1.ts'
import { closeAnswer } from './exchanges/proof.ts'
import { Held } from './held.ts'
import type { Negotiation } from './negotiation.ts'
import { CHOICE, SPEC, waitAfter } from './numbers.ts'
import { observed } from './observed.ts'
import { errorOf } from './payloads.ts'

/** Nothing runs yet. */
export class Idle implements State {
  readonly name = 'Idle'
  readonly #n: Negotiation

  constructor(n: Negotiation) {
    this.#n = n
  }

  handle(event: IkeEvent): Step {
    const n = this.#n
    if (event.type !== 'command' || event.command.type !== 'connect') return { next: this, actions: n.take() }
    n.initiated = true
    n.startOver = () => new AwaitPath(n)
    const { authentication } = n.config
    if (authentication.method === 'psk' && authentication.psk.use((key) => key.length) < CHOICE.guessable)
      n.note(
        `the pre-shared key has fewer than ${CHOICE.guessable} characters: whoever poses as the gateway once can guess at it in peace, and a short one can be guessed`,
      )
    n.step = 'opening a socket'
    n.act({ do: 'openPath', remotePort: SPEC.ikePort })
    return { next: new AwaitPath(n), actions: n.take() }
  }
}

/** The end of the line: events change nothing. */
export class Closed implements State {
  readonly name = 'Closed'
  handle(): Step {
    return { next: this, actions: [] }
  }
}

function finish(n: Negotiation, error: VpnError): Step {
  n.finish(error)
  return { next: new Closed(), actions: n.take() }
}

/** What every state of the initiator does with an event that is not its own. */
function common(n: Negotiation, event: IkeEvent, self: State): Step {
  if (event.type === 'failed') return finish(n, event.error)
  if (event.type === 'command' && event.command.type === 'disconnect') return finish(n, { kind: 'cancelled' })
  return { next: self, actions: n.take() }
}

/** Waits for a socket. */
class AwaitPath implements State {
  readonly name = 'AwaitPath'
  readonly #n: Negotiation

  constructor(n: Negotiation) {
    this.#n = n
  }

  handle(event: IkeEvent, now: Millis): Step {
    const n = this.#n
    if (event.type === 'answered') closeAnswer(event.answer)
    if (event.type !== 'pathOpen') return common(n, event, this)
    n.local = event.local
    n.remote = event.remote
    const phase1 = beginPhase1(n)
    if (!('onMessage' in phase1)) return finish(n, phase1)
    const next = new AwaitPhase1(n, phase1)
    next.send(now)
    return { next, actions: n.take() }
  }
}

/** Phase 1 runs: each message is said until the next one comes. RFC 2408 §5.1 */
class AwaitPhase1 implements State {
  readonly name = 'AwaitPhase1'
  readonly #n: Negotiation
  readonly #phase1: Phase1
  #tries = 0
  /** The message that our latest answers. */
  #heard: Uint8Array | undefined
  /** The message an answer is waited for to go on with, and what came meanwhile. */
  #judging: Uint8Array | undefined
  readonly #held = new Held()
  #hint: VpnError | undefined

  constructor(n: Negotiation, phase1: Phase1) {
    this.#n = n
    this.#phase1 = phase1
  }

  send(now: Millis): void {
    this.#tries++
    const again = this.#tries > 1
    this.#n.step = `waiting for the answer in ${this.#phase1.label}${again ? ` (try ${this.#tries})` : ''}`
    this.#n.send(this.#phase1.outgoing!, again)
    this.#n.setTimer('retransmit', asMillis(now + waitAfter(this.#tries)))
  }

  handle(event: IkeEvent, now: Millis): Step {
    const n = this.#n
    if (event.type === 'datagram') {
      if (this.#judging === undefined) return this.#onDatagram(event.datagram, now)
      this.#held.add(event.datagram)
      return this.#stay()
    }
    if (event.type === 'pathOpen') {
      n.local = event.local
      n.remote = event.remote
      const held = this.#phase1.onPath?.()
      if (held !== undefined) return this.#onStep(held, this.#heard ?? NO_OCTETS, now)
      this.send(now)
    } else if (event.type === 'answered') {
      const bytes = this.#judging ?? NO_OCTETS
      const outcome = this.#phase1.onAnswer(event.id, event.answer)
      // It may be to a question of a gateway that has sent us on to this one: what is waited for still is.
      if (outcome.outcome === 'ignore') return this.#stay()
      this.#judging = undefined
      const step = this.#onStep(outcome, bytes, now)
      return this.#judging === undefined ? this.#held.release(step, now) : step
    } else if (event.type === 'timer' && event.timer === 'doubt' && this.#hint !== undefined) {
      return this.#end(this.#hint)
    } else if (event.type === 'timer' && event.timer === 'retransmit') {
      if (this.#tries >= this.#mostTries) return this.#end(this.#hint ?? this.#silence())
      this.send(now)
    } else if (event.type === 'failed' || event.type === 'command') {
      const step = common(n, event, this)
      if (step.next !== this) this.#phase1.close()
      return step
    }
    return { next: this, actions: n.take() }
  }

  /** Our proof is out. */
  get #proving(): boolean {
    return this.#phase1.sa !== undefined
  }

  get #mostTries(): number {
    return this.#proving ? CHOICE.proofTries : CHOICE.tries
  }

  #silence(): VpnError {
    // What it says of a proof by another key is encrypted with that other key, or nothing.
    if (this.#proving && this.#n.config.authentication.method === 'psk')
      return {
        kind: 'authFailed',
        who: 'us',
        method: 'psk',
        problem: 'the gateway does not answer our proof',
      }
    return this.#heard !== undefined
      ? { kind: 'noAnswer', exchange: this.#phase1.label, tries: this.#tries }
      : { kind: 'unreachable', host: this.#n.config.gatewayHost, tries: this.#tries }
  }

  #end(error: VpnError): Step {
    this.#n.clearTimer('retransmit')
    this.#n.clearTimer('doubt')
    this.#phase1.close()
    return finish(this.#n, error)
  }

  #stay(why?: string): Step {
    if (why !== undefined) this.#n.note(`dropped a message: ${why}`)
    return { next: this, actions: this.#n.take() }
  }

  #onDatagram(datagram: Datagram, now: Millis): Step {
    const n = this.#n
    const received = n.receive(datagram.bytes, now)
    if (!received.ok) return this.#stay(received.why)
    const { bytes, message } = received
    // The answer to a repetition of ours, which we have had.
    if (this.#heard !== undefined && equal(bytes, this.#heard)) return this.#stay()
    const { header } = message
    if (!equal(header.initiatorCookie, this.#phase1.initiatorCookie))
      return this.#stay('its cookie is not ours')
    if (!message.sealed) n.observe(observed('in', bytes, header, message.payloads, true))
    if (header.exchange === ExchangeType.INFORMATIONAL.id) return this.#onInformational(bytes, message, now)
    return this.#onStep(this.#phase1.onMessage(bytes, message, now), bytes, now)
  }

  #onStep(step: Phase1Step, bytes: Uint8Array, now: Millis): Step {
    const n = this.#n
    switch (step.outcome) {
      case 'ignore':
        return this.#stay(step.why)
      case 'wait':
        this.#judging = bytes
        return this.#stay()
      case 'doubt':
        this.#doubt(step.error, now)
        return this.#stay()
      case 'failed':
        return this.#end(step.error)
      case 'next':
        this.#heard = bytes
        this.#tries = 0
        this.#hint = undefined
        n.clearTimer('doubt')
        if (step.float) {
          n.clearTimer('retransmit')
          n.act({ do: 'openPath', remotePort: SPEC.natTraversalPort })
        } else this.send(now)
        return this.#stay()
      case 'done': {
        n.clearTimer('retransmit')
        n.clearTimer('doubt')
        n.remoteId = step.remoteId
        n.facts = step.facts
        if (step.last !== undefined) n.send(step.last)
        n.lastWord = step.last
        step.sa.remember(bytes, step.last)
        return new Established(n, step.sa, now).begin(now)
      }
    }
  }

  /** An error in the clear is a hint; one whose hash fits is the peer's own word. RFC 2408 §4.8, RFC 2409 §5.7 */
  #onInformational(bytes: Uint8Array, message: Message, now: Millis): Step {
    const n = this.#n
    const { sa } = this.#phase1
    if (!message.sealed) {
      const error = errorOf(message.payloads)
      if (error !== undefined) this.#doubt(refusal(n, this.#phase1, error.notify), now)
      return this.#stay()
    }
    const open = sa?.isOf(message.header) ? sa.open(bytes, message, false) : undefined
    if (open?.outcome !== 'message') return this.#stay('an Informational that nobody can read')
    if (!open.opened.hashFits()) return this.#stay('its hash does not fit')
    n.observe(open.opened.observed)
    const error = errorOf(open.opened.chain.payloads)
    return error === undefined ? this.#stay() : this.#end(refusal(n, this.#phase1, error.notify))
  }

  /** Anybody on the way could have written this: wait a little for a better answer. */
  #doubt(error: VpnError, now: Millis): void {
    if (this.#hint === undefined) this.#n.setTimer('doubt', asMillis(now + CHOICE.doubtMs))
    this.#hint = error
  }
}
