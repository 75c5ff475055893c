import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import type { SkfPayload, SkPayload } from './payload.ts'

/** Encrypted payload, RFC 7296 §3.14: opaque here. `first` stands in the generic header. */
export function decodeSk(r: Reader, first: number): SkPayload {
  const bodyOffset = r.offset
  return { type: 'SK', first, body: r.rest(), bodyOffset }
}

export function encodeSk(w: Writer, payload: SkPayload): void {
  w.bytes(payload.body)
}

/** Encrypted Fragment payload, RFC 7383 §2.5. */
export function decodeSkf(r: Reader, first: number): SkfPayload {
  const at = r.offset
  const fragment = r.u16('Fragment Number')
  const total = r.u16('Total Fragments')
  if (fragment === 0 || fragment > total) {
    r.fail('Fragment Number', `${fragment} of ${total}`, 'RFC 7383 §2.6', at)
  }
  const bodyOffset = r.offset
  return { type: 'SKF', first, fragment, total, body: r.rest(), bodyOffset }
}

export function encodeSkf(w: Writer, payload: SkfPayload): void {
  w.u16(payload.fragment)
  w.u16(payload.total)
  w.bytes(payload.body)
}
