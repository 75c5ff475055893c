import { concat, equalConstantTime, NO_OCTETS, utf8 } from '../../bytes/octets.ts'
import type { Secret } from '../../bytes/secret.ts'
import type { PrfInfo } from '../../crypto/transforms.ts'
import type { IdPayload } from '../../wire/ikev2/payload.ts'
import { SPEC } from './numbers.ts'

/** What one side's AUTH covers. RFC 7296 §2.15 */
export interface SignedBy {
  /** The whole IKE_SA_INIT message that side sent last, without the non-ESP marker. */
  readonly message: Uint8Array
  /** The other side's nonce. */
  readonly nonce: Uint8Array
  /** SK_pi for the initiator, SK_pr for the responder. */
  readonly pKey: Secret
  readonly id: IdPayload
  /** What the IKE_INTERMEDIATE exchanges add. RFC 9242 §3.3.2 */
  readonly intAuth?: Uint8Array | undefined
}

/** The octets that AUTH proves. RFC 7296 §2.15 */
export function signedOctets(prf: PrfInfo, by: SignedBy): Uint8Array {
  const rest = concat(Uint8Array.of(by.id.idType), by.id.idReserved ?? new Uint8Array(3), by.id.data)
  return concat(
    by.message,
    by.nonce,
    by.pKey.use((key) => prf.compute(key, rest)),
    by.intAuth ?? NO_OCTETS,
  )
}

/** AUTH data of method 2, Shared Key Message Integrity Code. RFC 7296 §2.15 */
export function sharedKeyAuth(prf: PrfInfo, psk: Secret, by: SignedBy): Uint8Array {
  const padded = psk.use((key) => prf.compute(key, utf8(SPEC.keyPad)))
  const auth = prf.compute(padded, signedOctets(prf, by))
  padded.fill(0)
  return auth
}

export const verifySharedKeyAuth = (prf: PrfInfo, psk: Secret, by: SignedBy, auth: Uint8Array): boolean =>
  equalConstantTime(sharedKeyAuth(prf, psk, by), auth)
