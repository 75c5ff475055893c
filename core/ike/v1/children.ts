import { asMillis, type EspSpi, type Millis } from '../../bytes/brands.ts'
import type { Established } from './established.ts'
import { deleteChildren } from './exchanges/informational.ts'
import { beginQuick, limitBytes, QUICK_MODE, startSending } from './exchanges/quick-mode.ts'
import { type ChildSa, closePending } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { NO_CONFIGURATION } from './phase2-start.ts'
import type { Life } from './phase2-suite.ts'
import { Takeover, type Withdraw } from './takeover.ts'

/** The pairs of ESP SAs: how they are renewed, and how they go. RFC 2409 §5.5 */
export class Children {
  readonly #e: Established
  readonly #takeover: Takeover
  #names = 0

  constructor(e: Established) {
    this.#e = e
    this.#takeover = new Takeover({
      n: e.n,
      taken: (fresh, old, unproven, now) => this.#taken(fresh, old, unproven, now),
      notTaken: (fresh, old, now) => this.#notTaken(fresh, old, now),
    })
  }

  /** The one named, or all. */
  renew(name: string | undefined, now: Millis): void {
    for (const child of [...this.#e.n.children.values()])
      if (name === undefined || child.name === name) this.#renewChild(child, now)
  }

  /** The peer keeps it for less than was agreed: never for more. RFC 2407 §4.6.3.1 */
  shorten(child: ChildSa, { seconds, kilobytes }: Partial<Life>, now: Millis): void {
    const { n } = this.#e
    if (child.state === 'replaced') return
    if (kilobytes !== undefined) limitBytes(n, child, kilobytes)
    if (seconds === undefined || seconds >= child.lifeSeconds) return
    child.lifeSeconds = seconds
    const due = child.establishedAt + n.renewAfterMs(seconds, n.config.lifetimes.childRekeySeconds)
    child.rekeyAt = asMillis(Math.max(now, Math.min(child.rekeyAt, due)))
    if (child.state === 'installed') n.setTimer(`child-rekey:${child.inboundSpi}`, child.rekeyAt)
  }

  /** Not much more may be sent with it. */
  onSoftLimit(spi: number, now: Millis): void {
    const child = [...this.#e.n.children.values()].find((c) => c.outboundSpi === spi || c.inboundSpi === spi)
    if (child !== undefined) this.#renewChild(child, now)
  }

  onTimer(
    timer: 'child-rekey' | 'child-linger' | 'child-takeover' | 'child-forget',
    spi: EspSpi,
    now: Millis,
  ): void {
    const child = this.#e.n.children.get(spi)
    if (child === undefined) return
    if (timer === 'child-takeover') return this.#takeover.onTimer(spi, now)
    if (timer !== 'child-rekey') return this.#delete(child, now)
    this.#takeover.decide(child, now)
    if (this.#e.n.children.has(spi)) this.#renewChild(child, now)
  }

  /** The peer has sent with this one since that became a question. */
  onArrived(spi: EspSpi, now: Millis): void {
    const { n } = this.#e
    const child = n.children.get(spi)
    if (child === undefined) return
    n.clearTimer(`child-forget:${spi}`)
    this.#takeover.onArrived(spi, now)
    delete child.unproven
    if (child.state !== 'replaced') return
    const next = [...n.children.values()].find((c) => c.name === child.name && c.unproven !== undefined)
    if (next === undefined) return
    next.unproven?.()
    n.note(`the peer still sends with the old keys of ${next.name}; new ones are asked for`)
    this.#renewChild(next, now)
  }

  /** What the peer does not use from now on goes, and is said to go. */
  forgetUnused(now: Millis): void {
    const { n } = this.#e
    for (const spi of n.children.keys()) {
      n.act({ do: 'watchInbound', spi: spi as EspSpi })
      n.setTimer(`child-forget:${spi}`, asMillis(now + CHOICE.lingerMs))
    }
  }

  /** `net`, then `net-2` and so on. */
  freshName(): string {
    this.#names++
    return this.#names === 1 ? 'net' : `net-${this.#names}`
  }

  /** A quick mode of the peer is complete. */
  onChild(child: ChildSa, renews: ChildSa | undefined, now: Millis): void {
    const { n } = this.#e
    for (const one of n.children.values()) {
      if (one === child || one.name !== child.name || one.state === 'replaced') continue
      this.#takeover.overtaken(one)
      if (one.ours || one.pendingOutbound === undefined) this.#replaced(one, CHOICE.longLingerMs, now)
    }
    if (renews !== undefined) n.rekeys.child++
    if (n.state === 'connected') return
    n.state = 'connected'
    n.step = ''
    n.configuration = NO_CONFIGURATION
    n.act({ do: 'established', configuration: NO_CONFIGURATION, selectors: child.selectors })
  }

  /** Forgets a pair of ESP SAs. */
  remove(child: ChildSa, now: Millis): void {
    const { n } = this.#e
    if (!n.children.delete(child.inboundSpi)) return
    for (const timer of ['child-rekey', 'child-linger', 'child-forget'])
      n.clearTimer(`${timer}:${child.inboundSpi}`)
    this.#takeover.onRemoved(child, now)
    n.act({ do: 'removeInbound', spi: child.inboundSpi })
    if (child.pendingOutbound === undefined) n.act({ do: 'removeOutbound', spi: child.outboundSpi })
    closePending(child)
  }

  /**
   * The peer deleted pairs of ESP SAs. Without any, present or to come, there is no connection to speak of: as a client
   * we ask for the same once more, and leave when that one goes as quickly.
   */
  onDeleted(deleted: readonly ChildSa[], now: Millis): void {
    const { n } = this.#e
    const last = deleted.findLast((child) => child.state !== 'replaced') ?? deleted.at(-1)
    if (last === undefined || n.state !== 'connected' || n.children.size > 0 || !n.initiated) return
    if (this.#e.exchanges.has(QUICK_MODE)) return
    if (now - last.establishedAt < CHOICE.steadyMs)
      return this.#e.leave({ kind: 'closedByGateway', reason: 'it closed the tunnel' })
    n.note('the gateway closed the tunnel; it is asked for once more')
    beginQuick(
      this.#e,
      {
        name: last.name,
        selectors: last.selectors,
        onDone: () => {},
        onFailed: () => this.#e.leave({ kind: 'closedByGateway', reason: 'it closed the tunnel' }),
      },
      now,
    )
  }

  /**
   * The same traffic, with new keys. The old SAs take packets until they are deleted. While phase 1 is renewed it waits:
   * the peer may be leaving the ISAKMP SA that it would go by. RFC 2409 §5.5
   */
  #renewChild(child: ChildSa, now: Millis): void {
    const { n } = this.#e
    if (child.state !== 'installed' || child.pendingOutbound !== undefined) return
    child.waits = this.#e.renewing ? (child.waits ?? 0) + 1 : 0
    if (child.waits > 0 && child.waits <= CHOICE.afterPhase1Tries)
      return n.setTimer(`child-rekey:${child.inboundSpi}`, asMillis(now + CHOICE.afterPhase1Ms))
    child.state = 'renewing'
    beginQuick(
      this.#e,
      {
        name: child.name,
        selectors: child.asked ?? child.selectors,
        renews: child,
        onDone: (fresh, at, withdraw) => {
          n.rekeys.child++
          if (!n.children.has(child.inboundSpi)) return
          if (fresh.pendingOutbound === undefined) return this.#replaced(child, CHOICE.lingerMs, at)
          this.#takeover.begin(fresh, this.#sending(child), withdraw, at)
        },
        onFailed: (error, at) => {
          n.note(`quick mode could not renew ${child.name}: ${error.kind}`)
          if (!n.children.has(child.inboundSpi)) return
          child.state = 'installed'
          n.setTimer(`child-rekey:${child.inboundSpi}`, asMillis(at + CHOICE.retryMs))
        },
      },
      now,
    )
  }

  /** The pair of the same traffic that we send with: the peer may have renewed this one before we had. */
  #sending(child: ChildSa): ChildSa {
    const same = [...this.#e.n.children.values()].filter((c) => c.name === child.name)
    return same.findLast((c) => c.state !== 'replaced' && c.pendingOutbound === undefined) ?? child
  }

  #taken(fresh: ChildSa, old: ChildSa, unproven: Withdraw | undefined, now: Millis): void {
    const { n } = this.#e
    startSending(n, fresh)
    if (unproven !== undefined) fresh.unproven = unproven
    if (n.children.has(old.inboundSpi))
      this.#replaced(old, unproven === undefined ? CHOICE.lingerMs : CHOICE.unprovenLingerMs, now)
  }

  /** Once: whoever sends with the old one at its very end has to be shown the new one. */
  #notTaken(fresh: ChildSa, old: ChildSa, now: Millis): void {
    const { n } = this.#e
    if (old.doubted === true) return this.#taken(fresh, old, undefined, now)
    old.doubted = true
    n.note(`the peer has not taken the new keys of ${old.name}; they are asked for once more`)
    this.#delete(fresh, now)
    old.state = 'installed'
    this.#renewChild(old, now)
  }

  #replaced(child: ChildSa, lingerMs: number, now: Millis): void {
    child.state = 'replaced'
    this.#e.n.clearTimer(`child-rekey:${child.inboundSpi}`)
    this.#e.n.setTimer(`child-linger:${child.inboundSpi}`, asMillis(now + lingerMs))
  }

  #delete(child: ChildSa, now: Millis): void {
    this.#e.inform(this.#e.current, deleteChildren([child]))
    this.remove(child, now)
  }
}
