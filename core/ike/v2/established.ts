import { asMillis, type Millis } from '../../bytes/brands.ts'
import { equal } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import { decodeMessage, type Header } from '../../wire/ikev2/message.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { AssignedConfiguration, Datagram, IkeEvent, State, Step } from '../session.ts'
import type { ChildSa } from './child-sa.ts'
import { Children } from './children.ts'
import { provesCrash } from './crash-detection.ts'
import { onCreateChildRequest } from './exchanges/create-child-sa.ts'
import { deleteChild } from './exchanges/delete-child.ts'
import { onFollowUpRequest } from './exchanges/followup-ke.ts'
import { FIRST_CHILD } from './exchanges/ike-auth.ts'
import { onInformational } from './exchanges/informational.ts'
import { rekeyChild } from './exchanges/rekey-child.ts'
import { rekeyIke } from './exchanges/rekey-ike.ts'
import type { IkeSa, Request } from './ike-sa.ts'
import { Liveness } from './liveness.ts'
import { Mobility, type Path } from './mobility.ts'
import { hexSpi, type Negotiation } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { DELETE_IKE, errorOf, notify, unknownCritical } from './payloads.ts'
import { followRedirect } from './redirect.ts'
import { Renewal } from './renewal.ts'
import { Requests } from './requests.ts'
import { askForTicket } from './resumption.ts'

/**
 * Phase 1 stands. The peer may speak at any time, so our own outstanding exchange is a field of the
 * IKE SA, and what comes of it is its request's business. RFC 7296 §2.1 – §2.8
 */
export class Established implements State {
  readonly name = 'Established'
  readonly n: Negotiation
  /** The current IKE SA and those on their way out. */
  readonly sas: IkeSa[]
  readonly children: Children
  readonly renewal: Renewal
  readonly mobility: Mobility
  readonly liveness: Liveness
  /** Ours, and the window they go out by. */
  readonly requests: Requests
  /** We are saying goodbye, and this is how it will end. */
  #goodbye: { readonly error: VpnError | undefined } | undefined
  #over = false
  /** What carries on in our place. */
  #successor: State | undefined

  constructor(n: Negotiation, sa: IkeSa) {
    this.n = n
    this.sas = [sa]
    this.children = new Children(this)
    this.renewal = new Renewal(this)
    this.mobility = new Mobility(this)
    this.liveness = new Liveness(this)
    this.requests = new Requests(this)
    n.current = sa
  }

  get current(): IkeSa {
    return this.n.current!
  }

  get over(): boolean {
    return this.#over
  }

  get leaving(): boolean {
    return this.#goodbye !== undefined
  }

  /** The first CHILD_SA is installed: timers start. */
  begin(child: ChildSa, configuration: AssignedConfiguration, now: Millis): Step {
    this.startTimers(now)
    this.opened(child, configuration, now)
    return this.done()
  }

  /** The first CHILD_SA, with what was assigned: phase 2 stands. */
  opened(child: ChildSa, configuration: AssignedConfiguration, now: Millis): void {
    const { n } = this
    n.state = 'connected'
    n.step = ''
    this.children.begin(now)
    n.act({ do: 'established', configuration, selectors: child.selectors })
    this.renewal.plan(now)
    if (n.initiated && !this.children.awaitedMore) this.children.askForRest(child.selectors, now)
  }

  /** The IKE SA stands, and we ask for the first CHILD_SA. RFC 6023 §3 */
  beginByAsking(now: Millis): Step {
    const { n } = this
    n.step = 'asking for the tunnel'
    this.beginChildless(now)
    this.children.want({ name: FIRST_CHILD, selectors: this.children.bounds, since: now, first: true }, now)
    return this.done()
  }

  /** The IKE SA stands without a CHILD_SA, which the initiator may still ask for. RFC 7296 §2.21.2, RFC 6023 */
  beginChildless(now: Millis): Step {
    this.n.state = 'phase2'
    this.startTimers(now)
    return this.done()
  }

  /** Those of a fresh IKE SA. */
  startTimers(now: Millis): void {
    const { n } = this
    const { ikeRekeySeconds } = n.config.lifetimes
    n.ikeRekeyAt = ikeRekeySeconds > 0 ? asMillis(now + n.jittered(ikeRekeySeconds * 1000)) : undefined
    if (n.ikeRekeyAt !== undefined) n.setTimer('ike-rekey', n.ikeRekeyAt)
    this.liveness.start(now)
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
        return this.#onCommand(event.command, now)
      case 'failed':
        if (this.mobility.onFailed(event, now)) break
        return this.disconnect(event.error, now)
      case 'pathLost':
        this.mobility.onLost(event.problem, now)
        break
      case 'softLimit': {
        const child = [...this.n.children.values()].find(
          (c) => c.outboundSpi === event.spi || c.inboundSpi === event.spi,
        )
        // Each limit speaks once more while a refused rekey waits for its next try.
        if (child !== undefined && (child.refused === undefined || child.refused.retryAt <= now))
          rekeyChild(this, child, now)
        break
      }
      case 'traffic':
        if (event.inbound) this.liveness.heard(now)
        if (event.unanswered === true) this.liveness.unanswered(now)
        this.children.onTraffic(event, now)
        break
      case 'pathOpen':
        if (!this.mobility.onPathOpen(event, now)) this.renewal.feed(event, now)
        break
      case 'answered':
        this.renewal.feed(event, now)
        break
    }
    return this.done()
  }

  done(): Step {
    return { next: this.#successor ?? (this.#over ? OVER : this), actions: this.n.take() }
  }

  #onCommand(command: Extract<IkeEvent, { type: 'command' }>['command'], now: Millis): Step {
    if (this.leaving) return this.done()
    if (command.type === 'disconnect') return this.disconnect(undefined, now)
    if (command.type === 'rekeyIke') rekeyIke(this, now)
    if (command.type === 'reauthenticate') this.renewal.begin(now)
    if (command.type === 'rekeyChild') {
      for (const child of this.n.children.values()) {
        if (command.child === undefined || child.name === command.child) rekeyChild(this, child, now)
      }
    }
    if (command.type === 'newChild') {
      const selectors = command.selectors ?? this.children.bounds
      this.children.want({ name: this.children.freshName(), selectors, since: now }, now)
    }
    if (command.type === 'closeChild') return this.#closeChild(command.child, now)
    if (command.type === 'wake') this.requests.sendAgain(now)
    if (command.type === 'probe' || command.type === 'wake') this.liveness.probe(now)
    if (command.type === 'move') this.mobility.move(now, command.addresses)
    return this.done()
  }

  #closeChild(name: string, now: Millis): Step {
    const alive = [...this.n.children.values()].filter(
      (c) => c.state !== 'deleting' && c.deferred !== 'delete',
    )
    const named = alive.filter((c) => c.name === name)
    if (named.length > 0 && named.length === alive.length) return this.disconnect(undefined, now)
    for (const child of named) {
      if (child.state === 'rekeying') this.n.note(`${name} is being rekeyed and can not be closed just now`)
      if (child.state === 'installed') deleteChild(this, child, now)
    }
    return this.done()
  }

  /** {@link leave} as the whole of a step. */
  disconnect(error: VpnError | undefined, now: Millis): Step {
    this.leave(error, now)
    return this.done()
  }

  /** Deletes the IKE SA and everything on it. RFC 7296 §1.4.1 */
  leave(error: VpnError | undefined, now: Millis): void {
    this.#sayGoodbye([DELETE_IKE], error, now)
  }

  /** Leaves with other last words than a Delete. */
  leaveWith(payloads: readonly Payload[], error: VpnError | undefined, now: Millis): Step {
    this.#sayGoodbye(payloads, error, now)
    return this.done()
  }

  /** Says a last word, waits shortly for its answer, and is gone. The window lets it out behind an answer still awaited. */
  #sayGoodbye(payloads: readonly Payload[], error: VpnError | undefined, now: Millis): void {
    if (this.leaving) return
    const { n } = this
    n.state = 'disconnecting'
    n.step = 'telling the gateway'
    const sa = this.current
    if (sa.state === 'closed') return this.finish(error)
    sa.queue.length = 0
    const goodbye: Request = {
      label: 'INFORMATIONAL delete',
      exchange: ExchangeType.INFORMATIONAL.id,
      build: () => payloads,
      onReply: () => this.finish(error),
      onSilence: () => this.finish(error),
    }
    this.ask(sa, goodbye, now)
    this.#goodbye = { error }
    n.setTimer('goodbye', asMillis(now + CHOICE.goodbyeMs))
  }

  /** The gateway wants us to be served elsewhere: nothing here stays. RFC 5685 §5 */
  redirect(host: string, now: Millis): void {
    if (this.leaving || this.#over) return
    const { n, current } = this
    if (current.outstanding === undefined)
      n.transmit(current.seal(ExchangeType.INFORMATIONAL.id, current.nextId, false, [DELETE_IKE]))
    this.#over = true
    this.renewal.abandon()
    for (const child of [...n.children.values()]) this.children.remove(child, now)
    this.children.forget()
    for (const sa of this.sas) {
      n.clearTimer(`retransmit:${hexSpi(sa.localSpi)}`)
      n.clearTimer(`ike-linger:${hexSpi(sa.localSpi)}`)
      sa.close()
    }
    for (const timer of ['ike-rekey', 'dpd', 'keepalive', 'reauth', 'move']) n.clearTimer(timer)
    const { next, actions } = followRedirect(n, host, now)
    this.#successor = next
    for (const action of actions) n.act(action)
  }

  /** Everything is over, without another word. Who was leaving anyway has left. */
  finish(error: VpnError | undefined): void {
    if (this.#over) return
    this.#over = true
    for (const sa of this.sas) sa.close()
    this.renewal.abandon()
    this.n.finish(this.#goodbye === undefined ? error : this.#goodbye.error)
  }

  #onTimer(timer: string, now: Millis): void {
    const { n } = this
    if (this.renewal.onTimer(timer, now) || this.mobility.onTimer(timer) || this.liveness.onTimer(timer, now))
      return
    const [what = '', key = ''] = timer.split(':')
    if (this.children.onTimer(what, key, now)) return
    switch (what) {
      case 'retransmit':
        return this.requests.onTimer(key, now)
      case 'ike-linger': {
        const sa = this.sas.find((s) => hexSpi(s.localSpi) === key)
        if (sa !== undefined && sa !== this.current) this.drop(sa, now)
        return
      }
      case 'goodbye':
        return this.finish(undefined)
      case 'ike-rekey':
        return rekeyIke(this, now)
      case 'reauth':
        if (n.initiated) return this.renewal.begin(now)
        return this.leave({ kind: 'closedByGateway', reason: 'the client has not proved itself again' }, now)
    }
  }

  /** Queues a request on an IKE SA; see {@link Requests.ask}. */
  ask(sa: IkeSa, request: Request, now: Millis): void {
    this.requests.ask(sa, request, now)
  }

  #onDatagram(datagram: Datagram, now: Millis): void {
    const { n } = this
    const { bytes, local, remote } = datagram
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) return n.note(`dropped a message: ${decoded.error.message}`)
    const { header } = decoded.value
    const sa = this.sas.find(
      (s) =>
        equal(s.initiatorSpi, header.initiatorSpi) &&
        equal(s.responderSpi, header.responderSpi) &&
        header.initiator === !s.initiator,
    )
    if (sa === undefined && this.renewal.runs) return this.renewal.feed({ type: 'datagram', datagram }, now)
    // Unprotected messages change nothing any more, whatever they claim. RFC 7296 §2.21.4
    if (
      sa?.crashToken !== undefined &&
      sa === this.current &&
      provesCrash(sa, header, decoded.value.payloads)
    )
      return this.finish({
        kind: 'closedByGateway',
        reason: 'it was started anew and has forgotten the tunnel',
      })
    const opened = sa?.open(bytes, decoded.value, now)
    if (sa === undefined || opened === undefined)
      return n.note('dropped a message that belongs to no IKE SA or fails its integrity check')
    n.observe(opened.observed)
    // The same request again gets the same octets again. RFC 7296 §2.1
    if (opened.outcome === 'repeated' && sa.lastReply !== undefined)
      return n.transmit(sa.lastReply, true, { local, remote })
    if (opened.outcome !== 'message') return
    const repeated = header.response
      ? header.messageId !== sa.outstanding?.messageId
      : header.messageId !== sa.expectedId
    // Only a fresh message is a sign of life, and tells where the peer is now, behind its NAT: anybody may send an
    // old one again, from anywhere. RFC 7296 §2.4, §2.23
    if (!repeated) {
      this.liveness.heard(now)
      this.mobility.heard()
      // With MOBIKE it is said, and not guessed. RFC 4555 §3.8
      if (!n.mobike) {
        n.useEnds(local, remote)
      }
    }
    if (!opened.payloads.ok) {
      if (repeated) return
      if (!header.response) this.#reply(sa, header, [notify(NotifyType.INVALID_SYNTAX.id)], datagram)
      const { error } = opened.payloads
      return this.finish({
        kind: 'protocol',
        exchange: 'established',
        problem: `${error.path.join(' / ')}: ${error.problem}`,
        reference: error.reference,
      })
    }
    const payloads = opened.payloads.value
    if (header.response) this.#onResponse(sa, header, payloads, now)
    else this.#onRequest(sa, header, payloads, datagram, now)
  }

  #onResponse(sa: IkeSa, header: Header, payloads: readonly Payload[], now: Millis): void {
    const out = sa.outstanding
    if (out === undefined || out.messageId !== header.messageId || out.request.exchange !== header.exchange)
      return
    this.requests.onAnswered(sa)
    // The peer found our request malformed, and has ended the IKE SA with this. RFC 7296 §2.21.3
    if (errorOf(payloads)?.notify === NotifyType.INVALID_SYNTAX.id)
      return this.finish({ kind: 'refused', exchange: out.request.label, notify: 'INVALID_SYNTAX' })
    out.request.onReply(payloads, now, sa)
    if (this.sas.includes(sa)) this.requests.pump(sa, now)
  }

  #onRequest(sa: IkeSa, header: Header, payloads: readonly Payload[], path: Path, now: Millis): void {
    const { n } = this
    if (header.messageId !== sa.expectedId || sa.state === 'closed')
      return n.note(`dropped a request outside the window: Message ID ${header.messageId}`)
    this.children.confirm(sa, now)
    const critical = unknownCritical(payloads)
    if (critical !== undefined)
      return this.#reply(
        sa,
        header,
        [notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD.id, Uint8Array.of(critical))],
        path,
      )
    const answer =
      header.exchange === ExchangeType.INFORMATIONAL.id
        ? onInformational(this, sa, payloads, path, now)
        : header.exchange === ExchangeType.CREATE_CHILD_SA.id
          ? onCreateChildRequest(this, sa, payloads, now)
          : header.exchange === ExchangeType.IKE_FOLLOWUP_KE.id
            ? onFollowUpRequest(this, sa, payloads, now)
            : undefined
    if (answer === undefined) return n.note(`dropped a request of exchange ${header.exchange}`)
    this.#reply(sa, header, answer.payloads, path)
    if (answer.fatal !== undefined) return this.finish(answer.fatal)
    answer.after?.(now)
  }

  /** Back to where the request came from. RFC 7296 §2.11 */
  #reply(sa: IkeSa, header: Header, payloads: readonly Payload[], { local, remote }: Path): void {
    this.n.transmit(sa.answer(header, payloads), false, { local, remote })
  }

  /** Forgets an IKE SA that was replaced, and what ends with it. */
  drop(sa: IkeSa, now: Millis): void {
    const at = this.sas.indexOf(sa)
    if (at < 0) return
    this.renewal.endRetired(sa, now)
    this.sas.splice(at, 1)
    this.n.clearTimer(`retransmit:${hexSpi(sa.localSpi)}`)
    this.n.clearTimer(`ike-linger:${hexSpi(sa.localSpi)}`)
    sa.close()
  }

  /** Another IKE SA carries on, with all that waited. RFC 7296 §2.8: it inherits the CHILD_SAs. */
  moveTo(made: IkeSa, old: IkeSa, now: Millis): void {
    const { n } = this
    old.state = 'replaced'
    // Nothing of ours was in doubt, or the peer would not have agreed. RFC 7296 §2.25.1
    this.children.confirm(old, now)
    n.current = made
    n.rekeys.ike++
    n.ikeRefusedSince = undefined
    this.startTimers(now)
    // A ticket is of one IKE SA. RFC 5723 §6.2
    if (n.config.tickets !== undefined) {
      n.config.tickets.forget()
      if (n.initiated && !this.leaving) askForTicket(this, made, now)
    }
    const goodbye = this.#goodbye
    this.#goodbye = undefined
    for (const request of old.queue.splice(0)) this.ask(made, request, now)
    this.#goodbye = goodbye
  }

  /** The peer deleted an IKE SA. RFC 7296 §1.4.1, §2.8.2 */
  onIkeDeleted(sa: IkeSa, now: Millis): void {
    if (sa === this.current && this.renewal.runs) {
      // It wants our proof first, or takes the fresh one for enough: all now depends on that.
      this.n.state = 'phase2'
      this.n.step = 'proving who we are once more'
    } else if (sa === this.current) {
      const theirs = sa.rekeyOfTheirs?.sa
      if (theirs === undefined || theirs.state === 'closed')
        return this.finish({ kind: 'closedByGateway', reason: 'it deleted the IKE SA' })
      // The peer's rekey is done, and it has not seen ours: we forget our own.
      this.moveTo(theirs, sa, now)
    }
    sa.state = 'closed'
    this.n.clearTimer(`retransmit:${hexSpi(sa.localSpi)}`)
    this.expectIkeDelete(sa, now)
    this.renewal.endRetired(sa, now)
  }

  /** A replaced IKE SA is forgotten after a while, whether the peer deletes it or not. */
  expectIkeDelete(sa: IkeSa, now: Millis): void {
    this.n.setTimer(`ike-linger:${hexSpi(sa.localSpi)}`, asMillis(now + CHOICE.lingerMs))
  }
}

const OVER: State = {
  name: 'Closed',
  handle: () => ({ next: OVER, actions: [] }),
}
