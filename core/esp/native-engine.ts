import { addressBytes } from '../bytes/address.ts'
import { asEspSpi, asMillis, type EspSpi, type Millis } from '../bytes/brands.ts'
import { concat, NO_OCTETS } from '../bytes/octets.ts'
import type { EspErrorPlace, NativeAddon, NativeEsp, NativeOffloads, NativeUsed } from '../native/addon.ts'
import type { TrafficSelector } from '../wire/ikev2/traffic-selector.ts'
import { type OuterHeader, Protocol } from '../wire/ip-packet.ts'
import { carriesEsp, type Datapath, type DatapathOptions, type DatapathSocket } from './datapath.ts'
import {
  closeSa,
  type EspEngine,
  type EspEvents,
  type EspLimits,
  type EspSa,
  type InboundCounters,
  type IpsecSa,
  type OutboundCounters,
  type PacketEngine,
  type SelectorPair,
  spiOf,
} from './engine.ts'
import { UdpPath } from './udp-path.ts'

const NO_LIMIT = 2n ** 64n - 1n

interface Opened {
  readonly addon: NativeAddon
  readonly now: () => Millis
  readonly limits?: EspLimits
  readonly crypto?: 'libcrypto'
  readonly events: EspEvents
  readonly onIke?: (message: Uint8Array, path: number) => void
  readonly onError?: (where: EspErrorPlace, code: string) => void
}

function open({ addon, limits = {}, events, crypto, ...hears }: Opened): NativeEsp {
  return addon.openEsp(
    limits.softBytes === undefined ? NO_LIMIT : BigInt(limits.softBytes),
    limits.softPackets === undefined ? NO_LIMIT : BigInt(limits.softPackets),
    limits.softSequence ?? 0n,
    limits.hardSequence ?? NO_LIMIT,
    limits.replayWindow ?? 4096,
    crypto === 'libcrypto',
    hears.onIke ?? (() => {}),
    hears.onError ?? (() => {}),
    (spi, limit) => {
      if (limit === 'end') events.onHardLimit?.(asEspSpi(spi))
      else events.onSoftLimit?.(asEspSpi(spi), limit)
    },
  )
}

/** What both shapes of the native engine share: SAs and their counters. */
class NativeSas implements EspEngine {
  readonly kind = 'native'
  protected readonly native: NativeEsp
  readonly #now: () => Millis
  #closed = false

  constructor(opened: Opened) {
    this.native = open(opened)
    this.#now = opened.now
  }

  protected get closed(): boolean {
    return this.#closed
  }

  addInbound(sa: EspSa, selectors: SelectorPair): void {
    this.addInboundSa({ mode: 'tunnel', esp: sa }, selectors)
  }

  useOutbound(child: string, sa: EspSa, selectors: SelectorPair): void {
    this.useOutboundSa(child, { mode: 'tunnel', esp: sa }, selectors)
  }

  /** As `addInbound`: ESP or AH, in either mode. Throws `RangeError` for what it cannot carry. */
  addInboundSa(sa: IpsecSa, selectors: SelectorPair): void {
    lend(sa, (...keys) => {
      const [local, remote] = encodeBoth(selectors)
      this.native.addInbound(spiOf(sa), ...keys, local, remote, sa.mode === 'transport', boundaryOf(sa))
    })
  }

  /** As `useOutbound`: ESP or AH, in either mode. Throws `RangeError` for what it cannot carry. */
  useOutboundSa(child: string, sa: IpsecSa, selectors: SelectorPair): void {
    lend(sa, (...keys) => {
      const [local, remote] = encodeBoth(selectors)
      this.native.useOutbound(
        child,
        spiOf(sa),
        ...keys,
        local,
        remote,
        sa.mode === 'transport',
        boundaryOf(sa),
      )
    })
  }

  removeInbound(spi: EspSpi): void {
    if (!this.#closed) this.native.removeInbound(spi)
  }

  removeOutbound(spi: EspSpi): void {
    if (!this.#closed) this.native.removeOutbound(spi)
  }

  inbound(spi: EspSpi): InboundCounters | undefined {
    const found = this.#closed ? undefined : this.native.inbound(spi)
    if (found === undefined) return undefined
    const { idleMs: _, backend: __, ...rest } = found
    return { ...rest, lastAtMs: this.#lastAt(found) }
  }

  outbound(spi: EspSpi): OutboundCounters | undefined {
    const found = this.#closed ? undefined : this.native.outbound(spi)
    if (found === undefined) return undefined
    const { idleMs: _, backend: __, ...rest } = found
    return { ...rest, lastAtMs: this.#lastAt(found) }
  }

  strays(): { readonly noSa: number; readonly noSelector: number } {
    if (this.#closed) return { noSa: 0, noSelector: 0 }
    const { noSa, noSelector } = this.native.totals()
    return { noSa, noSelector }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.native.close()
  }

  #lastAt({ idleMs }: NativeUsed): number | undefined {
    return idleMs === undefined ? undefined : asMillis(Math.max(0, this.#now() - idleMs))
  }
}

/** The native engine with packets passed by hand: the same code, no threads. */
export class NativePacketEngine extends NativeSas implements PacketEngine {
  readonly #toTun: (packet: Uint8Array) => void
  readonly #toNetwork: (octets: Uint8Array) => void

  /** Throws an `Error` when the addon cannot. */
  constructor(options: NativePacketEngineOptions) {
    super({ ...options, events: options })
    this.#toTun = options.toTun
    this.#toNetwork = options.toNetwork
    const { whole } = options
    if (whole !== undefined) this.native.useRawPath(0, -1, whole.protocol, whole.source, whole.destination)
  }

  fromTun(packet: Uint8Array): void {
    const octets = this.closed ? undefined : this.native.fromTun(packet)
    if (octets !== undefined) this.#toNetwork(octets)
  }

  fromNetwork(octets: Uint8Array): void {
    const packet = this.closed ? undefined : this.native.fromNetwork(octets)
    if (packet !== undefined) this.#toTun(packet)
  }
}

export interface NativePacketEngineOptions extends EspEvents {
  readonly addon: NativeAddon
  readonly now: () => Millis
  readonly toTun: (packet: Uint8Array) => void
  readonly toNetwork: (octets: Uint8Array) => void
  readonly limits?: EspLimits
  /** Default: the fastest code this processor has. */
  readonly crypto?: 'libcrypto'
  /** Packets of the network are whole ones of this protocol between these addresses. Default: ESP, from the SPI on. */
  readonly whole?: OuterHeader & { readonly protocol: 50 | 51 }
}

/** The native engine where nobody has descriptors. Throws an `Error` when the addon cannot. */
export const createNativePacketEngine = (options: NativePacketEngineOptions): PacketEngine =>
  new NativePacketEngine(options)

export interface NativeDatapathOptions extends DatapathOptions {
  /** The clock of `lastAtMs`. */
  readonly now: () => Millis
  /** Transport mode may be negotiated. */
  readonly transport?: boolean
}

/** The native datapath: two threads per tunnel, no packet in JavaScript. */
export class NativeDatapath extends NativeSas implements Datapath {
  readonly #options: NativeDatapathOptions
  readonly #paths: Map<number, DatapathSocket>
  #lastPath = 0
  /** IKE beside a raw socket: little enough for JavaScript. */
  #beside: UdpPath | undefined

  /** Throws an `Error` when the addon cannot. */
  constructor(options: NativeDatapathOptions) {
    const paths = new Map<number, DatapathSocket>()
    super({
      addon: options.addon,
      now: options.now,
      events: options,
      onIke: (message, path) => {
        const came = paths.get(path)
        if (came !== undefined) options.onIke(message, came)
      },
      onError: (where, code) => (where === 'tun' ? options.onTunEnd(code) : options.onSocketError(code)),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    })
    this.#options = options
    this.#paths = paths
  }

  attachTun(fd: number): void {
    this.native.attachTun(fd)
  }

  sendFirst(packets: readonly Uint8Array[]): void {
    for (const packet of packets) {
      const octets = this.closed ? undefined : this.native.fromTun(packet)
      const socket = this.#paths.get(this.#lastPath)
      if (octets === undefined || socket === undefined) continue
      const fd = rawOf(socket)?.fd ?? socket.fd
      this.#try(() => this.#options.addon.writePacket(fd, octets))
    }
  }

  usePath(socket: DatapathSocket): void {
    const id = ++this.#lastPath
    this.#paths.set(id, socket)
    // A message that came by the one before may still wait to be fetched.
    this.#paths.delete(id - 2)
    this.#beside?.close()
    this.#beside = undefined
    const { fd, local, remote } = socket
    const { addon, onIke, onSocketError, transport = false } = this.#options
    const raw = rawOf(socket)
    if (raw === undefined) {
      // Whoever tunnels has headers inside.
      const ends = transport ? [local, remote].map((end) => addressBytes(end.address)) : []
      const [source = NO_OCTETS, destination = NO_OCTETS] = ends
      return this.native.usePath(id, fd, carriesEsp(remote), source, destination, transport)
    }
    this.#beside = new UdpPath(socket, { addon, onIke, onSocketError, onEsp() {} })
    const [source, destination] = [addressBytes(local.address), addressBytes(remote.address)]
    this.native.useRawPath(id, raw.fd, raw.protocol, source, destination)
  }

  sendIke(message: Uint8Array): void {
    if (this.#beside !== undefined) return this.#beside.sendIke(message)
    this.#try(() => this.native.sendIke(message))
  }

  sendKeepalive(): void {
    if (this.#beside !== undefined) return this.#beside.sendKeepalive()
    this.#try(() => this.native.sendKeepalive())
  }

  offloads(): NativeOffloads | undefined {
    return this.closed ? undefined : this.native.offloads()
  }

  traffic(): { readonly inbound: number; readonly outbound: number } {
    if (this.closed) return { inbound: 0, outbound: 0 }
    const { authentic, sent } = this.native.totals()
    return { inbound: authentic, outbound: sent }
  }

  override close(): void {
    this.#beside?.close()
    this.#beside = undefined
    super.close()
  }

  #try(send: () => boolean): void {
    if (this.closed) return
    try {
      if (!send()) this.#options.onSocketError('ENOBUFS')
    } catch (error) {
      this.#options.onSocketError(codeOf(error))
    }
  }
}

/** The one protocol of IP that a socket has beside it. */
function rawOf({ raw }: DatapathSocket): { readonly fd: number; readonly protocol: 50 | 51 } | undefined {
  if (raw?.esp !== undefined) return { fd: raw.esp, protocol: Protocol.esp }
  return raw?.ah === undefined ? undefined : { fd: raw.ah, protocol: Protocol.ah }
}

type Keys = readonly [
  encryption: number,
  keyBits: number,
  key: Uint8Array,
  integrity: number,
  integrityKey: Uint8Array,
  esn: boolean,
]

/**
 * The keys are the native part's from here on; ours are wiped even when it refuses them.
 *
 * @throws RangeError when there is both ESP and AH
 */
function lend(sa: IpsecSa, install: (...keys: Keys) => void): void {
  const { esp, ah } = sa
  try {
    if (esp !== undefined && ah !== undefined)
      throw new RangeError('AH and ESP on one packet are not for this datapath')
    if (ah !== undefined)
      return ah.integrityKey.use((key) => install(0, 0, NO_OCTETS, ah.integrity, key, ah.esn))
    if (esp === undefined) throw new RangeError('an SA has ESP or AH')
    const { encryption, encryptionKey, integrity = 0, integrityKey, esn } = esp
    const withKeys = (key: Uint8Array, second: Uint8Array): void =>
      install(encryption.id, encryption.keyBits, key, integrity, second, esn)
    encryptionKey.use((key) =>
      integrityKey === undefined
        ? withKeys(key, NO_OCTETS)
        : integrityKey.use((second) => withKeys(key, second)),
    )
  } finally {
    closeSa(sa)
  }
}

const boundaryOf = ({ ah }: IpsecSa): 0 | 4 | 8 => ah?.boundary ?? 0

const encodeBoth = ({ local, remote }: SelectorPair): readonly [Uint8Array, Uint8Array] => [
  encodeSelectors(local),
  encodeSelectors(remote),
]

const encodeSelectors = (selectors: readonly TrafficSelector[]): Uint8Array =>
  concat(...selectors.map(encodeSelector))

/** The layout `NativeEsp` names. */
function encodeSelector(ts: TrafficSelector): Uint8Array {
  const octets = new Uint8Array(38)
  const view = new DataView(octets.buffer)
  octets[0] = ts.type === 7 ? 4 : 6
  octets[1] = ts.protocol
  view.setUint16(2, ts.startPort)
  view.setUint16(4, ts.endPort)
  octets.set(ts.startAddress, 6)
  octets.set(ts.endAddress, 22)
  return octets
}

const codeOf = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error)
