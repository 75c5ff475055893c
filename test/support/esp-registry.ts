import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { concat } from '../../core/bytes/octets.ts'
import type {
  AeadInfo,
  CipherInfo,
  CryptoRegistry,
  EncryptionInfo,
  IntegrityInfo,
} from '../../core/crypto/transforms.ts'

/** A few transforms straight from node:crypto, so that ESP is tested apart from the real registry. */
const gcm16: AeadInfo = {
  name: 'ENCR_AES_GCM_16',
  id: 20,
  reference: 'RFC 4106',
  keyBits: [128, 192, 256],
  keyLengthAttribute: true,
  saltBytes: 4,
  ivBytes: 8,
  blockBytes: 1,
  ike: true,
  aead: true,
  icvBytes: 16,
  make: (whole) => aead((bits) => `aes-${bits}-gcm`, whole),
}

const chacha: AeadInfo = {
  ...gcm16,
  name: 'ENCR_CHACHA20_POLY1305',
  id: 28,
  reference: 'RFC 7634',
  keyBits: [256],
  keyLengthAttribute: false,
  make: (whole) => aead(() => 'chacha20-poly1305', whole),
}

const ccm16: AeadInfo = {
  ...gcm16,
  name: 'ENCR_AES_CCM_16',
  id: 16,
  reference: 'RFC 4309',
  saltBytes: 3,
  make: (whole) => aead((bits) => `aes-${bits}-ccm`, whole, 3),
}

function aead(
  named: (bits: number) => string,
  whole: Uint8Array,
  saltBytes = 4,
): ReturnType<AeadInfo['make']> {
  const key = whole.slice(0, -saltBytes)
  const salt = whole.slice(-saltBytes)
  const name = named(key.length * 8) as 'aes-256-gcm'
  return {
    seal(iv, aad, plaintext) {
      const cipher = createCipheriv(name, key, concat(salt, iv), { authTagLength: 16 })
      cipher.setAAD(aad, { plaintextLength: plaintext.length })
      return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag())
    },
    open(iv, aad, ciphertext) {
      const decipher = createDecipheriv(name, key, concat(salt, iv), { authTagLength: 16 })
      decipher.setAAD(aad, { plaintextLength: ciphertext.length - 16 })
      decipher.setAuthTag(ciphertext.subarray(-16))
      try {
        return concat(decipher.update(ciphertext.subarray(0, -16)), decipher.final())
      } catch {
        return undefined
      }
    },
  }
}

const cbc: CipherInfo = {
  name: 'ENCR_AES_CBC',
  id: 12,
  reference: 'RFC 3602',
  keyBits: [128, 192, 256],
  keyLengthAttribute: true,
  saltBytes: 0,
  ivBytes: 16,
  blockBytes: 16,
  ike: true,
  aead: false,
  make: (key) =>
    unauthenticated(
      (bits) => `aes-${bits}-cbc`,
      key.slice(),
      (iv) => iv,
    ),
}

const tripleDes: CipherInfo = {
  ...cbc,
  name: 'ENCR_3DES',
  id: 3,
  reference: 'RFC 2451',
  keyBits: [192],
  keyLengthAttribute: false,
  ivBytes: 8,
  blockBytes: 8,
  make: (key) =>
    unauthenticated(
      () => 'des-ede3-cbc',
      key.slice(),
      (iv) => iv,
    ),
}

const ctr: CipherInfo = {
  ...cbc,
  name: 'ENCR_AES_CTR',
  id: 13,
  reference: 'RFC 3686',
  saltBytes: 4,
  ivBytes: 8,
  blockBytes: 1,
  make(whole) {
    const salt = whole.slice(-4)
    const counterFrom = Uint8Array.of(0, 0, 0, 1)
    return unauthenticated(
      (bits) => `aes-${bits}-ctr`,
      whole.slice(0, -4),
      (iv) => concat(salt, iv, counterFrom),
    )
  },
}

function unauthenticated(
  named: (bits: number) => string,
  key: Uint8Array,
  block: (iv: Uint8Array) => Uint8Array,
): ReturnType<CipherInfo['make']> {
  const name = named(key.length * 8)
  return {
    encrypt(iv, plaintext) {
      const cipher = createCipheriv(name, key, block(iv)).setAutoPadding(false)
      return concat(cipher.update(plaintext), cipher.final())
    },
    decrypt(iv, ciphertext) {
      const decipher = createDecipheriv(name, key, block(iv)).setAutoPadding(false)
      return concat(decipher.update(ciphertext), decipher.final())
    },
  }
}

const nullCipher: CipherInfo = {
  ...cbc,
  name: 'ENCR_NULL',
  id: 11,
  reference: 'RFC 2410',
  keyBits: [0],
  keyLengthAttribute: false,
  ivBytes: 0,
  blockBytes: 1,
  ike: false,
  make: () => ({
    encrypt: (_iv, plaintext) => plaintext.slice(),
    decrypt: (_iv, ciphertext) => ciphertext.slice(),
  }),
}

const hmac = (name: string, id: number, hash: string, keyBytes: number, icvBytes: number): IntegrityInfo => ({
  name,
  id,
  reference: 'RFC 4868',
  keyBytes,
  icvBytes,
  compute: (key, data) => new Uint8Array(createHmac(hash, key).update(data).digest()).slice(0, icvBytes),
})

/** RFC 3566 §4 */
const xcbc: IntegrityInfo = {
  name: 'AUTH_AES_XCBC_96',
  id: 5,
  reference: 'RFC 3566',
  keyBytes: 16,
  icvBytes: 12,
  compute(key, data) {
    const block = (with_: Uint8Array, octets: Uint8Array) =>
      new Uint8Array(createCipheriv('aes-128-ecb', with_, null).setAutoPadding(false).update(octets))
    const derived = (octet: number) => block(key, new Uint8Array(16).fill(octet))
    const k1 = derived(1)
    let e: Uint8Array = new Uint8Array(16)
    const mix = (octets: Uint8Array) => e.map((value, i) => value ^ (octets[i] ?? 0))
    const lastAt = Math.max(0, Math.ceil(data.length / 16) - 1) * 16
    for (let at = 0; at < lastAt; at += 16) e = block(k1, mix(data.subarray(at, at + 16)))
    const last = data.subarray(lastAt)
    e = mix(last.length === 16 ? last : concat(last, Uint8Array.of(0x80)))
    return block(k1, mix(derived(last.length === 16 ? 2 : 3))).slice(0, 12)
  },
}

/** Stands for "no ICV" where an old example has none; nothing outside the tests knows it. */
export const NO_ICV = 65_000

const integrity: readonly IntegrityInfo[] = [
  hmac('AUTH_HMAC_MD5_96', 1, 'md5', 16, 12),
  hmac('AUTH_HMAC_SHA1_96', 2, 'sha1', 20, 12),
  hmac('AUTH_HMAC_SHA2_256_128', 12, 'sha256', 32, 16),
  hmac('AUTH_HMAC_SHA2_512_256', 14, 'sha512', 64, 32),
  xcbc,
  { name: 'no ICV', id: NO_ICV, reference: '', keyBytes: 0, icvBytes: 0, compute: () => new Uint8Array(0) },
]

const encryption: readonly EncryptionInfo[] = [gcm16, ccm16, chacha, cbc, tripleDes, ctr, nullCipher]

export const espRegistry: CryptoRegistry = {
  encryption: new Map(encryption.map((info) => [info.id, info])),
  integrity: new Map(integrity.map((info) => [info.id, info])),
  prf: new Map(),
  keyExchange: new Map(),
}
