import type { Packet } from './decoder.ts'
import { isMalformed, remarksOf, walk, wiresharkValue } from './tree.ts'

export type FieldValue = string | readonly string[]

/** What a message knows of itself beside its octets. */
export type Framed = Pick<Packet, 'number' | 'atMs' | 'bytes' | 'tree'>

/**
 * A packet as Wireshark's own field names and values: people reuse the filters they know. A field that stands there
 * more than once has a list. What has no name there is left out, and passwords too unless `secrets`.
 */
export function fieldsOf(
  { number, atMs, bytes, tree }: Framed,
  secrets = false,
): Readonly<Record<string, FieldValue>> {
  const found: Record<string, string | string[]> = {
    'frame.number': `${number}`,
    'frame.time_epoch': (atMs / 1000).toFixed(6),
    'frame.len': `${bytes}`,
  }
  for (const node of walk(tree.root)) {
    const name = node.field.wireshark
    if (name === undefined || node.value === undefined) continue
    if (node.field.secret === true && !secrets) continue
    const value = wiresharkValue(node)
    const before = found[name]
    if (before === undefined) found[name] = value
    else if (typeof before === 'string') found[name] = [before, value]
    else before.push(value)
  }
  const remarks = remarksOf(tree.root)
  if (remarks.some(isMalformed)) found['_ws.malformed'] = '[Malformed Packet]'
  if (remarks.length > 0) found['culvert.remark'] = remarks.map(({ text }) => text)
  return found
}
