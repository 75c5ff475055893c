import { invalid } from '../failure.ts'
import { LIMITS } from '../limits.ts'

/** A section of the settings format of strongSwan. */
export interface Section {
  readonly name: string
  readonly line: number
  readonly sections: Map<string, Section>
  readonly values: Map<string, ConfValue>
  /** Names of sections whose content comes first, as written behind `:`. */
  readonly inherits: readonly string[]
}

export interface ConfValue {
  readonly value: string
  readonly line: number
}

/** Gives the text of every file an include names. */
export type Include = (
  pattern: string,
  line: number,
) => readonly { readonly name: string; readonly text: string }[]

interface Token {
  readonly kind: 'word' | 'text' | '{' | '}' | '=' | ':' | ',' | 'newline'
  readonly text: string
  readonly line: number
}

/**
 * The settings format of swanctl.conf and strongswan.conf: nested sections, `#` comments, quoted values, `include`,
 * and `name : other, …` that inherits. A section named twice is one section; a key named twice has its last value.
 * Throws `VpnFailure` (`profileInvalid`).
 */
export function parseStrongswanConf(text: string, file: string, include: Include): Section {
  const root = newSection('', 1, [])
  new Parser(include).read(text, file, root, 0)
  resolveInheritance(root, file)
  return root
}

const newSection = (name: string, line: number, inherits: readonly string[]): Section => ({
  name,
  line,
  sections: new Map(),
  values: new Map(),
  inherits,
})

class Parser {
  readonly #include: Include
  #items = 0

  constructor(include: Include) {
    this.#include = include
  }

  read(text: string, file: string, root: Section, depth: number): void {
    const tokens = [...tokensOf(text, file)]
    const open: Section[] = [root]
    let at = 0
    const peek = (): Token | undefined => tokens[at]
    const skipNewlines = (): void => {
      while (tokens[at]?.kind === 'newline') at += 1
    }
    while (at < tokens.length) {
      const token = tokens[at] as Token
      at += 1
      const section = open.at(-1) as Section
      this.#count(file, token.line)
      if (token.kind === 'newline') continue
      if (token.kind === '}') {
        if (open.length === 1)
          throw invalid({ file, line: token.line }, 'a bracket is closed that was not opened')
        open.pop()
        continue
      }
      if (token.kind !== 'word') throw invalid({ file, line: token.line }, 'a name is expected')
      if (token.text === 'include' && (peek()?.kind === 'word' || peek()?.kind === 'text')) {
        const pattern = tokens[at] as Token
        at += 1
        if (depth > 8) throw invalid({ file, line: token.line }, 'files include each other too deeply')
        for (const other of this.#include(pattern.text, token.line)) {
          this.read(other.text, other.name, section, depth + 1)
        }
        continue
      }
      if (peek()?.kind === '=') {
        at += 1
        let value = ''
        while (
          peek()?.kind === 'word' ||
          peek()?.kind === 'text' ||
          peek()?.kind === ':' ||
          peek()?.kind === ','
        ) {
          value += (tokens[at] as Token).text
          at += 1
        }
        if (value.length > LIMITS.textLength)
          throw invalid({ file, line: token.line }, 'the value is too long')
        section.values.set(token.text, { value: value.trim(), line: token.line })
        continue
      }
      const inherits: string[] = []
      if (peek()?.kind === ':') {
        at += 1
        skipNewlines()
        while (peek()?.kind === 'word' || peek()?.kind === ',') {
          for (const name of (tokens[at] as Token).text.split(/[,\s]+/)) if (name !== '') inherits.push(name)
          at += 1
          skipNewlines()
        }
      }
      skipNewlines()
      if (peek()?.kind !== '{') {
        throw invalid({ file, line: token.line }, '"=" or "{" is expected behind the name')
      }
      at += 1
      if (open.length >= LIMITS.depth) throw invalid({ file, line: token.line }, 'it is nested too deeply')
      open.push(sectionIn(section, token, inherits))
    }
    if (open.length > 1) {
      throw invalid(
        { file, line: open.at(-1)?.line ?? 1 },
        `the section ${shown(open.at(-1)?.name ?? '')} is not closed`,
      )
    }
  }

  #count(file: string, line: number): void {
    this.#items += 1
    if (this.#items > LIMITS.items) throw invalid({ file, line }, 'it has too many parts')
  }
}

function sectionIn(parent: Section, token: Token, inherits: readonly string[]): Section {
  const there = parent.sections.get(token.text)
  const section = there === undefined ? newSection(token.text, token.line, inherits) : there
  if (there === undefined) parent.sections.set(token.text, section)
  return section
}

/** Names are shown in messages only where they look like names: what is in a wrong place may be a secret. */
const shown = (name: string): string => (/^[\w.%@-]{1,40}$/.test(name) ? name : 'the name')

function* tokensOf(text: string, file: string): Generator<Token> {
  let line = 1
  let at = 0
  let inValue = false
  while (at < text.length) {
    const mark = text[at] as string
    if (mark === '\n') {
      yield { kind: 'newline', text: '', line }
      line += 1
      at += 1
      inValue = false
    } else if (/\s/.test(mark)) {
      at += 1
    } else if (mark === '#') {
      const end = text.indexOf('\n', at)
      at = end === -1 ? text.length : end
    } else if (mark === '{' || mark === '}') {
      yield { kind: mark, text: mark, line }
      at += 1
      inValue = false
    } else if (mark === '=' && !inValue) {
      yield { kind: '=', text: mark, line }
      at += 1
      inValue = true
    } else if (mark === '"') {
      const from = line
      let value = ''
      for (at += 1; text[at] !== '"'; at += 1) {
        if (at >= text.length) throw invalid({ file, line: from }, 'a quotation mark is not closed')
        if (text[at] === '\n') line += 1
        if (text[at] === '\\') {
          at += 1
          value += ESCAPES[text[at] ?? ''] ?? text[at] ?? ''
        } else value += text[at]
      }
      at += 1
      yield { kind: 'text', text: value, line: from }
    } else if (!inValue && (mark === ':' || mark === ',')) {
      yield { kind: mark, text: mark, line }
      at += 1
    } else {
      // A value runs to the end of the line or to a bracket, blanks inside kept; a name ends at a mark.
      const stop = inValue ? /[\n#{}"]/g : /[\s#{}=:,"]/g
      stop.lastIndex = at
      const end = stop.exec(text)?.index ?? text.length
      const word = text.slice(at, end)
      yield { kind: 'word', text: inValue ? word.trimEnd() : word, line }
      at = end
    }
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', '\n': '' }

/** Copies into every section what it inherits; its own values win. References are names beside it or full paths. */
function resolveInheritance(root: Section, file: string): void {
  let copies = 0
  const fill = (section: Section, from: Section, depth: number): void => {
    if (depth > LIMITS.depth)
      throw invalid({ file, line: section.line }, 'sections inherit from each other too deeply')
    copies += from.values.size
    for (const [key, value] of from.values) if (!section.values.has(key)) section.values.set(key, value)
    for (const [name, inner] of from.sections) {
      copies += 1
      if (copies > LIMITS.items) throw invalid({ file, line: section.line }, 'it has too many parts')
      const own = section.sections.get(name)
      const target = own ?? newSection(name, section.line, [])
      if (own === undefined) section.sections.set(name, target)
      fill(target, inner, depth + 1)
    }
  }
  const done = new Set<Section>()
  const visit = (section: Section, parents: readonly Section[], busy: ReadonlySet<Section>): void => {
    if (done.has(section)) return
    if (busy.has(section))
      throw invalid({ file, line: section.line }, 'sections inherit from each other in a circle')
    const inside = new Set([...busy, section])
    for (const name of section.inherits) {
      const found = find(name, parents)
      if (found === undefined)
        throw invalid({ file, line: section.line }, `there is no section ${shown(name)} to inherit`)
      visit(found.section, found.parents, inside)
      fill(section, found.section, 0)
    }
    for (const child of [...section.sections.values()]) visit(child, [...parents, section], inside)
    done.add(section)
  }
  const find = (name: string, parents: readonly Section[]) => {
    for (let up = parents.length - 1; up >= 0; up -= 1) {
      let at: Section | undefined = parents[up]
      const way = parents.slice(0, up)
      for (const part of name.split('.')) {
        if (at === undefined) break
        way.push(at)
        at = at.sections.get(part)
      }
      if (at !== undefined) return { section: at, parents: way }
    }
    return undefined
  }
  visit(root, [], new Set())
}
