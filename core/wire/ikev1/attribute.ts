import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import type { Attribute } from './payload.ts'

/** AF: the value stands in place of the length. RFC 2408 §3.3 */
const SHORT_FORM = 0x8000
const REFERENCE = 'RFC 2408 §3.3'

/** Attributes to the end of `r`. */
export function decodeAttributes(r: Reader): Attribute[] {
  const attributes: Attribute[] = []
  while (r.left > 0) {
    const field = `Attribute ${attributes.length + 1}`
    const typeAndForm = r.u16(`${field} Type`)
    const type = typeAndForm & ~SHORT_FORM
    if ((typeAndForm & SHORT_FORM) !== 0) attributes.push({ type, value: r.u16(`${field} Value`) })
    else attributes.push({ type, bytes: r.bytes(r.u16(`${field} Length`), `${field} Value`) })
  }
  return attributes
}

export function encodeAttributes(w: Writer, attributes: readonly Attribute[]): void {
  for (const attribute of attributes) {
    if (attribute.type > 0x7fff) throw new RangeError(`${REFERENCE}: an attribute type has 15 bits`)
    if ('value' in attribute) {
      w.u16(attribute.type | SHORT_FORM)
      w.u16(attribute.value)
    } else {
      if (attribute.bytes.length > 0xffff) throw new RangeError(`${REFERENCE}: an attribute is too long`)
      w.u16(attribute.type)
      w.u16(attribute.bytes.length)
      w.bytes(attribute.bytes)
    }
  }
}

/**
 * The number an attribute means, in either form: variable ones that fit may come in the short form, and some peers
 * send basic ones in the long form. `undefined` beyond 2⁵³ − 1. RFC 2409 Appendix A
 */
export function attributeNumber(attribute: Attribute): number | undefined {
  if ('value' in attribute) return attribute.value
  const value = attribute.bytes.reduce((sum, octet) => sum * 256 + octet, 0)
  return Number.isSafeInteger(value) ? value : undefined
}

/** The octets an attribute means, in either form. */
export const attributeBytes = (attribute: Attribute): Uint8Array =>
  'value' in attribute ? Uint8Array.of(attribute.value >> 8, attribute.value & 0xff) : attribute.bytes
