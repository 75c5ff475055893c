import { addressText } from '../bytes/address.ts'
import { toHex } from '../bytes/octets.ts'
import { isRegistered, nameOf, type Registry } from '../iana/registry.ts'

/** How the value of a field is written. */
type Form = 'group' | 'number' | 'hex' | 'flag' | 'octets' | 'text' | 'address'

/** What there is to say about a field of a standard, whichever message it stands in. */
export interface Field {
  /** As the standard calls it. */
  readonly name: string
  /** One plain sentence. */
  readonly says: string
  readonly reference: string
  readonly form: Form
  /** What Wireshark calls it, where it knows it. */
  readonly wireshark?: string
  /** The registry its numbers are in. */
  readonly names?: Registry
  /** What single values mean: said instead of `says`. */
  readonly meanings?: Readonly<Record<number, string>>
  /** A password or its like: shown only to who asks for it on purpose. */
  readonly secret?: true
}

type Rest = Pick<Field, 'wireshark' | 'names' | 'meanings' | 'secret'>
const field =
  (form: Form) =>
  (name: string, reference: string, says: string, rest: Rest | string = {}): Field => ({
    name,
    reference,
    says,
    form,
    ...(typeof rest === 'string' ? { wireshark: rest } : rest),
  })

/** The makers of rows: name, section, sentence, and what Wireshark calls it. */
export const group = field('group')
export const number = field('number')
export const hex = field('hex')
export const flag = field('flag')
export const octets = field('octets')
export const text = field('text')
export const address = field('address')

/** What can be said of octets that are not as they should be, or could not be read. */
export type RemarkKind =
  /** Fewer octets are left than the field wants. */
  | 'tooShort'
  /** A length that cannot be. */
  | 'badLength'
  /** A value the standard does not allow here. */
  | 'badValue'
  /** Octets after the end. */
  | 'trailing'
  /** It would be deeper or longer than anybody honest writes. */
  | 'tooMuch'
  /** Encrypted, and no key is at hand. */
  | 'noKey'
  /** The key at hand does not fit: the integrity check fails, or nonsense comes out. */
  | 'wrongKey'
  /** Nobody here can do the algorithm. */
  | 'noAlgorithm'
  /** A part of something whose other parts did not come. */
  | 'incomplete'

export interface Remark {
  readonly kind: RemarkKind
  readonly text: string
}

/** Remarks that say the sender broke the rules, as against those that say what we could not do. */
const AGAINST_RULES: ReadonlySet<RemarkKind> = new Set(['tooShort', 'badLength', 'badValue', 'tooMuch'])
export const isMalformed = (remark: Remark): boolean => AGAINST_RULES.has(remark.kind)

export type Value = number | string | Uint8Array | undefined

/** Octets that nodes point into: the message itself, or what came out of decrypting or joining. */
export interface Layer {
  readonly name: string
  readonly bytes: Uint8Array
}

const NONE: readonly never[] = []

/** A part of a message: where it stands, what it is, and what it holds. Words are made when they are asked for. */
export class Node {
  readonly field: Field
  readonly layer: number
  readonly at: number
  length: number
  value: Value
  /** Said in front of or instead of the field's name, e.g. `Proposal 1`. */
  title: string | undefined
  #children: Node[] | undefined
  #remarks: Remark[] | undefined

  constructor(field: Field, layer: number, at: number, length: number, value?: Value, title?: string) {
    this.field = field
    this.layer = layer
    this.at = at
    this.length = length
    this.value = value
    this.title = title
  }

  get children(): readonly Node[] {
    return this.#children ?? NONE
  }

  get remarks(): readonly Remark[] {
    return this.#remarks ?? NONE
  }

  add(child: Node): Node {
    this.#children ??= []
    this.#children.push(child)
    return child
  }

  remark(kind: RemarkKind, words: string): void {
    this.#remarks ??= []
    this.#remarks.push({ kind, text: words })
  }
}

/** A message taken apart. `layers[0]` are the octets as they travelled. */
export interface Tree {
  readonly layers: readonly Layer[]
  readonly root: Node
}

/** Goes through `node` and all below it, parents first. */
export function* walk(node: Node): Generator<Node> {
  yield node
  for (const child of node.children) yield* walk(child)
}

/** Every remark below `node`, behind those of `found`. */
export function remarksOf(node: Node, found: Remark[] = []): readonly Remark[] {
  for (const remark of node.remarks) found.push(remark)
  for (const child of node.children) remarksOf(child, found)
  return found
}

/** The first node of this field below `node`. */
export function find(node: Node, wanted: Field): Node | undefined {
  if (node.field === wanted) return node
  for (const child of node.children) {
    const found = find(child, wanted)
    if (found !== undefined) return found
  }
  return undefined
}

/** What a person calls it. */
export const titleOf = (node: Node): string => node.title ?? node.field.name

/** Ours: who wants all octets looks at them. */
const LONGEST = 32

/** The value in the words of the standard; empty for a group without one. */
export function wordsOf({ field: { form, names }, value, length }: Node): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number') {
    if (form === 'flag') return value === 0 ? 'not set' : 'set'
    const digits = form === 'hex' ? hexNumber(value, length) : `${value}`
    return names === undefined ? digits : named(names, value, digits)
  }
  if (form === 'address' && (value.length === 4 || value.length === 16)) return addressText(value)
  if (value.length === 0) return 'empty'
  const shown = toHex(value.subarray(0, LONGEST))
  return value.length > LONGEST ? `${shown}… (${value.length} octets)` : shown
}

const named = (names: Registry, value: number, digits: string): string =>
  isRegistered(names, value) ? `${nameOf(names, value)} (${digits})` : `unknown (${digits})`

const hexNumber = (value: number, bytes: number): string => `0x${value.toString(16).padStart(bytes * 2, '0')}`

/** One plain sentence. */
export const sentenceOf = ({ field: { says, meanings }, value }: Node): string =>
  (typeof value === 'number' ? meanings?.[value] : undefined) ?? says

/** The section, and where the value has a document of its own, that one. */
export function referenceOf({ field: { reference, names }, value }: Node): string {
  if (names === undefined || typeof value !== 'number') return reference
  const row = Object.values(names).find(({ id }) => id === value)
  return row === undefined || reference.startsWith(row.reference)
    ? reference
    : `${reference}, ${row.reference}`
}

/** The value as Wireshark prints it: decimal or hexadecimal as its field is, octets without separators. */
export function wiresharkValue({ field: { form }, value, length }: Node): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number') return form === 'hex' ? hexNumber(value, length) : `${value}`
  return form === 'address' && (value.length === 4 || value.length === 16) ? addressText(value) : toHex(value)
}
