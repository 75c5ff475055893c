import { labelUnknown, type Registry } from './registry.ts'

// The IANA page "Extensible Authentication Protocol (EAP) Registry", and the numbers of the methods' own documents.

/** RFC 3748 §4 */
export const EapCode = {
  Request: { id: 1, reference: 'RFC 3748' },
  Response: { id: 2, reference: 'RFC 3748' },
  Success: { id: 3, reference: 'RFC 3748' },
  Failure: { id: 4, reference: 'RFC 3748' },
  Initiate: { id: 5, reference: 'RFC 6696' },
  Finish: { id: 6, reference: 'RFC 6696' },
} as const satisfies Registry

/** Method types: those a VPN gateway may ask for, and a few that are known by name only. */
export const EapType = {
  Identity: { id: 1, reference: 'RFC 3748' },
  Notification: { id: 2, reference: 'RFC 3748' },
  'Legacy Nak': { id: 3, reference: 'RFC 3748' },
  'MD5-Challenge': { id: 4, reference: 'RFC 3748' },
  OTP: { id: 5, reference: 'RFC 3748' },
  GTC: { id: 6, reference: 'RFC 3748' },
  'EAP-TLS': { id: 13, reference: 'RFC 5216, RFC 9190' },
  LEAP: { id: 17, reference: 'proprietary' },
  'EAP-SIM': { id: 18, reference: 'RFC 4186' },
  'EAP-TTLS': { id: 21, reference: 'RFC 5281' },
  'EAP-AKA': { id: 23, reference: 'RFC 4187' },
  PEAP: { id: 25, reference: 'draft-kamath-pppext-peapv0' },
  'EAP-MSCHAPv2': { id: 26, reference: 'draft-kamath-pppext-eap-mschapv2' },
  'EAP-TLV': { id: 33, reference: 'draft-hiller-eap-tlv' },
  'EAP-FAST': { id: 43, reference: 'RFC 4851' },
  "EAP-AKA'": { id: 50, reference: 'RFC 9048' },
  'EAP-GPSK': { id: 51, reference: 'RFC 5433' },
  'EAP-pwd': { id: 52, reference: 'RFC 5931' },
  TEAP: { id: 55, reference: 'RFC 7170' },
  Expanded: { id: 254, reference: 'RFC 3748' },
} as const satisfies Registry

/** OpCodes of EAP-MSCHAPv2. draft-kamath-pppext-eap-mschapv2-00 §2 */
export const MsChapOpCode = {
  Challenge: { id: 1, reference: 'draft-kamath-pppext-eap-mschapv2' },
  Response: { id: 2, reference: 'draft-kamath-pppext-eap-mschapv2' },
  Success: { id: 3, reference: 'draft-kamath-pppext-eap-mschapv2' },
  Failure: { id: 4, reference: 'draft-kamath-pppext-eap-mschapv2' },
  'Change-Password': { id: 7, reference: 'draft-kamath-pppext-eap-mschapv2' },
} as const satisfies Registry

/** `E=` of a Failure. RFC 2759 §6 */
export const MsChapError = {
  ERROR_RESTRICTED_LOGON_HOURS: { id: 646, reference: 'RFC 2759' },
  ERROR_ACCT_DISABLED: { id: 647, reference: 'RFC 2759' },
  ERROR_PASSWD_EXPIRED: { id: 648, reference: 'RFC 2759' },
  ERROR_NO_DIALIN_PERMISSION: { id: 649, reference: 'RFC 2759' },
  ERROR_AUTHENTICATION_FAILURE: { id: 691, reference: 'RFC 2759' },
  ERROR_CHANGING_PASSWORD: { id: 709, reference: 'RFC 2759' },
} as const satisfies Registry

labelUnknown(EapCode, 'EAP_CODE')
labelUnknown(EapType, 'EAP')
labelUnknown(MsChapOpCode, 'MSCHAPV2_OPCODE')
labelUnknown(MsChapError, 'ERROR')

/** RADIUS attributes that TTLS carries. RFC 5281 §11 */
export const RadiusAttribute = {
  'User-Name': { id: 1, reference: 'RFC 2865' },
  'User-Password': { id: 2, reference: 'RFC 2865' },
  'CHAP-Password': { id: 3, reference: 'RFC 2865' },
  'Reply-Message': { id: 18, reference: 'RFC 2865' },
  'CHAP-Challenge': { id: 60, reference: 'RFC 2865' },
  'EAP-Message': { id: 79, reference: 'RFC 3579' },
} as const satisfies Registry

/** Attributes of vendor 311. RFC 2548 §2 */
export const MicrosoftAttribute = {
  'MS-CHAP-Response': { id: 1, reference: 'RFC 2548' },
  'MS-CHAP-Error': { id: 2, reference: 'RFC 2548' },
  'MS-CHAP-Challenge': { id: 11, reference: 'RFC 2548' },
  'MS-CHAP2-Response': { id: 25, reference: 'RFC 2548' },
  'MS-CHAP2-Success': { id: 26, reference: 'RFC 2548' },
} as const satisfies Registry

export const VENDOR_MICROSOFT = 311
labelUnknown(RadiusAttribute, 'AVP')
labelUnknown(MicrosoftAttribute, 'MS_AVP')

/** Types of the TLVs at the end of PEAP. draft-josefsson-pppext-eap-tls-eap §4, [MS-PEAP] §2.2.8 */
export const PeapTlv = {
  Result: { id: 3, reference: 'draft-hiller-eap-tlv' },
  NAK: { id: 4, reference: 'draft-hiller-eap-tlv' },
  Cryptobinding: { id: 12, reference: '[MS-PEAP] §2.2.8.1.1' },
} as const satisfies Registry
labelUnknown(PeapTlv, 'TLV')
