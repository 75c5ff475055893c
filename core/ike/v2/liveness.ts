import { asMillis, type Millis } from '../../bytes/brands.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import type { Established } from './established.ts'
import { isStream } from './transport.ts'

/** Whether the peer is still there, and that a NAT in between remembers us. RFC 7296 §2.4, RFC 3948 §4 */
export class Liveness {
  readonly #e: Established
  #heardAt: Millis = asMillis(0)

  constructor(e: Established) {
    this.#e = e
  }

  start(now: Millis): void {
    this.#heardAt = now
    const { n } = this.#e
    if (n.config.dpdSeconds > 0) n.setTimer('dpd', asMillis(now + n.config.dpdSeconds * 1000))
    this.startKeepalive(now)
  }

  /** Behind a NAT a mapping lasts only while something is sent, but that of a TCP connection. RFC 3948 §4, RFC 9329 §6.6 */
  startKeepalive(now: Millis): void {
    const { n } = this.#e
    if (n.nat.us && n.config.keepaliveSeconds > 0 && !isStream(n))
      n.setTimer('keepalive', asMillis(now + n.config.keepaliveSeconds * 1000))
    else n.clearTimer('keepalive')
  }

  /** Something fresh and protected has come from the peer. */
  heard(now: Millis): void {
    this.#heardAt = now
  }

  /**
   * Packets come no more, all at once. Behind a NAT that may have changed its mapping, so that the gateway sends to where we
   * are not: asking shows it, and the tunnel goes on within a second. RFC 4555 §3.8
   */
  unanswered(now: Millis): void {
    const { n } = this.#e
    if (n.mobike && n.initiated && n.nat.us && !isStream(n)) this.probe(now)
  }

  /** → whether the timer was one of these. */
  onTimer(timer: string, now: Millis): boolean {
    if (timer === 'dpd') this.#onSilence(now)
    else if (timer === 'keepalive') this.#keepalive(now)
    else return false
    return true
  }

  #onSilence(now: Millis): void {
    const { n } = this.#e
    const periodMs = n.config.dpdSeconds * 1000
    const silent = now - this.#heardAt >= periodMs
    if (silent) this.probe(now)
    n.setTimer('dpd', asMillis((silent ? now : this.#heardAt) + periodMs))
  }

  #keepalive(now: Millis): void {
    const { n } = this.#e
    n.act({ do: 'keepalive' })
    n.setTimer('keepalive', asMillis(now + n.config.keepaliveSeconds * 1000))
  }

  /** An empty INFORMATIONAL: anything that answers is alive. RFC 7296 §2.4 */
  probe(now: Millis): void {
    const { current: sa, mobility } = this.#e
    if (sa.outstanding !== undefined) return
    const label = 'INFORMATIONAL liveness'
    this.#e.ask(
      sa,
      {
        label,
        exchange: ExchangeType.INFORMATIONAL.id,
        build: (on) => mobility.probe(on),
        onReply: (payloads, at, on) => mobility.onProbed(payloads, at, on),
      },
      now,
    )
  }
}
