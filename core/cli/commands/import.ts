import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { sentenceFor } from '../../advice.ts'
import type { Secret } from '../../bytes/secret.ts'
import { VpnFailure } from '../../errors.ts'
import { type Beside, looksLikeCredential, withBeside } from '../../profile/import/credential.ts'
import { importCulvertJson } from '../../profile/import/culvert-json.ts'
import type { ReportRow } from '../../profile/import/report.ts'
import type { ImportedProfile } from '../../profile/import/result.ts'
import { authWords, type Profile } from '../../profile/schema.ts'
import { parseSecrets } from '../../secrets/input.ts'
import { type CliContext, type ExitCode, reporting } from '../context.ts'
import { type CredentialOptions, type GivenFile, readBeside } from './credentials.ts'

export interface ImportOptions extends CredentialOptions {
  readonly json: boolean
  /** Puts the profile in the place of the one with the same id. */
  readonly replace: boolean
  readonly secretsStdin: boolean
  /** A profile there is, to put a certificate into. */
  readonly profile?: string
}

/**
 * `culvert import FILE…`: each file by itself; one that cannot be used does not keep the others out. Files with
 * certificates and keys are of use beside a profile only: they go with each of the others, or into `--profile`.
 */
export async function importFiles(
  context: CliContext,
  paths: readonly string[],
  options: ImportOptions,
): Promise<ExitCode> {
  const given = options.secretsStdin ? parseSecrets(await context.terminal.readInput()) : new Map()
  let worst: ExitCode = 0
  const each = async (work: () => Promise<ExitCode>): Promise<void> => {
    const code = await reporting(context.terminal, options.json, work)
    if (code !== 0) worst = code
  }
  const files: GivenFile[] = []
  for (const path of paths) {
    await each(async () => {
      files.push({ path, bytes: await context.readFile(path) })
      return 0
    })
  }
  const credentials = files.filter(({ bytes }) => looksLikeCredential(bytes))
  const profiles = files.filter((file) => !credentials.includes(file))
  await each(async () => {
    const beside = await readBeside(context, credentials, options)
    try {
      if (options.profile !== undefined) return await intoProfile(context, profiles, beside, given, options)
      if (profiles.length === 0 && files.length > 0) throw noProfile(credentials)
      for (const file of profiles) await each(() => importOne(context, file, beside, given, options))
      return 0
    } finally {
      beside.credential?.key.secret.close()
    }
  })
  for (const secret of given.values()) secret.close()
  return worst
}

const noProfile = (files: readonly GivenFile[]): VpnFailure =>
  new VpnFailure({
    kind: 'profileInvalid',
    source: files.map(({ path }) => basename(path)).join(', '),
    field: '',
    problem: 'it says nothing of a gateway: give it beside a profile, or name one you have with --profile',
  })

/** `culvert import FILE.p12 --profile NAME`: a profile there is gets another certificate. */
async function intoProfile(
  context: CliContext,
  [stray]: readonly GivenFile[],
  beside: Beside,
  given: ReadonlyMap<string, Secret>,
  { profile: name = '', json }: ImportOptions,
): Promise<ExitCode> {
  const refuse = (source: string, field: string, problem: string): VpnFailure =>
    new VpnFailure({ kind: 'profileInvalid', source, field, problem })
  if (stray !== undefined) {
    throw refuse(basename(stray.path), '', 'it holds no certificate or key, which is all --profile takes')
  }
  const profile = await context.profiles.find(name)
  if (beside.credential !== undefined && profile.auth.method !== 'certificate') {
    const problem = `it signs in by ${authWords(profile.auth)}; culvert edit can make it "certificate"`
    throw refuse(profile.name, 'auth.method', problem)
  }
  const report: ReportRow[] = []
  const made = withBeside({ profile, secrets: new Map() }, beside, (row) => report.push(row))
  await save(context, made.profile, made.secrets, given)
  tell(context, profile.name, [made.profile], report, json, 'Updated')
  return 0
}

async function importOne(
  context: CliContext,
  { path, bytes }: GivenFile,
  beside: Beside,
  given: ReadonlyMap<string, Secret>,
  options: ImportOptions,
): Promise<ExitCode> {
  const { profiles, report: rows } = importCulvertJson(bytes, basename(path))
  const report = [...rows]
  const kept: Profile[] = []
  for (const imported of profiles) {
    const made = withBeside(imported, beside, (row) => report.push(row))
    kept.push(await keepProfile(context, made, given, options, report))
  }
  tell(context, path, kept, report, options.json, 'Imported')
  return 0
}

async function keepProfile(
  context: CliContext,
  imported: ImportedProfile,
  given: ReadonlyMap<string, Secret>,
  options: ImportOptions,
  report: ReportRow[],
): Promise<Profile> {
  const profile = await besideOthers(context, imported.profile, options.replace, report)
  await save(context, profile, imported.secrets, given)
  return profile
}

/** Its own secrets are closed; those that were given may be for other profiles too. */
async function save(
  context: CliContext,
  profile: Profile,
  own: ReadonlyMap<string, Secret>,
  given: ReadonlyMap<string, Secret>,
): Promise<void> {
  try {
    await context.profiles.save(profile)
    for (const [name, secret] of new Map([...own, ...given])) await saveSecret(context, profile, name, secret)
  } finally {
    for (const secret of own.values()) secret.close()
  }
}

/** A profile that is there already under this id is not overwritten unless asked: it may have been edited. */
async function besideOthers(
  context: CliContext,
  profile: Profile,
  replace: boolean,
  report: ReportRow[],
): Promise<Profile> {
  const { profiles } = await context.profiles.list()
  const there = profiles.find(({ id }) => id === profile.id)
  if (there === undefined || replace || isDeepStrictEqual(there, profile)) return profile
  const id = await context.profiles.freshId(profile.name)
  const name = `${profile.name} ${id.split('-').at(-1)}`
  report.push({
    field: 'name',
    outcome: 'changed',
    reason: `there is another ${there.name}; this one is called ${name} (--replace overwrites)`,
  })
  return { ...profile, id, name }
}

async function saveSecret(
  context: CliContext,
  profile: Profile,
  name: string,
  secret: Secret,
): Promise<void> {
  try {
    await context.keychain.set(profile.id, name, secret)
  } catch (thrown) {
    if (!(thrown instanceof VpnFailure)) throw thrown
    context.terminal.err(`culvert: ${sentenceFor(thrown.error)}`)
    const later = name === 'key' ? 'connect takes it with --secrets-stdin' : 'so connect will ask for it'
    context.terminal.err(`  - ${profile.name} is imported; its secret was not saved, ${later}`)
  }
}

function tell(
  context: CliContext,
  file: string,
  profiles: readonly Profile[],
  report: readonly ReportRow[],
  json: boolean,
  done: 'Imported' | 'Updated',
): void {
  const { terminal } = context
  const names = profiles.map(({ name }) => name)
  if (json) return terminal.out(JSON.stringify({ event: 'imported', file, profiles: names, report }))
  terminal.out(done === 'Updated' ? `Updated ${file}.` : `Imported ${names.join(', ')} from ${file}.`)
  const kept = report.filter(({ outcome }) => outcome === 'kept').length
  if (kept > 0) terminal.out(`  kept     ${kept} ${kept === 1 ? 'field' : 'fields'}`)
  for (const { field, outcome, reason } of report) {
    if (outcome !== 'kept') terminal.out(`  ${outcome.padEnd(8)} ${field}: ${reason ?? ''}`)
  }
  for (const { name, auth } of profiles) {
    const ready = auth.method !== 'certificate' || auth.certificate !== undefined
    terminal.out(
      ready
        ? `Connect with: culvert connect ${JSON.stringify(name)}`
        : `Your certificate is still to come: culvert import FILE.p12 --profile ${JSON.stringify(name)}`,
    )
  }
}
