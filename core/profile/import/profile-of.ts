import { createHash } from 'node:crypto'
import type { Secret } from '../../bytes/secret.ts'
import { VpnFailure } from '../../errors.ts'
import { PROFILE_FORMAT, requireProfile } from '../schema.ts'
import { slug } from '../store.ts'
import { weaknessOf } from '../suites.ts'
import type { Draft, SecretName, SignIn, SlotName, Slots } from './description.ts'
import { invalid } from './failure.ts'
import type { ImportedProfile, Question, RefusedProfile } from './result.ts'
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
 * of the draft are handed on or closed. `answers`: what the person said, by question name.
 */
export function profileOf(draft: Draft, answers: ReadonlyMap<string, string>): ProfileOutcome {
  const name = draft.value('name') ?? draft.value('host') ?? draft.file
  const making: Making = { profile: { ike: {}, esp: {}, dns: {} }, weak: new Set(), warnings: [] }
  const rounds = draft.value('auth') ?? []
  // Everything is judged even when the connection is refused: the report says what would have become of it.
  const fatal = judgeSlots(draft, making)
  const problem =
    draft.refusal ?? fatal.version ?? signInProblem(rounds, draft.value('gatewayAuth')) ?? fatal.any
  markSecrets(draft, rounds, problem)
  if (problem !== undefined) return refuse(draft, name, problem)
  if (making.profile.gateway === undefined) {
    return refuse(draft, name, 'it does not say which gateway to reach')
  }
  if (rounds.length === 0) return refuse(draft, name, 'it does not say how to sign in')
  const { requestAddresses, localSubnets } = making.profile
  if (requestAddresses?.ipv4 === false && requestAddresses.ipv6 === false && localSubnets === undefined) {
    return refuse(draft, name, 'it uses no inner address of its own, which this version of Culvert needs')
  }

  const localId = making.profile.localId ?? answers.get('localId')
  if (localId === undefined) return incomplete(draft, name)
  const id = idOf(draft, name)
  const value = {
    format: PROFILE_FORMAT,
    version: 1,
    ...making.profile,
    id,
    name: making.profile.name ?? name.slice(0, 80),
    localId,
    auth: { method: SIGN_INS[rounds[0] as SignIn].method },
    weak: [...making.weak],
  }
  const secrets = handOver(draft, rounds)
  try {
    const profile = requireProfile(value, draft.file)
    const warnings = warningsFor(draft, making, secrets)
    return {
      imported: { profile, secrets, lasting: true, warnings },
      questions: missingSecrets(name, rounds, secrets),
    }
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
    else if (isUsed(name, rounds)) draft.mark(field, 'changed', 'goes to the keychain, not into the profile')
    else draft.mark(field, 'ignored', 'no sign-in of this profile uses it')
  }
}

const isUsed = (name: SecretName, rounds: readonly SignIn[]): boolean =>
  rounds.some((round) => SIGN_INS[round].secrets.includes(name))

function handOver(draft: Draft, rounds: readonly SignIn[]): ReadonlyMap<string, Secret> {
  const secrets = new Map<string, Secret>()
  for (const [name, { secret }] of draft.secrets) {
    if (isUsed(name, rounds)) secrets.set(name, secret)
    else secret.close()
  }
  return secrets
}

function refuse(draft: Draft, name: string, reason: string): ProfileOutcome {
  draft.close()
  return { refused: { name, reason }, questions: [] }
}

function incomplete(draft: Draft, name: string): ProfileOutcome {
  draft.close()
  return {
    questions: [
      {
        profile: name,
        name: 'localId',
        prompt: `Who are you to the gateway of ${name}? (local ID, e.g. alice@example.org)`,
        secret: false,
        needed: true,
      },
    ],
  }
}

const PROMPTS: Partial<Readonly<Record<SecretName, string>>> = { psk: 'Pre-shared key' }

function missingSecrets(
  profile: string,
  rounds: readonly SignIn[],
  secrets: ReadonlyMap<string, Secret>,
): readonly Question[] {
  const wanted = rounds.flatMap((round) => SIGN_INS[round].secrets)
  return wanted
    .filter((name) => !secrets.has(name) && PROMPTS[name] !== undefined)
    .map((name) => ({
      profile,
      name,
      prompt: `${PROMPTS[name]} for ${profile}`,
      secret: true,
      needed: false,
    }))
}

/** The same for the same file, so that importing it again updates the profile. */
function idOf(draft: Draft, name: string): string {
  const own = draft.value('uuid')?.toLowerCase()
  if (own !== undefined && /^[a-z0-9][a-z0-9-]{0,62}$/.test(own)) return own
  const key = own ?? `${draft.prefix}\n${name}\n${draft.value('host')}`
  return `${slug(name).slice(0, 40).replace(/-+$/, '')}-${createHash('sha256').update(key).digest('hex').slice(0, 8)}`
}

function warningsFor(draft: Draft, making: Making, secrets: ReadonlyMap<string, Secret>): readonly string[] {
  const warnings = [...draft.warnings, ...making.warnings]
  for (const word of making.weak) warnings.push(`It allows ${word}: ${weaknessOf(word)}.`)
  const key = secrets.get('psk')
  if (key !== undefined && key.length < SHORTEST_KEY) {
    warnings.push(
      `Its pre-shared key has ${key.length} characters: whoever imitates the gateway once can guess it.`,
    )
  }
  return warnings
}
