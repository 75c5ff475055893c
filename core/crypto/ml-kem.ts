import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import { Secret } from '../bytes/secret.ts'
import type { KeyExchangeInfo } from './transforms.ts'

type Kem = typeof ml_kem768

/** d ‖ z, what a key pair is made of. FIPS 203 §7.1 */
const SEED_BYTES = 64
/** What an encapsulation is made of. FIPS 203 §7.2 */
const MESSAGE_BYTES = 32

/** Transform type 4: key encapsulation that no quantum computer is known to break. FIPS 203, draft-ietf-ipsecme-ikev2-mlkem §2 */
export const mlKems = (): readonly KeyExchangeInfo[] => [
  row(35, 'ML_KEM_512', ml_kem512, 800, 768),
  row(36, 'ML_KEM_768', ml_kem768, 1184, 1088),
  row(37, 'ML_KEM_1024', ml_kem1024, 1568, 1568),
]

function row(
  id: number,
  name: string,
  kem: Kem,
  initiatorBytes: number,
  responderBytes: number,
): KeyExchangeInfo {
  return {
    id,
    name,
    reference: 'draft-ietf-ipsecme-ikev2-mlkem',
    initiatorBytes,
    responderBytes,
    begin(random) {
      const seed = random.bytes(SEED_BYTES)
      const { publicKey, secretKey } = kem.keygen(seed)
      seed.fill(0)
      return {
        data: publicKey,
        // A wrong ciphertext of the right length gives a wrong secret, which the next ICV shows. FIPS 203 §6.3
        finish: (ciphertext) =>
          ciphertext.length === responderBytes
            ? new Secret(kem.decapsulate(ciphertext, secretKey))
            : undefined,
        close: () => void secretKey.fill(0),
      }
    },
    respond(random, peerKey) {
      if (peerKey.length !== initiatorBytes) return undefined
      const message = random.bytes(MESSAGE_BYTES)
      try {
        const { cipherText, sharedSecret } = kem.encapsulate(peerKey, message)
        return { data: cipherText, secret: new Secret(sharedSecret) }
      } catch {
        return undefined // the check of the key, FIPS 203 §7.2
      } finally {
        message.fill(0)
      }
    },
  }
}
