import { nameOf } from '../iana/registry.ts'
import { readCertificate, readName } from './certificate.ts'
import { attempt, type Cursor, Cursor as Reader } from './cursor.ts'
import { G, SA, TRANSFORM_IDS } from './fields/ikev1.ts'
import { PHASE_1_ATTRIBUTES, PHASE_2_ATTRIBUTES } from './fields/ikev1-attributes.ts'
import {
  CERTIFICATE,
  CFG,
  CFG_VALUES,
  D,
  FRAGMENT,
  HASH,
  ID_DATA,
  ID_NAME,
  IDENTITY,
  KE,
  N,
  NAT,
  NONCE,
  SIGNATURE,
  VENDOR_ID,
} from './fields/ikev1-bodies.ts'
import { type Ikev1Reading, readMessage } from './ikev1.ts'
import { type Field, type Node, octets, wordsOf } from './tree.ts'
import { vendorOf } from './vendor-ids.ts'

type Body = (node: Node, body: Cursor) => void

const ISAKMP = 1
const UNKNOWN_TRANSFORM_ID: Field = octets(
  'Transform-Id',
  'RFC 2408 §3.6',
  'Of a protocol that is not known here.',
  'isakmp.trans.id',
)

const readSa: Body = (node, body) => {
  body.number(node, SA.doi, 4)
  body.octets(node, SA.situation, 4)
  readList(node, body, SA.proposal, (proposal, part) => {
    part.number(proposal, SA.last, 1)
    part.octets(proposal, G.reserved, 1)
    part.number(proposal, SA.proposalLength, 2)
    const number = part.number(proposal, SA.number, 1)
    const protocol = part.number(proposal, SA.protocol, 1)
    proposal.title = `Proposal ${number}, ${wordsOf(proposal.children.at(-1)!)}`
    const spiBytes = part.number(proposal, SA.spiSize, 1)
    const announced = part.number(proposal, SA.transforms, 1)
    if (spiBytes > 0) part.octets(proposal, SA.spi, spiBytes)
    const found = readList(proposal, part, SA.transform, (transform, rest) =>
      readTransform(transform, rest, protocol),
    )
    if (found !== announced) proposal.remark('badValue', `${announced} transforms announced, ${found} there`)
  })
  if (body.left > 0) body.octets(node, G.rest)
}

function readTransform(node: Node, part: Cursor, protocol: number): void {
  part.number(node, SA.lastTransform, 1)
  part.octets(node, G.reserved, 1)
  part.number(node, SA.transformLength, 2)
  const number = part.number(node, SA.transformNumber, 1)
  const id = TRANSFORM_IDS[protocol]
  if (id === undefined) part.octets(node, UNKNOWN_TRANSFORM_ID, 1)
  else part.number(node, id, 1)
  node.title = `Transform ${number}, ${wordsOf(node.children.at(-1)!)}`
  part.octets(node, G.reserved, 2)
  while (part.left > 0) readAttribute(node, part, protocol === ISAKMP)
}

function readAttribute(parent: Node, part: Cursor, phase1: boolean): void {
  const { names, values, other, ...frame } = phase1 ? PHASE_1_ATTRIBUTES : PHASE_2_ATTRIBUTES
  const short = (part.peek() & 0x80) !== 0
  const length = short ? 2 : part.peek16(2)
  const node = part.group(parent, SA.attribute, short ? 4 : 4 + length)
  const type = part.number(node, frame.type, 2) & 0x7fff
  node.children.at(-1)!.value = type
  if (!short) part.number(node, frame.length, 2)
  const field = values[type]
  if (field !== undefined && length >= 1 && length <= 4) part.number(node, field, length as 1 | 2 | 3 | 4)
  else part.octets(node, other, length)
  node.title = `${nameOf(names, type)}: ${wordsOf(node.children.at(-1)!)}`
}

/** Ours: a proposal with more is no proposal. */
const MOST_PARTS = 1024

function readList(
  parent: Node,
  body: Cursor,
  field: Field,
  read: (node: Node, part: Cursor) => void,
): number {
  for (let count = 1; count <= MOST_PARTS; count++) {
    if (body.left === 0) {
      if (count > 1) parent.remark('tooShort', `another ${field.name} is announced, and nothing follows`)
      return count - 1
    }
    const last = body.peek() === 0
    const length = body.peek16(2)
    const node = body.group(parent, field, length, undefined, field === SA.proposal ? 2 : 3)
    if (length < 8) {
      body.giveUp(node, G.rest, `${length} octets, at least 8 wanted`)
      return count
    }
    if (length > body.left) node.remark('tooShort', `${length} octets announced, ${body.left} there`)
    const part = body.take(length)
    attempt(() => read(node, part))
    if (last) return count
  }
  parent.remark('tooMuch', `more than ${MOST_PARTS} of them`)
  return MOST_PARTS
}

const DISTINGUISHED_NAME = 9
const readId: Body = (node, body) => {
  const type = body.number(node, IDENTITY.type, 1)
  body.number(node, IDENTITY.protocol, 1)
  body.number(node, IDENTITY.port, 2)
  const parts = ID_DATA[type]
  const wanted = parts?.reduce((sum, [, bytes]) => sum + bytes, 0)
  if (type === DISTINGUISHED_NAME) readName(node, body, ID_NAME)
  else if (parts === undefined) body.octets(node, IDENTITY.data)
  else if (wanted !== 0 && wanted !== body.left) {
    node.remark('badLength', `${body.left} octets, ${wanted} wanted`)
    body.octets(node, IDENTITY.data)
  } else for (const [field, bytes] of parts) readValue(node, body, field, bytes)
}

function readValue(node: Node, body: Cursor, field: Field, bytes: number): void {
  if (field.form === 'address') body.address(node, field, bytes)
  else if (field.form === 'text') body.text(node, field)
  else if (field.form === 'number') body.number(node, field, bytes as 2 | 4)
  else body.octets(node, field)
}

const X509_SIGNATURE = 4
const readCert: Body = (node, body) => {
  const encoding = body.number(node, CERTIFICATE.encoding, 1)
  if (encoding === X509_SIGNATURE) readCertificate(node, body, CERTIFICATE.data)
  else body.octets(node, CERTIFICATE.data)
}

const readCertReq: Body = (node, body) => {
  body.number(node, CERTIFICATE.requested, 1)
  if (body.left > 0) readName(node, body, CERTIFICATE.authority)
}

const R_U_THERE = 36136
const R_U_THERE_ACK = 36137
const readNotify: Body = (node, body) => {
  body.number(node, N.doi, 4)
  body.number(node, N.protocol, 1)
  const spiBytes = body.number(node, N.spiSize, 1)
  const type = body.number(node, N.type, 2)
  node.title = `Notify ${wordsOf(node.children.at(-1)!)}`
  if (spiBytes > 0) body.octets(node, N.spi, spiBytes)
  if (type === R_U_THERE && body.left === 4) body.number(node, N.ask, 4)
  else if (type === R_U_THERE_ACK && body.left === 4) body.number(node, N.answer, 4)
  else if (body.left > 0) body.octets(node, N.data)
}

const readDelete: Body = (node, body) => {
  body.number(node, D.doi, 4)
  body.number(node, D.protocol, 1)
  const spiBytes = body.number(node, D.spiSize, 1)
  const count = body.number(node, D.count, 2)
  if (spiBytes === 0 && count > 0) {
    node.remark('badValue', `${count} SPIs of no octets`)
    return
  }
  for (let i = 0; i < count; i++) body.octets(node, D.spi, spiBytes)
  body.nothingLeft(node, G.rest)
}

const readVendorId: Body = (node, body) => {
  const start = body.at
  const bytes = body.octets(node, VENDOR_ID.data)
  const name = vendorOf(bytes)
  if (name === undefined) return
  body.at = start
  body.text(node, VENDOR_ID.known)
  node.children.at(-1)!.value = name
  node.title = `Vendor ID ${name}`
}

const readAttributes: Body = (node, body) => {
  body.number(node, CFG.type, 1)
  body.octets(node, G.reserved, 1)
  body.number(node, CFG.identifier, 2)
  while (body.left > 0) {
    const short = (body.peek() & 0x80) !== 0
    const length = short ? 2 : body.peek16(2)
    const bytes = short ? 4 : 4 + length
    const attribute = body.group(node, CFG.attribute, bytes)
    const part = body.take(bytes)
    attempt(() => {
      const type = part.number(attribute, CFG.attributeType, 2) & 0x7fff
      // The highest bit is the form of the attribute, not of its number.
      attribute.children.at(-1)!.value = type
      attribute.title = wordsOf(attribute.children.at(-1)!)
      if (!short) part.number(attribute, CFG.length, 2)
      if (length > part.left) attribute.remark('tooShort', `${length} octets announced, ${part.left} there`)
      if (part.left === 0) return
      const [field, wanted] = CFG_VALUES[type] ?? [CFG.value, 0]
      if (wanted !== 0 && wanted !== part.left) part.octets(attribute, CFG.value)
      else readValue(attribute, part, field, wanted)
    })
  }
}

const readNatD: Body = (node, body) => {
  body.octets(node, NAT.hash)
}

const readNatOa: Body = (node, body) => {
  const type = body.number(node, NAT.type, 1)
  body.octets(node, G.reserved, 3)
  if (type === 1 && body.left === 4) body.address(node, NAT.ipv4, 4)
  else if (type === 5 && body.left === 16) body.address(node, NAT.ipv6, 16)
  else body.octets(node, NAT.other)
}

/** A part of a message, of Cisco and Microsoft: what it is a part of is read when all parts are there. */
export function readFragment(node: Node, body: Cursor, reading: Ikev1Reading): void {
  const id = body.number(node, FRAGMENT.id, 2)
  const number = body.number(node, FRAGMENT.number, 1)
  const last = (body.number(node, FRAGMENT.last, 1) & 1) !== 0
  const data = body.octets(node, FRAGMENT.data)
  if (number === 0 || reading.depth > 0) {
    node.remark('badValue', number === 0 ? 'fragments count from 1' : 'a fragment within a fragment')
    return
  }
  const whole = reading.help.join(reading.header, { id, number, last, data })
  if (whole === undefined) {
    node.remark('incomplete', `part ${number} of message ${id}`)
    return
  }
  const layer = reading.layers.push({ name: 'Message of all fragments', bytes: whole }) - 1
  const joined = new Reader(whole, layer).group(node, FRAGMENT.joined)
  readMessage(joined, whole, layer, { ...reading, depth: reading.depth + 1 })
}

/** How to read what stands inside a payload, by its number. */
export const BODIES: Readonly<Record<number, Body>> = {
  1: readSa,
  4: (node, body) => body.octets(node, KE),
  5: readId,
  6: readCert,
  7: readCertReq,
  8: (node, body) => body.octets(node, HASH),
  9: (node, body) => body.octets(node, SIGNATURE),
  10: (node, body) => body.octets(node, NONCE),
  11: readNotify,
  12: readDelete,
  13: readVendorId,
  14: readAttributes,
  20: readNatD,
  21: readNatOa,
  130: readNatD,
  131: readNatOa,
}
