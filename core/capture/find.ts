import type { MessageLine } from '../contract/message.ts'
import type { Finding } from '../contract/tree.ts'
import { parseFilter, readable } from '../inspect/filter.ts'
import type { Tree } from '../inspect/tree.ts'
import { fieldsOf } from '../inspect/wireshark.ts'
import type { MessageSource } from './source.ts'

/** Ours: taken apart in one go; between two goes, tunnels have their turn. */
const AT_ONCE = 100
/** Ours: looked at for one question, so that the first ones found are there at once. */
const MOST = 2_000

/**
 * The messages with a number above `after` that fit what was typed into the filter box; `upTo` is the last that was
 * looked at, and who wants more asks once again from there.
 */
export async function findMessages(source: MessageSource, wanted: string, after = 0): Promise<Finding> {
  const filter = parseFilter(wanted)
  if (!filter.ok) return filter
  const numbers: number[] = []
  const unseen = new Set(filter.fields)
  let upTo = after
  for (const [at, line] of source.lines(after, MOST).entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await new Promise((soon) => setImmediate(soon))
    upTo = line.number
    const tree = source.tree(line.number)
    if (tree === undefined) continue
    const fields = fieldsOf({ number: line.number, atMs: line.atMs, bytes: line.octets, tree })
    for (const name of unseen) if (name in fields) unseen.delete(name)
    if (filter.matches({ fields, words: () => wordsOf(line, tree) })) numbers.push(line.number)
  }
  return { ok: true, numbers, unseen: [...unseen], upTo }
}

const wordsOf = ({ exchange, problem }: MessageLine, tree: Tree): string =>
  `${exchange}\n${problem ?? ''}\n`.toLowerCase() + readable(tree)
