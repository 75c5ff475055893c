import sax from 'sax'
import { invalid } from '../failure.ts'
import { LIMITS } from '../limits.ts'

/** An element. Names are without prefixes, in small letters where the file was read leniently. */
export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
  /** Its own text, pieces joined, not trimmed. */
  readonly text: string
  /** From 1. */
  readonly line: number
}

interface Building {
  name: string
  attributes: Record<string, string>
  children: Building[]
  text: string
  line: number
}

/**
 * The root element. Entities other than XML's own five are never expanded, documents are bounded in depth and size.
 * `lenient`: for files whose makers close tags by other names or not at all. Throws `VpnFailure` (`profileInvalid`).
 */
export function parseXml(text: string, file: string, lenient = false): XmlElement {
  const options = { lowercase: true, strictEntities: true, position: true } as sax.SAXOptions
  const parser = sax.parser(!lenient, options)
  const root: Building = { name: '', attributes: {}, children: [], text: '', line: 1 }
  const open: Building[] = [root]
  let items = 0
  const line = (): number => parser.line + 1
  const close = (name: string): void => {
    const at = open.findLastIndex((element) => element.name === name)
    if (at > 0) open.length = at
  }
  parser.onerror = (error) => {
    if (!lenient) throw invalid({ file, line: line() }, `it is not XML: ${firstLine(error.message)}`)
    parser.resume()
  }
  parser.onopentag = (tag) => {
    items += 1
    if (open.length > LIMITS.depth) throw invalid({ file, line: line() }, 'it is nested too deeply')
    if (items > LIMITS.items) throw invalid({ file }, 'it has too many parts')
    const attributes = tag.attributes as Record<string, string>
    const element = { name: localName(tag.name), attributes, children: [], text: '', line: line() }
    open.at(-1)?.children.push(element)
    open.push(element)
  }
  parser.onclosetag = (name) => close(localName(name))
  const onText = (piece: string): void => {
    // The lenient parser hands on a closing tag that closes nothing as text: it ends what is open.
    if (lenient && /^<\/[^>]*>\s*$/.test(piece)) {
      if (open.length > 2) open.pop()
      return
    }
    const element = open.at(-1)
    if (element !== undefined) element.text += piece
  }
  parser.ontext = onText
  parser.oncdata = onText
  parser.write(text).close()
  if (open.length > 1) throw invalid({ file, line: line() }, 'it is not XML: it ends too early')
  const [top, ...more] = root.children
  if (top === undefined || more.length > 0)
    throw invalid({ file }, 'it is not XML: one outermost element is expected')
  return top
}

export const childOf = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  element?.children.find((child) => child.name === name)

export const childrenOf = (element: XmlElement | undefined, name: string): readonly XmlElement[] =>
  element?.children.filter((child) => child.name === name) ?? []

/** Elements without elements, each with its dotted path below `element`. */
export function* leafElements(
  element: XmlElement,
  path = '',
): Generator<{ readonly path: string; readonly value: string; readonly line: number }> {
  for (const child of element.children) {
    const at = path === '' ? child.name : `${path}.${child.name}`
    if (child.children.length === 0) yield { path: at, value: child.text.trim(), line: child.line }
    else yield* leafElements(child, at)
  }
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

/** The parser adds line, column and the character, which may be a secret's. */
const firstLine = (message: string): string => (message.split('\n')[0] ?? '').replace(/\.$/, '').toLowerCase()
