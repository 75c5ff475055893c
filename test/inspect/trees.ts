import { expect } from 'vitest'
import {
  type Node,
  referenceOf,
  remarksOf,
  sentenceOf,
  type Tree,
  titleOf,
  walk,
  wordsOf,
} from '../../core/inspect/tree.ts'

/** `path` by titles or names: the node there. */
export function at({ root }: Tree, ...path: readonly string[]): Node {
  let node = root
  for (const step of path) {
    const next = node.children.find((child) => titleOf(child) === step || child.field.name === step)
    if (next === undefined) {
      throw new Error(`no ${step} in ${titleOf(node)}: ${node.children.map(titleOf).join(', ')}`)
    }
    node = next
  }
  return node
}

/** What stands there, in words. */
export const said = (tree: Tree, ...path: readonly string[]): string => wordsOf(at(tree, ...path))

/** The octets of a node, hex. */
export const octetsOf = ({ layers }: Tree, { layer, at, length }: Node): string =>
  Buffer.from(layers[layer]!.bytes.subarray(at, at + length)).toString('hex')

export const remarks = (tree: Tree): readonly string[] => remarksOf(tree.root).map((remark) => remark.text)

/** Where a field is defined: a section, except in documents that have none. */
const HAS_SECTION = /^(RFC (768|792)\b|(RFC \d+|draft-[\w-]+|\[MS-\w+\]) (§|Appendix [A-Z]))/

/** What holds of every tree, whatever it was made of. */
export function expectSound({ layers, root }: Tree): void {
  const wrong: string[] = []
  for (const node of walk(root)) {
    const where = `${titleOf(node)} at ${node.at}, ${node.length} octets`
    const end = node.at + node.length
    if (node.at < 0 || node.length < 0 || end > layers[node.layer]!.bytes.length) {
      wrong.push(`${where}: outside its layer`)
    }
    for (const child of node.children) {
      if (child.layer !== node.layer) continue
      if (child.at < node.at || child.at + child.length > end)
        wrong.push(`${titleOf(child)}: outside ${where}`)
    }
    if (!/^[^a-z\s].*\S[.?]$/su.test(sentenceOf(node))) wrong.push(`${where}: ${sentenceOf(node)}`)
    if (!HAS_SECTION.test(referenceOf(node))) wrong.push(`${where}: no section in “${referenceOf(node)}”`)
    if (typeof wordsOf(node) !== 'string') wrong.push(`${where}: no words`)
  }
  expect(wrong).toEqual([])
}
