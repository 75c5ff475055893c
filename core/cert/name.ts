import * as asn1 from 'asn1js'
import { equal } from '../bytes/octets.ts'
import { type Der, fail, oid, type Place, printable, rawOf, readDer, sequence, setOf, textOf } from './der.ts'
import { NameAttribute, namedBy } from './oids.ts'

export interface AttributeValue {
  readonly oid: string
  /** Undefined where the value is no character string; then `raw` decides. */
  readonly text: string | undefined
  readonly raw: Uint8Array
}

/** A distinguished name, in the order of its encoding. RFC 5280 §4.1.2.4 */
export interface DistinguishedName {
  readonly der: Uint8Array
  readonly rdns: readonly (readonly AttributeValue[])[]
}

/** Throws `Malformed`. */
export function decodeName(node: Der | undefined, place: Place): DistinguishedName {
  const rdns = sequence(node, place).map((rdn) => {
    const values = setOf(rdn, place).map((pair): AttributeValue => {
      const [type, value] = sequence(pair, place)
      if (value === undefined) return fail(place, 'an attribute without a value')
      return { oid: oid(type, place), text: textOf(value), raw: rawOf(value, place) }
    })
    return values.length === 0 ? fail(place, 'a relative name without attributes') : values
  })
  return { der: rawOf(node, place), rdns }
}

/** A name on its own, as in IDi and IDr of type ID_DER_ASN1_DN. Throws `Malformed`. */
export function decodeNameDer(der: Uint8Array): DistinguishedName {
  const place = { what: 'Distinguished Name', reference: 'RFC 5280 §4.1.2.4' }
  return decodeName(readDer(der, place), place)
}

/** Same attributes in the same order; text without regard to case, kind of string and spaces around and doubled. RFC 5280 §7.1 */
export const nameEquals = (a: DistinguishedName, b: DistinguishedName): boolean =>
  equal(a.der, b.der) || (a.rdns.length === b.rdns.length && nameBegins(a, b))

/** `name` lies in the subtree of `base`, or is it. RFC 5280 §7.1 */
export const nameBegins = (name: DistinguishedName, base: DistinguishedName): boolean =>
  name.rdns.length >= base.rdns.length && base.rdns.every((rdn, at) => rdnEquals(rdn, name.rdns[at]!))

/** A relative name is a set: its attributes have no order. */
function rdnEquals(a: readonly AttributeValue[], b: readonly AttributeValue[]): boolean {
  const left = [...b]
  return (
    a.length === b.length &&
    a.every((value) => {
      const at = left.findIndex((other) => valueEquals(value, other))
      if (at !== -1) left.splice(at, 1)
      return at !== -1
    })
  )
}

const valueEquals = (a: AttributeValue, b: AttributeValue): boolean =>
  a.oid === b.oid &&
  (a.text === undefined || b.text === undefined
    ? a.text === b.text && equal(a.raw, b.raw)
    : prepared(a.text) === prepared(b.text))

/**
 * Case and spaces as RFC 4518 folds them. Characters without width are kept, unlike there:
 * a name that only looks the same is another name.
 */
const prepared = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/ +/g, ' ').trim()

/** `C=CH, O=Example, CN=gw`, in the order of the encoding. */
export function formatName(name: DistinguishedName): string {
  if (name.rdns.length === 0) return '(no name)'
  return name.rdns.map((rdn) => rdn.map(formatValue).join('+')).join(', ')
}

function formatValue({ oid: type, text, raw }: AttributeValue): string {
  const label = namedBy(NameAttribute, type) ?? type
  const value =
    text === undefined
      ? `#${Buffer.from(raw).toString('hex')}`
      : printable(text).replace(/[,+"\\<>;=]/g, (char) => `\\${char}`)
  return `${label}=${value}`
}

/** The DER of a name written as `C=CH, O=Example, CN=gw`; a sentence where it is none. A comma in a value is written `\,`. */
export function parseName(text: string): { readonly der: Uint8Array } | { readonly problem: string } {
  const sets: asn1.Set[] = []
  for (const part of text.split(/(?<!\\),/)) {
    const values: asn1.Sequence[] = []
    for (const pair of part.split(/(?<!\\)\+/)) {
      const [, label = '', written = ''] = /^\s*([A-Za-z]+|\d+(?:\.\d+)+)\s*=\s*(.*?)\s*$/s.exec(pair) ?? []
      const type = oidOf(label)
      if (type === undefined) return { problem: `"${pair.trim()}" is not an attribute like CN=name` }
      if (written === '') return { problem: `${label} has no value` }
      const value = written.replace(/\\(.)/gs, '$1')
      values.push(
        new asn1.Sequence({ value: [new asn1.ObjectIdentifier({ value: type }), encodeText(type, value)] }),
      )
    }
    sets.push(new asn1.Set({ value: values }))
  }
  return { der: new Uint8Array(new asn1.Sequence({ value: sets }).toBER()) }
}

function oidOf(label: string): string | undefined {
  if (/^\d/.test(label)) return label
  const known = Object.entries(NameAttribute).find(([name]) => name.toLowerCase() === label.toLowerCase())
  return known?.[1].oid ?? (label.toLowerCase() === 'emailaddress' ? NameAttribute.E.oid : undefined)
}

/** As RFC 5280 §4.1.2.4 asks: countries and serial numbers are printable, mail and domain components IA5, the rest UTF-8. */
function encodeText(type: string, value: string): asn1.AsnType {
  if (type === NameAttribute.C.oid || type === NameAttribute.serialNumber.oid) {
    return new asn1.PrintableString({ value })
  }
  if (type === NameAttribute.E.oid || type === NameAttribute.DC.oid) return new asn1.IA5String({ value })
  return new asn1.Utf8String({ value })
}
