/** How one file of vectors went. */
export interface VectorResult {
  readonly name: string
  readonly passed: number
  readonly failed: readonly string[]
}

/** Counts what passes and names what does not; a case that throws has failed. */
export class Tally {
  readonly #name: string
  #passed = 0
  readonly #failed: string[] = []

  constructor(name: string) {
    this.#name = name
  }

  case(label: string, works: () => boolean): void {
    try {
      if (works()) this.#passed++
      else this.#failed.push(label)
    } catch (error) {
      this.#failed.push(`${label}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  result(): VectorResult {
    return { name: this.#name, passed: this.#passed, failed: this.#failed }
  }
}
