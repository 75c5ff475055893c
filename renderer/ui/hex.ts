/** One row of a dump: where it begins, its octets, and what of them can be read. */
export interface HexLine {
  readonly at: number
  readonly offset: string
  readonly hex: string
  readonly text: string
}

const WIDTH = 16

/** Hexadecimal digits as rows of sixteen octets. */
export function hexLines(digits: string): readonly HexLine[] {
  const octets = digits.match(/../g) ?? []
  const rows = Math.ceil(octets.length / WIDTH)
  return Array.from({ length: rows }, (_, row) => {
    const at = row * WIDTH
    const part = octets.slice(at, at + WIDTH)
    const hex = `${part.slice(0, 8).join(' ')}  ${part.slice(8).join(' ')}`
    return {
      at,
      offset: at.toString(16).padStart(4, '0'),
      hex: hex.padEnd(WIDTH * 3),
      text: part.map(letter).join(''),
    }
  })
}

function letter(octet: string): string {
  const code = Number.parseInt(octet, 16)
  return code > 0x20 && code < 0x7f ? String.fromCharCode(code) : '·'
}
