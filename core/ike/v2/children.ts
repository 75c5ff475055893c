import { asMillis, type EspSpi, type Millis } from '../../bytes/brands.ts'
import { closeSa, type SelectorPair } from '../../esp/engine.ts'
import type { ChildSa } from './child-sa.ts'
import type { Established } from './established.ts'
import { deleteChild } from './exchanges/delete-child.ts'
import { createChild, type WantedChild } from './exchanges/new-child.ts'
import { rekeyChild } from './exchanges/rekey-child.ts'
import type { IkeSa } from './ike-sa.ts'
import { CHOICE } from './numbers.ts'
import { describeSelector, intersect, selectorOfAddress, selectorOfCidr } from './selectors.ts'
import { endsOf, wantsTransport } from './transport-mode.ts'

/** The CHILD_SAs of one connection: what may be done with each, what follows when one goes, and which are missing. */
export class Children {
  readonly #e: Established
  /** Missing ones, by name: asked for, about to be, or waiting for the first packet that needs them. */
  readonly #wanted = new Map<string, WantedChild>()
  #begun = false
  #trafficAt: Millis | undefined
  #count = 1

  constructor(e: Established) {
    this.#e = e
  }

  begin(now: Millis): void {
    this.#begun = true
    this.#trafficAt = now
  }

  /** The most a CHILD_SA of this connection may carry: what IKE_AUTH spoke of. RFC 7296 §2.9 */
  get bounds(): SelectorPair {
    const { config, initiated, configuration, assigned } = this.#e.n
    if (initiated && wantsTransport(config)) return endsOf(this.#e.n)
    if (!initiated) return { local: config.localSelectors, remote: assigned ?? config.remoteSelectors }
    const addresses = configuration?.addresses ?? []
    const own = addresses.map((cidr) => selectorOfAddress(cidr.split('/')[0]!))
    return { local: own.length > 0 ? own : config.localSelectors, remote: config.remoteSelectors }
  }

  /** There has been none yet. */
  get none(): boolean {
    return !this.#begun
  }

  /** How many carry packets, or will as soon as the peer answers. */
  get live(): number {
    const alive = [...this.#e.n.children.values()].filter(
      (c) => c.state !== 'replaced' && c.state !== 'deleting',
    )
    const asked = [...this.#wanted.values()].filter((w) => w.asked === true)
    return new Set([...alive, ...asked].map((c) => c.name)).size
  }

  freshName(): string {
    return `net-${++this.#count}`
  }

  // Asking for more, and for lost ones again

  want(wanted: WantedChild, now: Millis): void {
    this.#wanted.set(wanted.name, wanted)
    createChild(this.#e, wanted, now)
  }

  /**
   * Networks that the gateway left out of its answer are asked for one by one: some (FortiGate, Cisco ASA) take one pair
   * of networks for each CHILD_SA. RFC 7296 §2.9
   */
  askForRest(given: SelectorPair, now: Millis): void {
    const { local, remote } = this.bounds
    const { moreSelectors, configuration } = this.#e.n
    // Who asked for everything in one may learn of the networks by CP.
    const listed = moreSelectors
      ? (configuration?.subnets ?? []).flatMap((cidr) => selectorOfCidr(cidr) ?? [])
      : []
    const known = remote.length < 2 ? intersect(remote, listed) : remote
    const missing = known.filter((one) => intersect([one], given.remote).length === 0)
    for (const one of missing.slice(0, CHOICE.mostChildren - 1)) {
      this.#e.n.note(`the gateway left out ${describeSelector(one)}: asking for it by itself`)
      this.want({ name: this.freshName(), selectors: { local, remote: [one] }, since: now, rest: true }, now)
    }
  }

  /** The peer takes one pair of networks for each CHILD_SA, so each is asked for. → whether that is less than it was. RFC 7296 §2.9 */
  split(wanted: WantedChild, now: Millis): boolean {
    const { local, remote } = wanted.selectors
    const pairs = local.flatMap((ours) =>
      remote.flatMap((theirs) => (ours.type === theirs.type ? [{ local: [ours], remote: [theirs] }] : [])),
    )
    const [first, ...others] = pairs
    if (first === undefined || local.length * remote.length < 2) return false
    this.#e.n.note('the gateway takes one pair of networks for each tunnel: asking for them one by one')
    this.want({ ...wanted, selectors: first }, now)
    for (const selectors of others.slice(0, CHOICE.mostChildren - 1))
      this.want({ name: this.freshName(), selectors, since: now, rest: true }, now)
    return true
  }

  /** One of {@link askForRest} is there: the connection is for more networks than it was. */
  restOpened(): void {
    const { n } = this.#e
    const pairs = [...n.children.values()]
      .filter((child) => child.state === 'installed')
      .map(({ selectors }) => selectors)
    const [first, ...others] = pairs
    if (first === undefined || n.configuration === undefined) return
    const remote = [first, ...others].flatMap((pair) => pair.remote)
    n.act({ do: 'established', configuration: n.configuration, selectors: { local: first.local, remote } })
  }

  isWanted(wanted: WantedChild): boolean {
    return this.#wanted.get(wanted.name) === wanted
  }

  /** The missing one that a request of the peer would make. */
  missing(): WantedChild | undefined {
    return [...this.#wanted.values()].find((w) => w.asked !== true)
  }

  /** Some are asked for, or about to be. */
  get awaited(): boolean {
    return [...this.#wanted.values()].some((w) => w.asleep !== true)
  }

  /** Others than the first are asked for already. */
  get awaitedMore(): boolean {
    return [...this.#wanted.values()].some((w) => w.rest === true)
  }

  /** It is there, or will never be. */
  settle(wanted: WantedChild, now: Millis): void {
    if (this.isWanted(wanted)) this.#wanted.delete(wanted.name)
    this.#e.renewal.retire(now)
    this.#e.n.clearTimer(`child-create:${wanted.name}`)
    const { n } = this.#e
    if (n.state !== 'phase2' || n.children.size === 0) return
    n.state = 'connected'
    n.step = ''
  }

  /**
   * The peer has deleted one, and nothing replaces it. While packets flow it was not meant that way (its lifetime
   * ended, say): ask for it again at once. Else the gateway saves its strength: the next packet asks. RFC 7296 §2.25
   */
  lost(child: ChildSa, now: Millis): void {
    const e = this.#e
    const { n } = e
    const replaced = [...n.children.values()].some((c) => c.name === child.name && c.state !== 'deleting')
    if (!n.initiated || e.leaving || replaced || this.#wanted.has(child.name)) return
    // What is closed as soon as it is made is not wanted there.
    if (child.remade === true && now - child.establishedAt < CHOICE.shortLifeMs) return
    const wanted: WantedChild = { name: child.name, selectors: child.selectors, remade: true, since: now }
    n.note('the peer closed a CHILD_SA')
    if (n.children.size === 0) n.state = 'phase2'
    if (this.#trafficAt !== undefined && now - this.#trafficAt < CHOICE.inUseMs) {
      n.step = 'asking for the tunnel again'
      return this.want(wanted, now)
    }
    n.step = 'asleep: the gateway closed the tunnel, the next packet opens it again'
    this.#wanted.set(wanted.name, { ...wanted, asleep: true })
  }

  /** `unserved`: packets that found no CHILD_SA. */
  onTraffic(
    traffic: { readonly inbound: boolean; readonly outbound: boolean; readonly unserved?: boolean },
    now: Millis,
  ): void {
    if (traffic.inbound || traffic.outbound) this.#trafficAt = now
    if (traffic.unserved !== true) return
    for (const wanted of this.#wanted.values()) {
      if (wanted.asleep !== true) continue
      this.#trafficAt = now
      const { asleep: _, ...awake } = wanted
      this.want({ ...awake, since: now }, now)
    }
  }

  /** All are gone, and none is wanted any more. */
  forget(): void {
    const { n } = this.#e
    for (const name of this.#wanted.keys()) n.clearTimer(`child-create:${name}`)
    this.#wanted.clear()
    for (const spi of n.lingering) {
      n.clearTimer(`inbound-linger:${spi}`)
      n.act({ do: 'removeInbound', spi })
    }
    n.lingering.clear()
  }

  // What the peer may not know of yet

  /** Our answer made it: before the peer's next request nothing says that it has that answer. RFC 7296 §2.3 */
  answered(sa: IkeSa, child: ChildSa, now: Millis): void {
    child.unconfirmed = true
    sa.unconfirmed = child
    this.#e.n.setTimer(`child-known:${child.inboundSpi}`, asMillis(now + CHOICE.lingerMs))
  }

  /** The peer asks something new on this IKE SA, so it has all our answers. */
  confirm(sa: IkeSa, now: Millis): void {
    const child = sa.unconfirmed
    sa.unconfirmed = undefined
    if (child !== undefined) this.#confirmed(child, now)
  }

  #confirmed(child: ChildSa, now: Millis): void {
    const { deferred } = child
    delete child.unconfirmed
    delete child.deferred
    this.#e.n.clearTimer(`child-known:${child.inboundSpi}`)
    if (!this.#e.n.children.has(child.inboundSpi)) return
    if (deferred === 'rekey') rekeyChild(this.#e, child, now)
    if (deferred === 'delete') deleteChild(this.#e, child, now)
  }

  /** Whether this has to wait, because the peer might answer that it knows no such SA. */
  deferred(child: ChildSa, what: 'rekey' | 'delete'): boolean {
    if (child.unconfirmed !== true) return false
    if (child.deferred !== 'delete') child.deferred = what
    return true
  }

  // The end of one

  /** Forgets a CHILD_SA; whatever replaces it sends from now on. */
  remove(child: ChildSa, now: Millis): void {
    const { n } = this.#e
    if (!n.children.delete(child.inboundSpi)) return
    for (const timer of ['child-rekey', 'child-linger', 'child-known'])
      n.clearTimer(`${timer}:${child.inboundSpi}`)
    const ours = child.successorOfOurs?.child
    const oursStays = ours !== undefined && n.children.has(ours.inboundSpi) && ours.state !== 'deleting'
    const theirs = child.successorOfTheirs?.child
    if (theirs !== undefined && theirs.state !== 'deleting' && !oursStays) this.startSending(theirs)
    n.act({ do: 'removeOutbound', spi: child.outboundSpi })
    if (child.pendingOutbound !== undefined) closeSa(child.pendingOutbound)
    if (child.successorOfTheirs === undefined && child.successorOfOurs === undefined)
      return n.act({ do: 'removeInbound', spi: child.inboundSpi })
    // The last packets of the peer may be slower than its Delete.
    n.lingering.add(child.inboundSpi)
    n.setTimer(`inbound-linger:${child.inboundSpi}`, asMillis(now + CHOICE.inboundLingerMs))
  }

  /** The peer should delete this CHILD_SA; if it does not, we shall. */
  expectDelete(child: ChildSa, now: Millis): void {
    this.#e.n.setTimer(`child-linger:${child.inboundSpi}`, asMillis(now + CHOICE.lingerMs))
  }

  /** The peer is ready for this SA: send with it. */
  startSending(child: ChildSa): void {
    const { n } = this.#e
    const sa = child.pendingOutbound
    if (sa === undefined || !n.children.has(child.inboundSpi)) return
    delete child.pendingOutbound
    n.act({ do: 'useOutbound', child: child.name, sa, selectors: child.selectors })
  }

  /** Without a CHILD_SA, present or to come, there is no connection to speak of. */
  check(now: Millis, why = 'it closed the tunnel and does not open it again'): void {
    const { n, leaving } = this.#e
    if (n.children.size > 0 || this.#wanted.size > 0 || !n.initiated || leaving) return
    this.#e.leave({ kind: 'closedByGateway', reason: why }, now)
  }

  /** → whether the timer was one of a CHILD_SA. */
  onTimer(what: string, key: string, now: Millis): boolean {
    const { n } = this.#e
    const child = n.children.get(Number(key))
    switch (what) {
      case 'child-rekey':
        if (child !== undefined) rekeyChild(this.#e, child, now)
        return true
      case 'child-create': {
        const wanted = this.#wanted.get(key)
        if (wanted !== undefined && wanted.asked !== true) createChild(this.#e, wanted, now)
        return true
      }
      case 'child-known':
        if (child !== undefined) this.#confirmed(child, now)
        return true
      case 'child-linger':
        // The peer never deleted what its rekey replaced: we do.
        if (child?.state === 'rekeying') this.expectDelete(child, now)
        else if (child !== undefined) deleteChild(this.#e, child, now)
        return true
      case 'inbound-linger':
        if (n.lingering.delete(Number(key) as EspSpi))
          n.act({ do: 'removeInbound', spi: Number(key) as EspSpi })
        return true
      default:
        return false
    }
  }
}
