import { createHash } from 'node:crypto'
import { Phase1Hash } from '../../iana/ikev1.ts'

/** A hash phase 1 can negotiate. The PRF is its HMAC. RFC 2409 §4 */
export interface HashInfo {
  /** Value of the Hash attribute. */
  readonly id: number
  readonly name: string
  /** Transform ID of its HMAC among the PRFs of IKEv2. */
  readonly prf: number
  readonly bytes: number
  compute(data: Uint8Array): Uint8Array
}

const hash = (id: number, name: string, node: string, prf: number, bytes: number): HashInfo => ({
  id,
  name,
  prf,
  bytes,
  compute: (data) => new Uint8Array(createHash(node).update(data).digest()),
})

/** By value of the Hash attribute. */
export const HASHES: ReadonlyMap<number, HashInfo> = new Map(
  [
    hash(Phase1Hash.MD5.id, 'MD5', 'md5', 1, 16),
    hash(Phase1Hash.SHA1.id, 'SHA1', 'sha1', 2, 20),
    hash(Phase1Hash.SHA2_256.id, 'SHA2_256', 'sha256', 5, 32),
    hash(Phase1Hash.SHA2_384.id, 'SHA2_384', 'sha384', 6, 48),
    hash(Phase1Hash.SHA2_512.id, 'SHA2_512', 'sha512', 7, 64),
  ].map((row) => [row.id, row]),
)
