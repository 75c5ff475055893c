import { asMillis, type EspSpi } from '../../core/bytes/brands.ts'
import type { Random } from '../../core/bytes/random.ts'
import type { CryptoRegistry } from '../../core/crypto/transforms.ts'
import type { EspLimits, PacketEngine } from '../../core/esp/engine.ts'
import { createNativePacketEngine } from '../../core/esp/native-engine.ts'
import { createTypescriptEngine } from '../../core/esp/typescript-engine.ts'
import { loadAddon } from '../../core/native/load.ts'

export type EngineKind = PacketEngine['kind']
export const ENGINES: readonly EngineKind[] = ['typescript', 'native']
/** The native engine also on the code that every processor has. */
export const PACKET_ENGINES = [...ENGINES, 'libcrypto'] as const

/** What the clock of every engine under test shows. */
export const NOW_MS = 5000

/** An engine and all that came out of it. */
export interface TestEngine extends PacketEngine {
  readonly tun: readonly Uint8Array[]
  readonly network: readonly Uint8Array[]
  /** Limits it told of, in words. */
  readonly said: readonly string[]
}

/** One of the engines, with its packets passed by hand. */
export function testEngine(
  kind: (typeof PACKET_ENGINES)[number],
  registry: CryptoRegistry,
  random: Random,
  limits: EspLimits = {},
): TestEngine {
  const tun: Uint8Array[] = []
  const network: Uint8Array[] = []
  const said: string[] = []
  const common = {
    now: () => asMillis(NOW_MS),
    toTun: (packet: Uint8Array) => tun.push(packet),
    toNetwork: (esp: Uint8Array) => network.push(esp),
    limits,
    onSoftLimit: (spi: EspSpi, reason: string) => said.push(`${spi} soft ${reason}`),
    onHardLimit: (spi: EspSpi) => said.push(`${spi} hard`),
  }
  if (kind === 'typescript') {
    return { ...createTypescriptEngine({ ...common, registry, random }), tun, network, said }
  }
  const only = kind === 'libcrypto' ? { crypto: kind } : {}
  const engine = createNativePacketEngine({ ...common, ...only, addon: loadAddon() })
  // The native part has the machine's clock: here only whether there was a packet counts.
  const still = <T extends { readonly lastAtMs: number | undefined }>(counters: T | undefined) =>
    counters && { ...counters, lastAtMs: counters.lastAtMs === undefined ? undefined : NOW_MS }
  return {
    kind: 'native',
    fromTun: (packet) => engine.fromTun(packet),
    fromNetwork: (esp) => engine.fromNetwork(esp),
    addInbound: (sa, selectors) => engine.addInbound(sa, selectors),
    useOutbound: (child, sa, selectors) => engine.useOutbound(child, sa, selectors),
    removeInbound: (spi) => engine.removeInbound(spi),
    removeOutbound: (spi) => engine.removeOutbound(spi),
    inbound: (spi) => still(engine.inbound(spi)),
    outbound: (spi) => still(engine.outbound(spi)),
    strays: () => engine.strays(),
    close: () => engine.close(),
    tun,
    network,
    said,
  }
}
