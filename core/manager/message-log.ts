import type { Path } from '../ike/config.ts'
import type { ObservedMessage } from '../ike/session.ts'

export interface LoggedMessage {
  /** Counts up from 1 for the life of the log, so that a reader sees what was dropped. */
  readonly number: number
  /** Unix time in ms. */
  readonly atMs: number
  readonly message: ObservedMessage
  /** Absent for what did not travel as it is shown: a message that went in fragments. */
  readonly path?: Path | undefined
}

/** The last messages of one profile, for the inspector; old ones make room. */
export class MessageLog {
  readonly #most: number
  #kept: LoggedMessage[] = []
  #next = 1

  constructor(most = 5_000) {
    this.#most = most
  }

  add(message: ObservedMessage, atMs: number, path?: Path): void {
    this.#kept.push({ number: this.#next, atMs, message, path })
    this.#next += 1
    // Trimmed a tenth at a time: shifting an array for each message would cost more than keeping a few.
    if (this.#kept.length > this.#most * 1.1) this.#kept = this.#kept.slice(-this.#most)
  }

  /** Oldest first. */
  get messages(): readonly LoggedMessage[] {
    return this.#kept.slice(-this.#most)
  }
}
