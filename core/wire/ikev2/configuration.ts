import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import type { ConfigurationAttribute, CpPayload } from './payload.ts'
import { bodyReserved, decodeReserved, encodeReserved, fitting } from './reserved.ts'

const RESERVED_BIT = 0x8000

/** Configuration payload, RFC 7296 §3.15. */
export function decodeCp(r: Reader): CpPayload {
  const cfgType = r.u8('CFG Type')
  const reserved = decodeReserved(r, 3)
  const attributes: ConfigurationAttribute[] = []
  while (r.left > 0) attributes.push(decodeAttribute(r, `Attribute ${attributes.length + 1}`))
  return { type: 'CP', cfgType, attributes, ...bodyReserved(reserved) }
}

export function encodeCp(w: Writer, payload: CpPayload): void {
  w.u8(payload.cfgType)
  encodeReserved(w, 3, payload.bodyReserved)
  for (const attribute of payload.attributes) {
    w.u16(attribute.type | (attribute.reservedBit ? RESERVED_BIT : 0))
    w.u16(fitting(attribute.value.length, 0xffff, 'Attribute Length'))
    w.bytes(attribute.value)
  }
}

function decodeAttribute(r: Reader, field: string): ConfigurationAttribute {
  const typeAndBit = r.u16(`${field} Type`)
  const value = r.bytes(r.u16(`${field} Length`), `${field} Value`)
  const type = typeAndBit & ~RESERVED_BIT
  return { type, value, ...((typeAndBit & RESERVED_BIT) !== 0 ? { reservedBit: true } : {}) }
}
