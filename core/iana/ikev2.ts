import { labelUnknown, type Registry } from './registry.ts'

// The IANA page "Internet Key Exchange Version 2 (IKEv2) Parameters", registry by registry, in its order.
// The transform registries are in ikev2-transforms.ts, the notify types in ikev2-notify.ts.

/** RFC 7296 §3.1 */
export const ExchangeType = {
  IKE_SA_INIT: { id: 34, reference: 'RFC 7296' },
  IKE_AUTH: { id: 35, reference: 'RFC 7296' },
  CREATE_CHILD_SA: { id: 36, reference: 'RFC 7296' },
  INFORMATIONAL: { id: 37, reference: 'RFC 7296' },
  IKE_SESSION_RESUME: { id: 38, reference: 'RFC 5723' },
  GSA_AUTH: { id: 39, reference: 'RFC 9838' },
  GSA_REGISTRATION: { id: 40, reference: 'RFC 9838' },
  GSA_REKEY: { id: 41, reference: 'RFC 9838' },
  GSA_INBAND_REKEY: { id: 42, reference: 'RFC 9838' },
  IKE_INTERMEDIATE: { id: 43, reference: 'RFC 9242' },
  IKE_FOLLOWUP_KE: { id: 44, reference: 'RFC 9370' },
} as const satisfies Registry

/** Next Payload numbers, RFC 7296 §3.2. Named as `payload.ts` names the payloads. */
export const PayloadNumber = {
  NONE: { id: 0, reference: 'RFC 7296' },
  SA: { id: 33, reference: 'RFC 7296' },
  KE: { id: 34, reference: 'RFC 7296' },
  IDi: { id: 35, reference: 'RFC 7296' },
  IDr: { id: 36, reference: 'RFC 7296' },
  CERT: { id: 37, reference: 'RFC 7296' },
  CERTREQ: { id: 38, reference: 'RFC 7296' },
  AUTH: { id: 39, reference: 'RFC 7296' },
  Nonce: { id: 40, reference: 'RFC 7296' },
  Notify: { id: 41, reference: 'RFC 7296' },
  Delete: { id: 42, reference: 'RFC 7296' },
  VendorID: { id: 43, reference: 'RFC 7296' },
  TSi: { id: 44, reference: 'RFC 7296' },
  TSr: { id: 45, reference: 'RFC 7296' },
  SK: { id: 46, reference: 'RFC 7296' },
  CP: { id: 47, reference: 'RFC 7296' },
  EAP: { id: 48, reference: 'RFC 7296' },
  GSPM: { id: 49, reference: 'RFC 6467' },
  IDg: { id: 50, reference: 'RFC 9838' },
  GSA: { id: 51, reference: 'RFC 9838' },
  KD: { id: 52, reference: 'RFC 9838' },
  SKF: { id: 53, reference: 'RFC 7383' },
  PS: { id: 54, reference: 'RFC 8019' },
} as const satisfies Registry

/** Security Protocol Identifiers, RFC 7296 §3.3.1 */
export const SecurityProtocol = {
  IKE: { id: 1, reference: 'RFC 7296' },
  AH: { id: 2, reference: 'RFC 7296' },
  ESP: { id: 3, reference: 'RFC 7296' },
  FC_ESP_HEADER: { id: 4, reference: 'RFC 4595' },
  FC_CT_AUTHENTICATION: { id: 5, reference: 'RFC 4595' },
  GIKE_UPDATE: { id: 6, reference: 'RFC 9838' },
} as const satisfies Registry

/** Identification payload ID types, RFC 7296 §3.5 */
export const IdType = {
  ID_IPV4_ADDR: { id: 1, reference: 'RFC 7296' },
  ID_FQDN: { id: 2, reference: 'RFC 7296' },
  ID_RFC822_ADDR: { id: 3, reference: 'RFC 7296' },
  ID_IPV6_ADDR: { id: 5, reference: 'RFC 7296' },
  ID_DER_ASN1_DN: { id: 9, reference: 'RFC 7296' },
  ID_DER_ASN1_GN: { id: 10, reference: 'RFC 7296' },
  ID_KEY_ID: { id: 11, reference: 'RFC 7296' },
  ID_FC_NAME: { id: 12, reference: 'RFC 4595' },
  ID_NULL: { id: 13, reference: 'RFC 7619' },
} as const satisfies Registry

/** RFC 7296 §3.6 */
export const CertificateEncoding = {
  PKCS7_WRAPPED_X509: { id: 1, reference: 'RFC 7296' },
  PGP: { id: 2, reference: 'RFC 7296' },
  DNS_SIGNED_KEY: { id: 3, reference: 'RFC 7296' },
  X509_SIGNATURE: { id: 4, reference: 'RFC 7296' },
  KERBEROS_TOKEN: { id: 6, reference: 'RFC 7296' },
  CRL: { id: 7, reference: 'RFC 7296' },
  ARL: { id: 8, reference: 'RFC 7296' },
  SPKI: { id: 9, reference: 'RFC 7296' },
  X509_ATTRIBUTE: { id: 10, reference: 'RFC 7296' },
  RAW_RSA_KEY: { id: 11, reference: 'RFC 7296' },
  HASH_AND_URL_OF_X509: { id: 12, reference: 'RFC 7296' },
  HASH_AND_URL_OF_X509_BUNDLE: { id: 13, reference: 'RFC 7296' },
  OCSP_CONTENT: { id: 14, reference: 'RFC 4806' },
  RAW_PUBLIC_KEY: { id: 15, reference: 'RFC 7670' },
} as const satisfies Registry

/** RFC 7296 §3.8 */
export const AuthMethod = {
  RSA_SIGNATURE: { id: 1, reference: 'RFC 7296' },
  SHARED_KEY_MIC: { id: 2, reference: 'RFC 7296' },
  DSS_SIGNATURE: { id: 3, reference: 'RFC 7296' },
  ECDSA_SHA256_P256: { id: 9, reference: 'RFC 4754' },
  ECDSA_SHA384_P384: { id: 10, reference: 'RFC 4754' },
  ECDSA_SHA512_P521: { id: 11, reference: 'RFC 4754' },
  GSPM: { id: 12, reference: 'RFC 6467' },
  NULL: { id: 13, reference: 'RFC 7619' },
  DIGITAL_SIGNATURE: { id: 14, reference: 'RFC 7427' },
} as const satisfies Registry

/** Data of SIGNATURE_HASH_ALGORITHMS, RFC 7427 §4 */
export const HashAlgorithm = {
  SHA1: { id: 1, reference: 'RFC 7427' },
  SHA2_256: { id: 2, reference: 'RFC 7427' },
  SHA2_384: { id: 3, reference: 'RFC 7427' },
  SHA2_512: { id: 4, reference: 'RFC 7427' },
  IDENTITY: { id: 5, reference: 'RFC 8420' },
  STREEBOG_256: { id: 6, reference: 'RFC 9385' },
  STREEBOG_512: { id: 7, reference: 'RFC 9385' },
} as const satisfies Registry

/** RFC 7296 §3.13.1 */
export const TrafficSelectorType = {
  TS_IPV4_ADDR_RANGE: { id: 7, reference: 'RFC 7296' },
  TS_IPV6_ADDR_RANGE: { id: 8, reference: 'RFC 7296' },
  TS_FC_ADDR_RANGE: { id: 9, reference: 'RFC 4595' },
  TS_SECLABEL: { id: 10, reference: 'RFC 9478' },
} as const satisfies Registry

/** CFG types, RFC 7296 §3.15 */
export const CfgType = {
  CFG_REQUEST: { id: 1, reference: 'RFC 7296' },
  CFG_REPLY: { id: 2, reference: 'RFC 7296' },
  CFG_SET: { id: 3, reference: 'RFC 7296' },
  CFG_ACK: { id: 4, reference: 'RFC 7296' },
} as const satisfies Registry

/** Configuration payload attribute types, RFC 7296 §3.15.1 */
export const CfgAttribute = {
  INTERNAL_IP4_ADDRESS: { id: 1, reference: 'RFC 7296' },
  INTERNAL_IP4_NETMASK: { id: 2, reference: 'RFC 7296' },
  INTERNAL_IP4_DNS: { id: 3, reference: 'RFC 7296' },
  INTERNAL_IP4_NBNS: { id: 4, reference: 'RFC 7296' },
  INTERNAL_IP4_DHCP: { id: 6, reference: 'RFC 7296' },
  APPLICATION_VERSION: { id: 7, reference: 'RFC 7296' },
  INTERNAL_IP6_ADDRESS: { id: 8, reference: 'RFC 7296' },
  INTERNAL_IP6_DNS: { id: 10, reference: 'RFC 7296' },
  INTERNAL_IP6_DHCP: { id: 12, reference: 'RFC 7296' },
  INTERNAL_IP4_SUBNET: { id: 13, reference: 'RFC 7296' },
  SUPPORTED_ATTRIBUTES: { id: 14, reference: 'RFC 7296' },
  INTERNAL_IP6_SUBNET: { id: 15, reference: 'RFC 7296' },
  MIP6_HOME_PREFIX: { id: 16, reference: 'RFC 5026' },
  INTERNAL_IP6_LINK: { id: 17, reference: 'RFC 5739' },
  INTERNAL_IP6_PREFIX: { id: 18, reference: 'RFC 5739' },
  HOME_AGENT_ADDRESS: { id: 19, reference: '3GPP TS 24.302' },
  P_CSCF_IP4_ADDRESS: { id: 20, reference: 'RFC 7651' },
  P_CSCF_IP6_ADDRESS: { id: 21, reference: 'RFC 7651' },
  FTT_KAT: { id: 22, reference: '3GPP TS 24.302' },
  EXTERNAL_SOURCE_IP4_NAT_INFO: { id: 23, reference: '3GPP TS 29.139' },
  TIMEOUT_PERIOD_FOR_LIVENESS_CHECK: { id: 24, reference: '3GPP TS 24.302' },
  INTERNAL_DNS_DOMAIN: { id: 25, reference: 'RFC 8598' },
  INTERNAL_DNSSEC_TA: { id: 26, reference: 'RFC 8598' },
  ENCDNS_IP4: { id: 27, reference: 'RFC 9464' },
  ENCDNS_IP6: { id: 28, reference: 'RFC 9464' },
  ENCDNS_DIGEST_INFO: { id: 29, reference: 'RFC 9464' },
} as const satisfies Registry

labelUnknown(ExchangeType, 'EXCHANGE')
labelUnknown(PayloadNumber, 'PAYLOAD')
labelUnknown(SecurityProtocol, 'PROTOCOL')
labelUnknown(IdType, 'ID')
labelUnknown(CertificateEncoding, 'CERT_ENCODING')
labelUnknown(AuthMethod, 'AUTH_METHOD')
labelUnknown(HashAlgorithm, 'HASH')
labelUnknown(TrafficSelectorType, 'TS')
labelUnknown(CfgType, 'CFG')
labelUnknown(CfgAttribute, 'ATTRIBUTE')

export * from './ikev2-notify.ts'
export * from './ikev2-transforms.ts'
