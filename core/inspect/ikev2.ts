import { attempt, Cursor } from './cursor.ts'
import { G, H, MESSAGE, PAYLOADS, UNKNOWN_PAYLOAD } from './fields/ikev2.ts'
import { readEncrypted } from './ikev2-encrypted.ts'
import { BODIES } from './ikev2-payloads.ts'
import { type Layer, Node, type RemarkKind, type Tree } from './tree.ts'

/** What the header of an IKEv2 message says, for whoever looks for keys or parts. */
export interface Ikev2Header {
  readonly initiatorSpi: Uint8Array
  readonly responderSpi: Uint8Array
  readonly exchange: number
  readonly initiator: boolean
  readonly response: boolean
  readonly messageId: number
}

/** An Encrypted payload opened. `ivBytes`, `icvBytes`: absent where the octets around are not told apart. */
export interface Ikev2Opened {
  /** Without padding. */
  readonly content: Uint8Array
  readonly ivBytes?: number
  readonly icvBytes?: number
  /** Left out: nobody has to ask, as we sealed or opened it ourselves. */
  readonly checked?: boolean
}

/** Where keys, or what was decrypted before, come from, and where parts of messages are kept. */
export interface Ikev2Help {
  /** What lies inside the Encrypted payload whose body (after generic header and fragment numbers) begins at `at`. */
  open(
    message: Uint8Array,
    header: Ikev2Header,
    at: number,
    end: number,
  ): Ikev2Opened | { readonly remark: RemarkKind; readonly text: string }
  /** Keeps a part; the whole when it was the last that lacked. RFC 7383 §2.6 */
  join(
    header: Ikev2Header,
    part: {
      readonly number: number
      readonly total: number
      readonly first: number
      readonly content: Uint8Array
    },
  ): { readonly first: number; readonly content: Uint8Array } | undefined
  /** The octets behind the headers travelled as fragments, each a message of its own, and are not missed here. */
  readonly headersOnly?: boolean
}

/** Without any keys. */
export const NO_HELP: Ikev2Help = {
  open: () => ({ remark: 'noKey', text: 'encrypted: without the keys of this IKE SA nobody can read it' }),
  join: () => undefined,
}

/** What is shared while one message is read. */
export interface Ikev2Reading {
  readonly layers: Layer[]
  readonly header: Ikev2Header
  readonly help: Ikev2Help
}

const SK = 46
const SKF = 53
/** Ours: nobody honest writes more payloads, and every one of them is a node. */
const MOST_PAYLOADS = 512

/** A message without non-ESP marker, taken apart as far as it can be read. Never throws for what it holds. `layers`: those of a tree it becomes a part of. RFC 7296 §3 */
export function dissectIkev2(bytes: Uint8Array, help: Ikev2Help = NO_HELP, layers: Layer[] = []): Tree {
  const layer = layers.push({ name: 'Message', bytes }) - 1
  const root = new Node(MESSAGE, layer, 0, bytes.length)
  const cursor = new Cursor(bytes, layer)
  attempt(() => {
    const { header, first, length } = readHeader(root, cursor)
    const body = new Cursor(bytes, layer, cursor.at, Math.max(cursor.at, Math.min(bytes.length, length)))
    readChain(root, body, first, { layers, header, help })
    if (length !== bytes.length && help.headersOnly !== true) {
      cursor.at = body.end
      root.remark(
        length > bytes.length ? 'tooShort' : 'trailing',
        `Length says ${length} octets, the datagram has ${bytes.length}`,
      )
      if (cursor.left > 0) cursor.octets(root, G.rest)
    }
  })
  return { layers, root }
}

function readHeader(root: Node, cursor: Cursor): { header: Ikev2Header; first: number; length: number } {
  const node = cursor.group(root, H.header, 28)
  const initiatorSpi = cursor.octets(node, H.initiatorSpi, 8)
  const responderSpi = cursor.octets(node, H.responderSpi, 8)
  const first = cursor.number(node, H.next, 1)
  cursor.number(node, H.version, 1)
  const exchange = cursor.number(node, H.exchange, 1)
  const flags = cursor.number(node, H.flags, 1)
  const initiator = (flags & 0x08) !== 0
  const response = (flags & 0x20) !== 0
  cursor.flag(node, H.initiator, initiator)
  cursor.flag(node, H.higherVersion, (flags & 0x10) !== 0)
  cursor.flag(node, H.response, response)
  const messageId = cursor.number(node, H.messageId, 4)
  const length = cursor.number(node, H.length, 4)
  return { header: { initiatorSpi, responderSpi, exchange, initiator, response, messageId }, first, length }
}

/** Follows the Next Payload fields; each step takes four octets or more, so it ends. RFC 7296 §3.2 */
export function readChain(parent: Node, cursor: Cursor, first: number, reading: Ikev2Reading): void {
  let number = first
  for (let count = 0; number !== 0; count++) {
    if (cursor.left === 0) {
      parent.remark('tooShort', `payload ${number} is announced, and nothing follows`)
      return
    }
    if (count === MOST_PAYLOADS) {
      parent.remark('tooMuch', `more than ${MOST_PAYLOADS} payloads`)
      return
    }
    const length = cursor.peek16(2)
    const field = PAYLOADS[number] ?? UNKNOWN_PAYLOAD
    const node = cursor.group(parent, field, Math.max(4, length), undefined, number)
    const encrypted = number === SK || number === SKF
    const next = cursor.peek()
    attempt(() => {
      cursor.number(node, encrypted ? G.nextInside : G.next, 1)
      const flags = cursor.peek()
      cursor.octets(node, G.reserved, 1)
      cursor.flag(node, G.critical, (flags & 0x80) !== 0)
      cursor.number(node, G.length, 2)
    })
    if (length < 4) {
      node.remark('badLength', `${length} octets, and the header alone has 4`)
      return
    }
    if (length - 4 > cursor.left && reading.help.headersOnly !== true) {
      node.remark('tooShort', `${length} octets announced, ${cursor.left + 4} there`)
    }
    const body = cursor.take(length - 4)
    attempt(() => {
      if (encrypted) readEncrypted(node, body, { number, next }, reading)
      else (BODIES[number] ?? readUnknown)(node, body, reading)
    })
    if (encrypted) return
    number = next
  }
  cursor.nothingLeft(parent, G.rest)
}

const readUnknown = (node: Node, body: Cursor): void => {
  if (body.left > 0) body.octets(node, G.body)
}
