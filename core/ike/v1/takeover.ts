import { asMillis, type EspSpi, type Millis } from '../../bytes/brands.ts'
import type { ChildSa, Negotiation } from './negotiation.ts'
import { CHOICE } from './numbers.ts'

/** What a takeover asks of the pairs of SAs. */
export interface Takeovers {
  readonly n: Negotiation
  /** The peer has the new pair: it is the one to send with. `unproven`: nothing came that would tell. */
  taken(fresh: ChildSa, old: ChildSa, unproven: Withdraw | undefined, now: Millis): void
  /** The peer does not have it. */
  notTaken(fresh: ChildSa, old: ChildSa, now: Millis): void
}

/** From now on the third message is not said again. */
export type Withdraw = () => void

interface Doubt {
  readonly fresh: ChildSa
  readonly old: ChildSa
  readonly withdraw: Withdraw
  /** Packets that were on their way no longer come: those on the old pair tell something. */
  settled: boolean
  heardOld: boolean
}

/**
 * From a pair of SAs to the one that replaces it, where the quick mode was ours. Its third message has no answer, and may
 * be lost, or come to a peer whose ISAKMP SA is being replaced and who then never asks for it again. So we send with the
 * old pair until the peer has used the new one, or deleted the old. RFC 2409 §5.5
 */
export class Takeover {
  readonly #of: Takeovers
  readonly #doubts = new Map<EspSpi, Doubt>()

  constructor(of: Takeovers) {
    this.#of = of
  }

  begin(fresh: ChildSa, old: ChildSa, withdraw: Withdraw, now: Millis): void {
    const { n } = this.#of
    // It is not renewed once more meanwhile.
    old.state = 'renewing'
    this.#doubts.set(fresh.inboundSpi, { fresh, old, withdraw, settled: false, heardOld: false })
    n.act({ do: 'watchInbound', spi: fresh.inboundSpi })
    n.setTimer(`child-takeover:${fresh.inboundSpi}`, asMillis(now + CHOICE.overlapMs))
  }

  /** A packet has come on it. */
  onArrived(spi: EspSpi, now: Millis): void {
    const doubt = this.#doubts.get(spi)
    if (doubt !== undefined) return this.#taken(doubt, undefined, now)
    for (const one of this.#doubts.values())
      if (one.old.inboundSpi === spi && one.settled) one.heardOld = true
  }

  /** First the packets that were on their way have come, then there was time enough for those of the new pair. */
  onTimer(spi: EspSpi, now: Millis): void {
    const doubt = this.#doubts.get(spi)
    if (doubt === undefined) return
    const { n } = this.#of
    const { old, heardOld } = doubt
    if (doubt.settled) {
      // Twice means something else: there are peers that send with what is older until its end.
      const end = asMillis(old.establishedAt + old.lifeSeconds * 1000)
      if (heardOld && old.doubted === true && now < end) return n.setTimer(`child-takeover:${spi}`, end)
      return this.decide(doubt.fresh, now)
    }
    doubt.settled = true
    n.act({ do: 'watchInbound', spi: old.inboundSpi })
    n.setTimer(`child-takeover:${spi}`, asMillis(doubt.fresh.establishedAt + CHOICE.takeoverMs))
  }

  /** It cannot stay open any longer. */
  decide(fresh: ChildSa, now: Millis): void {
    const doubt = this.#doubts.get(fresh.inboundSpi)
    if (doubt === undefined) return
    if (!doubt.heardOld) return this.#taken(doubt, doubt.withdraw, now)
    this.#forget(doubt)
    doubt.withdraw()
    this.#of.notTaken(fresh, doubt.old, now)
  }

  /** A pair is gone: of the two the other is the one. */
  onRemoved(gone: ChildSa, now: Millis): void {
    for (const doubt of [...this.#doubts.values()]) {
      if (doubt.fresh === gone) {
        this.#forget(doubt)
        doubt.withdraw()
        doubt.old.state = 'installed'
        this.#of.n.setTimer(`child-rekey:${doubt.old.inboundSpi}`, asMillis(now + CHOICE.retryMs))
      }
      if (doubt.old === gone) this.#taken(doubt, undefined, now)
    }
  }

  /** The peer has made one that replaces both. */
  overtaken(fresh: ChildSa): void {
    const doubt = this.#doubts.get(fresh.inboundSpi)
    if (doubt !== undefined) this.#forget(doubt)
  }

  #taken(doubt: Doubt, unproven: Withdraw | undefined, now: Millis): void {
    this.#forget(doubt)
    this.#of.taken(doubt.fresh, doubt.old, unproven, now)
  }

  #forget({ fresh }: Doubt): void {
    this.#doubts.delete(fresh.inboundSpi)
    this.#of.n.clearTimer(`child-takeover:${fresh.inboundSpi}`)
  }
}
