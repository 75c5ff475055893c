import { toHex } from '../bytes/octets.ts'
import type { MessageTree, TreeNode } from '../contract/tree.ts'
import { type Node, referenceOf, sentenceOf, type Tree, titleOf, walk, wordsOf } from './tree.ts'

/** Stands where a password was. */
const HIDDEN = '(hidden)'

/** The tree in words. Passwords, and their octets in every layer, are left out unless `secrets`. */
export function describe({ layers, root }: Tree, secrets = false): MessageTree {
  const shown = secrets ? layers : withoutSecrets({ layers, root })
  return {
    layers: shown.map(({ name, bytes }) => ({ name, hex: toHex(bytes) })),
    root: nodeOf(root, secrets),
  }
}

function nodeOf(node: Node, secrets: boolean): TreeNode {
  const { field, layer, at, length, remarks, children } = node
  const hidden = field.secret === true && !secrets
  return {
    name: titleOf(node),
    value: hidden ? HIDDEN : wordsOf(node),
    says: sentenceOf(node),
    reference: referenceOf(node),
    layer,
    at,
    length,
    ...(field.wireshark === undefined ? {} : { wireshark: field.wireshark }),
    ...(remarks.length === 0 ? {} : { remarks: remarks.map((remark) => remark.text) }),
    ...(children.length === 0 ? {} : { children: children.map((child) => nodeOf(child, secrets)) }),
  }
}

/** The layers with zeros where passwords stand. A layer made of others may repeat one, so its like is looked for in all. */
function withoutSecrets({ layers, root }: Tree): Tree['layers'] {
  const found = [...walk(root)].filter(({ field, length }) => field.secret === true && length > 0)
  if (found.length === 0) return layers
  const masked = layers.map(({ name, bytes }) => ({ name, bytes: bytes.slice() }))
  for (const { layer, at, length } of found) {
    const password = layers[layer]!.bytes.slice(at, at + length)
    for (const { bytes } of masked) mask(bytes, password)
  }
  return masked
}

function mask(bytes: Uint8Array, password: Uint8Array): void {
  let at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(password)
  while (at !== -1) {
    bytes.fill(0, at, at + password.length)
    at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(password, at + 1)
  }
}
