import { basename } from 'node:path'
import { sentenceFor } from '../../advice.ts'
import type { Secret } from '../../bytes/secret.ts'
import { type VpnError, VpnFailure } from '../../errors.ts'
import { keepImported } from '../../manager/import.ts'
import { saveSecrets } from '../../manager/saved-secrets.ts'
import type { ImportFile } from '../../profile/import/bundle.ts'
import { type Beside, looksLikeCredential, withBeside } from '../../profile/import/credential.ts'
import { isCompanion } from '../../profile/import/import-files.ts'
import type { ReportRow } from '../../profile/import/report.ts'
import type { ImportedProfile } from '../../profile/import/result.ts'
import { authWords, type Profile, sessionSecrets } from '../../profile/schema.ts'
import { SECRET_NAMES } from '../../profile/sign-in.ts'
import { parseSecrets } from '../../secrets/input.ts'
import { type CliContext, type ExitCode, reportFault, reporting } from '../context.ts'
import { type CredentialOptions, readBeside } from './credentials.ts'
import { importWithAnswers } from './import-answers.ts'
import { tellImported } from './import-report.ts'

export interface ImportOptions extends CredentialOptions {
  readonly json: boolean
  /** Puts the profile in the place of the one with the same id. */
  readonly replace: boolean
  readonly secretsStdin: boolean
  /** `name=value`: what the file does not say. */
  readonly set: readonly string[]
  /** A profile there is, to put a certificate into. */
  readonly profile?: string
}

/** What a person named: a file, or a folder with all its files. */
interface Named {
  readonly path: string
  readonly files: readonly ImportFile[]
}

/**
 * `culvert import FILE…`: each file or folder by itself; one that cannot be used does not keep the others out. Files
 * with certificates, keys and secrets are of use beside a profile only: they go with each of the others, or
 * certificates into `--profile`.
 */
export async function importFiles(
  context: CliContext,
  paths: readonly string[],
  options: ImportOptions,
): Promise<ExitCode> {
  const given = options.secretsStdin
    ? parseSecrets(await context.terminal.readInput(), SECRET_NAMES)
    : new Map()
  let worst: ExitCode = 0
  // Ctrl-C ends it between two connections: each is there with its secrets, or not at all.
  const stop = new AbortController()
  const unlisten = context.onStop(() => stop.abort())
  const each = async (work: () => Promise<ExitCode>): Promise<void> => {
    const code = await reporting(context.terminal, options.json, work)
    if (code !== 0) worst = code
  }
  let left = 0
  const named: Named[] = []
  for (const path of paths) {
    await each(async () => {
      named.push({ path, files: await context.readFiles(path) })
      return 0
    })
  }
  const { credentials, companions, profiles } = sorted(named)
  await each(async () => {
    const beside = await readBeside(context, credentials, options)
    try {
      if (options.profile !== undefined) {
        return await intoProfile(context, [...profiles, ...companions], beside, given, options)
      }
      if (profiles.length === 0 && named.length > 0) throw noProfile(named)
      const more = companions.flatMap(({ files }) => files)
      for (const one of profiles) {
        if (stop.signal.aborted) left += 1
        else {
          const files = [...one.files, ...more]
          await each(() => importOne(context, { ...one, files }, beside, given, options, stop.signal))
        }
      }
      return 0
    } finally {
      beside.credential?.key.secret.close()
    }
  })
  for (const secret of given.values()) secret.close()
  unlisten()
  if (left > 0) context.terminal.err(`culvert: stopped: ${left} of ${profiles.length} were not imported`)
  return stop.signal.aborted ? 1 : worst
}

/** What a person named, by what it is good for. A folder is always taken for profiles. */
function sorted(named: readonly Named[]) {
  const single = ({ files }: Named): ImportFile | undefined => (files.length === 1 ? files[0] : undefined)
  const is = (one: Named, kind: (file: ImportFile) => boolean): boolean => {
    const file = single(one)
    return file !== undefined && kind(file)
  }
  const credentials = named.filter((one) => is(one, ({ bytes }) => looksLikeCredential(bytes)))
  const companions = named.filter((one) => !credentials.includes(one) && is(one, isCompanion))
  return {
    credentials: credentials.flatMap(({ path, files }) => files.map(({ bytes }) => ({ path, bytes }))),
    companions,
    profiles: named.filter((one) => !credentials.includes(one) && !companions.includes(one)),
  }
}

const noProfile = (named: readonly Named[]): VpnFailure =>
  new VpnFailure({
    kind: 'profileInvalid',
    source: named.map(({ path }) => basename(path)).join(', '),
    field: '',
    problem: 'it says nothing of a gateway: give it beside a profile, or name one you have with --profile',
  })

/** `culvert import FILE.p12 --profile NAME`: a profile there is gets another certificate. */
async function intoProfile(
  context: CliContext,
  [stray]: readonly Named[],
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
  if (beside.credential !== undefined && !sessionSecrets(profile).includes('key') && !isByTls(profile)) {
    const problem = `it signs in by ${authWords(profile.auth)}; culvert edit can make it "certificate"`
    throw refuse(profile.name, 'auth.method', problem)
  }
  const report: ReportRow[] = []
  const made = withBeside({ profile, secrets: new Map() }, beside, (row) => report.push(row))
  await withSecrets(made.secrets, given, async (secrets) => {
    await context.profiles.save(made.profile)
    tellUnsaved(context, made.profile, secrets, await saveSecrets(context.keychain, profile.id, secrets))
  })
  tellImported(
    context.terminal,
    { path: profile.name, profiles: [made.profile], report, done: 'Updated' },
    json,
  )
  return 0
}

const isByTls = ({ auth }: Profile): boolean => auth.method === 'eap' && auth.methods.includes('tls')

async function importOne(
  context: CliContext,
  { path, files }: Named,
  beside: Beside,
  given: ReadonlyMap<string, Secret>,
  options: ImportOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { terminal } = context
  const result = await importWithAnswers(context, path, files, { ...options, given: [...given.keys()] })
  const report = [...result.report]
  const kept: Profile[] = []
  let left = 0
  for (const imported of result.profiles) {
    if (signal.aborted) {
      left += 1
      for (const secret of imported.secrets.values()) secret.close()
      continue
    }
    if (!(await isWanted(context, imported))) continue
    const made = withBeside(imported, beside, (row) => report.push(row))
    await withSecrets(made.secrets, given, async (secrets) => {
      const replace = options.replace || made.lasting
      const result = await keepImported(context.profiles, context.keychain, { ...made, secrets }, replace)
      const { profile, renamedFrom, problem } = result
      if (renamedFrom !== undefined) report.push(renamed(profile, renamedFrom))
      tellUnsaved(context, profile, secrets, problem)
      kept.push(profile)
    })
  }
  const { refused, signers } = result
  const warnings = result.profiles.flatMap((one) => one.warnings)
  tellImported(
    terminal,
    { path, profiles: kept, report, done: 'Imported', refused, signers, warnings },
    options.json,
  )
  for (const { name, reason } of refused) {
    reportFault(terminal, { kind: 'profileUnsupported', source: path, profile: name, reason }, false)
  }
  if (left > 0) {
    terminal.err(`culvert: stopped: ${left} of ${result.profiles.length} in ${path} were not imported`)
  }
  return kept.length > 0 ? 0 : 1
}

/** What weakens security is said before anything is saved, and a person may say no. */
async function isWanted(
  context: CliContext,
  { profile, warnings, secrets }: ImportedProfile,
): Promise<boolean> {
  const { terminal } = context
  if (warnings.length === 0) return true
  terminal.err(`culvert: ${profile.name} is weaker than it should be:`)
  for (const warning of warnings) terminal.err(`  - ${warning}`)
  if (!terminal.interactive) return true
  const answer = await terminal.ask('Save it all the same? [y/N]')
  if (/^\s*y(?:es)?\s*$/i.test(answer ?? '')) return true
  for (const secret of secrets.values()) secret.close()
  return false
}

/** Its own secrets and those that were given, which may be for other profiles too: only its own are closed. */
async function withSecrets(
  own: ReadonlyMap<string, Secret>,
  given: ReadonlyMap<string, Secret>,
  work: (secrets: ReadonlyMap<string, Secret>) => Promise<void>,
): Promise<void> {
  try {
    await work(new Map([...own, ...given]))
  } finally {
    for (const secret of own.values()) secret.close()
  }
}

const renamed = ({ name }: Profile, there: string): ReportRow => ({
  field: 'name',
  outcome: 'changed',
  reason: `there is another ${there}; this one is called ${name} (--replace overwrites)`,
})

function tellUnsaved(
  { terminal }: CliContext,
  { name }: Profile,
  secrets: ReadonlyMap<string, Secret>,
  problem: VpnError | undefined,
): void {
  if (problem === undefined) return
  terminal.err(`culvert: ${sentenceFor(problem)}`)
  const [were, them] = secrets.size === 1 ? ['its secret was', 'it'] : ['its secrets were', 'them']
  const later = secrets.has('key')
    ? `connect takes ${them} with --secrets-stdin`
    : `so connect will ask for ${them}`
  terminal.err(`  - ${name} is imported; ${were} not saved, ${later}`)
}
