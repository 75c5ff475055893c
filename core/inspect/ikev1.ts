import { attempt, Cursor } from './cursor.ts'
import { G, H, MESSAGE, PAYLOADS, UNKNOWN_PAYLOAD } from './fields/ikev1.ts'
import { BODIES, readFragment } from './ikev1-payloads.ts'
import { type Layer, Node, type RemarkKind, type Tree } from './tree.ts'

/** What the header of an IKEv1 message says. */
export interface Ikev1Header {
  readonly initiatorCookie: Uint8Array
  readonly responderCookie: Uint8Array
  readonly exchange: number
  readonly encrypted: boolean
  readonly messageId: number
}

/** Where keys, or what was decrypted before, come from, and where parts of messages are kept. */
export interface Ikev1Help {
  /** What the octets from 28 on are. `check`: whether a plaintext can be right, for nothing else proves it. */
  open(
    message: Uint8Array,
    header: Ikev1Header,
    check: (plaintext: Uint8Array) => boolean,
  ): { readonly plaintext: Uint8Array } | { readonly remark: RemarkKind; readonly text: string }
  /** Keeps a fragment; the whole message when it was the last that lacked. */
  join(
    header: Ikev1Header,
    part: { readonly id: number; readonly number: number; readonly last: boolean; readonly data: Uint8Array },
  ): Uint8Array | undefined
}

export const NO_HELP: Ikev1Help = {
  open: () => ({ remark: 'noKey', text: 'encrypted: without the key of this ISAKMP SA nobody can read it' }),
  join: () => undefined,
}

export interface Ikev1Reading {
  readonly layers: Layer[]
  readonly header: Ikev1Header
  readonly help: Ikev1Help
  /** Fragments within fragments are nobody's. */
  readonly depth: number
}

const HEADER_BYTES = 28
const FRAGMENT = 132
/** Ours: nobody honest writes more payloads, and every one of them is a node. */
const MOST_PAYLOADS = 512
const NONE = 0

/** A message without non-ESP marker, taken apart as far as it can be read. Never throws for what it holds. `layers`: those of a tree it becomes a part of. RFC 2408 §3 */
export function dissectIkev1(bytes: Uint8Array, help: Ikev1Help = NO_HELP, layers: Layer[] = []): Tree {
  const layer = layers.push({ name: 'Message', bytes }) - 1
  const root = new Node(MESSAGE, layer, 0, bytes.length)
  readMessage(root, bytes, layer, { layers, help, depth: 0 })
  return { layers, root }
}

/** A whole message that is the layer `layer`, below `root`. */
export function readMessage(
  root: Node,
  bytes: Uint8Array,
  layer: number,
  reading: Omit<Ikev1Reading, 'header'>,
): void {
  const cursor = new Cursor(bytes, layer)
  attempt(() => {
    const { header, first, length } = readHeader(root, cursor)
    const end = Math.max(cursor.at, Math.min(bytes.length, length))
    const body = new Cursor(bytes, layer, cursor.at, end)
    if (header.encrypted && first !== FRAGMENT) readEncrypted(root, body, first, { ...reading, header })
    else readChain(root, body, first, { ...reading, header })
    if (length === bytes.length) return
    cursor.at = end
    root.remark(
      length > bytes.length ? 'tooShort' : 'trailing',
      `Length says ${length} octets, the datagram has ${bytes.length}`,
    )
    if (cursor.left > 0) cursor.octets(root, G.rest)
  })
}

function readHeader(root: Node, cursor: Cursor): { header: Ikev1Header; first: number; length: number } {
  const node = cursor.group(root, H.header, HEADER_BYTES)
  const initiatorCookie = cursor.octets(node, H.initiatorCookie, 8)
  const responderCookie = cursor.octets(node, H.responderCookie, 8)
  const first = cursor.number(node, H.next, 1)
  cursor.number(node, H.version, 1)
  const exchange = cursor.number(node, H.exchange, 1)
  const flags = cursor.number(node, H.flags, 1)
  const encrypted = (flags & 0x01) !== 0
  cursor.flag(node, H.encryption, encrypted)
  cursor.flag(node, H.commit, (flags & 0x02) !== 0)
  cursor.flag(node, H.authentication, (flags & 0x04) !== 0)
  const messageId = cursor.number(node, H.messageId, 4)
  const length = cursor.number(node, H.length, 4)
  return { header: { initiatorCookie, responderCookie, exchange, encrypted, messageId }, first, length }
}

function readEncrypted(root: Node, body: Cursor, first: number, reading: Ikev1Reading): void {
  const whole = body.bytes.subarray(0, body.end)
  const opened = reading.help.open(whole, reading.header, (plaintext) => isChain(plaintext, first))
  if (body.left > 0) body.octets(root, G.encrypted)
  if ('remark' in opened) {
    root.remark(opened.remark, opened.text)
    return
  }
  const layer = reading.layers.push({ name: 'Decrypted', bytes: opened.plaintext }) - 1
  const cursor = new Cursor(opened.plaintext, layer)
  readChain(cursor.group(root, G.decrypted), cursor, first, reading)
}

/** Whether octets follow the rules of a chain that begins with `first`: nonsense hardly ever does. */
export function isChain(bytes: Uint8Array, first: number): boolean {
  let at = 0
  let number = first
  while (number !== NONE) {
    if (at + 4 > bytes.length || PAYLOADS[number] === undefined || bytes[at + 1] !== 0) return false
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!
    if (length < 4 || at + length > bytes.length) return false
    number = bytes[at]!
    at += length
  }
  return true
}

/** Follows the Next Payload fields; each step takes four octets or more, so it ends. RFC 2408 §3.2 */
function readChain(parent: Node, cursor: Cursor, first: number, reading: Ikev1Reading): void {
  let number = first
  for (let count = 0; number !== NONE; count++) {
    if (cursor.left === 0) {
      parent.remark('tooShort', `payload ${number} is announced, and nothing follows`)
      return
    }
    if (count === MOST_PAYLOADS) {
      parent.remark('tooMuch', `more than ${MOST_PAYLOADS} payloads`)
      return
    }
    const length = cursor.peek16(2)
    const node = cursor.group(
      parent,
      PAYLOADS[number] ?? UNKNOWN_PAYLOAD,
      Math.max(4, length),
      undefined,
      number,
    )
    const next = cursor.peek()
    attempt(() => {
      cursor.number(node, G.next, 1)
      cursor.octets(node, G.reserved, 1)
      cursor.number(node, G.length, 2)
    })
    if (length < 4) {
      node.remark('badLength', `${length} octets, and the header alone has 4`)
      return
    }
    if (length - 4 > cursor.left)
      node.remark('tooShort', `${length} octets announced, ${cursor.left + 4} there`)
    const body = cursor.take(length - 4)
    attempt(() => {
      if (number === FRAGMENT) readFragment(node, body, reading)
      else (BODIES[number] ?? readUnknown)(node, body)
    })
    number = next
  }
  if (cursor.left > 0) cursor.octets(parent, parent.field === G.decrypted ? G.padding : G.rest)
}

const readUnknown = (node: Node, body: Cursor): void => {
  if (body.left > 0) body.octets(node, G.body)
}
