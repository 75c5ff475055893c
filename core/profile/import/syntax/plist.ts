import { invalid } from '../failure.ts'
import { decodeText } from '../text.ts'
import { parseBinaryPlist } from './binary-plist.ts'
import { parseXml, type XmlElement } from './xml.ts'

/** What a property list can hold. */
export type PlistValue =
  | string
  | number
  | boolean
  | Date
  | Uint8Array
  | readonly PlistValue[]
  | { readonly [key: string]: PlistValue }

export type PlistDict = { readonly [key: string]: PlistValue }

/** A property list, XML or binary. Throws `VpnFailure` (`profileInvalid`). */
export function parsePlist(bytes: Uint8Array, file: string): PlistValue {
  if (Buffer.from(bytes.subarray(0, 6)).toString('latin1') === 'bplist') return parseBinaryPlist(bytes, file)
  const root = parseXml(decodeText(bytes, file), file)
  const [value, ...more] = root.children
  if (root.name !== 'plist' || value === undefined || more.length > 0) {
    throw invalid({ file }, 'a plist with one value is expected')
  }
  return readValue(value, file)
}

export const isDict = (value: unknown): value is PlistDict =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array) &&
  !(value instanceof Date)

function readValue(element: XmlElement, file: string): PlistValue {
  const at = { file, line: element.line }
  const words = element.text.trim()
  switch (element.name) {
    case 'dict':
      return dictOf(element, file)
    case 'array':
      return element.children.map((child) => readValue(child, file))
    case 'string':
      return element.text
    case 'integer':
      if (!/^[-+]?(\d{1,15}|0x[0-9a-f]{1,12})$/i.test(words)) throw invalid(at, 'a whole number is expected')
      return Number(words)
    case 'real': {
      const number = Number(words)
      if (words === '' || Number.isNaN(number)) throw invalid(at, 'a number is expected')
      return number
    }
    case 'true':
      return true
    case 'false':
      return false
    case 'date': {
      const date = new Date(words)
      if (Number.isNaN(date.getTime())) throw invalid(at, 'a date such as 2030-01-31T12:00:00Z is expected')
      return date
    }
    case 'data': {
      const packed = words.replace(/\s+/g, '')
      if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) {
        throw invalid(at, 'Base64 is expected')
      }
      return new Uint8Array(Buffer.from(packed, 'base64'))
    }
    default:
      throw invalid(at, `a plist has no <${element.name.slice(0, 40)}>`)
  }
}

function dictOf(element: XmlElement, file: string): PlistDict {
  const dict: Record<string, PlistValue> = Object.create(null)
  const { children } = element
  for (let at = 0; at < children.length; at += 2) {
    const key = children[at]
    const value = children[at + 1]
    if (key?.name !== 'key') throw invalid({ file, line: key?.line ?? element.line }, 'a <key> is expected')
    if (value === undefined || value.name === 'key') {
      throw invalid({ file, field: key.text, line: key.line }, 'a value is expected behind this key')
    }
    if (key.text in dict) throw invalid({ file, field: key.text, line: key.line }, 'this key stands twice')
    dict[key.text] = readValue(value, file)
  }
  return dict
}
