import type { Secret } from '../bytes/secret.ts'
import type { SecretStore } from './store.ts'

/** Secrets given for this run only; {@link MemorySecrets.close} wipes them. */
export class MemorySecrets implements SecretStore {
  readonly #secrets = new Map<string, Secret>()

  async get(profile: string, name: string): Promise<Secret | undefined> {
    return this.#secrets.get(key(profile, name))?.clone()
  }

  async set(profile: string, name: string, secret: Secret): Promise<void> {
    const copy = secret.clone()
    this.#secrets.get(key(profile, name))?.close()
    this.#secrets.set(key(profile, name), copy)
  }

  async delete(profile: string, name: string): Promise<boolean> {
    this.#secrets.get(key(profile, name))?.close()
    return this.#secrets.delete(key(profile, name))
  }

  close(): void {
    for (const secret of this.#secrets.values()) secret.close()
    this.#secrets.clear()
  }
}

const key = (profile: string, name: string): string => `${profile}/${name}`
