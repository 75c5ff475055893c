import { Secret } from '../bytes/secret.ts'
import type { PromptSnapshot } from '../contract/snapshot.ts'
import type { PromptAnswer } from '../manager/prompts.ts'
import type { Terminal } from './terminal.ts'

const WORDS: Readonly<Record<string, string>> = {
  password: 'Password',
  newPassword: 'New password',
  code: 'Code',
}

/** Where questions come from and answers go: the manager of this process, or of another. */
export interface PromptSource {
  readonly open: readonly PromptSnapshot[]
  /** Whether somebody still waited. */
  answer(id: number, answer: PromptAnswer): boolean | Promise<boolean>
  cancel(id: number): unknown
}

/** What the gateways ask in the middle is asked at the terminal, one after the other. */
export class PromptDesk {
  readonly #asker: { readonly prompts: PromptSource }
  readonly #terminal: Terminal
  readonly #isOurs: (prompt: PromptSnapshot) => boolean
  readonly #seen = new Set<number>()
  #last: Promise<void> = Promise.resolve()

  /** `isOurs`: what is to be asked here; left out: everything. */
  constructor(
    asker: { readonly prompts: PromptSource },
    terminal: Terminal,
    isOurs: (prompt: PromptSnapshot) => boolean = () => true,
  ) {
    this.#asker = asker
    this.#terminal = terminal
    this.#isOurs = isOurs
  }

  /** Call it whenever something has changed. */
  look(): void {
    for (const prompt of this.#asker.prompts.open) {
      if (this.#seen.has(prompt.id) || !this.#isOurs(prompt)) continue
      this.#seen.add(prompt.id)
      this.#last = this.#last.then(() => this.#ask(prompt))
    }
  }

  /** Resolves when nothing is being asked. */
  idle(): Promise<void> {
    return this.#last
  }

  async #ask(prompt: PromptSnapshot): Promise<void> {
    const { prompts } = this.#asker
    if (!prompts.open.some(({ id }) => id === prompt.id)) return
    const [field = ''] = prompt.fields
    if (prompt.refused === true)
      this.#terminal.err('culvert: it was not accepted; what is saved stays as it is')
    if (prompt.message !== undefined) this.#terminal.err(`The gateway says: ${prompt.message}`)
    const typed = await this.#read(prompt, `${WORDS[field] ?? field}${forWhom(prompt)}`)
    if (typed === undefined) return void prompts.cancel(prompt.id)
    const values = new Map([[field, Secret.fromText(typed)]])
    if (!(await prompts.answer(prompt.id, { values, save: false })))
      this.#terminal.err('culvert: the gateway did not wait for that')
  }

  async #read(prompt: PromptSnapshot, words: string): Promise<string | undefined> {
    for (;;) {
      const typed = await this.#terminal.askSecret(words)
      if (typed === undefined || typed === '') return undefined
      if (prompt.kind !== 'newPassword') return typed
      if ((await this.#terminal.askSecret('The same again')) === typed) return typed
      this.#terminal.err('culvert: the two are not the same')
    }
  }
}

const forWhom = ({ identity }: PromptSnapshot): string => (identity === undefined ? '' : ` for ${identity}`)
