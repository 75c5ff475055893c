import type { MessageTree } from '../contract/tree.ts'
import type { ObservedMessage } from '../ike/session.ts'
import { agreementOf } from '../inspect/agreement.ts'
import { describe } from '../inspect/describe.ts'
import { dissectIkev1, NO_HELP as NO_IKEV1_HELP } from '../inspect/ikev1.ts'
import { dissectIkev2, NO_HELP as NO_IKEV2_HELP } from '../inspect/ikev2.ts'
import type { Tree } from '../inspect/tree.ts'
import type { LoggedMessage } from './message-log.ts'

/** In the header of either version. RFC 2408 §3.1, RFC 7296 §3.1 */
const VERSION_AT = 17

/** A message of a live tunnel taken apart, with what was inside its encryption. */
export function dissect({ bytes, plaintext, fragments }: ObservedMessage): Tree {
  if ((bytes[VERSION_AT] ?? 0) >> 4 === 1) {
    const known = plaintext === undefined ? {} : { open: () => ({ plaintext }) }
    return dissectIkev1(bytes, { ...NO_IKEV1_HELP, ...known })
  }
  const known = plaintext === undefined ? {} : { open: () => ({ content: plaintext }) }
  return dissectIkev2(bytes, { ...NO_IKEV2_HELP, ...known, headersOnly: fragments !== undefined })
}

/**
 * The same in words, beside what was offered and taken where the message is about that. Passwords are never among them:
 * who wants those makes a capture with keys on purpose.
 */
export function messageTree(messages: readonly LoggedMessage[], number: number): MessageTree | undefined {
  const at = messages.findIndex((one) => one.number === number)
  const message = messages[at]?.message
  if (message === undefined) return undefined
  const tree = dissect(message)
  const partner = partnerOf(messages, at)
  const other = partner === undefined ? undefined : dissect(partner)
  const agreement = message.response ? other && agreementOf(other, tree) : agreementOf(tree, other)
  return { ...describe(tree), ...(agreement === undefined ? {} : { agreement }) }
}

/** Ours: an answer is never further away, except behind fragments. */
const NEAR = 64

/** The other message of the exchange; in IKEv1, whose exchanges have more than two, the one beside it. */
function partnerOf(messages: readonly LoggedMessage[], at: number): ObservedMessage | undefined {
  const { message } = messages[at]!
  const fits = ({ message: other }: LoggedMessage): boolean =>
    other.exchange === message.exchange &&
    other.messageId === message.messageId &&
    other.direction !== message.direction &&
    other.response !== message.response &&
    other.fragment === undefined
  return message.response
    ? messages.slice(Math.max(0, at - NEAR), at).findLast(fits)?.message
    : messages.slice(at + 1, at + NEAR).find(fits)?.message
}
