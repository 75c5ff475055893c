import type { MessageTree, TreeNode } from '../../core/contract/tree.ts'
import { covers } from './octets.ts'

/** A row of the tree as it is drawn: how deep it lies, and by which way it is reached. */
export interface FieldRow {
  readonly node: TreeNode
  readonly depth: number
  /** `0.3.1`: the places of the node and those around it. */
  readonly path: string
  readonly open: boolean
}

const ROOT = '0'

/** What is open at first: the message, and the way to whatever was decrypted. */
export function openAtFirst({ root }: MessageTree): ReadonlySet<string> {
  const open = new Set([ROOT])
  const look = (node: TreeNode, path: string): void => {
    for (const [at, child] of (node.children ?? []).entries()) {
      if (child.children?.some(({ layer }) => layer > 0) !== true) continue
      open.add(`${path}.${at}`)
      look(child, `${path}.${at}`)
    }
  }
  look(root, ROOT)
  return open
}

export function fieldRows({ root }: MessageTree, open: ReadonlySet<string>): readonly FieldRow[] {
  const rows: FieldRow[] = []
  const add = (node: TreeNode, depth: number, path: string): void => {
    rows.push({ node, depth, path, open: open.has(path) })
    if (!open.has(path)) return
    for (const [at, child] of (node.children ?? []).entries()) add(child, depth + 1, `${path}.${at}`)
  }
  add(root, 0, ROOT)
  return rows
}

/** The way to the smallest field that holds an octet of a layer. */
export function pathToOctet({ root }: MessageTree, layer: number, octet: number): string | undefined {
  let best: string | undefined
  let smallest = Number.POSITIVE_INFINITY
  const look = (node: TreeNode, path: string): void => {
    if (node.layer === layer && node.length <= smallest && covers(node, octet)) {
      best = path
      smallest = node.length
    }
    for (const [at, child] of (node.children ?? []).entries()) look(child, `${path}.${at}`)
  }
  look(root, ROOT)
  return best
}

/** Every node around the one a way leads to. */
export function around(path: string): readonly string[] {
  const steps = path.split('.')
  return steps.slice(1).map((_, end) => steps.slice(0, end + 1).join('.'))
}
