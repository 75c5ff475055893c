import { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { PayloadNumber } from '../../iana/ikev1.ts'
import { nameOf } from '../../iana/registry.ts'
import { decodeAttributesPayload, encodeAttributesPayload } from './configuration.ts'
import { decodeFragment, encodeFragment } from './fragment.ts'
import { decodeCert, decodeCertReq, decodeId, encodeCert, encodeCertReq, encodeId } from './identity.ts'
import { decodeHash, decodeKe, decodeNonce, decodeSig, encodeData, encodeNonce } from './key-exchange.ts'
import { LIMITS } from './limits.ts'
import { decodeNatD, decodeNatOa, encodeNatD, encodeNatOa } from './nat-traversal.ts'
import {
  decodeDelete,
  decodeNotify,
  decodeVendorId,
  encodeDelete,
  encodeNotify,
  encodeVendorId,
} from './notify.ts'
import type { Payload, PayloadType } from './payload.ts'
import { decodeSa, encodeSa } from './security-association.ts'

const GENERIC_HEADER = 'RFC 2408 §3.2'
const GENERIC_BYTES = 4
const NONE = PayloadNumber.NONE.id

/** Payloads as they stood, with what hashes are made of. */
export interface Chain {
  readonly payloads: readonly Payload[]
  /** Each payload without its generic header: what the standard writes `SAi_b`. */
  readonly bodies: readonly Uint8Array[]
  /** Offset of the end of each payload from the start of the first. */
  readonly ends: readonly number[]
  /** What follows the last payload. */
  readonly padding: Uint8Array
}

interface Row<P extends Payload = Payload> {
  readonly reference: string
  decode(r: Reader): Payload
  encode(w: Writer, payload: P): void
}

type Known = Exclude<PayloadType, 'Unknown'>
const MODE_CFG = 'draft-dukes-ike-mode-cfg §3.2'

const rows: { readonly [T in Known]: Row<Payload & { readonly type: T }> } = {
  SA: { reference: 'RFC 2408 §3.4', decode: decodeSa, encode: encodeSa },
  KE: { reference: 'RFC 2408 §3.7', decode: decodeKe, encode: encodeData },
  ID: { reference: 'RFC 2407 §4.6.2', decode: decodeId, encode: encodeId },
  CERT: { reference: 'RFC 2408 §3.9', decode: decodeCert, encode: encodeCert },
  CERTREQ: { reference: 'RFC 2408 §3.10', decode: decodeCertReq, encode: encodeCertReq },
  HASH: { reference: 'RFC 2408 §3.11', decode: decodeHash, encode: encodeData },
  SIG: { reference: 'RFC 2408 §3.12', decode: decodeSig, encode: encodeData },
  Nonce: { reference: 'RFC 2408 §3.13', decode: decodeNonce, encode: encodeNonce },
  Notify: { reference: 'RFC 2408 §3.14', decode: decodeNotify, encode: encodeNotify },
  Delete: { reference: 'RFC 2408 §3.15', decode: decodeDelete, encode: encodeDelete },
  VendorID: { reference: 'RFC 2408 §3.16', decode: decodeVendorId, encode: encodeVendorId },
  ATTRIBUTES: { reference: MODE_CFG, decode: decodeAttributesPayload, encode: encodeAttributesPayload },
  NATD: { reference: 'RFC 3947 §3.2', decode: (r) => decodeNatD(r, false), encode: encodeNatD },
  NATOA: { reference: 'RFC 3947 §5.2', decode: (r) => decodeNatOa(r, false), encode: encodeNatOa },
  FRAGMENT: { reference: 'IKE fragmentation', decode: decodeFragment, encode: encodeFragment },
}

const rowsByNumber: ReadonlyMap<number, Pick<Row, 'reference' | 'decode'>> = new Map([
  ...Object.entries(rows).map(([type, row]) => [PayloadNumber[type as Known].id, row] as const),
  [PayloadNumber.NATD_DRAFT.id, { ...rows.NATD, decode: (r: Reader) => decodeNatD(r, true) }] as const,
  [PayloadNumber.NATOA_DRAFT.id, { ...rows.NATOA, decode: (r: Reader) => decodeNatOa(r, true) }] as const,
])

/**
 * Follows the chain of Next Payload fields to its end. It cannot loop: every step takes at least the four octets of
 * a generic header. RFC 2408 §3.2, §5.3
 */
export function decodeChain(r: Reader, first: number): Chain {
  const payloads: Payload[] = []
  const bodies: Uint8Array[] = []
  const ends: number[] = []
  const start = r.offset
  let number = first
  while (number !== NONE) {
    const name = nameOf(PayloadNumber, number)
    const at = r.offset
    if (payloads.length >= LIMITS.payloads) r.fail(name, 'more payloads than anybody needs', GENERIC_HEADER)
    const next = r.u8(`${name} Next Payload`)
    const reserved = r.u8(`${name} RESERVED`)
    const length = r.u16(`${name} Payload Length`)
    if (length < GENERIC_BYTES)
      r.fail(`${name} Payload Length`, `${length} octets, at least 4 wanted`, GENERIC_HEADER, at + 2)
    // They stand inside an SA and nowhere else.
    if (number === PayloadNumber.PROPOSAL.id || number === PayloadNumber.TRANSFORM.id)
      r.fail(name, 'outside an SA', 'RFC 2408 §3.5', at)
    const row = rowsByNumber.get(number)
    const bodyAt = r.offset
    const body = r.bytes(length - GENERIC_BYTES, name)
    const inside = new Reader(body, [...r.path, name], row?.reference ?? GENERIC_HEADER, bodyAt)
    const payload: Payload =
      row?.decode(inside) ?? ({ type: 'Unknown', payload: number, body: inside.rest() } as const)
    payloads.push(reserved === 0 ? payload : { ...payload, reserved })
    bodies.push(body)
    ends.push(r.offset - start)
    number = next
  }
  return { payloads, bodies, ends, padding: r.rest() }
}

export function encodeChain(w: Writer, payloads: readonly Payload[]): void {
  payloads.forEach((payload, index) => {
    const start = w.length
    w.u8(numberOf(payloads[index + 1]))
    w.u8(payload.reserved ?? 0)
    w.u16(0)
    writeBody(w, payload)
    if (w.length - start > 0xffff) throw new RangeError(`${payload.type}: longer than its length can say`)
    w.setU16(start + 2, w.length - start)
  })
}

/** Writes a payload without its generic header. */
export function writeBody(w: Writer, payload: Payload): void {
  if (payload.type === 'Unknown') return w.bytes(payload.body)
  const row: Row = rows[payload.type]
  row.encode(w, payload)
}

/** The number that announces a payload, 0 for none. */
export function numberOf(payload: Payload | undefined): number {
  if (payload === undefined) return NONE
  if (payload.type === 'Unknown') return payload.payload
  if (payload.type === 'NATD' && payload.draft) return PayloadNumber.NATD_DRAFT.id
  if (payload.type === 'NATOA' && payload.draft) return PayloadNumber.NATOA_DRAFT.id
  return PayloadNumber[payload.type].id
}
