/** A profile in another program's words. */
export interface Exported {
  readonly text: string
  /** How such a file is usually called. */
  readonly fileName: string
  /** What the format cannot say, or says differently; a sentence each, beginning with the field. */
  readonly losses: readonly string[]
}

/** Collects what a format cannot say. */
export class Losses {
  readonly #sentences: string[] = []

  add(field: string, why: string): void {
    this.#sentences.push(`${field}: ${why}`)
  }

  /** `why` where the value is not what the other program does anyway. */
  unless(usual: boolean, field: string, why: string): void {
    if (!usual) this.add(field, why)
  }

  get sentences(): readonly string[] {
    return this.#sentences
  }
}
