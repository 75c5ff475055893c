import type { Decoded } from '../../bytes/malformed.ts'
import { Writer } from '../../bytes/writer.ts'
import { decoding } from './decoding.ts'

/** What EAP-TLS, TTLS and PEAP have behind the type. RFC 5216 §3, RFC 5281 §9.1 */
export interface TlsFragment {
  /** S: the server begins. */
  readonly start: boolean
  /** M: more of this message follows. */
  readonly more: boolean
  /** Of TTLS or PEAP; 0 in EAP-TLS, where the bits are reserved. */
  readonly version: number
  /** L: octets of the whole message. */
  readonly length?: number
  readonly data: Uint8Array
}

const LENGTH = 0x80
const MORE = 0x40
const START = 0x20
const VERSION = 0x07

/** Nothing at all stands for an acknowledgement: some servers leave out the flags then. */
export const decodeTlsFragment = (data: Uint8Array): Decoded<TlsFragment> =>
  decoding(data, 'EAP-TLS', 'RFC 5216 §3', (r) => {
    if (r.left === 0) return { start: false, more: false, version: 0, data }
    const flags = r.u8('Flags')
    const bits = {
      start: (flags & START) !== 0,
      more: (flags & MORE) !== 0,
      version: flags & VERSION,
    }
    if ((flags & LENGTH) === 0) return { ...bits, data: r.rest() }
    const length = r.u32('TLS Message Length')
    if (length < r.left) r.fail('TLS Message Length', `says ${length} octets, ${r.left} present`)
    return { ...bits, length, data: r.rest() }
  })

export function encodeTlsFragment({ start, more, version, length, data }: TlsFragment): Uint8Array {
  const w = new Writer()
  w.u8((length === undefined ? 0 : LENGTH) | (more ? MORE : 0) | (start ? START : 0) | (version & VERSION))
  if (length !== undefined) w.u32(length)
  w.bytes(data)
  return w.finish()
}
