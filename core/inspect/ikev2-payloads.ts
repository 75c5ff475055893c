import { nameOf } from '../iana/registry.ts'
import { readCertificate, readName } from './certificate.ts'
import { attempt, type Cursor } from './cursor.ts'
import { readEap } from './eap.ts'
import { readEncryptedDns } from './encrypted-dns.ts'
import { ATTRIBUTE_NAMES, G, KE, NONCE, OTHER_TRANSFORM_ID, SA, TRANSFORM_IDS } from './fields/ikev2.ts'
import {
  AUTH,
  CERTIFICATE,
  CFG,
  CFG_VALUES,
  D,
  ID_DATA,
  IDENTITY,
  N,
  NOTIFY_DATA,
  TS,
  VENDOR_ID,
} from './fields/ikev2-payloads.ts'
import type { Ikev2Reading } from './ikev2.ts'
import type { Node } from './tree.ts'
import { wordsOf } from './tree.ts'
import { vendorOf } from './vendor-ids.ts'

type Body = (node: Node, body: Cursor, reading: Ikev2Reading) => void

/** Ours: a proposal with more is no proposal. */
const MOST_PARTS = 1024

const readSa: Body = (node, body) => {
  readList(node, body, SA.proposal, (proposal, part) => {
    part.number(proposal, SA.last, 1)
    part.octets(proposal, G.reserved, 1)
    part.number(proposal, SA.proposalLength, 2)
    const number = part.number(proposal, SA.number, 1)
    proposal.title = `Proposal ${number}`
    part.number(proposal, SA.protocol, 1)
    const spiBytes = part.number(proposal, SA.spiSize, 1)
    const announced = part.number(proposal, SA.transforms, 1)
    if (spiBytes > 0) part.octets(proposal, SA.spi, spiBytes)
    const found = readList(proposal, part, SA.transform, readTransform)
    if (found !== announced) proposal.remark('badValue', `${announced} transforms announced, ${found} there`)
  })
  body.nothingLeft(node, G.rest)
}

function readTransform(transform: Node, part: Cursor): void {
  part.number(transform, SA.lastTransform, 1)
  part.octets(transform, G.reserved, 1)
  part.number(transform, SA.transformLength, 2)
  const type = part.number(transform, SA.type, 1)
  part.octets(transform, G.reserved, 1)
  part.number(transform, TRANSFORM_IDS[type] ?? OTHER_TRANSFORM_ID, 2)
  transform.title = `Transform ${wordsOf(transform.children.at(-1)!)}`
  while (part.left > 0) readAttribute(transform, part)
}

function readAttribute(transform: Node, part: Cursor): void {
  const short = (part.peek() & 0x80) !== 0
  const length = short ? 4 : 4 + part.peek16(2)
  const node = part.group(transform, SA.attribute, length)
  const type = part.number(node, SA.attributeType, 2) & 0x7fff
  node.children.at(-1)!.value = type
  node.title = nameOf(ATTRIBUTE_NAMES, type)
  if (!short) part.octets(node, SA.attributeValue, part.number(node, SA.attributeLength, 2))
  else if (type === ATTRIBUTE_NAMES.KEY_LENGTH.id) {
    transform.title += `, ${part.number(node, SA.keyLength, 2)} bits`
  } else part.octets(node, SA.attributeValue, 2)
}

/** Proposals and transforms open alike: last or more, a reserved octet, their own length. Answers how many there were. */
function readList(
  parent: Node,
  body: Cursor,
  field: typeof SA.proposal,
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

const readKe: Body = (node, body) => {
  body.number(node, KE.group, 2)
  body.octets(node, G.reserved, 2)
  body.octets(node, KE.data)
}

const readNonce: Body = (node, body) => {
  const bytes = body.left
  body.octets(node, NONCE)
  if (bytes < 16 || bytes > 256) node.remark('badValue', `${bytes} octets, 16 to 256 wanted (RFC 7296 §2.10)`)
}

const readId: Body = (node, body) => {
  const type = body.number(node, IDENTITY.type, 1)
  body.octets(node, G.reserved, 3)
  readIdData(node, body, type)
}

function readIdData(node: Node, body: Cursor, type: number): void {
  const known = ID_DATA[type]
  const wanted = type === 1 ? 4 : type === 5 ? 16 : undefined
  if (known === undefined || (wanted !== undefined && body.left !== wanted)) {
    if (wanted !== undefined) node.remark('badLength', `an address of ${body.left} octets, ${wanted} wanted`)
    body.octets(node, IDENTITY.data)
  } else if (known.read === 'address') body.address(node, known.field, body.left)
  else if (known.read === 'text') body.text(node, known.field)
  else if (known.read === 'name') readName(node, body, known.field)
  else body.octets(node, known.field)
}

const readCert: Body = (node, body) => {
  const encoding = body.number(node, CERTIFICATE.encoding, 1)
  if (encoding === 12 || encoding === 13) {
    body.octets(node, CERTIFICATE.hash, 20)
    body.text(node, CERTIFICATE.url)
  } else if (encoding === 4) readCertificate(node, body, CERTIFICATE.data)
  else body.octets(node, CERTIFICATE.data)
}

const readCertReq: Body = (node, body) => {
  body.number(node, CERTIFICATE.requested, 1)
  while (body.left > 0) body.octets(node, CERTIFICATE.authority, 20)
}

const DIGITAL_SIGNATURE = 14
const readAuth: Body = (node, body) => {
  const method = body.number(node, AUTH.method, 1)
  body.octets(node, G.reserved, 3)
  if (method !== DIGITAL_SIGNATURE) {
    body.octets(node, AUTH.data)
    return
  }
  const length = body.number(node, AUTH.algorithmLength, 1)
  body.octets(node, AUTH.algorithm, length)
  body.octets(node, AUTH.signature)
}

const readNotify: Body = (node, body) => {
  body.number(node, N.protocol, 1)
  const spiBytes = body.number(node, N.spiSize, 1)
  const type = body.number(node, N.type, 2)
  node.title = `Notify ${wordsOf(node.children.at(-1)!)}`
  if (spiBytes > 0) body.octets(node, N.spi, spiBytes)
  if (body.left > 0) (NOTIFY_BODIES[type] ?? readNotifyData)(node, body)
  if (body.left > 0) body.octets(node, N.data)
}

type Data = (node: Node, body: Cursor) => void
const readNotifyData: Data = (node, body) => {
  body.octets(node, N.data)
}
const readAddress =
  (bytes: number): Data =>
  (node, body) => {
    body.address(node, NOTIFY_DATA.address, bytes)
  }
/** Empty where it only says yes. RFC 8784 §3, RFC 9867 §3.1 */
function readPpk(node: Node, body: Cursor, confirmation: number): void {
  if (body.left === 0) return
  body.number(node, NOTIFY_DATA.ppkType, 1)
  body.octets(node, NOTIFY_DATA.ppkId, Math.max(0, body.left - confirmation))
  if (body.left > 0) body.octets(node, NOTIFY_DATA.ppkConfirmation)
}

const readGateway: Data = (node, body) => {
  const type = body.number(node, NOTIFY_DATA.gatewayType, 1)
  const length = body.number(node, NOTIFY_DATA.gatewayLength, 1)
  if ((type === 1 && length === 4) || (type === 2 && length === 16)) {
    body.address(node, NOTIFY_DATA.gateway, length)
  } else body.text(node, NOTIFY_DATA.gateway, length)
  if (body.left > 0) body.octets(node, NOTIFY_DATA.gatewayNonce)
}
/** Notification Data, by type. */
const NOTIFY_BODIES: Readonly<Record<number, Data>> = {
  17: (node, body) => body.number(node, NOTIFY_DATA.group, 2),
  16387: (node, body) => {
    body.number(node, NOTIFY_DATA.cpi, 2)
    body.number(node, NOTIFY_DATA.compression, 1)
  },
  16390: (node, body) => body.octets(node, NOTIFY_DATA.cookie),
  16397: readAddress(4),
  16398: readAddress(16),
  16403: (node, body) => body.number(node, NOTIFY_DATA.lifetime, 4),
  16407: readGateway,
  16408: readGateway,
  16409: (node, body) => {
    body.number(node, NOTIFY_DATA.ticketLifetime, 4)
    body.octets(node, NOTIFY_DATA.ticket)
  },
  16413: (node, body) => body.octets(node, NOTIFY_DATA.ticket),
  16419: (node, body) => body.octets(node, NOTIFY_DATA.token),
  16431: (node, body) => {
    while (body.left > 0) body.number(node, NOTIFY_DATA.hash, 2)
  },
  16436: (node, body) => readPpk(node, body, 0),
  16443: (node, body) => {
    while (body.left > 0) {
      const length = body.peek()
      const one = body.group(node, NOTIFY_DATA.method, length)
      if (length < 2) return body.giveUp(one, G.rest, `${length} octets, at least 2 wanted`)
      const part = body.take(length)
      part.number(one, NOTIFY_DATA.methodLength, 1)
      part.number(one, NOTIFY_DATA.authMethod, 1)
      if (part.left > 0) part.number(one, NOTIFY_DATA.certLink, 1)
      if (part.left > 0) part.octets(one, NOTIFY_DATA.algorithm)
    }
  },
  16446: (node, body) => readPpk(node, body, 8),
  16441: (node, body) => body.octets(node, NOTIFY_DATA.link),
}

const readDelete: Body = (node, body) => {
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

const readTs: Body = (node, body) => {
  const count = body.number(node, TS.count, 1)
  body.octets(node, G.reserved, 3)
  for (let i = 0; i < count; i++) {
    if (body.left === 0) {
      node.remark('badValue', `${count} selectors announced, ${i} there`)
      return
    }
    const length = body.peek16(2)
    const selector = body.group(node, TS.selector, length)
    if (length < 8) {
      body.giveUp(selector, G.rest, `${length} octets, at least 8 wanted`)
      return
    }
    const part = body.take(length)
    attempt(() => readSelector(selector, part))
  }
  body.nothingLeft(node, G.rest)
}

const IPV4_RANGE = 7
const IPV6_RANGE = 8
function readSelector(node: Node, part: Cursor): void {
  const type = part.number(node, TS.type, 1)
  const protocol = part.number(node, TS.protocol, 1)
  part.number(node, TS.length, 2)
  if (type !== IPV4_RANGE && type !== IPV6_RANGE) {
    part.octets(node, TS.other)
    return
  }
  const from = part.number(node, TS.startPort, 2)
  const to = part.number(node, TS.endPort, 2)
  const bytes = type === IPV4_RANGE ? 4 : 16
  const start = part.address(node, type === IPV4_RANGE ? TS.start4 : TS.start6, bytes)
  const end = part.address(node, type === IPV4_RANGE ? TS.end4 : TS.end6, bytes)
  const ports = from === 0 && to === 0xffff ? '' : `, ports ${from} to ${to}`
  node.value = `${start} to ${end}${protocol === 0 ? '' : `, protocol ${protocol}`}${ports}`
  part.nothingLeft(node, G.rest)
}

const readCp: Body = (node, body) => {
  body.number(node, CFG.type, 1)
  body.octets(node, G.reserved, 3)
  while (body.left > 0) {
    const length = body.peek16(2)
    const attribute = body.group(node, CFG.attribute, 4 + length)
    const part = body.take(4 + length)
    attempt(() => {
      const type = part.number(attribute, CFG.attributeType, 2) & 0x7fff
      attribute.title = wordsOf(attribute.children.at(-1)!)
      part.number(attribute, CFG.length, 2)
      if (length > part.left) attribute.remark('tooShort', `${length} octets announced, ${part.left} there`)
      readCfgValue(attribute, part, type)
    })
  }
}

function readCfgValue(node: Node, part: Cursor, type: number): void {
  const fields = CFG_VALUES[type]
  if (part.left === 0) return
  if (readEncryptedDns(node, part, type)) return
  const wanted = fields?.reduce((sum, [, bytes]) => sum + bytes, 0)
  if (fields === undefined || (wanted !== 0 && wanted !== part.left)) {
    part.octets(node, CFG.value)
    return
  }
  for (const [field, bytes] of fields) {
    if (field.form === 'address') part.address(node, field, bytes)
    else if (field.form === 'number') part.number(node, field, 1)
    else part.text(node, field)
  }
}

/** How to read what stands inside a payload, by its number. */
export const BODIES: Readonly<Record<number, Body>> = {
  33: readSa,
  34: readKe,
  35: readId,
  36: readId,
  37: readCert,
  38: readCertReq,
  39: readAuth,
  40: readNonce,
  41: readNotify,
  42: readDelete,
  43: readVendorId,
  44: readTs,
  45: readTs,
  47: readCp,
  48: (node, body) => readEap(node, body),
}
