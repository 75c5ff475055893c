import {
  EncryptionAlgorithm,
  type IntegrityAlgorithm,
  type KeyExchangeMethod,
  type PseudorandomFunction,
} from '../../core/iana/ikev2-transforms.ts'

type EncryptionName = keyof typeof EncryptionAlgorithm
type PrfName = keyof typeof PseudorandomFunction
type IntegrityName = keyof typeof IntegrityAlgorithm
type KeyExchangeName = keyof typeof KeyExchangeMethod

/** An encryption transform by IANA name; `keyBits` where a Key Length attribute is needed. */
export interface NamedEncryption {
  readonly name: EncryptionName
  readonly keyBits?: number
}

/** A proposal in IANA names, RFC 7296 §3.3.2; each list holds alternatives in order of preference. */
export interface Suite {
  readonly encryption: readonly NamedEncryption[]
  readonly prf: readonly PrfName[]
  readonly integrity: readonly IntegrityName[]
  readonly keyExchange: readonly KeyExchangeName[]
}

/** The gateway's word for an integrity algorithm → the algorithm, and the PRF of the same function. */
const HASHES: Readonly<Record<string, { readonly integrity: IntegrityName; readonly prf: PrfName }>> = {
  md5: { integrity: 'AUTH_HMAC_MD5_96', prf: 'PRF_HMAC_MD5' },
  sha1: { integrity: 'AUTH_HMAC_SHA1_96', prf: 'PRF_HMAC_SHA1' },
  sha256: { integrity: 'AUTH_HMAC_SHA2_256_128', prf: 'PRF_HMAC_SHA2_256' },
  sha384: { integrity: 'AUTH_HMAC_SHA2_384_192', prf: 'PRF_HMAC_SHA2_384' },
  sha512: { integrity: 'AUTH_HMAC_SHA2_512_256', prf: 'PRF_HMAC_SHA2_512' },
  aesxcbc: { integrity: 'AUTH_AES_XCBC_96', prf: 'PRF_AES128_XCBC' },
  aescmac: { integrity: 'AUTH_AES_CMAC_96', prf: 'PRF_AES128_CMAC' },
}

const GROUPS: Readonly<Record<string, KeyExchangeName>> = {
  modp768: 'MODP_768',
  modp1024: 'MODP_1024',
  modp1536: 'MODP_1536',
  modp2048: 'MODP_2048',
  modp3072: 'MODP_3072',
  modp4096: 'MODP_4096',
  modp6144: 'MODP_6144',
  modp8192: 'MODP_8192',
  ecp256: 'ECP_256',
  ecp384: 'ECP_384',
  ecp521: 'ECP_521',
  ecp256bp: 'BRAINPOOL_P256R1',
  ecp384bp: 'BRAINPOOL_P384R1',
  ecp512bp: 'BRAINPOOL_P512R1',
  curve25519: 'CURVE25519',
  x25519: 'CURVE25519',
  curve448: 'CURVE448',
  x448: 'CURVE448',
}

function encryption(word: string): NamedEncryption | undefined {
  if (word === 'chacha20poly1305') return { name: 'ENCR_CHACHA20_POLY1305' }
  if (word === '3des') return { name: 'ENCR_3DES' }
  if (word === 'null') return { name: 'ENCR_NULL' }
  const match = /^(aes|camellia)(128|192|256)(ctr|gcm|ccm)?(8|12|16)?$/.exec(word)
  if (!match) return undefined
  const [, family = '', keyBits = '', mode = 'cbc', icvBytes] = match
  const name = ['ENCR', family, mode, ...(icvBytes ? [icvBytes] : [])].join('_').toUpperCase()
  return name in EncryptionAlgorithm ? { name: name as EncryptionName, keyBits: Number(keyBits) } : undefined
}

/**
 * Reads one proposal in the gateway's own notation, e.g. `aes128-sha256-modp2048`. An IKE proposal
 * without a PRF takes the one that belongs to its integrity algorithm.
 */
export function parseProposal(text: string, protocol: 'IKE' | 'ESP'): Suite {
  const found = {
    encryption: [] as NamedEncryption[],
    prf: [] as PrfName[],
    integrity: [] as IntegrityName[],
    keyExchange: [] as KeyExchangeName[],
  }
  const impliedPrf: PrfName[] = []
  for (const word of text.split('-')) {
    const cipher = encryption(word)
    const hash = HASHES[word]
    const prf = word.startsWith('prf') ? HASHES[word.slice(3)]?.prf : undefined
    const group = GROUPS[word]
    if (cipher) found.encryption.push(cipher)
    else if (prf) found.prf.push(prf)
    else if (group) found.keyExchange.push(group)
    else if (hash) {
      found.integrity.push(hash.integrity)
      impliedPrf.push(hash.prf)
    } else throw new Error(`proposal ${text}: unknown word ${word}`)
  }
  return protocol === 'IKE' && found.prf.length === 0 ? { ...found, prf: impliedPrf } : found
}

/** Comma-separated proposals; `default` means that none were given. */
export function parseProposals(text: string, protocol: 'IKE' | 'ESP'): readonly Suite[] {
  if (text === 'default') return []
  return text.split(',').map((proposal) => parseProposal(proposal, protocol))
}
