import { sentenceFor } from '../../advice.ts'
import type { Secret } from '../../bytes/secret.ts'
import { VpnFailure } from '../../errors.ts'
import { forgetSecrets } from '../../manager/saved-secrets.ts'
import { localNameOf } from '../../profile/authentication.ts'
import { type ExportFormat, exportProfileAs, exportSealed } from '../../profile/export/export.ts'
import type { Exported } from '../../profile/export/exported.ts'
import { type Profile, requireProfile, secretNames } from '../../profile/schema.ts'
import { parseJson } from '../../profile/store.ts'
import { columnsOf, padColumns } from '../columns.ts'
import type { CliContext, ExitCode } from '../context.ts'

/** `culvert profiles`: what there is, and what is damaged. */
export async function listProfiles(context: CliContext, json: boolean): Promise<ExitCode> {
  const { terminal } = context
  const { profiles, damaged } = await context.profiles.list()
  if (json) {
    terminal.out(JSON.stringify({ profiles, damaged }))
  } else {
    if (profiles.length === 0) terminal.out('There are no profiles yet. Import one: culvert import FILE')
    const width = Math.max(0, ...profiles.map(({ name }) => columnsOf(name)))
    for (const profile of profiles) {
      terminal.out(
        `${padColumns(profile.name, width)}  ${profile.gateway.host}  as ${localNameOf(profile) ?? 'nobody yet'}`,
      )
    }
  }
  for (const error of damaged) terminal.err(`culvert: ${sentenceFor(error)}`)
  return damaged.length === 0 ? 0 : 1
}

export interface ExportOptions {
  readonly format: ExportFormat
  /** Seals the profile and its secrets under a passphrase. */
  readonly withSecrets: boolean
  /** The variable that holds the passphrase. */
  readonly passphraseEnv?: string
}

/** `culvert export PROFILE`: the profile as a file others can import; secrets only sealed under a passphrase. */
export async function exportProfile(
  context: CliContext,
  name: string,
  options: ExportOptions,
): Promise<ExitCode> {
  const { terminal } = context
  const profile = await context.profiles.find(name)
  const { text, losses } = options.withSecrets
    ? await sealed(context, profile, options)
    : exportProfileAs(profile, options.format)
  terminal.out(text.replace(/\n$/, ''))
  for (const loss of losses) terminal.err(`culvert: not said, or said differently: ${loss}`)
  return 0
}

async function sealed(context: CliContext, profile: Profile, options: ExportOptions): Promise<Exported> {
  if (options.format !== 'culvert') {
    throw exportRefused('format', "secrets go into Culvert's own format only: --format culvert")
  }
  const { passphraseEnv } = options
  const given =
    passphraseEnv !== undefined
      ? process.env[passphraseEnv]
      : context.terminal.interactive
        ? await context.terminal.askSecret('Passphrase for the file')
        : undefined
  if (given === undefined || given === '') {
    throw exportRefused(
      'passphrase',
      'secrets are never written in the clear; give --passphrase-env VARIABLE',
    )
  }
  const secrets = new Map<string, Secret>()
  try {
    for (const name of secretNames(profile)) {
      const secret = await context.keychain.get(profile.id, name)
      if (secret !== undefined) secrets.set(name, secret)
      else context.terminal.err(`culvert: ${name} of ${profile.name} is not in the keychain and not exported`)
    }
    return await exportSealed(profile, secrets, given)
  } finally {
    for (const secret of secrets.values()) secret.close()
  }
}

const exportRefused = (field: string, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source: 'the export', field, problem })

/** `culvert remove PROFILE`: the profile and its saved secrets. */
export async function removeProfile(context: CliContext, name: string, json: boolean): Promise<ExitCode> {
  const { terminal } = context
  const profile = await context.profiles.find(name)
  await refuseWhileRunning(context, profile.id, profile.name)
  const problem = await forgetSecrets(context.keychain, profile.id)
  // A keychain that cannot be used holds nothing we could have saved from here.
  if (problem !== undefined) terminal.err(`culvert: ${sentenceFor(problem)}`)
  await context.profiles.remove(profile.id)
  terminal.out(json ? JSON.stringify({ event: 'removed', id: profile.id }) : `Removed ${profile.name}.`)
  return 0
}

async function refuseWhileRunning(context: CliContext, id: string, name: string): Promise<void> {
  const running = await context.findRunning()
  if (running === undefined) return
  try {
    const { tunnels } = await running.snapshot()
    const busy = tunnels.some((one) => one.profile === id && one.state !== 'idle' && one.state !== 'failed')
    if (busy) throw new VpnFailure({ kind: 'alreadyRunning', profile: name })
  } finally {
    running.close()
  }
}

/** `culvert edit PROFILE`: in the editor of the person's choice; nothing is saved that could not be used. */
export async function editProfile(context: CliContext, name: string): Promise<ExitCode> {
  const { terminal } = context
  const profile = await context.profiles.find(name)
  const before = `${JSON.stringify(profile, undefined, 2)}\n`
  const after = await context.editText(before, `${profile.id}.json`)
  if (after === before) {
    terminal.out('Nothing was changed.')
    return 0
  }
  const changed = requireProfile(parseJson(after, 'what you wrote'), 'what you wrote')
  if (changed.id !== profile.id) {
    throw new VpnFailure({
      kind: 'profileInvalid',
      source: 'what you wrote',
      field: 'id',
      problem: `the id "${profile.id}" names the file and the saved secrets and stays as it is; change the name instead`,
    })
  }
  await context.profiles.save(changed)
  terminal.out(`Saved ${changed.name}.`)
  return 0
}
