import type { MessageTree } from '../contract/tree.ts'
import type { ObservedMessage } from '../ike/session.ts'
import { describe } from '../inspect/describe.ts'
import { dissectIkev1, NO_HELP as NO_IKEV1_HELP } from '../inspect/ikev1.ts'
import { dissectIkev2, NO_HELP as NO_IKEV2_HELP } from '../inspect/ikev2.ts'
import type { Tree } from '../inspect/tree.ts'

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

/** The same in words. Passwords are never among them: who wants those makes a capture with keys on purpose. */
export const messageTree = (message: ObservedMessage): MessageTree => describe(dissect(message))
