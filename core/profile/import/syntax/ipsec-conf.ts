import { invalid } from '../failure.ts'
import { LIMITS } from '../limits.ts'
import type { ConfValue, Include } from './strongswan-conf.ts'

/** A `conn` of ipsec.conf with everything it takes from `%default` and by `also=`. */
export interface Conn {
  readonly name: string
  readonly line: number
  readonly values: ReadonlyMap<string, ConfValue>
}

interface Raw {
  readonly name: string
  readonly line: number
  readonly values: Map<string, ConfValue>
  readonly also: string[]
}

/**
 * ipsec.conf: sections begin at the margin, their keys are indented. A key named twice has its last value, as in
 * both programs. Throws `VpnFailure` (`profileInvalid`).
 */
export function parseIpsecConf(text: string, file: string, include: Include): readonly Conn[] {
  const conns = new Map<string, Raw>()
  readSections(text, file, { include, conns, lines: 0 }, 0)
  const fallback = conns.get('%default')
  const wanted = [...conns.values()].filter(({ name }) => !name.startsWith('%'))
  return wanted.map((conn) => {
    const values = new Map<string, ConfValue>()
    for (const from of ancestry(conn, conns, file)) {
      for (const [key, value] of from.values) if (!values.has(key)) values.set(key, value)
    }
    for (const [key, value] of fallback?.values ?? []) if (!values.has(key)) values.set(key, value)
    return { name: conn.name, line: conn.line, values }
  })
}

interface Reading {
  readonly include: Include
  readonly conns: Map<string, Raw>
  /** Of all files together: they may include each other many times. */
  lines: number
}

function readSections(text: string, file: string, reading: Reading, depth: number): void {
  const { include, conns } = reading
  let conn: Raw | undefined
  let other = false
  for (const [at, whole] of text.split('\n').entries()) {
    const line = at + 1
    reading.lines += 1
    if (reading.lines > LIMITS.items) throw invalid({ file, line }, 'it has too many parts')
    const words = withoutComment(whole)
    if (words.trim() === '') continue
    if (!/^\s/.test(words)) {
      const [kind = '', name = ''] = words.trim().split(/\s+/)
      conn = undefined
      other = false
      if (kind === 'conn') {
        if (name === '') throw invalid({ file, line }, 'a name is expected behind conn')
        const there = conns.get(name)
        conn = there ?? { name, line, values: new Map(), also: [] }
        conns.set(name, conn)
        if (conns.size > LIMITS.connections) throw invalid({ file, line }, 'it has too many connections')
      } else if (kind === 'include') {
        if (depth > 8) throw invalid({ file, line }, 'files include each other too deeply')
        for (const one of include(unquoted(name), line)) readSections(one.text, one.name, reading, depth + 1)
      } else if (kind === 'config' || kind === 'ca' || kind === 'version') {
        other = true
      } else {
        throw invalid({ file, line }, 'conn, config, ca or include is expected at the margin')
      }
      continue
    }
    if (conn === undefined) {
      if (other) continue
      throw invalid({ file, line }, 'this line stands in no section')
    }
    const pair = /^\s+([\w.-]+)\s*=\s*(.*?)\s*$/s.exec(words)
    if (pair === null) throw invalid({ file, line }, 'key=value is expected')
    const [, key = '', value = ''] = pair
    if (value.length > LIMITS.textLength) throw invalid({ file, line }, 'the value is too long')
    if (key === 'also') conn.also.push(unquoted(value))
    else conn.values.set(key.toLowerCase(), { value: unquoted(value), line })
  }
}

/** A conn and those it names with `also=`, nearest first. */
function ancestry(conn: Raw, conns: ReadonlyMap<string, Raw>, file: string): readonly Raw[] {
  const found: Raw[] = []
  const visit = (one: Raw): void => {
    if (found.includes(one)) return
    found.push(one)
    for (const name of one.also) {
      const next = conns.get(name)
      if (next === undefined)
        throw invalid({ file, field: `${one.name}.also`, line: one.line }, 'there is no such conn')
      visit(next)
    }
  }
  visit(conn)
  return found
}

/** `#` begins a comment outside quotes, at the start of a word: an identity such as `@#6162` is none. */
function withoutComment(line: string): string {
  let quoted = false
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === '"') quoted = !quoted
    else if (line[at] === '#' && !quoted && (at === 0 || /\s/.test(line[at - 1] ?? '')))
      return line.slice(0, at)
  }
  return line
}

export const unquoted = (value: string): string => /^"([\s\S]*)"$/.exec(value)?.[1] ?? value

/** A line of ipsec.secrets. */
export interface SecretLine {
  /** As written before the colon; empty: for everybody. */
  readonly ids: readonly string[]
  readonly kind: string
  /** Words behind the kind, quotes taken off. */
  readonly words: readonly string[]
  readonly line: number
}

/** ipsec.secrets: `ids : KIND value`, continued on indented lines. Throws `VpnFailure` (`profileInvalid`). */
export function parseIpsecSecrets(text: string, file: string): readonly SecretLine[] {
  const found: SecretLine[] = []
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at += 1) {
    const line = at + 1
    let words = withoutComment(lines[at] ?? '')
    if (words.trim() === '' || /^include\s/.test(words)) continue
    // A raw RSA key stands in braces over many lines.
    for (
      let open = braces(words);
      (open > 0 || /^\s+\S/.test(lines[at + 1] ?? '')) && at + 1 < lines.length;
      open = braces(words)
    ) {
      at += 1
      words += ` ${withoutComment(lines[at] ?? '').trim()}`
      if (words.length > 4 * LIMITS.textLength) throw invalid({ file, line }, 'the secret is too long')
    }
    const pair = /^(.*?)(?:^|\s):\s*(\w+)\s*(.*)$/s.exec(words) ?? /^(\S*?)\s*:\s*(\w+)\s+(.*)$/s.exec(words)
    if (pair === null) throw invalid({ file, line }, 'ids : KIND secret is expected')
    const [, ids = '', kind = '', rest = ''] = pair
    found.push({
      ids: wordsOf(ids, file, line),
      kind: kind.toUpperCase(),
      words: wordsOf(rest, file, line),
      line,
    })
    if (found.length > LIMITS.items) throw invalid({ file, line }, 'it has too many parts')
  }
  return found
}

const braces = (words: string): number => words.split('{').length - words.split('}').length

function wordsOf(text: string, file: string, line: number): readonly string[] {
  const words: string[] = []
  const pattern = /\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)|(["']))/gy
  for (const match of text.trim().matchAll(pattern)) {
    if (match[4] !== undefined) throw invalid({ file, line }, 'a quotation mark is not closed')
    words.push(match[1] ?? match[2] ?? match[3] ?? '')
  }
  return words
}
