import { labelUnknown, type Registry } from './registry.ts'

// The IANA page "EAP-AKA and EAP-SIM Parameters".

export const SimSubtype = {
  'AKA-Challenge': { id: 1, reference: 'RFC 4187' },
  'AKA-Authentication-Reject': { id: 2, reference: 'RFC 4187' },
  'AKA-Synchronization-Failure': { id: 4, reference: 'RFC 4187' },
  'AKA-Identity': { id: 5, reference: 'RFC 4187' },
  'SIM-Start': { id: 10, reference: 'RFC 4186' },
  'SIM-Challenge': { id: 11, reference: 'RFC 4186' },
  Notification: { id: 12, reference: 'RFC 4186' },
  'Re-authentication': { id: 13, reference: 'RFC 4186' },
  'Client-Error': { id: 14, reference: 'RFC 4186' },
} as const satisfies Registry

export const SimAttribute = {
  AT_RAND: { id: 1, reference: 'RFC 4186' },
  AT_AUTN: { id: 2, reference: 'RFC 4187' },
  AT_RES: { id: 3, reference: 'RFC 4187' },
  AT_AUTS: { id: 4, reference: 'RFC 4187' },
  AT_PADDING: { id: 6, reference: 'RFC 4186' },
  AT_NONCE_MT: { id: 7, reference: 'RFC 4186' },
  AT_PERMANENT_ID_REQ: { id: 10, reference: 'RFC 4186' },
  AT_MAC: { id: 11, reference: 'RFC 4186' },
  AT_NOTIFICATION: { id: 12, reference: 'RFC 4186' },
  AT_ANY_ID_REQ: { id: 13, reference: 'RFC 4186' },
  AT_IDENTITY: { id: 14, reference: 'RFC 4186' },
  AT_VERSION_LIST: { id: 15, reference: 'RFC 4186' },
  AT_SELECTED_VERSION: { id: 16, reference: 'RFC 4186' },
  AT_FULLAUTH_ID_REQ: { id: 17, reference: 'RFC 4186' },
  AT_COUNTER: { id: 19, reference: 'RFC 4186' },
  AT_COUNTER_TOO_SMALL: { id: 20, reference: 'RFC 4186' },
  AT_NONCE_S: { id: 21, reference: 'RFC 4186' },
  AT_CLIENT_ERROR_CODE: { id: 22, reference: 'RFC 4186' },
  AT_KDF_INPUT: { id: 23, reference: 'RFC 9048' },
  AT_KDF: { id: 24, reference: 'RFC 9048' },
  AT_IV: { id: 129, reference: 'RFC 4186' },
  AT_ENCR_DATA: { id: 130, reference: 'RFC 4186' },
  AT_NEXT_PSEUDONYM: { id: 132, reference: 'RFC 4186' },
  AT_NEXT_REAUTH_ID: { id: 133, reference: 'RFC 4186' },
  AT_CHECKCODE: { id: 134, reference: 'RFC 4187' },
  AT_RESULT_IND: { id: 135, reference: 'RFC 4186' },
  AT_BIDDING: { id: 136, reference: 'RFC 9048' },
} as const satisfies Registry

/** RFC 4186 §10.19 */
export const SimClientError = {
  'unable to process packet': { id: 0, reference: 'RFC 4186' },
  'unsupported version': { id: 1, reference: 'RFC 4186' },
  'insufficient number of challenges': { id: 2, reference: 'RFC 4186' },
  'RANDs are not fresh': { id: 3, reference: 'RFC 4186' },
} as const satisfies Registry

/** RFC 4186 §10.18 */
export const SimNotification = {
  'general failure after authentication': { id: 0, reference: 'RFC 4186' },
  'temporarily denied': { id: 1026, reference: 'RFC 4186' },
  'not subscribed to the service': { id: 1031, reference: 'RFC 4186' },
  'general failure': { id: 16384, reference: 'RFC 4186' },
  success: { id: 32768, reference: 'RFC 4186' },
} as const satisfies Registry

labelUnknown(SimSubtype, 'SUBTYPE')
labelUnknown(SimAttribute, 'AT')
labelUnknown(SimClientError, 'error')
labelUnknown(SimNotification, 'notification')
