/**
 * What a packet needed of those before it: joined fragments, and what was decrypted with an IV of an earlier message.
 * Recorded while a capture is read in its order, it lets any packet be taken apart again by itself.
 */
export class Tape {
  readonly #answers: unknown[]
  #next = 0
  readonly #playing: boolean

  /** `recorded`: {@link Tape.text} of another one, to be played. */
  constructor(recorded?: string) {
    this.#playing = recorded !== undefined
    this.#answers = recorded === undefined ? [] : (JSON.parse(recorded, reviveOctets) as unknown[])
  }

  get playing(): boolean {
    return this.#playing
  }

  /** Does the work and remembers what came of it, or tells what came of it then. */
  through<T>(work: () => T): T {
    if (this.#playing) return (this.#answers[this.#next++] ?? undefined) as T
    const answer = work()
    this.#answers.push(answer ?? null)
    return answer
  }

  /** All that was recorded; `undefined` where nothing was. */
  get text(): string | undefined {
    return this.#answers.length === 0 ? undefined : JSON.stringify(this.#answers, writeOctets)
  }
}

const OCTETS = 'octets'

const writeOctets = (_key: string, value: unknown): unknown =>
  value instanceof Uint8Array ? { [OCTETS]: Buffer.from(value).toString('base64') } : value

const reviveOctets = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && OCTETS in value && typeof value[OCTETS] === 'string'
    ? new Uint8Array(Buffer.from(value[OCTETS], 'base64'))
    : value
