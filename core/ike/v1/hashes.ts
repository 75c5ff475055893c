import { concat } from '../../bytes/octets.ts'
import type { Secret } from '../../bytes/secret.ts'
import type { PrfInfo } from '../../crypto/transforms.ts'
import type { Cookies } from './keys.ts'

/** What HASH_I and HASH_R are made of, as it was sent; never encoded again. RFC 2409 §5 */
export interface Phase1Transcript extends Cookies {
  /** g^xi and g^xr as in the KE payloads. */
  readonly initiatorKe: Uint8Array
  readonly responderKe: Uint8Array
  /** The initiator's SA without its generic header, in both hashes. */
  readonly saBody: Uint8Array
}

/** HASH_I = prf(SKEYID, g^xi ‖ g^xr ‖ CKY-I ‖ CKY-R ‖ SAi_b ‖ IDii_b). RFC 2409 §5 */
export const hashI = (prf: PrfInfo, skeyid: Secret, t: Phase1Transcript, idBody: Uint8Array): Uint8Array =>
  skeyid.use((key) =>
    prf.compute(
      key,
      concat(t.initiatorKe, t.responderKe, t.initiatorCookie, t.responderCookie, t.saBody, idBody),
    ),
  )

/** HASH_R = prf(SKEYID, g^xr ‖ g^xi ‖ CKY-R ‖ CKY-I ‖ SAi_b ‖ IDir_b). RFC 2409 §5 */
export const hashR = (prf: PrfInfo, skeyid: Secret, t: Phase1Transcript, idBody: Uint8Array): Uint8Array =>
  skeyid.use((key) =>
    prf.compute(
      key,
      concat(t.responderKe, t.initiatorKe, t.responderCookie, t.initiatorCookie, t.saBody, idBody),
    ),
  )

/**
 * HASH of a message after phase 1: prf(SKEYID_a, M-ID ‖ [Ni_b ‖] what follows the HASH payload). Serves HASH(1) and
 * HASH(2) of quick mode (which has `ni`), Informational and transaction exchanges. RFC 2409 §5.5, §5.7
 */
export const messageHash = (
  prf: PrfInfo,
  a: Secret,
  messageId: number,
  rest: Uint8Array,
  ni: Uint8Array = new Uint8Array(0),
): Uint8Array => a.use((key) => prf.compute(key, concat(messageIdBytes(messageId), ni, rest)))

/** HASH(3) = prf(SKEYID_a, 0 ‖ M-ID ‖ Ni_b ‖ Nr_b). RFC 2409 §5.5 */
export const quickHash3 = (
  prf: PrfInfo,
  a: Secret,
  messageId: number,
  ni: Uint8Array,
  nr: Uint8Array,
): Uint8Array => a.use((key) => prf.compute(key, concat(Uint8Array.of(0), messageIdBytes(messageId), ni, nr)))

export function messageIdBytes(messageId: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, messageId)
  return bytes
}
