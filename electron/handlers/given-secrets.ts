import { Secret } from '../../core/bytes/secret.ts'
import { secretNames } from '../../core/profile/schema.ts'
import type { ProfileStore } from '../../core/profile/store.ts'
import type { MemorySecrets } from '../../core/secrets/memory.ts'
import type { CredentialDesk } from '../credential-desk.ts'
import type { Engine } from '../engine.ts'

/** Secrets on their way from the page to whoever uses them. */
export class GivenSecrets {
  readonly #engine: Engine
  readonly #profiles: Pick<ProfileStore, 'find'>
  readonly #given: MemorySecrets
  readonly #credentials: CredentialDesk

  constructor(
    engine: Engine,
    profiles: Pick<ProfileStore, 'find'>,
    given: MemorySecrets,
    credentials: CredentialDesk,
  ) {
    this.#engine = engine
    this.#profiles = profiles
    this.#given = given
    this.#credentials = credentials
  }

  /** Texts that came from the page, out of reach from now on, and a key it named. */
  taken(
    secrets: Readonly<Record<string, string>> = {},
    key: number | undefined,
  ): ReadonlyMap<string, Secret> {
    const held = key === undefined ? [] : [['key', this.#credentials.lend(key)] as const]
    return new Map([
      ...Object.entries(secrets).map(([name, text]) => [name, Secret.fromText(text)] as const),
      ...held,
    ])
  }

  /** Secrets kept in memory here: another Culvert that carries the tunnel does not have them. */
  async known(profile: string): Promise<ReadonlyMap<string, Secret>> {
    if ((await this.#engine.own()) !== undefined) return new Map()
    const found = await this.#profiles.find(profile).catch(() => undefined)
    const known = new Map<string, Secret>()
    for (const name of found === undefined ? [] : secretNames(found)) {
      const secret = await this.#given.get(found?.id ?? '', name)
      if (secret !== undefined) known.set(name, secret)
    }
    return known
  }

  /** A key the page named has been used. */
  used(key: number | undefined): void {
    if (key !== undefined) this.#credentials.forget(key)
  }
}
