import { vendorName } from '../iana/ikev1-vendor-ids.ts'
import { plainText } from './cursor.ts'

/** The fewest octets that are worth being called a text. */
const SHORTEST_TEXT = 6

/** Whose Vendor ID this is; where nobody knows it and it is a readable text, that text. */
export function vendorOf(bytes: Uint8Array): string | undefined {
  const name = vendorName(bytes)
  if (name !== undefined) return name
  const readable = bytes.length >= SHORTEST_TEXT && bytes.every((octet) => octet >= 0x20 && octet < 0x7f)
  return readable ? `“${plainText(bytes)}”` : undefined
}
