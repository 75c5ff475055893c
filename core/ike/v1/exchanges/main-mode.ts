import type { Millis } from '../../../bytes/brands.ts'
import { equal } from '../../../bytes/octets.ts'
import type { KeyExchangeBegun } from '../../../crypto/transforms.ts'
import type { VpnError } from '../../../errors.ts'
import { ExchangeType, NotifyType } from '../../../iana/ikev1.ts'
import { encodeBody, type Message } from '../../../wire/ikev1/message.ts'
import type { SaPayload } from '../../../wire/ikev1/payload.ts'
import type { Answer } from '../../session.ts'
import type { Phase1Transcript } from '../hashes.ts'
import type { IsakmpSa, Outgoing } from '../isakmp-sa.ts'
import { findNat, isEncapsulated, natPayloads } from '../nat-discovery.ts'
import { type Negotiation, nothingKnown, type PeerFacts } from '../negotiation.ts'
import { CHOICE, SPEC } from '../numbers.ts'
import { only } from '../payloads.ts'
import { checkPhase1, encodePhase1, type Phase1Offer, phase1Suite } from '../phase1-suite.ts'
import {
  type Agreed,
  badKey,
  type ClearMessage,
  cannotEncapsulate,
  chooseAnswer,
  clear,
  heedLife,
  ignore,
  initialContact,
  learn,
  makeSa,
  missing,
  NO_COOKIE,
  offersOf,
  type Phase1,
  type Phase1Step,
  phase1Seconds,
  type Refusal,
  refuse,
  saysInitialContact,
  shorterLife,
  unableTo,
  vendorPayloads,
  withRefusal,
} from './phase1.ts'
import { certificateRequests, claimIn, Pending, unprovedBy, withProof, withTrust } from './proof.ts'

const MAIN = ExchangeType.MAIN.id
const LABEL = 'main mode'

/** The initiator's half of main mode: messages 1, 3 and 5. RFC 2409 §5.1, §5.4 */
export class MainInitiator implements Phase1 {
  readonly label = LABEL
  readonly initiatorCookie: Uint8Array
  outgoing: Outgoing
  sa: IsakmpSa | undefined
  readonly #n: Negotiation
  readonly #facts: PeerFacts = nothingKnown(LABEL)
  readonly #offers: readonly Phase1Offer[]
  readonly #saBody: Uint8Array
  readonly #pending: Pending
  #responderCookie = NO_COOKIE
  #agreed: Agreed | undefined
  #exchange: KeyExchangeBegun | undefined
  #ni: Uint8Array | undefined
  #transcript: Phase1Transcript | undefined
  #done = false

  private constructor(n: Negotiation, offers: readonly Phase1Offer[]) {
    this.#n = n
    this.#pending = new Pending(n)
    this.#offers = offers
    this.initiatorCookie = n.freshCookie()
    const sa = encodePhase1(offers, phase1Seconds(n))
    this.#saBody = encodeBody(sa)
    this.outgoing = clear(MAIN, this.#cookies, [sa, ...vendorPayloads(n)], false)
  }

  /** `HDR, SA` */
  static begin(n: Negotiation): MainInitiator | VpnError {
    return unableTo(n) ?? new MainInitiator(n, offersOf(n, true))
  }

  get #cookies() {
    return { initiatorCookie: this.initiatorCookie, responderCookie: this.#responderCookie }
  }

  get ourCookie(): Uint8Array {
    return this.initiatorCookie
  }

  onMessage(bytes: Uint8Array, message: Message, now: Millis): Phase1Step {
    const { header } = message
    if (header.exchange !== MAIN || header.messageId !== 0) return ignore('it is not of our main mode')
    if (this.#pending.waiting) return ignore('another is still being judged')
    if (this.#agreed === undefined)
      return message.sealed ? ignore('it is encrypted too early') : this.#on2(message)
    if (!equal(header.responderCookie, this.#responderCookie))
      return ignore('its cookie is not the one we know')
    if (this.#transcript === undefined || this.sa === undefined)
      return message.sealed ? ignore('it is encrypted too early') : this.#on4(message, now)
    return this.#on6(this.sa, this.#transcript, bytes, message)
  }

  onAnswer(id: number, answer: Answer): Phase1Step {
    return this.#pending.onAnswer(id, answer)
  }

  close(): void {
    this.#exchange?.close()
    if (!this.#done) this.sa?.close()
  }

  /** → `HDR, SA`; ← `HDR, KE, Ni, NAT-D, NAT-D` */
  #on2({ header, payloads }: ClearMessage): Phase1Step {
    const n = this.#n
    // A responder that names nothing could be anybody's echo.
    if (header.responderCookie.every((octet) => octet === 0)) return ignore('it has no cookie of its own')
    const sa = only(payloads, 'SA')
    if (sa === undefined || payloads[0] !== sa) return { outcome: 'doubt', error: missing(LABEL, 'SA') }
    const checked = checkPhase1(this.#offers, sa)
    const suite = checked.ok ? phase1Suite(n.registry, checked.offer) : undefined
    if (!checked.ok || suite === undefined) {
      const problem = checked.ok ? 'an algorithm is missing' : checked.problem
      return { outcome: 'doubt', error: { kind: 'badProposalChosen', phase: 1, problem } }
    }
    learn(n, this.#facts, payloads)
    if (n.config.forceEncapsulation && this.#facts.peer.natTraversal === 'none')
      return { outcome: 'doubt', error: cannotEncapsulate(LABEL) }
    this.#responderCookie = header.responderCookie.slice()
    this.#agreed = { choice: checked, suite }
    this.#exchange = suite.keyExchange.begin(n.random)
    this.#ni = n.random.bytes(CHOICE.nonce)
    this.outgoing = clear(
      MAIN,
      this.#cookies,
      [
        { type: 'KE', data: this.#exchange.data },
        { type: 'Nonce', nonce: this.#ni },
        ...natPayloads(n, this.#facts, suite.hash, this.#cookies),
      ],
      false,
    )
    return { outcome: 'next', float: false }
  }

  /** → `HDR, KE, Nr, NAT-D, NAT-D`; ← `HDR*, IDii, HASH_I`, or `HDR*, IDii, CERT, SIG_I` */
  #on4({ payloads }: ClearMessage, now: Millis): Phase1Step {
    const n = this.#n
    const agreed = this.#agreed!
    const ke = only(payloads, 'KE')
    const nonce = only(payloads, 'Nonce')
    if (ke === undefined || nonce === undefined)
      return { outcome: 'doubt', error: missing(LABEL, ke === undefined ? 'KE' : 'the nonce') }
    const shared = this.#exchange!.finish(ke.data)
    if (shared === undefined) return { outcome: 'doubt', error: badKey(LABEL) }
    learn(n, this.#facts, payloads)
    findNat(n, this.#facts, agreed.suite.hash, this.#cookies, payloads)
    const transcript = {
      ...this.#cookies,
      initiatorKe: this.#exchange!.data,
      responderKe: ke.data.slice(),
      saBody: this.#saBody,
    }
    this.#transcript = transcript
    const sa = makeSa(n, agreed, true, { transcript, ni: this.#ni!, nr: nonce.nonce, shared }, now)
    this.sa = sa
    this.#exchange!.close()
    return withProof(n, this.#pending, sa, transcript, (id, proof) => {
      const payloads5 = [id, ...proof, ...certificateRequests(n), ...initialContact(n, sa)]
      this.outgoing = sa.sealPhase1(MAIN, payloads5)
      const float = isEncapsulated(n, this.#facts) && n.remote?.port !== SPEC.natTraversalPort
      return { outcome: 'next', float }
    })
  }

  /** → `HDR*, IDir, HASH_R`, or `HDR*, IDir, CERT, SIG_R` */
  #on6(sa: IsakmpSa, transcript: Phase1Transcript, bytes: Uint8Array, message: Message): Phase1Step {
    const n = this.#n
    const open = sa.openPhase1(bytes, message)
    if (open.outcome === 'dropped') return ignore(open.why)
    n.observe(open.outcome === 'noise' ? open.observed : open.opened.observed)
    const claim =
      open.outcome === 'noise' ? undefined : claimIn(open.opened.chain.payloads, open.opened.chain.bodies)
    if (open.outcome === 'noise' || claim === undefined) return { outcome: 'doubt', error: unprovedBy(n, sa) }
    const { accept } = open.opened
    const facts = this.#facts
    return withTrust(n, this.#pending, { sa, transcript, facts }, claim, () => {
      accept()
      heedLife(sa, claim.payloads)
      this.#done = true
      return { outcome: 'done', sa, remoteId: claim.id, facts }
    })
  }
}

/** The responder's half of main mode: messages 2, 4 and 6. RFC 2409 §5.1, §5.4 */
export class MainResponder implements Phase1 {
  readonly label = LABEL
  readonly initiatorCookie: Uint8Array
  outgoing: Outgoing | undefined
  sa: IsakmpSa | undefined
  readonly #n: Negotiation
  readonly #facts: PeerFacts = nothingKnown(LABEL)
  readonly #responderCookie: Uint8Array
  readonly #saBody: Uint8Array
  readonly #agreed: Agreed
  readonly #pending: Pending
  #transcript: Phase1Transcript | undefined
  /** Takes what proved the initiator into the chain of IVs. */
  #accept: (() => void) | undefined
  #done = false

  private constructor(n: Negotiation, first: ClearMessage, agreed: Agreed, answer: SaPayload) {
    this.#n = n
    this.#pending = new Pending(n)
    learn(n, this.#facts, first.payloads)
    this.initiatorCookie = first.header.initiatorCookie.slice()
    this.#responderCookie = n.freshCookie()
    this.#saBody = first.bodies[0]!.slice()
    this.#agreed = agreed
    const vendorIds = vendorPayloads(n, this.#facts.peer.natTraversal)
    this.outgoing = clear(MAIN, this.#cookies, [answer, ...vendorIds], true)
  }

  /** → `HDR, SA`; ← `HDR, SA`. Or a refusal in the clear. */
  static answer(n: Negotiation, message: ClearMessage): MainResponder | Refusal {
    const chosen = chooseAnswer(n, message, offersOf(n, false))
    return 'why' in chosen ? chosen : new MainResponder(n, message, chosen.agreed, chosen.answer)
  }

  get #cookies() {
    return { initiatorCookie: this.initiatorCookie, responderCookie: this.#responderCookie }
  }

  get ourCookie(): Uint8Array {
    return this.#responderCookie
  }

  onMessage(bytes: Uint8Array, message: Message, now: Millis): Phase1Step {
    const { header } = message
    if (header.exchange !== MAIN || header.messageId !== 0) return ignore('it is not of this main mode')
    if (!equal(header.responderCookie, this.#responderCookie)) return ignore('its cookie is not ours')
    if (this.#pending.waiting) return ignore('another is still being judged')
    if (this.#transcript === undefined || this.sa === undefined)
      return message.sealed ? ignore('it is encrypted too early') : this.#on3(message, now)
    return this.#on5(this.sa, this.#transcript, bytes, message)
  }

  onAnswer(id: number, answer: Answer): Phase1Step {
    return this.#answered(this.#pending.onAnswer(id, answer))
  }

  close(): void {
    if (!this.#done) this.sa?.close()
  }

  /** → `HDR, KE, Ni, NAT-D, NAT-D`; ← `HDR, KE, Nr, NAT-D, NAT-D` */
  #on3({ payloads }: ClearMessage, now: Millis): Phase1Step {
    const n = this.#n
    const { suite } = this.#agreed
    const ke = only(payloads, 'KE')
    const nonce = only(payloads, 'Nonce')
    if (ke === undefined || nonce === undefined) return ignore('KE or the nonce is missing, or there twice')
    const ours = suite.keyExchange.respond(n.random, ke.data)
    if (ours === undefined) return ignore('its public value does not fit the group')
    const nr = n.random.bytes(CHOICE.nonce)
    findNat(n, this.#facts, suite.hash, this.#cookies, payloads)
    const transcript = {
      ...this.#cookies,
      initiatorKe: ke.data.slice(),
      responderKe: ours.data,
      saBody: this.#saBody,
    }
    this.#transcript = transcript
    const secrets = { transcript, ni: nonce.nonce, nr, shared: ours.secret }
    this.sa = makeSa(n, this.#agreed, false, secrets, now)
    this.outgoing = clear(
      MAIN,
      this.#cookies,
      [
        { type: 'KE', data: ours.data },
        { type: 'Nonce', nonce: nr },
        ...certificateRequests(n),
        ...natPayloads(n, this.#facts, suite.hash, this.#cookies),
      ],
      true,
    )
    return { outcome: 'next', float: false }
  }

  /** → `HDR*, IDii, HASH_I`, or signed; ← `HDR*, IDir, HASH_R`, or signed */
  #on5(sa: IsakmpSa, transcript: Phase1Transcript, bytes: Uint8Array, message: Message): Phase1Step {
    const n = this.#n
    const open = sa.openPhase1(bytes, message)
    if (open.outcome === 'dropped') return ignore(open.why)
    n.observe(open.outcome === 'noise' ? open.observed : open.opened.observed)
    const claim =
      open.outcome === 'noise' ? undefined : claimIn(open.opened.chain.payloads, open.opened.chain.bodies)
    // Keys that differ make noise of the message; it may also be somebody else's.
    if (open.outcome === 'noise' || claim === undefined)
      return {
        outcome: 'doubt',
        error: unprovedBy(n, sa),
        reply: refuse(n, this.#cookies, NotifyType.PAYLOAD_MALFORMED.id, sa.spi),
      }
    const { accept } = open.opened
    this.#accept = accept
    const facts = this.#facts
    return this.#answered(
      withTrust(n, this.#pending, { sa, transcript, facts }, claim, () => {
        accept()
        facts.initialContact = saysInitialContact(claim.payloads)
        return withProof(n, this.#pending, sa, transcript, (id, proof) => {
          this.#done = true
          const last = sa.sealPhase1(MAIN, [id, ...proof, ...shorterLife(sa, this.#agreed)])
          return { outcome: 'done', sa, remoteId: claim.id, facts, last }
        })
      }),
    )
  }

  /** The step, with what a refused initiator is told. */
  #answered(step: Phase1Step): Phase1Step {
    const sa = this.sa!
    return withRefusal(this.#n, sa, this.#cookies, step, () => this.#accept?.())
  }
}
