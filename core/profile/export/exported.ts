import { createHash } from 'node:crypto'

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

/** The same for the same profile, so that importing the file again updates the connection. RFC 9562 §5.8 */
export function uuidOf(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return id
  const hex = createHash('sha256').update(`culvert profile ${id}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
