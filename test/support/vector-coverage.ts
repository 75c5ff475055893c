// What becomes of every file of vectors that is kept beside the repository, by its path in that collection.

const SIGNATURES = 'signature authentication is not done yet'
const ML_KEM = 'test/extra/ml-kem.test.ts runs it'

/** Files that do not apply, or not yet, and why. Everything else must be run. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  'crypto/strongswan/ml_kem.json': ML_KEM,
  'crypto/strongswan/modpsub.json': 'groups 22–24 are not offered: RFC 8247 §2.4 advises against them',
  'crypto/wycheproof/ecdsa_secp256r1_sha256_test.json': SIGNATURES,
  'crypto/wycheproof/ecdsa_secp384r1_sha384_test.json': SIGNATURES,
  'crypto/wycheproof/ecdsa_secp521r1_sha512_test.json': SIGNATURES,
  'crypto/wycheproof/ed25519_test.json': SIGNATURES,
  'crypto/wycheproof/ed448_test.json': SIGNATURES,
  'crypto/wycheproof/mlkem_1024_test.json': ML_KEM,
  'crypto/wycheproof/mlkem_512_test.json': ML_KEM,
  'crypto/wycheproof/mlkem_768_encaps_test.json': ML_KEM,
  'crypto/wycheproof/mlkem_768_test.json': ML_KEM,
  'crypto/wycheproof/rsa_pss_2048_sha256_mgf1_32_test.json': SIGNATURES,
  'crypto/wycheproof/rsa_pss_3072_sha256_mgf1_32_test.json': SIGNATURES,
  'crypto/wycheproof/rsa_signature_2048_sha256_test.json': SIGNATURES,
  'crypto/wycheproof/rsa_signature_2048_sha384_test.json': SIGNATURES,
  'crypto/wycheproof/rsa_signature_2048_sha512_test.json': SIGNATURES,
  'rfc/rfc2759.txt': 'its numbers stand in test/crypto/ms-chap.test.ts',
  'rfc/rfc3079.txt': 'its numbers stand in test/crypto/ms-chap.test.ts',
  'rfc/rfc4186.txt': 'its packets are test/vectors/data/eap/rfc4186.json, which test/eap/sim.test.ts runs',
  'rfc/rfc5448.txt': 'RFC 9048 prints the same numbers',
  'rfc/rfc7427.txt': SIGNATURES,
  'rfc/rfc8420.txt': SIGNATURES,
  'rfc/rfc9048.txt':
    'its numbers are test/vectors/data/eap/rfc9048.json, which test/crypto/sim-keys.test.ts runs',
}
