import { asMillis, type Millis } from '../../bytes/brands.ts'
import { equal } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType, SecurityProtocol } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import { decodeMessage, type Header } from '../../wire/ikev2/message.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { AssignedConfiguration, Datagram, IkeEvent, State, Step } from '../session.ts'
import type { ChildSa } from './child-sa.ts'
import { onCreateChildRequest, rekeyChild, rekeyIke } from './exchanges/create-child-sa.ts'
import { onInformational } from './exchanges/informational.ts'
import type { IkeSa, Request } from './ike-sa.ts'
import { hexSpi, type Negotiation } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { notify, unknownCritical } from './payloads.ts'
import { Transmission } from './transmission.ts'

/**
 * Phase 1 stands. The peer may speak at any time, so our own outstanding exchange is a field of the
 * IKE SA, and what comes of it is its request's business. RFC 7296 §2.1 – §2.8
 */
export class Established implements State {
  readonly name = 'Established'
  readonly n: Negotiation
  /** The current IKE SA and those on their way out. */
  readonly sas: IkeSa[]
  #heardAt: Millis = asMillis(0)
  #leaving = false
  #over = false

  constructor(n: Negotiation, sa: IkeSa) {
    this.n = n
    this.sas = [sa]
    n.current = sa
  }

  get current(): IkeSa {
    return this.n.current!
  }

  /** The first CHILD_SA is installed: timers start. */
  begin(child: ChildSa, configuration: AssignedConfiguration, now: Millis): Step {
    const { n } = this
    n.state = 'connected'
    n.step = ''
    this.#heardAt = now
    n.act({ do: 'established', configuration, selectors: child.selectors })
    this.startTimers(now)
    return this.done()
  }

  startTimers(now: Millis): void {
    const { n } = this
    const { ikeRekeySeconds } = n.config.lifetimes
    const jitter = 1 - (n.random.bytes(1)[0]! / 255) * CHOICE.jitter
    n.ikeRekeyAt = ikeRekeySeconds > 0 ? asMillis(now + ikeRekeySeconds * 1000 * jitter) : undefined
    if (n.ikeRekeyAt !== undefined) n.setTimer('ike-rekey', n.ikeRekeyAt)
    if (n.config.dpdSeconds > 0) n.setTimer('dpd', asMillis(now + n.config.dpdSeconds * 1000))
    if (n.nat.us && n.config.keepaliveSeconds > 0)
      n.setTimer('keepalive', asMillis(now + n.config.keepaliveSeconds * 1000))
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
        return this.disconnect(event.error, now)
      case 'softLimit': {
        const child = [...this.n.children.values()].find(
          (c) => c.outboundSpi === event.spi || c.inboundSpi === event.spi,
        )
        if (child !== undefined) rekeyChild(this, child, now)
        break
      }
      case 'traffic':
        if (event.inbound) this.#heardAt = now
        break
      case 'answered':
      case 'pathOpen':
        break
    }
    return this.done()
  }

  done(): Step {
    return { next: this.#over ? OVER : this, actions: this.n.take() }
  }

  #onCommand(command: Extract<IkeEvent, { type: 'command' }>['command'], now: Millis): Step {
    if (this.#leaving) return this.done()
    if (command.type === 'disconnect') return this.disconnect(undefined, now)
    if (command.type === 'rekeyIke') rekeyIke(this, now)
    if (command.type === 'rekeyChild') {
      for (const child of this.n.children.values()) {
        if (command.child === undefined || child.name === command.child) rekeyChild(this, child, now)
      }
    }
    if (command.type === 'probe') this.#probe(now)
    return this.done()
  }

  /** Deletes the IKE SA and everything on it. RFC 7296 §1.4.1 */
  disconnect(error: VpnError | undefined, now: Millis): Step {
    return this.leaveWith(
      [{ type: 'Delete', protocol: SecurityProtocol.IKE.id, spiBytes: 0, spis: [] }],
      error,
      now,
    )
  }

  /** Says a last word, waits shortly for its answer, and is gone. */
  leaveWith(payloads: readonly Payload[], error: VpnError | undefined, now: Millis): Step {
    if (this.#leaving) return this.done()
    this.#leaving = true
    const { n } = this
    n.state = 'disconnecting'
    n.step = 'telling the gateway'
    const sa = this.current
    sa.queue.length = 0
    // The window holds one request: an answer still awaited will not be waited for.
    if (sa.outstanding !== undefined) {
      sa.outstanding = undefined
      sa.nextId++
      n.clearTimer(`retransmit:${hexSpi(sa.localSpi)}`)
    }
    this.ask(
      sa,
      {
        label: 'INFORMATIONAL delete',
        exchange: ExchangeType.INFORMATIONAL.id,
        build: () => payloads,
        onReply: () => this.finish(error),
        onSilence: () => this.finish(error),
        tries: CHOICE.goodbyeTries,
      },
      now,
    )
    return this.done()
  }

  /** Everything is over, without another word. */
  finish(error: VpnError | undefined): void {
    if (this.#over) return
    this.#over = true
    for (const sa of this.sas) sa.close()
    this.n.finish(error)
  }

  /** Queues a request on an IKE SA; it is sent when the window allows. RFC 7296 §2.3 */
  ask(sa: IkeSa, request: Request, now: Millis): void {
    sa.queue.push(request)
    this.#pump(sa, now)
  }

  #pump(sa: IkeSa, now: Millis): void {
    while (sa.outstanding === undefined && sa.queue.length > 0 && !this.#over) {
      const request = sa.queue.shift()!
      const payloads = request.build()
      if (payloads === undefined) continue
      const messageId = sa.nextId
      const transmission = new Transmission(sa, sa.seal(request.exchange, messageId, false, payloads))
      sa.outstanding = { messageId, request, transmission }
      this.n.transmit(transmission.outgoing)
      this.n.setTimer(`retransmit:${hexSpi(sa.localSpi)}`, asMillis(now + transmission.waitMs))
    }
  }

  #onTimer(timer: string, now: Millis): void {
    const { n } = this
    const [what, key] = timer.split(':')
    switch (what) {
      case 'retransmit':
        return this.#retransmit(
          this.sas.find((s) => hexSpi(s.localSpi) === key),
          now,
        )
      case 'child-rekey': {
        const child = n.children.get(Number(key))
        if (child !== undefined) rekeyChild(this, child, now)
        return
      }
      case 'child-linger':
        return this.#onChildLinger(Number(key))
      case 'ike-linger': {
        const sa = this.sas.find((s) => hexSpi(s.localSpi) === key)
        if (sa !== undefined && sa !== this.current) this.drop(sa)
        return
      }
      case 'ike-rekey':
        return rekeyIke(this, now)
      case 'dpd':
        if (now - this.#heardAt >= n.config.dpdSeconds * 1000) this.#probe(now)
        return n.setTimer('dpd', asMillis(now + n.config.dpdSeconds * 1000))
      case 'keepalive':
        n.act({ do: 'keepalive' })
        return n.setTimer('keepalive', asMillis(now + n.config.keepaliveSeconds * 1000))
    }
  }

  /** The peer never deleted what its rekey replaced. */
  #onChildLinger(spi: number): void {
    const child = this.n.children.get(spi)
    if (child !== undefined) this.removeChild(child)
  }

  #retransmit(sa: IkeSa | undefined, now: Millis): void {
    const out = sa?.outstanding
    if (sa === undefined || out === undefined) return
    const again = out.transmission.again(out.request.tries)
    if (again === undefined) {
      if (out.request.onSilence !== undefined) return out.request.onSilence()
      if (sa !== this.current) return this.drop(sa)
      return this.finish({ kind: 'noAnswer', exchange: out.request.label, tries: out.transmission.tries })
    }
    this.n.transmit(again, true)
    this.n.setTimer(`retransmit:${hexSpi(sa.localSpi)}`, asMillis(now + out.transmission.waitMs))
  }

  /** An empty INFORMATIONAL: anything that answers is alive. RFC 7296 §2.4 */
  #probe(now: Millis): void {
    const sa = this.current
    if (sa.outstanding !== undefined) return
    this.ask(
      sa,
      {
        label: 'INFORMATIONAL liveness',
        exchange: ExchangeType.INFORMATIONAL.id,
        build: () => [],
        onReply: () => {},
      },
      now,
    )
  }

  #onDatagram({ bytes }: Datagram, now: Millis): void {
    const { n } = this
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) return n.note(`dropped a message: ${decoded.error.message}`)
    const { header } = decoded.value
    const sa = this.sas.find(
      (s) =>
        equal(s.initiatorSpi, header.initiatorSpi) &&
        equal(s.responderSpi, header.responderSpi) &&
        header.initiator === !s.initiator,
    )
    // Unprotected messages change nothing any more, whatever they claim. RFC 7296 §2.21.4
    const opened = sa?.open(bytes, decoded.value, now)
    if (sa === undefined || opened === undefined)
      return n.note('dropped a message that belongs to no IKE SA or fails its integrity check')
    this.#heardAt = now
    n.observe(opened.observed)
    // The same request again gets the same octets again. RFC 7296 §2.1
    if (opened.outcome === 'repeated' && sa.lastReply !== undefined) return n.transmit(sa.lastReply, true)
    if (opened.outcome !== 'message') return
    if (!opened.payloads.ok) {
      if (!header.response && header.messageId === sa.expectedId)
        this.#reply(sa, header, [notify(NotifyType.INVALID_SYNTAX.id)])
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
    else this.#onRequest(sa, header, payloads, now)
  }

  #onResponse(sa: IkeSa, header: Header, payloads: readonly Payload[], now: Millis): void {
    const out = sa.outstanding
    if (out === undefined || out.messageId !== header.messageId || out.request.exchange !== header.exchange)
      return
    sa.outstanding = undefined
    sa.nextId++
    this.n.clearTimer(`retransmit:${hexSpi(sa.localSpi)}`)
    out.request.onReply(payloads, now)
    if (!this.#over && this.sas.includes(sa)) this.#pump(sa, now)
  }

  #onRequest(sa: IkeSa, header: Header, payloads: readonly Payload[], now: Millis): void {
    const { n } = this
    if (header.messageId !== sa.expectedId)
      return n.note(`dropped a request outside the window: Message ID ${header.messageId}`)
    const critical = unknownCritical(payloads)
    if (critical !== undefined)
      return this.#reply(sa, header, [
        notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD.id, Uint8Array.of(critical)),
      ])
    if (header.exchange === ExchangeType.INFORMATIONAL.id) {
      const answer = onInformational(this, sa, payloads)
      this.#reply(sa, header, answer.payloads)
      answer.after?.(now)
    } else if (header.exchange === ExchangeType.CREATE_CHILD_SA.id) {
      const answer = onCreateChildRequest(this, sa, payloads, now)
      this.#reply(sa, header, answer.payloads)
      answer.after?.(now)
    } else {
      n.note(`dropped a request of exchange ${header.exchange}`)
    }
  }

  #reply(sa: IkeSa, header: Header, payloads: readonly Payload[]): void {
    this.n.transmit(sa.answer(header, payloads))
  }

  /** Forgets an IKE SA that was replaced. */
  drop(sa: IkeSa): void {
    const at = this.sas.indexOf(sa)
    if (at < 0) return
    this.sas.splice(at, 1)
    this.n.clearTimer(`retransmit:${hexSpi(sa.localSpi)}`)
    this.n.clearTimer(`ike-linger:${hexSpi(sa.localSpi)}`)
    sa.close()
  }

  /** Forgets a CHILD_SA; whatever replaces it sends from now on. */
  removeChild(child: ChildSa): void {
    const { n } = this
    if (!n.children.delete(child.inboundSpi)) return
    n.clearTimer(`child-rekey:${child.inboundSpi}`)
    n.clearTimer(`child-linger:${child.inboundSpi}`)
    for (const successor of [child.successorOfTheirs?.child, child.successorOfOurs?.child]) {
      if (successor !== undefined && n.children.has(successor.inboundSpi)) this.startSending(successor)
    }
    n.act({ do: 'removeInbound', spi: child.inboundSpi })
    n.act({ do: 'removeOutbound', spi: child.outboundSpi })
    child.pendingOutbound?.encryptionKey.close()
    child.pendingOutbound?.integrityKey?.close()
  }

  /** The peer is ready for this SA: send with it. */
  startSending(child: ChildSa): void {
    const sa = child.pendingOutbound
    if (sa === undefined) return
    delete child.pendingOutbound
    this.n.act({ do: 'useOutbound', child: child.name, sa, selectors: child.selectors })
  }
}

const OVER: State = {
  name: 'Closed',
  handle: () => ({ next: OVER, actions: [] }),
}
