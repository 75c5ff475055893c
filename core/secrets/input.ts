import { Secret } from '../bytes/secret.ts'
import { VpnFailure } from '../errors.ts'

/**
 * Secrets as a script writes them to standard input: lines of JSON (`{"psk":"…"}`) or of `name=value`.
 * The value is everything behind the first `=`, blanks included. Throws `VpnFailure` (`profileInvalid`), which names
 * the line and never its content.
 */
export function parseSecrets(text: string): ReadonlyMap<string, Secret> {
  const secrets = new Map<string, Secret>()
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '')
    if (line.trim() === '') continue
    for (const [name, value] of line.trimStart().startsWith('{')
      ? jsonLine(line, at)
      : [plainLine(line, at)]) {
      secrets.get(name)?.close()
      secrets.set(name, Secret.fromText(value))
    }
  }
  return secrets
}

function plainLine(line: string, at: number): readonly [string, string] {
  const match = /^\s*([a-zA-Z][\w-]*)=(.+)$/.exec(line)
  if (match === null) throw invalid(at, 'name=value or a JSON object is expected')
  return [match[1] ?? '', match[2] ?? '']
}

function jsonLine(line: string, at: number): readonly (readonly [string, string])[] {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw invalid(at, 'it is not JSON')
  }
  return Object.entries(value as object).map(([name, text]) => {
    if (typeof text !== 'string' || text === '') throw invalid(at, `a text is expected as ${name}`)
    return [name, text]
  })
}

const invalid = (at: number, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source: 'standard input', field: `line ${at + 1}`, problem })
