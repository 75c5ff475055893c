import { addressText } from '../bytes/address.ts'
import { type Field, Node } from './tree.ts'

/** Thrown among dissectors when octets run out, after the remark was made; {@link attempt} catches it. */
const CUT = Symbol('cut')

/** Runs `read`; what runs out of octets ends there and is marked already. Answers whether it came to its end. */
export function attempt(read: () => void): boolean {
  try {
    read()
    return true
  } catch (thrown) {
    if (thrown === CUT) return false
    throw thrown
  }
}

const latin = new TextDecoder('latin1')
const strict = new TextDecoder('utf-8', { fatal: true })

/** Readable text of octets a peer sent: UTF-8 where it is, and nothing that could act on a terminal. */
export function plainText(bytes: Uint8Array): string {
  let found: string
  try {
    found = strict.decode(bytes)
  } catch {
    found = latin.decode(bytes)
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through
  return found.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '\ufffd')
}

/** Reads fields one after the other and hangs each into the tree with its place. */
export class Cursor {
  readonly bytes: Uint8Array
  /** Which layer of the tree `bytes` are. */
  readonly layer: number
  readonly end: number
  at: number

  constructor(bytes: Uint8Array, layer: number, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.layer = layer
    this.at = at
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  /** The octet `ahead` of here, 0 beyond the end. */
  peek(ahead = 0): number {
    return this.at + ahead < this.end ? this.bytes[this.at + ahead]! : 0
  }

  peek16(ahead = 0): number {
    return (this.peek(ahead) << 8) | this.peek(ahead + 1)
  }

  /** A number of 1 to 4 octets. */
  number(parent: Node, field: Field, octets: 1 | 2 | 3 | 4): number {
    this.want(parent, field, octets)
    let value = 0
    for (let i = 0; i < octets; i++) value = value * 256 + this.bytes[this.at + i]!
    parent.add(new Node(field, this.layer, this.at, octets, value))
    this.at += octets
    return value
  }

  /** Octets as they are: a view, not a copy. */
  octets(parent: Node, field: Field, count = this.left): Uint8Array {
    this.want(parent, field, count)
    const view = this.bytes.subarray(this.at, this.at + count)
    parent.add(new Node(field, this.layer, this.at, count, view))
    this.at += count
    return view
  }

  text(parent: Node, field: Field, count = this.left): string {
    this.want(parent, field, count)
    const words = plainText(this.bytes.subarray(this.at, this.at + count))
    parent.add(new Node(field, this.layer, this.at, count, words))
    this.at += count
    return words
  }

  /** 4 or 16 octets. */
  address(parent: Node, field: Field, count: number): string {
    this.want(parent, field, count)
    const words = addressText(this.bytes.subarray(this.at, this.at + count))
    parent.add(new Node(field, this.layer, this.at, count, words))
    this.at += count
    return words
  }

  /** A bit of the octet at `at`: by default the one read last. */
  flag(parent: Node, field: Field, set: boolean, at = this.at - 1): void {
    parent.add(new Node(field, this.layer, at, 1, set ? 1 : 0))
  }

  /** A node over the next `count` octets, which are not read yet. */
  group(parent: Node, field: Field, count = this.left, title?: string, value?: number): Node {
    return parent.add(new Node(field, this.layer, this.at, Math.min(count, this.left), value, title))
  }

  skip(count: number): void {
    this.at = Math.min(this.end, this.at + count)
  }

  /** A cursor over the next `count` octets (or what is left of them), which are passed over here. */
  take(count: number): Cursor {
    const start = this.at
    this.skip(count)
    return new Cursor(this.bytes, this.layer, start, this.at)
  }

  /** Marks octets that nothing explains. */
  nothingLeft(parent: Node, field: Field): void {
    if (this.left === 0) return
    parent.remark('trailing', `${this.left} octets more than it should have`)
    this.octets(parent, field)
  }

  /** A length that cannot be: where the next part begins is not known, so all that is left belongs to this one. */
  giveUp(node: Node, field: Field, words: string): void {
    node.remark('badLength', words)
    node.length = this.left
    this.octets(node, field)
  }

  want(parent: Node, field: Field, count: number): void {
    if (this.left >= count) return
    parent.remark('tooShort', `${field.name}: ${this.left} octets left, ${count} wanted`)
    if (this.left > 0) parent.add(new Node(field, this.layer, this.at, this.left, undefined))
    throw CUT
  }
}
