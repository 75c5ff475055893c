import { asMillis, type Millis } from '../../bytes/brands.ts'
import type { VpnError } from '../../errors.ts'
import { NotifyType } from '../../iana/ikev1.ts'
import type { Payload } from '../../wire/ikev1/payload.ts'
import { spiBytes } from '../v2/payloads.ts'
import type { IsakmpSa } from './isakmp-sa.ts'
import type { Negotiation } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { notify } from './payloads.ts'

/** What liveness asks of the connection it watches. */
export interface Watched {
  readonly n: Negotiation
  readonly current: IsakmpSa
  inform(sa: IsakmpSa, payloads: readonly Payload[]): void
  /** Nobody is there. */
  onDead(error: VpnError): void
}

/** Dead peer detection and keepalives. RFC 3706, RFC 3948 §4 */
export class Liveness {
  readonly #watched: Watched
  #heardAt: Millis
  #query: { readonly sequence: number; tries: number } | undefined
  #sequence: number

  constructor(watched: Watched, now: Millis) {
    this.#watched = watched
    this.#heardAt = now
    // The first number is random, with room to count up. RFC 3706 §6.2
    this.#sequence = new DataView(watched.n.random.bytes(4).buffer).getUint32(0) & 0x7fff_ffff
  }

  /** Phase 1 stands, or stands anew: with what it found out the timers run. */
  start(now: Millis): void {
    const { n } = this.#watched
    if (this.#silenceMs > 0) n.setTimer('dpd', asMillis(now + this.#silenceMs))
    if (n.facts.nat.us && n.config.keepaliveSeconds > 0)
      n.setTimer('keepalive', asMillis(now + n.config.keepaliveSeconds * 1000))
  }

  /** Something came of the peer that it alone can send. */
  alive(now: Millis): void {
    this.#heardAt = now
    this.#query = undefined
    this.#watched.n.clearTimer('dpd-wait')
  }

  /** R-U-THERE. RFC 3706 §5.3 */
  ask(now: Millis): void {
    if (!this.#watched.n.facts.peer.dpd || this.#query !== undefined) return
    this.#sequence = (this.#sequence + 1) >>> 0
    this.#query = { sequence: this.#sequence, tries: 0 }
    this.#askAgain(now)
  }

  /** As {@link ask}; a query that waits for its answer has all its tries before it. */
  askAnew(now: Millis): void {
    this.#query = undefined
    this.ask(now)
  }

  /** The answer to a query, if it is to the latest. RFC 3706 §5.4 */
  onAnswer(sequence: number, now: Millis): void {
    if (this.#query?.sequence === sequence) this.alive(now)
  }

  onTimer(timer: 'dpd' | 'dpd-wait' | 'keepalive', now: Millis): void {
    const { n } = this.#watched
    if (timer === 'dpd-wait') return this.#askAgain(now)
    if (timer === 'keepalive') {
      n.act({ do: 'keepalive' })
      return n.setTimer('keepalive', asMillis(now + n.config.keepaliveSeconds * 1000))
    }
    if (now - this.#heardAt < this.#silenceMs)
      return n.setTimer('dpd', asMillis(this.#heardAt + this.#silenceMs))
    this.ask(now)
    n.setTimer('dpd', asMillis(now + this.#silenceMs))
  }

  get #silenceMs(): number {
    const { facts, config } = this.#watched.n
    return facts.peer.dpd ? config.dpdSeconds * 1000 : 0
  }

  /** The same number in a message of its own. RFC 3706 §5.5 */
  #askAgain(now: Millis): void {
    const query = this.#query
    if (query === undefined) return
    const { n, current } = this.#watched
    if (query.tries >= CHOICE.dpdTries)
      return this.#watched.onDead({ kind: 'noAnswer', exchange: 'dead peer detection', tries: query.tries })
    query.tries++
    this.#watched.inform(current, [notify(NotifyType.R_U_THERE.id, current.spi, spiBytes(query.sequence))])
    n.setTimer('dpd-wait', asMillis(now + CHOICE.dpdRetryMs))
  }
}
