import type { Draft } from './description.ts'
import { Unreadable } from './keys.ts'
import { groupWord } from './libreswan-suites.ts'

/** `dh2`, `2`, `DHGroup 14` as a word of ours. */
export function groupOf(value: unknown): string {
  const number = /(\d+)\s*$/.exec(String(value))?.[1]
  if (number === undefined) throw new Unreadable('the number of a Diffie-Hellman group is expected')
  return groupWord(number)
}

/** What the Cisco clients offer, best first. RFC 2409 §4 */
const OLD_SUITES = ['aes256', 'aes128', '3des'].flatMap((cipher) => [`${cipher}-sha1`, `${cipher}-md5`])

/** The group a Cisco client takes unless it is told another: 1024 bits. */
const CISCO_GROUP = 'modp1024'

export const ciscoSuites = (group: string): readonly string[] =>
  OLD_SUITES.map((suite) => `${suite}-${group}`)

/** What such a file leaves to the program. */
export function sayCiscoDefaults(draft: Draft): void {
  if (draft.value('ikeProposals') === undefined) draft.say('ikeProposals', ciscoSuites(CISCO_GROUP))
  draft.say('espProposals', OLD_SUITES)
}
