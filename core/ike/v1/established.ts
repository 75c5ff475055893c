import { asMillis, type EspSpi, type Millis } from '../../bytes/brands.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType, NotifyType } from '../../iana/ikev1.ts'
import type { Message } from '../../wire/ikev1/message.ts'
import type { Payload } from '../../wire/ikev1/payload.ts'
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { ourProof } from '../v2/proof.ts'
import { Children } from './children.ts'
import { deleteChildren, deleteSa, onInformational } from './exchanges/informational.ts'
import { answerQuick } from './exchanges/quick-mode.ts'
import { answerTransaction } from './exchanges/transaction.ts'
import { requestXauth } from './exchanges/xauth-gateway.ts'
import { type ExchangeAsked, type ExchangeAwaited, Exchanges } from './exchanges.ts'
import type { IsakmpSa, Opened } from './isakmp-sa.ts'
import { Liveness } from './liveness.ts'
import { methodOf } from './methods.ts'
import type { Negotiation, PeerFacts } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { notifyName } from './payloads.ts'
import { Phase2Start } from './phase2-start.ts'
import type { Life } from './phase2-suite.ts'
import { Renewal } from './renewal.ts'
import { XauthClient } from './xauth.ts'

/**
 * Phase 1 stands. What follows in the order of IKEv1: XAuth, configuration, quick modes; then both ends may begin
 * an exchange at any time. RFC 2409 §5.5 – §5.7
 */
export class Established implements State {
  readonly name = 'Established'
  readonly n: Negotiation
  /** The current ISAKMP SA and those on their way out. */
  readonly sas: IsakmpSa[]
  /** XAuth and configuration, and the first quick modes. */
  readonly start: Phase2Start
  readonly children: Children
  /** Where we sign in by XAuth, as a client. */
  readonly xauth: XauthClient | undefined
  readonly exchanges: Exchanges
  readonly #renewal: Renewal
  readonly #liveness: Liveness
  #over = false
  /** What carries on in our place: at another gateway. */
  #elsewhere: State | undefined

  constructor(n: Negotiation, sa: IsakmpSa, now: Millis) {
    this.n = n
    this.sas = [sa]
    n.current = sa
    this.exchanges = new Exchanges(n)
    this.start = new Phase2Start(this)
    this.children = new Children(this)
    const xauth = n.config.ikev1?.xauth
    this.xauth = xauth?.role === 'client' ? new XauthClient(this, xauth) : undefined
    this.#renewal = new Renewal(this)
    this.#liveness = new Liveness(this, now)
  }

  /** Another phase 1 is under way, of ours or of the peer. */
  get renewing(): boolean {
    return this.#renewal.underWay
  }

  get current(): IsakmpSa {
    return this.n.current!
  }

  /** How messages of its ISAKMP SAs name us, those that are being made among them. */
  get ourCookies(): readonly Uint8Array[] {
    const coming = this.#renewal.ourCookie
    return [...this.sas.map((sa) => sa.ourCookie), ...(coming === undefined ? [] : [coming])]
  }

  /** What comes after phase 1. */
  begin(now: Millis): Step {
    const { n } = this
    n.state = 'phase2'
    this.#startTimers(now)
    this.start.begin(now)
    return this.done()
  }

  done(): Step {
    return { next: this.#elsewhere ?? (this.#over ? OVER : this), actions: this.n.take() }
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
        if (event.command.type === 'wake') this.#liveness.askAnew(now)
        if (event.command.type === 'rekeyChild') this.children.renew(event.command.child, now)
        break
      case 'failed':
        this.leave(event.error)
        break
      case 'softLimit':
        this.children.onSoftLimit(event.spi, now)
        break
      case 'arrived':
        this.children.onArrived(event.spi, now)
        break
      case 'traffic':
        if (event.inbound) this.#liveness.alive(now)
        break
      case 'answered':
        if (this.xauth?.onAnswer(event.id, event.answer, now) !== true)
          this.#renewal.onAnswer(event.id, event.answer, now)
        break
      case 'pathOpen':
        break
    }
    if (!this.#over && this.current.usedUp) this.#renewal.beginOnce(this.current, now)
    return this.done()
  }

  // What the exchanges ask of us.

  /** Begins an exchange: says its first message until the second comes. */
  ask(sa: IsakmpSa, exchange: ExchangeAsked, now: Millis): void {
    if (!this.#over) this.exchanges.ask(sa, exchange, now)
  }

  /** Goes on with an exchange of the peer: says our message until the next comes. */
  await(sa: IsakmpSa, exchange: ExchangeAwaited, now: Millis): void {
    this.exchanges.await(sa, exchange, now)
  }

  /** An Informational: one way, never repeated. RFC 2409 §5.7 */
  inform(sa: IsakmpSa, payloads: readonly Payload[]): void {
    const messageId = this.exchanges.freshId()
    this.n.send(sa.seal(ExchangeType.INFORMATIONAL.id, messageId, payloads, false))
    sa.finish(messageId)
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
    const failed = this.exchanges.refuse()
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
    const children = [...this.n.children.values()]
    if (children.length > 0) this.inform(this.current, deleteChildren(children))
    this.inform(this.current, [deleteSa(this.current)])
    this.#finish(error)
  }

  /** The peer will not keep this ISAKMP SA as long as was agreed. */
  onPhase1Lifetime(sa: IsakmpSa, life: Partial<Life>, now: Millis): void {
    if (sa.shorten(life) && sa === this.current) this.#startRenewal(now)
  }

  /**
   * The gateway is busy and names another, which has to be whom we wanted all the same. Only before there is anything to
   * lose. Of Cisco
   */
  onSentOn(address: string): void {
    const { n } = this
    const begin = n.startOver
    if (begin === undefined || n.state !== 'phase2' || n.children.size > 0) return
    if (n.config.redirect !== true)
      return n.note(`the gateway would send us to ${address}; the profile forbids it`)
    if (++n.redirects > CHOICE.mostRedirects) return this.leave(CIRCLE)
    n.note(`the gateway sends us to ${address}`)
    this.inform(this.current, [deleteSa(this.current)])
    this.#over = true
    this.#close()
    this.#elsewhere = n.beginAt(address, begin)
  }

  /** The peer is gone: nobody is there to say goodbye to. */
  onDead(error: VpnError): void {
    this.#finish(error)
  }

  #finish(error: VpnError | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#close()
    this.n.finish(error)
  }

  #close(): void {
    this.#renewal.close()
    this.xauth?.close()
    for (const sa of this.sas) sa.close()
  }

  // Time.

  #startTimers(now: Millis): void {
    this.#startRenewal(now)
    this.#liveness.start(now)
  }

  #startRenewal(now: Millis): void {
    const { n, current } = this
    const after = n.renewAfterMs(current.lifeSeconds, n.config.lifetimes.ikeRekeySeconds)
    n.ikeRekeyAt = asMillis(Math.max(now, current.establishedAt + after))
    n.setTimer('ike-rekey', n.ikeRekeyAt)
  }

  #onTimer(timer: string, now: Millis): void {
    const [what, key] = timer.split(':')
    switch (what) {
      case 'exchange':
        return this.exchanges.onTimer(Number(key), now)
      case 'gateway-turn':
        return this.leave({ kind: 'noAnswer', exchange: 'XAuth', tries: 1 })
      case 'question':
        return this.xauth?.onTimeout()
      case 'child-rekey':
      case 'child-linger':
      case 'child-takeover':
      case 'child-forget':
        return this.children.onTimer(what, Number(key) as EspSpi, now)
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

  /** Another ISAKMP SA carries on; ESP SAs stay as they are. */
  adopt(sa: IsakmpSa, facts: PeerFacts, now: Millis): void {
    const { n } = this
    const old = this.current
    old.state = 'replaced'
    this.xauth?.begin()
    this.sas.push(sa)
    n.current = sa
    n.facts = facts
    n.rekeys.ike++
    if (facts.initialContact && !n.initiated) this.#forgetAll(now)
    const xauth = methodOf(sa.suite.authentication).xauth !== false ? n.config.ikev1?.xauth : undefined
    if (xauth?.role === 'gateway') requestXauth(this, xauth, now)
    else if (xauth === undefined) this.start.confirm(now)
    this.exchanges.moveFrom(old, now)
    this.#startTimers(now)
    const linger = sa.initiator ? CHOICE.lingerMs : CHOICE.longLingerMs
    n.setTimer(`sa-linger:${old.name}`, asMillis(now + linger))
  }

  /**
   * The client has begun anew, and may know nothing of what stood. It may as well: strongSwan says so too when the old
   * ISAKMP SA has ended before the new one stands, and keeps its ESP SAs. RFC 2407 §4.6.3.3
   */
  #forgetAll(now: Millis): void {
    this.children.forgetUnused(now)
    for (const sa of [...this.sas]) this.#drop(sa, now)
  }

  #drop(sa: IsakmpSa, now: Millis): void {
    const at = this.sas.indexOf(sa)
    if (at < 0 || sa === this.current) return
    this.sas.splice(at, 1)
    this.n.clearTimer(`sa-linger:${sa.name}`)
    this.exchanges.forget(sa, now)
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
    const known = this.exchanges.find(sa, message.header.messageId)
    const open = sa.open(bytes, message, known?.ours === true)
    if (open.outcome === 'dropped') return n.note(`dropped a message: ${open.why}`)
    if (open.outcome === 'noise') return n.note(`dropped a message: ${open.error.message}`)
    const { opened } = open
    const { acted } = n
    const taken =
      known === undefined
        ? this.#onFresh(sa, bytes, opened, now)
        : this.exchanges.onMessage(known, bytes, opened, now)
    if (!taken) return n.note('dropped a message whose hash does not fit')
    n.observe(opened.observed, acted)
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
    if (this.exchanges.full) return false
    // Whoever has not signed in gets nothing. draft-beaulieu-ike-xauth
    if (!sa.signedIn) return false
    if (exchange === ExchangeType.TRANSACTION.id) return answerTransaction(this, sa, bytes, opened, now)
    if (exchange !== ExchangeType.QUICK.id) return false
    const taken = answerQuick(this, sa, opened, now)
    if (taken) sa.remember(bytes, this.exchanges.find(sa, messageId)?.message)
    return taken
  }
}

const CIRCLE: VpnError = {
  kind: 'protocol',
  exchange: 'phase 1',
  problem: `it was sent on more than ${CHOICE.mostRedirects} times`,
  reference: 'the load balancing of Cisco',
}

const OVER: State = {
  name: 'Closed',
  handle: () => ({ next: OVER, actions: [] }),
}
