import type { Secret } from '../bytes/secret.ts'

/**
 * Where secrets live, by profile id and name (`psk`). Each call ends in time: a store that is locked, absent or
 * silent throws `VpnFailure` (`keychainUnavailable`).
 */
export interface SecretStore {
  /** The caller owns what it gets. `undefined`: nothing is saved. */
  get(profile: string, name: string): Promise<Secret | undefined>
  /** Keeps a copy. */
  set(profile: string, name: string, secret: Secret): Promise<void>
  /** Whether there was one. */
  delete(profile: string, name: string): Promise<boolean>
}
