import type { Secret } from '../bytes/secret.ts'

/**
 * What a person typed, until a gateway has taken it: a mistyped password must not take the place of the one that is
 * saved, or that is used for this run.
 */
export class PendingSecrets {
  readonly #waiting = new Map<string, { readonly secret: Secret; readonly save: boolean }>()

  /** Borrows `secret`. The newest of a name counts. `save`: for good, and not for this run alone. */
  add(name: string, secret: Secret, save: boolean): void {
    this.#waiting.get(name)?.secret.close()
    this.#waiting.set(name, { secret: secret.clone(), save })
  }

  /** The gateway let us in. `keep` never throws. */
  async accepted(keep: (name: string, secret: Secret, save: boolean) => Promise<void>): Promise<void> {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const [name, { secret, save }] of waiting) {
      await keep(name, secret, save)
      secret.close()
    }
  }

  close(): void {
    for (const { secret } of this.#waiting.values()) secret.close()
    this.#waiting.clear()
  }
}
