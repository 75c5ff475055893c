import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { sentenceFor } from '../../advice.ts'
import type { Secret } from '../../bytes/secret.ts'
import { VpnFailure } from '../../errors.ts'
import { type ImportedProfile, importCulvertJson, type ReportRow } from '../../profile/import/culvert-json.ts'
import type { Profile } from '../../profile/schema.ts'
import { parseSecrets } from '../../secrets/input.ts'
import { type CliContext, type ExitCode, reporting } from '../context.ts'

export interface ImportOptions {
  readonly json: boolean
  /** Puts the profile in the place of the one with the same id. */
  readonly replace: boolean
  readonly secretsStdin: boolean
}

/** `culvert import FILE…`: each file by itself; one that cannot be used does not keep the others out. */
export async function importFiles(
  context: CliContext,
  files: readonly string[],
  options: ImportOptions,
): Promise<ExitCode> {
  const given = options.secretsStdin ? parseSecrets(await context.terminal.readInput()) : new Map()
  let worst: ExitCode = 0
  for (const file of files) {
    const code = await reporting(context.terminal, options.json, () =>
      importOne(context, file, given, options),
    )
    if (code !== 0) worst = code
  }
  for (const secret of given.values()) secret.close()
  return worst
}

async function importOne(
  context: CliContext,
  file: string,
  given: ReadonlyMap<string, Secret>,
  options: ImportOptions,
): Promise<ExitCode> {
  const { profiles, report } = importCulvertJson(await context.readFile(file), basename(file))
  const names: string[] = []
  for (const imported of profiles) names.push(await keepProfile(context, imported, given, options, report))
  tell(context, file, names, report, options.json)
  return 0
}

async function keepProfile(
  context: CliContext,
  imported: ImportedProfile,
  given: ReadonlyMap<string, Secret>,
  options: ImportOptions,
  report: readonly ReportRow[],
): Promise<string> {
  const profile = await besideOthers(context, imported.profile, options.replace, report as ReportRow[])
  await context.profiles.save(profile)
  for (const [name, secret] of new Map([...imported.secrets, ...given])) {
    await saveSecret(context, profile, name, secret)
  }
  for (const secret of imported.secrets.values()) secret.close()
  return profile.name
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
    context.terminal.err(
      `  - ${profile.name} is imported; its secret was not saved, so connect will ask for it`,
    )
  }
}

function tell(
  context: CliContext,
  file: string,
  names: readonly string[],
  report: readonly ReportRow[],
  json: boolean,
): void {
  const { terminal } = context
  if (json) return terminal.out(JSON.stringify({ event: 'imported', file, profiles: names, report }))
  terminal.out(`Imported ${names.join(', ')} from ${file}.`)
  const kept = report.filter(({ outcome }) => outcome === 'kept').length
  if (kept > 0) terminal.out(`  kept     ${kept} ${kept === 1 ? 'field' : 'fields'}`)
  for (const { field, outcome, reason } of report) {
    if (outcome !== 'kept') terminal.out(`  ${outcome.padEnd(8)} ${field}: ${reason ?? ''}`)
  }
  for (const name of names) terminal.out(`Connect with: culvert connect ${JSON.stringify(name)}`)
}
