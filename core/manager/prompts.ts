import type { Secret } from '../bytes/secret.ts'
import type { PromptSnapshot } from '../contract/snapshot.ts'

/** What is asked; the rest of a {@link PromptSnapshot} is added here. */
export type PromptQuestion = Omit<PromptSnapshot, 'id'>

export interface PromptAnswer {
  /** By the name of the field. Whoever asked closes them. */
  readonly values: ReadonlyMap<string, Secret>
  /** Keep them in the keychain. */
  readonly save: boolean
}

/** Questions to the person while something waits for the answer. Any face of the manager may answer them. */
export class Prompts {
  readonly #changed: () => void
  readonly #open = new Map<
    number,
    { readonly snapshot: PromptSnapshot; readonly settle: (answer: PromptAnswer | undefined) => void }
  >()
  #next = 1

  constructor(changed: () => void) {
    this.#changed = changed
  }

  get open(): readonly PromptSnapshot[] {
    return [...this.#open.values()].map(({ snapshot }) => snapshot)
  }

  /** Resolves with the answer, or `undefined` when the person or the end of the connection cancels. Never throws. */
  ask(question: PromptQuestion): Promise<PromptAnswer | undefined> {
    const id = this.#next
    this.#next += 1
    return new Promise((settle) => {
      this.#open.set(id, { snapshot: { id, ...question }, settle })
      this.#changed()
    })
  }

  /** Takes over `answer`. Whether somebody still waited for it. */
  answer(id: number, answer: PromptAnswer): boolean {
    if (this.#settle(id, answer)) return true
    for (const secret of answer.values.values()) secret.close()
    return false
  }

  /** Whether somebody still waited. */
  cancel(id: number): boolean {
    return this.#settle(id, undefined)
  }

  cancelAll(profile?: string): void {
    for (const { snapshot } of this.#open.values()) {
      if (profile === undefined || snapshot.profile === profile) this.cancel(snapshot.id)
    }
  }

  #settle(id: number, answer: PromptAnswer | undefined): boolean {
    const open = this.#open.get(id)
    if (open === undefined) return false
    this.#open.delete(id)
    open.settle(answer)
    this.#changed()
    return true
  }
}
