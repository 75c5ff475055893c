import type { EspSpi, Millis } from '../bytes/brands.ts'
import { concat } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry, IntegrityInfo } from '../crypto/transforms.ts'
import type { EspEvents, EspLimits, InboundCounters, OutboundCounters, SelectorPair } from '../esp/engine.ts'
import { type OpenFault, open } from '../esp/open.ts'
import { ReplayWindow } from '../esp/replay-window.ts'
import { ivFor, seal } from '../esp/seal.ts'
import { coversInbound, coversOutbound, parseInner } from '../esp/selectors.ts'
import { createSuite, type EspSuite } from '../esp/suite.ts'
import { count, hardSequence, nothingYet, type Usage } from '../esp/usage.ts'
import { decodeAh } from '../wire/ah.ts'
import { decodeEsp, NextHeader } from '../wire/esp.ts'
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
import { type Association, type IpsecPolicy, nameOf } from './association.ts'
import { asIcvCovers } from './mutable.ts'

export interface IpsecEngineOptions extends EspEvents {
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly now: () => Millis
  readonly limits?: EspLimits
  /** Installed from the beginning; more may follow. */
  readonly policies?: readonly IpsecPolicy[]
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

/** The associations of a policy in one direction, the innermost first. RFC 4301 §4.4.1 */
interface Chain extends Usage {
  readonly spi: EspSpi
  readonly selectors: SelectorPair
  readonly links: readonly Keyed[]
  readonly drops: Record<OpenFault | 'selectorMismatch', number>
  exhausted: boolean
}

type Drop = OpenFault | 'selectorMismatch'

/** Ours: nobody wraps a packet deeper. */
const MOST_LAYERS = 4

/**
 * IPsec on whole IP packets, protocols 50 and 51: ESP and AH, transport and tunnel mode, one around the other. The one to
 * read beside RFC 4301, and the peer of others' kernels in tests. Packets of a policy leave by its newest associations;
 * all that are installed are accepted until they are removed.
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
  readonly #limits: EspLimits
  /** By policy in order of their making; of each the newest chain last. The first whose selectors fit is it. RFC 4301 §4.4.1 */
  readonly #outbound = new Map<string, Chain[]>()
  readonly #inbound = new Map<EspSpi, Chain>()
  readonly #byHeader = new Map<string, { readonly link: Keyed; readonly chain: Chain }>()
  readonly #nextIdentification: () => number

  constructor(options: IpsecEngineOptions) {
    this.#options = options
    this.#limits = options.limits ?? {}
    this.#nextIdentification = identifications(options.random)
    for (const { name, selectors, outbound, inbound } of options.policies ?? []) {
      if (outbound.length > 0) this.useOutbound(name, outbound, selectors)
      if (inbound.length > 0) this.addInbound(inbound, selectors)
    }
  }

  /** Accepts what comes through all of these, the innermost first, from now on. Takes over the keys. */
  addInbound(associations: readonly Association[], selectors: SelectorPair): void {
    const chain = this.#chain(associations, selectors)
    this.removeInbound(chain.spi)
    this.#inbound.set(chain.spi, chain)
    for (const link of chain.links) this.#byHeader.set(headerOf(link.association), { link, chain })
  }

  /** Sends what matches `selectors` through these from now on; `policy` names it across rekeys. Takes over the keys. */
  useOutbound(policy: string, associations: readonly Association[], selectors: SelectorPair): void {
    const chain = this.#chain(associations, selectors)
    const chains = this.#outbound.get(policy)
    if (chains === undefined) this.#outbound.set(policy, [chain])
    else chains.push(chain)
  }

  /** By the name of the associations. Their keys are wiped. Unknown ones are ignored. */
  removeInbound(spi: EspSpi): void {
    const chain = this.#inbound.get(spi)
    if (chain === undefined) return
    this.#inbound.delete(spi)
    for (const { association } of chain.links) this.#byHeader.delete(headerOf(association))
    closeChain(chain)
  }

  /** Older ones of the same policy that are still there take over. */
  removeOutbound(spi: EspSpi): void {
    for (const [policy, chains] of this.#outbound) {
      const at = chains.findIndex((chain) => chain.spi === spi)
      if (at < 0) continue
      for (const chain of chains.splice(at, 1)) closeChain(chain)
      if (chains.length === 0) this.#outbound.delete(policy)
      return
    }
  }

  inbound(spi: EspSpi): InboundCounters | undefined {
    const chain = this.#inbound.get(spi)
    return chain && { ...usageOf(chain), ...chain.drops }
  }

  outbound(spi: EspSpi): OutboundCounters | undefined {
    const chain = [...this.#outbound.values()].flat().find((one) => one.spi === spi)
    return chain && { ...usageOf(chain), sequence: chain.links[0]!.sequence }
  }

  #chain(associations: readonly Association[], selectors: SelectorPair): Chain {
    return {
      ...nothingYet(),
      spi: nameOf(associations),
      selectors,
      links: associations.map((one) => keys(this.#options.registry, one, this.#limits)),
      drops: { replayed: 0, failedIcv: 0, malformed: 0, selectorMismatch: 0 },
      exhausted: false,
    }
  }

  /** A packet of this host, which its policy protects. */
  fromHost(packet: Uint8Array): void {
    const inner = parseInner(packet)
    const found = inner && this.#find((selectors) => coversOutbound(selectors, inner))
    if (inner === undefined || found === undefined) {
      this.counters.noPolicy++
      return
    }
    const whole = packet.subarray(0, inner.length)
    // What cannot be protected must not cost a number.
    if (!canProtect(whole, found)) {
      this.counters.noPolicy++
      return
    }
    if (!this.#hasNumbers(found)) {
      this.counters.exhausted++
      return
    }
    let current: Uint8Array = whole
    for (const link of found.links) {
      link.sequence += 1n
      const next = this.#protect(current, link)
      if (next === undefined) {
        this.counters.noPolicy++
        return
      }
      current = next
    }
    this.counters.sent++
    this.#count(found, inner.length, found.links[0]!.sequence)
    this.#options.toNetwork(current)
  }

  #find(fits: (selectors: SelectorPair) => boolean): Chain | undefined {
    for (const chains of this.#outbound.values()) {
      const newest = chains.at(-1)
      if (newest !== undefined && fits(newest.selectors)) return newest
    }
    return undefined
  }

  /** A number used twice breaks replay protection and counter modes. RFC 4303 §3.3.3, RFC 4302 §3.3.2 */
  #hasNumbers(chain: Chain): boolean {
    const left = chain.links.every(
      ({ sequence, association }) => sequence < hardSequence(association.sa, this.#limits),
    )
    if (left || chain.exhausted) return left
    chain.exhausted = true
    this.#options.onHardLimit?.(chain.spi)
    return false
  }

  #count(chain: Chain, bytes: number, sequence: bigint): void {
    const { esn } = chain.links[0]!.association.sa
    const events = { ...this.#options, limits: this.#limits }
    count(chain, { bytes, sequence, at: this.#options.now() }, { spi: chain.spi, esn }, events)
  }

  #protect(packet: Uint8Array, link: Keyed): Uint8Array | undefined {
    const { association, sequence } = link
    const protocol = association.protocol === 'ah' ? Protocol.ah : Protocol.esp
    const around =
      association.mode === 'tunnel'
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
    if (association.protocol === 'ah') {
      const numbered = around === undefined ? this.#numbered(whole) : whole
      return protectByAh(numbered, ip, { sa: association.sa, integrity: link.integrity!, sequence })
    }
    const { spi, esn } = association.sa
    const suite = link.esp!
    const content = { payload: whole.subarray(ip.at, ip.length), nextHeader: ip.protocol }
    const esp = seal(suite, { spi, sequence, esn }, ivFor(suite, sequence, this.#options.random), content)
    const made = concat(whole.subarray(0, ip.at), esp)
    made[ip.protocolAt] = Protocol.esp
    settle(made)
    return made
  }

  /** What may be in fragments has a number, or the kernel gives it one behind the back of the ICV. raw(7) */
  #numbered(packet: Uint8Array): Uint8Array {
    const numberless =
      packet[0]! >> 4 === 4 && packet[4] === 0 && packet[5] === 0 && (packet[6]! & 0x40) === 0
    if (!numberless) return packet
    const copy = packet.slice()
    new DataView(copy.buffer).setUint16(4, this.#nextIdentification())
    return copy
  }

  /** A packet from the network, with all its headers. Anything but ESP and AH is not for this engine. */
  fromNetwork(packet: Uint8Array): void {
    const passed: Keyed[] = []
    let chain: Chain | undefined
    let current = packet
    for (let layer = 0; layer <= MOST_LAYERS; layer++) {
      const ip = readIp(current)
      if (ip === undefined) return this.#drop('malformed', chain)
      const wrapped = ip.protocol === Protocol.ah || ip.protocol === Protocol.esp
      const inside = passed.at(-1)?.association.mode === 'tunnel'
      // What came out of a tunnel is a packet of its own, whatever it carries.
      if (chain !== undefined && (inside || !wrapped)) return this.#deliver(current, chain, passed)
      if (!wrapped) return
      if (ip.fragment || layer === MOST_LAYERS) return this.#drop('malformed', chain)
      const found = this.#lookUp(current, ip)
      if (found === undefined) {
        this.counters.noSa++
        return
      }
      chain ??= found.chain
      const opened =
        found.link.association.protocol === 'ah'
          ? this.#openAh(current, ip, found.link)
          : this.#openEsp(current, ip, found.link)
      if (opened === 'dummy') {
        chain.lastAtMs = this.#options.now()
        return
      }
      if (typeof opened === 'string') return this.#drop(opened, chain)
      passed.push(found.link)
      current = opened
    }
  }

  #lookUp(packet: Uint8Array, { at, length, protocol }: IpPacket) {
    const header = packet.subarray(at, length)
    const read = protocol === Protocol.ah ? decodeAh(header) : decodeEsp(header)
    return read.ok
      ? this.#byHeader.get(`${protocol === Protocol.ah ? 'ah' : 'esp'} ${read.value.spi}`)
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

  #openEsp(
    packet: Uint8Array,
    ip: IpPacket,
    { association, esp, window }: Keyed,
  ): Uint8Array | OpenFault | 'dummy' {
    const read = decodeEsp(packet.subarray(ip.at, ip.length))
    if (!read.ok) return 'malformed'
    const opened = open(esp!, window, association.sa.esn, read.value)
    if (!opened.ok) return opened.fault
    const { payload, nextHeader } = opened.content
    if (nextHeader === NextHeader.none) return 'dummy' // RFC 4303 §2.6
    if (association.mode === 'tunnel')
      return nextHeader === Protocol.ipv4 || nextHeader === Protocol.ipv6 ? payload : 'malformed'
    const made = concat(packet.subarray(0, ip.at), payload)
    made[ip.protocolAt] = nextHeader
    settle(made)
    return made
  }

  /** Only what came through all the associations of its policy, in their order, and nothing else. RFC 4301 §5.2 */
  #deliver(packet: Uint8Array, chain: Chain, passed: readonly Keyed[]): void {
    const inner = parseInner(packet)
    if (inner === undefined) return this.#drop('malformed', chain)
    const outermostFirst = chain.links.toReversed()
    const same =
      outermostFirst.length === passed.length && outermostFirst.every((link, at) => link === passed[at])
    if (!same || !coversInbound(chain.selectors, inner)) return this.#drop('selectorMismatch', chain)
    this.counters.received++
    this.#count(chain, inner.length, chain.links[0]!.window.top)
    this.#options.toHost(packet.slice(0, inner.length))
  }

  #drop(fate: Drop, chain: Chain | undefined): void {
    this.counters[fate]++
    if (chain !== undefined) chain.drops[fate]++
  }

  /** Wipes all keys. */
  close(): void {
    for (const chain of [...this.#inbound.values(), ...[...this.#outbound.values()].flat()]) closeChain(chain)
    this.#inbound.clear()
    this.#byHeader.clear()
    this.#outbound.clear()
  }
}

/** In transport mode: it is whole, and AH can foretell its headers. */
function canProtect(packet: Uint8Array, { links }: Chain): boolean {
  if (links[0]!.association.mode === 'tunnel') return true
  const ip = readIp(packet)
  if (ip === undefined || ip.fragment) return false
  return (
    !links.some(({ association }) => association.protocol === 'ah') || asIcvCovers(packet.slice(0, ip.at))
  )
}

const headerOf = ({ protocol, sa }: Association): string => `${protocol} ${sa.spi}`

const usageOf = ({ bytes, packets, lastAtMs }: Usage) => ({ bytes, packets, lastAtMs })

function closeChain({ links }: Chain): void {
  for (const { association, esp } of links) {
    esp?.close()
    if (association.protocol === 'ah') association.sa.integrityKey.close()
  }
}

function keys(registry: CryptoRegistry, association: Association, { replayWindow }: EspLimits): Keyed {
  const { protocol, sa } = association
  return {
    association,
    esp: protocol === 'esp' ? createSuite(registry, sa) : undefined,
    integrity: protocol === 'ah' ? integrityOf(registry, sa) : undefined,
    window: new ReplayWindow(replayWindow),
    sequence: 0n,
  }
}
