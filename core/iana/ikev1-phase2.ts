import { labelUnknown, type Registry } from './registry.ts'

// The IPsec part of the IANA page "ISAKMP Identifiers": what quick mode negotiates. RFC 2407 §4.4, §4.5

/** Attribute classes of phase 2, RFC 2407 §4.5 */
export const Phase2Attribute = {
  LIFE_TYPE: { id: 1, reference: 'RFC 2407' },
  LIFE_DURATION: { id: 2, reference: 'RFC 2407' },
  GROUP: { id: 3, reference: 'RFC 2407' },
  ENCAPSULATION: { id: 4, reference: 'RFC 2407' },
  AUTHENTICATION: { id: 5, reference: 'RFC 2407' },
  KEY_LENGTH: { id: 6, reference: 'RFC 2407' },
  KEY_ROUNDS: { id: 7, reference: 'RFC 2407' },
  COMPRESSION_DICTIONARY: { id: 8, reference: 'RFC 2407' },
  COMPRESSION_PRIVATE: { id: 9, reference: 'RFC 2407' },
  ECN_TUNNEL: { id: 10, reference: 'RFC 3168' },
  EXTENDED_SEQUENCE_NUMBER: { id: 11, reference: 'RFC 4304' },
  AUTHENTICATION_KEY_LENGTH: { id: 12, reference: 'RFC 4359' },
  SIGNATURE_ENCODING: { id: 13, reference: 'RFC 4359' },
  ADDRESS_PRESERVATION: { id: 14, reference: 'RFC 6407' },
  SA_DIRECTION: { id: 15, reference: 'RFC 6407' },
} as const satisfies Registry

/** Class 4 */
export const Encapsulation = {
  TUNNEL: { id: 1, reference: 'RFC 2407' },
  TRANSPORT: { id: 2, reference: 'RFC 2407' },
  UDP_TUNNEL: { id: 3, reference: 'RFC 3947' },
  UDP_TRANSPORT: { id: 4, reference: 'RFC 3947' },
  UDP_TUNNEL_DRAFT: { id: 61443, reference: 'draft-ietf-ipsec-nat-t-ike-03' },
  UDP_TRANSPORT_DRAFT: { id: 61444, reference: 'draft-ietf-ipsec-nat-t-ike-03' },
} as const satisfies Registry

/** Class 5 */
export const Phase2Authentication = {
  HMAC_MD5: { id: 1, reference: 'RFC 2407' },
  HMAC_SHA1: { id: 2, reference: 'RFC 2407' },
  DES_MAC: { id: 3, reference: 'RFC 2407' },
  KPDK: { id: 4, reference: 'RFC 2407' },
  HMAC_SHA2_256: { id: 5, reference: 'RFC 4868' },
  HMAC_SHA2_384: { id: 6, reference: 'RFC 4868' },
  HMAC_SHA2_512: { id: 7, reference: 'RFC 4868' },
  HMAC_RIPEMD: { id: 8, reference: 'RFC 2857' },
  AES_XCBC_MAC: { id: 9, reference: 'RFC 3566' },
  SIG_RSA: { id: 10, reference: 'RFC 4359' },
  AES_128_GMAC: { id: 11, reference: 'RFC 4543' },
  AES_192_GMAC: { id: 12, reference: 'RFC 4543' },
  AES_256_GMAC: { id: 13, reference: 'RFC 4543' },
} as const satisfies Registry

/** RFC 2407 §4.4.4. From 21 on not the numbers of IKEv2. */
export const EspTransform = {
  ESP_DES_IV64: { id: 1, reference: 'RFC 2407' },
  ESP_DES: { id: 2, reference: 'RFC 2407' },
  ESP_3DES: { id: 3, reference: 'RFC 2407' },
  ESP_RC5: { id: 4, reference: 'RFC 2407' },
  ESP_IDEA: { id: 5, reference: 'RFC 2407' },
  ESP_CAST: { id: 6, reference: 'RFC 2407' },
  ESP_BLOWFISH: { id: 7, reference: 'RFC 2407' },
  ESP_3IDEA: { id: 8, reference: 'RFC 2407' },
  ESP_DES_IV32: { id: 9, reference: 'RFC 2407' },
  ESP_RC4: { id: 10, reference: 'RFC 2407' },
  ESP_NULL: { id: 11, reference: 'RFC 2407' },
  ESP_AES_CBC: { id: 12, reference: 'RFC 3602' },
  ESP_AES_CTR: { id: 13, reference: 'RFC 3686' },
  ESP_AES_CCM_8: { id: 14, reference: 'RFC 4309' },
  ESP_AES_CCM_12: { id: 15, reference: 'RFC 4309' },
  ESP_AES_CCM_16: { id: 16, reference: 'RFC 4309' },
  ESP_AES_GCM_8: { id: 18, reference: 'RFC 4106' },
  ESP_AES_GCM_12: { id: 19, reference: 'RFC 4106' },
  ESP_AES_GCM_16: { id: 20, reference: 'RFC 4106' },
  ESP_SEED_CBC: { id: 21, reference: 'RFC 4196' },
  ESP_CAMELLIA: { id: 22, reference: 'RFC 4312' },
  ESP_NULL_AUTH_AES_GMAC: { id: 23, reference: 'RFC 4543' },
} as const satisfies Registry

/** RFC 2407 §4.4.3 */
export const AhTransform = {
  AH_MD5: { id: 2, reference: 'RFC 2407' },
  AH_SHA: { id: 3, reference: 'RFC 2407' },
  AH_DES: { id: 4, reference: 'RFC 2407' },
  AH_SHA2_256: { id: 5, reference: 'RFC 4868' },
  AH_SHA2_384: { id: 6, reference: 'RFC 4868' },
  AH_SHA2_512: { id: 7, reference: 'RFC 4868' },
  AH_RIPEMD: { id: 8, reference: 'RFC 2857' },
  AH_AES_XCBC_MAC: { id: 9, reference: 'RFC 3566' },
  AH_RSA: { id: 10, reference: 'RFC 4359' },
  AH_AES_128_GMAC: { id: 11, reference: 'RFC 4543' },
  AH_AES_192_GMAC: { id: 12, reference: 'RFC 4543' },
  AH_AES_256_GMAC: { id: 13, reference: 'RFC 4543' },
} as const satisfies Registry

/** RFC 2407 §4.4.5 */
export const IpcompTransform = {
  IPCOMP_OUI: { id: 1, reference: 'RFC 2407' },
  IPCOMP_DEFLATE: { id: 2, reference: 'RFC 2407' },
  IPCOMP_LZS: { id: 3, reference: 'RFC 2407' },
  IPCOMP_LZJH: { id: 4, reference: 'RFC 3051' },
} as const satisfies Registry

labelUnknown(Phase2Attribute, 'ATTRIBUTE')
labelUnknown(Encapsulation, 'ENCAPSULATION')
labelUnknown(Phase2Authentication, 'AUTHENTICATION')
labelUnknown(EspTransform, 'ESP')
labelUnknown(AhTransform, 'AH')
labelUnknown(IpcompTransform, 'IPCOMP')
