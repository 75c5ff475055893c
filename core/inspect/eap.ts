import { attempt, type Cursor } from './cursor.ts'
import { E, MSCHAP_FIELDS as M, SIM_FIELDS as S, TLS_FIELDS as T } from './fields/eap.ts'
import type { Node } from './tree.ts'
import { wordsOf } from './tree.ts'

type Method = (node: Node, body: Cursor, request: boolean) => void

/** An EAP packet that fills the cursor. RFC 3748 §4 */
export function readEap(parent: Node, body: Cursor): void {
  const node = body.group(parent, E.packet)
  const code = body.number(node, E.code, 1)
  body.number(node, E.id, 1)
  const length = body.number(node, E.length, 2)
  if (length !== node.length) node.remark('badLength', `Length says ${length} octets, ${node.length} there`)
  if (body.left === 0) return
  const type = body.number(node, E.type, 1)
  node.title = `EAP ${wordsOf(node.children.at(-1)!)}`
  attempt(() => (METHODS[type] ?? readData)(node, body, code === 1))
}

const readData: Method = (node, body) => {
  if (body.left > 0) body.octets(node, E.data)
}

const readNak: Method = (node, body) => {
  while (body.left > 0) body.number(node, E.wanted, 1)
}

const readMd5: Method = (node, body) => {
  body.octets(node, E.value, body.number(node, E.valueSize, 1))
  if (body.left > 0) body.text(node, E.name)
}

const readGtc: Method = (node, body, request) => {
  if (body.left > 0) body.text(node, request ? E.gtcAsk : E.gtcAnswer)
}

const CHALLENGE = 1
const RESPONSE = 2
const SUCCESS = 3
const FAILURE = 4
const readMsChap: Method = (node, body) => {
  const op = body.number(node, M.opCode, 1)
  if (body.left === 0) return
  body.number(node, M.id, 1)
  body.number(node, M.length, 2)
  if (op === CHALLENGE) {
    body.octets(node, M.challenge, body.number(node, M.valueSize, 1))
    body.text(node, M.name)
  } else if (op === RESPONSE) {
    body.number(node, M.valueSize, 1)
    body.octets(node, M.peerChallenge, 16)
    body.octets(node, M.reserved, 8)
    body.octets(node, M.response, 24)
    body.number(node, M.flags, 1)
    body.text(node, M.name)
  } else if (op === SUCCESS || op === FAILURE) body.text(node, M.message)
  else body.octets(node, M.data)
}

const HANDSHAKE = 22
const ALERT = 21
const readTls: Method = (node, body) => {
  const flags = body.number(node, T.flags, 1)
  const more = (flags & 0x40) !== 0
  body.flag(node, T.lengthIncluded, (flags & 0x80) !== 0)
  body.flag(node, T.moreFragments, more)
  body.flag(node, T.start, (flags & 0x20) !== 0)
  if ((flags & 0x80) !== 0) body.number(node, T.length, 4)
  // A record that goes on in the next packet is shown as far as it is here.
  while (body.left >= 5 && isRecord(body)) {
    const length = body.peek16(3)
    const record = body.group(node, T.record, 5 + length)
    const part = body.take(5 + length)
    const type = part.number(record, T.contentType, 1)
    part.number(record, T.version, 2)
    part.number(record, T.recordLength, 2)
    if (type === HANDSHAKE && part.left >= 4 && part.peek(1) === 0) {
      part.number(record, T.handshake, 1)
      record.title = `TLS ${wordsOf(record.children.at(-1)!)}`
    } else if (type === ALERT && part.left === 2) {
      part.skip(1)
      part.number(record, T.alert, 1)
    }
    if (part.left > 0) part.octets(record, T.payload)
  }
  if (body.left > 0) body.octets(node, T.data)
}

const isRecord = (body: Cursor): boolean =>
  body.peek() >= 20 && body.peek() <= 23 && body.peek(1) === 3 && body.peek(2) <= 4

const readSim: Method = (node, body) => {
  body.number(node, S.subtype, 1)
  body.octets(node, S.reserved, 2)
  while (body.left > 0) {
    const length = body.peek(1) * 4
    const attribute = body.group(node, S.attribute, length)
    if (length === 0) {
      body.giveUp(attribute, S.value, 'an attribute of no octets')
      return
    }
    const part = body.take(length)
    attempt(() => {
      part.number(attribute, S.type, 1)
      attribute.title = wordsOf(attribute.children.at(-1)!)
      part.number(attribute, S.length, 1)
      part.octets(attribute, S.value)
    })
  }
}

/** How to read what follows the type. */
const METHODS: Readonly<Record<number, Method>> = {
  1: (node, body) => body.left > 0 && body.text(node, E.identity),
  2: (node, body) => body.left > 0 && body.text(node, E.notification),
  3: readNak,
  4: readMd5,
  6: readGtc,
  13: readTls,
  18: readSim,
  21: readTls,
  23: readSim,
  25: readTls,
  26: readMsChap,
  50: readSim,
}
