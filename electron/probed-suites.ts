import type { GatewayProbe, ProbedSuites } from '../core/contract/probe.ts'
import type { Phase1Hash } from '../core/iana/ikev1.ts'
import {
  EncryptionAlgorithm,
  IntegrityAlgorithm,
  KeyExchangeMethod,
  PseudorandomFunction,
} from '../core/iana/ikev2-transforms.ts'
import type { Registry } from '../core/iana/registry.ts'
import { bringsIntegrity, suiteWords, weaknessOf } from '../core/profile/suites.ts'

/** IANA Transform Types. RFC 7296 §3.3.2 */
const TYPE = { ENCR: 1, PRF: 2, INTEG: 3, KE: 4 } as const

/** What IKEv1 calls a hash, by its name at IANA, as the word of a suite. RFC 2409 appendix A */
const HASHES: Readonly<Record<string, string>> = {
  SHA2_256: 'sha256',
  SHA2_384: 'sha384',
  SHA2_512: 'sha512',
  SHA1: 'sha1',
  MD5: 'md5',
} satisfies Partial<Record<keyof typeof Phase1Hash, string>>

/** What IKEv1 calls a cipher is called otherwise in IKEv2, and means the same. RFC 2409 appendix A */
const CIPHERS: readonly (readonly [RegExp, string])[] = [
  [/^AES_CBC/, 'ENCR_AES_CBC'],
  [/^CAMELLIA_CBC/, 'ENCR_CAMELLIA_CBC'],
  [/^3DES_CBC$/, 'ENCR_3DES'],
  [/^DES_CBC$/, 'ENCR_DES'],
]

/**
 * What a gateway accepts as suites of a profile. Of each kind what is not weak; what is, only where there is nothing
 * else: the profile then asks for its switch.
 */
export function probedSuites({ ikev2, ikev1 }: Pick<GatewayProbe, 'ikev2' | 'ikev1'>): ProbedSuites {
  const encryption = ikev2.encryption.flatMap((name) => wordsFor(TYPE.ENCR, EncryptionAlgorithm, name))
  const prfs = ikev2.prf.flatMap((name) => wordsFor(TYPE.PRF, PseudorandomFunction, name))
  const groups = ikev2.groups.flatMap((name) => wordsFor(TYPE.KE, KeyExchangeMethod, name))
  const integrity = ikev2.integrity.flatMap((name) => wordsFor(TYPE.INTEG, IntegrityAlgorithm, name))
  const combined = encryption.filter(bringsIntegrity)
  const plain = encryption.filter((word) => !bringsIntegrity(word))
  const strong = [
    ...suite([combined, prfs, groups], combined),
    ...suite([plain, integrity, prfs, groups], plain, integrity),
  ]
  const old = ikev1.encryption
    .map((name) => CIPHERS.reduce((text, [from, to]) => text.replace(from, to), name))
    .flatMap((name) => wordsFor(TYPE.ENCR, EncryptionAlgorithm, name))
  const hashes = ikev1.hash.flatMap((name) => HASHES[name] ?? [])
  const oldGroups = ikev1.groups.flatMap((name) => wordsFor(TYPE.KE, KeyExchangeMethod, name))
  return {
    ikev2: withoutWeak(strong),
    ikev1: suite([old, hashes, oldGroups], old, hashes, oldGroups),
  }
}

/** One suite of all kinds, where none of those that are `needed` is empty. */
function suite(
  kinds: readonly (readonly string[])[],
  ...needed: readonly (readonly string[])[]
): readonly string[] {
  if (needed.some((words) => words.length === 0) || kinds.at(-1)?.length === 0) return []
  return [kinds.flatMap(best).join('-')]
}

/** A weak suite is of no use beside one that is not. */
function withoutWeak(suites: readonly string[]): readonly string[] {
  const good = suites.filter((one) => !one.split('-').some((word) => weaknessOf(word) !== undefined))
  return good.length > 0 ? good : suites
}

function best(words: readonly string[]): readonly string[] {
  const strong = words.filter((word) => weaknessOf(word) === undefined)
  return strong.length > 0 ? strong : words
}

/** `ENCR_AES_GCM_16_256` → `aes256gcm16`: the number behind a name is the size of the key. */
function wordsFor(type: number, registry: Registry, name: string): readonly string[] {
  const [, shorter = name, bits] = registry[name] === undefined ? (/^(.+)_(\d+)$/.exec(name) ?? []) : []
  const id = (registry[name] ?? registry[shorter])?.id
  const found = suiteWords().find(
    (one) =>
      one.type === type && one.id === id && one.keyBits === (bits === undefined ? undefined : Number(bits)),
  )
  return found === undefined ? [] : [found.word]
}
