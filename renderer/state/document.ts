import type { ProfileDocument } from '../../core/contract/profile.ts'

type Json = Readonly<Record<string, unknown>>

/** What stands in `document` at a dotted path. */
export function fieldOf(document: Json, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at as Json | undefined)?.[key], document)
}

/** A copy with `value` at a dotted path; `undefined` takes the field out. */
export function withField<T extends Json>(document: T, path: string, value: unknown): T {
  const [key = '', ...rest] = path.split('.')
  const inner = rest.length === 0 ? value : withField((document[key] ?? {}) as Json, rest.join('.'), value)
  const { [key]: _old, ...others } = document
  return (inner === undefined ? others : { ...others, [key]: inner }) as T
}

/** Whether two documents say the same, whatever the order of their fields. */
export function sameDocument(a: ProfileDocument, b: ProfileDocument): boolean {
  return canonical(a) === canonical(b)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** Lines of a text as a list, without empty ones. */
export const linesOf = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
