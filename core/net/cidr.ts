import { addressBytes, addressText } from '../bytes/address.ts'

/** A CIDR in octets: 4 or 16, and the length of the prefix in bits. */
export interface Cidr {
  readonly octets: Uint8Array
  readonly bits: number
}

/** `10.0.0.0/8` or `fd00::/8`; a bare address is one host. Throws `RangeError`. */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/')
  // A zone names a link of this machine, which no network does.
  if (text.includes('%')) throw new RangeError(`not a network: ${text}`)
  const octets = addressBytes(slash < 0 ? text : text.slice(0, slash))
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
