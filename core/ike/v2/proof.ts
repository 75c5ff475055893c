import { equal, NO_OCTETS } from '../../bytes/octets.ts'
import type { Secret } from '../../bytes/secret.ts'
import {
  type AuthForm,
  chooseAuth,
  encodeAuthData,
  offeredHashes,
  verifyAuth,
} from '../../cert/auth-signature.ts'
import { encodeAuthorities, isAskedFor } from '../../cert/authorities.ts'
import type { Certificate } from '../../cert/certificate.ts'
import type { ChainQuestion, ChainVerdict } from '../../cert/chain.ts'
import { certificateHas, type IdentityRules, namesOf } from '../../cert/identity.ts'
import { decodeOcspResponse, type OcspResponse } from '../../cert/ocsp.ts'
import type { VpnError } from '../../errors.ts'
import { AuthMethod, CertificateEncoding } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import { nameOf } from '../../iana/registry.ts'
import type { AuthPayload, IdPayload, Payload } from '../../wire/ikev2/payload.ts'
import type { CertificateTrust, ConnectionConfig, OurProof, TheirProof } from '../config.ts'
import { type SignedBy, sharedKeyAuth, signedOctets, verifySharedKeyAuth } from './auth.ts'
import { notTaken, wantsPss } from './auth-methods.ts'
import type { InitDone } from './exchanges/ike-sa-init.ts'
import type { IkeKeys } from './keys.ts'
import { describeIdentity, type Negotiation } from './negotiation.ts'
import { all, find, findNotify, notify } from './payloads.ts'

type Authenticating = Pick<ConnectionConfig, 'authentication'>

export const ourProof = ({ authentication }: Authenticating): OurProof =>
  authentication.method === 'psk' ? authentication : authentication.ours

export const theirProof = ({ authentication }: Authenticating): TheirProof =>
  authentication.method === 'psk' ? authentication : authentication.theirs

/** For people, as in {@link VpnError} and the status view. */
export const proofWords = ({ method }: OurProof | TheirProof): string =>
  ({ psk: 'pre-shared key', certificate: 'certificate', xauth: 'XAuth', eap: 'EAP', eapAlone: 'EAP alone' })[
    method
  ]

// --- IKE_SA_INIT ---

/** SHA-1 is announced only where somebody switched it on. */
function ourHashes(config: ConnectionConfig): readonly number[] | undefined {
  const [ours, theirs] = [ourProof(config), theirProof(config)]
  if (config.digitalSignatures === false) return undefined
  if (ours.method !== 'certificate' && theirs.method !== 'certificate') return undefined
  return offeredHashes(theirs.method === 'certificate' && theirs.weak.sha1 === true)
}

/** SIGNATURE_HASH_ALGORITHMS, where one of us signs. RFC 7427 §4 */
export function hashesNotify(config: ConnectionConfig): Payload[] {
  const hashes = ourHashes(config)
  if (hashes === undefined) return []
  const data = Uint8Array.from(hashes.flatMap((id) => [id >> 8, id & 0xff]))
  return [notify(NotifyType.SIGNATURE_HASH_ALGORITHMS.id, data)]
}

/** The hashes the peer takes; undefined where it or we announced none. An odd octet at the end is passed over. */
export function agreedHashes(
  config: ConnectionConfig,
  payloads: readonly Payload[],
): readonly number[] | undefined {
  const theirs = findNotify(payloads, NotifyType.SIGNATURE_HASH_ALGORITHMS.id)?.data
  if (theirs === undefined || ourHashes(config) === undefined) return undefined
  return Array.from({ length: theirs.length >> 1 }, (_, at) => (theirs[2 * at]! << 8) | theirs[2 * at + 1]!)
}

/** A list of the authorities of a whole system would not fit anywhere: then any will do. RFC 7296 §3.7 */
const MOST_AUTHORITIES = 64

/** CERTREQ for the authorities that were chosen. RFC 7296 §3.7 */
export function certificateRequest(config: ConnectionConfig): Payload[] {
  const theirs = theirProof(config)
  if (theirs.method !== 'certificate') return []
  const { anchors } = theirs
  const named = typeof anchors !== 'function' && anchors.length <= MOST_AUTHORITIES ? anchors : []
  return [
    {
      type: 'CERTREQ',
      encoding: CertificateEncoding.X509_SIGNATURE.id,
      authorities: encodeAuthorities(named),
    },
  ]
}

/** Asks for what OCSP responders say of the peer's certificate: then nobody else has to be asked. No responder is named, any that its authority appointed will do. RFC 4806 §3.1 */
export function ocspRequest(config: ConnectionConfig): Payload[] {
  const theirs = theirProof(config)
  if (theirs.method !== 'certificate' || theirs.revocation === 'off') return []
  return [{ type: 'CERTREQ', encoding: CertificateEncoding.OCSP_CONTENT.id, authorities: NO_OCTETS }]
}

// --- our proof ---

type Side = 'initiator' | 'responder'

/** What the AUTH of this side covers. RFC 7296 §2.15 */
const signedBy = (
  init: InitDone,
  side: Side,
  id: IdPayload,
  keys: Pick<IkeKeys, 'pi' | 'pr'> = init.sa.keys,
): SignedBy =>
  side === 'initiator'
    ? { message: init.requestBytes, nonce: init.nr, pKey: keys.pi, id, intAuth: init.intAuth }
    : { message: init.replyBytes, nonce: init.ni, pKey: keys.pr, id, intAuth: init.intAuth }

export type Proof =
  /** CERT and AUTH, ready to go. */
  | { readonly outcome: 'ready'; readonly payloads: readonly Payload[] }
  /** A signature is wanted first. */
  | {
      readonly outcome: 'sign'
      readonly form: AuthForm
      readonly octets: Uint8Array
      finish(signature: Uint8Array): readonly Payload[]
    }
  | { readonly outcome: 'impossible'; readonly error: VpnError }

/** Our `[CERT+,] AUTH` of IKE_AUTH. `keys`: where they are not those of the IKE SA. */
export function prove(
  n: Negotiation,
  init: InitDone,
  side: Side,
  id: IdPayload,
  request: readonly Payload[],
  keys?: Pick<IkeKeys, 'pi' | 'pr'>,
): Proof {
  const ours = ourProof(n)
  const { prf } = init.sa.suite
  if (ours.method === 'psk') {
    adviseOf(n, request, { method: AuthMethod.SHARED_KEY_MIC.id })
    const data = sharedKeyAuth(prf, ours.psk, signedBy(init, side, id, keys))
    return { outcome: 'ready', payloads: [{ type: 'AUTH', method: AuthMethod.SHARED_KEY_MIC.id, data }] }
  }
  if (ours.method === 'xauth')
    return { outcome: 'impossible', error: { kind: 'algorithmUnavailable', algorithm: 'XAuth with IKEv2' } }
  if (ours.method !== 'certificate') {
    return { outcome: 'impossible', error: { kind: 'internal', problem: 'EAP has an AUTH of its own' } }
  }
  const { key, pss, weakSha1, chain } = ours
  // The certificate is what the peer goes by: it may allow less than the key can do.
  const chosen = chooseAuth(chain[0]?.publicKey ?? key.publicKey, {
    peerHashes: init.peerHashes,
    pss: pss || wantsPss(request),
    weakSha1,
  })
  if (!chosen.ok) {
    const error: VpnError =
      chosen.why === 'weakSha1'
        ? weakSignature('Signing with SHA-1')
        : { kind: 'authFailed', who: 'us', method: 'certificate', problem: chosen.problem }
    return { outcome: 'impossible', error }
  }
  const asked = all(request, 'CERTREQ').filter(
    ({ encoding }) => encoding === CertificateEncoding.X509_SIGNATURE.id,
  )
  if (asked.length > 0 && !asked.some(({ authorities }) => isAskedFor(chain, authorities))) {
    n.note('the peer asks for certificates of other authorities than ours; it gets ours all the same')
  }
  const wantsOcsp = all(request, 'CERTREQ').some(
    ({ encoding }) => encoding === CertificateEncoding.OCSP_CONTENT.id,
  )
  const certificates = [
    ...chain.map(({ der }) => certificatePayload('X509_SIGNATURE', der)),
    ...(wantsOcsp ? (ours.ocsp?.() ?? []) : []).map((der) => certificatePayload('OCSP_CONTENT', der)),
  ]
  const { form } = chosen
  adviseOf(n, request, form)
  return {
    outcome: 'sign',
    form,
    octets: signedOctets(prf, signedBy(init, side, id, keys)),
    finish: (signature) => [
      ...certificates,
      { type: 'AUTH', method: form.method, data: encodeAuthData(form, signature) },
    ],
  }
}

/** The peer has said that it takes other proofs: it may be mistaken, and what is wrong is known if it is not. RFC 9593 §3.1 */
function adviseOf(n: Negotiation, request: readonly Payload[], form: Parameters<typeof notTaken>[1]): void {
  const taken = notTaken(request, form)
  if (taken !== undefined) n.note(`the peer says that it takes only: ${taken}`)
}

const certificatePayload = (encoding: 'X509_SIGNATURE' | 'OCSP_CONTENT', data: Uint8Array): Payload => ({
  type: 'CERT',
  encoding: CertificateEncoding[encoding].id,
  data,
})

/** In the words of the switch that allows it. */
const weakSignature = (algorithm: string): VpnError => ({
  kind: 'weakAlgorithm',
  algorithm,
  weakness: 'a signature over SHA-1 can be forged by a rich attacker',
  switch: '"weak": ["sha1signature"]',
})

/**
 * AUTH of either side after EAP: with the key its method gave, or without one with SK_pi and SK_pr. `keys`: where they
 * are not those of the IKE SA. RFC 7296 §2.16
 */
export function eapAuth(
  init: InitDone,
  side: Side,
  id: IdPayload,
  msk: Secret | undefined,
  keys?: Pick<IkeKeys, 'pi' | 'pr'>,
): AuthPayload {
  const by = signedBy(init, side, id, keys)
  const data = sharedKeyAuth(init.sa.suite.prf, msk ?? by.pKey, by)
  return { type: 'AUTH', method: AuthMethod.SHARED_KEY_MIC.id, data }
}

/** Whether this is the AUTH of the side whose EAP conversation gave this key. */
export function isEapAuth(
  init: InitDone,
  side: Side,
  id: IdPayload,
  msk: Secret | undefined,
  auth: AuthPayload | undefined,
): boolean {
  if (auth?.method !== AuthMethod.SHARED_KEY_MIC.id) return false
  const by = signedBy(init, side, id)
  return verifySharedKeyAuth(init.sa.suite.prf, msk ?? by.pKey, by, auth.data)
}

// --- their proof ---

/**
 * The question whether the peer's certificate can be trusted, before its AUTH is looked at; undefined where it
 * proves itself in another way, or not at all.
 */
export function chainQuestion(
  n: Negotiation,
  payloads: readonly Payload[],
  role: 'gateway' | 'client',
): Omit<ChainQuestion, 'at'> | undefined {
  const theirs = theirProof(n)
  const auth = find(payloads, 'AUTH')
  if (theirs.method !== 'certificate' || auth === undefined || auth.method === AuthMethod.SHARED_KEY_MIC.id) {
    return undefined
  }
  // Other encodings may stand beside ours; what cannot be read is passed over. RFC 7296 §3.6
  const certificates = all(payloads, 'CERT')
    .filter(({ encoding }) => encoding === CertificateEncoding.X509_SIGNATURE.id)
    .map(({ data }) => data)
  const question = trustQuestion(theirs, certificates, role)
  return theirs.revocation === 'off' ? question : { ...question, responses: stapled(payloads) }
}

/** OCSP responses looked at of one message: one for each link of a long chain. */
const MOST_STAPLED = 8

/** Beside the certificates; what cannot be read says nothing. RFC 4806 §3.2 */
const stapled = (payloads: readonly Payload[]): readonly OcspResponse[] =>
  all(payloads, 'CERT')
    .filter(({ encoding }) => encoding === CertificateEncoding.OCSP_CONTENT.id)
    .slice(0, MOST_STAPLED)
    .map(({ data }) => decodeOcspResponse(data))
    .flatMap((read) => (read.ok ? [read.value] : []))

/** The question whether these certificates, DER, lead to somebody who is trusted. */
export function trustQuestion(
  { anchors, lists, revocation, weak }: CertificateTrust,
  certificates: readonly Uint8Array[],
  role: 'gateway' | 'client',
): Omit<ChainQuestion, 'at'> {
  const known = typeof anchors === 'function' ? anchors(certificates) : anchors
  return { certificates, anchors: known, lists, revocation, weak, role }
}

/**
 * Why the peer is not believed; undefined when it is. `verdict`: the answer to {@link chainQuestion}.
 * Nothing else of its message counts before this. RFC 7296 §2.15
 */
export function doubt(
  n: Negotiation,
  init: InitDone,
  side: Side,
  { id, auth }: { readonly id: IdPayload; readonly auth: AuthPayload },
  verdict: ChainVerdict | undefined,
): VpnError | undefined {
  const who = side === 'responder' ? 'gateway' : 'us'
  const theirs = theirProof(n)
  const method = proofWords(theirs)
  const by = signedBy(init, side, id)
  const { prf } = init.sa.suite
  const wanted = n.config.remoteIdentity
  if (theirs.method === 'psk') {
    if (
      auth.method !== AuthMethod.SHARED_KEY_MIC.id ||
      !verifySharedKeyAuth(prf, theirs.psk, by, auth.data)
    ) {
      return { kind: 'authFailed', who, method }
    }
    return nameDoubt(n, id)
  }
  if (theirs.method !== 'certificate') {
    const problem = `it proved itself by ${nameOf(AuthMethod, auth.method)} and not by EAP`
    return { kind: 'authFailed', who, method, problem }
  }
  if (side === 'responder' && wanted === undefined) {
    return { kind: 'internal', problem: 'a certificate of the gateway needs a name to be held against' }
  }
  if (verdict === undefined || theirs.method !== 'certificate') {
    const problem = `it proved itself by ${nameOf(AuthMethod, auth.method)}`
    return { kind: 'authFailed', who, method, problem }
  }
  if (!verdict.ok) {
    const { certificate: subject, rule, problem } = verdict.problem
    return { kind: 'certificateRefused', subject, rule, problem }
  }
  const [certificate] = verdict.chain
  if (certificate === undefined) return { kind: 'internal', problem: 'a chain without a certificate' }
  const weakSha1 = theirs.weak.sha1 === true
  const announced = init.peerHashes === undefined ? undefined : offeredHashes(weakSha1)
  const proof = verifyAuth(certificate.publicKey, signedOctets(prf, by), auth, {
    offeredHashes: announced,
    weakSha1,
  })
  if (!proof.ok) {
    return proof.why === 'weakSha1'
      ? weakSignature('A signature with SHA-1')
      : { kind: 'authFailed', who, method, problem: proof.problem }
  }
  const misnamed = nameProblem(n.config, id, certificate, { commonName: theirs.commonName })
  if (misnamed !== undefined) return misnamed
  n.remoteProof = { certificate, scheme: proof.scheme }
  return undefined
}

/** Whether a certificate is for whom its owner says to be, and for whom we want; undefined where it is. RFC 4945 §3.1 */
export function nameProblem(
  { remoteIdentity: wanted }: Pick<ConnectionConfig, 'remoteIdentity'>,
  id: { readonly idType: number; readonly data: Uint8Array },
  certificate: Certificate,
  rules: IdentityRules,
): VpnError | undefined {
  const identity = { type: id.idType, data: id.data }
  if (!certificateHas(certificate, identity, rules)) return mismatch(identity, namesOf(certificate))
  // Some gateways call themselves by their subject whatever they were asked for: the certificate binds both names.
  if (wanted !== undefined && !isSame(wanted, id) && !certificateHas(certificate, wanted, rules)) {
    return mismatch(wanted, namesOf(certificate))
  }
  return undefined
}

const describe = ({ idType, data }: IdPayload): string => describeIdentity({ type: idType, data })

/**
 * The peer says it is whom we expect, or we expect nobody in particular: then it is anybody but ourselves, because who
 * knows a key that both ends share could be our own echo (Cremers 2011). Whether its name is true is another matter.
 */
export function nameDoubt(n: Negotiation, id: IdPayload): VpnError | undefined {
  const { remoteIdentity: wanted, localIdentity } = n.config
  if (wanted !== undefined) return isSame(wanted, id) ? undefined : mismatch(wanted, [describe(id)])
  if (!n.initiated || !isSame(localIdentity, id)) return undefined
  const problem = `it calls itself ${describe(id)}, as we do`
  return { kind: 'authFailed', who: 'gateway', method: proofWords(theirProof(n)), problem }
}

const isSame = (
  wanted: { readonly type: number; readonly data: Uint8Array },
  id: { readonly idType: number; readonly data: Uint8Array },
): boolean => wanted.type === id.idType && equal(wanted.data, id.data)

const mismatch = (
  wanted: { readonly type: number; readonly data: Uint8Array },
  has: readonly string[],
): VpnError => ({ kind: 'gatewayIdMismatch', wanted: describeIdentity(wanted), has })
