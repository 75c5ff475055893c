import { asMillis, type Millis } from '../../bytes/brands.ts'
import type { Secret } from '../../bytes/secret.ts'
import type { TlsInput } from '../../crypto/tls.ts'
import type { EapPeerConfig } from '../../eap/config.ts'
import type { EapQuestion } from '../../eap/method.ts'
import type { MethodInfo } from '../../eap/methods.ts'
import { type EapAction, EapPeer } from '../../eap/peer.ts'
import type { VpnError } from '../../errors.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { Answer, IkeEvent, State, Step } from '../session.ts'
import { AwaitAnswer } from './await-answer.ts'
import { refusal } from './exchanges/ike-auth.ts'
import type { Negotiation } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { errorOf, find } from './payloads.ts'

/** Who signs in by EAP. */
export interface EapOwner {
  /** Sends a request of IKE_AUTH; its answer goes to `onReply`. */
  send(
    payloads: readonly Payload[],
    now: Millis,
    onReply: (payloads: readonly Payload[], now: Millis) => Step,
  ): Step
  /** Success, and the method agrees. Takes over the key. */
  succeeded(method: MethodInfo, msk: Secret | undefined, now: Millis): Step
  end(error: VpnError): Step
  otherwise(event: IkeEvent, self: State): Step
}

const QUESTION_TIMER = 'question'

/** The client's side of EAP inside IKE_AUTH: a packet in each message, and people and TLS in between. RFC 7296 §2.16 */
export class EapRounds {
  readonly #n: Negotiation
  readonly #owner: EapOwner
  readonly #peer: EapPeer
  #until: Millis | undefined
  #usesTls = false

  constructor(
    n: Negotiation,
    config: EapPeerConfig,
    legacy: NonNullable<Negotiation['registry']['legacy']>,
    owner: EapOwner,
  ) {
    this.#n = n
    this.#owner = owner
    this.#peer = new EapPeer(config, { random: n.random, legacy })
  }

  /** A message that has to hold the next packet of the gateway. */
  onPayloads(payloads: readonly Payload[], now: Millis): Step {
    const eap = find(payloads, 'EAP')
    if (eap === undefined) {
      // Some gateways leave Failure out and say it in their own way.
      const failed = errorOf(payloads)?.notify === NotifyType.AUTHENTICATION_FAILED.id
      return this.#owner.end(failed ? this.#peer.refused() : refusal(this.#n, payloads, 'EAP'))
    }
    this.#until ??= asMillis(now + CHOICE.eapMs)
    if (now > this.#until) return this.#owner.end(endless)
    return this.#perform(this.#peer.handle({ type: 'packet', packet: eap.packet }), now)
  }

  /** Forgets the conversation, whatever came of it. */
  close(): void {
    this.#peer.close()
    this.#n.clearTimer(QUESTION_TIMER)
    if (this.#usesTls) this.#n.act({ do: 'endTls' })
    this.#usesTls = false
  }

  /** Notes come first, and one action decides how it goes on. */
  #perform(actions: readonly EapAction[], now: Millis): Step {
    for (const action of actions) {
      switch (action.do) {
        case 'note':
          this.#n.note(action.text)
          break
        case 'send':
          return this.#owner.send([{ type: 'EAP', packet: action.packet }], now, this.#onReply)
        case 'ask':
          return this.#ask(action.question, now)
        case 'tls':
          return this.#tls(action.input)
        case 'succeeded':
          return this.#owner.succeeded(action.method, action.msk, now)
        case 'failed':
          return this.#owner.end(action.error)
      }
    }
    return this.#owner.end({ kind: 'internal', problem: 'EAP does not know how to go on' })
  }

  readonly #onReply = (payloads: readonly Payload[], now: Millis): Step => this.onPayloads(payloads, now)

  #ask(question: EapQuestion, askedAt: Millis): Step {
    const n = this.#n
    n.step = 'waiting for your answer'
    const until = asMillis(askedAt + CHOICE.questionMs)
    n.setTimer(QUESTION_TIMER, until)
    return AwaitAnswer.begin(
      n,
      'AwaitPerson',
      { do: 'ask', question, until },
      (answer, now) => this.#onAnswer(answer, now - askedAt, now),
      (event, self) => {
        if (event.type !== 'timer' || event.timer !== QUESTION_TIMER)
          return this.#owner.otherwise(event, self)
        return this.#owner.end({
          kind: 'notAnswered',
          what: question.what,
          seconds: CHOICE.questionMs / 1000,
        })
      },
    )
  }

  #onAnswer(answer: Answer, tookMs: number, now: Millis): Step {
    this.#n.clearTimer(QUESTION_TIMER)
    this.#n.step = 'signing in'
    if (this.#until !== undefined) this.#until = asMillis(this.#until + tookMs)
    // Where nobody can be asked, what made it necessary is the better reason.
    if (answer?.what === 'failed') return this.#owner.end(this.#peer.refusal ?? answer.error)
    const secret = answer?.what === 'secret' ? answer.secret : undefined
    return this.#perform(this.#peer.handle({ type: 'answered', answer: secret }), now)
  }

  #tls(input: TlsInput): Step {
    this.#usesTls = true
    return AwaitAnswer.begin(
      this.#n,
      'AwaitTls',
      { do: 'tls', input },
      (answer, now) => {
        if (answer?.what === 'tls')
          return this.#perform(this.#peer.handle({ type: 'tls', turn: answer.turn }), now)
        return this.#owner.end(answer?.what === 'failed' ? answer.error : { kind: 'cancelled' })
      },
      this.#owner.otherwise,
    )
  }
}

const endless: VpnError = {
  kind: 'protocol',
  exchange: 'EAP',
  problem: 'it never comes to an end',
  reference: 'RFC 7296 §2.16',
}
