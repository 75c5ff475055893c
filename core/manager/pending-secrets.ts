import type { Secret } from '../bytes/secret.ts'

/**
 * What a person typed and wants kept, until a gateway has taken it: a mistyped password must not overwrite the one that
 * is saved.
 */
export class PendingSecrets {
  readonly #waiting = new Map<string, Secret>()

  /** Borrows `secret`. The newest of a name counts. */
  add(name: string, secret: Secret): void {
    this.#waiting.get(name)?.close()
    this.#waiting.set(name, secret.clone())
  }

  /** The gateway let us in. `keep` never throws. */
  async accepted(keep: (name: string, secret: Secret) => Promise<void>): Promise<void> {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const [name, secret] of waiting) {
      await keep(name, secret)
      secret.close()
    }
  }

  close(): void {
    for (const secret of this.#waiting.values()) secret.close()
    this.#waiting.clear()
  }
}
