import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { PayloadNumber } from '../../iana/ikev2.ts'
import { nameOf } from '../../iana/registry.ts'
import {
  decodeAuth,
  decodeCert,
  decodeCertReq,
  decodeEap,
  decodeId,
  encodeAuth,
  encodeCert,
  encodeCertReq,
  encodeEap,
  encodeId,
} from './authentication.ts'
import { decodeCp, encodeCp } from './configuration.ts'
import { decodeSk, decodeSkf, encodeSk, encodeSkf } from './encrypted.ts'
import { decodeKe, decodeNonce, encodeKe, encodeNonce } from './key-exchange.ts'
import {
  decodeDelete,
  decodeNotify,
  decodeVendorId,
  encodeDelete,
  encodeNotify,
  encodeVendorId,
} from './notify.ts'
import type { Payload, PayloadType } from './payload.ts'
import { fitting } from './reserved.ts'
import { decodeSa, encodeSa } from './security-association.ts'
import { decodeTs, encodeTs } from './traffic-selectors.ts'

const CRITICAL = 0x80
const GENERIC_HEADER = 'RFC 7296 §3.2'
const NONE = PayloadNumber.NONE.id

type Known = Exclude<PayloadType, 'Unknown'>
type Typed<T extends PayloadType> = Payload & { readonly type: T }

interface Row<P extends Payload = Payload> {
  readonly reference: string
  /** `next`: what the generic header said comes next, which for SK and SKF is what lies inside. */
  decode(r: Reader, next: number): Payload
  encode(w: Writer, payload: P): void
}

const rows: { readonly [T in Known]: Row<Typed<T>> } = {
  SA: { reference: 'RFC 7296 §3.3', decode: decodeSa, encode: encodeSa },
  KE: { reference: 'RFC 7296 §3.4', decode: decodeKe, encode: encodeKe },
  IDi: { reference: 'RFC 7296 §3.5', decode: (r) => decodeId(r, 'IDi'), encode: encodeId },
  IDr: { reference: 'RFC 7296 §3.5', decode: (r) => decodeId(r, 'IDr'), encode: encodeId },
  CERT: { reference: 'RFC 7296 §3.6', decode: decodeCert, encode: encodeCert },
  CERTREQ: { reference: 'RFC 7296 §3.7', decode: decodeCertReq, encode: encodeCertReq },
  AUTH: { reference: 'RFC 7296 §3.8', decode: decodeAuth, encode: encodeAuth },
  Nonce: { reference: 'RFC 7296 §3.9', decode: decodeNonce, encode: encodeNonce },
  Notify: { reference: 'RFC 7296 §3.10', decode: decodeNotify, encode: encodeNotify },
  Delete: { reference: 'RFC 7296 §3.11', decode: decodeDelete, encode: encodeDelete },
  VendorID: { reference: 'RFC 7296 §3.12', decode: decodeVendorId, encode: encodeVendorId },
  TSi: { reference: 'RFC 7296 §3.13', decode: (r) => decodeTs(r, 'TSi'), encode: encodeTs },
  TSr: { reference: 'RFC 7296 §3.13', decode: (r) => decodeTs(r, 'TSr'), encode: encodeTs },
  SK: { reference: 'RFC 7296 §3.14', decode: decodeSk, encode: encodeSk },
  CP: { reference: 'RFC 7296 §3.15', decode: decodeCp, encode: encodeCp },
  EAP: { reference: 'RFC 7296 §3.16', decode: decodeEap, encode: encodeEap },
  SKF: { reference: 'RFC 7383 §2.5', decode: decodeSkf, encode: encodeSkf },
}

const rowsByNumber: ReadonlyMap<number, Row> = new Map(
  Object.entries(rows).map(([type, row]) => [PayloadNumber[type as Known].id, row]),
)

/** A message may end in an encrypted payload; what was inside one must not hold another. */
export type Where = 'message' | 'inside SK'

/**
 * Follows the chain of Next Payload fields to the end of the octets. It cannot loop: every step takes
 * at least the four octets of a generic header. RFC 7296 §3.2
 */
export function decodeChain(r: Reader, first: number, where: Where): Payload[] {
  const payloads: Payload[] = []
  let number = first
  while (number !== NONE) {
    const name = nameOf(PayloadNumber, number)
    const encrypted = number === PayloadNumber.SK.id || number === PayloadNumber.SKF.id
    if (encrypted && where === 'inside SK') {
      r.fail(name, 'an encrypted payload inside another', 'RFC 7296 §3.14')
    }
    const at = r.offset
    const next = r.u8(`${name} Next Payload`)
    const flags = r.u8(`${name} Critical`)
    const length = r.u16(`${name} Payload Length`)
    if (length < 4)
      r.fail(`${name} Payload Length`, `${length} octets, at least 4 wanted`, GENERIC_HEADER, at + 2)

    const row = rowsByNumber.get(number)
    const body = r.sub(length - 4, name, row?.reference ?? GENERIC_HEADER)
    const payload: Payload =
      row?.decode(body, next) ?? ({ type: 'Unknown', payload: number, body: body.rest() } as const)
    payloads.push({ ...payload, ...genericBits(flags) })
    if (encrypted) {
      if (r.left > 0) r.fail(name, 'is not the last payload', 'RFC 7296 §3.14')
      return payloads
    }
    number = next
  }
  r.end()
  return payloads
}

/** Absent when zero, so that hand-written and decoded payloads compare equal. */
function genericBits(flags: number): { critical?: true; reserved?: number } {
  const reserved = flags & ~CRITICAL
  return {
    ...((flags & CRITICAL) !== 0 ? { critical: true } : {}),
    ...(reserved !== 0 ? { reserved } : {}),
  }
}

export function encodeChain(w: Writer, payloads: readonly Payload[]): void {
  payloads.forEach((payload, index) => {
    const start = w.length
    w.u8(nextNumber(payload, payloads[index + 1]))
    w.u8((payload.critical ? CRITICAL : 0) | (payload.reserved ?? 0))
    w.u16(0)
    encodeBody(w, payload)
    w.setU16(start + 2, fitting(w.length - start, 0xffff, `${payload.type} Payload Length`))
  })
}

/** The number that announces a payload, 0 for none. */
export function numberOf(payload: Payload | undefined): number {
  if (payload === undefined) return NONE
  return payload.type === 'Unknown' ? payload.payload : PayloadNumber[payload.type].id
}

function nextNumber(payload: Payload, next: Payload | undefined): number {
  if (payload.type !== 'SK' && payload.type !== 'SKF') return numberOf(next)
  if (next !== undefined) throw new RangeError(`${payload.type} must be the last payload`)
  return payload.first
}

function encodeBody(w: Writer, payload: Payload): void {
  if (payload.type === 'Unknown') {
    w.bytes(payload.body)
    return
  }
  const row: Row = rows[payload.type]
  row.encode(w, payload)
}
