import { asNonce } from '../../bytes/brands.ts'
import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import type { KePayload, NoncePayload } from './payload.ts'
import { bodyReserved, decodeReserved, encodeReserved } from './reserved.ts'

/** Key Exchange payload, RFC 7296 §3.4. Whether the length fits the group is for the group to say. */
export function decodeKe(r: Reader): KePayload {
  const group = r.u16('Key Exchange Method')
  const reserved = decodeReserved(r, 2)
  if (r.left === 0) r.fail('Key Exchange Data', 'empty')
  return { type: 'KE', group, data: r.rest(), ...bodyReserved(reserved) }
}

export function encodeKe(w: Writer, payload: KePayload): void {
  w.u16(payload.group)
  encodeReserved(w, 2, payload.bodyReserved)
  w.bytes(payload.data)
}

/** Nonce payload, RFC 7296 §3.9. */
export function decodeNonce(r: Reader): NoncePayload {
  if (r.left < 16 || r.left > 256) r.fail('Nonce Data', `${r.left} octets, 16 … 256 wanted`)
  return { type: 'Nonce', nonce: asNonce(r.rest()) }
}

export function encodeNonce(w: Writer, payload: NoncePayload): void {
  w.bytes(payload.nonce)
}
