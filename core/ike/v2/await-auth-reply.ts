import { asMillis, type Millis } from '../../bytes/brands.ts'
import { equal } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { decodeMessage } from '../../wire/ikev2/message.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { step } from './closed.ts'
import type { IkeSa, Outgoing } from './ike-sa.ts'
import type { Negotiation } from './negotiation.ts'
import { unknownCritical } from './payloads.ts'
import { Transmission } from './transmission.ts'
import { isStream } from './transport.ts'

type AuthExchange = 'IKE_AUTH' | 'IKE_INTERMEDIATE'

/** Whose request it is. */
export interface Asker {
  /** `clear`: the answer as IKE_INTERMEDIATE authenticates it. */
  onReply(payloads: readonly Payload[], now: Millis, clear: () => Uint8Array): Step
  /** Nothing comes of it. */
  end(error: VpnError): Step
  /** How often the request is sent before nothing comes of it, where that is not as usual. */
  readonly tries?: number | undefined
  /** What has nothing to do with the answer. */
  otherwise(event: IkeEvent, self: State): Step
}

/** A request of IKE_AUTH, or of IKE_INTERMEDIATE before it, is out; there may be several of them. RFC 7296 §1.2, §2.16, RFC 9242 */
export class AwaitAuthReply implements State {
  readonly name = 'AwaitAuthReply'
  readonly #n: Negotiation
  readonly #sa: IkeSa
  readonly #asker: Asker
  readonly #messageId: number
  readonly #transmission: Transmission

  readonly #exchange: AuthExchange

  private constructor(
    n: Negotiation,
    sa: IkeSa,
    payloads: readonly Payload[],
    asker: Asker,
    exchange: AuthExchange,
  ) {
    this.#exchange = exchange
    this.#n = n
    this.#sa = sa
    this.#asker = asker
    this.#messageId = sa.nextId
    this.#transmission = new Transmission(
      sa,
      sa.seal(ExchangeType[exchange].id, this.#messageId, false, payloads),
    )
  }

  static begin(
    n: Negotiation,
    sa: IkeSa,
    payloads: readonly Payload[],
    asker: Asker,
    now: Millis,
    exchange: AuthExchange = 'IKE_AUTH',
  ): Step {
    const state = new AwaitAuthReply(n, sa, payloads, asker, exchange)
    state.#send(state.#transmission.outgoing, now, false)
    return step(state, n)
  }

  handle(event: IkeEvent, now: Millis): Step {
    if (event.type === 'timer' && event.timer === 'retransmit') {
      const again = this.#transmission.again(this.#asker.tries, isStream(this.#n))
      if (again === undefined)
        return this.#end({ kind: 'noAnswer', exchange: this.#exchange, tries: this.#transmission.tries })
      this.#send(again, now, true)
      return step(this, this.#n)
    }
    if (event.type === 'datagram') return this.#onDatagram(event.datagram, now)
    return this.#asker.otherwise(event, this)
  }

  #send(outgoing: Outgoing, now: Millis, retransmission: boolean): void {
    const { tries, waitMs } = this.#transmission
    this.#n.step = `waiting for the answer to ${this.#exchange}${tries > 1 ? ` (try ${tries})` : ''}`
    // A stream loses nothing. RFC 9329 §6.2
    if (!(retransmission && isStream(this.#n))) this.#n.transmit(outgoing, retransmission)
    this.#n.setTimer('retransmit', asMillis(now + waitMs))
  }

  #end(error: VpnError): Step {
    this.#n.clearTimer('retransmit')
    return this.#asker.end(error)
  }

  #onDatagram({ bytes }: Datagram, now: Millis): Step {
    const n = this.#n
    const sa = this.#sa
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) {
      n.note(`dropped a message: ${decoded.error.message}`)
      return step(this, n)
    }
    const { header } = decoded.value
    // Before AUTH nothing but the one expected answer counts.
    const ours =
      header.exchange === ExchangeType[this.#exchange].id &&
      header.response &&
      !header.initiator &&
      header.messageId === this.#messageId &&
      equal(header.initiatorSpi, sa.initiatorSpi) &&
      equal(header.responderSpi, sa.responderSpi)
    const opened = ours ? sa.open(bytes, decoded.value, now) : undefined
    if (opened === undefined) {
      n.note(`dropped a message that does not answer our ${this.#exchange}`)
      return step(this, n)
    }
    n.observe(opened.observed)
    if (opened.outcome !== 'message') return step(this, n)
    if (!opened.payloads.ok) {
      const { error } = opened.payloads
      return this.#end({
        kind: 'protocol',
        exchange: this.#exchange,
        problem: `${error.path.join(' / ')}: ${error.problem}`,
        reference: error.reference,
      })
    }
    const payloads = opened.payloads.value
    n.clearTimer('retransmit')
    sa.nextId = this.#messageId + 1
    const critical = unknownCritical(payloads)
    if (critical !== undefined) {
      return this.#end({
        kind: 'protocol',
        exchange: this.#exchange,
        problem: `payload ${critical} is critical and unknown`,
        reference: 'RFC 7296 §2.5',
      })
    }
    return this.#asker.onReply(payloads, now, opened.clear)
  }
}
