import { invalid } from './failure.ts'

/**
 * The text of a file in UTF-8 (with or without BOM), UTF-16 (with BOM, or plainly so) or Latin-1, its line ends made
 * LF. Throws `VpnFailure` (`profileInvalid`) for what is no text.
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  const text = decode(bytes, file)
  const zero = text.indexOf('\0')
  if (zero !== -1) {
    throw invalid({ file }, `it is no text: there is a zero octet in line ${lineAt(text, zero)}`)
  }
  return text.replace(/\r\n?/g, '\n')
}

function decode(bytes: Uint8Array, file: string): string {
  const [first, second, third] = bytes
  if (first === 0xff && second === 0xfe) return utf16(bytes.subarray(2), 'utf-16le', file)
  if (first === 0xfe && second === 0xff) return utf16(bytes.subarray(2), 'utf-16be', file)
  if (first === 0xef && second === 0xbb && third === 0xbf) return utf8OrLatin1(bytes.subarray(3))
  // Windows programs leave the mark out at times: ASCII in UTF-16 has every other octet zero.
  if (bytes.length >= 4 && first !== 0 && second === 0 && third !== 0 && bytes[3] === 0) {
    return utf16(bytes, 'utf-16le', file)
  }
  return utf8OrLatin1(bytes)
}

function utf16(bytes: Uint8Array, encoding: 'utf-16le' | 'utf-16be', file: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    throw invalid({ file }, 'it begins as UTF-16 and is not')
  }
}

function utf8OrLatin1(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Windows-1252 has letters where Latin-1 has control characters, and is what such files are.
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** From 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1
  return line
}
