import type { Finding } from '../contract/tree.ts'
import { parseFilter, readable } from '../inspect/filter.ts'
import type { Tree } from '../inspect/tree.ts'
import { fieldsOf } from '../inspect/wireshark.ts'
import type { LoggedMessage } from './message-log.ts'
import { dissect } from './message-tree.ts'

/** Ours: taken apart in one go; between two goes, tunnels have their turn. */
const AT_ONCE = 100

/** The messages that fit what was typed into the filter box. */
export async function findMessages(messages: readonly LoggedMessage[], wanted: string): Promise<Finding> {
  const filter = parseFilter(wanted)
  if (!filter.ok) return filter
  const numbers: number[] = []
  const unseen = new Set(filter.fields)
  for (const [at, one] of messages.entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await new Promise((soon) => setImmediate(soon))
    const tree = dissect(one.message)
    const fields = fieldsOf({ number: one.number, atMs: one.atMs, bytes: one.message.bytes.length, tree })
    for (const name of unseen) if (name in fields) unseen.delete(name)
    if (filter.matches({ fields, words: () => wordsOf(one, tree) })) numbers.push(one.number)
  }
  return { ok: true, numbers, unseen: [...unseen] }
}

const wordsOf = ({ message: { exchange, problem } }: LoggedMessage, tree: Tree): string =>
  `${exchange}\n${problem ?? ''}\n`.toLowerCase() + readable(tree)
