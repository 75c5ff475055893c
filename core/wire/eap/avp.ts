import type { Decoded } from '../../bytes/malformed.ts'
import type { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { decoding } from './decoding.ts'

/** An AVP inside TTLS, in the form of Diameter. RFC 5281 §10.1 */
export interface Avp {
  readonly code: number
  /** 0: the codes of RADIUS and Diameter. */
  readonly vendor: number
  /** M: who does not know it must not go on. */
  readonly mandatory: boolean
  readonly data: Uint8Array
}

const VENDOR = 0x80
const MANDATORY = 0x40

/** All AVPs of a message. The padding of the last one may be missing. */
export const decodeAvps = (data: Uint8Array): Decoded<readonly Avp[]> =>
  decoding(data, 'EAP-TTLS', 'RFC 5281 §10.1', (r) => {
    const avps: Avp[] = []
    while (r.left > 0) avps.push(decodeAvp(r))
    return avps
  })

function decodeAvp(r: Reader): Avp {
  const code = r.u32('AVP Code')
  const flags = r.u8('AVP Flags')
  const at = r.offset
  const length = (r.u8('AVP Length') << 16) | r.u16('AVP Length')
  const header = (flags & VENDOR) === 0 ? 8 : 12
  // The length counts the header, and not the padding.
  if (length < header) r.fail('AVP Length', `${length} octets, less than the header`, undefined, at)
  const vendor = header === 8 ? 0 : r.u32('Vendor-ID')
  const data = r.bytes(length - header, 'Data')
  r.bytes(Math.min(padding(length), r.left), 'Padding')
  return { code, vendor, mandatory: (flags & MANDATORY) !== 0, data }
}

export function encodeAvps(avps: readonly Avp[]): Uint8Array {
  const w = new Writer()
  for (const { code, vendor, mandatory, data } of avps) {
    const length = data.length + (vendor === 0 ? 8 : 12)
    w.u32(code)
    w.u8((vendor === 0 ? 0 : VENDOR) | (mandatory ? MANDATORY : 0))
    w.u8(length >>> 16)
    w.u16(length & 0xffff)
    if (vendor !== 0) w.u32(vendor)
    w.bytes(data)
    w.zeros(padding(length))
  }
  return w.finish()
}

const padding = (length: number): number => (4 - (length % 4)) % 4
