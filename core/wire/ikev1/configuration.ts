import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { decodeAttributes, encodeAttributes } from './attribute.ts'
import type { AttributesPayload } from './payload.ts'

/** Attributes payload of a transaction exchange, draft-dukes-ike-mode-cfg §3.2. */
export function decodeAttributesPayload(r: Reader): AttributesPayload {
  const cfgType = r.u8('Type')
  const bodyReserved = r.u8('RESERVED')
  const identifier = r.u16('Identifier')
  return {
    type: 'ATTRIBUTES',
    cfgType,
    identifier,
    attributes: decodeAttributes(r),
    ...(bodyReserved === 0 ? {} : { bodyReserved }),
  }
}

export function encodeAttributesPayload(w: Writer, payload: AttributesPayload): void {
  w.u8(payload.cfgType)
  w.u8(payload.bodyReserved ?? 0)
  w.u16(payload.identifier)
  encodeAttributes(w, payload.attributes)
}
