import type { EspSpi, Millis } from '../bytes/brands.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import { decodeEsp, NextHeader } from '../wire/esp.ts'
import type {
  EspEvents,
  EspLimits,
  EspSa,
  InboundCounters,
  OutboundCounters,
  PacketEngine,
  SelectorPair,
} from './engine.ts'
import { type OpenFault, open } from './open.ts'
import { ReplayWindow } from './replay-window.ts'
import { ivFor, seal } from './seal.ts'
import { coversInbound, coversOutbound, parseInner } from './selectors.ts'
import { createSuite, type EspSuite } from './suite.ts'
import { count as countUsage, hardSequence, nothingYet, type Usage } from './usage.ts'

export interface TypescriptEngineOptions extends EspEvents {
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly now: () => Millis
  /** An inner packet that arrived; the receiver may keep it. */
  readonly toTun: (packet: Uint8Array) => void
  /** A whole ESP packet, from the SPI on, without IP or UDP header. */
  readonly toNetwork: (esp: Uint8Array) => void
  readonly limits?: EspLimits
}

/** The engine, and the two ends its owner pumps packets into. */
export type TypescriptEngine = PacketEngine

interface Inbound extends Usage {
  readonly sa: EspSa
  readonly selectors: SelectorPair
  readonly suite: EspSuite
  readonly window: ReplayWindow
  readonly drops: Record<OpenFault | 'selectorMismatch', number>
}

interface Outbound extends Usage {
  readonly sa: EspSa
  readonly selectors: SelectorPair
  readonly suite: EspSuite
  sequence: bigint
  exhausted: boolean
}

/** The datapath to read beside RFC 4303: tunnel mode, one packet at a time, every rule in the open. */
export function createTypescriptEngine(options: TypescriptEngineOptions): TypescriptEngine {
  const { registry, random, now, toTun, toNetwork, limits = {} } = options
  const inboundSas = new Map<EspSpi, Inbound>()
  /** By CHILD_SA in order of their making; of each the newest SA last. */
  const children = new Map<string, Outbound[]>()
  let noSa = 0
  let noSelector = 0

  function fromTun(packet: Uint8Array): void {
    const inner = parseInner(packet)
    const out = inner && findOutbound((selectors) => coversOutbound(selectors, inner))
    if (inner === undefined || out === undefined) {
      noSelector++
      return
    }
    const sequence = nextSequence(out)
    if (sequence === undefined) return
    const { sa, suite } = out
    const esp = seal(suite, { spi: sa.spi, sequence, esn: sa.esn }, ivFor(suite, sequence, random), {
      payload: packet.subarray(0, inner.length),
      nextHeader: inner.version === 4 ? NextHeader.ipv4 : NextHeader.ipv6,
    })
    count(out, inner.length, sa, sequence)
    toNetwork(esp)
  }

  /** Counts up, and stops for good at the last one: a number used twice breaks replay protection and counter modes. RFC 4303 §3.3.3 */
  function nextSequence(out: Outbound): bigint | undefined {
    if (out.sequence < hardSequence(out.sa, limits)) return ++out.sequence
    if (!out.exhausted) {
      out.exhausted = true
      options.onHardLimit?.(out.sa.spi)
    }
    return undefined
  }

  /** The first child whose selectors fit; of it the newest SA. RFC 4301 §5.1 */
  function findOutbound(fits: (selectors: SelectorPair) => boolean): Outbound | undefined {
    for (const sas of children.values()) {
      const newest = sas.at(-1)
      if (newest !== undefined && fits(newest.selectors)) return newest
    }
    return undefined
  }

  /** A packet that fails any check vanishes without a word and leaves a count behind. RFC 4303 §3.4 */
  function fromNetwork(esp: Uint8Array): void {
    const packet = decodeEsp(esp)
    const into = packet.ok ? inboundSas.get(packet.value.spi) : undefined
    if (!packet.ok || into === undefined) {
      noSa++
      return
    }
    const opened = open(into.suite, into.window, into.sa.esn, packet.value)
    if (opened.ok || opened.authentic) into.lastAtMs = now()
    if (!opened.ok) {
      into.drops[opened.fault]++
      return
    }
    const { payload, nextHeader } = opened.content
    if (nextHeader === NextHeader.none) return // a dummy packet, RFC 4303 §2.6
    const inner = parseInner(payload)
    const version = nextHeader === NextHeader.ipv4 ? 4 : nextHeader === NextHeader.ipv6 ? 6 : undefined
    if (inner === undefined || inner.version !== version) {
      into.drops.malformed++
      return
    }
    if (!coversInbound(into.selectors, inner)) {
      into.drops.selectorMismatch++
      return
    }
    count(into, inner.length, into.sa, opened.sequence)
    // Whatever follows the inner packet hides its length from onlookers. RFC 4303 §2.7
    toTun(payload.subarray(0, inner.length))
  }

  function count(used: Usage, bytes: number, sa: EspSa, sequence: bigint): void {
    countUsage(used, { bytes, sequence, at: now() }, sa, { ...options, limits })
  }

  function removeInbound(spi: EspSpi): void {
    inboundSas.get(spi)?.suite.close()
    inboundSas.delete(spi)
  }

  /** An older SA of the same child that is still there takes over. */
  function removeOutbound(spi: EspSpi): void {
    for (const [child, sas] of children) {
      const at = sas.findIndex((out) => out.sa.spi === spi)
      if (at < 0) continue
      sas.splice(at, 1)[0]?.suite.close()
      if (sas.length === 0) children.delete(child)
      return
    }
  }

  function outboundSa(spi: EspSpi): Outbound | undefined {
    for (const sas of children.values()) {
      const found = sas.find((out) => out.sa.spi === spi)
      if (found !== undefined) return found
    }
    return undefined
  }

  return {
    kind: 'typescript',
    fromTun,
    fromNetwork,
    addInbound(sa, selectors) {
      const suite = createSuite(registry, sa)
      removeInbound(sa.spi)
      inboundSas.set(sa.spi, {
        ...nothingYet(),
        sa,
        selectors,
        suite,
        window: new ReplayWindow(limits.replayWindow),
        drops: { replayed: 0, failedIcv: 0, malformed: 0, selectorMismatch: 0 },
      })
    },
    useOutbound(child, sa, selectors) {
      const suite = createSuite(registry, sa)
      const out: Outbound = { ...nothingYet(), sa, selectors, suite, sequence: 0n, exhausted: false }
      const sas = children.get(child)
      if (sas === undefined) children.set(child, [out])
      else sas.push(out)
    },
    removeInbound,
    removeOutbound,
    inbound(spi): InboundCounters | undefined {
      const into = inboundSas.get(spi)
      return into && { bytes: into.bytes, packets: into.packets, lastAtMs: into.lastAtMs, ...into.drops }
    },
    outbound(spi): OutboundCounters | undefined {
      const out = outboundSa(spi)
      return out && { bytes: out.bytes, packets: out.packets, lastAtMs: out.lastAtMs, sequence: out.sequence }
    },
    strays: () => ({ noSa, noSelector }),
    close() {
      for (const into of inboundSas.values()) into.suite.close()
      for (const sas of children.values()) for (const out of sas) out.suite.close()
      inboundSas.clear()
      children.clear()
    },
  }
}
