import { suiteSet } from './suite-sets.ts'
import { weaknessOf } from './suites.ts'

const NAMES: ReadonlyMap<string, string> = new Map([
  ['chacha20poly1305', 'ChaCha20-Poly1305'],
  ['curve25519', 'X25519'],
  ['x25519', 'X25519'],
  ['curve448', 'X448'],
  ['x448', 'X448'],
  ['3des', '3DES'],
  ['des', 'DES'],
  ['null', 'no encryption'],
  ['esn', 'ESN'],
  ['noesn', 'no ESN'],
  ['aesxcbc', 'AES-XCBC'],
  ['aescmac', 'AES-CMAC'],
])

const PATTERNS: readonly (readonly [RegExp, (match: RegExpMatchArray) => string])[] = [
  [/^aes(\d+)gcm\d+$/, ([, bits]) => `AES-${bits}-GCM`],
  [/^aes(\d+)ccm\d+$/, ([, bits]) => `AES-${bits}-CCM`],
  [/^aes(\d+)ctr$/, ([, bits]) => `AES-${bits}-CTR`],
  [/^aes(\d+)$/, ([, bits]) => `AES-${bits}-CBC`],
  [/^camellia(\d+)(\w*?)\d*$/, ([, bits, mode]) => `Camellia-${bits}${mode ? `-${mode.toUpperCase()}` : ''}`],
  [/^ecp(\d+)bp$/, ([, bits]) => `Brainpool-${bits}`],
  [/^ecp(\d+)$/, ([, bits]) => `P-${bits}`],
  [/^modp(\d+)$/, ([, bits]) => `MODP-${bits}`],
  [/^mlkem(\d+)$/, ([, size]) => `ML-KEM-${size}`],
  [/^(?:prf)?sha1$/, () => 'SHA-1'],
  [/^(?:prf)?md5$/, () => 'MD5'],
  [/^(?:prf)?sha(?:2_)?(\d+)$/, ([, bits]) => `SHA-${bits}`],
  [/^prfaes(\w+)$/, ([, mode]) => `AES-${mode?.toUpperCase()}`],
]

/** One word of a suite as people write it: `aes256gcm16` → `AES-256-GCM`; as it stands where we have no name for it. */
export function wordName(word: string): string {
  const named = NAMES.get(word)
  if (named !== undefined) return named
  for (const [pattern, name] of PATTERNS) {
    const match = pattern.exec(word)
    if (match !== null) return name(match)
  }
  return word
}

/** Ours: alternatives of one kind that are named; the rest is counted. */
const NAMED = 3

/** A suite in words, alternatives joined: `AES-256-GCM or AES-128-GCM, SHA-384, X25519`. Never throws. */
export function suiteInWords(suite: string): string {
  const set = suiteSet(suite)
  if (set !== undefined) return set.words
  const groups = new Map<string, string[]>()
  for (const word of suite.toLowerCase().split('-')) {
    const names = groups.get(kindOf(word)) ?? []
    groups.set(kindOf(word), names)
    const name = wordName(word)
    // An integrity algorithm and the PRF of the same hash read the same.
    if (name !== '' && ![...groups.values()].flat().includes(name)) names.push(name)
  }
  return [...groups.values()]
    .filter((names) => names.length > 0)
    .map((names) => {
      const shown = names.slice(0, NAMED)
      const more = names.length - shown.length
      return more === 0 ? shown.join(' or ') : `${shown.join(', ')} or ${more} more`
    })
    .join('; ')
}

/** The weak words of a suite, each with its reason. */
export function weakWords(suite: string): readonly { readonly word: string; readonly why: string }[] {
  const words = suiteSet(suite)?.weak ?? suite.toLowerCase().split('-')
  return words.flatMap((word) => {
    const why = weaknessOf(word)
    return why === undefined ? [] : [{ word, why }]
  })
}

function kindOf(word: string): string {
  if (/^(prf|sha|md5|aesxcbc|aescmac)/.test(word)) return 'hash'
  if (/^(curve|x25519|x448|ecp|modp|mlkem)/.test(word)) return 'group'
  return /^(no)?esn$/.test(word) ? 'esn' : 'cipher'
}
