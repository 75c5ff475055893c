import { Unreadable } from './keys.ts'
import { groupWord } from './libreswan-suites.ts'

/** `dh2`, `2`, `DHGroup 14` as a word of ours. */
export function groupOf(value: unknown): string {
  const number = /(\d+)\s*$/.exec(String(value))?.[1]
  if (number === undefined) throw new Unreadable('the number of a Diffie-Hellman group is expected')
  return groupWord(number)
}

/** What the Cisco clients offer with a group they are told, best first. RFC 2409 §4 */
export const ciscoSuites = (group: string): readonly string[] =>
  ['aes256-sha1', 'aes256-md5', 'aes128-sha1', 'aes128-md5', '3des-sha1', '3des-md5'].map(
    (suite) => `${suite}-${group}`,
  )
