import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { IdType } from '../../iana/ikev1.ts'
import type { CertPayload, CertReqPayload, IdPayload } from './payload.ts'

/** Octets of the ID types whose length is fixed, RFC 2407 §4.6.2. Subnets are address and mask, in IPv6 too. */
const idBytes: ReadonlyMap<number, number> = new Map([
  [IdType.ID_IPV4_ADDR.id, 4],
  [IdType.ID_IPV4_ADDR_SUBNET.id, 8],
  [IdType.ID_IPV6_ADDR.id, 16],
  [IdType.ID_IPV6_ADDR_SUBNET.id, 32],
  [IdType.ID_IPV4_ADDR_RANGE.id, 8],
  [IdType.ID_IPV6_ADDR_RANGE.id, 32],
])

/** Identification payload, RFC 2407 §4.6.2. */
export function decodeId(r: Reader): IdPayload {
  const idType = r.u8('ID Type')
  const protocol = r.u8('Protocol ID')
  const port = r.u16('Port')
  const wanted = idBytes.get(idType)
  if (wanted !== undefined && r.left !== wanted)
    r.fail('Identification Data', `${r.left} octets, ${wanted} wanted for ID type ${idType}`)
  return { type: 'ID', idType, protocol, port, data: r.rest() }
}

export function encodeId(w: Writer, payload: IdPayload): void {
  w.u8(payload.idType)
  w.u8(payload.protocol)
  w.u16(payload.port)
  w.bytes(payload.data)
}

/** Certificate payload, RFC 2408 §3.9. */
export const decodeCert = (r: Reader): CertPayload => ({
  type: 'CERT',
  encoding: r.u8('Cert Encoding'),
  data: r.rest(),
})

export function encodeCert(w: Writer, payload: CertPayload): void {
  w.u8(payload.encoding)
  w.bytes(payload.data)
}

/** Certificate Request payload, RFC 2408 §3.10. */
export const decodeCertReq = (r: Reader): CertReqPayload => ({
  type: 'CERTREQ',
  encoding: r.u8('Cert. Type'),
  authority: r.rest(),
})

export function encodeCertReq(w: Writer, payload: CertReqPayload): void {
  w.u8(payload.encoding)
  w.bytes(payload.authority)
}
