import * as asn1 from 'asn1js'
import { Malformed } from '../bytes/malformed.ts'

/** A decoded element; its octets are a view into what was decoded. */
export type Der = asn1.AsnType

/** What one certificate or list may cost before anything in it is believed. */
const CHOICE = { maxOctets: 0x1_0000, maxDepth: 24, maxNodes: 8_000 } as const

/** Lists of revoked certificates are longer than a certificate, and come from disk, never from the gateway. */
export const CRL_LIMITS = { maxOctets: 0x100_0000, maxDepth: 24, maxNodes: 1_000_000 } as const
export interface DerLimits {
  readonly maxOctets: number
  readonly maxDepth: number
  readonly maxNodes: number
  /** Lengths may be written in more ways than one, as old PKCS#12 files do. */
  readonly ber?: boolean
}

/** Where we are, for messages. `what`: the structure, e.g. `Certificate`. */
export interface Place {
  readonly what: string
  readonly reference: string
}

/** One DER element that fills `bytes` to the last octet. Throws {@link Malformed}. */
export function readDer(bytes: Uint8Array, place: Place, limits: DerLimits = CHOICE): Der {
  if (bytes.length > limits.maxOctets) {
    fail(place, `${bytes.length} octets, at most ${limits.maxOctets} are read`)
  }
  // asn1js reports most faults as values and throws on a few.
  let read: asn1.FromBerResult
  try {
    read = asn1.fromBER(bytes, {
      maxDepth: limits.maxDepth,
      maxNodes: limits.maxNodes,
      maxContentLength: limits.maxOctets,
      parseEmbedded: false,
    })
  } catch (error) {
    return fail(place, `not DER: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (read.offset === -1) fail(place, `not DER: ${read.result.error}`)
  if (read.offset !== bytes.length) fail(place, `${bytes.length - read.offset} octets after the end`)
  if (limits.ber !== true) requireDer(read.result, place)
  return read.result
}

/** The parser reads BER and lets an element reach beyond the one around it; here every length has one way to be written. X.690 §10.1 */
function requireDer(node: Der, place: Place): void {
  const { isIndefiniteForm, length, blockLength } = node.lenBlock
  const shortest = length < 0x80 ? 1 : 1 + Math.ceil((32 - Math.clz32(length)) / 8)
  if (isIndefiniteForm || blockLength !== shortest) fail(place, 'a length that is not written as DER asks')
  if (!(node instanceof asn1.Constructed)) return
  const children = node.valueBlock.value as Der[]
  const covered = children.reduce((sum, child) => sum + child.valueBeforeDecodeView.length, 0)
  if (covered !== length) fail(place, 'an element that reaches beyond the one around it')
  for (const child of children) requireDer(child, place)
}

export function fail(place: Place, problem: string): never {
  throw new Malformed([place.what], 0, problem, place.reference)
}

/** The octets of the element as they came, header included. */
export function rawOf(node: Der | undefined, place: Place): Uint8Array {
  return node === undefined ? fail(place, 'it ends too early') : node.valueBeforeDecodeView
}

const UNIVERSAL = 1
const CONTEXT = 3

export const isContext = (node: Der | undefined, tag: number): boolean =>
  node !== undefined && node.idBlock.tagClass === CONTEXT && node.idBlock.tagNumber === tag

/** The elements inside a constructed one, of any tag. */
export function inside(node: Der | undefined, place: Place): Der[] {
  if (!(node instanceof asn1.Constructed)) return fail(place, 'a constructed element was expected')
  return node.valueBlock.value as Der[]
}

export function sequence(node: Der | undefined, place: Place): Der[] {
  if (!(node instanceof asn1.Sequence)) return fail(place, 'a SEQUENCE was expected')
  return node.valueBlock.value as Der[]
}

export function setOf(node: Der | undefined, place: Place): Der[] {
  if (!(node instanceof asn1.Set)) return fail(place, 'a SET was expected')
  return node.valueBlock.value as Der[]
}

/** Dotted, e.g. `2.5.4.3`. */
export function oid(node: Der | undefined, place: Place): string {
  if (!(node instanceof asn1.ObjectIdentifier)) return fail(place, 'an OBJECT IDENTIFIER was expected')
  return node.valueBlock.toString()
}

/** The content octets of an INTEGER, two's complement. */
export function integerOctets(node: Der | undefined, place: Place): Uint8Array {
  if (!(node instanceof asn1.Integer) || node instanceof asn1.Enumerated) {
    return fail(place, 'an INTEGER was expected')
  }
  const octets = contentOf(node)
  if (octets.length === 0) fail(place, 'an INTEGER without octets')
  return octets
}

/** A whole number of at most four octets, not negative. */
export function smallInteger(node: Der | undefined, place: Place): number {
  const octets = integerOctets(node, place)
  if (octets.length > 4 || octets[0]! >= 0x80) fail(place, 'a number out of range')
  return octets.reduce((value, octet) => value * 256 + octet, 0)
}

export function boolean(node: Der | undefined, place: Place): boolean {
  if (!(node instanceof asn1.Boolean)) return fail(place, 'a BOOLEAN was expected')
  return node.valueBlock.value
}

/** In one piece: DER knows no other OCTET STRING. */
export function octetString(node: Der | undefined, place: Place): Uint8Array {
  if (!(node instanceof asn1.OctetString) || node.idBlock.isConstructed) {
    return fail(place, 'an OCTET STRING was expected')
  }
  return node.valueBlock.valueHexView
}

export interface Bits {
  readonly octets: Uint8Array
  readonly unused: number
}

export function bitString(node: Der | undefined, place: Place): Bits {
  if (!(node instanceof asn1.BitString) || node.idBlock.isConstructed) {
    return fail(place, 'a BIT STRING was expected')
  }
  return { octets: node.valueBlock.valueHexView, unused: node.valueBlock.unusedBits }
}

/** The octets of a BIT STRING that is a whole number of them. */
export function wholeBits(node: Der | undefined, place: Place): Uint8Array {
  const { octets, unused } = bitString(node, place)
  return unused === 0 ? octets : fail(place, `${unused} unused bits where whole octets were expected`)
}

/** The content of a primitive element with a context tag, e.g. of a GeneralName. */
export const contentOf = (node: Der): Uint8Array => {
  const header = node.idBlock.blockLength + node.lenBlock.blockLength
  return node.valueBeforeDecodeView.subarray(header)
}

/** Character strings of a name: the tags of DirectoryString and the older ones around it. RFC 5280 §4.1.2.4 */
const TEXT: Readonly<Record<number, (octets: Uint8Array) => string | undefined>> = {
  12: (octets) => decodeUtf8(octets),
  18: (octets) => latin1(octets), // NumericString
  19: (octets) => latin1(octets), // PrintableString
  20: (octets) => latin1(octets), // TeletexString: Latin-1 is what is meant in practice
  22: (octets) => latin1(octets), // IA5String
  26: (octets) => latin1(octets), // VisibleString
  28: (octets) => wide(octets, 4), // UniversalString
  30: (octets) => wide(octets, 2), // BMPString
}

/** The text of a character string; undefined for anything else. */
export function textOf(node: Der): string | undefined {
  if (node.idBlock.tagClass !== UNIVERSAL || node.idBlock.isConstructed) return undefined
  return TEXT[node.idBlock.tagNumber]?.(contentOf(node))
}

export const latin1 = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')

function decodeUtf8(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    return undefined
  }
}

function wide(octets: Uint8Array, size: 2 | 4): string | undefined {
  if (octets.length % size !== 0) return undefined
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  let text = ''
  for (let at = 0; at < octets.length; at += size) {
    const point = size === 2 ? view.getUint16(at) : view.getUint32(at)
    if (point > 0x10ffff) return undefined
    text += String.fromCodePoint(point)
  }
  return text
}

/** UTCTime to 2049 or GeneralizedTime, both to the second and in Zulu, as milliseconds of the wall clock. RFC 5280 §4.1.2.5 */
export function timeOf(node: Der | undefined, place: Place): number {
  const tag = node?.idBlock.tagClass === UNIVERSAL ? node.idBlock.tagNumber : 0
  if (node === undefined || (tag !== 23 && tag !== 24)) return fail(place, 'a time was expected')
  const text = latin1(contentOf(node))
  const digits = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text)
  if (digits === null || (digits[1]?.length === 4) !== (tag === 24)) {
    return fail(place, `"${printable(text)}" is not a time of this kind`)
  }
  const [first = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = digits.slice(1).map(Number)
  const year = tag === 24 ? first : first + (first < 50 ? 2000 : 1900)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  // A date that does not exist would have moved to one that does.
  if (
    date.getUTCMonth() !== month - 1 ||
    date.getUTCDate() !== day ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  ) {
    return fail(place, `"${text}" is no time`)
  }
  return date.getTime()
}

/** Text from a peer, fit for a line of a log: control characters and the like are shown as `\xNN`, at most 200 characters. */
export function printable(text: string): string {
  const cut = text.length > 200 ? `${text.slice(0, 200)}…` : text
  return cut.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (char) => `\\x${char.codePointAt(0)?.toString(16).padStart(2, '0')}`,
  )
}
