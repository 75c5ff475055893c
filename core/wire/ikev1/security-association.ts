import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { Doi, PayloadNumber, SecurityProtocol, Situation } from '../../iana/ikev1.ts'
import { decodeAttributes, encodeAttributes } from './attribute.ts'
import { LIMITS } from './limits.ts'
import type { Proposal, SaPayload, Transform } from './payload.ts'

const LAST = PayloadNumber.NONE.id

/** Security Association payload, RFC 2408 §3.4 and RFC 2407 §4.6.1. */
export function decodeSa(r: Reader): SaPayload {
  const doi = r.u32('DOI')
  const situation = r.u32('Situation')
  // Of another DOI not even the form is known; labels would follow secrecy and integrity.
  if (doi !== Doi.IPSEC.id || situation !== Situation.IDENTITY_ONLY.id)
    return { type: 'SA', doi, situation, proposals: [], opaque: r.rest() }
  const budget = { transforms: LIMITS.transforms }
  const proposals = decodeList(
    r,
    'Proposal',
    PayloadNumber.PROPOSAL.id,
    'RFC 2408 §3.5',
    LIMITS.proposals,
    (body, reserved) => decodeProposal(body, reserved, budget),
  )
  r.end()
  return { type: 'SA', doi, situation, proposals }
}

export function encodeSa(w: Writer, payload: SaPayload): void {
  w.u32(payload.doi)
  w.u32(payload.situation)
  if (payload.opaque !== undefined) w.bytes(payload.opaque)
  else encodeList(w, payload.proposals, PayloadNumber.PROPOSAL.id, encodeProposal)
}

function decodeProposal(r: Reader, reserved: number, budget: { transforms: number }): Proposal {
  const number = r.u8('Proposal #')
  const protocol = r.u8('Protocol-Id')
  const sizeAt = r.offset
  const spiBytes = r.u8('SPI Size')
  if (!fits(protocol, spiBytes))
    r.fail('SPI Size', `${spiBytes} octets do not fit protocol ${protocol}`, r.reference, sizeAt)
  const countAt = r.offset
  const count = r.u8('# of Transforms')
  if (count === 0) r.fail('# of Transforms', 'a proposal has one transform or more', r.reference, countAt)
  const spi = r.bytes(spiBytes, 'SPI')
  const transforms = decodeList(
    r,
    'Transform',
    PayloadNumber.TRANSFORM.id,
    'RFC 2408 §3.6',
    budget.transforms,
    decodeTransform,
  )
  budget.transforms -= transforms.length
  if (transforms.length !== count)
    r.fail('# of Transforms', `${count} announced, ${transforms.length} present`, r.reference, countAt)
  r.end()
  return { number, protocol, spi, transforms, ...(reserved === 0 ? {} : { reserved }) }
}

/** RFC 2408 §3.5 lets ISAKMP carry any SPI and ignores it; an IPComp CPI may be widened to four octets, RFC 3173 §4. */
function fits(protocol: number, bytes: number): boolean {
  if (protocol === SecurityProtocol.ISAKMP.id) return bytes <= 16
  if (protocol === SecurityProtocol.AH.id || protocol === SecurityProtocol.ESP.id) return bytes === 4
  if (protocol === SecurityProtocol.IPCOMP.id) return bytes === 2 || bytes === 4
  return true
}

function encodeProposal(w: Writer, { number, protocol, spi, transforms }: Proposal): void {
  if (spi.length > 0xff || transforms.length > 0xff) throw new RangeError('a proposal that does not fit')
  w.u8(number)
  w.u8(protocol)
  w.u8(spi.length)
  w.u8(transforms.length)
  w.bytes(spi)
  encodeList(w, transforms, PayloadNumber.TRANSFORM.id, encodeTransform)
}

function decodeTransform(r: Reader, reserved: number): Transform {
  const number = r.u8('Transform #')
  const id = r.u8('Transform-Id')
  const reserved2 = r.u16('RESERVED2')
  return {
    number,
    id,
    attributes: decodeAttributes(r),
    ...(reserved === 0 ? {} : { reserved }),
    ...(reserved2 === 0 ? {} : { reserved2 }),
  }
}

function encodeTransform(w: Writer, transform: Transform): void {
  w.u8(transform.number)
  w.u8(transform.id)
  w.u16(transform.reserved2 ?? 0)
  encodeAttributes(w, transform.attributes)
}

/** Proposals and transforms are chained like payloads: more or last, a reserved octet, their own length. */
function decodeList<T>(
  r: Reader,
  name: string,
  more: number,
  reference: string,
  most: number,
  decode: (r: Reader, reserved: number) => T,
): T[] {
  const items: T[] = []
  for (;;) {
    const field = `${name} ${items.length + 1}`
    const at = r.offset
    if (items.length >= most) r.fail(field, 'more than anybody needs', reference, at)
    const next = r.u8(`${field} Next Payload`)
    if (next !== LAST && next !== more)
      r.fail(`${field} Next Payload`, `${next} is neither ${LAST} nor ${more}`, reference, at)
    const reserved = r.u8(`${field} RESERVED`)
    const length = r.u16(`${field} Payload Length`)
    if (length < 8)
      r.fail(`${field} Payload Length`, `${length} octets, at least 8 wanted`, reference, at + 2)
    items.push(decode(r.sub(length - 4, field, reference), reserved))
    if (next === LAST) return items
  }
}

function encodeList<T extends { readonly reserved?: number }>(
  w: Writer,
  items: readonly T[],
  more: number,
  encode: (w: Writer, item: T) => void,
): void {
  items.forEach((item, index) => {
    const start = w.length
    w.u8(index === items.length - 1 ? LAST : more)
    w.u8(item.reserved ?? 0)
    w.u16(0)
    encode(w, item)
    if (w.length - start > 0xffff) throw new RangeError('a proposal that does not fit')
    w.setU16(start + 2, w.length - start)
  })
}
