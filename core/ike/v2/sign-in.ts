import type { Millis } from '../../bytes/brands.ts'
import type { ChainVerdict } from '../../cert/chain.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { IkeEvent, State, Step } from '../session.ts'
import { AwaitAnswer } from './await-answer.ts'
import { AwaitAuthReply } from './await-auth-reply.ts'
import { common, finish } from './closed.ts'
import { Established } from './established.ts'
import {
  type AuthRequest,
  authRequest,
  gatewayProof,
  identityPayload,
  openChild,
} from './exchanges/ike-auth.ts'
import type { InitDone } from './exchanges/ike-sa-init.ts'
import type { MixedKeys } from './keys.ts'
import { additionalAddresses, saysMobike } from './mobility.ts'
import type { Negotiation } from './negotiation.ts'
import { DELETE_IKE, notify } from './payloads.ts'
import { beginPpk, concludePpk, ppkIdentity, withoutPpk } from './ppk.ts'
import { chainQuestion, prove } from './proof.ts'
import { authLifetime } from './reauthentication.ts'
import { followRedirect, redirectOf } from './redirect.ts'

/** The initiator's way through IKE_AUTH, in as many messages as the two proofs take. RFC 7296 §1.2, §2.15 */
export class SignIn {
  readonly #n: Negotiation
  readonly #init: InitDone

  constructor(n: Negotiation, init: InitDone) {
    this.#n = n
    this.#init = init
  }

  /** Proves who we are, with the help of whoever holds our key, and sends IKE_AUTH. */
  begin(now: Millis): Step {
    const { sa } = this.#init
    const ppk = beginPpk(this.#n.config, this.#init)
    const { keys, mixed } = sa
    const ask = (proof: readonly Payload[], later: Millis): Step => this.#ask(proof, later)
    if (ppk === undefined || mixed === undefined) return this.#prove(keys, ask, now)
    return this.#prove(
      mixed,
      (proof, later) => {
        const named = [...proof, ppkIdentity(ppk)]
        if (ppk.required) return ask(named, later)
        return this.#prove(keys, (plain, last) => ask([...named, ...withoutPpk(plain)], last), later)
      },
      now,
    )
  }

  #prove(keys: MixedKeys, then: (proof: readonly Payload[], now: Millis) => Step, now: Millis): Step {
    const n = this.#n
    const id = identityPayload('IDi', n)
    const proof = prove(n, this.#init, 'initiator', id, this.#init.peerPayloads, keys)
    if (proof.outcome === 'impossible') return this.#end(proof.error)
    if (proof.outcome === 'ready') return then(proof.payloads, now)
    n.step = 'signing'
    const { form, octets } = proof
    return AwaitAnswer.begin(
      n,
      'AwaitSignature',
      { do: 'sign', form, octets },
      (answer, later) => {
        if (answer?.what === 'signature') return then(proof.finish(answer.signature), later)
        return this.#end(answer?.what === 'failed' ? answer.error : { kind: 'cancelled' })
      },
      this.#otherwise,
    )
  }

  #ask(proof: readonly Payload[], now: Millis): Step {
    const request = authRequest(this.#n, this.#init, proof)
    return this.#send(request.payloads, now, (payloads, later) => this.#onReply(request, payloads, later))
  }

  #send(
    payloads: readonly Payload[],
    now: Millis,
    onReply: (payloads: readonly Payload[], now: Millis) => Step,
  ): Step {
    const asker = { onReply, end: this.#end, otherwise: this.#otherwise }
    return AwaitAuthReply.begin(this.#n, this.#init.sa, payloads, asker, now)
  }

  readonly #end = (error: VpnError): Step => {
    this.#init.sa.close()
    return finish(this.#n, error)
  }

  /** As {@link common}, with an IKE SA whose keys are forgotten at the end. */
  readonly #otherwise = (event: IkeEvent, self: State): Step => {
    const next = common(this.#n, event, self)
    if (next.next !== self) this.#init.sa.close()
    return next
  }

  /** The answer is whole and nothing of it is believed yet. */
  #onReply(request: AuthRequest, payloads: readonly Payload[], now: Millis): Step {
    const n = this.#n
    const question = chainQuestion(n, payloads, 'gateway')
    if (question === undefined) return this.#judge(request, payloads, undefined, now)
    n.step = 'checking the certificate of the gateway'
    return AwaitAnswer.begin(
      n,
      'AwaitVerdict',
      { do: 'verifyChain', question },
      (answer, later) => {
        if (answer?.what === 'chain') return this.#judge(request, payloads, answer.verdict, later)
        return this.#end(answer?.what === 'failed' ? answer.error : { kind: 'cancelled' })
      },
      this.#otherwise,
    )
  }

  #judge(
    request: AuthRequest,
    payloads: readonly Payload[],
    verdict: ChainVerdict | undefined,
    now: Millis,
  ): Step {
    const n = this.#n
    const ppk = concludePpk(n.config, this.#init, payloads)
    const proof = gatewayProof(n, this.#init, payloads, verdict)
    if (proof.outcome === 'refused') return this.#end(proof.error)
    if (proof.outcome === 'distrust') return this.#tell(proof.error, now)
    if (!ppk) return this.#tell({ kind: 'ppkNotUsed' }, now)
    n.remoteId = proof.remoteId
    return this.#open(request, payloads, now)
  }

  /** Both have proven themselves. */
  #open(request: AuthRequest, payloads: readonly Payload[], now: Millis): Step {
    const n = this.#n
    const elsewhere = redirectOf(n.config, payloads)
    if (elsewhere !== undefined) return this.#follow(elsewhere.host, now)
    const result = openChild(n, this.#init, request, payloads, now)
    if (result.outcome === 'refused') return this.#end(result.error)
    const established = new Established(n, this.#init.sa)
    if (result.outcome === 'childless') return established.disconnect(result.error, now)
    n.configuration = result.configuration
    n.authLifetimeSeconds = authLifetime(payloads)
    n.mobike = saysMobike(n.config, payloads)
    n.peerAddresses = additionalAddresses(payloads) ?? []
    if (result.outcome === 'later') return established.beginByAsking(now)
    return established.begin(result.child, result.configuration, now)
  }

  /** It has proven itself, and wants us to be served elsewhere. RFC 5685 §6 */
  #follow(host: string, now: Millis): Step {
    const n = this.#n
    const { sa } = this.#init
    n.transmit(sa.seal(ExchangeType.INFORMATIONAL.id, sa.nextId, false, [DELETE_IKE]))
    sa.close()
    return followRedirect(n, host, now)
  }

  /** We don't believe the gateway, and say so before we leave. RFC 7296 §2.21.2 */
  #tell(error: VpnError, now: Millis): Step {
    const refusal: readonly Payload[] = [notify(NotifyType.AUTHENTICATION_FAILED.id)]
    return new Established(this.#n, this.#init.sa).leaveWith(refusal, error, now)
  }
}
