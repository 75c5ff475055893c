import { contentOf, type Der, inside, isContext, latin1, type Place, printable, rawOf } from './der.ts'
import { type DistinguishedName, decodeName, formatName } from './name.ts'

/** One of the names in a subjectAltName, or the base of a name constraint. RFC 5280 §4.2.1.6 */
export type GeneralName =
  | { readonly kind: 'email' | 'dns' | 'uri'; readonly text: string }
  /** 4 or 16 octets; 8 or 32 (address and mask) in a name constraint. */
  | { readonly kind: 'ip'; readonly octets: Uint8Array }
  | { readonly kind: 'dn'; readonly name: DistinguishedName }
  /** otherName, x400Address, ediPartyName, registeredID: kept, never matched. */
  | { readonly kind: 'other'; readonly tag: number; readonly raw: Uint8Array }

const TAG = { email: 1, dns: 2, directory: 4, uri: 6, ip: 7 } as const

/** Throws `Malformed`. */
export function decodeGeneralName(node: Der, place: Place): GeneralName {
  if (isContext(node, TAG.email)) return { kind: 'email', text: latin1(contentOf(node)) }
  if (isContext(node, TAG.dns)) return { kind: 'dns', text: latin1(contentOf(node)) }
  if (isContext(node, TAG.uri)) return { kind: 'uri', text: latin1(contentOf(node)) }
  if (isContext(node, TAG.ip)) return { kind: 'ip', octets: contentOf(node) }
  // A Name is a CHOICE, so its tag is explicit.
  if (isContext(node, TAG.directory)) return { kind: 'dn', name: decodeName(inside(node, place)[0], place) }
  return { kind: 'other', tag: node.idBlock.tagNumber, raw: rawOf(node, place) }
}

/** For people. */
export function formatGeneralName(name: GeneralName): string {
  switch (name.kind) {
    case 'email':
    case 'dns':
    case 'uri':
      return printable(name.text)
    case 'ip':
      return formatAddress(name.octets)
    case 'dn':
      return formatName(name.name)
    case 'other':
      return `a name of kind ${name.tag}`
  }
}

function formatAddress(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  const hex = Buffer.from(octets).toString('hex')
  return octets.length === 16 ? (hex.match(/.{4}/g) ?? []).join(':') : `0x${hex}`
}
