import type { Millis } from '../../../bytes/brands.ts'
import { equal } from '../../../bytes/octets.ts'
import type { KeyExchangeBegun } from '../../../crypto/transforms.ts'
import type { VpnError } from '../../../errors.ts'
import { ExchangeType } from '../../../iana/ikev1.ts'
import { encodeBody, type Message } from '../../../wire/ikev1/message.ts'
import type { IdPayload } from '../../../wire/ikev1/payload.ts'
import type { Answer } from '../../session.ts'
import type { Phase1Transcript } from '../hashes.ts'
import { phase1Id } from '../identities.ts'
import type { IsakmpSa, Outgoing } from '../isakmp-sa.ts'
import { findNat, isEncapsulated, natPayloads } from '../nat-discovery.ts'
import { type Negotiation, nothingKnown, type PeerFacts } from '../negotiation.ts'
import { CHOICE, SPEC } from '../numbers.ts'
import { only } from '../payloads.ts'
import { checkPhase1, encodePhase1, type Phase1Offer, phase1Suite } from '../phase1-suite.ts'
import {
  badKey,
  type ClearMessage,
  cannotEncapsulate,
  chooseAnswer,
  clear,
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
  saysInitialContact,
  unableTo,
  vendorPayloads,
  withRefusal,
} from './phase1.ts'
import { type Claim, certificateRequests, claimIn, Pending, withProof, withTrust } from './proof.ts'

const AGGRESSIVE = ExchangeType.AGGRESSIVE.id
const LABEL = 'aggressive mode'

/**
 * The initiator's half of aggressive mode: messages 1 and 3. Identities travel in the clear, and with a pre-shared key
 * so does a hash that can be tried out against a list of words. RFC 2409 §5.1, §5.4
 */
export class AggressiveInitiator implements Phase1 {
  readonly label = LABEL
  readonly initiatorCookie: Uint8Array
  outgoing: Outgoing
  sa: IsakmpSa | undefined
  readonly #n: Negotiation
  readonly #offers: readonly Phase1Offer[]
  readonly #saBody: Uint8Array
  readonly #pending: Pending
  readonly #exchange: KeyExchangeBegun
  readonly #ni: Uint8Array
  #responderCookie = NO_COOKIE
  /** Says message 3, once we are where it has to be said from. */
  #finish: (() => Phase1Step) | undefined
  #done = false

  private constructor(n: Negotiation, offers: readonly Phase1Offer[], exchange: KeyExchangeBegun) {
    this.#n = n
    this.#pending = new Pending(n)
    this.#offers = offers
    this.#exchange = exchange
    this.#ni = n.random.bytes(CHOICE.nonce)
    this.initiatorCookie = n.freshCookie()
    const sa = encodePhase1(offers, phase1Seconds(n))
    this.#saBody = encodeBody(sa)
    this.outgoing = clear(
      AGGRESSIVE,
      this.#cookies,
      [
        sa,
        { type: 'KE', data: exchange.data },
        { type: 'Nonce', nonce: this.#ni },
        phase1Id(n.config.localIdentity),
        ...certificateRequests(n),
        ...vendorPayloads(n),
      ],
      false,
    )
  }

  /** `HDR, SA, KE, Ni, IDii` */
  static begin(n: Negotiation): AggressiveInitiator | VpnError {
    const unable = unableTo(n)
    if (unable !== undefined) return unable
    // The public value is out before anything is agreed: there is but one group. RFC 2409 §5
    const [first] = offersOf(n, true)
    const offers = offersOf(n, true).filter(({ group }) => group === first!.group)
    const exchange = n.registry.keyExchange.get(first!.group)!.begin(n.random)
    return new AggressiveInitiator(n, offers, exchange)
  }

  get #cookies() {
    return { initiatorCookie: this.initiatorCookie, responderCookie: this.#responderCookie }
  }

  get ourCookie(): Uint8Array {
    return this.initiatorCookie
  }

  onMessage(_bytes: Uint8Array, message: Message, now: Millis): Phase1Step {
    const { header } = message
    if (header.exchange !== AGGRESSIVE || header.messageId !== 0)
      return ignore('it is not of our aggressive mode')
    if (this.#pending.waiting || this.#finish !== undefined) return ignore('another was taken already')
    return message.sealed ? ignore('it is encrypted too early') : this.#judged(this.#on2(message, now))
  }

  onAnswer(id: number, answer: Answer): Phase1Step {
    return this.#judged(this.#pending.onAnswer(id, answer))
  }

  /** Keys of somebody who is not believed are nobody's. */
  #judged(step: Phase1Step): Phase1Step {
    if (step.outcome !== 'doubt') return step
    this.sa?.close()
    this.sa = undefined
    return step
  }

  onPath(): Phase1Step | undefined {
    return this.#finish?.()
  }

  close(): void {
    this.#exchange.close()
    if (!this.#done) this.sa?.close()
  }

  /** → `HDR, SA, KE, Nr, IDir, HASH_R`, or `CERT, SIG_R`; ← `HDR*, HASH_I`, or `CERT, SIG_I` */
  #on2({ header, payloads, bodies }: ClearMessage, now: Millis): Phase1Step {
    const n = this.#n
    if (header.responderCookie.every((octet) => octet === 0)) return ignore('it has no cookie of its own')
    const sa = only(payloads, 'SA')
    const ke = only(payloads, 'KE')
    const nonce = only(payloads, 'Nonce')
    const claim = claimIn(payloads, bodies)
    if (sa === undefined || payloads[0] !== sa) return { outcome: 'doubt', error: missing(LABEL, 'SA') }
    if (ke === undefined || nonce === undefined || claim === undefined)
      return { outcome: 'doubt', error: missing(LABEL, 'KE, the nonce or ID') }
    const checked = checkPhase1(this.#offers, sa)
    const suite = checked.ok ? phase1Suite(n.registry, checked.offer) : undefined
    if (!checked.ok || suite === undefined) {
      const problem = checked.ok ? 'an algorithm is missing' : checked.problem
      return { outcome: 'doubt', error: { kind: 'badProposalChosen', phase: 1, problem } }
    }
    // Whoever answered first may be a liar: what is kept of this message goes when it is not believed.
    const facts = nothingKnown(LABEL)
    learn(n, facts, payloads)
    if (n.config.forceEncapsulation && facts.peer.natTraversal === 'none')
      return { outcome: 'doubt', error: cannotEncapsulate(LABEL) }
    const shared = this.#exchange.finish(ke.data)
    if (shared === undefined) return { outcome: 'doubt', error: badKey(LABEL) }
    this.#responderCookie = header.responderCookie.slice()
    const transcript = {
      ...this.#cookies,
      initiatorKe: this.#exchange.data,
      responderKe: ke.data.slice(),
      saBody: this.#saBody,
    }
    findNat(n, facts, suite.hash, this.#cookies, payloads)
    const agreed = { choice: checked, suite }
    const made = makeSa(n, agreed, true, { transcript, ni: this.#ni, nr: nonce.nonce, shared }, now)
    this.sa = made
    return withTrust(n, this.#pending, { sa: made, transcript, facts }, claim, () =>
      this.#believed(made, transcript, facts, claim),
    )
  }

  #believed(sa: IsakmpSa, transcript: Phase1Transcript, facts: PeerFacts, claim: Claim): Phase1Step {
    const n = this.#n
    return withProof(n, this.#pending, sa, transcript, (_, proof) => {
      this.#finish = () => {
        const nat = natPayloads(n, facts, sa.suite.hash, transcript)
        const last = sa.sealPhase1(AGGRESSIVE, [...proof, ...nat, ...initialContact(n, sa)])
        this.#done = true
        this.#exchange.close()
        return { outcome: 'done', sa, remoteId: claim.id, facts, last }
      }
      // Message 3 goes where all that follows goes. RFC 3947 §4
      const float = isEncapsulated(n, facts) && n.remote?.port !== SPEC.natTraversalPort
      return float ? { outcome: 'next', float } : this.#finish()
    })
  }
}

/** The responder's half of aggressive mode: message 2. RFC 2409 §5.1, §5.4 */
export class AggressiveResponder implements Phase1 {
  readonly label = LABEL
  readonly initiatorCookie: Uint8Array
  outgoing: Outgoing | undefined
  readonly sa: IsakmpSa
  readonly #n: Negotiation
  readonly #facts: PeerFacts
  readonly #transcript: Phase1Transcript
  readonly #id: IdPayload
  readonly #idBody: Uint8Array
  readonly #pending: Pending
  #accept: (() => void) | undefined
  #done = false

  private constructor(
    n: Negotiation,
    made: {
      readonly sa: IsakmpSa
      readonly transcript: Phase1Transcript
      readonly facts: PeerFacts
      readonly claim: Claim
    },
  ) {
    this.#n = n
    this.#pending = new Pending(n)
    this.sa = made.sa
    this.#facts = made.facts
    this.#transcript = made.transcript
    this.initiatorCookie = made.transcript.initiatorCookie
    this.#id = made.claim.id
    this.#idBody = made.claim.idBody
  }

  /** → `HDR, SA, KE, Ni, IDii`; ← `HDR, SA, KE, Nr, IDir, HASH_R`, or signed. Or a refusal in the clear. */
  static answer(n: Negotiation, message: ClearMessage, now: Millis): AggressiveResponder | Refusal {
    const { payloads, bodies, header } = message
    const chosen = chooseAnswer(n, message, offersOf(n, false))
    if ('why' in chosen) return chosen
    const ke = only(payloads, 'KE')
    const nonce = only(payloads, 'Nonce')
    const claim = claimIn(payloads, bodies)
    if (ke === undefined || nonce === undefined || claim === undefined)
      return { why: 'KE, the nonce or ID is missing, or there twice' }
    const { suite } = chosen.agreed
    const ours = suite.keyExchange.respond(n.random, ke.data)
    if (ours === undefined) return { why: 'its public value does not fit the group' }
    const facts = nothingKnown(LABEL)
    learn(n, facts, payloads)
    const nr = n.random.bytes(CHOICE.nonce)
    const transcript = {
      initiatorCookie: header.initiatorCookie.slice(),
      responderCookie: n.freshCookie(),
      initiatorKe: ke.data.slice(),
      responderKe: ours.data,
      saBody: bodies[0]!.slice(),
    }
    const secrets = { transcript, ni: nonce.nonce, nr, shared: ours.secret }
    const sa = makeSa(n, chosen.agreed, false, secrets, now)
    const self = new AggressiveResponder(n, { sa, transcript, facts, claim })
    // Somebody may have to sign first: then this message is not there yet.
    withProof(n, self.#pending, sa, transcript, (id, proof) => {
      self.outgoing = clear(
        AGGRESSIVE,
        transcript,
        [
          chosen.answer,
          { type: 'KE', data: ours.data },
          { type: 'Nonce', nonce: nr },
          id,
          ...proof,
          ...certificateRequests(n),
          ...vendorPayloads(n, facts.peer.natTraversal),
          ...natPayloads(n, facts, suite.hash, transcript),
        ],
        true,
      )
      return { outcome: 'next', float: false }
    })
    return self
  }

  get ourCookie(): Uint8Array {
    return this.#transcript.responderCookie
  }

  onMessage(bytes: Uint8Array, message: Message): Phase1Step {
    const { header } = message
    if (header.exchange !== AGGRESSIVE || header.messageId !== 0)
      return ignore('it is not of this aggressive mode')
    if (!equal(header.responderCookie, this.#transcript.responderCookie))
      return ignore('its cookie is not ours')
    if (this.#pending.waiting) return ignore('another is still being judged')
    return this.#on3(bytes, message)
  }

  onAnswer(id: number, answer: Answer): Phase1Step {
    return this.#answered(this.#pending.onAnswer(id, answer))
  }

  close(): void {
    if (!this.#done) this.sa.close()
  }

  /** → `HDR*, HASH_I`, or `CERT, SIG_I`; it may also come in the clear. RFC 2409 §5.4 */
  #on3(bytes: Uint8Array, message: Message): Phase1Step {
    const n = this.#n
    const { sa } = this
    const transcript = this.#transcript
    const facts = this.#facts
    let payloads = message.sealed ? [] : message.payloads
    if (message.sealed) {
      const open = sa.openPhase1(bytes, message)
      if (open.outcome === 'dropped') return ignore(open.why)
      n.observe(open.outcome === 'noise' ? open.observed : open.opened.observed)
      if (open.outcome === 'noise') return ignore('it decrypts to noise')
      payloads = open.opened.chain.payloads
      this.#accept = open.opened.accept
    }
    const claim = { payloads, id: this.#id, idBody: this.#idBody }
    return this.#answered(
      withTrust(n, this.#pending, { sa, transcript, facts }, claim, () => {
        this.#accept?.()
        this.#done = true
        findNat(n, facts, sa.suite.hash, transcript, payloads)
        facts.initialContact = saysInitialContact(payloads)
        return { outcome: 'done', sa, remoteId: this.#id, facts }
      }),
    )
  }

  #answered(step: Phase1Step): Phase1Step {
    return withRefusal(this.#n, this.sa, this.#transcript, step, () => this.#accept?.())
  }
}
