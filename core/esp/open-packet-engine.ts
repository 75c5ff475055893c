import type { NativeAddon } from '../native/addon.ts'
import type { EspEvents, PacketEngine } from './engine.ts'
import { createNativePacketEngine } from './native-engine.ts'
import type { EngineKind } from './open-datapath.ts'
import { createTypescriptEngine, type TypescriptEngineOptions } from './typescript-engine.ts'

/** Where packets leave an engine that has no descriptors, and what it says about its SAs. */
export interface PacketEnds extends EspEvents {
  /** An inner packet that arrived; the receiver may keep it. */
  readonly toTun: (packet: Uint8Array) => void
  /** A whole ESP packet, from the SPI on, without IP or UDP header. */
  readonly toNetwork: (esp: Uint8Array) => void
}

/** Opens an engine for one peer. */
export type OpenPacketEngine = (ends: PacketEnds) => PacketEngine

export interface PacketEngineOptions extends Pick<TypescriptEngineOptions, 'registry' | 'random' | 'now'> {
  readonly addon: NativeAddon
  /** Default: native. */
  readonly engine?: EngineKind
  /** Hears, once, why the native engine could not be used. */
  readonly onNote: (text: string) => void
}

/** Native engines for many peers, or TypeScript ones where the addon cannot. */
export function packetEngines(options: PacketEngineOptions): OpenPacketEngine {
  const { addon, now } = options
  let native = options.engine !== 'typescript'
  return (ends) => {
    if (native) {
      try {
        return createNativePacketEngine({ ...ends, addon, now })
      } catch (error) {
        native = false
        const problem = error instanceof Error ? error.message : String(error)
        options.onNote(`the native datapath cannot be used (${problem}); packets take the slow one`)
      }
    }
    return createTypescriptEngine({ ...options, ...ends })
  }
}
