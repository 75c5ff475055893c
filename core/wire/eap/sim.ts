import type { Decoded } from '../../bytes/malformed.ts'
import type { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { SimAttribute as AT } from '../../iana/eap-sim.ts'
import { isRegistered, nameOf } from '../../iana/registry.ts'
import { decoding } from './decoding.ts'

/** One attribute of EAP-SIM, EAP-AKA or EAP-AKA'. RFC 4186 §8.1 */
export interface Attribute {
  readonly type: number
  /** Everything behind type and length: two octets and a multiple of four. */
  readonly value: Uint8Array
  /** Where the value begins in what was decoded. */
  readonly at: number
}

export interface SimMessage {
  readonly subtype: number
  readonly attributes: readonly Attribute[]
}

export type AttributeName = keyof typeof AT

const REFERENCE = 'RFC 4186 §8.1'
/** What cannot be skipped, and may not be unknown. */
const FIRST_SKIPPABLE = 128

/** Lengths in units of four octets, where there is but one or a few. */
const UNITS: ReadonlyMap<number, readonly number[]> = new Map([
  [AT.AT_AUTN.id, [5]],
  [AT.AT_AUTS.id, [4]],
  [AT.AT_PADDING.id, [1, 2, 3, 4]],
  [AT.AT_NONCE_MT.id, [5]],
  [AT.AT_PERMANENT_ID_REQ.id, [1]],
  [AT.AT_MAC.id, [5]],
  [AT.AT_NOTIFICATION.id, [1]],
  [AT.AT_ANY_ID_REQ.id, [1]],
  [AT.AT_SELECTED_VERSION.id, [1]],
  [AT.AT_FULLAUTH_ID_REQ.id, [1]],
  [AT.AT_COUNTER.id, [1]],
  [AT.AT_COUNTER_TOO_SMALL.id, [1]],
  [AT.AT_NONCE_S.id, [5]],
  [AT.AT_CLIENT_ERROR_CODE.id, [1]],
  [AT.AT_KDF.id, [1]],
  [AT.AT_IV.id, [5]],
  [AT.AT_CHECKCODE.id, [1, 6, 9]],
  [AT.AT_RESULT_IND.id, [1]],
  [AT.AT_BIDDING.id, [1]],
])

/** What stands behind the type of the packet. */
export const decodeSimMessage = (data: Uint8Array): Decoded<SimMessage> =>
  decoding(data, 'EAP-SIM/AKA', REFERENCE, (r) => {
    const subtype = r.u8('Subtype')
    r.u16('Reserved')
    return { subtype, attributes: readAttributes(r) }
  })

/** What was inside AT_ENCR_DATA. */
export const decodeSimAttributes = (data: Uint8Array): Decoded<readonly Attribute[]> =>
  decoding(data, 'AT_ENCR_DATA', 'RFC 4186 §10.12', readAttributes)

function readAttributes(r: Reader): readonly Attribute[] {
  const attributes: Attribute[] = []
  while (r.left > 0) {
    const attribute = readAttribute(r)
    // AT_KDF alone may come more than once. RFC 9048 §3.2
    const again = attribute.type !== AT.AT_KDF.id && attributes.some(({ type }) => type === attribute.type)
    if (again) r.fail(nameOf(AT, attribute.type), 'it comes twice')
    attributes.push(attribute)
  }
  return attributes
}

function readAttribute(r: Reader): Attribute {
  const begin = r.offset
  const type = r.u8('Attribute Type')
  const units = r.u8('Attribute Length')
  if (units === 0) r.fail('Attribute Length', '0 octets', REFERENCE, begin + 1)
  if (type < FIRST_SKIPPABLE && !isRegistered(AT, type))
    r.fail('Attribute Type', `${type} may not be skipped, and is unknown`, REFERENCE, begin)
  const fitting = UNITS.get(type)
  if (fitting !== undefined && !fitting.includes(units))
    r.fail(nameOf(AT, type), `${units * 4} octets`, REFERENCE, begin + 1)
  const at = r.offset
  return { type, value: r.bytes(units * 4 - 2, nameOf(AT, type)), at }
}

/** An attribute to be sent: `value` is padded with zeros. */
export interface NewAttribute {
  readonly name: AttributeName
  readonly value: Uint8Array
}

export function encodeSimAttributes(attributes: readonly NewAttribute[]): Uint8Array {
  const w = new Writer()
  for (const { name, value } of attributes) {
    const units = Math.ceil((value.length + 2) / 4)
    w.u8(AT[name].id)
    w.u8(units)
    w.bytes(value)
    w.zeros(units * 4 - 2 - value.length)
  }
  return w.finish()
}

export function encodeSimMessage(subtype: number, attributes: readonly NewAttribute[]): Uint8Array {
  const w = new Writer()
  w.u8(subtype)
  w.u16(0)
  w.bytes(encodeSimAttributes(attributes))
  return w.finish()
}

export const find = (attributes: readonly Attribute[], name: AttributeName): Attribute | undefined =>
  attributes.find(({ type }) => type === AT[name].id)

/** What follows the two reserved octets. */
export const body = ({ value }: Attribute): Uint8Array => value.subarray(2)

/** The number in the first two octets: a code, a counter, a length. */
export const number = ({ value }: Attribute): number => (value[0]! << 8) | value[1]!

/** What is as long as the first two octets say; `undefined` where they say too much. */
export function counted(attribute: Attribute): Uint8Array | undefined {
  const length = number(attribute)
  return length <= attribute.value.length - 2 ? attribute.value.subarray(2, 2 + length) : undefined
}

/** `value` behind two reserved octets. */
export const reserved = (name: AttributeName, value: Uint8Array): NewAttribute => ({
  name,
  value: Uint8Array.of(0, 0, ...value),
})

/** `value` behind its length in octets, or in bits. */
export const withLength = (name: AttributeName, value: Uint8Array, inBits = false): NewAttribute => {
  const length = inBits ? value.length * 8 : value.length
  return { name, value: Uint8Array.of(length >> 8, length & 0xff, ...value) }
}

export const withNumber = (name: AttributeName, value: number): NewAttribute => ({
  name,
  value: Uint8Array.of(value >> 8, value & 0xff),
})
