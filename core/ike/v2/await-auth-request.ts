import type { Millis } from '../../bytes/brands.ts'
import { equal } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import { decodeMessage, type Header } from '../../wire/ikev2/message.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { step } from './closed.ts'
import type { InitDone } from './exchanges/ike-sa-init.ts'
import { answerAgain } from './intermediate.ts'
import type { Negotiation } from './negotiation.ts'
import { notify, unknownCritical } from './payloads.ts'

/** Who answers. */
export interface Answerer {
  onRequest(header: Header, payloads: readonly Payload[], now: Millis): Step
  /** The peer does not want to go on, and says so. RFC 7296 §2.21.2 */
  onFarewell(header: Header): Step
  /** A request that cannot be served: the last word. */
  refuse(header: Header, payloads: readonly Payload[], error: VpnError): Step
  otherwise(event: IkeEvent, self: State): Step
}

/**
 * IKE_SA_INIT is answered, and perhaps some of IKE_AUTH. Nothing but the next message of IKE_AUTH counts before the peer
 * has proven itself.
 */
export class AwaitAuthRequest implements State {
  readonly name = 'AwaitAuthRequest'
  readonly #n: Negotiation
  readonly #init: InitDone
  readonly #answerer: Answerer

  constructor(n: Negotiation, init: InitDone, answerer: Answerer) {
    this.#n = n
    this.#init = init
    this.#answerer = answerer
  }

  handle(event: IkeEvent, now: Millis): Step {
    if (event.type === 'datagram') return this.#onDatagram(event.datagram, now)
    return this.#answerer.otherwise(event, this)
  }

  #onDatagram(datagram: Datagram, now: Millis): Step {
    const { bytes, local, remote } = datagram
    const n = this.#n
    const { sa } = this.#init
    const stay = (why: string): Step => {
      n.note(why)
      return step(this, n)
    }
    // The answer to a request seen before is sent again as it was. RFC 7296 §2.1
    if (answerAgain(n, this.#init, datagram)) return step(this, n)
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) return stay(`dropped a message: ${decoded.error.message}`)
    const { header } = decoded.value
    // Once we have answered, the peer may find that it does not believe us.
    const farewell = header.exchange === ExchangeType.INFORMATIONAL.id && sa.lastReply !== undefined
    const ours =
      (header.exchange === ExchangeType.IKE_AUTH.id || farewell) &&
      !header.response &&
      header.initiator &&
      (header.messageId === sa.expectedId || header.messageId === sa.lastReply?.header.messageId) &&
      equal(header.initiatorSpi, sa.initiatorSpi) &&
      equal(header.responderSpi, sa.responderSpi)
    const opened = ours ? sa.open(bytes, decoded.value, now) : undefined
    if (opened === undefined) return stay('dropped a message that is not the expected IKE_AUTH request')
    n.observe(opened.observed)
    if (opened.outcome === 'repeated' && sa.lastReply !== undefined)
      n.transmit(sa.lastReply, true, { local, remote })
    if (opened.outcome !== 'message') return step(this, n)
    if (farewell) return this.#answerer.onFarewell(header)
    n.local = local
    n.remote = remote
    if (!opened.payloads.ok) {
      const { path, problem, reference } = opened.payloads.error
      return this.#answerer.refuse(header, [notify(NotifyType.INVALID_SYNTAX.id)], {
        kind: 'protocol',
        exchange: 'IKE_AUTH',
        problem: `${path.join(' / ')}: ${problem}`,
        reference,
      })
    }
    const payloads = opened.payloads.value
    const critical = unknownCritical(payloads)
    if (critical === undefined) return this.#answerer.onRequest(header, payloads, now)
    const unknown = notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD.id, Uint8Array.of(critical))
    return this.#answerer.refuse(header, [unknown], {
      kind: 'protocol',
      exchange: 'IKE_AUTH',
      problem: `payload ${critical} is critical and unknown`,
      reference: 'RFC 7296 §2.5',
    })
  }
}
