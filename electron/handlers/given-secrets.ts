import { Secret } from '../../core/bytes/secret.ts'
import { secretNames } from '../../core/profile/schema.ts'
import type { CredentialDesk } from '../credential-desk.ts'
import type { Engine } from '../engine.ts'
import type { Later } from '../later.ts'
import type { Stores } from '../stores.ts'

/** Secrets on their way from the page to whoever uses them. */
export class GivenSecrets {
  readonly #engine: Engine
  readonly #stores: Later<Stores>
  readonly #credentials: Later<CredentialDesk>

  constructor(engine: Engine, stores: Later<Stores>, credentials: Later<CredentialDesk>) {
    this.#engine = engine
    this.#stores = stores
    this.#credentials = credentials
  }

  /** Texts that came from the page, out of reach from now on, and a key it named. */
  async taken(
    secrets: Readonly<Record<string, string>> = {},
    key: number | undefined,
  ): Promise<ReadonlyMap<string, Secret>> {
    const held = key === undefined ? [] : [['key', (await this.#credentials()).lend(key)] as const]
    return new Map([
      ...Object.entries(secrets).map(([name, text]) => [name, Secret.fromText(text)] as const),
      ...held,
    ])
  }

  /** Secrets kept in memory here: another Culvert that carries the tunnel does not have them. */
  async known(profile: string): Promise<ReadonlyMap<string, Secret>> {
    if ((await this.#engine.own()) !== undefined) return new Map()
    const { profiles, given } = await this.#stores()
    const found = await profiles.find(profile).catch(() => undefined)
    const known = new Map<string, Secret>()
    for (const name of found === undefined ? [] : secretNames(found)) {
      const secret = await given.get(found?.id ?? '', name)
      if (secret !== undefined) known.set(name, secret)
    }
    return known
  }

  /** A key the page named has been used. */
  async used(key: number | undefined): Promise<void> {
    if (key !== undefined) (await this.#credentials()).forget(key)
  }
}
