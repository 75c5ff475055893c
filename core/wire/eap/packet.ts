import type { Decoded } from '../../bytes/malformed.ts'
import { concat } from '../../bytes/octets.ts'
import type { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { EapCode, EapType } from '../../iana/eap.ts'
import { decoding } from './decoding.ts'

/** A method: the usual ones are of vendor 0, which is the IETF. RFC 3748 §5.7 */
export interface EapMethodNumber {
  readonly vendor: number
  readonly type: number
}

/** An EAP packet. RFC 3748 §4 */
export type EapPacket =
  | {
      readonly code: 'request' | 'response'
      readonly identifier: number
      readonly method: EapMethodNumber
      /** It came, or goes, in the long form of RFC 3748 §5.7. */
      readonly expanded: boolean
      /** Everything after the type. */
      readonly data: Uint8Array
    }
  | { readonly code: 'success' | 'failure'; readonly identifier: number }

export type EapRequest = Extract<EapPacket, { code: 'request' | 'response' }>

/** Octets of code, identifier, length and a type in its short form. */
export const EAP_HEADER_BYTES = 5
const RFC = 'RFC 3748'

/** A whole packet; the length must be that of the octets, because no lower layer pads here. RFC 3748 §4 */
export const decodeEapPacket = (bytes: Uint8Array): Decoded<EapPacket> =>
  decoding(bytes, 'EAP', `${RFC} §4`, readPacket)

function readPacket(r: Reader): EapPacket {
  const all = r.left
  const code = r.u8('Code')
  const identifier = r.u8('Identifier')
  const length = r.u16('Length')
  if (length !== all) r.fail('Length', `says ${length} octets, ${all} present`, `${RFC} §4`, 2)
  if (code === EapCode.Success.id || code === EapCode.Failure.id) {
    if (r.left > 0) r.fail('Length', `${r.left} octets after the header`, `${RFC} §4.2`)
    return { code: code === EapCode.Success.id ? 'success' : 'failure', identifier }
  }
  if (code !== EapCode.Request.id && code !== EapCode.Response.id) {
    r.fail('Code', `${code} is not a code of EAP`, `${RFC} §4`, 0)
  }
  const name = code === EapCode.Request.id ? 'request' : 'response'
  const type = r.u8('Type')
  if (type === 0) r.fail('Type', '0 is reserved', `${RFC} §6.2`, 4)
  if (type !== EapType.Expanded.id) {
    if (type === EapType['Legacy Nak'].id && name === 'request') {
      r.fail('Type', 'a Nak is never a request', `${RFC} §5.3.1`, 4)
    }
    return { code: name, identifier, method: { vendor: 0, type }, expanded: false, data: r.rest() }
  }
  const vendor = (r.u8('Vendor-Id') << 16) | r.u16('Vendor-Id')
  const vendorType = r.u32('Vendor-Type')
  return { code: name, identifier, method: { vendor, type: vendorType }, expanded: true, data: r.rest() }
}

/** The octets of a packet. Throws RangeError on more than 65535 of them. */
export function encodeEapPacket(packet: EapPacket): Uint8Array {
  const w = new Writer()
  w.u8(CODES[packet.code])
  w.u8(packet.identifier)
  w.u16(0)
  if (packet.code === 'request' || packet.code === 'response') {
    const { vendor, type } = packet.method
    if (packet.expanded) {
      w.u8(EapType.Expanded.id)
      w.u8(vendor >>> 16)
      w.u16(vendor & 0xffff)
      w.u32(type)
    } else w.u8(type)
    w.bytes(packet.data)
  }
  if (w.length > 0xffff) throw new RangeError(`an EAP packet has at most 65535 octets, not ${w.length}`)
  w.setU16(2, w.length)
  return w.finish()
}

const CODES = {
  request: EapCode.Request.id,
  response: EapCode.Response.id,
  success: EapCode.Success.id,
  failure: EapCode.Failure.id,
} as const

/** The answer "not this method": the types we want, none when there is none. RFC 3748 §5.3 */
export function encodeNak(request: EapRequest, wanted: readonly number[]): Uint8Array {
  const { identifier, expanded } = request
  const method = { vendor: 0, type: EapType['Legacy Nak'].id }
  const types = wanted.length === 0 ? [0] : wanted
  const entry = (type: number): Uint8Array =>
    Uint8Array.of(EapType.Expanded.id, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (type >>> shift) & 0xff))
  const data = expanded ? concat(...types.map(entry)) : Uint8Array.from(types)
  return encodeEapPacket({ code: 'response', identifier, method, expanded, data })
}

/** The methods a Nak asks for, of vendor 0 alone; entries that cannot be are passed over. RFC 3748 §5.3 */
export function decodeNak(nak: EapRequest): readonly number[] {
  if (!nak.expanded) return [...nak.data].filter((type) => type !== 0)
  const wanted: number[] = []
  for (let at = 0; at + 8 <= nak.data.length; at += 8) {
    const [form, ...rest] = nak.data.subarray(at, at + 8)
    const type = new DataView(nak.data.buffer, nak.data.byteOffset + at).getUint32(4)
    if (form === EapType.Expanded.id && rest.slice(0, 3).every((o) => o === 0) && type > 0) wanted.push(type)
  }
  return wanted
}
