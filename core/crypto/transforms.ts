import type { Random } from '../bytes/random.ts'
import type { Secret } from '../bytes/secret.ts'
import type { LegacyCrypto } from './legacy.ts'

/** What a row of the registry says whether or not this host can do it. */
export interface TransformInfo {
  /** IANA name without the type, e.g. `ENCR_AES_GCM_16`. */
  readonly name: string
  /** IANA Transform ID. */
  readonly id: number
  readonly reference: string
  /** Why it should not be used, in one sentence without a full stop; absent for strong ones. */
  readonly weakness?: string
}

/** Encryption with integrity in one, RFC 5116. Keys are `key ‖ salt` as KEYMAT gives them (RFC 4106 §8.1, RFC 5282 §7.1). */
export interface Aead {
  /** → ciphertext ‖ ICV. `iv`: the explicit IV as on the wire (`ivBytes` octets). */
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array
  /** Plaintext, or `undefined` when the ICV does not fit. `ciphertext`: ciphertext ‖ ICV. */
  open(iv: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined
}

/** Encryption without integrity (CBC, CTR, NULL): never used without an {@link IntegrityInfo} beside it. */
export interface Cipher {
  /** `plaintext` is a multiple of `blockBytes`. */
  encrypt(iv: Uint8Array, plaintext: Uint8Array): Uint8Array
  decrypt(iv: Uint8Array, ciphertext: Uint8Array): Uint8Array
}

interface EncryptionCommon extends TransformInfo {
  /** Key lengths in bits that may stand in a Key Length attribute; for a fixed key its one length. */
  readonly keyBits: readonly number[]
  /** A Key Length attribute is required (AES, Camellia) or forbidden (DES, 3DES, ChaCha20, NULL). RFC 7296 §3.3.5 */
  readonly keyLengthAttribute: boolean
  /** Octets of salt (or nonce) that follow the key in KEYMAT. */
  readonly saltBytes: number
  /** Octets of explicit IV in every message or packet. */
  readonly ivBytes: number
  /** Plaintext is padded to a multiple of this, in octets. */
  readonly blockBytes: number
  /** May protect an IKE SA. */
  readonly ike: boolean
}

export interface AeadInfo extends EncryptionCommon {
  readonly aead: true
  readonly icvBytes: number
  /** `key`: key ‖ salt. The instance keeps its own copy until `close`d by the garbage collector. */
  make(key: Uint8Array): Aead
}

export interface CipherInfo extends EncryptionCommon {
  readonly aead: false
  /** `key`: key ‖ salt. */
  make(key: Uint8Array): Cipher
}

/** Transform type 1. */
export type EncryptionInfo = AeadInfo | CipherInfo

/** Transform type 2. RFC 7296 §2.13 */
export interface PrfInfo extends TransformInfo {
  readonly outputBytes: number
  /** Preferred key size, which is also the size of SK_d, SK_pi and SK_pr. */
  readonly keyBytes: number
  /** The key is taken from the nonces eight octets each (AES-XCBC, AES-CMAC). RFC 7296 §2.14 */
  readonly fixedKey: boolean
  compute(key: Uint8Array, data: Uint8Array): Uint8Array
}

/** Transform type 3. */
export interface IntegrityInfo extends TransformInfo {
  readonly keyBytes: number
  readonly icvBytes: number
  /** → the truncated ICV. */
  compute(key: Uint8Array, data: Uint8Array): Uint8Array
}

/** An exchange we began: our KE data is out, theirs is awaited. One object, one exchange. */
export interface KeyExchangeBegun {
  /** Key Exchange Data as sent (MODP left-padded, ECP x‖y). RFC 7296 §3.4 */
  readonly data: Uint8Array
  /** The shared secret, or `undefined` when the peer's value is not acceptable (RFC 6989). */
  finish(peerData: Uint8Array): Secret | undefined
  /** Wipes the private value. */
  close(): void
}

/** Transform type 4: a group or a KEM. Both sides are asymmetric so that ML-KEM fits. */
export interface KeyExchangeInfo extends TransformInfo {
  /** Octets of Key Exchange Data the initiator and the responder send. */
  readonly initiatorBytes: number
  readonly responderBytes: number
  /** Fresh private value, never used again. */
  begin(random: Random): KeyExchangeBegun
  /** The responder's whole part; `undefined` when the initiator's value is not acceptable. */
  respond(
    random: Random,
    peerData: Uint8Array,
  ): { readonly data: Uint8Array; readonly secret: Secret } | undefined
}

/** Every transform this host can do, by IANA Transform ID. What is absent is not offered. */
export interface CryptoRegistry {
  readonly encryption: ReadonlyMap<number, EncryptionInfo>
  readonly prf: ReadonlyMap<number, PrfInfo>
  readonly integrity: ReadonlyMap<number, IntegrityInfo>
  readonly keyExchange: ReadonlyMap<number, KeyExchangeInfo>
  /** What old ways to sign in need; left out: they are not offered. */
  readonly legacy?: LegacyCrypto
}
