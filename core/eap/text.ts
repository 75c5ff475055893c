import { CHOICE } from './numbers.ts'

/** Words of the other end as they may be shown: one line, no control characters, not endless. */
export function shownText(octets: Uint8Array): string {
  const text = Buffer.from(octets).toString('utf8')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim()
  return plain.length <= CHOICE.textLength ? plain : `${plain.slice(0, CHOICE.textLength - 1)}…`
}
