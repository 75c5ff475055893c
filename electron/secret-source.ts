import type { Secret } from '../core/bytes/secret.ts'
import { VpnFailure } from '../core/errors.ts'
import type { Prompts } from '../core/manager/prompts.ts'
import { localNameOf, requireCertificate } from '../core/profile/authentication.ts'
import type { Profile } from '../core/profile/schema.ts'
import { passwordUser } from '../core/profile/sign-in.ts'
import type { MemorySecrets } from '../core/secrets/memory.ts'
import type { SecretStore } from '../core/secrets/store.ts'

export interface SecretPlaces {
  /** Given for this run. */
  readonly given: MemorySecrets
  readonly keychain: SecretStore
  readonly prompts: Prompts
  /** Profiles whose person wants to be asked, whatever is saved. An entry counts once. */
  readonly asked: Set<string>
  readonly note: (text: string) => void
}

/**
 * Looks for a secret where it may be: given for this run, in the keychain, with the person. A keychain that does not
 * answer is told and passed over: then the person is asked each time.
 */
export function secretSource(places: SecretPlaces) {
  const { given, keychain, prompts, asked, note } = places
  return async (profile: Profile, name: string): Promise<Secret> => {
    // Nobody is asked for the key of a certificate that is not there.
    if (name === 'key') requireCertificate(profile)
    if (!asked.delete(profile.id)) {
      const known = (await given.get(profile.id, name)) ?? (await saved(keychain, profile.id, name, note))
      if (known !== undefined) return known
    }
    const answer = await prompts.ask({
      profile: profile.id,
      kind: 'secret',
      fields: [name],
      canSave: true,
      identity: (name === 'password' ? passwordUser(profile) : undefined) ?? localNameOf(profile),
      message: undefined,
      untilMs: undefined,
      certificate: undefined,
    })
    const secret = answer?.values.get(name)
    if (answer === undefined || secret === undefined) throw new VpnFailure({ kind: 'cancelled' })
    // A reconnection must not ask again.
    await given.set(profile.id, name, secret)
    if (answer.save)
      await keychain.set(profile.id, name, secret).catch((thrown) => note(`keychain: ${kindOf(thrown)}`))
    return secret
  }
}

const saved = (keychain: SecretStore, profile: string, name: string, note: SecretPlaces['note']) =>
  keychain.get(profile, name).catch((thrown: unknown) => {
    note(`keychain: ${kindOf(thrown)}`)
    return undefined
  })

const kindOf = (thrown: unknown): string =>
  thrown instanceof VpnFailure ? thrown.error.kind : String(thrown)
