import type { CryptoRegistry } from '../crypto/transforms.ts'
import { dissectIkev1, type Ikev1Header, type Ikev1Help } from './ikev1.ts'
import { Ikev1Memory } from './ikev1-memory.ts'
import { dissectIkev2, type Ikev2Help } from './ikev2.ts'
import { Ikev2Memory } from './ikev2-memory.ts'
import type { EspKey, KeyTables } from './key-tables.ts'
import { type EspOpened, type PacketHelp, PacketReader, type Seen } from './packets.ts'
import { Tape } from './tape.ts'
import type { Layer, Node, RemarkKind, Tree } from './tree.ts'
import { unlock } from './unlock.ts'

/** A frame of a capture. */
export interface Frame {
  /** Counts from 1. */
  readonly number: number
  /** Unix time in ms, with fractions. */
  readonly atMs: number
  readonly linkType: number
  readonly bytes: Uint8Array
  /** Octets it had before the capture cut it. */
  readonly wireBytes: number
}

export interface Packet extends Seen {
  readonly number: number
  readonly atMs: number
  readonly bytes: number
  readonly tree: Tree
}

/** Takes frames apart one after the other, in their order; remembers what later ones need, within bounds. */
export class Decoder {
  readonly #registry: CryptoRegistry
  readonly #esp: readonly EspKey[]
  readonly #ikev1: Ikev1Memory
  readonly #ikev2: Ikev2Memory
  readonly #packets = new PacketReader()
  readonly #help: PacketHelp
  /** What the packet at hand needs of those before it. */
  #tape = new Tape()

  constructor(registry: CryptoRegistry, keys: KeyTables) {
    this.#registry = registry
    this.#esp = keys.esp
    this.#ikev1 = new Ikev1Memory(registry, keys.ikev1)
    this.#ikev2 = new Ikev2Memory(registry, keys.ikev2)
    this.#help = {
      ike: (parent, layers, bytes) => this.#ike(parent, layers, bytes),
      openEsp: (packet, spi, source, destination) => this.#openEsp(packet, spi, source, destination),
      join: (work) => this.#tape.through(work),
    }
  }

  /**
   * Never throws for what the frame holds. `tape`: a new one records what it needed of frames before it; one that is
   * played takes it apart again without them.
   */
  frame({ number, atMs, linkType, bytes, wireBytes }: Frame, tape = new Tape()): Packet {
    this.#tape = tape
    const { tree, seen } = this.#packets.read(bytes, linkType, this.#help)
    if (wireBytes > bytes.length) {
      tree.root.remark('incomplete', `the capture kept ${bytes.length} of ${wireBytes} octets`)
    }
    return { number, atMs, bytes: wireBytes, tree, ...seen }
  }

  /** An IKE message without non-ESP marker. */
  message(bytes: Uint8Array): Tree {
    const layers: Layer[] = []
    return { layers, root: this.#dissect(layers, bytes) }
  }

  #ike(parent: Node, layers: Layer[], bytes: Uint8Array): void {
    parent.add(this.#dissect(layers, bytes))
  }

  #dissect(layers: Layer[], bytes: Uint8Array): Node {
    const version = bytes.length >= 18 ? bytes[17]! >> 4 : 2
    const [tape, v1, v2] = [this.#tape, this.#ikev1, this.#ikev2]
    if (version !== 1) {
      const help: Ikev2Help = {
        open: (...given) => v2.open(...given),
        join: (...given) => tape.through(() => v2.join(...given)),
      }
      return dissectIkev2(bytes, help, layers).root
    }
    const help: Ikev1Help = {
      open: (...given) => tape.through(() => v1.open(...given)),
      join: (...given) => tape.through(() => v1.join(...given)),
    }
    const tree = dissectIkev1(bytes, help, layers)
    if (bytes.length >= 28 && !tape.playing) this.#ikev1.learn(headerOf(bytes), tree)
    return tree.root
  }

  #openEsp(
    packet: Uint8Array,
    spi: number,
    source: string,
    destination: string,
  ): EspOpened | { readonly remark: RemarkKind; readonly text: string } {
    const key = this.#esp.find(
      (row) =>
        (row.spi === undefined || row.spi === spi) &&
        matches(row.destination, destination) &&
        matches(row.source, source),
    )
    if (key === undefined) return { remark: 'noKey', text: 'encrypted: there is no key for this SPI' }
    const keys = { encryption: key.encryptionKey, integrity: key.integrityKey }
    const opened = unlock(this.#registry, key, keys, {
      prefix: packet.subarray(0, 8),
      body: packet.subarray(8),
      ...(key.esn ? { high: new Uint8Array(4) } : {}),
    })
    return 'remark' in opened && key.esn
      ? { ...opened, text: `${opened.text} (the upper half of extended sequence numbers is taken as zero)` }
      : opened
  }
}

const matches = (row: string, address: string): boolean => row === '*' || row === 'any' || row === address

const headerOf = (bytes: Uint8Array): Ikev1Header => ({
  initiatorCookie: bytes.subarray(0, 8),
  responderCookie: bytes.subarray(8, 16),
  exchange: bytes[18]!,
  encrypted: (bytes[19]! & 1) !== 0,
  messageId: new DataView(bytes.buffer, bytes.byteOffset).getUint32(20),
})
