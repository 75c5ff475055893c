import type { MessageLine } from '../contract/message.ts'
import type { MessageTree } from '../contract/tree.ts'
import { agreementOf } from '../inspect/agreement.ts'
import { describe } from '../inspect/describe.ts'
import type { MessageSource } from './source.ts'

/**
 * A message in words, beside what was offered and taken where it is about that. Passwords are never among them: who
 * wants those makes a capture with keys on purpose.
 */
export function messageTree(source: MessageSource, number: number): MessageTree | undefined {
  const line = source.line(number)
  const tree = source.tree(number)
  if (line === undefined || tree === undefined) return undefined
  const partner = partnerOf(source, line)
  const other = partner === undefined ? undefined : source.tree(partner)
  const agreement = line.response ? other && agreementOf(other, tree) : agreementOf(tree, other)
  return { ...describe(tree), ...(agreement === undefined ? {} : { agreement }) }
}

/** Ours: an answer is never further away, except behind fragments. */
const NEAR = 64

/** The other message of the exchange; in IKEv1, whose exchanges have more than two, the one beside it. */
function partnerOf(source: MessageSource, line: MessageLine): number | undefined {
  const fits = (other: MessageLine): boolean =>
    other.sa === line.sa &&
    other.exchange === line.exchange &&
    other.messageId === line.messageId &&
    other.direction !== line.direction &&
    other.response !== line.response &&
    other.fragment === undefined
  const { number, response } = line
  const near = response
    ? source.lines(Math.max(0, number - 1 - NEAR), Math.min(NEAR, number - 1))
    : source.lines(number, NEAR)
  return (response ? near.findLast((other) => other.number < number && fits(other)) : near.find(fits))?.number
}
