import type { KnownAnswer } from '../vectors/cases.ts'

/** An entry of the files in crypto/strongswan: a type, and fields in hex. */
export interface StrongswanEntry {
  readonly type: 'aead' | 'crypter' | 'signer' | 'prf' | 'ke' | 'kdf' | 'hasher'
  readonly name: string
  readonly [field: string]: string | number | undefined
}

/** Their names of algorithms → ours. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  ENCR_AES_GCM_ICV8: 'AES-GCM',
  ENCR_AES_GCM_ICV12: 'AES-GCM',
  ENCR_AES_GCM_ICV16: 'AES-GCM',
  ENCR_AES_CCM_ICV8: 'AES-CCM',
  ENCR_AES_CCM_ICV12: 'AES-CCM',
  ENCR_AES_CCM_ICV16: 'AES-CCM',
  ENCR_CHACHA20_POLY1305: 'CHACHA20-POLY1305',
  ENCR_DES: 'DES-CBC',
  // One block of it is one block of CBC behind zeros.
  ENCR_DES_ECB: 'DES-CBC',
  ENCR_3DES: '3DES-CBC',
  ENCR_AES_CBC: 'AES-CBC',
  ENCR_AES_CTR: 'AES-CTR',
  ENCR_CAMELLIA_CBC: 'CAMELLIA-CBC',
  ENCR_CAMELLIA_CTR: 'CAMELLIA-CTR',
  ENCR_NULL: 'NULL',
  AUTH_HMAC_MD5_96: 'HMAC-MD5',
  AUTH_HMAC_MD5_128: 'HMAC-MD5',
  AUTH_HMAC_SHA1_96: 'HMAC-SHA1',
  AUTH_HMAC_SHA1_128: 'HMAC-SHA1',
  AUTH_HMAC_SHA1_160: 'HMAC-SHA1',
  AUTH_HMAC_SHA2_256_128: 'HMAC-SHA256',
  AUTH_HMAC_SHA2_384_192: 'HMAC-SHA384',
  AUTH_HMAC_SHA2_512_256: 'HMAC-SHA512',
  AUTH_AES_XCBC_96: 'AES-XCBC',
  AUTH_AES_CMAC_96: 'AES-CMAC',
  PRF_HMAC_MD5: 'HMAC-MD5',
  PRF_HMAC_SHA1: 'HMAC-SHA1',
  PRF_HMAC_SHA2_256: 'HMAC-SHA256',
  PRF_HMAC_SHA2_384: 'HMAC-SHA384',
  PRF_HMAC_SHA2_512: 'HMAC-SHA512',
  PRF_AES128_XCBC: 'AES-XCBC',
  PRF_AES128_CMAC: 'AES-CMAC',
  HASH_MD4: 'md4',
  HASH_MD5: 'md5',
  HASH_SHA1: 'sha1',
  HASH_SHA224: 'sha224',
  HASH_SHA256: 'sha256',
  HASH_SHA384: 'sha384',
  HASH_SHA512: 'sha512',
}

const GROUPS: Readonly<Record<string, number>> = {
  MODP_768_BIT: 1,
  MODP_1024_BIT: 2,
  MODP_1536_BIT: 5,
  MODP_2048_BIT: 14,
  MODP_3072_BIT: 15,
  MODP_4096_BIT: 16,
  MODP_6144_BIT: 17,
  MODP_8192_BIT: 18,
  ECP_256_BIT: 19,
  ECP_384_BIT: 20,
  ECP_521_BIT: 21,
  ECP_256_BP: 28,
  ECP_384_BP: 29,
  ECP_512_BP: 30,
  CURVE_25519: 31,
  CURVE_448: 32,
}

/** Single entries that do not apply to the transforms offered, in files that otherwise do. */
export const NOT_OFFERED: Readonly<Record<string, string>> = {
  ECP_192_BIT: 'group 25 is not offered: 96 bits of strength',
  ECP_224_BIT: 'group 26 is not offered: no gateway asks for it',
  ECP_224_BP: 'group 27 is not offered: no gateway asks for it',
}

/** The entry as a known answer; `undefined` when it concerns what is {@link NOT_OFFERED}. Throws on an unknown name. */
export function knownAnswer(entry: StrongswanEntry): KnownAnswer | undefined {
  const field = (name: string): string => String(entry[name] ?? '')
  const name = entry.name
  if (entry.type === 'ke') {
    if (NOT_OFFERED[field('method')] !== undefined) return undefined
    // The seed is what their generator gave: first the initiator's private value, then the responder's.
    const seed = field('seed')
    return {
      name,
      kind: 'dh',
      group: named(GROUPS, field('method')),
      privateI: seed.slice(0, seed.length / 2),
      privateR: seed.slice(seed.length / 2),
      publicI: field('pub_i'),
      publicR: field('pub_r'),
      shared: field('shared'),
    }
  }
  if (entry.type === 'kdf') {
    const prf = named(ALGORITHMS, field('arg.prf'))
    const result = field('out')
    return field('alg') === 'KDF_PRF'
      ? {
          name,
          kind: 'skeyseed',
          algorithm: prf,
          nonces: field('salt'),
          shared: field('key'),
          result,
        }
      : { name, kind: 'prf+', algorithm: prf, key: field('key'), seed: field('salt'), result }
  }
  if (field('alg') === 'PRF_FIPS_SHA1_160')
    return { name, kind: 'fips186', key: field('key'), result: field('out') }
  const algorithm = named(ALGORITHMS, field('alg'))
  const [key, data] = [field('key'), field('data')]
  switch (entry.type) {
    case 'aead': {
      // Their keys are read by these lengths; what an entry has beyond them is left over from another.
      const end = 2 * Number(entry.key_size)
      const salt = key.slice(end, end + 2 * Number(entry.salt_size))
      return {
        name,
        kind: 'aead',
        algorithm,
        key: key.slice(0, end),
        nonce: salt + field('iv'),
        aad: field('adata'),
        plaintext: field('plain'),
        sealed: field('cipher'),
      }
    }
    case 'crypter':
      return {
        name,
        kind: 'cipher',
        algorithm,
        key,
        iv: algorithm === 'DES-CBC' ? field('iv') || '00'.repeat(8) : field('iv'),
        plaintext: field('plain'),
        ciphertext: field('cipher'),
      }
    case 'signer':
      // The name ends with the bits of the ICV, and no more of the MAC is meant.
      return { name, kind: 'mac', algorithm, key, data, mac: field('mac').slice(0, icvBits(entry) / 4) }
    case 'prf':
      return { name, kind: 'mac', algorithm, key, data: field('seed'), mac: field('out') }
    case 'hasher':
      return { name, kind: 'hash', algorithm, data, result: field('hash') }
  }
}

const icvBits = (entry: StrongswanEntry): number => Number(/_(\d+)$/.exec(String(entry.alg))?.[1])

function named<T>(table: Readonly<Record<string, T>>, name: string): T {
  const found = table[name]
  if (found === undefined) throw new Error(`no transform is called ${name}`)
  return found
}
