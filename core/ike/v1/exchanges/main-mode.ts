import type { Millis } from '../../../bytes/brands.ts'
import { equal } from '../../../bytes/octets.ts'
import type { Secret } from '../../../bytes/secret.ts'
import type { KeyExchangeBegun } from '../../../crypto/transforms.ts'
import type { VpnError } from '../../../errors.ts'
import { ExchangeType, NotifyType, Phase1Authentication } from '../../../iana/ikev1.ts'
import { encodeBody, type Message } from '../../../wire/ikev1/message.ts'
import type { SaPayload } from '../../../wire/ikev1/payload.ts'
import type { Phase1Transcript } from '../hashes.ts'
import type { IsakmpSa, Outgoing } from '../isakmp-sa.ts'
import { findNat, isEncapsulated, natPayloads } from '../nat-discovery.ts'
import { type Negotiation, nothingKnown, type PeerFacts } from '../negotiation.ts'
import { CHOICE, SPEC } from '../numbers.ts'
import { notify, only } from '../payloads.ts'
import {
  checkPhase1,
  choosePhase1,
  encodePhase1,
  type Phase1Choice,
  type Phase1Offer,
  type Phase1Suite,
  phase1Suite,
} from '../phase1-suite.ts'
import {
  badKey,
  clear,
  ignore,
  initialContact,
  learn,
  makeSa,
  missing,
  offersOf,
  type Phase1,
  type Phase1Step,
  phase1Seconds,
  proof,
  proves,
  pskOf,
  vendorPayloads,
  wrongName,
} from './phase1.ts'

const MAIN = ExchangeType.MAIN.id
const LABEL = 'main mode'
const NO_COOKIE = new Uint8Array(8)

type ClearMessage = Extract<Message, { sealed: false }>

interface Agreed {
  readonly choice: Phase1Choice
  readonly suite: Phase1Suite
}

/** The initiator's half of main mode with a pre-shared key: messages 1, 3 and 5. RFC 2409 §5.4 */
export class MainInitiator implements Phase1 {
  readonly label = LABEL
  readonly initiatorCookie: Uint8Array
  outgoing: Outgoing
  sa: IsakmpSa | undefined
  readonly #n: Negotiation
  readonly #psk: Secret
  readonly #facts: PeerFacts
  readonly #offers: readonly Phase1Offer[]
  readonly #saBody: Uint8Array
  #responderCookie = NO_COOKIE
  #agreed: Agreed | undefined
  #exchange: KeyExchangeBegun | undefined
  #ni: Uint8Array | undefined
  #transcript: Phase1Transcript | undefined
  #done = false

  private constructor(n: Negotiation, psk: Secret, offers: readonly Phase1Offer[]) {
    this.#n = n
    this.#psk = psk
    this.#facts = nothingKnown()
    this.#offers = offers
    this.initiatorCookie = n.freshCookie()
    const sa = encodePhase1(offers, phase1Seconds(n))
    this.#saBody = encodeBody(sa)
    this.outgoing = clear(MAIN, this.#cookies, [sa, ...vendorPayloads(n)], false)
  }

  /** `HDR, SA` */
  static begin(n: Negotiation): MainInitiator | VpnError {
    const psk = pskOf(n)
    if (psk === undefined) return { kind: 'algorithmUnavailable', algorithm: 'IKEv1 with certificates' }
    const offers = offersOf(n)
    if (offers.length === 0)
      return { kind: 'algorithmUnavailable', algorithm: 'every IKE proposal of the profile in IKEv1' }
    return new MainInitiator(n, psk, offers)
  }

  get #cookies() {
    return { initiatorCookie: this.initiatorCookie, responderCookie: this.#responderCookie }
  }

  onMessage(bytes: Uint8Array, message: Message, now: Millis): Phase1Step {
    const { header } = message
    if (header.exchange !== MAIN || header.messageId !== 0) return ignore('it is not of our main mode')
    if (this.#agreed === undefined)
      return message.sealed ? ignore('it is encrypted too early') : this.#on2(message)
    if (!equal(header.responderCookie, this.#responderCookie))
      return ignore('its cookie is not the one we know')
    if (this.#transcript === undefined || this.sa === undefined)
      return message.sealed ? ignore('it is encrypted too early') : this.#on4(message, now)
    return this.#on6(this.sa, this.#transcript, bytes, message)
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
    learn(this.#facts, payloads)
    if (n.config.forceEncapsulation && this.#facts.peer.natTraversal === 'none')
      return { outcome: 'doubt', error: cannotEncapsulate }
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

  /** → `HDR, KE, Nr, NAT-D, NAT-D`; ← `HDR*, IDii, HASH_I` */
  #on4({ payloads }: ClearMessage, now: Millis): Phase1Step {
    const n = this.#n
    const { choice, suite } = this.#agreed!
    const ke = only(payloads, 'KE')
    const nonce = only(payloads, 'Nonce')
    if (ke === undefined || nonce === undefined)
      return { outcome: 'doubt', error: missing(LABEL, ke === undefined ? 'KE' : 'the nonce') }
    const shared = this.#exchange!.finish(ke.data)
    if (shared === undefined) return { outcome: 'doubt', error: badKey(LABEL) }
    learn(this.#facts, payloads)
    findNat(n, this.#facts, suite.hash, this.#cookies, payloads)
    this.#transcript = {
      ...this.#cookies,
      initiatorKe: this.#exchange!.data,
      responderKe: ke.data.slice(),
      saBody: this.#saBody,
    }
    const secrets = { transcript: this.#transcript, ni: this.#ni!, nr: nonce.nonce, shared }
    this.sa = makeSa(n, this.#psk, suite, choice, true, secrets, now)
    this.#exchange!.close()
    this.outgoing = this.sa.sealPhase1(MAIN, [
      ...proof(n, this.sa, this.#transcript),
      ...initialContact(n, this.sa),
    ])
    return {
      outcome: 'next',
      float: isEncapsulated(n, this.#facts) && n.remote?.port !== SPEC.natTraversalPort,
    }
  }

  /** → `HDR*, IDir, HASH_R` */
  #on6(sa: IsakmpSa, transcript: Phase1Transcript, bytes: Uint8Array, message: Message): Phase1Step {
    const n = this.#n
    const open = sa.openPhase1(bytes, message)
    if (open.outcome === 'dropped') return ignore(open.why)
    const wrong: Phase1Step = {
      outcome: 'doubt',
      error: { kind: 'authFailed', who: 'gateway', method: 'psk' },
    }
    n.observe(open.outcome === 'noise' ? open.observed : open.opened.observed)
    if (open.outcome === 'noise') return wrong
    const proved = proves(sa, transcript, open.opened.chain)
    if (proved === undefined) return wrong
    const error = wrongName(n, proved.id)
    if (error !== undefined) return { outcome: 'failed', error }
    open.opened.accept()
    this.#done = true
    return { outcome: 'done', sa, remoteId: proved.id, facts: this.#facts }
  }
}

/** The responder's half of main mode with a pre-shared key: messages 2, 4 and 6. RFC 2409 §5.4 */
export class MainResponder implements Phase1 {
  readonly label = LABEL
  readonly initiatorCookie: Uint8Array
  outgoing: Outgoing | undefined
  sa: IsakmpSa | undefined
  readonly #n: Negotiation
  readonly #psk: Secret
  readonly #facts: PeerFacts
  readonly #responderCookie: Uint8Array
  readonly #saBody: Uint8Array
  readonly #agreed: Agreed
  #transcript: Phase1Transcript | undefined
  #done = false

  private constructor(
    n: Negotiation,
    psk: Secret,
    facts: PeerFacts,
    first: ClearMessage,
    saBody: Uint8Array,
    agreed: Agreed,
    answer: SaPayload,
  ) {
    this.#n = n
    this.#psk = psk
    this.#facts = facts
    this.initiatorCookie = first.header.initiatorCookie.slice()
    this.#responderCookie = n.freshCookie()
    this.#saBody = saBody
    this.#agreed = agreed
    this.outgoing = clear(MAIN, this.#cookies, [answer, ...vendorPayloads(n, facts.peer.natTraversal)], true)
  }

  /** → `HDR, SA`; ← `HDR, SA`. Or a refusal in the clear. */
  static answer(
    n: Negotiation,
    message: ClearMessage,
  ): MainResponder | { readonly why: string; readonly reply?: Outgoing } {
    const { header, payloads, bodies } = message
    const psk = pskOf(n)
    if (psk === undefined) return { why: 'there is no pre-shared key' }
    if (header.initiatorCookie.every((octet) => octet === 0)) return { why: 'it has no cookie' }
    const sa = only(payloads, 'SA')
    if (sa === undefined || payloads[0] !== sa) return { why: 'SA is not its first payload, or there twice' }
    const refuse = (type: number, why: string) => ({
      why,
      reply: clear(
        ExchangeType.INFORMATIONAL.id,
        { initiatorCookie: header.initiatorCookie, responderCookie: NO_COOKIE },
        [notify(type)],
        true,
        // Random and not zero, as of every exchange after the first.
        new DataView(n.random.bytes(4).buffer).getUint32(0) || 1,
      ),
    })
    if (sa.doi !== SPEC.doi) return refuse(NotifyType.DOI_NOT_SUPPORTED.id, `it is of DOI ${sa.doi}`)
    if (sa.situation !== SPEC.identityOnly)
      return refuse(NotifyType.SITUATION_NOT_SUPPORTED.id, `it is of situation ${sa.situation}`)
    const choice = choosePhase1(offersOf(n), sa)
    const suite = choice === undefined ? undefined : phase1Suite(n.registry, choice.offer)
    if (choice === undefined || suite === undefined)
      return refuse(NotifyType.NO_PROPOSAL_CHOSEN.id, 'it proposes nothing we allow')
    const facts = nothingKnown()
    learn(facts, payloads)
    return new MainResponder(n, psk, facts, message, bodies[0]!.slice(), { choice, suite }, choice.answer)
  }

  get #cookies() {
    return { initiatorCookie: this.initiatorCookie, responderCookie: this.#responderCookie }
  }

  onMessage(bytes: Uint8Array, message: Message, now: Millis): Phase1Step {
    const { header } = message
    if (header.exchange !== MAIN || header.messageId !== 0) return ignore('it is not of this main mode')
    if (!equal(header.responderCookie, this.#responderCookie)) return ignore('its cookie is not ours')
    if (this.#transcript === undefined || this.sa === undefined)
      return message.sealed ? ignore('it is encrypted too early') : this.#on3(message, now)
    return this.#on5(this.sa, this.#transcript, bytes, message)
  }

  close(): void {
    if (!this.#done) this.sa?.close()
  }

  /** → `HDR, KE, Ni, NAT-D, NAT-D`; ← `HDR, KE, Nr, NAT-D, NAT-D` */
  #on3({ payloads }: ClearMessage, now: Millis): Phase1Step {
    const n = this.#n
    const { choice, suite } = this.#agreed
    const ke = only(payloads, 'KE')
    const nonce = only(payloads, 'Nonce')
    if (ke === undefined || nonce === undefined) return ignore('KE or the nonce is missing, or there twice')
    const ours = suite.keyExchange.respond(n.random, ke.data)
    if (ours === undefined) return ignore('its public value does not fit the group')
    const nr = n.random.bytes(CHOICE.nonce)
    findNat(n, this.#facts, suite.hash, this.#cookies, payloads)
    this.#transcript = {
      ...this.#cookies,
      initiatorKe: ke.data.slice(),
      responderKe: ours.data,
      saBody: this.#saBody,
    }
    const secrets = { transcript: this.#transcript, ni: nonce.nonce, nr, shared: ours.secret }
    this.sa = makeSa(n, this.#psk, suite, choice, false, secrets, now)
    this.outgoing = clear(
      MAIN,
      this.#cookies,
      [
        { type: 'KE', data: ours.data },
        { type: 'Nonce', nonce: nr },
        ...natPayloads(n, this.#facts, suite.hash, this.#cookies),
      ],
      true,
    )
    return { outcome: 'next', float: false }
  }

  /** → `HDR*, IDii, HASH_I`; ← `HDR*, IDir, HASH_R` */
  #on5(sa: IsakmpSa, transcript: Phase1Transcript, bytes: Uint8Array, message: Message): Phase1Step {
    const n = this.#n
    const open = sa.openPhase1(bytes, message)
    if (open.outcome === 'dropped') return ignore(open.why)
    n.observe(open.outcome === 'noise' ? open.observed : open.opened.observed)
    const error: VpnError = { kind: 'authFailed', who: 'gateway', method: 'psk' }
    const refuse = (type: number): Outgoing =>
      clear(ExchangeType.INFORMATIONAL.id, this.#cookies, [notify(type, sa.spi)], true, 1)
    // Keys that differ make noise of the message; it may also be somebody else's.
    if (open.outcome === 'noise')
      return { outcome: 'doubt', error, reply: refuse(NotifyType.PAYLOAD_MALFORMED.id) }
    const proved = proves(sa, transcript, open.opened.chain)
    if (proved === undefined)
      return { outcome: 'doubt', error, reply: refuse(NotifyType.AUTHENTICATION_FAILED.id) }
    open.opened.accept()
    const wrong = wrongName(n, proved.id)
    if (wrong !== undefined) {
      const id = n.random.bytes(4)
      const messageId = new DataView(id.buffer).getUint32(0) || 1
      const payloads = [notify(NotifyType.INVALID_ID_INFORMATION.id, sa.spi)]
      return {
        outcome: 'failed',
        error: wrong,
        reply: sa.seal(ExchangeType.INFORMATIONAL.id, messageId, payloads, false),
      }
    }
    this.#done = true
    return {
      outcome: 'done',
      sa,
      remoteId: proved.id,
      facts: this.#facts,
      last: sa.sealPhase1(MAIN, proof(n, sa, transcript)),
    }
  }
}

const cannotEncapsulate: VpnError = {
  kind: 'protocol',
  exchange: LABEL,
  problem: 'the gateway cannot carry ESP in UDP',
  reference: 'RFC 3947 §3.1',
}

/** Whether an Authentication attribute asks for XAuth after phase 1. */
export const wantsXauth = (authentication: number): boolean =>
  authentication === Phase1Authentication.XAUTH_INITIATOR_PRE_SHARED_KEY.id
