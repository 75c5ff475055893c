import { asIkeSpi, asMillis, asNonce, type IkeSpi, type Millis, type Nonce } from '../../bytes/brands.ts'
import { equal } from '../../bytes/octets.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import { decodeMessage, encodeMessage, type Message } from '../../wire/ikev2/message.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { onRightPort } from './await-path.ts'
import { common, isEnd, step } from './closed.ts'
import { NO_SPI } from './exchanges/ike-sa-init.ts'
import { readNat } from './nat-detection.ts'
import { type Negotiation, observed } from './negotiation.ts'
import { CHOICE, SPEC, waitAfter } from './numbers.ts'
import { find, findNotify, unknownCritical } from './payloads.ts'
import { resumedSa, resumeHeader, resumeRequest } from './resumption.ts'
import { SignIn } from './sign-in.ts'
import type { Ticket } from './tickets.ts'
import { isStream } from './transport.ts'

/**
 * IKE_SESSION_RESUME is out. Nobody signs its answer, so whatever goes wrong with it costs no more than a sign-in from the
 * start. RFC 5723 §4.3
 */
export class AwaitResumeReply implements State {
  readonly name = 'AwaitResumeReply'
  readonly #n: Negotiation
  readonly #ticket: Ticket
  readonly #spi: IkeSpi
  readonly #nonce: Nonce
  #cookie: Uint8Array | undefined
  #bytes: Uint8Array = new Uint8Array(0)
  #tries = 1

  private constructor(n: Negotiation, ticket: Ticket) {
    this.#n = n
    this.#ticket = ticket
    this.#spi = n.freshIkeSpi()
    this.#nonce = asNonce(n.random.bytes(CHOICE.nonce))
  }

  /** The ticket is used up by this. */
  static begin(n: Negotiation, ticket: Ticket, now: Millis): State {
    const state = new AwaitResumeReply(n, ticket)
    state.#send(now, false)
    return state
  }

  handle(event: IkeEvent, now: Millis): Step {
    if (event.type === 'datagram') return this.#onDatagram(event.datagram, now)
    if (event.type === 'timer' && event.timer === 'retransmit') {
      if (this.#tries >= CHOICE.triesOfResumption) return this.#fromTheStart('it does not answer', now)
      this.#tries++
      this.#send(now, true)
      return step(this, this.#n)
    }
    if (isEnd(event)) this.#ticket.d.close()
    return common(this.#n, event, this)
  }

  #send(now: Millis, again: boolean): void {
    const n = this.#n
    const header = resumeHeader(this.#spi, NO_SPI, false)
    const payloads = resumeRequest(n, this.#spi, this.#nonce, this.#ticket.opaque, this.#cookie)
    // The same octets again: AUTH covers them.
    if (!again) this.#bytes = encodeMessage(header, payloads)
    n.step = 'taking up the connection of before'
    if (!(again && isStream(n)))
      n.send(this.#bytes, observed('out', this.#bytes, header, payloads, { retransmission: again }))
    n.setTimer('retransmit', asMillis(now + waitAfter(this.#tries)))
  }

  #fromTheStart(why: string, now: Millis): Step {
    const n = this.#n
    this.#ticket.d.close()
    n.clearTimer('retransmit')
    n.note(`the gateway does not take up the connection of before (${why}): signing in from the start`)
    return step(n.startOver!(n, now), n)
  }

  #onDatagram({ bytes }: Datagram, now: Millis): Step {
    const n = this.#n
    const decoded = decodeMessage(bytes)
    if (!decoded.ok || !this.#isOurs(decoded.value)) {
      n.note('dropped a message that does not answer our IKE_SESSION_RESUME')
      return step(this, n)
    }
    const { header, payloads } = decoded.value
    n.act({ do: 'observe', message: observed('in', bytes, header, payloads) })
    const cookie = findNotify(payloads, NotifyType.COOKIE.id)?.data
    if (
      cookie !== undefined &&
      this.#cookie === undefined &&
      cookie.length >= 1 &&
      cookie.length <= SPEC.cookieMax
    ) {
      this.#cookie = cookie.slice()
      this.#tries = 1
      this.#send(now, false)
      return step(this, n)
    }
    const nonce = find(payloads, 'Nonce')
    const responder = header.responderSpi
    const reflected = nonce !== undefined && (equal(nonce.nonce, this.#nonce) || equal(responder, this.#spi))
    if (
      nonce === undefined ||
      reflected ||
      equal(responder, NO_SPI) ||
      unknownCritical(payloads) !== undefined
    )
      return this.#fromTheStart('it refuses the ticket', now)
    return this.#accept(bytes, payloads, asNonce(nonce.nonce.slice()), asIkeSpi(responder.slice()), now)
  }

  #isOurs({ header }: Message): boolean {
    return (
      header.exchange === ExchangeType.IKE_SESSION_RESUME.id &&
      header.response &&
      !header.initiator &&
      header.messageId === 0 &&
      equal(header.initiatorSpi, this.#spi)
    )
  }

  #accept(bytes: Uint8Array, payloads: readonly Payload[], nr: Nonce, responder: IkeSpi, now: Millis): Step {
    const n = this.#n
    const ticket = this.#ticket
    const nonces = { ni: this.#nonce, nr }
    n.clearTimer('retransmit')
    const sa = resumedSa(n, ticket, { initiator: this.#spi, responder }, nonces, payloads, now)
    ticket.d.close()
    readNat(n, payloads, sa)
    n.current = sa
    n.remoteProof = ticket.remoteProof
    n.eapMethod = ticket.eapMethod
    const init = {
      ...{ sa, requestBytes: this.#bytes, replyBytes: bytes.slice(), ...nonces, peerPayloads: payloads },
      ...{ peerHashes: undefined, ppk: 'no' as const, childless: false, resumed: ticket },
    }
    return onRightPort(n, now, (later) => new SignIn(n, init).begin(later))
  }
}
