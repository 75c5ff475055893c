import { Secret } from '../bytes/secret.ts'
import type { PromptSnapshot } from '../contract/snapshot.ts'
import type { Manager } from '../manager/manager.ts'
import type { Terminal } from './terminal.ts'

const WORDS: Readonly<Record<string, string>> = {
  password: 'Password',
  newPassword: 'New password',
  code: 'Code',
}

/** What the gateways ask in the middle is asked at the terminal, one after the other. */
export class PromptDesk {
  readonly #manager: Pick<Manager, 'prompts'>
  readonly #terminal: Terminal
  readonly #seen = new Set<number>()
  #last: Promise<void> = Promise.resolve()

  constructor(manager: Pick<Manager, 'prompts'>, terminal: Terminal) {
    this.#manager = manager
    this.#terminal = terminal
  }

  /** Call it whenever something has changed. */
  look(): void {
    for (const prompt of this.#manager.prompts.open) {
      if (this.#seen.has(prompt.id)) continue
      this.#seen.add(prompt.id)
      this.#last = this.#last.then(() => this.#ask(prompt))
    }
  }

  /** Resolves when nothing is being asked. */
  idle(): Promise<void> {
    return this.#last
  }

  async #ask(prompt: PromptSnapshot): Promise<void> {
    const { prompts } = this.#manager
    if (!prompts.open.some(({ id }) => id === prompt.id)) return
    const [field = ''] = prompt.fields
    if (prompt.refused === true)
      this.#terminal.err('culvert: it was not accepted; what is saved stays as it is')
    if (prompt.message !== undefined) this.#terminal.err(`The gateway says: ${prompt.message}`)
    const typed = await this.#read(prompt, `${WORDS[field] ?? field}${forWhom(prompt)}`)
    if (typed === undefined) return void prompts.cancel(prompt.id)
    const values = new Map([[field, Secret.fromText(typed)]])
    if (!prompts.answer(prompt.id, { values, save: false }))
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
