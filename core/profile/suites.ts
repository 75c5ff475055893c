import { VpnFailure } from '../errors.ts'
import type { OfferedProposal, OfferedTransform } from '../ike/config.ts'

/** One word of a suite string. Ids are the IANA Transform IDs of RFC 7296 §3.3.2. */
interface Word {
  /** IANA Transform Type. */
  readonly type: number
  readonly id: number
  readonly keyBits?: number
  /** Encryption that brings its own integrity. */
  readonly aead?: true
  /** The PRF an integrity algorithm stands for where no PRF is named. */
  readonly prf?: number
  /** Why it needs the switch, for people, without a full stop. */
  readonly weakness?: string
}

const ENCR = 1
const PRF = 2
const INTEG = 3
const KE = 4
const ESN = 5
/** ADDKE1; ADDKE7 is 12. RFC 9370 §6 */
const FIRST_ADDITIONAL = 6

const sized = (name: string, id: number, sizes: readonly number[], suffix: string, extra: Partial<Word>) =>
  sizes.map((keyBits): [string, Word] => [
    `${name}${keyBits}${suffix}`,
    { type: ENCR, id, keyBits, ...extra },
  ])

const AES = [256, 192, 128] as const
const SHA1 = 'SHA-1 is broken as a hash, and RFC 8247 expects it to go'
const MD5 = 'MD5 is broken, and RFC 8247 forbids it'

/** Every word, in order of preference within a type. The first spelling of an id is the one we print. */
const WORDS: ReadonlyMap<string, Word> = new Map<string, Word>([
  ...sized('aes', 20, AES, 'gcm16', { aead: true }),
  ['chacha20poly1305', { type: ENCR, id: 28, aead: true }],
  ...sized('aes', 19, AES, 'gcm12', { aead: true }),
  ...sized('aes', 18, AES, 'gcm8', { aead: true }),
  ...sized('aes', 16, AES, 'ccm16', { aead: true }),
  ...sized('aes', 15, AES, 'ccm12', { aead: true }),
  ...sized('aes', 14, AES, 'ccm8', { aead: true }),
  ...sized('aes', 12, AES, '', {}),
  ...sized('aes', 13, AES, 'ctr', {}),
  ...sized('camellia', 23, AES, '', {}),
  ...sized('camellia', 24, AES, 'ctr', {}),
  ...sized('camellia', 27, AES, 'ccm16', { aead: true }),
  ...sized('camellia', 26, AES, 'ccm12', { aead: true }),
  ...sized('camellia', 25, AES, 'ccm8', { aead: true }),
  ['3des', { type: ENCR, id: 3, weakness: 'its 64-bit blocks repeat after a few gigabytes, and it is slow' }],
  ['des', { type: ENCR, id: 2, weakness: 'its keys of 56 bits are found by trying them all, within a day' }],
  [
    'null',
    { type: ENCR, id: 11, weakness: 'it does not encrypt: everybody on the way can read your traffic' },
  ],

  ['prfsha256', { type: PRF, id: 5 }],
  ['prfsha384', { type: PRF, id: 6 }],
  ['prfsha512', { type: PRF, id: 7 }],
  ['prfaesxcbc', { type: PRF, id: 4 }],
  ['prfaescmac', { type: PRF, id: 8 }],
  ['prfsha1', { type: PRF, id: 2, weakness: SHA1 }],
  ['prfmd5', { type: PRF, id: 1, weakness: MD5 }],

  ['sha256', { type: INTEG, id: 12, prf: 5 }],
  ['sha384', { type: INTEG, id: 13, prf: 6 }],
  ['sha512', { type: INTEG, id: 14, prf: 7 }],
  ['aesxcbc', { type: INTEG, id: 5, prf: 4 }],
  ['aescmac', { type: INTEG, id: 8, prf: 8 }],
  ['sha1', { type: INTEG, id: 2, prf: 2, weakness: SHA1 }],
  ['md5', { type: INTEG, id: 1, prf: 1, weakness: MD5 }],

  ['curve25519', { type: KE, id: 31 }],
  ['ecp256', { type: KE, id: 19 }],
  ['ecp384', { type: KE, id: 20 }],
  ['ecp521', { type: KE, id: 21 }],
  ['curve448', { type: KE, id: 32 }],
  ['modp3072', { type: KE, id: 15 }],
  ['modp4096', { type: KE, id: 16 }],
  ['modp6144', { type: KE, id: 17 }],
  ['modp8192', { type: KE, id: 18 }],
  ['modp2048', { type: KE, id: 14 }],
  ['ecp256bp', { type: KE, id: 28 }],
  ['ecp384bp', { type: KE, id: 29 }],
  ['ecp512bp', { type: KE, id: 30 }],
  ['mlkem768', { type: KE, id: 36 }],
  ['mlkem1024', { type: KE, id: 37 }],
  ['mlkem512', { type: KE, id: 35 }],
  ['modp1536', { type: KE, id: 5, weakness: 'a group of 1536 bits is within reach of a rich attacker' }],
  ['modp1024', { type: KE, id: 2, weakness: 'a group of 1024 bits can be broken by a rich attacker' }],
  ['modp768', { type: KE, id: 1, weakness: 'a group of 768 bits has been broken in public' }],

  ['esn', { type: ESN, id: 1 }],
  ['noesn', { type: ESN, id: 0 }],
])

/** Other spellings people know. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['x25519', 'curve25519'],
  ['x448', 'curve448'],
  ['aes', 'aes128'],
  ['aes128gcm128', 'aes128gcm16'],
  ['aes192gcm128', 'aes192gcm16'],
  ['aes256gcm128', 'aes256gcm16'],
  ['sha2_256', 'sha256'],
  ['sha2_384', 'sha384'],
  ['sha2_512', 'sha512'],
  ['sha', 'sha1'],
])

/** Words of `weak` that are no transforms: what signatures may be (RFC 8247 §3), and how IKEv1 may sign in (RFC 2409 §5.4), and keys that do without. */
const SIGNATURES: ReadonlyMap<string, string> = new Map([
  ['sha1signature', 'a signature over SHA-1 can be forged by a rich attacker'],
  ['aggressivepsk', 'a hash made with the key travels in the clear, and anybody can guess at it offline'],
  [
    'manualkeys',
    'the same keys protect every connection until somebody changes them, and packets that were recorded are taken again',
  ],
  ['shortrsa', 'an RSA key below 2048 bits is within reach of a rich attacker'],
])

const GROUPS = 'curve25519-ecp256-ecp384-ecp521-modp3072-modp4096-modp2048'

/** What is offered unless the profile says otherwise: nothing weak, the best first. */
export const DEFAULT_IKE_SUITES: readonly string[] = [
  `aes256gcm16-aes128gcm16-chacha20poly1305-prfsha384-prfsha256-prfsha512-${GROUPS}`,
  `aes256-aes128-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512-${GROUPS}`,
]

/**
 * The same for IKEv1, which writes out every combination: few enough that the first message is not torn apart on the
 * way. What gateways of its age know beside that is weak, and needs to be named.
 */
export const DEFAULT_IKEV1_SUITES: readonly string[] = [
  'aes256-aes128-sha256-sha512-curve25519-ecp256-ecp384-modp3072-modp2048',
]

/** Aggressive mode has but one group: the one most gateways take. RFC 2409 §5 */
export const DEFAULT_AGGRESSIVE_SUITES: readonly string[] = ['aes256-aes128-sha256-sha512-modp2048']

export const DEFAULT_ESP_SUITES: readonly string[] = [
  'aes256gcm16-aes128gcm16-chacha20poly1305',
  'aes256-aes128-sha256-sha384-sha512',
]

/** AH has nothing but integrity. RFC 8221 §6 */
export const DEFAULT_AH_SUITES: readonly string[] = ['sha256-sha384-sha512']

/** Where a suite stands, for messages, and what is switched on. */
export interface SuiteContext {
  /** The file or profile name. */
  readonly source: string
  /** Dotted path of the list, `ike.proposals`. */
  readonly field: string
  /** Words switched on by `weak`. */
  readonly weak: readonly string[]
}

/**
 * One suite string such as `aes256gcm16-prfsha384-ecp384` as a proposal for the IKE SA; words of the same type
 * are alternatives, best first. An integrity algorithm brings its PRF along where none is named. RFC 7296 §3.3.3
 * Throws `VpnFailure` (`profileInvalid`, `weakAlgorithm`).
 */
export function parseIkeSuite(suite: string, context: SuiteContext): OfferedProposal {
  const words = wordsOf(suite, context)
  checkEncryption(words, suite, context)
  checkExchanges(words, suite, context)
  const prfs = words.filter((word) => word.type === PRF)
  const implied = words
    .filter((word) => word.type === INTEG)
    .map((word) => ({ type: PRF, id: word.prf ?? 0 }))
  if (prfs.length === 0 && implied.length === 0) {
    throw invalid(context, `"${suite}" names no PRF, e.g. prfsha256`)
  }
  if (!words.some((word) => word.type === KE)) {
    throw invalid(context, `"${suite}" names no key exchange, e.g. curve25519`)
  }
  if (words.some((word) => word.type === ESN)) {
    throw invalid(context, `"${suite}": extended sequence numbers belong to ESP, not to IKE`)
  }
  const transforms = words.map(transformOf)
  return inTypeOrder(prfs.length > 0 ? transforms : [...transforms, ...implied])
}

/**
 * One suite string such as `aes128gcm16` or `aes128-sha256-ecp256` as a proposal for ESP. Sequence numbers of 64
 * bits are preferred and 32 accepted unless it says `esn` or `noesn`. RFC 7296 §3.3.3, RFC 4303 §2.2.1
 */
export function parseEspSuite(suite: string, context: SuiteContext): OfferedProposal {
  const words = wordsOf(suite, context)
  checkEncryption(words, suite, context)
  checkExchanges(words, suite, context)
  if (words.some((word) => word.type === PRF)) {
    throw invalid(context, `"${suite}": a PRF belongs to IKE, not to ESP`)
  }
  return inTypeOrder([...words.map(transformOf), ...sequenceNumbers(words)])
}

/** One suite string such as `sha256` or `sha256-ecp256` as a proposal for AH. RFC 7296 §3.3.3, RFC 4302 */
export function parseAhSuite(suite: string, context: SuiteContext): OfferedProposal {
  const words = wordsOf(suite, context)
  checkExchanges(words, suite, context)
  if (words.some((word) => word.type === ENCR || word.type === PRF))
    throw invalid(context, `"${suite}": AH has an integrity algorithm, and neither encryption nor a PRF`)
  if (!words.some((word) => word.type === INTEG))
    throw invalid(context, `"${suite}" names no integrity algorithm, e.g. sha256`)
  return inTypeOrder([...words.map(transformOf), ...sequenceNumbers(words)])
}

/** 64 bits, or else 32, where the suite does not say. */
const sequenceNumbers = (words: readonly Word[]): readonly OfferedTransform[] =>
  words.some((word) => word.type === ESN)
    ? []
    : [
        { type: ESN, id: 1 },
        { type: ESN, id: 0 },
      ]

/** A proposal as a suite string; transforms we have no word for print as `type:id`. */
export function formatSuite(proposal: OfferedProposal): string {
  return proposal
    .map((t) => {
      if (t.type < FIRST_ADDITIONAL) return wordFor(t)
      const word = t.id === 0 ? 'none' : wordFor({ ...t, type: KE })
      return `ke${t.type - FIRST_ADDITIONAL + 1}_${word}`
    })
    .join('-')
}

/** Why a word needs the switch, or `undefined`. */
export function weaknessOf(word: string): string | undefined {
  return WORDS.get(ALIASES.get(word) ?? word)?.weakness ?? SIGNATURES.get(word)
}

/** IANA Transform Type of a word, or `undefined`. */
export function suiteWordType(word: string): number | undefined {
  return WORDS.get(ALIASES.get(word) ?? word)?.type
}

/** Whether it is an encryption that brings its own integrity. */
export function bringsIntegrity(word: string): boolean {
  return WORDS.get(ALIASES.get(word) ?? word)?.aead === true
}

export function isSuiteWord(word: string): boolean {
  return WORDS.has(ALIASES.get(word) ?? word)
}

/** Whether `weak` may name it: any algorithm, or what signatures may be. */
export const isWeakWord = (word: string): boolean => isSuiteWord(word) || SIGNATURES.has(word)

/** The table's rows, for checks against the IANA registries. */
export function suiteWords(): readonly (OfferedTransform & { readonly word: string })[] {
  return [...WORDS].map(([word, row]) => ({ word, ...transformOf(row) }))
}

function wordsOf(suite: string, context: SuiteContext): readonly Word[] {
  const switchedOn = new Set(context.weak.map((word) => ALIASES.get(word) ?? word))
  const spelled = suite
    .toLowerCase()
    .split('-')
    .map((word) => ALIASES.get(word) ?? word)
  return spelled.map((spelling) => {
    const [name, additional] = withoutPlace(spelling)
    const known = additional !== 0 && name === 'none' ? { type: KE, id: 0 } : WORDS.get(name)
    const word =
      additional === 0 || known?.type !== KE ? known : { ...known, type: FIRST_ADDITIONAL + additional - 1 }
    if (word === undefined || (additional !== 0 && known?.type !== KE))
      throw invalid(context, `"${name}" in "${suite}" is not an algorithm Culvert knows`)
    // Naming the hash switches on its PRF as well: the one is never wanted without the other.
    const on = switchedOn.has(name) || (word.type === PRF && switchedOn.has(name.slice('prf'.length)))
    if (word.weakness !== undefined && !on) {
      throw new VpnFailure({
        kind: 'weakAlgorithm',
        algorithm: name,
        weakness: word.weakness,
        switch: `"weak": ["${name}"]`,
      })
    }
    return word
  })
}

/** `ke1_mlkem768` → the method, and which additional key exchange it is for; 0: the first one of all. RFC 9370 §2.2.1 */
function withoutPlace(spelling: string): readonly [string, number] {
  const match = /^ke([1-7])_(.+)$/.exec(spelling)
  if (match === null) return [spelling, 0]
  const [, place = '', name = ''] = match
  return [ALIASES.get(name) ?? name, Number(place)]
}

/** Nobody makes a second key exchange without a first. RFC 9370 §2.2.1 */
function checkExchanges(words: readonly Word[], suite: string, context: SuiteContext): void {
  if (words.some((word) => word.type >= FIRST_ADDITIONAL) && !words.some((word) => word.type === KE))
    throw invalid(context, `"${suite}" names an additional key exchange and no first one, e.g. curve25519`)
}

/** A proposal for peers that know nothing of additional key exchanges, where all of them may be left out. RFC 9370 §2.2.1 */
export function withoutOptional(proposal: OfferedProposal): OfferedProposal[] {
  const places = new Set(proposal.filter((t) => t.type >= FIRST_ADDITIONAL).map((t) => t.type))
  const optional = [...places].every((type) => proposal.some((t) => t.type === type && t.id === 0))
  if (places.size === 0 || !optional) return [proposal]
  return [proposal, proposal.filter((t) => t.type < FIRST_ADDITIONAL)]
}

/** Whether some additional key exchange may not be left out. RFC 9370 §2.2.1 */
export const insistsOnMore = (proposal: OfferedProposal): boolean =>
  proposal.some(
    ({ type }) => type >= FIRST_ADDITIONAL && !proposal.some((one) => one.type === type && one.id === 0),
  )

function checkEncryption(words: readonly Word[], suite: string, context: SuiteContext): void {
  const encryption = words.filter((word) => word.type === ENCR)
  if (encryption.length === 0) throw invalid(context, `"${suite}" names no encryption, e.g. aes256gcm16`)
  const combined = encryption.filter((word) => word.aead === true).length
  // An AEAD and a plain cipher need different transforms beside them, so they never share a proposal. RFC 7296 §3.3
  if (combined !== 0 && combined !== encryption.length) {
    throw invalid(context, `"${suite}" mixes GCM, CCM or ChaCha20 with plain ciphers; make two suites of it`)
  }
  const integrity = words.some((word) => word.type === INTEG)
  if (combined > 0 && integrity) {
    throw invalid(context, `"${suite}" has an integrity algorithm beside an encryption that brings its own`)
  }
  if (combined === 0 && !integrity)
    throw invalid(context, `"${suite}" names no integrity algorithm, e.g. sha256`)
}

const transformOf = (word: Word): OfferedTransform =>
  word.keyBits === undefined
    ? { type: word.type, id: word.id }
    : { type: word.type, id: word.id, keyBits: word.keyBits }

function wordFor(transform: OfferedTransform): string {
  for (const [name, word] of WORDS) {
    if (word.type !== transform.type || word.id !== transform.id) continue
    if (word.keyBits === transform.keyBits) return name
  }
  return `${transform.type}:${transform.id}${transform.keyBits === undefined ? '' : `:${transform.keyBits}`}`
}

/** Grouped by type, in the order written; a transform named twice stands once. */
function inTypeOrder(transforms: readonly OfferedTransform[]): OfferedProposal {
  const seen = new Set<string>()
  return [...transforms]
    .sort((a, b) => a.type - b.type)
    .filter((transform) => {
      const key = `${transform.type}:${transform.id}:${transform.keyBits}`
      return seen.has(key) ? false : seen.add(key)
    })
}

const invalid = (context: SuiteContext, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source: context.source, field: context.field, problem })
