import type { Cursor } from './cursor.ts'
import { Cursor as Reader } from './cursor.ts'
import { SK as F } from './fields/ikev2.ts'
import { type Ikev2Reading, readChain } from './ikev2.ts'
import type { Node } from './tree.ts'

const SKF = 53

/** Encrypted payload and Encrypted Fragment payload. `next`: the first payload inside. RFC 7296 §3.14, RFC 7383 §2.5 */
export function readEncrypted(
  node: Node,
  body: Cursor,
  { number, next }: { readonly number: number; readonly next: number },
  reading: Ikev2Reading,
): void {
  const fragment =
    number === SKF
      ? { number: body.number(node, F.fragment, 2), total: body.number(node, F.total, 2) }
      : undefined
  if (fragment !== undefined && (fragment.number === 0 || fragment.number > fragment.total)) {
    node.remark('badValue', `part ${fragment.number} of ${fragment.total}`)
  }
  const opened = reading.help.open(body.bytes, reading.header, body.at, body.end)
  if ('remark' in opened) {
    node.remark(opened.remark, opened.text)
    body.octets(node, F.data)
    return
  }
  const { content, ivBytes, icvBytes } = opened
  if (opened.checked === false && fragment === undefined && !isChain(content, next)) {
    node.remark('wrongKey', 'nonsense comes out: another key, and the table says not to check')
    body.octets(node, F.data)
    return
  }
  if (ivBytes !== undefined && icvBytes !== undefined) {
    if (ivBytes > 0) body.octets(node, F.iv, ivBytes)
    body.octets(node, F.data, Math.max(0, body.left - icvBytes))
    body.octets(node, F.icv)
  } else if (body.left > 0) body.octets(node, F.data)
  if (fragment === undefined) {
    inside(node, content, next, 'Decrypted', reading)
    return
  }
  const layer = reading.layers.push({ name: `Decrypted part ${fragment.number}`, bytes: content }) - 1
  new Reader(content, layer).group(node, F.part)
  const whole = reading.help.join(reading.header, { ...fragment, first: next, content })
  if (whole === undefined) {
    node.remark('incomplete', `part ${fragment.number} of ${fragment.total}`)
    return
  }
  inside(node, whole.content, whole.first, 'Decrypted message', reading)
}

function inside(node: Node, content: Uint8Array, first: number, name: string, reading: Ikev2Reading): void {
  const layer = reading.layers.push({ name, bytes: content }) - 1
  const cursor = new Reader(content, layer)
  const group = cursor.group(node, name === 'Decrypted' ? F.decrypted : F.joined)
  readChain(group, cursor, first, reading)
}

/** Whether payloads fill these octets, one behind the other: nonsense hardly ever looks like that. RFC 7296 §3.2 */
function isChain(content: Uint8Array, first: number): boolean {
  let at = 0
  for (let number = first; number !== 0; ) {
    if (at + 4 > content.length) return false
    const length = (content[at + 2]! << 8) | content[at + 3]!
    if (length < 4) return false
    number = content[at]!
    at += length
  }
  return at === content.length
}
