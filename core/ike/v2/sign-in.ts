import type { Millis } from '../../bytes/brands.ts'
import type { Secret } from '../../bytes/secret.ts'
import type { ChainVerdict } from '../../cert/chain.ts'
import { type MethodInfo, safeAlone } from '../../eap/methods.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { IdPayload, Payload } from '../../wire/ikev2/payload.ts'
import type { Authentication, OurEap } from '../config.ts'
import type { IkeEvent, State, Step } from '../session.ts'
import { AwaitAnswer } from './await-answer.ts'
import { AwaitAuthReply } from './await-auth-reply.ts'
import { common, finish, isEnd } from './closed.ts'
import { crashToken } from './crash-detection.ts'
import { EapRounds } from './eap-rounds.ts'
import { Established } from './established.ts'
import {
  type AuthRequest,
  authRequest,
  gatewayProof,
  identityPayload,
  openChild,
  refusal,
} from './exchanges/ike-auth.ts'
import type { InitDone } from './exchanges/ike-sa-init.ts'
import type { MixedKeys } from './keys.ts'
import { additionalAddresses, saysMobike } from './mobility.ts'
import type { Negotiation } from './negotiation.ts'
import { CHOICE, SPEC } from './numbers.ts'
import { DELETE_IKE, find, findNotify, notify } from './payloads.ts'
import { beginPpk, concludePpk, ppkIdentity, withoutPpk } from './ppk.ts'
import { chainQuestion, eapAuth, isEapAuth, ourProof, prove, theirProof } from './proof.ts'
import { authLifetime } from './reauthentication.ts'
import { beginAnew, followRedirect, redirectOf } from './redirect.ts'
import {
  askForTicket,
  comesLater,
  isResumed,
  keepTicket,
  resumedAuth,
  ticketRequest,
  withoutProofs,
} from './resumption.ts'
import { firstPath } from './transport.ts'

type SecondProof = NonNullable<Extract<Authentication, { method: 'each' }>['oursThen']>
type OnReply = (payloads: readonly Payload[], now: Millis) => Step

/** The initiator's way through IKE_AUTH, in as many messages as the two proofs take. RFC 7296 §1.2, §2.15, §2.16 */
export class SignIn {
  readonly #n: Negotiation
  readonly #init: InitDone
  #eap: EapRounds | undefined
  /** What EAP gave, until both have proven that they have it. */
  #msk: Secret | undefined

  constructor(n: Negotiation, init: InitDone) {
    this.#n = n
    this.#init = init
  }

  /** Proves who we are, with the help of whoever holds our key, and sends IKE_AUTH. */
  begin(now: Millis): Step {
    const { sa } = this.#init
    if (this.#init.resumed !== undefined)
      return this.#ask([resumedAuth(this.#init, 'initiator', identityPayload('IDi', this.#n))], now)
    // A gateway that does not know of second proofs would never ask for ours. RFC 4739 §2.1
    if (this.#second !== undefined && !announcesMore(this.#init.peerPayloads)) return this.#end(onlyOneProof)
    const ppk = beginPpk(this.#n.config, this.#init)
    // Without AUTH the request asks for EAP. RFC 7296 §2.16
    if (ourProof(this.#n).method === 'eap') return this.#ask([], now)
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
    const resumed = this.#init.resumed !== undefined
    const asked = resumed ? withoutProofs(request.payloads) : request.payloads
    return this.#send([...asked, ...ticketRequest(this.#n)], now, (payloads, later) =>
      this.#onReply(request, payloads, later),
    )
  }

  #send(payloads: readonly Payload[], now: Millis, onReply: OnReply): Step {
    // Some gateways (Windows RRAS) take what comes from port 4500, and answer to where IKE_SA_INIT came from.
    const beginsThere = this.#n.floated && this.#init.sa.nextId === 1
    const tries = beginsThere ? CHOICE.triesAfterFloat : undefined
    const end = (error: VpnError): Step =>
      beginsThere && error.kind === 'noAnswer' ? this.#beginOn4500() : this.#end(error)
    const asker = { onReply, end, otherwise: this.#otherwise, tries }
    return AwaitAuthReply.begin(this.#n, this.#init.sa, payloads, asker, now)
  }

  /** Everything once more, with one port for all of it. */
  #beginOn4500(): Step {
    const n = this.#n
    this.#forget()
    n.note('no answer from port 4500: beginning there')
    n.step = 'beginning again on port 4500'
    return beginAnew(
      n,
      { do: 'openPath', remotePort: SPEC.natTraversalPort },
      n.remote?.address ?? n.config.gatewayAddress,
    )
  }

  #forget(): void {
    this.#eap?.close()
    this.#msk?.close()
    this.#init.sa.close()
  }

  readonly #end = (error: VpnError): Step => {
    this.#forget()
    if (this.#init.resumed !== undefined) return this.#fromTheStart()
    return finish(this.#n, error)
  }

  /** The ticket was not worth anything, and the rest of the way is as if there had been none. */
  #fromTheStart(): Step {
    const n = this.#n
    n.note('the gateway does not take up the connection of before: signing in from the start')
    return beginAnew(n, firstPath(n.config, SPEC.ikePort), n.remote?.address ?? n.config.gatewayAddress)
  }

  /** As {@link common}, with an IKE SA whose keys are forgotten at the end. */
  readonly #otherwise = (event: IkeEvent, self: State): Step => {
    if (isEnd(event)) this.#forget()
    return common(this.#n, event, self)
  }

  /** The answer is whole and nothing of it is believed yet. */
  #onReply(request: AuthRequest, payloads: readonly Payload[], now: Millis): Step {
    const n = this.#n
    if (this.#init.resumed !== undefined) return this.#onResumed(request, payloads, now)
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

  /** Whoever has the keys of before is who it was before. RFC 5723 §4.3.3 */
  #onResumed(request: AuthRequest, payloads: readonly Payload[], now: Millis): Step {
    const n = this.#n
    const idr = find(payloads, 'IDr')
    const auth = find(payloads, 'AUTH')
    if (idr === undefined || !isResumed(this.#init, 'responder', idr, auth))
      return this.#end({ kind: 'authFailed', who: 'gateway', method: 'ticket' })
    n.remoteId = idr
    return this.#open(request, payloads, now)
  }

  /** Before anything of ours but the name in IDi leaves, the gateway is believed or left. */
  #judge(
    request: AuthRequest,
    payloads: readonly Payload[],
    verdict: ChainVerdict | undefined,
    now: Millis,
  ): Step {
    const n = this.#n
    // With EAP the PPK goes beside the AUTH that is still to come. RFC 8784 §3
    const ppk = ourProof(n).method === 'eap' || concludePpk(n.config, this.#init, payloads)
    const proof = gatewayProof(n, this.#init, payloads, verdict)
    if (proof.outcome === 'refused') return this.#end(proof.error)
    if (proof.outcome === 'distrust') return this.#tell(proof.error, now)
    if (!ppk) return this.#tell({ kind: 'ppkNotUsed' }, now)
    n.remoteId = proof.remoteId
    const ours = ourProof(n)
    const second = this.#second
    if (second !== undefined) return this.#proveMore(request, second, now)
    if (ours.method !== 'eap') return this.#open(request, payloads, now)
    return this.#signInByEap(request, identityPayload('IDi', n), ours).onPayloads(payloads, now)
  }

  get #second(): SecondProof | undefined {
    const { authentication } = this.#n
    return authentication.method === 'each' ? authentication.oursThen : undefined
  }

  /** The first proof was good: the second begins with the name it is for. RFC 4739 §2.2 */
  #proveMore(request: AuthRequest, { proof, identity }: SecondProof, now: Millis): Step {
    const id = identityPayload('IDi', this.#n)
    const idi: IdPayload =
      identity === undefined ? id : { type: 'IDi', idType: identity.type, data: identity.data }
    const eap = this.#signInByEap(request, idi, proof)
    return this.#send([idi], now, (payloads, later) => eap.onPayloads(payloads, later))
  }

  /** The gateway's AUTH is behind us, unless EAP is to prove it too. */
  #signInByEap(request: AuthRequest, idi: IdPayload, { peer }: OurEap): { onPayloads: OnReply } {
    const n = this.#n
    const { legacy } = n.registry
    if (legacy === undefined)
      return { onPayloads: () => this.#end({ kind: 'algorithmUnavailable', algorithm: 'EAP' }) }
    const alone = theirProof(n).method === 'eapAlone'
    const methods = alone ? safeAlone(peer.methods) : peer.methods
    n.step = 'signing in'
    this.#eap = new EapRounds(n, { ...peer, methods }, legacy, {
      send: (payloads, now, onReply) => this.#send(payloads, now, onReply),
      end: this.#end,
      otherwise: this.#otherwise,
      succeeded: (method, msk, now) => this.#proveByEap(request, idi, method, msk, now),
    })
    return this.#eap
  }

  /** Both prove that the one who knew the password, or had the certificate, is also the one with the keys. RFC 7296 §2.16 */
  #proveByEap(
    request: AuthRequest,
    idi: IdPayload,
    { title }: MethodInfo,
    msk: Secret | undefined,
    now: Millis,
  ): Step {
    const n = this.#n
    this.#eap?.close()
    this.#msk = msk
    const { mixed } = this.#init.sa
    const ppk = mixed === undefined ? undefined : n.config.ppk
    const plain = eapAuth(this.#init, 'initiator', idi, msk)
    const auth = mixed === undefined ? plain : eapAuth(this.#init, 'initiator', idi, msk, mixed)
    const beside = ppk === undefined ? [] : [ppkIdentity(ppk), ...(ppk.required ? [] : withoutPpk([plain]))]
    return this.#send([auth, ...beside], now, (payloads, later) => {
      const theirs = find(payloads, 'AUTH')
      const enough = ppk === undefined || concludePpk(n.config, this.#init, payloads)
      const good = isEapAuth(this.#init, 'responder', n.remoteId!, msk, theirs)
      msk?.close()
      if (theirs === undefined) return this.#end(refusal(n, payloads, 'AUTH'))
      if (!enough) return this.#tell({ kind: 'ppkNotUsed' }, later)
      if (!good) return this.#tell({ kind: 'authFailed', who: 'gateway', method: title }, later)
      n.eapMethod = title
      return this.#open(request, payloads, later)
    })
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
    keepTicket(n, this.#init.sa, payloads, now)
    this.#init.sa.crashToken = crashToken(payloads)
    if (comesLater(n, payloads)) askForTicket(established, this.#init.sa, now)
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
    this.#eap?.close()
    const said: readonly Payload[] = [notify(NotifyType.AUTHENTICATION_FAILED.id)]
    return new Established(this.#n, this.#init.sa).leaveWith(said, error, now)
  }
}

const announcesMore = (payloads: readonly Payload[]): boolean =>
  findNotify(payloads, NotifyType.MULTIPLE_AUTH_SUPPORTED.id) !== undefined

const onlyOneProof: VpnError = {
  kind: 'noSignInMethod',
  wanted: ['one proof'],
  allowed: ['two proofs (RFC 4739)'],
}
