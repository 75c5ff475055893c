import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { IdType } from '../../iana/ikev1.ts'
import type { NatDPayload, NatOaPayload } from './payload.ts'

/** NAT Discovery payload, RFC 3947 §3.2; the drafts gave it another number. */
export function decodeNatD(r: Reader, draft: boolean): NatDPayload {
  if (r.left === 0) r.fail('HASH', 'empty')
  return { type: 'NATD', hash: r.rest(), ...(draft ? { draft } : {}) }
}

export const encodeNatD = (w: Writer, payload: NatDPayload): void => w.bytes(payload.hash)

/** NAT Original Address payload, RFC 3947 §5.2. */
export function decodeNatOa(r: Reader, draft: boolean): NatOaPayload {
  const at = r.offset
  const idType = r.u8('ID Type')
  const reserved = r.bytes(3, 'RESERVED')
  const wanted = idType === IdType.ID_IPV4_ADDR.id ? 4 : idType === IdType.ID_IPV6_ADDR.id ? 16 : undefined
  if (wanted === undefined) r.fail('ID Type', `${idType} is no address`, r.reference, at)
  if (r.left !== wanted) r.fail('Address', `${r.left} octets, ${wanted} wanted for ID type ${idType}`)
  return {
    type: 'NATOA',
    idType,
    address: r.rest(),
    ...(draft ? { draft } : {}),
    ...(reserved.some((octet) => octet !== 0) ? { bodyReserved: reserved } : {}),
  }
}

export function encodeNatOa(w: Writer, payload: NatOaPayload): void {
  w.u8(payload.idType)
  if (payload.bodyReserved === undefined) w.zeros(3)
  else w.bytes(payload.bodyReserved)
  w.bytes(payload.address)
}
