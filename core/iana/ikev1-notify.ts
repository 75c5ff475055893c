import { labelUnknown, type Registry } from './registry.ts'

/** Notify Message Types, RFC 2408 §3.14.1 and RFC 2407 §4.6.3; below 16384 they report an error. */
export const NotifyType = {
  INVALID_PAYLOAD_TYPE: { id: 1, reference: 'RFC 2408' },
  DOI_NOT_SUPPORTED: { id: 2, reference: 'RFC 2408' },
  SITUATION_NOT_SUPPORTED: { id: 3, reference: 'RFC 2408' },
  INVALID_COOKIE: { id: 4, reference: 'RFC 2408' },
  INVALID_MAJOR_VERSION: { id: 5, reference: 'RFC 2408' },
  INVALID_MINOR_VERSION: { id: 6, reference: 'RFC 2408' },
  INVALID_EXCHANGE_TYPE: { id: 7, reference: 'RFC 2408' },
  INVALID_FLAGS: { id: 8, reference: 'RFC 2408' },
  INVALID_MESSAGE_ID: { id: 9, reference: 'RFC 2408' },
  INVALID_PROTOCOL_ID: { id: 10, reference: 'RFC 2408' },
  INVALID_SPI: { id: 11, reference: 'RFC 2408' },
  INVALID_TRANSFORM_ID: { id: 12, reference: 'RFC 2408' },
  ATTRIBUTES_NOT_SUPPORTED: { id: 13, reference: 'RFC 2408' },
  NO_PROPOSAL_CHOSEN: { id: 14, reference: 'RFC 2408' },
  BAD_PROPOSAL_SYNTAX: { id: 15, reference: 'RFC 2408' },
  PAYLOAD_MALFORMED: { id: 16, reference: 'RFC 2408' },
  INVALID_KEY_INFORMATION: { id: 17, reference: 'RFC 2408' },
  INVALID_ID_INFORMATION: { id: 18, reference: 'RFC 2408' },
  INVALID_CERT_ENCODING: { id: 19, reference: 'RFC 2408' },
  INVALID_CERTIFICATE: { id: 20, reference: 'RFC 2408' },
  CERT_TYPE_UNSUPPORTED: { id: 21, reference: 'RFC 2408' },
  INVALID_CERT_AUTHORITY: { id: 22, reference: 'RFC 2408' },
  INVALID_HASH_INFORMATION: { id: 23, reference: 'RFC 2408' },
  AUTHENTICATION_FAILED: { id: 24, reference: 'RFC 2408' },
  INVALID_SIGNATURE: { id: 25, reference: 'RFC 2408' },
  ADDRESS_NOTIFICATION: { id: 26, reference: 'RFC 2408' },
  NOTIFY_SA_LIFETIME: { id: 27, reference: 'RFC 2408' },
  CERTIFICATE_UNAVAILABLE: { id: 28, reference: 'RFC 2408' },
  UNSUPPORTED_EXCHANGE_TYPE: { id: 29, reference: 'RFC 2408' },
  UNEQUAL_PAYLOAD_LENGTHS: { id: 30, reference: 'RFC 2408' },
  CONNECTED: { id: 16384, reference: 'RFC 2408' },
  RESPONDER_LIFETIME: { id: 24576, reference: 'RFC 2407' },
  REPLAY_STATUS: { id: 24577, reference: 'RFC 2407' },
  INITIAL_CONTACT: { id: 24578, reference: 'RFC 2407' },
  IOS_KEEPALIVE_REQUEST: { id: 32768, reference: 'of Cisco' },
  IOS_KEEPALIVE_ACK: { id: 32769, reference: 'of Cisco' },
  R_U_THERE: { id: 36136, reference: 'RFC 3706' },
  R_U_THERE_ACK: { id: 36137, reference: 'RFC 3706' },
  UNITY_LOAD_BALANCE: { id: 40501, reference: 'of Cisco' },
  PRESHARED_KEY_HASH: { id: 40503, reference: 'of Cisco' },
} as const satisfies Registry

labelUnknown(NotifyType, 'NOTIFY')

const FIRST_STATUS = 16384

/** Whether a notify type reports an error, known or not. RFC 2408 §3.14.1 */
export const isErrorType = (type: number): boolean => type < FIRST_STATUS
