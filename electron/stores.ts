import { History } from '../core/manager/history.ts'
import { demoProfile } from '../core/profile/demo.ts'
import { ProfileStore } from '../core/profile/store.ts'
import { KeyringSecrets } from '../core/secrets/keyring.ts'
import { MemorySecrets } from '../core/secrets/memory.ts'

/** What lies on this computer, and what is known for this run. */
export interface Stores {
  readonly profiles: ProfileStore
  readonly keychain: KeyringSecrets
  /** Secrets of this run. */
  readonly given: MemorySecrets
  readonly history: History
}

/** `home`: the folder all state lives in. */
export const openStores = (home: string): Stores => ({
  profiles: new ProfileStore(home, [demoProfile()]),
  keychain: new KeyringSecrets(),
  given: new MemorySecrets(),
  history: new History(home),
})
