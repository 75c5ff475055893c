/** One octet of a dump. */
export interface Octet {
  readonly at: number
  readonly hex: string
  readonly letter: string
}

export interface OctetLine {
  readonly at: number
  readonly offset: string
  readonly octets: readonly Octet[]
}

/** A range of octets. */
export interface Span {
  readonly at: number
  readonly length: number
}

/** Hexadecimal digits as rows of octets, each of which can be pointed at. */
export function octetLines(digits: string, width: 8 | 16): readonly OctetLine[] {
  const all = (digits.match(/../g) ?? []).map((hex, at): Octet => ({ at, hex, letter: letter(hex) }))
  return Array.from({ length: Math.ceil(all.length / width) }, (_, row) => ({
    at: row * width,
    offset: (row * width).toString(16).padStart(4, '0'),
    octets: all.slice(row * width, (row + 1) * width),
  }))
}

export const covers = ({ at, length }: Span, octet: number): boolean => octet >= at && octet < at + length

function letter(octet: string): string {
  const code = Number.parseInt(octet, 16)
  return code > 0x20 && code < 0x7f ? String.fromCharCode(code) : '·'
}
