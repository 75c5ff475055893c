import { type Tree, titleOf, walk, wordsOf } from './tree.ts'
import type { FieldValue } from './wireshark.ts'

/** A message as a filter sees it. */
export interface Sight {
  /** By Wireshark's names. */
  readonly fields: Readonly<Record<string, FieldValue>>
  /** Everything a person can read of it, in lower case. Made when it is asked for. */
  words(): string
}

export type Filter =
  | {
      readonly ok: true
      matches(sight: Sight): boolean
      /** The fields it asks for, by Wireshark's names. */
      readonly fields: readonly string[]
    }
  | {
      readonly ok: false
      readonly problem: string
      /** Where in the text, from 0. */
      readonly at: number
    }

type Test = (sight: Sight) => boolean
interface Token {
  readonly kind: 'word' | 'text' | 'operator'
  readonly text: string
  readonly at: number
}

/** Ours: nobody writes a longer one by hand. */
const LONGEST = 500
const DEEPEST = 40

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(==|!=|>=|<=|&&|\|\||[()!<>{},])|([^\s()!<>={}",&|]+)|(\S))/y

/** Wireshark's English and its signs mean the same. */
const SIGNS: Readonly<Record<string, string>> = {
  eq: '==',
  ne: '!=',
  gt: '>',
  lt: '<',
  ge: '>=',
  le: '<=',
  and: '&&',
  or: '||',
  not: '!',
  contains: 'contains',
  in: 'in',
}
const FIELD = /^[a-z_][a-z0-9_]*(?:\.[a-z0-9_]+)*$/
const PROTOCOLS: ReadonlySet<string> = new Set(['isakmp', 'esp', 'ah', 'udp', 'ip', 'ipv6', 'eap', 'frame'])

/** It says by itself that it is an expression, and not words to look for. */
const looksLikeExpression = (text: string): boolean =>
  /[=<>(){}]|&&|\|\||^\s*!/.test(text) ||
  text.split(/\s+/).some((word) => /^[a-z_]+\.[a-z0-9_.]+$/.test(word))

/**
 * What is typed into the filter box: an expression in Wireshark's language, such as
 * `isakmp.exchangetype == 34 and not isakmp.flag_r`, or else words, each of which has to stand somewhere in the message.
 * A flag by itself means that it is set. Regular expressions (`matches`) and slices are not understood.
 */
export function parseFilter(text: string): Filter {
  if (text.length > LONGEST) return { ok: false, problem: `longer than ${LONGEST} characters`, at: LONGEST }
  if (looksLikeExpression(text) || PROTOCOLS.has(text.trim())) return new Parser(text).parse()
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return { ok: true, fields: [], matches: (sight) => words.every((word) => sight.words().includes(word)) }
}

class Misspelt {
  readonly problem: string
  readonly at: number
  constructor(problem: string, at: number) {
    this.problem = problem
    this.at = at
  }
}

class Parser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  readonly #fields = new Set<string>()
  #next = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
  }

  parse(): Filter {
    try {
      const matches = this.#either()
      const left = this.#tokens[this.#next]
      if (left !== undefined) throw new Misspelt(`“${left.text}” is not expected here`, left.at)
      return { ok: true, matches, fields: [...this.#fields] }
    } catch (problem) {
      if (problem instanceof Misspelt) return { ok: false, problem: problem.problem, at: problem.at }
      throw problem
    }
  }

  #either(): Test {
    let left = this.#both()
    while (this.#take('||')) left = or(left, this.#both())
    return left
  }

  #both(): Test {
    let left = this.#single()
    while (this.#take('&&')) left = and(left, this.#single())
    return left
  }

  #single(): Test {
    if (++this.#depth > DEEPEST) throw new Misspelt('too many parentheses', this.#at())
    try {
      if (this.#take('!')) {
        const inner = this.#single()
        return (sight) => !inner(sight)
      }
      if (this.#take('(')) {
        const inner = this.#either()
        this.#want(')')
        return inner
      }
      return this.#comparison()
    } finally {
      this.#depth -= 1
    }
  }

  #comparison(): Test {
    const name = this.#tokens[this.#next]
    if (name === undefined || name.kind !== 'word' || !FIELD.test(name.text))
      throw new Misspelt(
        name === undefined
          ? 'a field is expected at the end, such as isakmp.exchangetype'
          : `“${name.text}” is not the name of a field, such as isakmp.exchangetype`,
        this.#at(),
      )
    this.#next += 1
    if (this.#take('in')) return this.#oneOf(name.text)
    for (const [sign, holds] of COMPARISONS) {
      if (!this.#take(sign)) continue
      this.#fields.add(name.text)
      const value = this.#value()
      return ({ fields }) => holds(listOf(fields[name.text]), value)
    }
    if (PROTOCOLS.has(name.text))
      return ({ fields }) => Object.keys(fields).some((field) => field.startsWith(`${name.text}.`))
    this.#fields.add(name.text)
    return ({ fields }) => listOf(fields[name.text]).some(isSet)
  }

  #oneOf(name: string): Test {
    this.#fields.add(name)
    this.#want('{')
    const wanted: string[] = []
    while (!this.#take('}')) {
      wanted.push(this.#value())
      this.#take(',')
    }
    return ({ fields }) => listOf(fields[name]).some((value) => wanted.some((one) => same(value, one)))
  }

  #value(): string {
    const token = this.#tokens[this.#next]
    if (token === undefined || token.kind === 'operator')
      throw new Misspelt('a value is expected here, such as 34, 0x22 or "vpn.example"', this.#at())
    this.#next += 1
    return token.text
  }

  #take(sign: string): boolean {
    const token = this.#tokens[this.#next]
    const text = token?.kind === 'word' ? SIGNS[token.text] : token?.text
    if (token === undefined || token.kind === 'text' || text !== sign) return false
    this.#next += 1
    return true
  }

  #want(sign: string): void {
    if (!this.#take(sign)) throw new Misspelt(`“${sign}” is expected here`, this.#at())
  }

  #at(): number {
    return this.#tokens[this.#next]?.at ?? this.#text.length
  }
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (;;) {
    const match = TOKEN.exec(text)
    if (match === null) return tokens
    const [whole, quoted, operator, word, other] = match
    const at = match.index + whole.length - whole.trimStart().length
    if (quoted !== undefined)
      tokens.push({ kind: 'text', text: quoted.slice(1, -1).replace(/\\(.)/g, '$1'), at })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at })
    else tokens.push({ kind: 'operator', text: operator ?? other ?? '', at })
  }
}

const and =
  (a: Test, b: Test): Test =>
  (sight) =>
    a(sight) && b(sight)
const or =
  (a: Test, b: Test): Test =>
  (sight) =>
    a(sight) || b(sight)

const listOf = (value: FieldValue | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value

const isSet = (value: string): boolean => value !== '0' && value !== '0x0' && value !== '0x00'

const NUMBER = /^(?:0x[0-9a-f]+|\d+(?:\.\d+)?)$/i
const numberOf = (text: string): number | undefined => (NUMBER.test(text) ? Number(text) : undefined)

/** Octets may be written with or without something between them. */
const bare = (text: string): string => text.toLowerCase().replace(/^0x/, '').replace(/[:-]/g, '')

function same(value: string, wanted: string): boolean {
  const [a, b] = [numberOf(value), numberOf(wanted)]
  if (a !== undefined && b !== undefined && a === b) return true
  return value.toLowerCase() === wanted.toLowerCase() || (bare(value) === bare(wanted) && bare(wanted) !== '')
}

const ordered =
  (holds: (a: number, b: number) => boolean) =>
  (values: readonly string[], wanted: string): boolean => {
    const b = numberOf(wanted)
    return (
      b !== undefined &&
      values.some((value) => {
        const a = numberOf(value)
        return a !== undefined && holds(a, b)
      })
    )
  }

/** Of a field that stands there more than once, one has to fit; for `!=`, as in Wireshark since 4.0, all. */
const COMPARISONS: readonly (readonly [string, (values: readonly string[], wanted: string) => boolean])[] = [
  ['==', (values, wanted) => values.some((value) => same(value, wanted))],
  ['!=', (values, wanted) => values.length > 0 && !values.some((value) => same(value, wanted))],
  ['>=', ordered((a, b) => a >= b)],
  ['<=', ordered((a, b) => a <= b)],
  ['>', ordered((a, b) => a > b)],
  ['<', ordered((a, b) => a < b)],
  [
    'contains',
    (values, wanted) =>
      values.some(
        (value) => value.toLowerCase().includes(wanted.toLowerCase()) || bare(value).includes(bare(wanted)),
      ),
  ],
]

/** Everything there is to read in a tree, in lower case. Passwords are not there to be found. */
export function readable(tree: Tree): string {
  const parts: string[] = []
  for (const node of walk(tree.root)) {
    parts.push(titleOf(node), node.field.secret === true ? '' : wordsOf(node))
    for (const { text } of node.remarks) parts.push(text)
  }
  return parts.join('\n').toLowerCase()
}
