import { Records, type RecordsChoice } from '../capture/records.ts'
import type { MessageSource } from '../capture/source.ts'
import type { MessageLine } from '../contract/message.ts'
import type { Path } from '../ike/config.ts'
import type { ObservedMessage } from '../ike/session.ts'
import { dissectIkev1, NO_HELP as NO_IKEV1_HELP } from '../inspect/ikev1.ts'
import { dissectIkev2, NO_HELP as NO_IKEV2_HELP } from '../inspect/ikev2.ts'
import type { Tree } from '../inspect/tree.ts'
import { lineOf } from './message-line.ts'

/** A message as the inspector hears of it. */
export interface LoggedMessage {
  /** Counts up from 1 for the life of the log, so that a reader sees what was dropped. */
  readonly number: number
  /** Unix time in ms. */
  readonly atMs: number
  readonly message: ObservedMessage
  /** Absent for what did not travel as it is shown: a message that went in fragments. */
  readonly path?: Path | undefined
}

/** The messages of one profile, for the inspector; old ones make room. */
export class MessageLog implements MessageSource {
  readonly #records: Records

  constructor(choice: RecordsChoice = {}) {
    this.#records = new Records(choice)
  }

  add(message: ObservedMessage, atMs: number, path?: Path): void {
    const line = lineOf({ number: this.#records.next, atMs, message })
    this.#records.add(line, [message.bytes, message.plaintext, path && textOf(path)])
  }

  lines(after?: number, most?: number): readonly MessageLine[] {
    return this.#records.lines(after, most)
  }

  line(number: number): MessageLine | undefined {
    return this.#records.line(number)
  }

  tree(number: number): Tree | undefined {
    const line = this.#records.line(number)
    const [bytes, plaintext] = this.#records.parts(number) ?? []
    if (line === undefined || bytes === undefined) return undefined
    return dissect({ bytes, plaintext, fragments: line.fragments })
  }

  /** What travelled, and which way; nothing for a message that went in fragments: those are there themselves. */
  datagram(number: number): { readonly bytes: Uint8Array; readonly path: Path } | undefined {
    const [bytes, , path] = this.#records.parts(number) ?? []
    return bytes === undefined || path === undefined ? undefined : { bytes, path: pathOf(path) }
  }

  close(): void {
    this.#records.close()
  }
}

const textOf = (path: Path): Uint8Array => new TextEncoder().encode(JSON.stringify(path))
const pathOf = (text: Uint8Array): Path => JSON.parse(new TextDecoder().decode(text)) as Path

/** In the header of either version. RFC 2408 §3.1, RFC 7296 §3.1 */
const VERSION_AT = 17

/** A message of a live tunnel taken apart, with what was inside its encryption. */
export function dissect({
  bytes,
  plaintext,
  fragments,
}: {
  readonly bytes: Uint8Array
  readonly plaintext?: Uint8Array | undefined
  readonly fragments?: number | undefined
}): Tree {
  if ((bytes[VERSION_AT] ?? 0) >> 4 === 1) {
    const known = plaintext === undefined ? {} : { open: () => ({ plaintext }) }
    return dissectIkev1(bytes, { ...NO_IKEV1_HELP, ...known })
  }
  const known = plaintext === undefined ? {} : { open: () => ({ content: plaintext }) }
  return dissectIkev2(bytes, { ...NO_IKEV2_HELP, ...known, headersOnly: fragments !== undefined })
}
