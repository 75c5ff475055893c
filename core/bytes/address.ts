/** 4 or 16 octets of a numeric address; a zone (`%eth0`) is ignored. Throws RangeError on anything else. */
export function addressBytes(address: string): Uint8Array {
  const text = address.split('%')[0]!
  if (text.includes(':')) return ipv6Bytes(text)
  const octets = text.split('.')
  if (octets.length !== 4 || !octets.every((o) => /^(0|[1-9]\d{0,2})$/.test(o) && Number(o) < 256))
    notAnAddress(address)
  return Uint8Array.from(octets, Number)
}

/** The URL parser of the platform knows every spelling of an IPv6 address and gives back the plain one. */
function ipv6Bytes(text: string): Uint8Array {
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !URL.canParse(`http://[${text}]/`)) notAnAddress(text)
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::')
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((w) => Number.parseInt(w, 16))
  const before = words(head)
  const after = tail === undefined ? [] : words(tail)
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Uint8Array.from(all.flatMap((w) => [w >> 8, w & 0xff]))
}

function notAnAddress(text: string): never {
  throw new RangeError(`not an IP address: ${text}`)
}

/** The usual text of 4 or 16 octets (RFC 5952 for IPv6). */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const words: number[] = []
  for (let i = 0; i < 16; i += 2) words.push((bytes[i]! << 8) | bytes[i + 1]!)
  let best = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && words[i + run] === 0) run++
    if (run > length) {
      best = i
      length = run
    }
  }
  const hex = (part: number[]): string => part.map((w) => w.toString(16)).join(':')
  return best < 0 ? hex(words) : `${hex(words.slice(0, best))}::${hex(words.slice(best + length))}`
}
