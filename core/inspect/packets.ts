import { concat } from '../bytes/octets.ts'
import { STREAM_PREFIX } from '../esp/tcp-encapsulation.ts'
import { attempt, Cursor } from './cursor.ts'
import { AH, ESP, FRAME, ICMP, IPV4, IPV6, JOINED, OTHER, TCP, UDP } from './fields/packets.ts'
import { linkBytes } from './link.ts'
import { Recent } from './recent.ts'
import { TcpStreams } from './tcp.ts'
import { type Layer, Node, type RemarkKind, type Tree } from './tree.ts'

/** What the packet is, found on the way through it. */
export interface Seen {
  source: string
  destination: string
  sourcePort: number | undefined
  destinationPort: number | undefined
  kind: 'ike' | 'esp' | 'ah' | 'keepalive' | 'other'
}

/** What follows the headers, and what is encrypted, is given to these. */
export interface PacketHelp {
  /** An IKE message: its tree goes below `parent`. */
  ike(parent: Node, layers: Layer[], bytes: Uint8Array): void
  /** Joins a fragment with those before it; what comes of it may be known already. */
  join<T>(work: () => T): T
  /** An ESP packet from the SPI on. `source`, `destination`: of the IP header around it. */
  openEsp(
    packet: Uint8Array,
    spi: number,
    source: string,
    destination: string,
  ): EspOpened | { readonly remark: RemarkKind; readonly text: string }
}

export interface EspOpened {
  readonly plaintext: Uint8Array
  readonly ivBytes: number
  readonly icvBytes: number
  readonly checked: boolean
}

/** Ours: IP within ESP within IP and so on ends here. */
const DEEPEST = 8
/** Ours: packets in fragments that are not complete. */
const MOST_FRAGMENTED = 256
const LARGEST_PACKET = 65_535

interface Fragments {
  readonly parts: { readonly offset: number; readonly data: Uint8Array }[]
  end: number | undefined
  octets: number
}

interface Reading {
  readonly layers: Layer[]
  readonly seen: Seen
  readonly help: PacketHelp
  readonly depth: number
}

/** Takes frames apart down to IKE, ESP and AH; remembers fragments of IP packets, and what TCP cut. */
export class PacketReader {
  readonly #fragments = new Recent<Fragments>(MOST_FRAGMENTED)
  readonly #streams = new TcpStreams()

  /** Never throws for what the frame holds. */
  read(bytes: Uint8Array, linkType: number, help: PacketHelp): { readonly tree: Tree; readonly seen: Seen } {
    const layers: Layer[] = [{ name: 'Frame', bytes }]
    const root = new Node(FRAME, 0, 0, bytes.length)
    const seen: Seen = {
      source: '',
      destination: '',
      sourcePort: undefined,
      destinationPort: undefined,
      kind: 'other',
    }
    const cursor = new Cursor(bytes, 0)
    attempt(() => {
      const before = linkBytes(bytes, linkType)
      if (before === undefined) {
        root.remark('noAlgorithm', `link type ${linkType} is not known here`)
        cursor.octets(root, OTHER)
        return
      }
      cursor.skip(before)
      this.#ip(root, cursor, { layers, seen, help, depth: 0 })
    })
    return { tree: { layers, root }, seen }
  }

  #ip(parent: Node, cursor: Cursor, reading: Reading): void {
    if (reading.depth > DEEPEST) {
      parent.remark('tooMuch', 'packets within packets within packets')
      return
    }
    const version = cursor.peek() >> 4
    if (version === 4 && cursor.left >= 20) this.#ipv4(parent, cursor, reading)
    else if (version === 6 && cursor.left >= 40) this.#ipv6(parent, cursor, reading)
    else if (cursor.left > 0) cursor.octets(parent, OTHER)
  }

  /** RFC 791 §3.1 */
  #ipv4(parent: Node, cursor: Cursor, reading: Reading): void {
    const headerBytes = (cursor.peek() & 0x0f) * 4
    const total = cursor.peek16(2)
    // A sending network card fills the length in later.
    const packet = cursor.take(total === 0 ? cursor.left : total)
    const node = packet.group(parent, IPV4.header, headerBytes)
    if (headerBytes < 20) {
      packet.giveUp(node, OTHER, `a header of ${headerBytes} octets, at least 20 wanted`)
      return
    }
    packet.skip(1)
    packet.number(node, IPV4.tos, 1)
    packet.number(node, IPV4.length, 2)
    const id = packet.number(node, IPV4.id, 2)
    const fragment = packet.number(node, IPV4.fragment, 2)
    packet.number(node, IPV4.ttl, 1)
    const protocol = packet.number(node, IPV4.protocol, 1)
    packet.number(node, IPV4.checksum, 2)
    const source = packet.address(node, IPV4.source, 4)
    const destination = packet.address(node, IPV4.destination, 4)
    node.value = `${source} to ${destination}`
    if (headerBytes > 20) packet.octets(node, IPV4.options, Math.min(headerBytes - 20, packet.left))
    if (reading.depth === 0) Object.assign(reading.seen, { source, destination })
    if ((fragment & 0x3fff) === 0) {
      this.#inside(parent, packet, protocol, source, destination, reading)
      return
    }
    const name = `${source} ${destination} ${id} ${protocol}`
    this.#joined(
      parent,
      packet,
      name,
      (fragment & 0x1fff) * 8,
      (fragment & 0x2000) !== 0,
      (whole) => this.#inside(parent, whole, protocol, source, destination, reading),
      reading,
    )
  }

  /** RFC 8200 §3, §4 */
  #ipv6(parent: Node, cursor: Cursor, reading: Reading): void {
    const packet = cursor.take(40 + cursor.peek16(4))
    const node = packet.group(parent, IPV6.header, 40)
    packet.number(node, IPV6.first, 4)
    packet.number(node, IPV6.length, 2)
    let next = packet.number(node, IPV6.next, 1)
    packet.number(node, IPV6.hops, 1)
    const source = packet.address(node, IPV6.source, 16)
    const destination = packet.address(node, IPV6.destination, 16)
    node.value = `${source} to ${destination}`
    if (reading.depth === 0) Object.assign(reading.seen, { source, destination })
    for (let count = 0; count < DEEPEST && EXTENSIONS.has(next) && packet.left >= 8; count++) {
      const kind = next
      next = packet.peek()
      if (kind === FRAGMENT_HEADER) {
        const offset = packet.peek16(2)
        const id = `${packet.peek16(4)} ${packet.peek16(6)}`
        packet.octets(parent, IPV6.extension, 8)
        if ((offset & 0xfff9) === 0) continue
        const protocol = next
        this.#joined(
          parent,
          packet,
          `${source} ${destination} ${id}`,
          offset & 0xfff8,
          (offset & 1) !== 0,
          (whole) => this.#inside(parent, whole, protocol, source, destination, reading),
          reading,
        )
        return
      }
      packet.octets(parent, IPV6.extension, Math.min(packet.left, (packet.peek(1) + 1) * 8))
    }
    this.#inside(parent, packet, next, source, destination, reading)
  }

  #joined(
    parent: Node,
    part: Cursor,
    name: string,
    offset: number,
    more: boolean,
    then: (whole: Cursor) => void,
    { layers, help }: Reading,
  ): void {
    const data = part.bytes.slice(part.at, part.end)
    parent.remark('incomplete', `a fragment: octets ${offset} to ${offset + data.length} of a packet`)
    if (part.left > 0) part.octets(parent, OTHER)
    const whole = help.join(() => this.#keep(name, offset, data, more))
    if (whole === undefined) return
    const layer = layers.push({ name: 'Packet of all fragments', bytes: whole }) - 1
    const cursor = new Cursor(whole, layer)
    cursor.group(parent, JOINED)
    then(cursor)
  }

  /** The whole packet, when this was the fragment that lacked. */
  #keep(name: string, offset: number, data: Uint8Array, more: boolean): Uint8Array | undefined {
    const kept = this.#fragments.get(name) ?? { parts: [], end: undefined, octets: 0 }
    if (kept.octets + data.length > LARGEST_PACKET) return undefined
    kept.parts.push({ offset, data })
    kept.octets += data.length
    if (!more) kept.end = offset + data.length
    this.#fragments.set(name, kept)
    const whole = wholeOf(kept)
    if (whole !== undefined) this.#fragments.delete(name)
    return whole
  }

  #inside(
    parent: Node,
    body: Cursor,
    protocol: number,
    source: string,
    destination: string,
    reading: Reading,
  ): void {
    const { seen, depth } = reading
    switch (protocol) {
      case 6:
        this.#tcp(parent, body, source, destination, reading)
        return
      case 17:
        this.#udp(parent, body, source, destination, reading)
        return
      case 50:
        if (depth === 0 && seen.kind === 'other') seen.kind = 'esp'
        this.#esp(parent, body, source, destination, reading)
        return
      case 51:
        if (depth === 0) seen.kind = 'ah'
        this.#ah(parent, body, source, destination, reading)
        return
      case 4:
      case 41:
        this.#ip(parent, body, { ...reading, depth: depth + 1 })
        return
      case 1:
      case 58: {
        const node = body.group(parent, ICMP.header)
        body.number(node, protocol === 1 ? ICMP.type : ICMP.type6, 1)
        body.number(node, protocol === 1 ? ICMP.code : ICMP.code6, 1)
        if (body.left > 0) body.octets(node, ICMP.rest)
        return
      }
      default:
        if (body.left > 0) body.octets(parent, OTHER)
    }
  }

  #udp(parent: Node, body: Cursor, source: string, destination: string, reading: Reading): void {
    const { seen, depth } = reading
    const node = body.group(parent, UDP.header, 8)
    const from = body.number(node, UDP.source, 2)
    const to = body.number(node, UDP.destination, 2)
    const length = body.number(node, UDP.length, 2)
    body.number(node, UDP.checksum, 2)
    if (depth === 0) Object.assign(seen, { sourcePort: from, destinationPort: to })
    const data = body.take(length < 8 ? body.left : length - 8)
    if (data.left === 0) return
    if (from === 4500 || to === 4500) this.#encapsulated(parent, data, source, destination, reading)
    else if (from === 500 || to === 500) this.#ike(parent, data, reading)
    else data.octets(parent, OTHER)
  }

  /** IKE and ESP on one way, told apart by a marker. RFC 3948 §2, RFC 9329 §3 */
  #encapsulated(parent: Node, data: Cursor, source: string, destination: string, reading: Reading): void {
    const { seen, depth } = reading
    if (data.left === 1 && data.peek() === 0xff) {
      if (depth === 0) seen.kind = 'keepalive'
      data.octets(parent, UDP.keepalive)
    } else if (data.left >= 4 && data.peek16() === 0 && data.peek16(2) === 0) {
      data.octets(parent, UDP.marker, 4)
      this.#ike(parent, data, reading)
    } else {
      if (depth === 0) seen.kind = 'esp'
      this.#esp(parent, data, source, destination, reading)
    }
  }

  #ike(parent: Node, data: Cursor, { seen, help, layers, depth }: Reading): void {
    if (depth === 0) seen.kind = 'ike'
    help.ike(parent, layers, data.bytes.subarray(data.at, data.end))
  }

  /** RFC 9293 §3.1, RFC 9329 §3 */
  #tcp(parent: Node, body: Cursor, source: string, destination: string, reading: Reading): void {
    const { seen, help, layers, depth } = reading
    const headerBytes = (body.peek(12) >> 4) * 4
    const node = body.group(parent, TCP.header, Math.max(20, headerBytes))
    const from = body.number(node, TCP.source, 2)
    const to = body.number(node, TCP.destination, 2)
    const sequence = body.number(node, TCP.sequence, 4)
    body.number(node, TCP.acknowledgement, 4)
    body.number(node, TCP.flags, 2)
    body.number(node, TCP.window, 2)
    body.number(node, TCP.checksum, 2)
    body.number(node, TCP.urgent, 2)
    if (headerBytes < 20) {
      node.remark('badLength', `a header of ${headerBytes} octets, at least 20 wanted`)
      return
    }
    if (headerBytes > 20) body.octets(node, TCP.options, Math.min(headerBytes - 20, body.left))
    if (depth === 0) Object.assign(seen, { sourcePort: from, destinationPort: to })
    if (body.left === 0) return
    const data = body.bytes.subarray(body.at, body.end)
    const way = { source: `${source} ${from}`, destination: `${destination} ${to}` }
    const ofIke = [from, to].some((port) => port === 500 || port === 4500)
    const segment = help.join(() => this.#streams.take(way, sequence, data, ofIke))
    if (segment === undefined || segment.again) {
      if (segment !== undefined) node.remark('incomplete', 'these octets were sent before')
      body.octets(parent, OTHER)
      return
    }
    if (segment.before.length === 0) {
      this.#frames(parent, body, segment.prefixed, source, destination, reading)
      return
    }
    body.octets(parent, TCP.part)
    const whole = concat(segment.before, data)
    const cursor = new Cursor(whole, layers.push({ name: 'TCP stream', bytes: whole }) - 1)
    const joined = cursor.group(parent, TCP.joined)
    this.#frames(joined, cursor, false, source, destination, reading)
  }

  /** The messages of a stream from one of their beginnings on, each behind its length. RFC 9329 §3 */
  #frames(
    parent: Node,
    stream: Cursor,
    prefixed: boolean,
    source: string,
    destination: string,
    reading: Reading,
  ): void {
    if (prefixed) stream.octets(parent, TCP.prefix, STREAM_PREFIX.length)
    while (stream.left >= 2) {
      const length = stream.peek16()
      if (length > stream.left) break
      const node = stream.group(parent, TCP.frame, Math.max(2, length))
      const message = stream.take(Math.max(2, length))
      message.number(node, TCP.length, 2)
      if (length < 2) {
        node.remark('badLength', `a length of ${length}, and the length alone has 2 octets`)
        break
      }
      if (message.left > 0) this.#encapsulated(node, message, source, destination, reading)
    }
    if (stream.left === 0) return
    parent.remark('incomplete', `the rest of a message: ${stream.left} octets of it are here`)
    stream.octets(parent, TCP.part)
  }

  /** RFC 4303 §2 */
  #esp(parent: Node, body: Cursor, source: string, destination: string, reading: Reading): void {
    const { layers, help } = reading
    const node = body.group(parent, ESP.packet)
    const packet = body.bytes.subarray(body.at, body.end)
    const spi = body.number(node, ESP.spi, 4)
    body.number(node, ESP.sequence, 4)
    if (body.left === 0) return
    const opened = help.openEsp(packet, spi, source, destination)
    if ('remark' in opened) {
      node.remark(opened.remark, opened.text)
      body.octets(node, ESP.data)
      return
    }
    const { plaintext, ivBytes, icvBytes, checked } = opened
    if (!checked && !looksDecrypted(plaintext)) {
      node.remark('wrongKey', 'nonsense comes out: another key, and the table says not to check')
      body.octets(node, ESP.data)
      return
    }
    if (ivBytes > 0) body.octets(node, ESP.iv, ivBytes)
    body.octets(node, ESP.data, body.left - icvBytes)
    if (icvBytes > 0) body.octets(node, ESP.icv)
    const layer = layers.push({ name: 'Decrypted', bytes: plaintext }) - 1
    const cursor = new Cursor(plaintext, layer)
    const inner = cursor.group(node, ESP.decrypted)
    const padding = plaintext.at(-2) ?? 0
    if (plaintext.length < 2 + padding) {
      inner.remark('wrongKey', 'more padding than there are octets')
      cursor.octets(inner, OTHER)
      return
    }
    const content = cursor.take(plaintext.length - 2 - padding)
    if (padding > 0) cursor.octets(inner, ESP.padding, padding)
    cursor.number(inner, ESP.padLength, 1)
    const next = cursor.number(inner, ESP.next, 1)
    // A dummy packet says so, and is empty of meaning. RFC 4303 §2.6
    if (next === NO_NEXT_HEADER) return
    this.#inside(inner, content, next, source, destination, { ...reading, depth: reading.depth + 1 })
  }

  /** RFC 4302 §2 */
  #ah(parent: Node, body: Cursor, source: string, destination: string, reading: Reading): void {
    const bytes = (body.peek(1) + 2) * 4
    const node = body.group(parent, AH.header, bytes)
    const next = body.number(node, AH.next, 1)
    body.number(node, AH.length, 1)
    body.octets(node, AH.reserved, 2)
    body.number(node, AH.spi, 4)
    body.number(node, AH.sequence, 4)
    if (bytes < 12) {
      node.remark('badLength', `${bytes} octets, at least 12 wanted`)
      return
    }
    body.octets(node, AH.icv, bytes - 12)
    this.#inside(parent, body, next, source, destination, { ...reading, depth: reading.depth + 1 })
  }
}

/** What stands inside ESP now and then. */
const INSIDE_ESP: ReadonlySet<number> = new Set([
  0, 1, 4, 6, 17, 41, 43, 44, 47, 50, 51, 58, 59, 60, 89, 103, 132,
])

/** Whether padding and next header are as they should be: of what a wrong key makes, hardly anything is. RFC 4303 §2.4, §2.6 */
function looksDecrypted(plaintext: Uint8Array): boolean {
  const [padding, next] = [plaintext.at(-2) ?? 0, plaintext.at(-1) ?? -1]
  const begin = plaintext.length - 2 - padding
  if (begin < 0 || !INSIDE_ESP.has(next)) return false
  const first = plaintext[0] ?? 0
  if (begin > 0 && (next === 4 || next === 41) && first >> 4 !== (next === 4 ? 4 : 6)) return false
  const pad = plaintext.subarray(begin, begin + padding)
  // Some old ones pad with zeros.
  return pad.every((octet, at) => octet === at + 1) || pad.every((octet) => octet === 0)
}

const NO_NEXT_HEADER = 59
const FRAGMENT_HEADER = 44
/** Hop-by-hop, routing, fragment, destination options. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, FRAGMENT_HEADER, 60])

function wholeOf({ parts, end }: Fragments): Uint8Array | undefined {
  if (end === undefined) return undefined
  const sorted = [...parts].sort((a, b) => a.offset - b.offset)
  let at = 0
  const pieces: Uint8Array[] = []
  for (const { offset, data } of sorted) {
    if (offset > at) return undefined
    // What overlaps is taken from the first that came.
    if (offset + data.length <= at) continue
    pieces.push(data.subarray(at - offset))
    at = offset + data.length
  }
  return at >= end ? concat(...pieces).subarray(0, end) : undefined
}
