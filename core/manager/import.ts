import { isDeepStrictEqual } from 'node:util'
import type { VpnError } from '../errors.ts'
import type { ImportedProfile, ImportResult } from '../profile/import/result.ts'
import type { Profile } from '../profile/schema.ts'
import type { ProfileStore } from '../profile/store.ts'
import type { SecretStore } from '../secrets/store.ts'
import { saveSecrets } from './saved-secrets.ts'

export interface Kept {
  readonly profile: Profile
  /** The name it would have had, where another connection has it. */
  readonly renamedFrom: string | undefined
  /** Why its secrets could not be saved. */
  readonly problem: VpnError | undefined
}

/**
 * What a profile is when it takes the place of the one that is there: a kill switch nobody has spoken of stays on, since
 * few kinds of files can say it.
 */
export function inPlaceOf(there: Profile | undefined, imported: Profile): Profile {
  const silent = imported.killSwitch === undefined
  return there?.killSwitch === true && silent ? { ...imported, killSwitch: true } : imported
}

/**
 * Saves a profile and its secrets, which stay with the caller. One that is there already under this id is overwritten
 * with `replace` only, since it may have been edited: otherwise the new one gets an id and a name of its own. `known`:
 * the profiles there are, where somebody has read them already.
 */
export async function keepImported(
  store: Pick<ProfileStore, 'list' | 'save' | 'freshId'>,
  keychain: SecretStore,
  imported: Pick<ImportedProfile, 'profile' | 'secrets'>,
  replace: boolean,
  known?: readonly Profile[],
): Promise<Kept> {
  const profiles = known ?? (await store.list()).profiles
  const there = profiles.find(({ id }) => id === imported.profile.id)
  let profile = inPlaceOf(there, imported.profile)
  let renamedFrom: string | undefined
  if (there !== undefined && !replace && !isDeepStrictEqual(there, profile)) {
    const id = await store.freshId(profile.name)
    renamedFrom = there.name
    profile = { ...imported.profile, id, name: `${profile.name} ${id.split('-').at(-1)}` }
  }
  await store.save(profile)
  return { profile, renamedFrom, problem: await saveSecrets(keychain, profile.id, imported.secrets) }
}

export function closeImport({ profiles }: Pick<ImportResult, 'profiles'>): void {
  for (const { secrets } of profiles) for (const secret of secrets.values()) secret.close()
}
