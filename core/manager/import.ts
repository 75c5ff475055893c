import { isDeepStrictEqual } from 'node:util'
import type { Secret } from '../bytes/secret.ts'
import type { ImportPreview, ImportRow } from '../contract/import.ts'
import { type VpnError, VpnFailure } from '../errors.ts'
import { importCulvertJson, type ImportedProfile as Own } from '../profile/import/culvert-json.ts'
import type { Profile } from '../profile/schema.ts'
import type { ProfileStore } from '../profile/store.ts'
import type { SecretStore } from '../secrets/store.ts'

/** A file as it came. */
export interface ImportFile {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface ImportedProfile extends Own {
  /** How it weakens security: a sentence each. */
  readonly warnings: readonly string[]
}

/** What files hold, before anything of it is kept. */
export interface ReadImport {
  readonly profiles: readonly ImportedProfile[]
  readonly refused: ImportPreview['refused']
  readonly questions: ImportPreview['questions']
  readonly rows: readonly ImportRow[]
  readonly signers: readonly string[]
}

/**
 * Profiles from the files a person gave, whatever face they gave them to. A single file that cannot be used throws
 * `VpnFailure` (`profileInvalid`); among several it is listed as refused and the others go on.
 */
export async function readImport(
  files: readonly ImportFile[],
  _answers: ReadonlyMap<string, string> = new Map(),
): Promise<ReadImport> {
  const profiles: ImportedProfile[] = []
  const refused: { name: string; reason: string }[] = []
  const rows: ImportRow[] = []
  for (const { name, bytes } of files) {
    try {
      const read = importCulvertJson(bytes, name)
      profiles.push(...read.profiles.map((one) => ({ ...one, warnings: [] })))
      rows.push(...read.report.map((row) => (files.length > 1 ? { file: name, ...row } : row)))
    } catch (thrown) {
      if (!(thrown instanceof VpnFailure) || files.length === 1) throw thrown
      refused.push({ name, reason: problemOf(thrown.error) })
    }
  }
  return { profiles, refused, questions: [], rows, signers: [] }
}

export interface Kept {
  readonly profile: Profile
  /** The name it would have had, where another connection has it. */
  readonly renamedFrom: string | undefined
  /** Why its secrets could not be saved. */
  readonly problem: VpnError | undefined
}

/**
 * Saves a profile and its secrets, which stay with the caller. One that is there already under this id is overwritten
 * with `replace` only, since it may have been edited: otherwise the new one gets an id and a name of its own. `known`:
 * the profiles there are, where somebody has read them already.
 */
export async function keepImported(
  store: Pick<ProfileStore, 'list' | 'save' | 'freshId'>,
  keychain: SecretStore,
  imported: { readonly profile: Profile; readonly secrets: ReadonlyMap<string, Secret> },
  replace: boolean,
  known?: readonly Profile[],
): Promise<Kept> {
  const profiles = known ?? (await store.list()).profiles
  const there = profiles.find(({ id }) => id === imported.profile.id)
  let { profile } = imported
  let renamedFrom: string | undefined
  if (there !== undefined && !replace && !isDeepStrictEqual(there, profile)) {
    const id = await store.freshId(profile.name)
    renamedFrom = there.name
    profile = { ...profile, id, name: `${profile.name} ${id.split('-').at(-1)}` }
  }
  await store.save(profile)
  return { profile, renamedFrom, problem: await saveSecrets(keychain, profile.id, imported.secrets) }
}

/** Saves what the keychain takes; resolves with why it took nothing. */
export async function saveSecrets(
  keychain: SecretStore,
  profile: string,
  secrets: ReadonlyMap<string, Secret>,
): Promise<VpnError | undefined> {
  try {
    for (const [name, secret] of secrets) await keychain.set(profile, name, secret)
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof VpnFailure)) throw thrown
    return thrown.error
  }
}

export function closeImport({ profiles }: ReadImport): void {
  for (const { secrets } of profiles) for (const secret of secrets.values()) secret.close()
}

const problemOf = (error: VpnError): string =>
  error.kind === 'profileInvalid'
    ? `${error.field === '' ? '' : `${error.field}: `}${error.problem}`
    : error.kind === 'weakAlgorithm'
      ? `${error.algorithm} is weak: ${error.weakness}`
      : `of a fault of kind ${error.kind}`
