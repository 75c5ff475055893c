import { labelUnknown, type Registry } from './registry.ts'

// The IANA page "Internet Key Exchange (IKE) Attributes": what phase 1 negotiates. RFC 2409 Appendix A

/** The one Transform ID of ISAKMP, RFC 2407 §4.4.2 */
export const IsakmpTransform = {
  KEY_IKE: { id: 1, reference: 'RFC 2407' },
} as const satisfies Registry

/** Attribute classes of phase 1 */
export const Phase1Attribute = {
  ENCRYPTION: { id: 1, reference: 'RFC 2409' },
  HASH: { id: 2, reference: 'RFC 2409' },
  AUTHENTICATION: { id: 3, reference: 'RFC 2409' },
  GROUP: { id: 4, reference: 'RFC 2409' },
  GROUP_TYPE: { id: 5, reference: 'RFC 2409' },
  GROUP_PRIME: { id: 6, reference: 'RFC 2409' },
  GROUP_GENERATOR_1: { id: 7, reference: 'RFC 2409' },
  GROUP_GENERATOR_2: { id: 8, reference: 'RFC 2409' },
  GROUP_CURVE_A: { id: 9, reference: 'RFC 2409' },
  GROUP_CURVE_B: { id: 10, reference: 'RFC 2409' },
  LIFE_TYPE: { id: 11, reference: 'RFC 2409' },
  LIFE_DURATION: { id: 12, reference: 'RFC 2409' },
  PRF: { id: 13, reference: 'RFC 2409' },
  KEY_LENGTH: { id: 14, reference: 'RFC 2409' },
  FIELD_SIZE: { id: 15, reference: 'RFC 2409' },
  GROUP_ORDER: { id: 16, reference: 'RFC 2409' },
} as const satisfies Registry

/** Class 1 */
export const Phase1Encryption = {
  DES_CBC: { id: 1, reference: 'RFC 2405' },
  IDEA_CBC: { id: 2, reference: 'RFC 2409' },
  BLOWFISH_CBC: { id: 3, reference: 'RFC 2409' },
  RC5_R16_B64_CBC: { id: 4, reference: 'RFC 2409' },
  '3DES_CBC': { id: 5, reference: 'RFC 2409' },
  CAST_CBC: { id: 6, reference: 'RFC 2409' },
  AES_CBC: { id: 7, reference: 'RFC 3602' },
  CAMELLIA_CBC: { id: 8, reference: 'RFC 4312' },
} as const satisfies Registry

/** Class 2 */
export const Phase1Hash = {
  MD5: { id: 1, reference: 'RFC 1321' },
  SHA1: { id: 2, reference: 'FIPS 180-1' },
  TIGER: { id: 3, reference: 'RFC 2409' },
  SHA2_256: { id: 4, reference: 'RFC 4868' },
  SHA2_384: { id: 5, reference: 'RFC 4868' },
  SHA2_512: { id: 6, reference: 'RFC 4868' },
} as const satisfies Registry

/** Class 3 */
export const Phase1Authentication = {
  PRE_SHARED_KEY: { id: 1, reference: 'RFC 2409' },
  DSS_SIGNATURE: { id: 2, reference: 'RFC 2409' },
  RSA_SIGNATURE: { id: 3, reference: 'RFC 2409' },
  RSA_ENCRYPTION: { id: 4, reference: 'RFC 2409' },
  RSA_REVISED_ENCRYPTION: { id: 5, reference: 'RFC 2409' },
  ECDSA_SHA256_P256: { id: 9, reference: 'RFC 4754' },
  ECDSA_SHA384_P384: { id: 10, reference: 'RFC 4754' },
  ECDSA_SHA512_P521: { id: 11, reference: 'RFC 4754' },
  HYBRID_INITIATOR_RSA: { id: 64221, reference: 'draft-zegman-ike-hybrid-auth' },
  HYBRID_RESPONDER_RSA: { id: 64222, reference: 'draft-zegman-ike-hybrid-auth' },
  HYBRID_INITIATOR_DSS: { id: 64223, reference: 'draft-zegman-ike-hybrid-auth' },
  HYBRID_RESPONDER_DSS: { id: 64224, reference: 'draft-zegman-ike-hybrid-auth' },
  XAUTH_INITIATOR_PRE_SHARED_KEY: { id: 65001, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_RESPONDER_PRE_SHARED_KEY: { id: 65002, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_INITIATOR_DSS: { id: 65003, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_RESPONDER_DSS: { id: 65004, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_INITIATOR_RSA: { id: 65005, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_RESPONDER_RSA: { id: 65006, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_INITIATOR_RSA_ENCRYPTION: { id: 65007, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_RESPONDER_RSA_ENCRYPTION: { id: 65008, reference: 'draft-beaulieu-ike-xauth' },
} as const satisfies Registry

/** Class 4, the Group Description of phase 1 and of quick mode; the numbers are those of IKEv2. */
export const Group = {
  MODP_768: { id: 1, reference: 'RFC 2409' },
  MODP_1024: { id: 2, reference: 'RFC 2409' },
  EC2N_155: { id: 3, reference: 'RFC 2409' },
  EC2N_185: { id: 4, reference: 'RFC 2409' },
  MODP_1536: { id: 5, reference: 'RFC 3526' },
  MODP_2048: { id: 14, reference: 'RFC 3526' },
  MODP_3072: { id: 15, reference: 'RFC 3526' },
  MODP_4096: { id: 16, reference: 'RFC 3526' },
  MODP_6144: { id: 17, reference: 'RFC 3526' },
  MODP_8192: { id: 18, reference: 'RFC 3526' },
  ECP_256: { id: 19, reference: 'RFC 5903' },
  ECP_384: { id: 20, reference: 'RFC 5903' },
  ECP_521: { id: 21, reference: 'RFC 5903' },
  MODP_1024_160: { id: 22, reference: 'RFC 5114' },
  MODP_2048_224: { id: 23, reference: 'RFC 5114' },
  MODP_2048_256: { id: 24, reference: 'RFC 5114' },
  ECP_192: { id: 25, reference: 'RFC 5114' },
  ECP_224: { id: 26, reference: 'RFC 5114' },
  BRAINPOOL_P224R1: { id: 27, reference: 'RFC 6932' },
  BRAINPOOL_P256R1: { id: 28, reference: 'RFC 6932' },
  BRAINPOOL_P384R1: { id: 29, reference: 'RFC 6932' },
  BRAINPOOL_P512R1: { id: 30, reference: 'RFC 6932' },
  // The registry ends here; strongSwan numbers these as IKEv2 does.
  CURVE25519: { id: 31, reference: 'RFC 8031' },
  CURVE448: { id: 32, reference: 'RFC 8031' },
} as const satisfies Registry

/** Class 11 of phase 1 and class 1 of phase 2 */
export const LifeType = {
  SECONDS: { id: 1, reference: 'RFC 2409, RFC 2407' },
  KILOBYTES: { id: 2, reference: 'RFC 2409, RFC 2407' },
} as const satisfies Registry

labelUnknown(IsakmpTransform, 'TRANSFORM')
labelUnknown(Phase1Attribute, 'ATTRIBUTE')
labelUnknown(Phase1Encryption, 'ENCRYPTION')
labelUnknown(Phase1Hash, 'HASH')
labelUnknown(Phase1Authentication, 'AUTHENTICATION')
labelUnknown(Group, 'GROUP')
labelUnknown(LifeType, 'LIFE_TYPE')
