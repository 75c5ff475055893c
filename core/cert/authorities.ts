import { createHash } from 'node:crypto'
import { concat, equal } from '../bytes/octets.ts'
import type { Certificate } from './certificate.ts'

const HASH_OCTETS = 20

/** How an authority is named in a CERTREQ payload: SHA-1 of its SubjectPublicKeyInfo. RFC 7296 §3.7 */
export const authorityHash = (authority: Certificate): Uint8Array =>
  new Uint8Array(createHash('sha1').update(authority.spki).digest())

/** The Certification Authority field of a CERTREQ that asks for certificates of these. RFC 7296 §3.7 */
export const encodeAuthorities = (authorities: readonly Certificate[]): Uint8Array =>
  concat(...authorities.map(authorityHash))

/** Somebody in `chain` is an authority the peer asked for. An empty or odd field asks for none in particular. RFC 7296 §3.7 */
export function isAskedFor(chain: readonly Certificate[], requested: Uint8Array): boolean {
  if (requested.length === 0 || requested.length % HASH_OCTETS !== 0) return true
  const hashes = chain.map(authorityHash)
  for (let at = 0; at < requested.length; at += HASH_OCTETS) {
    const wanted = requested.subarray(at, at + HASH_OCTETS)
    if (hashes.some((hash) => equal(hash, wanted))) return true
  }
  return false
}
