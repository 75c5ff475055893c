import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import type { FragmentPayload } from './payload.ts'

/** Fragment payload of Cisco and Microsoft, [MS-IKEE] §2.2.3.1; the reading is what gateways send. */
export function decodeFragment(r: Reader): FragmentPayload {
  const id = r.u16('Fragment ID')
  const at = r.offset
  const number = r.u8('Fragment Number')
  const flags = r.u8('Flags')
  if (number === 0) r.fail('Fragment Number', 'fragments count from 1', r.reference, at)
  if (r.left === 0) r.fail('Fragment Data', 'empty')
  return { type: 'FRAGMENT', id, number, flags, data: r.rest() }
}

export function encodeFragment(w: Writer, payload: FragmentPayload): void {
  w.u16(payload.id)
  w.u8(payload.number)
  w.u8(payload.flags)
  w.bytes(payload.data)
}
