import { asMillis, type Millis } from '../../bytes/brands.ts'
import type { VpnError } from '../../errors.ts'
import type { SelectorPair } from '../../esp/engine.ts'
import { ExchangeType, NotifyType } from '../../iana/ikev1.ts'
import type { Message } from '../../wire/ikev1/message.ts'
import type { Payload } from '../../wire/ikev1/payload.ts'
import type { AssignedConfiguration, Datagram, IkeEvent, State, Step } from '../session.ts'
import { spiBytes } from '../v2/payloads.ts'
import { ourProof } from '../v2/proof.ts'
import { selectorOfAddress } from '../v2/selectors.ts'
import { configurationRequest } from './configuration.ts'
import { deleteChildren, deleteSa, onInformational } from './exchanges/informational.ts'
import { answerQuick, beginQuick, QUICK_MODE } from './exchanges/quick-mode.ts'
import {
  answerTransaction,
  confirmConfiguration,
  MODE_CONFIG,
  pullConfiguration,
  requestXauth,
} from './exchanges/transaction.ts'
import { type ExchangeAsked, type ExchangeAwaited, Exchanges } from './exchanges.ts'
import type { IsakmpSa, Opened } from './isakmp-sa.ts'
import { Liveness } from './liveness.ts'
import { methodOf } from './methods.ts'
import { type ChildSa, closePending, type Negotiation, type PeerFacts } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { notifyName } from './payloads.ts'
import { Renewal } from './renewal.ts'

/**
 * Phase 1 stands. What follows in the order of IKEv1: XAuth, configuration, quick modes; then both ends may begin
 * an exchange at any time. RFC 2409 §5.5 – §5.7
 */
export class Established implements State {
  readonly name = 'Established'
  readonly n: Negotiation
  /** The current ISAKMP SA and those on their way out. */
  readonly sas: IsakmpSa[]
  readonly #exchanges: Exchanges
  readonly #renewal: Renewal
  readonly #liveness: Liveness
  /** Pairs of selectors that no quick mode was begun for yet. */
  #wanted: SelectorPair[] = []
  #names = 0
  /** A configuration that came unasked, and whether it is our turn to have one. */
  #pushed: AssignedConfiguration | undefined
  #configuring = false
  #over = false

  constructor(n: Negotiation, sa: IsakmpSa, now: Millis) {
    this.n = n
    this.sas = [sa]
    n.current = sa
    this.#exchanges = new Exchanges(n)
    this.#renewal = new Renewal(this)
    this.#liveness = new Liveness(this, now)
  }

  get current(): IsakmpSa {
    return this.n.current!
  }

  /** What comes after phase 1. */
  begin(now: Millis): Step {
    const { n } = this
    n.state = 'phase2'
    this.#startTimers(now)
    const xauth =
      methodOf(this.current.suite.authentication).xauth !== false ? n.config.ikev1?.xauth : undefined
    if (xauth?.role === 'gateway') requestXauth(this, xauth, now)
    else if (xauth !== undefined) this.#await('waiting for the gateway to ask who you are', now)
    else if (n.initiated) this.#configure(now)
    return this.done()
  }

  done(): Step {
    return { next: this.#over ? OVER : this, actions: this.n.take() }
  }

  handle(event: IkeEvent, now: Millis): Step {
    switch (event.type) {
      case 'datagram':
        this.#onDatagram(event.datagram, now)
        break
      case 'timer':
        this.#onTimer(event.timer, now)
        break
      case 'command':
        if (event.command.type === 'disconnect') this.leave(undefined)
        if (event.command.type === 'rekeyIke') this.#renewal.begin(now)
        if (event.command.type === 'probe') this.#liveness.ask(now)
        if (event.command.type === 'rekeyChild') {
          const { child: name } = event.command
          for (const child of [...this.n.children.values()])
            if (name === undefined || child.name === name) this.#renewChild(child, now)
        }
        break
      case 'failed':
        this.leave(event.error)
        break
      case 'softLimit': {
        const child = [...this.n.children.values()].find(
          (c) => c.outboundSpi === event.spi || c.inboundSpi === event.spi,
        )
        if (child !== undefined) this.#renewChild(child, now)
        break
      }
      case 'traffic':
        if (event.inbound) this.#liveness.alive(now)
        break
      case 'answered':
        this.#renewal.onAnswer(event.id, event.answer, now)
        break
      case 'pathOpen':
        break
    }
    return this.done()
  }

  // What the exchanges ask of us.

  /** Begins an exchange: says its first message until the second comes. */
  ask(sa: IsakmpSa, exchange: ExchangeAsked, now: Millis): void {
    if (!this.#over) this.#exchanges.ask(sa, exchange, now)
  }

  /** Goes on with an exchange of the peer: says our message until the next comes. */
  await(sa: IsakmpSa, exchange: ExchangeAwaited, now: Millis): void {
    this.#exchanges.await(sa, exchange, now)
  }

  /** An Informational: one way, never repeated. RFC 2409 §5.7 */
  inform(sa: IsakmpSa, payloads: readonly Payload[]): void {
    const messageId = this.#exchanges.freshId()
    this.n.send(sa.seal(ExchangeType.INFORMATIONAL.id, messageId, payloads, false))
    sa.finish(messageId)
  }

  /** `net`, then `net-2` and so on. */
  freshName(): string {
    this.#names++
    return this.#names === 1 ? 'net' : `net-${this.#names}`
  }

  /** XAuth has ended. */
  onXauthStatus(ok: boolean, now: Millis): void {
    const { n } = this
    n.clearTimer('gateway-turn')
    if (!ok) return this.leave({ kind: 'authFailed', who: n.initiated ? 'us' : 'gateway', method: 'xauth' })
    // Asked again on a renewed SA, we have all the rest already.
    if (n.initiated && n.state === 'phase2' && n.children.size === 0 && this.#wanted.length === 0)
      return this.#configure(now)
    this.#confirm(now)
  }

  /** What we asked for. */
  onConfiguration(configuration: AssignedConfiguration, now: Millis): void {
    this.#configuring = false
    if (configuration.addresses.length === 0) return this.leave({ kind: 'noAddress' })
    this.n.configuration = configuration
    this.#connect(configuration, now)
  }

  /** What the gateway gives on its own: as good as an answer, where we want one. draft-dukes-ike-mode-cfg §3.4 */
  onPushed(configuration: AssignedConfiguration, now: Millis): void {
    const { n } = this
    if (n.configuration !== undefined || this.#wanted.length > 0 || configuration.addresses.length === 0)
      return n.note('the gateway offers a configuration once more; what stands stays')
    // Some gateways push before XAuth has ended: it waits until the client may go on.
    this.#pushed = configuration
    if (!this.#configuring) return
    this.#exchanges.cancel(MODE_CONFIG)
    this.onConfiguration(configuration, now)
  }

  /** A quick mode of the peer is complete. */
  onChild(child: ChildSa, renews: ChildSa | undefined, now: Millis): void {
    const { n } = this
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
  removeChild(child: ChildSa): void {
    const { n } = this
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
  onChildrenDeleted(deleted: readonly ChildSa[], now: Millis): void {
    const { n } = this
    const last = deleted.findLast((child) => child.state !== 'replaced') ?? deleted.at(-1)
    if (last === undefined || n.state !== 'connected' || n.children.size > 0 || !n.initiated) return
    if (this.#exchanges.has(QUICK_MODE)) return
    if (now - last.establishedAt < CHOICE.steadyMs)
      return this.leave({ kind: 'closedByGateway', reason: 'it closed the tunnel' })
    n.note('the gateway closed the tunnel; it is asked for once more')
    beginQuick(
      this,
      {
        name: last.name,
        selectors: last.selectors,
        onDone: () => {},
        onFailed: () => this.leave({ kind: 'closedByGateway', reason: 'it closed the tunnel' }),
      },
      now,
    )
  }

  /** The peer deleted an ISAKMP SA. */
  onSaDeleted(sa: IsakmpSa, now: Millis): void {
    if (sa !== this.current) return this.#drop(sa, now)
    this.#finish({ kind: 'closedByGateway', reason: 'it deleted the ISAKMP SA' })
  }

  /** The peer refuses something of ours, and has proved that it is the peer. */
  onRefusal(type: number, now: Millis): void {
    // In aggressive mode the gateway judges us when we are done already.
    if (this.n.state === 'phase2' && type === NotifyType.AUTHENTICATION_FAILED.id)
      return this.#finish({ kind: 'authFailed', who: 'us', method: ourProof(this.n.config).method })
    const failed = this.#exchanges.refuse()
    if (failed === undefined) return
    const error: VpnError =
      type === NotifyType.NO_PROPOSAL_CHOSEN.id
        ? { kind: 'noProposalChosen', phase: 2, offered: failed.offered?.() ?? [] }
        : { kind: 'refused', exchange: failed.label, notify: notifyName(type) }
    failed.onFailed(error, now)
  }

  /** The answer to a query, if it is to the latest. RFC 3706 §5.4 */
  onAlive(sequence: number, now: Millis): void {
    this.#liveness.onAnswer(sequence, now)
  }

  /** Says goodbye and is gone: nothing of it is answered. RFC 2408 §3.15 */
  leave(error: VpnError | undefined): void {
    if (this.#over) return
    const spis = [...this.n.children.values()].map((child) => spiBytes(child.inboundSpi))
    if (spis.length > 0) this.inform(this.current, [deleteChildren(spis)])
    this.inform(this.current, [deleteSa(this.current)])
    this.#finish(error)
  }

  /** The peer is gone: nobody is there to say goodbye to. */
  onDead(error: VpnError): void {
    this.#finish(error)
  }

  #finish(error: VpnError | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#renewal.close()
    for (const sa of this.sas) sa.close()
    this.n.finish(error)
  }

  // After phase 1.

  #await(step: string, now: Millis): void {
    this.n.step = step
    this.n.setTimer('gateway-turn', asMillis(now + CHOICE.gatewayTurnMs))
  }

  #configure(now: Millis): void {
    const { requestAddresses } = this.n.config
    if (this.#pushed !== undefined) return this.onConfiguration(this.#pushed, now)
    this.#configuring = true
    if (requestAddresses.ipv4 || requestAddresses.ipv6)
      return pullConfiguration(this, configurationRequest(requestAddresses), now)
    this.#connect(undefined, now)
  }

  /** One quick mode for each pair of ours and theirs, one after the other. */
  #connect(configuration: AssignedConfiguration | undefined, now: Millis): void {
    const { config } = this.n
    const own =
      configuration === undefined
        ? config.localSelectors
        : configuration.addresses.map((cidr) => selectorOfAddress(cidr.split('/')[0]!))
    this.#wanted = own.flatMap((local) =>
      config.remoteSelectors
        .filter((remote) => remote.type === local.type)
        .map((remote) => ({ local: [local], remote: [remote] })),
    )
    this.#nextQuick(now)
  }

  #nextQuick(now: Millis): void {
    const { n } = this
    const selectors = this.#wanted.shift()
    if (selectors === undefined) return this.#connected()
    n.step = 'waiting for the answer to quick mode'
    beginQuick(
      this,
      {
        name: this.freshName(),
        selectors,
        onDone: (_, at) => this.#nextQuick(at),
        onFailed: (error) => this.leave(error),
      },
      now,
    )
  }

  #connected(): void {
    const { n } = this
    const children = [...n.children.values()]
    if (children.length === 0) return this.leave({ kind: 'selectorsUnacceptable', asked: [] })
    n.state = 'connected'
    n.step = ''
    n.configuration ??= NO_CONFIGURATION
    const selectors = {
      local: children.flatMap((c) => c.selectors.local),
      remote: children.flatMap((c) => c.selectors.remote),
    }
    n.act({ do: 'established', configuration: n.configuration, selectors })
  }

  // Time.

  #startTimers(now: Millis): void {
    const { n } = this
    const after = n.renewAfterMs(this.current.lifeSeconds, n.config.lifetimes.ikeRekeySeconds)
    n.ikeRekeyAt = asMillis(now + after)
    n.setTimer('ike-rekey', n.ikeRekeyAt)
    this.#liveness.start(now)
  }

  #onTimer(timer: string, now: Millis): void {
    const { n } = this
    const [what, key] = timer.split(':')
    switch (what) {
      case 'exchange':
        return this.#exchanges.onTimer(Number(key), now)
      case 'gateway-turn':
        return this.leave({ kind: 'noAnswer', exchange: 'XAuth', tries: 1 })
      case 'child-rekey': {
        const child = n.children.get(Number(key))
        if (child !== undefined) this.#renewChild(child, now)
        return
      }
      case 'child-linger':
        return this.#onChildLinger(Number(key))
      case 'ike-rekey':
        return this.#renewal.begin(now)
      case 'renewal':
        return this.#renewal.onTimer(now)
      case 'sa-linger': {
        const sa = this.sas.find((s) => s.name === key)
        if (sa === undefined || sa === this.current) return
        this.inform(sa, [deleteSa(sa)])
        return this.#drop(sa, now)
      }
      case 'dpd':
      case 'dpd-wait':
      case 'keepalive':
        return this.#liveness.onTimer(what, now)
    }
  }

  // Renewal.

  /** The same traffic, with new keys. The old SAs take packets until they are deleted. RFC 2409 §5.5 */
  #renewChild(child: ChildSa, now: Millis): void {
    const { n } = this
    if (child.state !== 'installed' || child.pendingOutbound !== undefined) return
    child.state = 'renewing'
    beginQuick(
      this,
      {
        name: child.name,
        selectors: child.selectors,
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
    this.n.clearTimer(`child-rekey:${child.inboundSpi}`)
    this.n.setTimer(`child-linger:${child.inboundSpi}`, asMillis(now + lingerMs))
  }

  #onChildLinger(spi: number): void {
    const child = this.n.children.get(spi)
    if (child === undefined) return
    this.inform(this.current, [deleteChildren([spiBytes(child.inboundSpi)])])
    this.removeChild(child)
  }

  /** Another ISAKMP SA carries on; ESP SAs stay as they are. */
  adopt(sa: IsakmpSa, facts: PeerFacts, now: Millis): void {
    const { n } = this
    const old = this.current
    old.state = 'replaced'
    this.sas.push(sa)
    n.current = sa
    n.facts = facts
    n.rekeys.ike++
    const xauth = methodOf(sa.suite.authentication).xauth !== false ? n.config.ikev1?.xauth : undefined
    if (xauth?.role === 'gateway') requestXauth(this, xauth, now)
    else if (xauth === undefined) this.#confirm(now)
    this.#startTimers(now)
    const linger = sa.initiator ? CHOICE.lingerMs : CHOICE.longLingerMs
    n.setTimer(`sa-linger:${old.name}`, asMillis(now + linger))
  }

  /**
   * A gateway that began a new phase 1 itself may have forgotten which address goes with it, and then takes no quick mode
   * for that: it is asked for the very address we have.
   */
  #confirm(now: Millis): void {
    const { n } = this
    const had = n.configuration?.addresses ?? []
    if (!n.initiated || this.current.initiator || had.length === 0) return
    confirmConfiguration(this, configurationRequest(n.config.requestAddresses, had), had, now)
  }

  #drop(sa: IsakmpSa, now: Millis): void {
    const at = this.sas.indexOf(sa)
    if (at < 0 || sa === this.current) return
    this.sas.splice(at, 1)
    this.n.clearTimer(`sa-linger:${sa.name}`)
    this.#exchanges.forget(sa, now)
    sa.close()
  }

  // What arrives.

  #onDatagram(datagram: Datagram, now: Millis): void {
    const received = this.n.receive(datagram.bytes, now)
    if (!received.ok) {
      if (received.why !== undefined) this.n.note(`dropped a message: ${received.why}`)
      return
    }
    const { bytes, message } = received
    const sa = this.sas.find((s) => s.isOf(message.header))
    if (sa !== undefined) return this.#onMessage(sa, message, { ...datagram, bytes }, now)
    this.#renewal.onMessage(message, bytes, now)
  }

  #onMessage(sa: IsakmpSa, message: Message, { bytes, local, remote }: Datagram, now: Millis): void {
    const { n } = this
    const before = sa.recall(bytes)
    if (before !== undefined) {
      if (before.answer !== undefined) n.send(before.answer, true)
      return
    }
    // Nothing unprotected changes anything any more, whatever it claims.
    const known = this.#exchanges.find(sa, message.header.messageId)
    const open = sa.open(bytes, message, known?.ours === true)
    if (open.outcome === 'dropped') return n.note(`dropped a message: ${open.why}`)
    if (open.outcome === 'noise') return n.note(`dropped a message: ${open.error.message}`)
    const { opened } = open
    const taken =
      known === undefined
        ? this.#onFresh(sa, bytes, opened, now)
        : this.#exchanges.onMessage(known, bytes, opened, now)
    if (!taken) return n.note('dropped a message whose hash does not fit')
    n.observe(opened.observed)
    n.lastWord = undefined
    this.#liveness.alive(now)
    // Who is behind no NAT follows the other, who may be. RFC 3947 §6
    if (!n.facts.nat.us && !this.#over) {
      n.local = local
      n.remote = remote
    }
  }

  /** The first message of an exchange that the peer begins. */
  #onFresh(sa: IsakmpSa, bytes: Uint8Array, opened: Opened, now: Millis): boolean {
    const { exchange, messageId } = opened.header
    if (exchange === ExchangeType.INFORMATIONAL.id) {
      if (!opened.hashFits()) return false
      opened.accept()
      sa.finish(messageId)
      sa.remember(bytes, undefined)
      onInformational(this, sa, opened.chain.payloads.slice(1), now)
      return true
    }
    if (this.#exchanges.full) return false
    if (exchange === ExchangeType.TRANSACTION.id) return answerTransaction(this, sa, bytes, opened, now)
    if (exchange !== ExchangeType.QUICK.id) return false
    const taken = answerQuick(this, sa, opened, now)
    if (taken) sa.remember(bytes, this.#exchanges.find(sa, messageId)?.message)
    return taken
  }
}

const NO_CONFIGURATION: AssignedConfiguration = { addresses: [], dnsServers: [], subnets: [], dnsDomains: [] }

const OVER: State = {
  name: 'Closed',
  handle: () => ({ next: OVER, actions: [] }),
}
