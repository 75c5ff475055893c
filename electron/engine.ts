import type { Secret } from '../core/bytes/secret.ts'
import type { AppSnapshot } from '../core/contract/snapshot.ts'
import { VpnFailure } from '../core/errors.ts'
import { ControlClient } from '../core/manager/control-client.ts'
import { controlPath } from '../core/manager/control-protocol.ts'
import { serveControl } from '../core/manager/control-server.ts'
import { controlTarget } from '../core/manager/control-target.ts'
import { openManager } from '../core/manager/engine.ts'
import { demoProfile } from '../core/profile/demo.ts'
import { type Profile, secretNames } from '../core/profile/schema.ts'
import { ProfileStore } from '../core/profile/store.ts'
import { KeyringSecrets } from '../core/secrets/keyring.ts'
import { MemorySecrets } from '../core/secrets/memory.ts'
import type { SecretStore } from '../core/secrets/store.ts'

/** What the window needs of the tunnels, whoever carries them. */
interface Carrier {
  snapshot(): Promise<AppSnapshot>
  connect(profile: string, secrets: ReadonlyMap<string, Secret>): Promise<void>
  disconnect(profile: string | undefined): Promise<number>
  close(): Promise<void>
}

export interface EngineOptions {
  /** The folder all state lives in. */
  readonly home: string
  /** The snapshot changed. */
  readonly changed: () => void
  readonly note: (text: string) => void
}

/**
 * The tunnels of this user: carried in this process, or by a Culvert in a terminal that was there first. When that one
 * ends, this process takes over.
 */
export class Engine {
  readonly #options: EngineOptions
  #carrier: Promise<Carrier> | undefined
  #closed = false
  /** Added to revisions, so that they keep growing when another process takes over. */
  #base = 0
  #latest = 0

  constructor(options: EngineOptions) {
    this.#options = options
  }

  /** Throws `VpnFailure` (`nativeMissing`, `systemRefused`) while nothing can carry tunnels; asked again it tries again. */
  async snapshot(): Promise<AppSnapshot> {
    const snapshot = await (await this.#open()).snapshot()
    const revision = this.#base + snapshot.revision
    this.#latest = Math.max(this.#latest, revision)
    return { ...snapshot, revision }
  }

  /** Takes over the secrets. Resolves when traffic flows; throws `VpnFailure`. */
  async connect(profile: string, secrets: ReadonlyMap<string, Secret>): Promise<void> {
    await (await this.#open()).connect(profile, secrets)
  }

  async disconnect(profile: string | undefined): Promise<number> {
    return (await this.#open()).disconnect(profile)
  }

  /** Ends what this process carries, and leaves alone what another one does. */
  async close(): Promise<void> {
    this.#closed = true
    const carrier = await this.#carrier?.catch(() => undefined)
    await carrier?.close()
  }

  #open(): Promise<Carrier> {
    if (this.#closed) throw new VpnFailure({ kind: 'cancelled' })
    if (this.#carrier !== undefined) return this.#carrier
    const carrier = this.#find()
    this.#carrier = carrier
    carrier.catch(() => this.#forget(carrier))
    return carrier
  }

  #forget(carrier: Promise<Carrier>): void {
    if (this.#carrier === carrier) this.#carrier = undefined
  }

  async #find(): Promise<Carrier> {
    const path = controlPath(this.#options.home)
    const running = await ControlClient.open(path)
    if (running !== undefined) return this.#follow(running)
    try {
      return await this.#host(path)
    } catch (thrown) {
      if (!(thrown instanceof VpnFailure) || thrown.error.kind !== 'alreadyRunning') throw thrown
      // Another one was a moment faster.
      const faster = await ControlClient.open(path)
      if (faster === undefined) throw thrown
      return this.#follow(faster)
    }
  }

  async #follow(client: ControlClient): Promise<Carrier> {
    await client.subscribe(() => this.#options.changed())
    void client.ended.then(() => {
      this.#carrier = undefined
      this.#base = this.#latest
      if (!this.#closed) this.#options.changed()
    })
    return {
      snapshot: () => client.snapshot(),
      connect: async (profile, secrets) => {
        await client.connect(profile, lend(secrets))
      },
      disconnect: (profile) => client.disconnect(profile),
      close: async () => client.close(),
    }
  }

  async #host(path: string): Promise<Carrier> {
    const { home, changed, note } = this.#options
    const profiles = new ProfileStore(home, [demoProfile()])
    const given = new MemorySecrets()
    const manager = openManager({
      profiles,
      secret: findSecret(given, new KeyringSecrets(), note),
      onNote: note,
    })
    const target = controlTarget(manager, profiles, given)
    const control = await serveControl(path, target)
    const unsubscribe = manager.subscribe({ changed, note: (profile, text) => note(`${profile}: ${text}`) })
    await manager.refresh()
    return {
      snapshot: async () => target.snapshot(),
      connect: (profile, secrets) => target.connect(profile, secrets),
      disconnect: (profile) => target.disconnect(profile),
      close: async () => {
        await manager.close()
        unsubscribe()
        await control.close()
        given.close()
      },
    }
  }
}

/** Secrets as the other process takes them; ours are wiped. */
function lend(secrets: ReadonlyMap<string, Secret>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...secrets].map(([name, secret]) => {
      const text = secret.use((bytes) => Buffer.from(bytes).toString('utf8'))
      secret.close()
      return [name, text]
    }),
  )
}

/** Given for this run, else saved in the keychain; a keychain that does not answer is told and passed over. */
function findSecret(given: MemorySecrets, keychain: SecretStore, note: (text: string) => void) {
  return async (profile: Profile, name: string): Promise<Secret> => {
    const known = await given.get(profile.id, name)
    if (known !== undefined) return known
    const saved = await keychain.get(profile.id, name).catch((thrown: unknown) => {
      note(`keychain: ${thrown instanceof VpnFailure ? thrown.error.kind : String(thrown)}`)
      return undefined
    })
    if (saved !== undefined) return saved
    throw new VpnFailure({
      kind: 'secretMissing',
      what: secretNames(profile).includes(name) ? name : 'secret',
      profile: profile.name,
    })
  }
}
