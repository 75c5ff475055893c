import { asMillis, type Millis } from '../../bytes/brands.ts'
import type { Established } from './established.ts'
import { deleteChildren } from './exchanges/informational.ts'
import { beginQuick, limitBytes, QUICK_MODE } from './exchanges/quick-mode.ts'
import { type ChildSa, closePending } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { NO_CONFIGURATION } from './phase2-start.ts'
import type { Life } from './phase2-suite.ts'

/** The pairs of ESP SAs: how they are renewed, and how they go. RFC 2409 §5.5 */
export class Children {
  readonly #e: Established
  #names = 0

  constructor(e: Established) {
    this.#e = e
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

  onTimer(timer: 'child-rekey' | 'child-linger', spi: number, now: Millis): void {
    const child = this.#e.n.children.get(spi)
    if (child === undefined) return
    if (timer === 'child-rekey') this.#renewChild(child, now)
    else this.#onLinger(child)
  }

  /** `net`, then `net-2` and so on. */
  freshName(): string {
    this.#names++
    return this.#names === 1 ? 'net' : `net-${this.#names}`
  }

  /** A quick mode of the peer is complete. */
  onChild(child: ChildSa, renews: ChildSa | undefined, now: Millis): void {
    const { n } = this.#e
    if (renews !== undefined && n.children.has(renews.inboundSpi))
      this.#replaced(renews, CHOICE.longLingerMs, now)
    if (renews !== undefined) n.rekeys.child++
    if (n.state === 'connected') return
    n.state = 'connected'
    n.step = ''
    n.configuration = NO_CONFIGURATION
    n.act({ do: 'established', configuration: NO_CONFIGURATION, selectors: child.selectors })
  }

  /** Forgets a pair of ESP SAs. */
  remove(child: ChildSa): void {
    const { n } = this.#e
    if (!n.children.delete(child.inboundSpi)) return
    n.clearTimer(`child-rekey:${child.inboundSpi}`)
    n.clearTimer(`child-linger:${child.inboundSpi}`)
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

  /** The same traffic, with new keys. The old SAs take packets until they are deleted. RFC 2409 §5.5 */
  #renewChild(child: ChildSa, now: Millis): void {
    const { n } = this.#e
    if (child.state !== 'installed' || child.pendingOutbound !== undefined) return
    child.state = 'renewing'
    beginQuick(
      this.#e,
      {
        name: child.name,
        selectors: child.asked ?? child.selectors,
        renews: child,
        onDone: (_, at) => {
          n.rekeys.child++
          if (n.children.has(child.inboundSpi)) this.#replaced(child, CHOICE.lingerMs, at)
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

  #replaced(child: ChildSa, lingerMs: number, now: Millis): void {
    child.state = 'replaced'
    this.#e.n.clearTimer(`child-rekey:${child.inboundSpi}`)
    this.#e.n.setTimer(`child-linger:${child.inboundSpi}`, asMillis(now + lingerMs))
  }

  #onLinger(child: ChildSa): void {
    this.#e.inform(this.#e.current, deleteChildren([child]))
    this.remove(child)
  }
}
