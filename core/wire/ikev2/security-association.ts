import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { SecurityProtocol } from '../../iana/ikev2.ts'
import type { Proposal, SaPayload, Transform, TransformAttribute } from './payload.ts'
import { fitting } from './reserved.ts'

// The "last substructure" octets, RFC 7296 §3.3.1 and §3.3.2: the payload numbers these had in IKEv1.
const LAST = 0
const MORE_PROPOSALS = 2
const MORE_TRANSFORMS = 3
/** Set in an attribute type when the value stands in place of the length, RFC 7296 §3.3.5. */
const SHORT_FORM = 0x8000

/** Security Association payload, RFC 7296 §3.3. */
export function decodeSa(r: Reader): SaPayload {
  const proposals = decodeList(r, 'Proposal', MORE_PROPOSALS, 'RFC 7296 §3.3.1', decodeProposal)
  r.end()
  return { type: 'SA', proposals }
}

export function encodeSa(w: Writer, payload: SaPayload): void {
  encodeList(w, payload.proposals, MORE_PROPOSALS, encodeProposal)
}

function decodeProposal(r: Reader, reserved: number): Proposal {
  const number = r.u8('Proposal Num')
  const protocol = r.u8('Protocol ID')
  const spiSizeAt = r.offset
  const spiBytes = r.u8('SPI Size')
  if (!spiSizes(protocol, spiBytes)) {
    r.fail('SPI Size', `${spiBytes} octets do not fit protocol ${protocol}`, r.reference, spiSizeAt)
  }
  const countAt = r.offset
  const count = r.u8('Num Transforms')
  if (count === 0) r.fail('Num Transforms', 'a proposal has one transform or more', 'RFC 7296 §3.3', countAt)
  const spi = r.bytes(spiBytes, 'SPI')
  const transforms = decodeList(r, 'Transform', MORE_TRANSFORMS, 'RFC 7296 §3.3.2', decodeTransform)
  if (transforms.length !== count) {
    r.fail('Num Transforms', `${count} announced, ${transforms.length} present`, r.reference, countAt)
  }
  r.end()
  return { number, protocol, spi, transforms, ...(reserved === 0 ? {} : { reserved }) }
}

function encodeProposal(w: Writer, proposal: Proposal): void {
  w.u8(proposal.number)
  w.u8(proposal.protocol)
  w.u8(fitting(proposal.spi.length, 0xff, 'SPI Size'))
  w.u8(fitting(proposal.transforms.length, 0xff, 'Num Transforms'))
  w.bytes(proposal.spi)
  encodeList(w, proposal.transforms, MORE_TRANSFORMS, encodeTransform)
}

/** An IKE proposal has an SPI only when it rekeys, RFC 7296 §3.3.1. Of other protocols nothing is known. */
function spiSizes(protocol: number, bytes: number): boolean {
  if (protocol === SecurityProtocol.IKE.id) return bytes === 0 || bytes === 8
  if (protocol === SecurityProtocol.AH.id || protocol === SecurityProtocol.ESP.id) return bytes === 4
  return true
}

function decodeTransform(r: Reader, firstReserved: number): Transform {
  const type = r.u8('Transform Type')
  const reserved = (firstReserved << 8) | r.u8('RESERVED')
  const id = r.u16('Transform ID')
  const attributes: TransformAttribute[] = []
  while (r.left > 0) attributes.push(decodeAttribute(r))
  return { type, id, attributes, ...(reserved === 0 ? {} : { reserved }) }
}

function encodeTransform(w: Writer, transform: Transform): void {
  w.u8(transform.type)
  w.u8((transform.reserved ?? 0) & 0xff)
  w.u16(transform.id)
  for (const attribute of transform.attributes) encodeAttribute(w, attribute)
}

function decodeAttribute(r: Reader): TransformAttribute {
  const typeAndForm = r.u16('Attribute Type')
  const type = typeAndForm & ~SHORT_FORM
  if ((typeAndForm & SHORT_FORM) !== 0) return { type, value: r.u16('Attribute Value') }
  return { type, bytes: r.bytes(r.u16('Attribute Length'), 'Attribute Value') }
}

function encodeAttribute(w: Writer, attribute: TransformAttribute): void {
  if ('value' in attribute) {
    w.u16(attribute.type | SHORT_FORM)
    w.u16(attribute.value)
    return
  }
  w.u16(attribute.type)
  w.u16(fitting(attribute.bytes.length, 0xffff, 'Attribute Length'))
  w.bytes(attribute.bytes)
}

/** Proposals and transforms open alike: last or more, a reserved octet, their own length. */
function decodeList<T>(
  r: Reader,
  name: string,
  more: number,
  reference: string,
  decode: (r: Reader, reserved: number) => T,
): T[] {
  const items: T[] = []
  for (;;) {
    const field = `${name} ${items.length + 1}`
    const at = r.offset
    const last = r.u8(`${field} Last Substruc`)
    if (last !== LAST && last !== more) {
      r.fail(`${field} Last Substruc`, `${last} is neither ${LAST} nor ${more}`, reference, at)
    }
    const reserved = r.u8(`${field} RESERVED`)
    const length = r.u16(`${field} Length`)
    if (length < 8) r.fail(`${field} Length`, `${length} octets, at least 8 wanted`, reference, at + 2)
    items.push(decode(r.sub(length - 4, field, reference), reserved))
    if (last === LAST) return items
  }
}

function encodeList<T extends Proposal | Transform>(
  w: Writer,
  items: readonly T[],
  more: number,
  encode: (w: Writer, item: T) => void,
): void {
  items.forEach((item, index) => {
    const start = w.length
    w.u8(index === items.length - 1 ? LAST : more)
    w.u8(firstReserved(item))
    w.u16(0)
    encode(w, item)
    w.setU16(start + 2, fitting(w.length - start, 0xffff, 'Length'))
  })
}

const firstReserved = (item: Proposal | Transform): number =>
  'transforms' in item ? (item.reserved ?? 0) : (item.reserved ?? 0) >> 8
