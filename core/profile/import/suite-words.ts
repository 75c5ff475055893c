import { VpnFailure } from '../../errors.ts'
import { isSuiteWord, parseEspSuite, parseIkeSuite, suiteWordType, weaknessOf } from '../suites.ts'

export interface UsableSuites {
  /** Spelled as the profile takes them; empty where nothing is left. */
  readonly suites: readonly string[]
  /** Broken words the suites cannot do without. */
  readonly weak: readonly string[]
  /** What was left out or added, for people. */
  readonly changes: readonly string[]
}

const PRFS = 'prfsha256-prfsha384-prfsha512'
const GROUPS = 'curve25519-ecp256-ecp384-modp3072-modp4096-modp2048'

/** Spellings of other programs that mean a word of ours. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/^(aes|camellia)(\d{3})(gcm|ccm)(?:icv)?128$/, '$1$2$316'],
  [/^(aes|camellia)(\d{3})(gcm|ccm)(?:icv)?96$/, '$1$2$312'],
  [/^(aes|camellia)(\d{3})(gcm|ccm)(?:icv)?64$/, '$1$2$38'],
  [/^(aes|camellia)(\d{3})(gcm|ccm)$/, '$1$2$316'],
  [/^camellia$/, 'camellia128'],
  [/^chacha20poly1305compat$/, 'chacha20poly1305'],
  [/^sha2[_-]?(256|384|512)$/, 'sha$1'],
  [/^prfsha2[_-]?(256|384|512)$/, 'prfsha$1'],
]

const spelled = (word: string): string =>
  SPELLINGS.reduce((at, [from, to]) => at.replace(from, to), word.toLowerCase())

/** A word of ours, or one for an additional key exchange, which may be none: `ke1_mlkem768`, `ke2_none`. RFC 9370 */
export const isKnownWord = (word: string): boolean =>
  isSuiteWord(word) || /^ke[1-7]_none$/.test(word) || isSuiteWord(word.replace(/^ke[1-7]_/, ''))

/**
 * The part of a file's suites that Culvert can offer. Words it does not know are left out where others of the suite
 * remain, broken ones where the suite has better of their kind: a gateway that is said to have one group only has no
 * other. A suite that keeps a broken word stays only if no better suite is there.
 */
export function usableSuites(listed: readonly string[], protocol: 'ike' | 'esp'): UsableSuites {
  const changes: string[] = []
  const strong: string[] = []
  const weak: { readonly suite: string; readonly words: readonly string[] }[] = []
  for (const suite of listed) {
    const words = suite
      .replace(/!$/, '')
      .split('-')
      .map(spelled)
      .filter((word) => word !== '' && word !== 'modpnone' && word !== 'modpnull')
    const unknown = words.filter((word) => !isKnownWord(word))
    if (unknown.length > 0) changes.push(`left out ${unknown.join(', ')}, which Culvert does not have`)
    const known = words.filter(isKnownWord)
    const used = known.filter((word) => !isBroken(word) || !known.some((other) => isBetter(other, word)))
    const whole = complete(used, protocol)
    if (whole === undefined) {
      changes.push(`left out ${suite}, which is no whole suite`)
      continue
    }
    const broken = used.filter(isBroken)
    if (broken.length > 0) weak.push({ suite: whole, words: broken })
    else strong.push(whole)
    const dropped = known.filter((word) => !used.includes(word))
    if (dropped.length > 0) changes.push(`left out ${dropped.join(', ')}, which is broken`)
  }
  if (strong.length > 0) {
    const dropped = weak.map(({ suite }) => suite)
    if (dropped.length > 0) changes.push(`left out ${dropped.join(', ')}: broken, and there is better`)
    return { suites: unique(strong), weak: [], changes: unique(changes) }
  }
  return {
    suites: unique(weak.map(({ suite }) => suite)),
    weak: unique(weak.flatMap(({ words }) => words)),
    changes: unique(changes),
  }
}

const isBroken = (word: string): boolean => weaknessOf(word) !== undefined

/** Of the same kind, and not broken. */
const isBetter = (other: string, word: string): boolean =>
  !isBroken(other) && suiteWordType(other) === suiteWordType(word)

/** The suite as the profile takes it, with PRFs and groups where none is named: other programs have theirs. */
function complete(words: readonly string[], protocol: 'ike' | 'esp'): string | undefined {
  const suite = words.join('-')
  return protocol === 'esp'
    ? firstThatParses([suite], parseEspSuite)
    : firstThatParses(
        [suite, `${suite}-${PRFS}`, `${suite}-${GROUPS}`, `${suite}-${PRFS}-${GROUPS}`],
        parseIkeSuite,
      )
}

function firstThatParses(
  suites: readonly string[],
  parse: typeof parseEspSuite | typeof parseIkeSuite,
): string | undefined {
  return suites.find((suite) => {
    if (suite === '') return false
    try {
      const weak = suite.split('-')
      return parse(suite, { source: '', field: '', weak }).length > 0
    } catch (thrown) {
      if (thrown instanceof VpnFailure) return false
      throw thrown
    }
  })
}

const unique = (items: readonly string[]): readonly string[] => [...new Set(items)]
