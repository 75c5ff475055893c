import type { Nonce } from '../../bytes/brands.ts'
import type { TrafficSelector } from './traffic-selector.ts'

/**
 * Every payload of RFC 7296 §3 as a value. Numbers are kept as they travel (names are in `iana/`), so
 * that what nobody knows survives. `critical` is the bit of the generic header, RFC 7296 §3.2; the
 * seven reserved bits beside it are kept where they were not zero, so that re-encoding gives the same octets.
 */
export type Payload =
  | SaPayload
  | KePayload
  | IdPayload
  | CertPayload
  | CertReqPayload
  | AuthPayload
  | NoncePayload
  | NotifyPayload
  | DeletePayload
  | VendorIdPayload
  | TsPayload
  | SkPayload
  | SkfPayload
  | CpPayload
  | EapPayload
  | UnknownPayload

export type PayloadType = Payload['type']

interface Common {
  readonly critical?: boolean
  /** Reserved bits of the generic header, when not zero. */
  readonly reserved?: number
}

/** RFC 7296 §3.3 */
export interface SaPayload extends Common {
  readonly type: 'SA'
  readonly proposals: readonly Proposal[]
}

export interface Proposal {
  readonly number: number
  /** Security Protocol Identifier: 1 IKE, 2 AH, 3 ESP. */
  readonly protocol: number
  readonly spi: Uint8Array
  readonly transforms: readonly Transform[]
  /** The reserved octet, when not zero. */
  readonly reserved?: number
}

export interface Transform {
  /** Transform Type, 1 … 5 and 6 … 12. */
  readonly type: number
  readonly id: number
  readonly attributes: readonly TransformAttribute[]
  /** The two reserved octets, the first one high, when not zero. */
  readonly reserved?: number
}

/** `value` in the short (TV) form, `bytes` in the long (TLV) form. RFC 7296 §3.3.5 */
export type TransformAttribute =
  | { readonly type: number; readonly value: number }
  | { readonly type: number; readonly bytes: Uint8Array }

/** RFC 7296 §3.4 */
export interface KePayload extends Common {
  readonly type: 'KE'
  readonly group: number
  readonly data: Uint8Array
  /** The two reserved octets, when not zero. */
  readonly bodyReserved?: Uint8Array
}

/** RFC 7296 §3.5 */
export interface IdPayload extends Common {
  readonly type: 'IDi' | 'IDr'
  readonly idType: number
  readonly data: Uint8Array
  /** The three reserved octets, when not zero: they are part of what AUTH signs. RFC 7296 §2.15 */
  readonly idReserved?: Uint8Array
}

/** RFC 7296 §3.6 */
export interface CertPayload extends Common {
  readonly type: 'CERT'
  readonly encoding: number
  readonly data: Uint8Array
}

/** RFC 7296 §3.7 */
export interface CertReqPayload extends Common {
  readonly type: 'CERTREQ'
  readonly encoding: number
  readonly authorities: Uint8Array
}

/** RFC 7296 §3.8 */
export interface AuthPayload extends Common {
  readonly type: 'AUTH'
  readonly method: number
  readonly data: Uint8Array
  /** The three reserved octets, when not zero. */
  readonly bodyReserved?: Uint8Array
}

/** RFC 7296 §3.9 */
export interface NoncePayload extends Common {
  readonly type: 'Nonce'
  readonly nonce: Nonce
}

/** RFC 7296 §3.10 */
export interface NotifyPayload extends Common {
  readonly type: 'Notify'
  readonly protocol: number
  readonly spi: Uint8Array
  readonly notify: number
  readonly data: Uint8Array
}

/** RFC 7296 §3.11 */
export interface DeletePayload extends Common {
  readonly type: 'Delete'
  readonly protocol: number
  readonly spiBytes: number
  readonly spis: readonly Uint8Array[]
}

/** RFC 7296 §3.12 */
export interface VendorIdPayload extends Common {
  readonly type: 'VendorID'
  readonly data: Uint8Array
}

/** RFC 7296 §3.13 */
export interface TsPayload extends Common {
  readonly type: 'TSi' | 'TSr'
  readonly selectors: readonly (TrafficSelector | UnknownSelector)[]
  /** The three reserved octets, when not zero. */
  readonly bodyReserved?: Uint8Array
}

export interface UnknownSelector {
  readonly type: number
  /** Everything after the length. */
  readonly body: Uint8Array
  /** The octet between type and length. */
  readonly second: number
}

/** RFC 7296 §3.14. `body`: IV, ciphertext and ICV, as they came. */
export interface SkPayload extends Common {
  readonly type: 'SK'
  /** Type of the first payload inside. */
  readonly first: number
  readonly body: Uint8Array
  /** Where `body` begins in the message: everything before it is the AAD of an AEAD. */
  readonly bodyOffset: number
}

/** RFC 7383 §2.5 */
export interface SkfPayload extends Common {
  readonly type: 'SKF'
  readonly first: number
  readonly fragment: number
  readonly total: number
  readonly body: Uint8Array
  readonly bodyOffset: number
}

/** RFC 7296 §3.15 */
export interface CpPayload extends Common {
  readonly type: 'CP'
  readonly cfgType: number
  readonly attributes: readonly ConfigurationAttribute[]
  /** The three reserved octets, when not zero. */
  readonly bodyReserved?: Uint8Array
}

export interface ConfigurationAttribute {
  readonly type: number
  readonly value: Uint8Array
  /** The reserved bit before the type, when set. */
  readonly reservedBit?: true
}

/** RFC 7296 §3.16: the whole EAP packet. */
export interface EapPayload extends Common {
  readonly type: 'EAP'
  readonly packet: Uint8Array
}

/** A payload type nobody here knows, kept as it came. */
export interface UnknownPayload extends Common {
  readonly type: 'Unknown'
  readonly payload: number
  readonly body: Uint8Array
}
