import { Secret } from '../../bytes/secret.ts'
import type { Draft, SecretName, SlotName, Slots } from './description.ts'
import { invalid } from './failure.ts'
import { LIMITS } from './limits.ts'

/** One key of a file with its value as the syntax gives it. */
export interface Key {
  /** Dotted path inside the connection; what the report shows. */
  readonly path: string
  readonly value: unknown
  /** From 1, where the syntax knows lines. */
  readonly line?: number
}

/** Reads a value, or throws {@link Unreadable} with the form that was expected. */
export type Read<T> = (value: unknown) => T

export class Unreadable extends Error {
  override readonly name = 'Unreadable'
}

/** What a format's key means. `to` is what `docs/formats.md` shows. */
export interface KeyRow {
  readonly to: readonly (SlotName | `secret ${SecretName}`)[]
  /** Why it is not taken, where it is not. */
  readonly note?: string
  readonly take: (draft: Draft, key: Key) => void
}

/** A format: every key its vendors document, as rows. */
export type KeyTable = Readonly<Record<string, KeyRow>>

export const fills = <K extends SlotName>(slot: K, read: Read<Slots[K]>): KeyRow => ({
  to: [slot],
  take: (draft, key) => draft.say(slot, read(key.value), key.path),
})

/** For keys that mean several things at once, or depend on others. */
export const means = (to: KeyRow['to'], take: KeyRow['take']): KeyRow => ({ to, take })

export const ignores = (note: string): KeyRow => ({
  to: [],
  note,
  take: (draft, key) => draft.mark(key.path, 'ignored', note),
})

export const refuses = (note: string): KeyRow => ({
  to: [],
  note,
  take: (draft, key) => draft.mark(key.path, 'refused', note),
})

/** A key that is read together with another one, whose slot this is. */
export const joins = (slot: SlotName): KeyRow => ({
  to: [slot],
  take: (draft, key) => draft.join(slot, key.path),
})

export const hides = (name: SecretName, read: Read<Secret> = secretText): KeyRow => ({
  to: [`secret ${name}`],
  take: (draft, key) => draft.hide(name, read(key.value), key.path),
})

const UNKNOWN = ignores('Culvert does not know this key')

/**
 * Takes every key by its row; keys without one are ignored by name. `rowName` says which row a path has. Throws
 * `VpnFailure` (`profileInvalid`) for a value that cannot be read.
 */
export function takeKeys(
  draft: Draft,
  keys: Iterable<Key>,
  table: KeyTable,
  rowName: (path: string) => string = (path) => path,
): void {
  for (const key of keys) {
    const name = rowName(key.path)
    const row = Object.hasOwn(table, name) ? table[name] : undefined
    takeKey(draft, key, row ?? UNKNOWN)
  }
}

export function takeKey(draft: Draft, key: Key, row: KeyRow): void {
  if (key.value === '' && row.note === undefined) draft.mark(key.path, 'ignored', 'it is empty')
  else readAt(draft, key, () => row.take(draft, key))
}

/** Does `read`; what cannot be read is told with the place of `key`. */
export function readAt<T>(draft: Draft, key: Omit<Key, 'value'>, read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    if (!(thrown instanceof Unreadable)) throw thrown
    const place = { file: draft.file, field: draft.prefix + key.path }
    throw invalid(key.line === undefined ? place : { ...place, line: key.line }, thrown.message)
  }
}

/** A text of one line that is not empty, blanks at its ends dropped. */
export const text: Read<string> = (value) => {
  if (typeof value !== 'string' && typeof value !== 'number') throw new Unreadable('a text is expected')
  const trimmed = String(value).trim()
  if (trimmed === '') throw new Unreadable('it cannot be empty')
  if (trimmed.length > LIMITS.textLength) {
    throw new Unreadable(`it has ${trimmed.length} characters, at most ${LIMITS.textLength} are read`)
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what we look for
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(trimmed)) {
    throw new Unreadable('it has control characters in it')
  }
  return trimmed
}

const FLAGS: Readonly<Record<string, boolean>> = {
  ...{ true: true, yes: true, on: true, enable: true, enabled: true, '1': true },
  ...{ false: false, no: false, off: false, disable: false, disabled: false, '0': false },
}

/** A switch in any of the spellings files use, text and number included. */
export const flag: Read<boolean> = (value) => {
  if (typeof value === 'boolean') return value
  const known =
    typeof value === 'string' || typeof value === 'number'
      ? FLAGS[String(value).trim().toLowerCase()]
      : undefined
  if (known === undefined) throw new Unreadable('yes or no is expected')
  return known
}

export const not =
  (read: Read<boolean>): Read<boolean> =>
  (value) =>
    !read(value)

export const integer =
  (least: number, most: number): Read<number> =>
  (value) => {
    const digits = typeof value === 'string' ? value.trim() : value
    const number = typeof digits === 'string' && /^-?\d{1,15}$/.test(digits) ? Number(digits) : digits
    if (typeof number !== 'number' || !Number.isSafeInteger(number)) {
      throw new Unreadable('a whole number is expected')
    }
    if (number < least || number > most) {
      throw new Unreadable(`a number from ${least} to ${most} is expected`)
    }
    return number
  }

/** One of these words, capitals aside. */
export const oneOf =
  <T>(words: Readonly<Record<string, T>>): Read<T> =>
  (value) => {
    const word = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
    const found = Object.keys(words).find((known) => known.toLowerCase() === word.toLowerCase())
    if (found === undefined) throw new Unreadable(`one of ${Object.keys(words).join(', ')} is expected`)
    return words[found] as T
  }

/** A list: an array, or a text with separators. Empty parts are dropped. */
export const listOf =
  <T>(read: Read<T>, separator: RegExp = /[\s,;]+/): Read<readonly T[]> =>
  (value) => {
    const parts = Array.isArray(value)
      ? value
      : typeof value === 'string'
        ? value.split(separator)
        : undefined
    if (parts === undefined) throw new Unreadable('a list is expected')
    if (parts.length > LIMITS.items) throw new Unreadable('the list is too long')
    return parts.filter((part) => part !== '' && !/^\s+$/.test(String(part))).map(read)
  }

/** Octets of strict Base64; white space is allowed, as files wrap it. */
export const base64: Read<Uint8Array> = (value) => {
  if (value instanceof Uint8Array) return value
  if (typeof value !== 'string') throw new Unreadable('Base64 is expected')
  const packed = value.replace(/\s+/g, '')
  if (packed === '' || packed.length % 4 === 1 || !/^[A-Za-z0-9+/]+={0,2}$/.test(packed)) {
    throw new Unreadable('Base64 is expected')
  }
  return new Uint8Array(Buffer.from(packed, 'base64'))
}

/** The one rule for octets that are not Base64: no secret is shown in what is thrown. */
export const secretText: Read<Secret> = (value) => {
  if (typeof value !== 'string' || value === '') throw new Unreadable('a text is expected')
  if (value.length > LIMITS.textLength) throw new Unreadable('it is too long')
  return Secret.fromText(value)
}
