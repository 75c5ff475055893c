import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { IdType } from '../../iana/ikev2.ts'
import type { AuthPayload, CertPayload, CertReqPayload, EapPayload, IdPayload } from './payload.ts'
import { bodyReserved, decodeReserved, encodeReserved } from './reserved.ts'

/** Octets of the ID types whose length is fixed, RFC 7296 §3.5. */
const idBytes: ReadonlyMap<number, number> = new Map([
  [IdType.ID_IPV4_ADDR.id, 4],
  [IdType.ID_IPV6_ADDR.id, 16],
])

/** Identification payloads, RFC 7296 §3.5. */
export function decodeId(r: Reader, type: IdPayload['type']): IdPayload {
  const idType = r.u8('ID Type')
  const idReserved = decodeReserved(r, 3)
  const wanted = idBytes.get(idType)
  if (wanted !== undefined && r.left !== wanted) {
    r.fail('Identification Data', `${r.left} octets, ${wanted} wanted for ID type ${idType}`)
  }
  return { type, idType, data: r.rest(), ...(idReserved === undefined ? {} : { idReserved }) }
}

export function encodeId(w: Writer, payload: IdPayload): void {
  w.u8(payload.idType)
  encodeReserved(w, 3, payload.idReserved)
  w.bytes(payload.data)
}

/** Certificate payload, RFC 7296 §3.6. */
export const decodeCert = (r: Reader): CertPayload => ({
  type: 'CERT',
  encoding: r.u8('Cert Encoding'),
  data: r.rest(),
})

export function encodeCert(w: Writer, payload: CertPayload): void {
  w.u8(payload.encoding)
  w.bytes(payload.data)
}

/** Certificate Request payload, RFC 7296 §3.7. */
export const decodeCertReq = (r: Reader): CertReqPayload => ({
  type: 'CERTREQ',
  encoding: r.u8('Cert Encoding'),
  authorities: r.rest(),
})

export function encodeCertReq(w: Writer, payload: CertReqPayload): void {
  w.u8(payload.encoding)
  w.bytes(payload.authorities)
}

/** Authentication payload, RFC 7296 §3.8. */
export function decodeAuth(r: Reader): AuthPayload {
  const method = r.u8('Auth Method')
  const reserved = decodeReserved(r, 3)
  return { type: 'AUTH', method, data: r.rest(), ...bodyReserved(reserved) }
}

export function encodeAuth(w: Writer, payload: AuthPayload): void {
  w.u8(payload.method)
  encodeReserved(w, 3, payload.bodyReserved)
  w.bytes(payload.data)
}

/** EAP payload, RFC 7296 §3.16: the packet's own length must agree; what is in it is EAP's business. */
export function decodeEap(r: Reader): EapPayload {
  const at = r.offset
  const packet = r.bytes(r.left, 'EAP Message')
  if (packet.length < 4) r.fail('EAP Message', `${packet.length} octets, at least 4 wanted`, r.reference, at)
  const length = (packet[2]! << 8) | packet[3]!
  if (length !== packet.length) {
    r.fail('EAP Length', `says ${length} octets, ${packet.length} present`, r.reference, at + 2)
  }
  return { type: 'EAP', packet }
}

export function encodeEap(w: Writer, payload: EapPayload): void {
  w.bytes(payload.packet)
}
