import { labelUnknown, type Registry } from './registry.ts'

/** RFC 7296 §3.3.2; SN was called ESN before RFC 9827 */
export const TransformType = {
  ENCR: { id: 1, reference: 'RFC 7296' },
  PRF: { id: 2, reference: 'RFC 7296' },
  INTEG: { id: 3, reference: 'RFC 7296' },
  KE: { id: 4, reference: 'RFC 7296' },
  SN: { id: 5, reference: 'RFC 7296' },
  ADDKE1: { id: 6, reference: 'RFC 9370' },
  ADDKE2: { id: 7, reference: 'RFC 9370' },
  ADDKE3: { id: 8, reference: 'RFC 9370' },
  ADDKE4: { id: 9, reference: 'RFC 9370' },
  ADDKE5: { id: 10, reference: 'RFC 9370' },
  ADDKE6: { id: 11, reference: 'RFC 9370' },
  ADDKE7: { id: 12, reference: 'RFC 9370' },
  KWA: { id: 13, reference: 'RFC 9838' },
  GCAUTH: { id: 14, reference: 'RFC 9838' },
} as const satisfies Registry

/** RFC 7296 §3.3.5 */
export const TransformAttributeType = {
  KEY_LENGTH: { id: 14, reference: 'RFC 7296' },
  SIGNATURE_ALGORITHM_IDENTIFIER: { id: 18, reference: 'RFC 9838' },
} as const satisfies Registry

/** Transform type 1 */
export const EncryptionAlgorithm = {
  ENCR_DES_IV64: { id: 1, reference: 'RFC 9395' },
  ENCR_DES: { id: 2, reference: 'RFC 2405' },
  ENCR_3DES: { id: 3, reference: 'RFC 2451' },
  ENCR_RC5: { id: 4, reference: 'RFC 2451' },
  ENCR_IDEA: { id: 5, reference: 'RFC 2451' },
  ENCR_CAST: { id: 6, reference: 'RFC 2451' },
  ENCR_BLOWFISH: { id: 7, reference: 'RFC 2451' },
  ENCR_3IDEA: { id: 8, reference: 'RFC 9395' },
  ENCR_DES_IV32: { id: 9, reference: 'RFC 9395' },
  ENCR_NULL: { id: 11, reference: 'RFC 2410' },
  ENCR_AES_CBC: { id: 12, reference: 'RFC 3602' },
  ENCR_AES_CTR: { id: 13, reference: 'RFC 5930' },
  ENCR_AES_CCM_8: { id: 14, reference: 'RFC 5282' },
  ENCR_AES_CCM_12: { id: 15, reference: 'RFC 5282' },
  ENCR_AES_CCM_16: { id: 16, reference: 'RFC 5282' },
  ENCR_AES_GCM_8: { id: 18, reference: 'RFC 4106, RFC 5282' },
  ENCR_AES_GCM_12: { id: 19, reference: 'RFC 4106, RFC 5282' },
  ENCR_AES_GCM_16: { id: 20, reference: 'RFC 4106, RFC 5282' },
  ENCR_NULL_AUTH_AES_GMAC: { id: 21, reference: 'RFC 4543' },
  ENCR_CAMELLIA_CBC: { id: 23, reference: 'RFC 5529' },
  ENCR_CAMELLIA_CTR: { id: 24, reference: 'RFC 5529' },
  ENCR_CAMELLIA_CCM_8: { id: 25, reference: 'RFC 5529' },
  ENCR_CAMELLIA_CCM_12: { id: 26, reference: 'RFC 5529' },
  ENCR_CAMELLIA_CCM_16: { id: 27, reference: 'RFC 5529' },
  ENCR_CHACHA20_POLY1305: { id: 28, reference: 'RFC 7634' },
  ENCR_AES_CCM_8_IIV: { id: 29, reference: 'RFC 8750' },
  ENCR_AES_GCM_16_IIV: { id: 30, reference: 'RFC 8750' },
  ENCR_CHACHA20_POLY1305_IIV: { id: 31, reference: 'RFC 8750' },
  ENCR_KUZNYECHIK_MGM_KTREE: { id: 32, reference: 'RFC 9227' },
  ENCR_MAGMA_MGM_KTREE: { id: 33, reference: 'RFC 9227' },
  ENCR_KUZNYECHIK_MGM_MAC_KTREE: { id: 34, reference: 'RFC 9227' },
  ENCR_MAGMA_MGM_MAC_KTREE: { id: 35, reference: 'RFC 9227' },
} as const satisfies Registry

/** Transform type 2 */
export const PseudorandomFunction = {
  PRF_HMAC_MD5: { id: 1, reference: 'RFC 2104' },
  PRF_HMAC_SHA1: { id: 2, reference: 'RFC 2104' },
  PRF_HMAC_TIGER: { id: 3, reference: 'RFC 9395' },
  PRF_AES128_XCBC: { id: 4, reference: 'RFC 4434' },
  PRF_HMAC_SHA2_256: { id: 5, reference: 'RFC 4868' },
  PRF_HMAC_SHA2_384: { id: 6, reference: 'RFC 4868' },
  PRF_HMAC_SHA2_512: { id: 7, reference: 'RFC 4868' },
  PRF_AES128_CMAC: { id: 8, reference: 'RFC 4615' },
  PRF_HMAC_STREEBOG_512: { id: 9, reference: 'RFC 9385' },
} as const satisfies Registry

/** Transform type 3 */
export const IntegrityAlgorithm = {
  NONE: { id: 0, reference: 'RFC 7296' },
  AUTH_HMAC_MD5_96: { id: 1, reference: 'RFC 2403' },
  AUTH_HMAC_SHA1_96: { id: 2, reference: 'RFC 2404' },
  AUTH_DES_MAC: { id: 3, reference: 'RFC 9395' },
  AUTH_KPDK_MD5: { id: 4, reference: 'RFC 9395' },
  AUTH_AES_XCBC_96: { id: 5, reference: 'RFC 3566' },
  AUTH_HMAC_MD5_128: { id: 6, reference: 'RFC 4595' },
  AUTH_HMAC_SHA1_160: { id: 7, reference: 'RFC 4595' },
  AUTH_AES_CMAC_96: { id: 8, reference: 'RFC 4494' },
  AUTH_AES_128_GMAC: { id: 9, reference: 'RFC 4543' },
  AUTH_AES_192_GMAC: { id: 10, reference: 'RFC 4543' },
  AUTH_AES_256_GMAC: { id: 11, reference: 'RFC 4543' },
  AUTH_HMAC_SHA2_256_128: { id: 12, reference: 'RFC 4868' },
  AUTH_HMAC_SHA2_384_192: { id: 13, reference: 'RFC 4868' },
  AUTH_HMAC_SHA2_512_256: { id: 14, reference: 'RFC 4868' },
} as const satisfies Registry

/** Transform type 4, and types 6 … 12 (RFC 9370) */
export const KeyExchangeMethod = {
  NONE: { id: 0, reference: 'RFC 7296' },
  MODP_768: { id: 1, reference: 'RFC 7296' },
  MODP_1024: { id: 2, reference: 'RFC 7296' },
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
  BRAINPOOL_P224R1: { id: 27, reference: 'RFC 6954' },
  BRAINPOOL_P256R1: { id: 28, reference: 'RFC 6954' },
  BRAINPOOL_P384R1: { id: 29, reference: 'RFC 6954' },
  BRAINPOOL_P512R1: { id: 30, reference: 'RFC 6954' },
  CURVE25519: { id: 31, reference: 'RFC 8031' },
  CURVE448: { id: 32, reference: 'RFC 8031' },
  GOST3410_2012_256: { id: 33, reference: 'RFC 9385' },
  GOST3410_2012_512: { id: 34, reference: 'RFC 9385' },
  ML_KEM_512: { id: 35, reference: 'draft-ietf-ipsecme-ikev2-mlkem' },
  ML_KEM_768: { id: 36, reference: 'draft-ietf-ipsecme-ikev2-mlkem' },
  ML_KEM_1024: { id: 37, reference: 'draft-ietf-ipsecme-ikev2-mlkem' },
} as const satisfies Registry

/** Transform type 5, RFC 9827 */
export const SequenceNumbers = {
  SEQUENTIAL_32: { id: 0, reference: 'RFC 7296' },
  PARTIAL_64: { id: 1, reference: 'RFC 7296' },
  UNSPECIFIED_32: { id: 2, reference: 'RFC 9827' },
} as const satisfies Registry

labelUnknown(TransformType, 'TRANSFORM')
labelUnknown(TransformAttributeType, 'ATTRIBUTE')
labelUnknown(EncryptionAlgorithm, 'ENCR')
labelUnknown(PseudorandomFunction, 'PRF')
labelUnknown(IntegrityAlgorithm, 'INTEG')
labelUnknown(KeyExchangeMethod, 'KE')
labelUnknown(SequenceNumbers, 'SN')

const idRegistries: ReadonlyMap<number, Registry> = new Map<number, Registry>([
  [TransformType.ENCR.id, EncryptionAlgorithm],
  [TransformType.PRF.id, PseudorandomFunction],
  [TransformType.INTEG.id, IntegrityAlgorithm],
  [TransformType.KE.id, KeyExchangeMethod],
  [TransformType.SN.id, SequenceNumbers],
  ...[6, 7, 8, 9, 10, 11, 12].map((type) => [type, KeyExchangeMethod] as const),
])

/** The registry that names the Transform IDs of a Transform Type; none for types nobody here knows. */
export const transformIds = (type: number): Registry | undefined => idRegistries.get(type)
