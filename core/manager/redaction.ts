import { isIP } from 'node:net'
import type { ProblemReport } from '../contract/checks.ts'

/** Looks like an address, with or without the length of a prefix. What is none by `isIP` stays. */
const ADDRESS =
  /(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?:\/\d{1,3})?(?![\w.]*\w)/gi

/** Replaces what names somebody by words that stand for it: the same word for the same name. */
export class Redaction {
  readonly #words = new Map<string, string>()
  readonly #counts = new Map<string, number>()

  /** `value` may not be given away; it reads `kind-1`, `kind-2` … instead. */
  add(kind: string, value: string | undefined): void {
    const name = value?.trim()
    // One letter is no name, and would make a riddle of every line.
    if (name === undefined || name.length < 2 || this.#words.has(name.toLowerCase())) return
    if (isIP(name) !== 0) return
    const number = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, number)
    this.#words.set(name.toLowerCase(), `${kind}-${number}`)
  }

  apply(text: string): ProblemReport {
    const names = [...this.#words.keys()].sort((a, b) => b.length - a.length)
    const known = names.map((name) => `(?<![\\p{L}\\p{N}])${literal(name)}(?![\\p{L}\\p{N}])`)
    const pattern = new RegExp([...known, ADDRESS.source].join('|'), 'giu')
    const hidden: (readonly [number, number])[] = []
    let out = ''
    let last = 0
    for (const match of text.matchAll(pattern)) {
      const word = this.#wordFor(match[0])
      if (word === undefined) continue
      out += text.slice(last, match.index)
      hidden.push([out.length, out.length + word.length])
      out += word
      last = match.index + match[0].length
    }
    return { text: out + text.slice(last), hidden }
  }

  #wordFor(found: string): string | undefined {
    const known = this.#words.get(found.toLowerCase())
    if (known !== undefined) return known
    const [address = '', prefix] = found.split('/')
    if (isIP(address) === 0) return undefined
    const kind = prefix === undefined || prefix === '32' || prefix === '128' ? 'address' : 'net'
    const number = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, number)
    this.#words.set(found.toLowerCase(), `${kind}-${number}`)
    return `${kind}-${number}`
  }
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
