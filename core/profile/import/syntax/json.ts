import { invalid } from '../failure.ts'
import { LIMITS } from '../limits.ts'
import { lineAt } from '../text.ts'

/**
 * JSON of bounded depth in which no object names a key twice: JSON.parse would take the last without a word.
 * Throws `VpnFailure` (`profileInvalid`).
 */
export function parseStrictJson(text: string, file: string): unknown {
  checkDepth(text, file)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (thrown) {
    throw invalid({ file }, `it is not JSON: ${withoutContent(thrown, text)}`)
  }
  checkDuplicates(text, file)
  return value
}

/** The parser's own words quote the file around the fault, where a secret may stand. */
function withoutContent(thrown: unknown, text: string): string {
  const message = thrown instanceof Error ? thrown.message : ''
  const position = /position (\d+)/.exec(message)?.[1]
  if (position !== undefined) return `line ${lineAt(text, Number(position))} cannot be read`
  if (/end of JSON/.test(message)) return `it ends too early, in line ${lineAt(text, text.length)}`
  return 'it cannot be read'
}

/** Strings and marks, each octet looked at once whatever the text is. */
function* tokens(text: string): Generator<{ readonly token: string; readonly at: number }> {
  for (let at = 0; at < text.length; at += 1) {
    const mark = text[at] as string
    if (mark === '"') {
      const from = at
      for (at += 1; at < text.length && text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1
      yield { token: text.slice(from, at + 1), at: from }
    } else if ('{}[]:,'.includes(mark)) {
      yield { token: mark, at }
    }
  }
}

function checkDepth(text: string, file: string): void {
  let depth = 0
  let items = 0
  for (const { token, at } of tokens(text)) {
    if (token === '{' || token === '[') depth += 1
    if (token === '}' || token === ']') depth -= 1
    if (token === ',') items += 1
    if (depth > LIMITS.depth) throw invalid({ file, line: lineAt(text, at) }, 'it is nested too deeply')
    if (items > LIMITS.items) throw invalid({ file }, 'it has too many parts')
  }
}

/** `text` is valid JSON. */
function checkDuplicates(text: string, file: string): void {
  const open: (Set<string> | undefined)[] = []
  let last: { readonly token: string; readonly at: number } | undefined
  for (const { token, at } of tokens(text)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':' && last !== undefined) {
      const key = JSON.parse(last.token) as string
      const keys = open.at(-1)
      if (keys?.has(key)) {
        throw invalid({ file, field: key, line: lineAt(text, last.at) }, 'this key stands twice')
      }
      keys?.add(key)
    }
    last = { token, at }
  }
}

/** Leaves of a JSON value with their dotted paths; lists of plain values stay whole. */
export function* leavesOf(value: unknown, path = ''): Generator<{ path: string; value: unknown }> {
  if (typeof value !== 'object' || value === null || isPlainList(value)) {
    yield { path, value }
    return
  }
  for (const [key, inner] of Object.entries(value))
    yield* leavesOf(inner, path === '' ? key : `${path}.${key}`)
}

const isPlainList = (value: object): boolean =>
  Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null)
