import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import type { HashPayload, KePayload, NoncePayload, SigPayload } from './payload.ts'

/** Key Exchange payload, RFC 2408 §3.7. Whether the length fits the group is for the group to say. */
export function decodeKe(r: Reader): KePayload {
  if (r.left === 0) r.fail('Key Exchange Data', 'empty')
  return { type: 'KE', data: r.rest() }
}

/** Nonce payload, RFC 2408 §3.13; its length is limited by RFC 2409 §5. */
export function decodeNonce(r: Reader): NoncePayload {
  if (r.left < 8 || r.left > 256) r.fail('Nonce Data', `${r.left} octets, 8 … 256 wanted`, 'RFC 2409 §5')
  return { type: 'Nonce', nonce: r.rest() }
}

/** Hash payload, RFC 2408 §3.11. Whether the length fits is for the negotiated hash to say. */
export function decodeHash(r: Reader): HashPayload {
  if (r.left === 0) r.fail('Hash Data', 'empty')
  return { type: 'HASH', data: r.rest() }
}

/** Signature payload, RFC 2408 §3.12. */
export function decodeSig(r: Reader): SigPayload {
  if (r.left === 0) r.fail('Signature Data', 'empty')
  return { type: 'SIG', data: r.rest() }
}

/** KE, HASH and SIG are octets and nothing else. */
export const encodeData = (w: Writer, payload: { readonly data: Uint8Array }): void => w.bytes(payload.data)

export const encodeNonce = (w: Writer, payload: NoncePayload): void => w.bytes(payload.nonce)
