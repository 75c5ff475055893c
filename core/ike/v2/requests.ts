import { asMillis, type Millis } from '../../bytes/brands.ts'
import type { Established } from './established.ts'
import type { IkeSa, Request } from './ike-sa.ts'
import { hexSpi } from './negotiation.ts'
import { Transmission } from './transmission.ts'
import { isStream } from './transport.ts'

/** Our requests: one at a time on each IKE SA, sent again until it is answered. RFC 7296 §2.1, §2.3 */
export class Requests {
  readonly #e: Established

  constructor(e: Established) {
    this.#e = e
  }

  /** Queues a request on an IKE SA; it is sent when the window allows. Nothing new is begun on the way out. RFC 7296 §2.3 */
  ask(sa: IkeSa, request: Request, now: Millis): void {
    if (this.#e.leaving || sa.state === 'closed') return
    sa.queue.push(request)
    this.pump(sa, now)
  }

  /** As {@link ask}, before all others: what an answer has begun is not to be interrupted. */
  askNext(sa: IkeSa, request: Request, now: Millis): void {
    if (this.#e.leaving || sa.state === 'closed') return
    sa.queue.unshift(request)
    this.pump(sa, now)
  }

  /** Sends what waits, where the window is open. */
  pump(sa: IkeSa, now: Millis): void {
    while (sa.outstanding === undefined && sa.queue.length > 0 && !this.#e.over) {
      const request = sa.queue.shift()!
      const payloads = request.build(sa)
      if (payloads === undefined) continue
      const messageId = sa.nextId
      const transmission = new Transmission(sa, sa.seal(request.exchange, messageId, false, payloads))
      sa.outstanding = { messageId, request, transmission }
      this.#e.n.transmit(transmission.outgoing)
      this.#await(sa, transmission, now)
    }
  }

  /** The answer is here: the window is open again. */
  onAnswered(sa: IkeSa): void {
    sa.outstanding = undefined
    sa.nextId++
    this.#e.n.clearTimer(`retransmit:${hexSpi(sa.localSpi)}`)
  }

  /** Silence on the IKE SA with this SPI, hex. RFC 7296 §2.4 */
  onTimer(spi: string, now: Millis): void {
    const { n, sas, current } = this.#e
    const sa = sas.find((s) => hexSpi(s.localSpi) === spi)
    const out = sa?.outstanding
    if (sa === undefined || out === undefined) return
    // Who opened a stream knows when it is lost; whoever was called does not. RFC 9329 §6.2
    const stream = isStream(n)
    const again = out.transmission.again(out.request.tries, stream)
    if (again === undefined) {
      if (out.request.onSilence !== undefined) return out.request.onSilence(now)
      if (sa !== current) return this.#e.drop(sa, now)
      return this.#e.finish({ kind: 'noAnswer', exchange: out.request.label, tries: out.transmission.tries })
    }
    if (!(stream && n.initiated)) n.transmit(again, true)
    this.#e.mobility.onSilence(now)
    this.#await(sa, out.transmission, now)
  }

  /** Everything that waits for an answer goes out once more, by the path of now, and has all its tries before it. */
  sendAgain(now: Millis): void {
    for (const sa of this.#e.sas) {
      const transmission = sa.outstanding?.transmission
      if (transmission === undefined) continue
      transmission.startOver()
      this.#e.n.transmit(transmission.outgoing, true)
      this.#await(sa, transmission, now)
    }
  }

  #await(sa: IkeSa, { waitMs }: Transmission, now: Millis): void {
    this.#e.n.setTimer(`retransmit:${hexSpi(sa.localSpi)}`, asMillis(now + waitMs))
  }
}
