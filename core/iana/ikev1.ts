import { labelUnknown, type Registry } from './registry.ts'

// The IANA page "Internet Security Association and Key Management Protocol (ISAKMP) Identifiers".
// The attributes of phase 1 and phase 2 are in ikev1-phase1.ts and ikev1-phase2.ts, those of configuration and
// XAuth in ikev1-configuration.ts, the notify types in ikev1-notify.ts.

/** RFC 2408 §3.1, RFC 2409 Appendix A. Main mode is what RFC 2408 calls Identity Protection. */
export const ExchangeType = {
  BASE: { id: 1, reference: 'RFC 2408 §4.4' },
  MAIN: { id: 2, reference: 'RFC 2408 §4.5' },
  AUTHENTICATION_ONLY: { id: 3, reference: 'RFC 2408 §4.6' },
  AGGRESSIVE: { id: 4, reference: 'RFC 2408 §4.7' },
  INFORMATIONAL: { id: 5, reference: 'RFC 2408 §4.8' },
  TRANSACTION: { id: 6, reference: 'draft-dukes-ike-mode-cfg' },
  QUICK: { id: 32, reference: 'RFC 2409 §5.5' },
  NEW_GROUP: { id: 33, reference: 'RFC 2409 §5.6' },
} as const satisfies Registry

/** Next Payload numbers, RFC 2408 §3.1. Named as `payload.ts` names the payloads. */
export const PayloadNumber = {
  NONE: { id: 0, reference: 'RFC 2408' },
  SA: { id: 1, reference: 'RFC 2408' },
  PROPOSAL: { id: 2, reference: 'RFC 2408' },
  TRANSFORM: { id: 3, reference: 'RFC 2408' },
  KE: { id: 4, reference: 'RFC 2408' },
  ID: { id: 5, reference: 'RFC 2408' },
  CERT: { id: 6, reference: 'RFC 2408' },
  CERTREQ: { id: 7, reference: 'RFC 2408' },
  HASH: { id: 8, reference: 'RFC 2408' },
  SIG: { id: 9, reference: 'RFC 2408' },
  Nonce: { id: 10, reference: 'RFC 2408' },
  Notify: { id: 11, reference: 'RFC 2408' },
  Delete: { id: 12, reference: 'RFC 2408' },
  VendorID: { id: 13, reference: 'RFC 2408' },
  ATTRIBUTES: { id: 14, reference: 'draft-dukes-ike-mode-cfg' },
  SAK: { id: 15, reference: 'RFC 3547' },
  SAT: { id: 16, reference: 'RFC 3547' },
  KD: { id: 17, reference: 'RFC 3547' },
  SEQ: { id: 18, reference: 'RFC 3547' },
  POP: { id: 19, reference: 'RFC 3547' },
  NATD: { id: 20, reference: 'RFC 3947' },
  NATOA: { id: 21, reference: 'RFC 3947' },
  GAP: { id: 22, reference: 'RFC 6407' },
  NATD_DRAFT: { id: 130, reference: 'draft-ietf-ipsec-nat-t-ike-03' },
  NATOA_DRAFT: { id: 131, reference: 'draft-ietf-ipsec-nat-t-ike-03' },
  FRAGMENT: { id: 132, reference: '[MS-IKEE] §2.2.3.1' },
} as const satisfies Registry

/** Domain of Interpretation, RFC 2407 §4 */
export const Doi = {
  ISAKMP: { id: 0, reference: 'RFC 2408' },
  IPSEC: { id: 1, reference: 'RFC 2407' },
  GDOI: { id: 2, reference: 'RFC 3547' },
} as const satisfies Registry

/** Bits of the Situation field, RFC 2407 §4.2 */
export const Situation = {
  IDENTITY_ONLY: { id: 1, reference: 'RFC 2407 §4.2.1' },
  SECRECY: { id: 2, reference: 'RFC 2407 §4.2.2' },
  INTEGRITY: { id: 4, reference: 'RFC 2407 §4.2.3' },
} as const satisfies Registry

/** RFC 2407 §4.4.1 */
export const SecurityProtocol = {
  ISAKMP: { id: 1, reference: 'RFC 2407' },
  AH: { id: 2, reference: 'RFC 2407' },
  ESP: { id: 3, reference: 'RFC 2407' },
  IPCOMP: { id: 4, reference: 'RFC 2407' },
} as const satisfies Registry

/** RFC 2407 §4.6.2.1 */
export const IdType = {
  ID_IPV4_ADDR: { id: 1, reference: 'RFC 2407' },
  ID_FQDN: { id: 2, reference: 'RFC 2407' },
  ID_USER_FQDN: { id: 3, reference: 'RFC 2407' },
  ID_IPV4_ADDR_SUBNET: { id: 4, reference: 'RFC 2407' },
  ID_IPV6_ADDR: { id: 5, reference: 'RFC 2407' },
  ID_IPV6_ADDR_SUBNET: { id: 6, reference: 'RFC 2407' },
  ID_IPV4_ADDR_RANGE: { id: 7, reference: 'RFC 2407' },
  ID_IPV6_ADDR_RANGE: { id: 8, reference: 'RFC 2407' },
  ID_DER_ASN1_DN: { id: 9, reference: 'RFC 2407' },
  ID_DER_ASN1_GN: { id: 10, reference: 'RFC 2407' },
  ID_KEY_ID: { id: 11, reference: 'RFC 2407' },
  ID_LIST: { id: 12, reference: 'RFC 3554' },
} as const satisfies Registry

/** RFC 2408 §3.9 */
export const CertificateEncoding = {
  NONE: { id: 0, reference: 'RFC 2408' },
  PKCS7_WRAPPED_X509: { id: 1, reference: 'RFC 2408' },
  PGP: { id: 2, reference: 'RFC 2408' },
  DNS_SIGNED_KEY: { id: 3, reference: 'RFC 2408' },
  X509_SIGNATURE: { id: 4, reference: 'RFC 2408' },
  X509_KEY_EXCHANGE: { id: 5, reference: 'RFC 2408' },
  KERBEROS_TOKENS: { id: 6, reference: 'RFC 2408' },
  CRL: { id: 7, reference: 'RFC 2408' },
  ARL: { id: 8, reference: 'RFC 2408' },
  SPKI: { id: 9, reference: 'RFC 2408' },
  X509_ATTRIBUTE: { id: 10, reference: 'RFC 2408' },
} as const satisfies Registry

labelUnknown(ExchangeType, 'EXCHANGE')
labelUnknown(PayloadNumber, 'PAYLOAD')
labelUnknown(Doi, 'DOI')
labelUnknown(Situation, 'SITUATION')
labelUnknown(SecurityProtocol, 'PROTOCOL')
labelUnknown(IdType, 'ID')
labelUnknown(CertificateEncoding, 'CERT_ENCODING')

export * from './ikev1-configuration.ts'
export * from './ikev1-notify.ts'
export * from './ikev1-phase1.ts'
export * from './ikev1-phase2.ts'
