import { asMillis, type Millis } from '../../bytes/brands.ts'
import { equal } from '../../bytes/octets.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { decodeHeader, decodeMessage } from '../../wire/ikev2/message.ts'
import { ahBehindNat } from '../ah-behind-nat.ts'
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { AwaitPath, onRightPort } from './await-path.ts'
import { Closed, common, finish, step } from './closed.ts'
import {
  type InitDone,
  type InitRequest,
  initRequest,
  offeredGroups,
  onInitReply,
  shortOffer,
} from './exchanges/ike-sa-init.ts'
import { exchangeMoreKeys } from './intermediate.ts'
import { type Negotiation, observed } from './negotiation.ts'
import { CHOICE, SPEC, waitAfter } from './numbers.ts'
import { unknownCritical } from './payloads.ts'
import { followRedirect } from './redirect.ts'
import { AwaitResumeReply } from './resume.ts'
import { SignIn } from './sign-in.ts'
import { fallbackPath, firstPath, isStream } from './transport.ts'

/** How long a refusal nobody signed is held back for a better answer. RFC 7296 §2.21.1 */
const DOUBT_MS = 1_500

/** Nothing runs yet. */
export class Idle implements State {
  readonly name = 'Idle'
  readonly #n: Negotiation

  constructor(n: Negotiation) {
    this.#n = n
  }

  handle(event: IkeEvent): Step {
    if (event.type !== 'command' || event.command.type !== 'connect') return step(this, this.#n)
    this.#n.initiated = true
    this.#n.startOver = AwaitInitReply.begin
    this.#n.step = 'opening a socket'
    this.#n.act(firstPath(this.#n.config, SPEC.ikePort))
    return step(new AwaitPath(this.#n, (now) => step(this.#begin(now), this.#n)), this.#n)
  }

  /** Where we were before, with a ticket of there; else from the start. RFC 5723 §4.3 */
  #begin(now: Millis): State {
    const n = this.#n
    const ticket = n.config.tickets?.take(n.remote?.address ?? '', now)
    return ticket === undefined ? AwaitInitReply.begin(n, now) : AwaitResumeReply.begin(n, ticket, now)
  }
}

/** IKE_SA_INIT is out. RFC 7296 §1.2 */
class AwaitInitReply implements State {
  readonly name = 'AwaitInitReply'
  readonly #n: Negotiation
  #request: InitRequest
  #tries = 1
  /** What was sent before a shorter offer; its answer is as good. */
  #earlier: InitRequest | undefined
  #hint: VpnError | undefined
  /** A TCP connection is on its way, or was in vain. RFC 9329 §5.1 */
  #tcp: 'not tried' | 'opening' | 'in vain' = 'not tried'

  private constructor(n: Negotiation, request: InitRequest) {
    this.#n = n
    this.#request = request
  }

  static begin(n: Negotiation, now: Millis): State {
    const group = offeredGroups(n)[0]
    if (group === undefined) {
      n.finish({ kind: 'algorithmUnavailable', algorithm: 'every key exchange of the profile' })
      return new Closed()
    }
    const state = new AwaitInitReply(n, initRequest(n, group))
    state.#send(now, false)
    return state
  }

  handle(event: IkeEvent, now: Millis): Step {
    switch (event.type) {
      case 'datagram':
        return this.#onDatagram(event.datagram, now)
      case 'timer':
        return this.#onTimer(event.timer, now)
      case 'pathOpen':
        return this.#onTcp(event, now)
      case 'failed':
        if (event.transport !== 'tcp' || isStream(this.#n)) return this.#otherwise(event)
        this.#tcp = 'in vain'
        this.#n.note('nor by TCP: there is no answer')
        return step(this, this.#n)
      default:
        return this.#otherwise(event)
    }
  }

  #otherwise(event: IkeEvent): Step {
    const next = common(this.#n, event, this)
    if (next.next !== this) this.#forget()
    return next
  }

  /** By another transport it is another negotiation, with an SPI of its own. RFC 9329 §5.1 */
  #onTcp({ local, remote }: Extract<IkeEvent, { type: 'pathOpen' }>, now: Millis): Step {
    const n = this.#n
    if (this.#tcp !== 'opening') return step(this, n)
    this.#forget()
    n.note('UDP does not get through: going on by TCP')
    n.local = local
    n.remote = remote
    n.clearTimer('doubt')
    return step(AwaitInitReply.begin(n, now), n)
  }

  /** What carries the answer is good. */
  #settle(): void {
    const n = this.#n
    n.clearTimer('retransmit')
    n.clearTimer('doubt')
    if (this.#tcp === 'opening') n.act({ do: 'keepPath' })
    this.#tcp = 'in vain'
  }

  #send(now: Millis, retransmission: boolean): void {
    const { header, payloads, bytes } = this.#request
    const tries = this.#tries > 1 ? ` (try ${this.#tries})` : ''
    this.#n.step = `waiting for the answer to IKE_SA_INIT${tries}`
    // What a stream has taken arrives, or the stream is lost. RFC 9329 §6.2
    if (!(retransmission && isStream(this.#n)))
      this.#n.send(bytes, observed('out', bytes, header, payloads, { retransmission }))
    this.#n.setTimer('retransmit', asMillis(now + waitAfter(this.#tries)))
  }

  #onTimer(timer: string, now: Millis): Step {
    if (timer === 'doubt' && this.#hint !== undefined) return this.#giveUp()
    if (timer !== 'retransmit') return step(this, this.#n)
    const stream = isStream(this.#n)
    if (this.#tries >= (stream ? CHOICE.streamTries : CHOICE.tries)) return this.#giveUp()
    this.#tries++
    if (!stream && this.#tries > CHOICE.triesBeforeTcp) this.#tryTcp()
    const retransmission = !this.#shorten()
    this.#send(now, retransmission)
    return step(this, this.#n)
  }

  /** Beside UDP, which goes on: whichever is answered is used. RFC 9329 §5.1 */
  #tryTcp(): void {
    const n = this.#n
    const path = fallbackPath(n)
    if (path === undefined || this.#tcp !== 'not tried' || this.#hint !== undefined) return
    this.#tcp = 'opening'
    n.act(path)
  }

  /** After some silence a shorter offer goes out: some gateways do not answer what is new to them. → whether it does. */
  #shorten(): boolean {
    if (isStream(this.#n) || this.#tries !== CHOICE.triesOfWholeOffer + 1 || this.#earlier !== undefined)
      return false
    const n = this.#n
    const offer = shortOffer(n)
    const group = offer === undefined ? undefined : offeredGroups(n, offer)[0]
    if (group === undefined || this.#request.rounds > 0) return false
    n.note('no answer: offering only what older gateways know too')
    this.#earlier = this.#request
    this.#request = initRequest(n, group, undefined, offer)
    return true
  }

  #forget(): void {
    this.#request.keyExchange.close()
    this.#earlier?.keyExchange.close()
  }

  /** An answer to what was sent first: then that is what counts. */
  #recall(initiatorSpi: Uint8Array): void {
    const earlier = this.#earlier
    if (earlier === undefined || !equal(initiatorSpi, earlier.spi)) return
    this.#earlier = this.#request
    this.#request = earlier
  }

  #giveUp(): Step {
    this.#forget()
    return finish(
      this.#n,
      this.#hint ?? { kind: 'unreachable', host: this.#n.config.gatewayHost, tries: this.#tries },
    )
  }

  #onDatagram({ bytes }: Datagram, now: Millis): Step {
    const n = this.#n
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) {
      const head = decodeHeader(bytes)
      if (head.ok) this.#recall(head.value.initiatorSpi)
      const answers = head.ok && equal(head.value.initiatorSpi, this.#request.spi)
      if (answers && head.value.majorVersion !== 2) {
        const { majorVersion, minorVersion } = head.value
        this.#doubt({ kind: 'versionUnsupported', theirs: `${majorVersion}.${minorVersion}` }, now)
      } else if (answers && head.value.response) {
        const { path, problem, reference } = decoded.error
        const broken = `${path.join(' / ')}: ${problem}`
        this.#doubt({ kind: 'protocol', exchange: 'IKE_SA_INIT', problem: broken, reference }, now)
      }
      n.note(`dropped a message: ${decoded.error.message}`)
      return step(this, n)
    }
    const { header, payloads } = decoded.value
    this.#recall(header.initiatorSpi)
    const ours =
      header.exchange === ExchangeType.IKE_SA_INIT.id &&
      header.response &&
      !header.initiator &&
      header.messageId === 0 &&
      equal(header.initiatorSpi, this.#request.spi)
    if (!ours) {
      n.note('dropped a message that does not answer our IKE_SA_INIT')
      return step(this, n)
    }
    n.act({ do: 'observe', message: observed('in', bytes, header, payloads) })
    const critical = unknownCritical(payloads)
    if (critical !== undefined) {
      this.#doubt(
        {
          kind: 'protocol',
          exchange: 'IKE_SA_INIT',
          problem: `payload ${critical} is critical and unknown`,
          reference: 'RFC 7296 §2.5',
        },
        now,
      )
      return step(this, n)
    }
    const result = onInitReply(n, this.#request, bytes, decoded.value, now)
    switch (result.outcome) {
      case 'ignore':
        n.note(`ignored an answer to IKE_SA_INIT: ${result.why}`)
        return step(this, n)
      case 'hint':
        this.#doubt(result.error, now)
        return step(this, n)
      case 'again':
        n.note(result.why)
        this.#settle()
        this.#request = result.request
        this.#tries = 1
        this.#hint = undefined
        this.#send(now, false)
        return step(this, n)
      case 'redirect':
        this.#forget()
        this.#settle()
        return followRedirect(n, result.host, now)
      case 'done':
        this.#earlier?.keyExchange.close()
        this.#settle()
        return this.#onAgreed(result.done, now)
    }
  }

  /** Anybody on the way could have written this: wait a little for a better answer, which no stream would bring. RFC 9329 §6.4 */
  #doubt(error: VpnError, now: Millis): void {
    const waitMs = isStream(this.#n) ? 0 : DOUBT_MS
    if (this.#hint === undefined) this.#n.setTimer('doubt', asMillis(now + waitMs))
    this.#hint = error
  }

  /** What more key exchanges there are, then both prove themselves. */
  #agreed(done: InitDone, now: Millis): Step {
    const n = this.#n
    return exchangeMoreKeys(n, done, now, (init, later) => new SignIn(n, init).begin(later))
  }

  #onAgreed(done: InitDone, now: Millis): Step {
    const n = this.#n
    n.current = done.sa
    const behind = ahBehindNat(n.config, n.nat)
    if (behind !== undefined) {
      done.sa.close()
      return finish(n, behind)
    }
    return onRightPort(n, now, (later) => this.#agreed(done, later))
  }
}
