import type { AppSnapshot, PromptSnapshot } from '../contract/snapshot.ts'
import type { ControlClient } from '../manager/control-client.ts'
import type { PromptAnswer } from '../manager/prompts.ts'
import { PromptDesk } from './prompt-desk.ts'
import type { Terminal } from './terminal.ts'

/** What a Culvert elsewhere is asked about one profile, at this terminal. */
export class RemotePrompts {
  readonly #running: Pick<ControlClient, 'answerPrompt' | 'cancelPrompt'>
  readonly #profile: string
  readonly #desk: PromptDesk
  open: readonly PromptSnapshot[] = []

  constructor(
    running: Pick<ControlClient, 'answerPrompt' | 'cancelPrompt'>,
    terminal: Terminal,
    profile: string,
  ) {
    this.#running = running
    this.#profile = profile
    this.#desk = new PromptDesk({ prompts: this }, terminal)
  }

  /** Give it every snapshot. */
  look({ prompts }: Pick<AppSnapshot, 'prompts'>): void {
    this.open = prompts.filter(({ profile }) => profile === this.#profile)
    this.#desk.look()
  }

  async answer(id: number, { values }: PromptAnswer): Promise<boolean> {
    const texts: Record<string, string> = {}
    for (const [name, secret] of values) {
      texts[name] = secret.use((octets) => Buffer.from(octets).toString('utf8'))
      secret.close()
    }
    return this.#running.answerPrompt(id, texts).catch(() => false)
  }

  cancel(id: number): void {
    void this.#running.cancelPrompt(id).catch(() => {})
  }
}
