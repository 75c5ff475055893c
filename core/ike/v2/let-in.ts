import { asMillis, type Millis } from '../../bytes/brands.ts'
import type { Secret } from '../../bytes/secret.ts'
import type { ChainVerdict } from '../../cert/chain.ts'
import type { MethodInfo } from '../../eap/methods.ts'
import { EapServer, type EapServerAction, type EapServerEvent } from '../../eap/server.ts'
import type { VpnError } from '../../errors.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { Header } from '../../wire/ikev2/message.ts'
import type { IdPayload, Payload } from '../../wire/ikev2/payload.ts'
import type { OurProof, TheirEap } from '../config.ts'
import type { Answer, IkeEvent, State, Step } from '../session.ts'
import { AwaitAnswer } from './await-answer.ts'
import { AwaitAuthRequest } from './await-auth-request.ts'
import { finish, isEnd, step } from './closed.ts'
import { NOTHING_ASSIGNED } from './configuration.ts'
import { Established } from './established.ts'
import { identityPayload } from './exchanges/ike-auth.ts'
import { answerAuth, checkInitiator, type Refusal, refuse } from './exchanges/ike-auth-responder.ts'
import type { InitDone } from './exchanges/ike-sa-init.ts'
import type { Negotiation } from './negotiation.ts'
import { CHOICE } from './numbers.ts'
import { find, findNotify } from './payloads.ts'
import { choosePpk } from './ppk.ts'
import { chainQuestion, eapAuth, isEapAuth, ourProof, proofWords, prove, theirProof } from './proof.ts'
import { isResumed, resumedAuth } from './resumption.ts'

type OnRequest = (header: Header, payloads: readonly Payload[], now: Millis) => Step

/** What the first request asked for, until the client has proven itself. */
interface Applicant {
  readonly payloads: readonly Payload[]
  readonly id: IdPayload
}

/** The responder's way through IKE_AUTH, in as many messages as the proofs take. RFC 7296 §1.2, §2.15, §2.16 */
export class LetIn {
  readonly #n: Negotiation
  readonly #init: InitDone
  #eap: EapServer | undefined
  #msk: Secret | undefined
  #usesTls = false

  private constructor(n: Negotiation, init: InitDone) {
    this.#n = n
    this.#init = init
  }

  /** Waits for the first request, while the timer `half-open` runs. */
  static begin(n: Negotiation, init: InitDone): State {
    const way = new LetIn(n, init)
    return way.#awaiting(way.#onFirst)
  }

  #await(onRequest: OnRequest): Step {
    return step(this.#awaiting(onRequest), this.#n)
  }

  #awaiting(onRequest: OnRequest): State {
    const answerer = {
      onRequest,
      onFarewell: (header: Header) =>
        this.#refuse(header, {
          outcome: 'refused',
          payloads: [],
          error: { kind: 'authFailed', who: 'us', method: proofWords(ourProof(this.#n)) },
        }),
      refuse: (header: Header, payloads: readonly Payload[], error: VpnError) =>
        this.#refuse(header, { outcome: 'refused', payloads, error }),
      otherwise: this.#otherwise,
    }
    return new AwaitAuthRequest(this.#n, this.#init, answerer)
  }

  readonly #otherwise = (event: IkeEvent, self: State): Step => {
    if (event.type === 'timer' && event.timer === 'half-open')
      return this.#end({ kind: 'noAnswer', exchange: 'IKE_AUTH', tries: 1 })
    if (isEnd(event)) return this.#end(event.type === 'failed' ? event.error : { kind: 'cancelled' })
    return step(self, this.#n)
  }

  #forget(): void {
    this.#eap?.close()
    this.#msk?.close()
    if (this.#usesTls) this.#n.act({ do: 'endTls' })
    this.#usesTls = false
    this.#n.clearTimer('half-open')
  }

  #end(error: VpnError): Step {
    this.#forget()
    this.#init.sa.close()
    return finish(this.#n, error)
  }

  /** Whoever has the keys of before is who they were before; no ticket lets anybody in twice. RFC 5723 §4.3.3 */
  #onResumed(
    { opaque, eapIdentity }: NonNullable<InitDone['resumed']>,
    header: Header,
    payloads: readonly Payload[],
    now: Millis,
  ): Step {
    const n = this.#n
    const idi = find(payloads, 'IDi')
    if (idi !== undefined && n.config.authenticationOf !== undefined)
      n.authentication = n.config.authenticationOf({ type: idi.idType, data: idi.data })
    const known = stillKnown(n, eapIdentity)
    if (!known || idi === undefined || !isResumed(this.#init, 'initiator', idi, find(payloads, 'AUTH')))
      return this.#refuse(
        header,
        refuse(NotifyType.AUTHENTICATION_FAILED.id, { kind: 'authFailed', who: 'us', method: 'ticket' }),
      )
    n.config.ticketOffice?.take(opaque, now)
    n.remoteId = idi
    n.eapIdentity = eapIdentity
    const id = identityPayload('IDr', n)
    return this.#open(header, payloads, [id, resumedAuth(this.#init, 'responder', id)], now)
  }

  readonly #onFirst = (header: Header, payloads: readonly Payload[], now: Millis): Step => {
    const n = this.#n
    if (this.#init.resumed !== undefined) return this.#onResumed(this.#init.resumed, header, payloads, now)
    const idi = find(payloads, 'IDi')
    const { authenticationOf } = n.config
    if (idi !== undefined && authenticationOf !== undefined)
      n.authentication = authenticationOf({ type: idi.idType, data: idi.data })
    const theirs = theirProof(n)
    if (theirs.method === 'eap' && idi !== undefined && find(payloads, 'AUTH') === undefined)
      return this.#proveFirst(header, { payloads, id: idi }, theirs, now)
    const question = chainQuestion(n, payloads, 'client')
    if (question === undefined) return this.#judge(header, payloads, undefined, now)
    return this.#ask('AwaitVerdict', { do: 'verifyChain', question }, (answer, later) =>
      answer?.what === 'chain'
        ? this.#judge(header, payloads, answer.verdict, later)
        : this.#unanswered(answer),
    )
  }

  /** The initiator has proved itself, or it is sent away; then it is our turn. */
  #judge(header: Header, payloads: readonly Payload[], verdict: ChainVerdict | undefined, now: Millis): Step {
    const n = this.#n
    const checked = checkInitiator(n, this.#init, payloads, verdict)
    if (checked.outcome === 'refused') return this.#refuse(header, checked)
    n.remoteId = checked.remoteId
    const { beside } = checked
    return this.#prove(header, payloads, (own) => {
      const proof = [...own, ...beside]
      const { theirsThen } = secondOf(n)
      if (theirsThen === undefined)
        return this.#open(header, payloads, [identityPayload('IDr', n), ...proof], now)
      if (findNotify(payloads, NotifyType.ANOTHER_AUTH_FOLLOWS.id) === undefined)
        return this.#refuse(header, refuse(NotifyType.AUTHENTICATION_FAILED.id, oneProofOnly))
      this.#reply(header, [identityPayload('IDr', n), ...proof])
      return this.#await((next, more, later) => this.#onSecond(next, more, payloads, theirsThen, later))
    })
  }

  /** The client goes on under another name, or the same; it has proven one already. RFC 4739 §2.2 */
  #onSecond(
    header: Header,
    payloads: readonly Payload[],
    first: readonly Payload[],
    theirs: TheirEap,
    now: Millis,
  ): Step {
    const id = find(payloads, 'IDi')
    if (id === undefined || find(payloads, 'AUTH') !== undefined)
      return this.#refuse(header, refuse(NotifyType.AUTHENTICATION_FAILED.id, oneProofOnly))
    return this.#beginEap(header, { payloads: first, id }, theirs, [], now)
  }

  /** CERT and AUTH of ours, made by whoever has the key. */
  #prove(header: Header, payloads: readonly Payload[], then: (proof: readonly Payload[]) => Step): Step {
    const proof = prove(this.#n, this.#init, 'responder', identityPayload('IDr', this.#n), payloads)
    if (proof.outcome === 'impossible')
      return this.#refuse(header, refuse(NotifyType.AUTHENTICATION_FAILED.id, proof.error))
    if (proof.outcome === 'ready') return then(proof.payloads)
    const { form, octets } = proof
    return this.#ask('AwaitSignature', { do: 'sign', form, octets }, (answer) =>
      answer?.what === 'signature' ? then(proof.finish(answer.signature)) : this.#unanswered(answer),
    )
  }

  // --- EAP ---

  /** We go first: nobody tells a stranger a password. RFC 7296 §2.16; without a proof of ours only where the client says so, RFC 5998 */
  #proveFirst(header: Header, applicant: Applicant, theirs: TheirEap, now: Millis): Step {
    const n = this.#n
    const idr = identityPayload('IDr', n)
    if (!isAlone(ourProof(n)))
      return this.#prove(header, applicant.payloads, (proof) =>
        this.#beginEap(header, applicant, theirs, [idr, ...proof], now),
      )
    if (findNotify(applicant.payloads, NotifyType.EAP_ONLY_AUTHENTICATION.id) === undefined)
      return this.#refuse(header, refuse(NotifyType.AUTHENTICATION_FAILED.id, wantsMore))
    return this.#beginEap(header, applicant, theirs, [idr], now)
  }

  #beginEap(
    header: Header,
    applicant: Applicant,
    { server }: TheirEap,
    before: readonly Payload[],
    now: Millis,
  ): Step {
    const n = this.#n
    const { legacy } = n.registry
    if (legacy === undefined)
      return this.#refuse(
        header,
        refuse(NotifyType.AUTHENTICATION_FAILED.id, { kind: 'algorithmUnavailable', algorithm: 'EAP' }),
      )
    // A person may have to find their token.
    n.setTimer('half-open', asMillis(now + CHOICE.eapOpenMs))
    const eap = new EapServer(server, { random: n.random, legacy })
    this.#eap = eap
    return this.#converse(header, applicant, before, eap.handle({ type: 'begin' }), now)
  }

  #hear(header: Header, applicant: Applicant, event: EapServerEvent, now: Millis): Step {
    return this.#converse(header, applicant, [], this.#eap!.handle(event), now)
  }

  /** `before`: what stands before the first packet. */
  #converse(
    header: Header,
    applicant: Applicant,
    before: readonly Payload[],
    actions: readonly EapServerAction[],
    now: Millis,
  ): Step {
    for (const action of actions) {
      switch (action.do) {
        case 'note':
          this.#n.note(action.text)
          break
        case 'send':
          this.#reply(header, [...before, { type: 'EAP', packet: action.packet }])
          return this.#await((next, payloads, later) => this.#onEap(next, payloads, applicant, later))
        case 'tls':
          this.#usesTls = true
          this.#n.eapClaim = this.#eap!.identity
          return this.#ask('AwaitTls', { do: 'tls', input: action.input }, (answer, later) =>
            answer?.what === 'tls'
              ? this.#hear(header, applicant, { type: 'tls', turn: answer.turn }, later)
              : this.#unanswered(answer),
          )
        case 'succeeded':
          return this.#onSuccess(header, applicant, action)
        case 'failed':
          return this.#refuse(header, {
            outcome: 'refused',
            payloads: [{ type: 'EAP', packet: action.packet }],
            error: action.error,
          })
      }
    }
    return this.#end({ kind: 'internal', problem: `EAP does not know how to go on at ${now}` })
  }

  #onEap(header: Header, payloads: readonly Payload[], applicant: Applicant, now: Millis): Step {
    const eap = find(payloads, 'EAP')
    if (eap !== undefined) return this.#hear(header, applicant, { type: 'packet', packet: eap.packet }, now)
    return this.#refuse(header, refuse(NotifyType.INVALID_SYNTAX.id, missing('EAP')))
  }

  #onSuccess(
    header: Header,
    applicant: Applicant,
    { packet, identity, method, msk }: Extract<EapServerAction, { do: 'succeeded' }>,
  ): Step {
    const n = this.#n
    this.#msk = msk
    this.#reply(header, [{ type: 'EAP', packet }])
    return this.#await((next, payloads, now) => {
      n.eapIdentity = identity
      return this.#onEapAuth(next, payloads, applicant, method, now)
    })
  }

  /** Who had the password has to be who has the keys. RFC 7296 §2.16 */
  #onEapAuth(
    header: Header,
    payloads: readonly Payload[],
    { payloads: first, id }: Applicant,
    { title }: MethodInfo,
    now: Millis,
  ): Step {
    const n = this.#n
    const said = find(payloads, 'AUTH')
    // A first proof before EAP has decided on it already. RFC 4739
    const isFirst = n.remoteId === undefined
    const ppk = isFirst && said !== undefined ? choosePpk(n.config, this.#init, said, payloads) : undefined
    if (ppk?.outcome === 'refuse') {
      const problem: VpnError = { ...PPK_FAILED, problem: ppk.problem }
      return this.#refuse(header, refuse(NotifyType.AUTHENTICATION_FAILED.id, problem))
    }
    const auth = ppk?.auth ?? said
    if (!isEapAuth(this.#init, 'initiator', id, this.#msk, auth)) {
      const error: VpnError = {
        kind: 'authFailed',
        who: 'us',
        method: title,
        problem: 'its AUTH does not fit',
      }
      return this.#refuse(header, refuse(NotifyType.AUTHENTICATION_FAILED.id, error))
    }
    n.remoteId = id
    n.eapMethod = title
    const ours = eapAuth(this.#init, 'responder', identityPayload('IDr', n), this.#msk)
    return this.#open(header, first, [ours, ...(ppk?.beside ?? [])], now)
  }

  // --- the end ---

  #open(header: Header, first: readonly Payload[], proof: readonly Payload[], now: Millis): Step {
    const n = this.#n
    const answer = answerAuth(n, this.#init, first, proof, now)
    this.#reply(header, answer.payloads)
    this.#forget()
    const established = new Established(n, this.#init.sa)
    if (answer.child === undefined) return established.beginChildless(now)
    return established.begin(answer.child, NOTHING_ASSIGNED, now)
  }

  #refuse(header: Header, { payloads, error }: Refusal): Step {
    this.#reply(header, payloads)
    return this.#end(error)
  }

  /** Meanwhile the request may come again: it is answered when we can. */
  #ask(
    name: string,
    asking: Parameters<typeof AwaitAnswer.begin>[2],
    then: Parameters<typeof AwaitAnswer.begin>[3],
  ): Step {
    return AwaitAnswer.begin(this.#n, name, asking, then, (event, self) =>
      event.type === 'datagram' ? step(self, this.#n) : this.#otherwise(event, self),
    )
  }

  #unanswered(answer: Answer): Step {
    return this.#end(answer?.what === 'failed' ? answer.error : { kind: 'cancelled' })
  }

  #reply(header: Header, payloads: readonly Payload[]): void {
    this.#n.transmit(this.#init.sa.answer(header, payloads))
  }
}

const PPK_FAILED = { kind: 'authFailed', who: 'us', method: 'post-quantum key' } as const

/** A ticket opens to nobody whose name was taken off the list since: they have to sign in, and cannot. RFC 5723 §9.8 */
function stillKnown(n: Negotiation, eapIdentity: string | undefined): boolean {
  const first = theirProof(n)
  const theirs = first.method === 'eap' ? first : secondOf(n).theirsThen
  if (theirs === undefined) return eapIdentity === undefined
  // Who has a certificate in EAP-TLS has no place on a list of passwords.
  if (theirs.server.methods.every((method) => method === 'tls')) return true
  return eapIdentity !== undefined && theirs.server.lookUp(eapIdentity) !== undefined
}

const isAlone = ({ method }: OurProof): boolean => method === 'eapAlone'

const secondOf = ({ authentication }: Negotiation): { readonly theirsThen?: TheirEap } =>
  authentication.method === 'each' ? authentication : {}

const missing = (what: string): VpnError => ({
  kind: 'protocol',
  exchange: 'IKE_AUTH',
  problem: `${what} is missing`,
  reference: 'RFC 7296 §2.16',
})

const oneProofOnly: VpnError = {
  kind: 'noSignInMethod',
  wanted: ['one proof'],
  allowed: ['two proofs, the second by EAP (RFC 4739)'],
}

const wantsMore: VpnError = {
  kind: 'noSignInMethod',
  wanted: ['a gateway that proves itself by more than EAP'],
  allowed: ['EAP alone (RFC 5998)'],
}
