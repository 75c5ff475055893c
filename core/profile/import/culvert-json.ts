import { Secret } from '../../bytes/secret.ts'
import type { VpnFailure } from '../../errors.ts'
import { PROFILE_FORMAT, type Profile, requireProfile, secretNames, unknownFields } from '../schema.ts'
import { slug } from '../store.ts'
import { weaknessOf } from '../suites.ts'
import { invalid as invalidAt } from './failure.ts'
import type { ReportRow } from './report.ts'
import type { ImportedProfile, ImportResult } from './result.ts'
import { parseStrictJson } from './syntax/json.ts'
import { decodeText } from './text.ts'

/**
 * Our own JSON, one profile or a list. A file a person wrote may lack `id`, `format` and `version`, may hold fields
 * we do not know, and may bring secrets along (`secrets.psk`, `secrets.key`), which go to the keychain and nowhere else.
 * Throws `VpnFailure` (`profileInvalid`, `weakAlgorithm`).
 */
export function importCulvertJson(bytes: Uint8Array, source: string): ImportResult {
  const parsed = parseStrictJson(decodeText(bytes, source), source)
  const values = Array.isArray(parsed) ? parsed : [parsed]
  if (values.length === 0) throw invalid(source, '', 'it holds no profile')
  const report: ReportRow[] = []
  const prefix = (at: number): string => (values.length > 1 ? `${at}.` : '')
  const profiles = values.map((value, at) => importOne(value, source, prefix(at), report))
  return { profiles, refused: [], questions: [], report, signers: [] }
}

function importOne(value: unknown, source: string, prefix: string, report: ReportRow[]): ImportedProfile {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(source, prefix.slice(0, -1), 'an object with the fields of a profile is expected')
  }
  if (!('gateway' in value) && (value as { format?: unknown }).format !== PROFILE_FORMAT) {
    throw invalid(
      source,
      prefix.slice(0, -1),
      'it is JSON, but no profile: a profile says which "gateway" to reach',
    )
  }
  const row = (field: string, outcome: ReportRow['outcome'], reason?: string): void => {
    report.push({ field: `${prefix}${field}`, outcome, ...(reason === undefined ? {} : { reason }) })
  }
  const { secrets: given, ...rest } = structuredClone(value) as Record<string, unknown>
  const lasting = rest.id !== undefined
  const draft: Record<string, unknown> = { format: PROFILE_FORMAT, version: 1, ...rest }
  if (draft.id === undefined && typeof draft.name === 'string') {
    draft.id = slug(draft.name)
    row('id', 'changed', `made of the name: ${draft.id}`)
  }
  forgiveUnknown(draft, row)
  const profile = requireProfile(draft, source)
  for (const field of Object.keys(rest)) if (field in draft) row(field, 'kept')
  const warnings = profile.weak.map((word) => `It allows ${word}: ${weaknessOf(word)}.`)
  return { profile, secrets: secretsOf(profile, given, source, row), lasting, warnings }
}

/** Drops the fields we do not know, and says so: a newer or foreign file is still of use. */
function forgiveUnknown(
  draft: Record<string, unknown>,
  row: (field: string, outcome: 'ignored', reason: string) => void,
): void {
  for (const path of unknownFields(draft)) {
    const owner = path.slice(0, -1).reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], draft)
    delete (owner as Record<string, unknown>)[path.at(-1) ?? '']
    row(path.join('.'), 'ignored', 'this field is not known')
  }
}

function secretsOf(
  profile: Profile,
  given: unknown,
  source: string,
  row: (field: string, outcome: ReportRow['outcome'], reason: string) => void,
): ReadonlyMap<string, Secret> {
  const secrets = new Map<string, Secret>()
  if (given === undefined) return secrets
  if (typeof given !== 'object' || given === null) throw invalid(source, 'secrets', 'an object is expected')
  const wanted = secretNames(profile)
  for (const [name, value] of Object.entries(given)) {
    if (!wanted.includes(name)) row(`secrets.${name}`, 'ignored', 'no sign-in of this profile uses it')
    else if (typeof value !== 'string' || value === '') {
      for (const secret of secrets.values()) secret.close()
      throw invalid(source, `secrets.${name}`, 'a text is expected')
    } else {
      secrets.set(name, Secret.fromText(value))
      row(`secrets.${name}`, 'changed', 'goes to the keychain, not into the profile')
    }
  }
  return secrets
}

const invalid = (source: string, field: string, problem: string): VpnFailure =>
  invalidAt({ file: source, field }, problem)
