import { concat } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry, IntegrityInfo } from '../crypto/transforms.ts'
import { type OpenFault, open } from '../esp/open.ts'
import { ReplayWindow } from '../esp/replay-window.ts'
import { ivFor, seal } from '../esp/seal.ts'
import { coversInbound, coversOutbound, parseInner } from '../esp/selectors.ts'
import { createSuite, type EspSuite } from '../esp/suite.ts'
import { decodeAh } from '../wire/ah.ts'
import { decodeEsp } from '../wire/esp.ts'
import {
  type IpPacket,
  identifications,
  outerHeader,
  Protocol,
  readIp,
  settle,
  trafficClassOf,
} from '../wire/ip-packet.ts'
import { integrityOf, openAh, protectByAh } from './ah.ts'
import type { Association, IpsecPolicy } from './association.ts'

export interface IpsecEngineOptions {
  readonly registry: CryptoRegistry
  readonly random: Random
  /** The first policy whose selectors fit a packet is its policy. RFC 4301 §4.4.1 */
  readonly policies: readonly IpsecPolicy[]
  /** A packet as it was before the peer protected it. */
  readonly toHost: (packet: Uint8Array) => void
  /** A whole IP packet, protected. */
  readonly toNetwork: (packet: Uint8Array) => void
}

/** Packets of each fate. */
export interface IpsecCounters {
  sent: number
  received: number
  /** No policy is for it, or it would have to be fragmented first. */
  noPolicy: number
  noSa: number
  malformed: number
  replayed: number
  failedIcv: number
  /** It came through other associations than its policy wants, or is not what they may carry. */
  selectorMismatch: number
  /** The sequence numbers of its SA are used up. */
  exhausted: number
}

interface Keyed {
  readonly association: Association
  readonly esp: EspSuite | undefined
  readonly integrity: IntegrityInfo | undefined
  readonly window: ReplayWindow
  sequence: bigint
}

/** Ours: nobody wraps a packet deeper. */
const MOST_LAYERS = 4

/**
 * IPsec on whole IP packets, protocols 50 and 51: ESP and AH, transport and tunnel mode, one around the other. The one to
 * read beside RFC 4301, and the peer of others' kernels in tests.
 *
 * @throws RangeError when the registry lacks an algorithm, or a key has another length
 */
export class IpsecEngine {
  readonly counters: IpsecCounters = {
    sent: 0,
    received: 0,
    noPolicy: 0,
    noSa: 0,
    malformed: 0,
    replayed: 0,
    failedIcv: 0,
    selectorMismatch: 0,
    exhausted: 0,
  }
  readonly #options: IpsecEngineOptions
  readonly #outbound: readonly { readonly policy: IpsecPolicy; readonly chain: readonly Keyed[] }[]
  readonly #inbound = new Map<string, Keyed>()
  readonly #nextIdentification: () => number

  constructor(options: IpsecEngineOptions) {
    this.#options = options
    const keyed = (association: Association): Keyed => keys(options.registry, association)
    this.#outbound = options.policies.map((policy) => ({ policy, chain: policy.outbound.map(keyed) }))
    for (const one of options.policies.flatMap(({ inbound }) => inbound))
      this.#inbound.set(`${one.protocol} ${one.sa.spi}`, keyed(one))
    this.#nextIdentification = identifications(options.random)
  }

  /** A packet of this host, which its policy protects. */
  fromHost(packet: Uint8Array): void {
    const inner = parseInner(packet)
    const found = inner && this.#outbound.find(({ policy }) => coversOutbound(policy.selectors, inner))
    if (inner === undefined || found === undefined) {
      this.counters.noPolicy++
      return
    }
    let current: Uint8Array = packet.slice(0, inner.length)
    for (const one of found.chain) {
      const last = one.association.sa.esn ? 2n ** 64n - 1n : 2n ** 32n - 1n
      if (one.sequence === last) {
        this.counters.exhausted++
        return
      }
      one.sequence += 1n
      const next = this.#protect(current, one)
      if (next === undefined) {
        this.counters.noPolicy++
        return
      }
      current = next
    }
    this.counters.sent++
    this.#options.toNetwork(current)
  }

  #protect(packet: Uint8Array, one: Keyed): Uint8Array | undefined {
    const { association, sequence } = one
    const protocol = association.protocol === 'ah' ? Protocol.ah : Protocol.esp
    const tunnelled = association.mode === 'tunnel'
    const around = tunnelled
      ? outerHeader(association, protocol, {
          trafficClass: trafficClassOf(packet),
          identification: this.#nextIdentification(),
        })
      : undefined
    const nextHeader = packet[0]! >> 4 === 4 ? Protocol.ipv4 : Protocol.ipv6
    const whole = around === undefined ? packet : concat(around, packet)
    const ip: IpPacket | undefined =
      around === undefined
        ? readIp(packet)
        : {
            version: around.length === 20 ? 4 : 6,
            length: whole.length,
            at: around.length,
            protocolAt: around.length === 20 ? 9 : 6,
            protocol: nextHeader,
            fragment: false,
          }
    if (ip === undefined || ip.fragment) return undefined
    if (association.protocol === 'ah')
      return protectByAh(whole, ip, { sa: association.sa, integrity: one.integrity!, sequence })
    const { spi, esn } = association.sa
    const suite = one.esp!
    const content = { payload: whole.subarray(ip.at, ip.length), nextHeader: ip.protocol }
    const esp = seal(suite, { spi, sequence, esn }, ivFor(suite, sequence, this.#options.random), content)
    const made = concat(whole.subarray(0, ip.at), esp)
    made[ip.protocolAt] = Protocol.esp
    settle(made)
    return made
  }

  /** A packet from the network, with all its headers. Anything but ESP and AH is not for this engine. */
  fromNetwork(packet: Uint8Array): void {
    const passed: Association[] = []
    let current = packet
    for (let layer = 0; layer <= MOST_LAYERS; layer++) {
      const ip = readIp(current)
      if (ip === undefined) return this.#drop('malformed')
      const wrapped = ip.protocol === Protocol.ah || ip.protocol === Protocol.esp
      const inside = passed.at(-1)?.mode === 'tunnel'
      // What came out of a tunnel is a packet of its own, whatever it carries.
      if (passed.length > 0 && (inside || !wrapped)) return this.#deliver(current, passed)
      if (!wrapped) return
      if (ip.fragment || layer === MOST_LAYERS) return this.#drop('malformed')
      const one = this.#find(current, ip)
      if (one === undefined) return this.#drop('noSa')
      const opened =
        one.association.protocol === 'ah' ? this.#openAh(current, ip, one) : this.#openEsp(current, ip, one)
      if (typeof opened === 'string') return this.#drop(opened)
      passed.push(one.association)
      current = opened
    }
  }

  #find(packet: Uint8Array, { at, length, protocol }: IpPacket): Keyed | undefined {
    const header = packet.subarray(at, length)
    const read = protocol === Protocol.ah ? decodeAh(header) : decodeEsp(header)
    return read.ok
      ? this.#inbound.get(`${protocol === Protocol.ah ? 'ah' : 'esp'} ${read.value.spi}`)
      : undefined
  }

  #openAh(
    packet: Uint8Array,
    ip: IpPacket,
    { association, integrity, window }: Keyed,
  ): Uint8Array | OpenFault {
    if (association.protocol !== 'ah') return 'malformed'
    const opened = openAh(packet, ip, { sa: association.sa, integrity: integrity!, window })
    if (!opened.ok) return opened.fault
    return association.mode === 'tunnel' ? opened.packet.subarray(ip.at) : opened.packet
  }

  #openEsp(packet: Uint8Array, ip: IpPacket, { association, esp, window }: Keyed): Uint8Array | OpenFault {
    const read = decodeEsp(packet.subarray(ip.at, ip.length))
    if (!read.ok) return 'malformed'
    const opened = open(esp!, window, association.sa.esn, read.value)
    if (!opened.ok) return opened.fault
    const { payload, nextHeader } = opened.content
    if (association.mode === 'tunnel')
      return nextHeader === Protocol.ipv4 || nextHeader === Protocol.ipv6 ? payload : 'malformed'
    const made = concat(packet.subarray(0, ip.at), payload)
    made[ip.protocolAt] = nextHeader
    settle(made)
    return made
  }

  /** Only what came through all the associations of its policy, in their order, and nothing else. RFC 4301 §5.2 */
  #deliver(packet: Uint8Array, passed: readonly Association[]): void {
    const inner = parseInner(packet)
    if (inner === undefined) return this.#drop('malformed')
    const { policies } = this.#options
    const policy = policies.find(({ selectors, inbound }) => {
      const outermostFirst = inbound.toReversed()
      const same =
        outermostFirst.length === passed.length &&
        outermostFirst.every(
          (one, at) => one.protocol === passed[at]!.protocol && one.sa.spi === passed[at]!.sa.spi,
        )
      return same && coversInbound(selectors, inner)
    })
    if (policy === undefined) return this.#drop('selectorMismatch')
    this.counters.received++
    this.#options.toHost(packet.slice(0, inner.length))
  }

  #drop(fate: Exclude<keyof IpsecCounters, 'sent' | 'received'>): void {
    this.counters[fate]++
  }

  /** Wipes all keys. */
  close(): void {
    const all = [...this.#inbound.values(), ...this.#outbound.flatMap(({ chain }) => chain)]
    for (const { association, esp } of all) {
      esp?.close()
      if (association.protocol === 'ah') association.sa.integrityKey.close()
    }
  }
}

function keys(registry: CryptoRegistry, association: Association): Keyed {
  const { protocol, sa } = association
  return {
    association,
    esp: protocol === 'esp' ? createSuite(registry, sa) : undefined,
    integrity: protocol === 'ah' ? integrityOf(registry, sa) : undefined,
    window: new ReplayWindow(),
    sequence: 0n,
  }
}
