import { equalConstantTime } from '../../../bytes/octets.ts'
import { describeKey } from '../../../cert/public-key.ts'
import { describeScheme, type SignatureScheme, verifySignature } from '../../../cert/signature.ts'
import type { VpnError } from '../../../errors.ts'
import { CertificateEncoding } from '../../../iana/ikev1.ts'
import { encodeBody } from '../../../wire/ikev1/message.ts'
import type { IdPayload, Payload } from '../../../wire/ikev1/payload.ts'
import type { Answer, IkeAction } from '../../session.ts'
import { nameProblem, ourProof, theirProof } from '../../v2/proof.ts'
import { hashI, hashR, type Phase1Transcript } from '../hashes.ts'
import { phase1Id } from '../identities.ts'
import type { IsakmpSa } from '../isakmp-sa.ts'
import { methodOf, type Phase1Method } from '../methods.ts'
import type { Negotiation, PeerFacts } from '../negotiation.ts'
import { all, only } from '../payloads.ts'
import { ignore, type Phase1Step, wrongName } from './phase1.ts'

type Asking = Extract<IkeAction, { do: 'sign' | 'verifyChain' }>
type Unnumbered<A> = A extends Asking ? Omit<A, 'id'> : never

/** What somebody else has to answer before phase 1 goes on: who has the key, or knows which day it is. */
export class Pending {
  readonly #n: Negotiation
  #open: { readonly id: number; go(answer: Answer): Phase1Step } | undefined

  constructor(n: Negotiation) {
    this.#n = n
  }

  /** Nothing is taken from the peer meanwhile. */
  get waiting(): boolean {
    return this.#open !== undefined
  }

  ask(question: Unnumbered<Asking>, go: (answer: Answer) => Phase1Step): Phase1Step {
    const id = this.#n.freshQuestion()
    this.#open = { id, go }
    this.#n.act({ ...question, id } as Asking)
    return { outcome: 'wait' }
  }

  onAnswer(id: number, answer: Answer): Phase1Step {
    const open = this.#open
    if (open?.id !== id) {
      closeAnswer(answer)
      return ignore('an answer nobody waits for')
    }
    this.#open = undefined
    if (answer === undefined) return { outcome: 'failed', error: { kind: 'cancelled' } }
    if (answer.what === 'failed') return { outcome: 'failed', error: answer.error }
    return open.go(answer)
  }
}

/** Wipes what nobody waits for any more. */
export function closeAnswer(answer: Answer): void {
  if (answer?.what === 'secret') answer.secret.close()
}

/** Either HASH_I or HASH_R, by whoever is the one that proves itself. */
function hashOf(
  n: Negotiation,
  sa: IsakmpSa,
  transcript: Phase1Transcript,
  byInitiator: boolean,
  idBody: Uint8Array,
): Uint8Array {
  const method = methodOf(sa.suite.authentication)
  const signs = (byInitiator ? method.initiator : method.responder) === 'signature'
  const bound = signs && method.signedPrf !== undefined ? n.registry.prf.get(method.signedPrf) : undefined
  return (byInitiator ? hashI : hashR)(bound ?? sa.suite.prf, sa.keys.skeyid, transcript, idBody)
}

const schemeOf = (method: Phase1Method): SignatureScheme =>
  method.key === 'rsa' ? { kind: 'rsaBare' } : { kind: 'ecdsaBare' }

/** Our ID, then HASH, or CERT and SIG once somebody has signed; `go` gets them. RFC 2409 §5.1, §5.4 */
export function withProof(
  n: Negotiation,
  pending: Pending,
  sa: IsakmpSa,
  transcript: Phase1Transcript,
  go: (id: IdPayload, proof: readonly Payload[]) => Phase1Step,
): Phase1Step {
  const id = phase1Id(n.config.localIdentity)
  const data = hashOf(n, sa, transcript, sa.initiator, encodeBody(id))
  const method = methodOf(sa.suite.authentication)
  if ((sa.initiator ? method.initiator : method.responder) === 'hash') return go(id, [{ type: 'HASH', data }])
  const ours = ourProof(n.config)
  if (ours.method !== 'certificate') return { outcome: 'failed', error: noCertificate }
  const certificates = ours.chain.map(
    ({ der }): Payload => ({ type: 'CERT', encoding: CertificateEncoding.X509_SIGNATURE.id, data: der }),
  )
  const form = { method: method.value, scheme: schemeOf(method), raw: true }
  return pending.ask({ do: 'sign', form, octets: data }, (answer) =>
    answer?.what === 'signature'
      ? go(id, [...certificates, { type: 'SIG', data: answer.signature }])
      : { outcome: 'failed', error: noCertificate },
  )
}

const noCertificate: VpnError = { kind: 'internal', problem: 'a signature is needed, and there is no key' }

/** What a peer said to prove itself, with the octets of its ID as they were sent. */
export interface Claim {
  readonly payloads: readonly Payload[]
  readonly id: IdPayload
  readonly idBody: Uint8Array
}

/** The claim in the payloads of one message; `undefined` without exactly one ID. */
export function claimIn(payloads: readonly Payload[], bodies: readonly Uint8Array[]): Claim | undefined {
  const id = only(payloads, 'ID')
  return id === undefined ? undefined : { payloads, id, idBody: bodies[payloads.indexOf(id)]!.slice() }
}

/** Whether the peer is believed; only then `go`. Nothing else of its message counts before. RFC 2409 §5.1, §5.4 */
export function withTrust(
  n: Negotiation,
  pending: Pending,
  {
    sa,
    transcript,
    facts,
  }: { readonly sa: IsakmpSa; readonly transcript: Phase1Transcript; readonly facts: PeerFacts },
  claim: Claim,
  go: () => Phase1Step,
): Phase1Step {
  const method = methodOf(sa.suite.authentication)
  const wanted = hashOf(n, sa, transcript, !sa.initiator, claim.idBody)
  if ((sa.initiator ? method.responder : method.initiator) === 'hash') {
    const hash = only(claim.payloads, 'HASH')
    if (hash === undefined || !equalConstantTime(hash.data, wanted))
      return { outcome: 'doubt', error: unprovedBy(n, sa) }
    const error = wrongName(n, claim.id)
    return error === undefined ? go() : { outcome: 'failed', error }
  }
  const signature = only(claim.payloads, 'SIG')
  const theirs = theirProof(n.config)
  if (signature === undefined || theirs.method !== 'certificate')
    return { outcome: 'doubt', error: unprovedBy(n, sa, 'it did not sign') }
  const certificates = all(claim.payloads, 'CERT')
    .filter(({ encoding }) => encoding === CertificateEncoding.X509_SIGNATURE.id)
    .map(({ data }) => data)
  const { lists, revocation, weak } = theirs
  const anchors = typeof theirs.anchors === 'function' ? theirs.anchors(certificates) : theirs.anchors
  // Either end may have begun this phase 1.
  const role = n.initiated ? 'gateway' : 'client'
  const question = { certificates, anchors, lists, revocation, weak, role } as const
  return pending.ask({ do: 'verifyChain', question }, (answer) => {
    if (answer?.what !== 'chain')
      return { outcome: 'doubt', error: unprovedBy(n, sa, 'nobody judged its certificate') }
    const { verdict } = answer
    if (!verdict.ok) {
      const { certificate: subject, rule, problem } = verdict.problem
      return { outcome: 'doubt', error: { kind: 'certificateRefused', subject, rule, problem } }
    }
    const [certificate] = verdict.chain
    const scheme = schemeOf(method)
    if (certificate === undefined || !fitsMethod(method, certificate.publicKey))
      return {
        outcome: 'doubt',
        error: unprovedBy(
          n,
          sa,
          certificate === undefined
            ? 'there is no certificate'
            : `its key, ${describeKey(certificate.publicKey)}, is not the kind that was agreed on`,
        ),
      }
    if (!verifySignature(certificate.publicKey, scheme, wanted, signature.data, true))
      return { outcome: 'doubt', error: unprovedBy(n, sa, 'the signature does not fit') }
    const error = nameProblem(n.config, claim.id, certificate, { commonName: theirs.commonName })
    if (error !== undefined) return { outcome: 'failed', error }
    facts.proof = { certificate, scheme: describeScheme(scheme) }
    return go()
  })
}

/** The other end, or we where we are the gateway, could not prove itself. */
export const unprovedBy = (n: Negotiation, sa: IsakmpSa, problem?: string): VpnError => ({
  kind: 'authFailed',
  who: n.initiated ? 'gateway' : 'us',
  method: wordsOf(methodOf(sa.suite.authentication)),
  ...(problem === undefined ? {} : { problem }),
})

/** For people, as in {@link VpnError}. */
const wordsOf = (method: Phase1Method): string => (method.skeyid === 'psk' ? 'psk' : 'certificate')

const fitsMethod = (method: Phase1Method, key: Parameters<typeof describeKey>[0]): boolean =>
  method.key === 'rsa' ? key.kind === 'rsa' : key.kind === 'ecdsa' && key.curve === method.key

/** At most so many authorities are named one by one; of more, any will do. */
const MOST_AUTHORITIES = 16

/** CERTREQ for the authorities we trust: each by its name, or any. RFC 2408 §3.10 */
export function certificateRequests(n: Negotiation): Payload[] {
  const theirs = theirProof(n.config)
  if (theirs.method !== 'certificate') return []
  const encoding = CertificateEncoding.X509_SIGNATURE.id
  const { anchors } = theirs
  if (typeof anchors === 'function' || anchors.length > MOST_AUTHORITIES)
    return [{ type: 'CERTREQ', encoding, authority: new Uint8Array(0) }]
  return anchors.map(({ subject }): Payload => ({ type: 'CERTREQ', encoding, authority: subject.der }))
}
