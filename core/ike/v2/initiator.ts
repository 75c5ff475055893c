import { asMillis, type Millis } from '../../bytes/brands.ts'
import { equal } from '../../bytes/octets.ts'
import type { ChainVerdict } from '../../cert/chain.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import { decodeHeader, decodeMessage } from '../../wire/ikev2/message.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { Datagram, IkeEvent, State, Step } from '../session.ts'
import { AwaitAnswer } from './await-answer.ts'
import { Established } from './established.ts'
import { type AuthRequest, authRequest, identityPayload, onAuthReply } from './exchanges/ike-auth.ts'
import {
  type InitDone,
  type InitRequest,
  initRequest,
  offeredGroups,
  onInitReply,
} from './exchanges/ike-sa-init.ts'
import type { Outgoing } from './ike-sa.ts'
import { type Negotiation, observed } from './negotiation.ts'
import { CHOICE, SPEC, waitAfter } from './numbers.ts'
import { notify, unknownCritical } from './payloads.ts'
import { chainQuestion, prove } from './proof.ts'
import { authLifetime } from './reauthentication.ts'
import { Transmission } from './transmission.ts'

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
    this.#n.act({ do: 'openPath', remotePort: SPEC.ikePort })
    return step(new AwaitPath(this.#n, (now) => step(AwaitInitReply.begin(this.#n, now), this.#n)), this.#n)
  }
}

/** The end of the line: events change nothing. */
export class Closed implements State {
  readonly name = 'Closed'
  handle(): Step {
    return { next: this, actions: [] }
  }
}

const step = (next: State, n: Negotiation): Step => ({ next, actions: n.take() })

function finish(n: Negotiation, error: VpnError | undefined): Step {
  n.finish(error)
  return step(new Closed(), n)
}

/** What every state of the initiator does with an event that is not its own. */
function common(n: Negotiation, event: IkeEvent, self: State): Step {
  if (event.type === 'failed') return finish(n, event.error)
  if (event.type === 'command' && event.command.type === 'disconnect') return finish(n, { kind: 'cancelled' })
  return step(self, n)
}

/** Waits for a socket; what comes then is the caller's. */
class AwaitPath implements State {
  readonly name = 'AwaitPath'
  readonly #n: Negotiation
  readonly #then: (now: Millis) => Step

  constructor(n: Negotiation, then: (now: Millis) => Step) {
    this.#n = n
    this.#then = then
  }

  handle(event: IkeEvent, now: Millis): Step {
    if (event.type !== 'pathOpen') return common(this.#n, event, this)
    this.#n.local = event.local
    this.#n.remote = event.remote
    return this.#then(now)
  }
}

/** IKE_SA_INIT is out. RFC 7296 §1.2 */
class AwaitInitReply implements State {
  readonly name = 'AwaitInitReply'
  readonly #n: Negotiation
  #request: InitRequest
  #tries = 1
  #hint: VpnError | undefined

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
      default: {
        const next = common(this.#n, event, this)
        if (next.next !== this) this.#request.keyExchange.close()
        return next
      }
    }
  }

  #send(now: Millis, retransmission: boolean): void {
    const { header, payloads, bytes } = this.#request
    const tries = this.#tries > 1 ? ` (try ${this.#tries})` : ''
    this.#n.step = `waiting for the answer to IKE_SA_INIT${tries}`
    this.#n.send(bytes, observed('out', bytes, header, payloads, { retransmission }))
    this.#n.setTimer('retransmit', asMillis(now + waitAfter(this.#tries)))
  }

  #onTimer(timer: string, now: Millis): Step {
    if (timer === 'doubt' && this.#hint !== undefined) return this.#giveUp()
    if (timer !== 'retransmit') return step(this, this.#n)
    if (this.#tries >= CHOICE.tries) return this.#giveUp()
    this.#tries++
    this.#send(now, true)
    return step(this, this.#n)
  }

  #giveUp(): Step {
    this.#request.keyExchange.close()
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
      if (head.ok && head.value.majorVersion !== 2 && equal(head.value.initiatorSpi, this.#request.spi)) {
        const { majorVersion, minorVersion } = head.value
        this.#doubt({ kind: 'versionUnsupported', theirs: `${majorVersion}.${minorVersion}` }, now)
      } else n.note(`dropped a message: ${decoded.error.message}`)
      return step(this, n)
    }
    const { header, payloads } = decoded.value
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
        this.#request = result.request
        this.#tries = 1
        this.#hint = undefined
        n.clearTimer('doubt')
        this.#send(now, false)
        return step(this, n)
      case 'done':
        n.clearTimer('retransmit')
        n.clearTimer('doubt')
        return this.#onAgreed(result.done, now)
    }
  }

  /** Anybody on the way could have written this: wait a little for a better answer. */
  #doubt(error: VpnError, now: Millis): void {
    if (this.#hint === undefined) this.#n.setTimer('doubt', asMillis(now + DOUBT_MS))
    this.#hint = error
  }

  #onAgreed(done: InitDone, now: Millis): Step {
    const n = this.#n
    n.current = done.sa
    const float = n.config.forceEncapsulation || n.nat.us || n.nat.gateway
    if (!float || n.remote?.port === SPEC.natTraversalPort) return beginAuth(n, done, now)
    n.act({ do: 'openPath', remotePort: SPEC.natTraversalPort })
    return step(new AwaitPath(n, (later) => beginAuth(n, done, later)), n)
  }
}

/** Proves who we are, with the help of whoever holds our key, and sends IKE_AUTH. RFC 7296 §1.2, §2.15 */
function beginAuth(n: Negotiation, init: InitDone, now: Millis): Step {
  const end = (error: VpnError): Step => {
    init.sa.close()
    return finish(n, error)
  }
  const proof = prove(n, init, 'initiator', identityPayload('IDi', n), init.peerPayloads)
  if (proof.outcome === 'impossible') return end(proof.error)
  if (proof.outcome === 'ready') return step(AwaitAuthReply.begin(n, init, proof.payloads, now), n)
  n.step = 'signing'
  const { form, octets } = proof
  return AwaitAnswer.begin(
    n,
    'AwaitSignature',
    { do: 'sign', form, octets },
    (answer, later) => {
      if (answer?.what === 'signature')
        return step(AwaitAuthReply.begin(n, init, proof.finish(answer.signature), later), n)
      return end(answer?.what === 'failed' ? answer.error : { kind: 'cancelled' })
    },
    (event, self) => closing(n, init, event, self),
  )
}

/** As {@link common}, with an IKE SA whose keys are forgotten at the end. */
function closing(n: Negotiation, init: InitDone, event: IkeEvent, self: State): Step {
  const next = common(n, event, self)
  if (next.next !== self) init.sa.close()
  return next
}

/** IKE_AUTH is out. RFC 7296 §1.2 */
class AwaitAuthReply implements State {
  readonly name = 'AwaitAuthReply'
  readonly #n: Negotiation
  readonly #init: InitDone
  readonly #request: AuthRequest
  readonly #transmission: Transmission

  private constructor(n: Negotiation, init: InitDone, request: AuthRequest) {
    this.#n = n
    this.#init = init
    this.#request = request
    this.#transmission = new Transmission(
      init.sa,
      init.sa.seal(ExchangeType.IKE_AUTH.id, 1, false, request.payloads),
    )
  }

  static begin(n: Negotiation, init: InitDone, proof: readonly Payload[], now: Millis): State {
    const state = new AwaitAuthReply(n, init, authRequest(n, proof))
    state.#send(state.#transmission.outgoing, now, false)
    return state
  }

  handle(event: IkeEvent, now: Millis): Step {
    const n = this.#n
    if (event.type === 'timer' && event.timer === 'retransmit') {
      const again = this.#transmission.again()
      if (again === undefined)
        return this.#end({ kind: 'noAnswer', exchange: 'IKE_AUTH', tries: this.#transmission.tries })
      this.#send(again, now, true)
      return step(this, n)
    }
    if (event.type === 'datagram') return this.#onDatagram(event.datagram, now)
    return closing(n, this.#init, event, this)
  }

  #send(outgoing: Outgoing, now: Millis, retransmission: boolean): void {
    const { tries, waitMs } = this.#transmission
    this.#n.step = `waiting for the answer to IKE_AUTH${tries > 1 ? ` (try ${tries})` : ''}`
    this.#n.transmit(outgoing, retransmission)
    this.#n.setTimer('retransmit', asMillis(now + waitMs))
  }

  #end(error: VpnError): Step {
    this.#n.clearTimer('retransmit')
    this.#init.sa.close()
    return finish(this.#n, error)
  }

  #onDatagram({ bytes }: Datagram, now: Millis): Step {
    const n = this.#n
    const { sa } = this.#init
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) {
      n.note(`dropped a message: ${decoded.error.message}`)
      return step(this, n)
    }
    const { header } = decoded.value
    // Before AUTH nothing but the one expected answer counts.
    const ours =
      header.exchange === ExchangeType.IKE_AUTH.id &&
      header.response &&
      !header.initiator &&
      header.messageId === 1 &&
      equal(header.initiatorSpi, sa.initiatorSpi) &&
      equal(header.responderSpi, sa.responderSpi)
    const opened = ours ? sa.open(bytes, decoded.value, now) : undefined
    if (opened === undefined) {
      n.note('dropped a message that does not answer our IKE_AUTH')
      return step(this, n)
    }
    n.observe(opened.observed)
    if (opened.outcome !== 'message') return step(this, n)
    if (!opened.payloads.ok) {
      const { error } = opened.payloads
      return this.#end({
        kind: 'protocol',
        exchange: 'IKE_AUTH',
        problem: `${error.path.join(' / ')}: ${error.problem}`,
        reference: error.reference,
      })
    }
    const payloads = opened.payloads.value
    n.clearTimer('retransmit')
    sa.nextId = 2
    const critical = unknownCritical(payloads)
    if (critical !== undefined) {
      return this.#end({
        kind: 'protocol',
        exchange: 'IKE_AUTH',
        problem: `payload ${critical} is critical and unknown`,
        reference: 'RFC 7296 §2.5',
      })
    }
    const question = chainQuestion(n, payloads, 'gateway')
    if (question === undefined) return this.#conclude(payloads, undefined, now)
    n.step = 'checking the certificate of the gateway'
    return AwaitAnswer.begin(
      n,
      'AwaitVerdict',
      { do: 'verifyChain', question },
      (answer, later) => {
        if (answer?.what === 'chain') return this.#conclude(payloads, answer.verdict, later)
        return this.#end(answer?.what === 'failed' ? answer.error : { kind: 'cancelled' })
      },
      (event, self) => closing(n, this.#init, event, self),
    )
  }

  /** The answer is whole and nothing of it is believed yet. */
  #conclude(payloads: readonly Payload[], verdict: ChainVerdict | undefined, now: Millis): Step {
    const n = this.#n
    const { sa } = this.#init
    const result = onAuthReply(n, this.#init, this.#request, payloads, verdict, now)
    if (result.outcome === 'refused') return this.#end(result.error)
    const established = new Established(n, sa)
    if (result.outcome === 'distrust') return this.#tell(established, result.error, now)
    if (result.outcome === 'childless') return established.disconnect(result.error, now)
    n.remoteId = result.remoteId
    n.configuration = result.configuration
    n.authLifetimeSeconds = authLifetime(payloads)
    return established.begin(result.child, result.configuration, now)
  }

  /** We don't believe the gateway, and say so before we leave. RFC 7296 §2.21.2 */
  #tell(established: Established, error: VpnError, now: Millis): Step {
    const refusal: readonly Payload[] = [notify(NotifyType.AUTHENTICATION_FAILED.id)]
    return established.leaveWith(refusal, error, now)
  }
}
