import { invalid } from '../failure.ts'
import { LIMITS } from '../limits.ts'

export interface IniEntry {
  readonly key: string
  /** As written behind `=`, blanks at both ends dropped. */
  readonly value: string
  readonly line: number
}

export interface IniSection {
  readonly name: string
  readonly line: number
  readonly entries: readonly IniEntry[]
}

export interface IniDialect {
  /** Marks that begin a comment at the start of a line. */
  readonly comments: string
  /** What happens when a key stands twice in a section. */
  readonly repeated: 'refuse' | 'first' | 'last'
}

/**
 * Sections of `key=value`. The value is all that stands behind the first `=`: unlike in other INI files, `;` and `#`
 * inside are a part of it, since passwords and lists have them. Throws `VpnFailure` (`profileInvalid`).
 */
export function parseIni(text: string, file: string, dialect: IniDialect): readonly IniSection[] {
  const sections: { name: string; line: number; entries: IniEntry[] }[] = []
  for (const [at, whole] of text.split('\n').entries()) {
    const line = at + 1
    if (at > LIMITS.items) throw invalid({ file, line }, 'it has too many parts')
    const words = whole.trim()
    if (words === '' || dialect.comments.includes(words[0] as string)) continue
    const header = /^\[(.*)\]$/.exec(words)
    if (header !== null) {
      sections.push({ name: header[1] ?? '', line, entries: [] })
      continue
    }
    const section = sections.at(-1)
    if (section === undefined) throw invalid({ file, line }, 'a section such as [main] is expected first')
    const middle = words.indexOf('=')
    if (middle < 1) throw invalid({ file, line }, 'key=value is expected')
    const key = words.slice(0, middle).trim()
    const value = words.slice(middle + 1).trim()
    if (value.length > 8 * LIMITS.textLength)
      throw invalid({ file, field: key, line }, 'the value is too long')
    const entry = { key, value, line }
    const there = section.entries.findIndex((other) => other.key.toLowerCase() === key.toLowerCase())
    if (there === -1) section.entries.push(entry)
    else if (dialect.repeated === 'refuse') {
      throw invalid({ file, field: `${section.name}.${key}`, line }, 'this key stands twice')
    } else if (dialect.repeated === 'last') section.entries[there] = entry
  }
  return sections
}
