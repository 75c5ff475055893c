/**
 * Every payload of RFC 2408 §3 and what came after it, as a value. Numbers are kept as they travel (names are in
 * `iana/ikev1.ts`), so that what nobody knows survives. Reserved octets are kept where they were not zero.
 */
export type Payload =
  | SaPayload
  | KePayload
  | IdPayload
  | CertPayload
  | CertReqPayload
  | HashPayload
  | SigPayload
  | NoncePayload
  | NotifyPayload
  | DeletePayload
  | VendorIdPayload
  | AttributesPayload
  | NatDPayload
  | NatOaPayload
  | FragmentPayload
  | UnknownPayload

export type PayloadType = Payload['type']

interface Common {
  /** The reserved octet of the generic header, when not zero. RFC 2408 §3.2 */
  readonly reserved?: number
}

/** RFC 2408 §3.4, RFC 2407 §4.6.1 */
export interface SaPayload extends Common {
  readonly type: 'SA'
  readonly doi: number
  /** Bits of Situation; 1 (identity only) in all that we speak. */
  readonly situation: number
  readonly proposals: readonly Proposal[]
  /** Everything after the situation where DOI or situation are ones we cannot read; there are no proposals then. */
  readonly opaque?: Uint8Array
}

/** RFC 2408 §3.5. Neighbours with the same number belong together: AND, not OR. §4.2 */
export interface Proposal {
  readonly number: number
  /** 1 ISAKMP, 2 AH, 3 ESP, 4 IPCOMP. */
  readonly protocol: number
  readonly spi: Uint8Array
  readonly transforms: readonly Transform[]
  readonly reserved?: number
}

/** RFC 2408 §3.6 */
export interface Transform {
  readonly number: number
  readonly id: number
  readonly attributes: readonly Attribute[]
  /** The reserved octet of the header, and the two behind the Transform ID, when not zero. */
  readonly reserved?: number
  readonly reserved2?: number
}

/** A data attribute: `value` in the short (TV) form, `bytes` in the long (TLV) form. RFC 2408 §3.3 */
export type Attribute =
  | { readonly type: number; readonly value: number }
  | { readonly type: number; readonly bytes: Uint8Array }

/** RFC 2408 §3.7: no group, which stands in the SA. */
export interface KePayload extends Common {
  readonly type: 'KE'
  readonly data: Uint8Array
}

/** RFC 2407 §4.6.2 */
export interface IdPayload extends Common {
  readonly type: 'ID'
  readonly idType: number
  /** IP protocol, 0 for any. */
  readonly protocol: number
  readonly port: number
  readonly data: Uint8Array
}

/** RFC 2408 §3.9 */
export interface CertPayload extends Common {
  readonly type: 'CERT'
  readonly encoding: number
  readonly data: Uint8Array
}

/** RFC 2408 §3.10. `authority`: a DER name for X.509, or nothing. */
export interface CertReqPayload extends Common {
  readonly type: 'CERTREQ'
  readonly encoding: number
  readonly authority: Uint8Array
}

/** RFC 2408 §3.11 */
export interface HashPayload extends Common {
  readonly type: 'HASH'
  readonly data: Uint8Array
}

/** RFC 2408 §3.12 */
export interface SigPayload extends Common {
  readonly type: 'SIG'
  readonly data: Uint8Array
}

/** RFC 2408 §3.13; 8 … 256 octets, RFC 2409 §5 */
export interface NoncePayload extends Common {
  readonly type: 'Nonce'
  readonly nonce: Uint8Array
}

/** RFC 2408 §3.14 */
export interface NotifyPayload extends Common {
  readonly type: 'Notify'
  readonly doi: number
  readonly protocol: number
  readonly spi: Uint8Array
  readonly notify: number
  readonly data: Uint8Array
}

/** RFC 2408 §3.15 */
export interface DeletePayload extends Common {
  readonly type: 'Delete'
  readonly doi: number
  readonly protocol: number
  readonly spiBytes: number
  readonly spis: readonly Uint8Array[]
}

/** RFC 2408 §3.16 */
export interface VendorIdPayload extends Common {
  readonly type: 'VendorID'
  readonly data: Uint8Array
}

/** The payload of a transaction exchange, draft-dukes-ike-mode-cfg §3.2 */
export interface AttributesPayload extends Common {
  readonly type: 'ATTRIBUTES'
  /** 1 request, 2 reply, 3 set, 4 ack. */
  readonly cfgType: number
  readonly identifier: number
  readonly attributes: readonly Attribute[]
  readonly bodyReserved?: number
}

/** RFC 3947 §3.2. `draft`: with the number it had before (drafts 00 … 03). */
export interface NatDPayload extends Common {
  readonly type: 'NATD'
  readonly draft?: true
  readonly hash: Uint8Array
}

/** RFC 3947 §5.2 */
export interface NatOaPayload extends Common {
  readonly type: 'NATOA'
  readonly draft?: true
  readonly idType: number
  readonly address: Uint8Array
  /** The three reserved octets, when not zero. */
  readonly bodyReserved?: Uint8Array
}

/** A part of a message, as Cisco and Microsoft cut it. */
export interface FragmentPayload extends Common {
  readonly type: 'FRAGMENT'
  readonly id: number
  /** From 1 on. */
  readonly number: number
  /** Bit 0: the last one. */
  readonly flags: number
  readonly data: Uint8Array
}

/** A payload type nobody here knows, kept as it came. */
export interface UnknownPayload extends Common {
  readonly type: 'Unknown'
  readonly payload: number
  readonly body: Uint8Array
}
