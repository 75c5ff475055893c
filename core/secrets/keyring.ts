import { Secret } from '../bytes/secret.ts'
import { VpnFailure } from '../errors.ts'
import type { SecretStore } from './store.ts'

/** What we use of a keychain entry, so that tests can stand in for the desktop. */
export interface KeyringEntry {
  getSecret(signal?: AbortSignal): Promise<ArrayLike<number> | null>
  setSecret(secret: Uint8Array, signal?: AbortSignal): Promise<void>
  deleteCredential(signal?: AbortSignal): Promise<boolean>
}

export type OpenEntry = (service: string, account: string) => Promise<KeyringEntry>

const SERVICE = 'Culvert'

/** Ours: long enough for a person to type the password of their keychain, short enough never to seem dead. */
const LIMIT_MS = 30_000

/** The keychain of the desktop: Secret Service, macOS Keychain or Windows Credential Manager. */
export class KeyringSecrets implements SecretStore {
  readonly #open: OpenEntry
  readonly #limitMs: number

  constructor(open: OpenEntry = openSystemEntry, limitMs = LIMIT_MS) {
    this.#open = open
    this.#limitMs = limitMs
  }

  get(profile: string, name: string): Promise<Secret | undefined> {
    return this.#withEntry(profile, name, async (entry, signal) => {
      const bytes = await entry.getSecret(signal)
      return bytes === null || bytes === undefined ? undefined : new Secret(Uint8Array.from(bytes))
    })
  }

  set(profile: string, name: string, secret: Secret): Promise<void> {
    const copy = secret.use((bytes) => bytes.slice())
    return this.#withEntry(profile, name, (entry, signal) => entry.setSecret(copy, signal)).finally(() =>
      copy.fill(0),
    )
  }

  delete(profile: string, name: string): Promise<boolean> {
    return this.#withEntry(profile, name, (entry, signal) => entry.deleteCredential(signal))
  }

  async #withEntry<T>(
    profile: string,
    name: string,
    work: (entry: KeyringEntry, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const abort = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`it did not answer within ${this.#limitMs / 1000} seconds`))
        abort.abort()
      }, this.#limitMs)
    })
    try {
      const answer = this.#open(SERVICE, `${profile}/${name}`).then((entry) => work(entry, abort.signal))
      return await Promise.race([answer, tooLate])
    } catch (thrown) {
      throw new VpnFailure({ kind: 'keychainUnavailable', problem: problemOf(thrown) })
    } finally {
      clearTimeout(timer)
    }
  }
}

/**
 * The store is pinned on Linux: left to itself the library falls back to the kernel's keyring, which forgets
 * everything at the next start of the machine.
 */
async function openSystemEntry(service: string, account: string): Promise<KeyringEntry> {
  const { AsyncEntry } = await import('@napi-rs/keyring')
  const entry = new AsyncEntry(service, account, { linux: { store: 'secret-service' } })
  return {
    getSecret: (signal) => entry.getSecret(signal),
    setSecret: (secret, signal) => entry.setSecret(secret, signal),
    deleteCredential: (signal) => entry.deleteCredential(signal),
  }
}

/** What the library and the Secret Service say, in words for people. The first that fits. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/dismissed/i, 'unlocking it was cancelled'],
  [/locked/i, 'it is locked'],
  [/no result found/i, 'it has no place for secrets yet'],
  [/d-?bus|secret service provider/i, 'no keychain of a desktop is running here'],
]

function problemOf(thrown: unknown): string {
  const said = (thrown instanceof Error ? thrown.message : String(thrown)).replace(/\.$/, '')
  return WORDS.find(([fits]) => fits.test(said))?.[1] ?? said
}
