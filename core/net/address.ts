import { isIP } from 'node:net'

/** A CIDR in octets: 4 or 16, and the length of the prefix in bits. */
export interface Cidr {
  readonly octets: Uint8Array
  readonly bits: number
}

/** Octets of a numeric address, 4 or 16. Throws `RangeError` for anything else. RFC 4291 §2.2 */
export function addressOctets(text: string): Uint8Array {
  const family = text.includes('%') ? 0 : isIP(text)
  if (family === 4) return Uint8Array.from(text.split('.'), Number)
  if (family !== 6) throw new RangeError(`not a numeric address: ${text}`)
  let plain = text
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (dotted) {
    const [a, b, c, d] = dotted[2]!.split('.').map(Number) as [number, number, number, number]
    plain = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  }
  const [head = '', tail] = plain.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after]
  const octets = new Uint8Array(16)
  for (const [i, group] of groups.entries()) {
    const value = Number.parseInt(group, 16)
    octets[2 * i] = value >> 8
    octets[2 * i + 1] = value & 0xff
  }
  return octets
}

/** An address as text: dotted decimal, or IPv6 in its canonical form (RFC 5952 §4). */
export function addressText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  if (octets.length !== 16) throw new RangeError(`an address has 4 or 16 octets, not ${octets.length}`)
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push((octets[i]! << 8) | octets[i + 1]!)
  let best = { at: 0, length: 1 }
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (at + length < 8 && groups[at + length] === 0) length++
    if (length > best.length) best = { at, length }
  }
  const hex = (part: number[]): string => part.map((g) => g.toString(16)).join(':')
  if (best.length < 2) return hex(groups)
  return `${hex(groups.slice(0, best.at))}::${hex(groups.slice(best.at + best.length))}`
}

/** `10.0.0.0/8` or `fd00::/8`; a bare address is one host. Throws `RangeError`. */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/')
  const octets = addressOctets(slash < 0 ? text : text.slice(0, slash))
  const digits = slash < 0 ? String(octets.length * 8) : text.slice(slash + 1)
  const bits = /^\d{1,3}$/.test(digits) ? Number(digits) : Number.NaN
  if (!(bits <= octets.length * 8)) throw new RangeError(`not a prefix: ${text}`)
  return { octets, bits }
}

/** The CIDR with the host bits cleared, as text. */
export function networkText(cidr: Cidr): string {
  const octets = cidr.octets.slice()
  for (let bit = cidr.bits; bit < octets.length * 8; bit++) {
    octets[bit >> 3] = octets[bit >> 3]! & ~(0x80 >> (bit & 7))
  }
  return `${addressText(octets)}/${cidr.bits}`
}

const toNumber = (octets: Uint8Array): bigint => {
  let value = 0n
  for (const octet of octets) value = (value << 8n) | BigInt(octet)
  return value
}

const toOctets = (value: bigint, length: number): Uint8Array => {
  const octets = new Uint8Array(length)
  for (let i = length - 1, rest = value; i >= 0; i--, rest >>= 8n) octets[i] = Number(rest & 0xffn)
  return octets
}

/** The fewest CIDRs that cover exactly `start` … `end`, both included; none when the range is empty. */
export function rangeToCidrs(start: Uint8Array, end: Uint8Array): readonly string[] {
  const width = start.length * 8
  const last = toNumber(end)
  const list: string[] = []
  for (let at = toNumber(start); at <= last; ) {
    let free = 0 // bits that may vary: alignment of `at`, bounded by what is left
    while (free < width && (at & (1n << BigInt(free))) === 0n && at + (1n << BigInt(free + 1)) - 1n <= last) {
      free++
    }
    list.push(`${addressText(toOctets(at, start.length))}/${width - free}`)
    at += 1n << BigInt(free)
  }
  return list
}
