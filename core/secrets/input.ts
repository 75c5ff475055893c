import { Secret } from '../bytes/secret.ts'
import { VpnFailure } from '../errors.ts'

/**
 * Secrets as a script writes them to standard input: lines of JSON (`{"psk":"…"}`) or of `name=value`.
 * The value is everything behind the first `=`, blanks included. `known`: the names there are. Throws `VpnFailure`
 * (`profileInvalid`), which names the line and never its content, not even a wrong name: it may be half a secret.
 */
export function parseSecrets(text: string, known: readonly string[]): ReadonlyMap<string, Secret> {
  const secrets = new Map<string, Secret>()
  try {
    readLines(text, known, secrets)
    return secrets
  } catch (thrown) {
    for (const secret of secrets.values()) secret.close()
    throw thrown
  }
}

function readLines(text: string, known: readonly string[], secrets: Map<string, Secret>): void {
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '')
    if (line.trim() === '') continue
    for (const [name, value] of line.trimStart().startsWith('{')
      ? jsonLine(line, at)
      : [plainLine(line, at)]) {
      if (!known.includes(name)) throw invalid(at, `a secret is called one of ${known.join(', ')}`)
      secrets.get(name)?.close()
      secrets.set(name, Secret.fromText(value))
    }
  }
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
    if (typeof text !== 'string' || text === '') throw invalid(at, 'a text is expected behind every name')
    return [name, text]
  })
}

const invalid = (at: number, problem: string): VpnFailure =>
  new VpnFailure({ kind: 'profileInvalid', source: 'standard input', field: `line ${at + 1}`, problem })
