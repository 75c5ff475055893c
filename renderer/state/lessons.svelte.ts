import type { WindowApi } from '../../core/contract/contract.ts'
import type { Lesson } from '../../core/contract/lessons.ts'

/** The lessons, and which one is read. */
export class Lessons {
  readonly #api: WindowApi
  all = $state.raw<readonly Lesson[]>([])
  #chosen = $state<string | undefined>(undefined)

  constructor(api: WindowApi) {
    this.#api = api
  }

  get now(): Lesson | undefined {
    return this.all.find(({ id }) => id === this.#chosen) ?? this.all[0]
  }

  choose(id: string): void {
    this.#chosen = id
  }

  async load(): Promise<void> {
    if (this.all.length > 0) return
    const outcome = await this.#api.lessons.all()
    if (outcome.ok) this.all = outcome.value
  }
}
