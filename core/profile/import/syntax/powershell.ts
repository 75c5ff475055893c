import { invalid } from '../failure.ts'
import { LIMITS } from '../limits.ts'

export interface Command {
  readonly name: string
  readonly line: number
  /** Parameters with a literal value; a switch has `true`. */
  readonly parameters: readonly { readonly name: string; readonly value: string | boolean }[]
  /** Parameters whose value would have to be computed. */
  readonly unreadable: readonly { readonly name: string }[]
}

interface Token {
  readonly kind: 'word' | 'text' | 'parameter' | 'end' | 'dynamic'
  readonly text: string
  readonly line: number
}

/**
 * Commands about VPN connections in a PowerShell text, their literal arguments and nothing else. Other commands are
 * not looked at; splatting, variables and expressions are told as unreadable. Throws `VpnFailure` (`profileInvalid`).
 */
export function parsePowershell(text: string, file: string): readonly Command[] {
  const commands: Command[] = []
  const tokens = tokensOf(text, file)
  let current:
    | {
        name: string
        line: number
        parameters: { name: string; value: string | boolean }[]
        unreadable: { name: string }[]
      }
    | undefined
  let waiting: string | undefined
  const settle = (value: string | boolean): void => {
    if (waiting !== undefined)
      current?.parameters.push({ name: numbered(current.parameters, waiting), value })
    waiting = undefined
  }
  for (const token of tokens) {
    if (token.kind === 'word' && /^\w+-Vpn\w+$/i.test(token.text) && current === undefined) {
      current = { name: token.text, line: token.line, parameters: [], unreadable: [] }
      if (commands.length >= LIMITS.connections)
        throw invalid({ file, line: token.line }, 'it has too many commands')
      commands.push(current)
      continue
    }
    if (current === undefined) continue
    if (token.kind === 'end') {
      settle(true)
      current = undefined
    } else if (token.kind === 'parameter') {
      settle(true)
      waiting = token.text
    } else if (token.kind === 'dynamic') {
      const literal = /^\$(true|false)$/i.exec(token.text)?.[1]
      if (literal !== undefined) settle(literal.toLowerCase() === 'true')
      else current.unreadable.push({ name: waiting ?? 'parameters' })
      waiting = undefined
    } else if (waiting !== undefined) settle(token.text)
    else if (current.parameters.length === 0 && /^add-vpnconnection$/i.test(current.name)) {
      current.parameters.push({ name: 'Name', value: token.text })
    }
  }
  settle(true)
  return commands
}

function numbered(parameters: readonly { readonly name: string }[], name: string): string {
  const count = parameters.filter((one) => one.name.toLowerCase() === name.toLowerCase()).length
  return count === 0 ? name : `${name} (${count + 1})`
}

function* tokensOf(text: string, file: string): Generator<Token> {
  let line = 1
  let at = 0
  let count = 0
  const advance = (piece: string): void => {
    for (let from = piece.indexOf('\n'); from !== -1; from = piece.indexOf('\n', from + 1)) line += 1
    at += piece.length
  }
  while (at < text.length) {
    count += 1
    if (count > LIMITS.items) throw invalid({ file, line }, 'it has too many parts')
    const rest = text.slice(at, at + 2)
    const mark = text[at] as string
    const from = line
    if (mark === '\n' || mark === ';' || mark === '|') {
      yield { kind: 'end', text: mark, line }
      advance(mark)
    } else if (/\s/.test(mark)) at += 1
    else if (mark === '`' && rest === '`\n') advance(rest)
    else if (rest === '<#') {
      const end = text.indexOf('#>', at)
      advance(text.slice(at, end === -1 ? text.length : end + 2))
    } else if (mark === '#') {
      const end = text.indexOf('\n', at)
      at = end === -1 ? text.length : end
    } else if (rest === "@'" || rest === '@"') {
      const end = text.indexOf(`\n${rest[1]}@`, at)
      if (end === -1) throw invalid({ file, line }, 'a text of several lines is not closed')
      const body = text.slice(at + 2, end).replace(/^[ \t]*\n/, '')
      advance(text.slice(at, end + 3))
      yield { kind: rest[1] === '"' && body.includes('$') ? 'dynamic' : 'text', text: body, line: from }
    } else if (mark === "'" || mark === '"') {
      const end = endOfText(text, at, mark)
      if (end === -1) throw invalid({ file, line }, 'a quotation mark is not closed')
      const body = text.slice(at + 1, end)
      advance(text.slice(at, end + 1))
      const plain =
        mark === "'" ? body.replaceAll("''", "'") : body.replaceAll('""', '"').replace(/`(.)/g, '$1')
      yield { kind: mark === '"' && /(?<!`)\$/.test(body) ? 'dynamic' : 'text', text: plain, line: from }
    } else if (mark === '$' || mark === '@' || mark === '(' || mark === '{') {
      const word =
        /^[$@]?(?:\([^)\n]*\)?|\{[^}\n]*\}?|[\w:.[\]]*)/.exec(text.slice(at, at + 200))?.[0] || mark
      advance(word)
      yield { kind: 'dynamic', text: word, line: from }
    } else {
      const word = /^[^\s;|'"`()$@{}]+/.exec(text.slice(at, at + LIMITS.textLength))?.[0] || mark
      advance(word)
      const parameter = /^-([A-Za-z]\w*):?$/.exec(word)?.[1]
      if (parameter !== undefined) yield { kind: 'parameter', text: parameter, line: from }
      else yield { kind: 'word', text: word, line: from }
    }
  }
  yield { kind: 'end', text: '', line }
}

/** Where the text that begins at `from` ends; doubled marks belong to it. */
function endOfText(text: string, from: number, mark: string): number {
  for (let at = from + 1; at < text.length; at += 1) {
    if (mark === '"' && text[at] === '`') at += 1
    else if (text[at] === mark) {
      if (text[at + 1] !== mark) return at
      at += 1
    }
  }
  return -1
}
