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

/**
 * The keychain of the desktop: Secret Service, macOS Keychain or Windows Credential Manager. While the desktop asks for
 * the password of a locked one, the library holds a thread of this process and cannot be interrupted: so there is one
 * call at a time, and none behind one that was given up.
 */
export class KeyringSecrets implements SecretStore {
  readonly #open: OpenEntry
  readonly #limitMs: number
  /** Ends with the call before. */
  #turn: Promise<unknown> = Promise.resolve()
  /** The call that was given up and still runs. */
  #stuck: Promise<unknown> | undefined

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

  /**
   * Waits for the call that still runs, `ms` at the most; whether none does any longer. One that does keeps the process
   * from ending by itself.
   */
  async settled(ms: number): Promise<boolean> {
    const running = this.#turn.then(() => this.#stuck)
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ms)
    })
    return Promise.race([running.then(() => true), tooLate]).finally(() => clearTimeout(timer))
  }

  #withEntry<T>(
    profile: string,
    name: string,
    work: (entry: KeyringEntry, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const answer = this.#turn.then(() => this.#call(`${profile}/${name}`, work))
    this.#turn = answer.catch(() => {})
    return answer
  }

  async #call<T>(
    account: string,
    work: (entry: KeyringEntry, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#stuck !== undefined) throw unavailable('it still waits to be unlocked')
    const abort = new AbortController()
    const answer = this.#open(SERVICE, account).then((entry) => work(entry, abort.signal))
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const ended = answer.then(
          () => (this.#stuck = undefined),
          () => (this.#stuck = undefined),
        )
        this.#stuck = ended
        reject(new Error(`it did not answer within ${this.#limitMs / 1000} seconds`))
        abort.abort()
      }, this.#limitMs)
    })
    try {
      return await Promise.race([answer, tooLate])
    } catch (thrown) {
      throw unavailable(problemOf(thrown))
    } finally {
      clearTimeout(timer)
    }
  }
}

const unavailable = (problem: string): VpnFailure => new VpnFailure({ kind: 'keychainUnavailable', problem })

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
  [/not receive a reply/i, 'it does not answer'],
  [/dismissed/i, 'it is locked, and was not unlocked'],
  [/locked/i, 'it is locked'],
  [/no result found/i, 'it has no place for secrets yet'],
  [/d-?bus|secret service provider/i, 'no keychain of a desktop is running here'],
]

function problemOf(thrown: unknown): string {
  const said = (thrown instanceof Error ? thrown.message : String(thrown)).replace(/\.$/, '')
  return WORDS.find(([fits]) => fits.test(said))?.[1] ?? said
}
