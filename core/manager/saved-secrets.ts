import type { Secret } from '../bytes/secret.ts'
import { type VpnError, VpnFailure } from '../errors.ts'
import { SECRET_NAMES } from '../profile/sign-in.ts'
import type { SecretStore } from '../secrets/store.ts'

/** Saves what the keychain takes; resolves with why it took nothing. */
export function saveSecrets(
  keychain: SecretStore,
  profile: string,
  secrets: ReadonlyMap<string, Secret>,
): Promise<VpnError | undefined> {
  return untilRefused(async () => {
    for (const [name, secret] of secrets) await keychain.set(profile, name, secret)
  })
}

/**
 * Deletes all that was ever saved for a profile, whatever its sign-in uses today; resolves with why the keychain could
 * not be asked.
 */
export function forgetSecrets(keychain: SecretStore, profile: string): Promise<VpnError | undefined> {
  return untilRefused(async () => {
    for (const name of SECRET_NAMES) await keychain.delete(profile, name)
  })
}

async function untilRefused(work: () => Promise<void>): Promise<VpnError | undefined> {
  try {
    await work()
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof VpnFailure)) throw thrown
    return thrown.error
  }
}
