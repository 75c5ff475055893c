import { createHash } from 'node:crypto'
import { Secret } from '../../bytes/secret.ts'
import { VpnFailure } from '../../errors.ts'
import { PROFILE_FORMAT, requireProfile, sessionSecrets } from '../schema.ts'
import { slug } from '../store.ts'
import { weaknessOf } from '../suites.ts'
import type { Draft, SecretName, SignIn, SlotName, Slots } from './description.ts'
import { invalid } from './failure.ts'
import { proofsOf } from './proofs.ts'
import {
  answerTo,
  type ImportAnswers,
  type ImportedProfile,
  type Question,
  question,
  type RefusedProfile,
} from './result.ts'
import { SIGN_INS, signInProblem } from './sign-ins.ts'
import { type Making, SLOT_RULES, type Verdict } from './slot-rules.ts'

/** What became of one connection of a file: exactly one of the first two, or questions that must come first. */
export interface ProfileOutcome {
  readonly imported?: ImportedProfile
  readonly refused?: RefusedProfile
  readonly questions: readonly Question[]
}

/** Ours: below this a pre-shared key can be guessed from a single recorded exchange with a false gateway. */
const SHORTEST_KEY = 20

/**
 * Turns what a file says into a profile of today's schema, and writes the fate of every key to the report. Secrets
 * of the draft are handed on or closed. Throws `VpnFailure` (`profileInvalid`).
 */
export function profileOf(draft: Draft, answers: ImportAnswers): ProfileOutcome {
  const name = draft.value('name') ?? draft.value('host') ?? draft.file
  const rounds = draft.value('auth') ?? []
  const making: Making = {
    profile: { ike: {}, esp: {}, dns: {} },
    weak: new Set(),
    rounds,
    certificates: {
      ours: rounds.some((round) => SIGN_INS[round].secrets.includes('key')),
      theirs: draft.value('gatewayAuth') === 'certificate',
    },
  }
  // Everything is judged even when the connection is refused: the report says what would have become of it.
  const fatal = judgeSlots(draft, making)
  const problem =
    draft.refusal ??
    fatal.version ??
    signInProblem(rounds, draft.value('gatewayAuth'), making.profile.ike.version ?? 2) ??
    fatal.any ??
    whatIsMissing(making, rounds)
  markSecrets(draft, rounds, problem)
  try {
    return problem === undefined
      ? complete(draft, name, making, answers)
      : { refused: { name, reason: problem }, questions: [] }
  } finally {
    draft.close()
  }
}

function whatIsMissing({ profile }: Making, rounds: readonly SignIn[]): string | undefined {
  const { gateway, requestAddresses, localSubnets } = profile
  if (gateway === undefined) return 'it does not say which gateway to reach'
  if (rounds.length === 0) return 'it does not say how to sign in'
  return requestAddresses?.ipv4 === false && requestAddresses.ipv6 === false && localSubnets === undefined
    ? 'it uses no inner address of its own, which this version of Culvert needs'
    : undefined
}

function complete(draft: Draft, name: string, making: Making, answers: ImportAnswers): ProfileOutcome {
  const localId = making.profile.localId ?? answerTo(answers, name, 'localId')
  const who = localId === undefined && draft.value('auth')?.[0] === 'psk' ? [localIdOf(name)] : []
  const result = proofsOf(draft, name, answers)
  const needed = [...who, ...('questions' in result ? result.questions : [])]
  if (needed.length > 0 || 'questions' in result) {
    if ('secrets' in result) for (const secret of result.secrets.values()) secret.close()
    // All at once: the person fills in one form.
    const wanted = secretsOf(draft).filter((secret) => !draft.secrets.has(secret))
    return { questions: [...needed, ...unanswered(name, wanted, answers)] }
  }
  const { proofs, secrets, warnings } = result
  const value = {
    format: PROFILE_FORMAT,
    version: 1,
    ...making.profile,
    id: idOf(draft, name),
    name: making.profile.name ?? name.slice(0, 80),
    ...(localId === undefined ? {} : { localId }),
    ...proofs,
    weak: [...making.weak],
  }
  try {
    const profile = requireProfile(value, draft.file)
    const questions = askFor(name, sessionSecrets(profile), secrets, answers)
    const all = [...draft.warnings, ...warnings, ...warningsFor(making, secrets)]
    return { imported: { profile, secrets, lasting: true, warnings: all }, questions }
  } catch (thrown) {
    for (const secret of secrets.values()) secret.close()
    // Written for the person who has the file: the path is the profile's where no key stands for it.
    if (thrown instanceof VpnFailure && thrown.error.kind === 'profileInvalid') {
      throw invalid({ file: draft.file, field: `${draft.prefix}${thrown.error.field}` }, thrown.error.problem)
    }
    throw thrown
  }
}

function judgeSlots(draft: Draft, making: Making): { readonly version?: string; readonly any?: string } {
  let any: string | undefined
  let version: string | undefined
  for (const slot of Object.keys(SLOT_RULES) as SlotName[]) {
    const verdict = judge(draft, slot, making)
    if (verdict?.fatal !== true) continue
    any ??= verdict.reason
    if (slot === 'version') version = verdict.reason
  }
  return { ...(version === undefined ? {} : { version }), ...(any === undefined ? {} : { any }) }
}

function judge<K extends SlotName>(draft: Draft, slot: K, making: Making): Verdict | undefined {
  const said = draft.said(slot)
  if (said === undefined) return undefined
  const rule = SLOT_RULES[slot] as (value: Slots[K], making: Making) => Verdict
  const verdict = rule(said.value, making)
  for (const field of said.fields) draft.mark(field, verdict.outcome, verdict.reason)
  return verdict
}

function markSecrets(draft: Draft, rounds: readonly SignIn[], problem: string | undefined): void {
  for (const [name, { field }] of draft.secrets) {
    if (problem !== undefined) draft.mark(field, 'refused', 'the profile is refused, and the secret not kept')
    else if (!isUsed(name, draft, rounds)) draft.mark(field, 'ignored', 'no sign-in of this profile uses it')
    else if (name === 'passphrase') draft.mark(field, 'changed', 'opens the key and is not kept')
    else draft.mark(field, 'changed', 'goes to the keychain, not into the profile')
  }
}

const isUsed = (name: SecretName, draft: Draft, rounds: readonly SignIn[]): boolean =>
  rounds.some((round) => SIGN_INS[round].secrets.includes(name)) ||
  (name === 'psk' && draft.value('gatewayAuth') === 'psk') ||
  (name === 'ppk' && draft.value('ppkId') !== undefined)

const localIdOf = (profile: string): Question =>
  question(
    profile,
    'localId',
    `Who are you to the gateway of ${profile}? (local ID, e.g. alice@example.org)`,
    { secret: false, needed: true },
  )

/** Secrets a person can type; a private key comes in a file. */
const PROMPTS: Readonly<Record<string, string>> = {
  psk: 'Pre-shared key',
  ppk: 'Post-quantum pre-shared key',
  password: 'Password',
}

/** What a sign-in like this asks of a person, before it is a profile. */
function secretsOf(draft: Draft): readonly SecretName[] {
  const rounds = draft.value('auth') ?? []
  return (['psk', 'password', 'ppk'] as const).filter((name) => isUsed(name, draft, rounds))
}

/** Takes over the secrets the person has given, and asks for those that are still missing. */
function askFor(
  profile: string,
  wanted: readonly string[],
  secrets: Map<string, Secret>,
  answers: ImportAnswers,
): readonly Question[] {
  const missing = wanted.filter((name) => !secrets.has(name))
  for (const name of missing) {
    const answer = answerTo(answers, profile, name) ?? ''
    if (PROMPTS[name] !== undefined && answer !== '') secrets.set(name, Secret.fromText(answer))
  }
  return unanswered(profile, missing, answers)
}

const unanswered = (
  profile: string,
  wanted: readonly string[],
  answers: ImportAnswers,
): readonly Question[] =>
  wanted
    .filter((name) => PROMPTS[name] !== undefined && (answerTo(answers, profile, name) ?? '') === '')
    .map((name) =>
      question(profile, name, `${PROMPTS[name]} for ${profile}`, { secret: true, needed: false }),
    )

/** The same for the same file, so that importing it again updates the profile. */
function idOf(draft: Draft, name: string): string {
  const own = draft.value('uuid')?.toLowerCase()
  if (own !== undefined && /^[a-z0-9][a-z0-9-]{0,62}$/.test(own)) return own
  const key = own ?? `${draft.prefix}\n${name}\n${draft.value('host')}`
  return `${slug(name).slice(0, 40).replace(/-+$/, '')}-${createHash('sha256').update(key).digest('hex').slice(0, 8)}`
}

/** Weak words that are no algorithms, for people. */
const WEAK_NAMES: Readonly<Record<string, string>> = {
  aggressivepsk: 'aggressive mode with a pre-shared key',
}

const FALLBACK =
  'It goes on with IKEv1 where the gateway answers nothing to IKEv2, which whoever holds messages back can force.'

function warningsFor(making: Making, secrets: ReadonlyMap<string, Secret>): readonly string[] {
  const warnings: string[] = []
  if (making.profile.ike.version === 'auto') warnings.push(FALLBACK)
  for (const word of making.weak) warnings.push(`It allows ${WEAK_NAMES[word] ?? word}: ${weaknessOf(word)}.`)
  const key = secrets.get('psk')
  if (key !== undefined && key.length < SHORTEST_KEY) {
    warnings.push(
      `Its pre-shared key has ${key.length} characters: whoever imitates the gateway once can guess it.`,
    )
  }
  return warnings
}
