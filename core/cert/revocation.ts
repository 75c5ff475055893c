import type { Certificate } from './certificate.ts'
import { isAuthority, type RevocationList, serialKey } from './crl.ts'
import { nameEquals } from './name.ts'
import { answerFrom, type OcspResponse } from './ocsp.ts'
import { verifySignature } from './signature.ts'

/** Whether revocation is asked about: never, where somebody answers, or no trust without an answer. */
export type RevocationMode = 'off' | 'ifAvailable' | 'strict'

/** What is at hand to tell whether certificates were revoked; none of it is believed yet. */
export interface RevocationEvidence {
  readonly lists?: readonly RevocationList[]
  readonly responses?: readonly OcspResponse[]
}

export type Standing =
  | { readonly status: 'good' | 'unknown' }
  /** `since`: milliseconds of the wall clock. */
  | { readonly status: 'revoked'; readonly since: number }

/** What the evidence says of a certificate; revoked is revoked, whoever says otherwise. RFC 5280 §6.3, RFC 6960 §3.2 */
export function standingOf(
  certificate: Certificate,
  issuer: Certificate,
  { lists = [], responses = [] }: RevocationEvidence,
  when: { readonly at: number; readonly weakSha1: boolean },
): Standing {
  let good = false
  for (const list of lists) {
    const standing = standingByList(certificate, issuer, list, when)
    if (standing.status === 'revoked') return standing
    if (standing.status === 'good') good = true
  }
  for (const response of responses) {
    const answer = answerFrom(response, certificate, issuer, when)
    if (answer?.status === 'revoked')
      return { status: 'revoked', since: answer.revokedAt ?? answer.thisUpdate }
    if (answer?.status === 'good') good = true
  }
  return { status: good ? 'good' : 'unknown' }
}

/** By a list that its issuer itself has signed; a revoked serial stays revoked when the list grows old. */
function standingByList(
  certificate: Certificate,
  issuer: Certificate,
  list: RevocationList,
  { at, weakSha1 }: { readonly at: number; readonly weakSha1: boolean },
): Standing {
  const unknown = { status: 'unknown' } as const
  const { scheme, thisUpdate, nextUpdate } = list
  if (!nameEquals(list.issuer, issuer.subject) || issuer.extensions.keyUsage?.cRLSign === false)
    return unknown
  if (scheme === undefined || at < thisUpdate || !covers(list, certificate)) return unknown
  if ('hash' in scheme && scheme.hash === 'sha1' && !weakSha1) return unknown
  if (!verifySignature(issuer.publicKey, scheme, list.tbs, list.signature)) return unknown
  const since = list.revoked.get(serialKey(certificate.serial))
  if (since !== undefined) return { status: 'revoked', since }
  return nextUpdate === undefined || at <= nextUpdate ? { status: 'good' } : unknown
}

/** Whether a list that is only for some certificates is for this one. RFC 5280 §6.3.3 (b) */
function covers({ scope }: RevocationList, certificate: Certificate): boolean {
  if (scope === undefined) return true
  if (scope.only !== undefined && (scope.only === 'authorities') !== isAuthority(certificate)) return false
  const { revocationLists = [] } = certificate.extensions
  return scope.places.length === 0 || scope.places.some((place) => revocationLists.includes(place))
}

/** Where a certificate says that its standing can be learned. RFC 5280 §4.2.1.13, §4.2.2.1 */
export const sourcesOf = ({ extensions }: Certificate) => ({
  ocsp: extensions.ocspResponders ?? [],
  lists: extensions.revocationLists ?? [],
})
