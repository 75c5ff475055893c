import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concat } from '../bytes/octets.ts'
import type { AeadName, NativeAddon } from '../native/addon.ts'
import type { Aead, AeadInfo, Cipher, CipherInfo, EncryptionInfo } from './transforms.ts'

const AES_BITS = [128, 192, 256] as const
const COUNTER_START = Uint8Array.of(0, 0, 0, 1)

/** Transform type 1, the rows that need nothing but node:crypto. */
export function nodeEncryption(): readonly EncryptionInfo[] {
  return [
    gcm(18, 'ENCR_AES_GCM_8', 8),
    gcm(19, 'ENCR_AES_GCM_12', 12),
    gcm(20, 'ENCR_AES_GCM_16', 16),
    cbc(
      12,
      'ENCR_AES_CBC',
      'RFC 3602',
      nodePass((bits) => `aes-${bits}-cbc`),
    ),
    ctr(
      13,
      'ENCR_AES_CTR',
      'RFC 3686, RFC 5930',
      true,
      nodePass((bits) => `aes-${bits}-ctr`),
    ),
    des(),
    tripleDes(),
    nullCipher(),
  ]
}

/** Transform type 1, the rows that need the addon's libcrypto. */
export function addonEncryption(addon: NativeAddon): readonly EncryptionInfo[] {
  const camellia = (mode: string): Pass => addonPass(addon, (bits) => `camellia-${bits}-${mode}`)
  return [
    ccm(addon, 14, 'ENCR_AES_CCM_8', 'RFC 4309, RFC 5282', 8, true, 'aes'),
    ccm(addon, 15, 'ENCR_AES_CCM_12', 'RFC 4309, RFC 5282', 12, true, 'aes'),
    ccm(addon, 16, 'ENCR_AES_CCM_16', 'RFC 4309, RFC 5282', 16, true, 'aes'),
    chacha(addon),
    cbc(23, 'ENCR_CAMELLIA_CBC', 'RFC 5529', camellia('cbc')),
    ctr(24, 'ENCR_CAMELLIA_CTR', 'RFC 5529', false, camellia('ctr')),
    ccm(addon, 25, 'ENCR_CAMELLIA_CCM_8', 'RFC 5529', 8, false, 'camellia'),
    ccm(addon, 26, 'ENCR_CAMELLIA_CCM_12', 'RFC 5529', 12, false, 'camellia'),
    ccm(addon, 27, 'ENCR_CAMELLIA_CCM_16', 'RFC 5529', 16, false, 'camellia'),
  ]
}

// RFC 4106 §4: nonce = salt (4) ‖ IV (8).
function gcm(id: number, name: string, icvBytes: number): AeadInfo {
  return {
    id,
    name,
    reference: 'RFC 4106, RFC 5282',
    ...shape(AES_BITS, 4, 8, 1),
    ike: true,
    aead: true,
    icvBytes,
    make: (whole) => {
      const { key, salt } = split(whole, AES_BITS, 4, name)
      const algorithm = `aes-${key.length * 8}-gcm` as 'aes-128-gcm'
      return {
        seal: (iv, aad, plaintext) => {
          const cipher = createCipheriv(algorithm, key, nonceOf(salt, iv, 8), { authTagLength: icvBytes })
          cipher.setAAD(aad)
          return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag())
        },
        open: (iv, aad, sealed) => {
          const end = sealed.length - icvBytes
          if (end < 0) return undefined
          const cipher = createDecipheriv(algorithm, key, nonceOf(salt, iv, 8), { authTagLength: icvBytes })
          cipher.setAAD(aad)
          cipher.setAuthTag(sealed.subarray(end))
          const plaintext = cipher.update(sealed.subarray(0, end))
          try {
            return concat(plaintext, cipher.final())
          } catch {
            plaintext.fill(0)
            return undefined
          }
        },
      }
    },
  }
}

// RFC 4309 §4: nonce = salt (3) ‖ IV (8).
function ccm(
  addon: NativeAddon,
  id: number,
  name: string,
  reference: string,
  icvBytes: number,
  ike: boolean,
  block: 'aes' | 'camellia',
): AeadInfo {
  return {
    id,
    name,
    reference,
    ...shape(AES_BITS, 3, 8, 1),
    ike,
    aead: true,
    icvBytes,
    make: (whole) => {
      const { key, salt } = split(whole, AES_BITS, 3, name)
      return addonAead(addon, `${block}-${key.length * 8}-ccm` as AeadName, key, salt, icvBytes)
    },
  }
}

// RFC 7634 §2: nonce = salt (4) ‖ IV (8), and the key has but one length.
function chacha(addon: NativeAddon): AeadInfo {
  const name = 'ENCR_CHACHA20_POLY1305'
  return {
    id: 28,
    name,
    reference: 'RFC 7634',
    ...shape([256], 4, 8, 1),
    keyLengthAttribute: false,
    ike: true,
    aead: true,
    icvBytes: 16,
    make: (whole) => {
      const { key, salt } = split(whole, [256], 4, name)
      return addonAead(addon, 'chacha20-poly1305', key, salt, 16)
    },
  }
}

function addonAead(
  addon: NativeAddon,
  algorithm: AeadName,
  key: Uint8Array,
  salt: Uint8Array,
  icvBytes: number,
): Aead {
  return {
    seal: (iv, aad, plaintext) =>
      addon.aeadSeal(algorithm, key, nonceOf(salt, iv, 8), aad, plaintext, icvBytes),
    open: (iv, aad, sealed) => addon.aeadOpen(algorithm, key, nonceOf(salt, iv, 8), aad, sealed, icvBytes),
  }
}

/** One unpadded pass of a block or stream mode. */
type Pass = (encrypt: boolean, key: Uint8Array, iv: Uint8Array, data: Uint8Array) => Uint8Array

const nodePass =
  (named: (keyBits: number) => string): Pass =>
  (encrypt, key, iv, data) => {
    const make = encrypt ? createCipheriv : createDecipheriv
    const cipher = make(named(key.length * 8), key, iv)
    cipher.setAutoPadding(false)
    return concat(cipher.update(data), cipher.final())
  }

const addonPass =
  (addon: NativeAddon, named: (keyBits: number) => string): Pass =>
  (encrypt, key, iv, data) =>
    addon.cipher(named(key.length * 8), encrypt, key, iv, data)

const both = (pass: Pass, key: Uint8Array): Cipher => ({
  encrypt: (iv, plaintext) => pass(true, key, iv, plaintext),
  decrypt: (iv, ciphertext) => pass(false, key, iv, ciphertext),
})

function cbc(id: number, name: string, reference: string, pass: Pass): CipherInfo {
  return {
    id,
    name,
    reference,
    ...shape(AES_BITS, 0, 16, 16),
    ike: true,
    aead: false,
    make: (whole) => both(pass, split(whole, AES_BITS, 0, name).key),
  }
}

// RFC 3686 §4: counter block = nonce (4, from KEYMAT) ‖ IV (8) ‖ 1.
function ctr(id: number, name: string, reference: string, ike: boolean, pass: Pass): CipherInfo {
  return {
    id,
    name,
    reference,
    ...shape(AES_BITS, 4, 8, 1),
    ike,
    aead: false,
    make: (whole) => {
      const { key, salt } = split(whole, AES_BITS, 4, name)
      return both(
        (encrypt, _, iv, data) => pass(encrypt, key, concat(nonceOf(salt, iv, 8), COUNTER_START), data),
        key,
      )
    },
  }
}

/** Three DES with one key are one DES, which neither OpenSSL 3 nor BoringSSL has under its own name. */
function des(): CipherInfo {
  const name = 'ENCR_DES'
  return {
    id: 2,
    name,
    reference: 'RFC 2405',
    weakness: 'DES has keys of 56 bits: a rented machine finds one in a day',
    ...shape([64], 0, 8, 8),
    keyLengthAttribute: false,
    ike: true,
    aead: false,
    make: (whole) => {
      const { key } = split(whole, [64], 0, name)
      return both(
        nodePass(() => 'des-ede3-cbc'),
        concat(key, key, key),
      )
    },
  }
}

function tripleDes(): CipherInfo {
  const name = 'ENCR_3DES'
  return {
    id: 3,
    name,
    reference: 'RFC 2451',
    weakness: '3DES has blocks of 64 bits, so plaintext leaks after some gigabytes under one key (Sweet32)',
    ...shape([192], 0, 8, 8),
    keyLengthAttribute: false,
    ike: true,
    aead: false,
    make: (whole) =>
      both(
        nodePass(() => 'des-ede3-cbc'),
        split(whole, [192], 0, name).key,
      ),
  }
}

function nullCipher(): CipherInfo {
  return {
    id: 11,
    name: 'ENCR_NULL',
    reference: 'RFC 2410',
    weakness: 'NULL does not encrypt: everyone on the way reads everything',
    ...shape([0], 0, 0, 1),
    keyLengthAttribute: false,
    ike: false, // RFC 7296 §5 forbids it there
    aead: false,
    make: (whole) => {
      split(whole, [0], 0, 'ENCR_NULL')
      return { encrypt: (_, plaintext) => plaintext.slice(), decrypt: (_, ciphertext) => ciphertext.slice() }
    },
  }
}

const shape = (keyBits: readonly number[], saltBytes: number, ivBytes: number, blockBytes: number) => ({
  keyBits,
  keyLengthAttribute: true,
  saltBytes,
  ivBytes,
  blockBytes,
})

/** Own copies of key and salt; a length nobody negotiated is a mistake of ours. */
function split(whole: Uint8Array, keyBits: readonly number[], saltBytes: number, name: string) {
  const keyBytes = whole.length - saltBytes
  if (!keyBits.includes(keyBytes * 8))
    throw new RangeError(`${name} does not take ${whole.length} octets of key`)
  return { key: whole.slice(0, keyBytes), salt: whole.slice(keyBytes) }
}

function nonceOf(salt: Uint8Array, iv: Uint8Array, ivBytes: number): Uint8Array {
  if (iv.length !== ivBytes) throw new RangeError(`the IV has ${ivBytes} octets, not ${iv.length}`)
  return concat(salt, iv)
}
