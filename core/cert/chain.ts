import { equal } from '../bytes/octets.ts'
import type { CertificateRule } from '../errors.ts'
import { type Certificate, decodeCertificate, describeCertificate, isSelfIssued } from './certificate.ts'
import type { RevocationList } from './crl.ts'
import { formatName, nameEquals } from './name.ts'
import { constraintProblem } from './name-constraints.ts'
import type { OcspResponse } from './ocsp.ts'
import { KeyPurpose, namedBy } from './oids.ts'
import { policyProblem } from './policies.ts'
import { weaknessOf } from './public-key.ts'
import { type RevocationMode, type Standing, standingOf } from './revocation.ts'
import { verifySignature } from './signature.ts'

/** Bounds of ours: what a chain may cost, whoever sent it. */
const CHOICE = {
  /** Certificates from the wire that are looked at; more are refused. */
  certificates: 16,
  /** From leaf to anchor, both included. */
  pathLength: 8,
  /** Signatures checked for one question: cross-certified authorities can make a maze. */
  signatures: 48,
} as const

/** Weak algorithms somebody switched on by name. */
export interface CertificateWeakness {
  /** RSA of 1024 to 2047 bits. */
  readonly shortRsa?: boolean
  /** SHA-1 in signatures of certificates. */
  readonly sha1?: boolean
}

export interface ChainQuestion {
  /** DER as it came, the certificate of the peer itself first. RFC 7296 §3.6 */
  readonly certificates: readonly Uint8Array[]
  readonly anchors: readonly Certificate[]
  /** Whose certificate it is; decides the key purpose. */
  readonly role: 'gateway' | 'client'
  /** Milliseconds of the wall clock. */
  readonly at: number
  /** `strict`: refuse where nothing at hand says that a certificate stands. */
  readonly revocation?: RevocationMode
  readonly lists?: readonly RevocationList[]
  readonly responses?: readonly OcspResponse[]
  /** Why nothing more is at hand, where that is known: a clause. */
  readonly missing?: string
  readonly weak?: CertificateWeakness
  /** The gateway's certificate has to be issued under one of these policies, dotted. RFC 5280 §6.1.1 (c) */
  readonly policies?: readonly string[]
}

/** Which certificate, which rule, and what exactly (a clause without a full stop). */
export interface CertificateProblem {
  readonly certificate: string
  readonly rule: CertificateRule
  readonly problem: string
}

export type ChainVerdict =
  /**
   * `chain`: from the peer's own certificate to the anchor. `unknown`: why nobody has said whether one of them was revoked,
   * where that was asked; a clause.
   */
  | { readonly ok: true; readonly chain: readonly Certificate[]; readonly unknown?: string }
  | { readonly ok: false; readonly problem: CertificateProblem }

/** Whether a certificate leads to an anchor by every rule of RFC 5280 §6.1 and RFC 4945 §5. Never throws, whatever was sent. */
export function verifyChain(question: ChainQuestion): ChainVerdict {
  const { certificates } = question
  if (certificates.length === 0) return refused(undefined, 'missing', 'no certificate was sent')
  if (certificates.length > CHOICE.certificates) {
    return refused(
      undefined,
      'tooMany',
      `${certificates.length} certificates were sent, at most ${CHOICE.certificates} are read`,
    )
  }
  const [leaf, ...others] = certificates.map(decodeCertificate)
  if (leaf === undefined || !leaf.ok) {
    return refused(undefined, 'malformed', `it cannot be read: ${leaf?.error.message}`)
  }
  // An unreadable one in between is passed over: there may be another way.
  const usable = others.flatMap((read) => (read.ok ? [read.value] : []))
  return new Search(question, usable).verdict(leaf.value)
}

function refused(certificate: Certificate | undefined, rule: CertificateRule, problem: string): ChainVerdict {
  return { ok: false, problem: problemOf(certificate, rule, problem) }
}

function problemOf(
  certificate: Certificate | undefined,
  rule: CertificateRule,
  problem: string,
): CertificateProblem {
  const name = certificate === undefined ? 'the certificate' : describeCertificate(certificate)
  return { certificate: name, rule, problem }
}

class Search {
  readonly #question: ChainQuestion
  readonly #others: readonly Certificate[]
  #signaturesLeft: number = CHOICE.signatures
  /** The problem of the way that came farthest. */
  #best: CertificateProblem | undefined
  #reachedAnchor = false

  constructor(question: ChainQuestion, others: readonly Certificate[]) {
    this.#question = question
    this.#others = others
  }

  verdict(leaf: Certificate): ChainVerdict {
    const { anchors } = this.#question
    // Somebody put exactly this certificate into the profile: no authority needs to vouch for it.
    const pinned = anchors.some((anchor) => equal(anchor.der, leaf.der))
    if (pinned) {
      const problem = this.#judge([leaf])
      return problem === undefined ? { ok: true, chain: [leaf] } : { ok: false, problem }
    }
    const chain = this.#extend([leaf])
    if (chain !== undefined) return { ok: true, chain }
    if (this.#best !== undefined) return { ok: false, problem: this.#best }
    if (isSelfIssued(leaf)) {
      return refused(leaf, 'selfSigned', 'it is signed by itself and by no authority that is trusted')
    }
    return refused(
      leaf,
      'untrusted',
      `no trusted authority vouches for it: it was issued by ${formatName(leaf.issuer)}`,
    )
  }

  /** A whole chain that begins with `path`, by way of the issuers of its last one; depth first. */
  #extend(path: readonly Certificate[]): readonly Certificate[] | undefined {
    const last = path.at(-1)!
    for (const anchor of likeliestFirst(this.#question.anchors, last)) {
      if (!this.#signed(last, anchor)) continue
      const chain = [...path, anchor]
      const problem = this.#judge(chain)
      if (problem === undefined) return chain
      if (!this.#reachedAnchor) this.#best = problem
      this.#reachedAnchor = true
    }
    if (path.length + 1 >= CHOICE.pathLength) {
      this.#best ??= problemOf(
        path[0],
        'pathLength',
        `no trusted authority is found within ${CHOICE.pathLength} certificates`,
      )
      return undefined
    }
    for (const issuer of likeliestFirst(this.#others, last)) {
      const again = path.some(
        (seen) => equal(seen.spki, issuer.spki) && equal(seen.subject.der, issuer.subject.der),
      )
      if (again || !this.#signed(last, issuer)) continue
      const chain = this.#extend([...path, issuer])
      if (chain !== undefined) return chain
    }
    return undefined
  }

  #signed(certificate: Certificate, issuer: Certificate): boolean {
    if (this.#signaturesLeft-- <= 0) {
      this.#best ??= problemOf(certificate, 'tooMany', 'there are too many ways from it to an authority')
      return false
    }
    const weakness = weaknessOf(issuer.publicKey, this.#question.weak?.shortRsa === true)
    if (weakness !== undefined) {
      this.#best ??= problemOf(issuer, 'key', `its key ${weakness}`)
      return false
    }
    const { scheme, tbs, signature } = certificate
    const problem =
      scheme === undefined
        ? 'its signature is of a kind that is not accepted'
        : verifySignature(issuer.publicKey, scheme, tbs, signature)
          ? undefined
          : `its signature is not by ${describeCertificate(issuer)}`
    if (problem !== undefined) this.#best ??= problemOf(certificate, 'signature', problem)
    return problem === undefined
  }

  /** Everything but the signatures, from the anchor down. RFC 5280 §6.1.3–6.1.5 */
  #judge(chain: readonly Certificate[]): CertificateProblem | undefined {
    for (let at = chain.length - 1; at >= 0; at--) {
      const certificate = chain[at]!
      const isAnchor = at === chain.length - 1
      const found =
        this.#own(certificate, isAnchor) ??
        (at > 0
          ? authorityProblem(certificate, chain.slice(0, at), isAnchor)
          : purposeProblem(certificate, this.#question.role)) ??
        (isAnchor ? undefined : this.#revocation(certificate, chain[at + 1]!))
      if (found !== undefined) return problemOf(found.of ?? certificate, found.rule, found.problem)
    }
    const found = policyProblem(chain, this.#question.policies)
    return found && problemOf(found.of, 'policy', found.problem)
  }

  /** What any certificate has to fulfil by itself. */
  #own(certificate: Certificate, isAnchor: boolean): Found | undefined {
    const { at, weak } = this.#question
    const { notBefore, notAfter, extensions, scheme, publicKey } = certificate
    if (at > notAfter) return { rule: 'expired', problem: `it expired on ${day(notAfter)}` }
    if (at < notBefore) return { rule: 'notYetValid', problem: `it is valid from ${day(notBefore)} only` }
    const weakness = weaknessOf(publicKey, weak?.shortRsa === true)
    if (weakness !== undefined) return { rule: 'key', problem: `its key ${weakness}` }
    // An anchor is a name and a key that somebody chose; nobody has to vouch for it.
    if (isAnchor) return undefined
    if (scheme !== undefined && 'hash' in scheme && scheme.hash === 'sha1' && weak?.sha1 !== true) {
      return { rule: 'weakSignature', problem: 'it is signed with SHA-1, which can be forged' }
    }
    const [unknown] = extensions.unknownCritical
    return unknown === undefined
      ? undefined
      : { rule: 'criticalExtension', problem: `its critical extension ${unknown} is not understood` }
  }

  #revocation(certificate: Certificate, issuer: Certificate): Found | undefined {
    const { revocation, missing } = this.#question
    const standing = standingIn(this.#question, certificate, issuer)
    if (standing.status === 'revoked')
      return { rule: 'revoked', problem: `it was revoked on ${day(standing.since)}` }
    if (standing.status === 'good' || revocation !== 'strict') return undefined
    const reason = missing === undefined ? '' : ` (${missing})`
    return { rule: 'revocationUnknown', problem: `nothing current says that it was not revoked${reason}` }
  }
}

/** What the evidence of a question says of a certificate. */
export const standingIn = (
  question: ChainQuestion,
  certificate: Certificate,
  issuer: Certificate,
): Standing =>
  standingOf(certificate, issuer, question, { at: question.at, weakSha1: question.weak?.sha1 === true })

interface Found {
  readonly rule: CertificateRule
  readonly problem: string
  /** Another certificate than the one looked at. */
  readonly of?: Certificate
}

/** Whether it may issue what stands below it. `below`: from the leaf upwards. RFC 5280 §4.2.1.3, §4.2.1.9, §4.2.1.10 */
function authorityProblem(
  authority: Certificate,
  below: readonly Certificate[],
  isAnchor: boolean,
): Found | undefined {
  const { basicConstraints, keyUsage, nameConstraints } = authority.extensions
  // RFC 4945 §5.1.3.9; an old root without the extension may still be chosen by hand.
  if (basicConstraints === undefined ? !isAnchor : !basicConstraints.ca) {
    return { rule: 'notAuthority', problem: 'it is no authority and may not issue certificates' }
  }
  if (keyUsage?.keyCertSign === false) {
    return { rule: 'keyUsage', problem: 'its key may not sign certificates' }
  }
  const between = below.slice(1).filter((certificate) => !isSelfIssued(certificate)).length
  const most = basicConstraints?.pathLength
  if (most !== undefined && between > most) {
    return { rule: 'pathLength', problem: `${between} authorities stand below it, ${most} may` }
  }
  if (nameConstraints === undefined) return undefined
  for (const [at, certificate] of below.entries()) {
    if (at > 0 && isSelfIssued(certificate)) continue
    const problem = constraintProblem(nameConstraints, certificate)
    if (problem !== undefined) {
      return {
        of: certificate,
        rule: 'nameConstraints',
        problem: `${problem} by ${describeCertificate(authority)}`,
      }
    }
  }
  return undefined
}

const PURPOSES = {
  gateway: ['serverAuth', 'ipsecIKE', 'ikeIntermediate', 'anyExtendedKeyUsage'],
  client: ['clientAuth', 'ipsecIKE', 'ikeIntermediate', 'anyExtendedKeyUsage'],
} as const

/** RFC 4945 §5.1.3.2, §5.1.3.12: where a certificate names what it is for, IKE must be among it. */
function purposeProblem({ extensions }: Certificate, role: 'gateway' | 'client'): Found | undefined {
  const { keyUsage, extendedKeyUsage } = extensions
  if (keyUsage !== undefined && !keyUsage.digitalSignature && !keyUsage.nonRepudiation) {
    return { rule: 'keyUsage', problem: 'its key may not sign' }
  }
  const accepted: readonly string[] = PURPOSES[role]
  const fits = (purpose: string): boolean => accepted.includes(namedBy(KeyPurpose, purpose) ?? '')
  if (extendedKeyUsage === undefined || extendedKeyUsage.some(fits)) return undefined
  const named = extendedKeyUsage.slice(0, 8).map((purpose) => namedBy(KeyPurpose, purpose) ?? purpose)
  return {
    rule: 'extendedKeyUsage',
    problem: `it is for ${named.join(', ')} and not for ${accepted.slice(0, 2).join(' or ')}`,
  }
}

/** Those whose subject issued `certificate`; one with the key identifier it names comes first. RFC 4158 §3.5.12 */
function likeliestFirst(
  candidates: readonly Certificate[],
  certificate: Certificate,
): readonly Certificate[] {
  const wanted = certificate.extensions.authorityKeyIdentifier
  const named = (candidate: Certificate): number => {
    const has = candidate.extensions.subjectKeyIdentifier
    return wanted !== undefined && has !== undefined && equal(wanted, has) ? 0 : 1
  }
  return candidates
    .filter(({ subject }) => nameEquals(subject, certificate.issuer))
    .sort((a, b) => named(a) - named(b))
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 10)
