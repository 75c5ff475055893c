import type { Agreement, Offered } from '../contract/tree.ts'
import { SA as SA1 } from './fields/ikev1.ts'
import { SA as SA2 } from './fields/ikev2.ts'
import { type Field, find, type Node, type Tree, titleOf, walk, wordsOf } from './tree.ts'

/**
 * What one end offered, and what the other took of it; nothing where the messages offer nothing. Without an answer
 * nothing is taken yet. RFC 7296 §2.7, RFC 2408 §4.2
 */
export function agreementOf(offer: Tree, answer: Tree | undefined): Agreement | undefined {
  const offered = proposalsOf(offer)
  if (offered.length === 0) return undefined
  const taken = answer === undefined ? [] : proposalsOf(answer)
  return {
    answered: answer !== undefined,
    proposals: offered.map((proposal) => {
      const number = numberOf(proposal)
      const match = taken.find((one) => numberOf(one) === number && protocolOf(one) === protocolOf(proposal))
      return {
        title: titleOf(proposal),
        taken: match !== undefined,
        parts: proposal.field === SA1.proposal ? choices(proposal, match) : transforms(proposal, match),
      }
    }),
  }
}

const proposalsOf = ({ root }: Tree): readonly Node[] =>
  [...walk(root)].filter(({ field }) => field === SA1.proposal || field === SA2.proposal)

const fieldOf = (node: Node, field: Field) => node.children.find((child) => child.field === field)?.value

const numberOf = (proposal: Node) => fieldOf(proposal, SA2.number) ?? fieldOf(proposal, SA1.number)
const protocolOf = (proposal: Node) => fieldOf(proposal, SA2.protocol) ?? fieldOf(proposal, SA1.protocol)

/** `ENCR_AES_CBC (12), 256 bits` → `ENCR_AES_CBC, 256 bits`: the numbers stand in the tree. */
const withoutNumbers = (words: string): string => words.replace(/ \((?:0x[0-9a-f]+|\d+)\)/g, '')

/** IKEv2: for each kind of transform one of several is taken. */
function transforms(proposal: Node, match: Node | undefined): readonly Offered[] {
  const chosen = match === undefined ? new Map() : byKind(match)
  return [...byKind(proposal)].map(([name, offered]) => ({ name, offered, taken: chosen.get(name) ?? [] }))
}

function byKind(proposal: Node): Map<string, string[]> {
  const kinds = new Map<string, string[]>()
  for (const transform of proposal.children) {
    if (transform.field !== SA2.transform) continue
    const type = find(transform, SA2.type)
    const kind = type === undefined ? '' : withoutNumbers(wordsOf(type))
    const list = kinds.get(kind) ?? []
    list.push(withoutNumbers(titleOf(transform).replace(/^Transform /, '')))
    kinds.set(kind, list)
  }
  return kinds
}

/** IKEv1: one whole transform of several is taken. */
function choices(proposal: Node, match: Node | undefined): readonly Offered[] {
  const numbers = new Set(
    match === undefined ? [] : of(match).map((one) => fieldOf(one, SA1.transformNumber)),
  )
  return of(proposal).map((transform) => {
    const properties = transform.children
      .filter(({ field }) => field === SA1.attribute)
      .map((attribute) => withoutNumbers(titleOf(attribute)))
    return {
      name: withoutNumbers(titleOf(transform)),
      offered: properties,
      taken: numbers.has(fieldOf(transform, SA1.transformNumber)) ? properties : [],
    }
  })
}

const of = (proposal: Node): readonly Node[] =>
  proposal.children.filter(({ field }) => field === SA1.transform)
