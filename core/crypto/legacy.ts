import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { concat } from '../bytes/octets.ts'
import type { NativeAddon } from '../native/addon.ts'

/**
 * What only old sign-in methods need. None of it protects anything by itself: MS-CHAP and EAP-SIM are only
 * spoken with a gateway that has proven itself, or inside TLS.
 */
export interface LegacyCrypto {
  /** RFC 1320. → 16 octets */
  md4(data: Uint8Array): Uint8Array
  /** `key`: 1 … 256 octets. */
  rc4(key: Uint8Array, data: Uint8Array): Uint8Array
  /** One run of SHA-1's compression over 64 octets, without padding. → 20 octets. FIPS 186-2 App. 3.3 */
  sha1Compress(block: Uint8Array): Uint8Array
  /** One block of DES. `key`: 8 octets, parity ignored. */
  desEncrypt(key: Uint8Array, block: Uint8Array): Uint8Array
  desDecrypt(key: Uint8Array, block: Uint8Array): Uint8Array
}

/** MD4 and RC4 are in neither runtime, so they come from the addon's libcrypto; DES both have, as 3DES with one key. */
export const legacyCrypto = (addon: NativeAddon): LegacyCrypto => ({
  md4: (data) => addon.md4(data),
  rc4: (key, data) => addon.rc4(key, data),
  sha1Compress: (block) => addon.sha1Compress(block),
  desEncrypt: (key, block) => oneBlock(createCipheriv, key, block),
  desDecrypt: (key, block) => oneBlock(createDecipheriv, key, block),
})

/** One block of CBC behind an IV of zeros is one block of the cipher. */
function oneBlock(
  make: typeof createCipheriv | typeof createDecipheriv,
  key: Uint8Array,
  block: Uint8Array,
): Uint8Array {
  const cipher = make('des-ede3-cbc', concat(key, key, key), new Uint8Array(8))
  cipher.setAutoPadding(false)
  return concat(cipher.update(block), cipher.final())
}

export const md5 = (...parts: readonly Uint8Array[]): Uint8Array => digest('md5', parts)
export const sha1 = (...parts: readonly Uint8Array[]): Uint8Array => digest('sha1', parts)

function digest(name: string, parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash(name)
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}
