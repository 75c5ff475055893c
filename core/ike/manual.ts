import { asMillis, type Millis } from '../bytes/brands.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import { type VpnError, VpnFailure } from '../errors.ts'
import { closeSa, type EspLimits, type IpsecSa, type SelectorPair, spiOf } from '../esp/engine.ts'
import type { EngineKind } from '../esp/open-datapath.ts'
import { createIpsecDatapath, type IpsecDatapath } from '../ipsec/datapath.ts'
import type { NativeAddon } from '../native/addon.ts'
import type { OsEdge } from '../net/plan.ts'
import type { Connection, ConnectionListener, ConnectionView, Path } from './config.ts'
import { EspKeyShelf, type ExposedKeys } from './exposed-keys.ts'
import type { IkeCommand } from './session.ts'
import type { ChildSuite } from './v2/suite.ts'
import { endsOf } from './v2/transport-mode.ts'
import { phase2View, type ShownChild } from './view.ts'

/** Keys that both ends were told by a person: no IKE, no renewal, nobody proves anything. RFC 4301 §4.5.1 */
export interface ManualConfig {
  /** Numeric address of the peer. */
  readonly gatewayAddress: string
  readonly inbound: IpsecSa
  readonly outbound: IpsecSa
  /** What is protected; left out: what goes between the two ends themselves. */
  readonly selectors?: SelectorPair
}

export interface ManualOptions {
  readonly config: ManualConfig
  readonly edge: OsEdge
  readonly addon: NativeAddon
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly listener: ConnectionListener
  /** As for any SA; nothing is remembered against replay unless it says so. */
  readonly limits?: EspLimits
}

/**
 * Ours: how often a person's counters move. There is nothing else that happens by itself.
 */
const LOOK_MS = 1_000

/** Protocols 50 and 51 with keys of a person, from `connect` on. The keys are taken over. Throws nothing: a fault is told to the listener. */
export function startManual(options: ManualOptions): Connection {
  return new Manual(options)
}

class Manual implements Connection {
  readonly #options: ManualOptions
  readonly #datapath: IpsecDatapath
  readonly #keys = new EspKeyShelf()
  readonly #child: Omit<ShownChild, 'selectors' | 'establishedAt'>
  #stands: Pick<ShownChild, 'selectors' | 'establishedAt'> | undefined
  #path: Path | undefined
  #look: NodeJS.Timeout | undefined
  #seen = { inbound: 0, outbound: 0 }
  #state: ConnectionView['state'] = 'phase2'
  #handedOver = false

  constructor(options: ManualOptions) {
    this.#options = options
    const { config, addon, registry, random, listener } = options
    const { inbound, outbound } = config
    this.#child = {
      name: 'manual',
      mode: outbound.mode,
      inboundSpi: spiOf(inbound),
      outboundSpi: spiOf(outbound),
      suite: suiteOf(outbound, registry),
      rekeyAt: undefined,
    }
    this.#datapath = createIpsecDatapath({
      ...{ addon, registry, random, now },
      // The peer begins anew whenever it likes, and nobody tells us. RFC 4303 §3.4.3, RFC 4302 §3.4.3
      limits: { replayWindow: 0, ...options.limits },
      onIke() {},
      onSocketError: (code) => listener.note(`the socket reports ${code}`),
      onTunEnd: (problem) => this.#end({ kind: 'systemRefused', what: 'reading the tunnel device', problem }),
      onHardLimit: () => this.#end({ kind: 'keysUsedUp' }),
    })
  }

  get engine(): EngineKind {
    return this.#datapath.kind
  }

  command(command: IkeCommand): void {
    if (command.type === 'connect') void this.#begin()
    else if (command.type === 'disconnect') this.#end(undefined)
  }

  async #begin(): Promise<void> {
    const { config, listener } = this.#options
    try {
      refuseCounters(config, this.#options.registry)
      checkLengths(config, this.#options.registry)
      const path = await this.#openPath()
      if (this.#state === 'closed') return
      const selectors = config.selectors ?? endsOf(path)
      this.#keys.add('inbound', config.inbound)
      this.#keys.add('outbound', config.outbound)
      this.#handedOver = true
      this.#datapath.addInbound(config.inbound, selectors)
      this.#datapath.useOutbound('manual', config.outbound, selectors)
      this.#stands = { selectors, establishedAt: now() }
      this.#state = 'connected'
      this.#look = setInterval(() => this.#lookAtTraffic(), LOOK_MS)
      const nothing = { addresses: [], dnsServers: [], subnets: [], dnsDomains: [] }
      listener.established(nothing, selectors.remote, selectors.local)
      listener.changed()
    } catch (thrown) {
      this.#end(faultOf(thrown))
    }
  }

  /** The socket of IKE says which of our addresses leads there; nothing is sent through it. */
  async #openPath(): Promise<Path> {
    const { config, edge, addon } = this.#options
    const remote = { address: config.gatewayAddress, port: 500 }
    const fds: number[] = []
    try {
      const { fd, local } = await edge.openUdp(remote)
      fds.push(fd)
      const raw: { esp?: number; ah?: number } = {}
      for (const [name, protocol] of [
        ['esp', 50],
        ['ah', 51],
      ] as const) {
        if (config.outbound[name] === undefined) continue
        raw[name] = (await edge.openRaw({ address: remote.address, protocol })).fd
        fds.push(raw[name])
      }
      if (this.#state === 'closed') throw new VpnFailure({ kind: 'cancelled' })
      this.#datapath.usePath({ fd, local, remote, raw })
      this.#path = { local, remote }
      return this.#path
    } catch (thrown) {
      for (const fd of fds) addon.closeFd(fd)
      throw thrown
    }
  }

  #lookAtTraffic(): void {
    const traffic = this.#datapath.traffic()
    const moved = traffic.inbound !== this.#seen.inbound || traffic.outbound !== this.#seen.outbound
    this.#seen = traffic
    if (moved) this.#options.listener.changed()
  }

  attachTun(fd: number, kept: readonly Uint8Array[] = []): void {
    this.#datapath.attachTun(fd)
    this.#datapath.sendFirst(kept)
  }

  /** Nothing is due while the computer sleeps. */
  pause(): void {}

  resume(): void {}

  view(): ConnectionView {
    const offset = Date.now() - now()
    const phase2 =
      this.#stands === undefined
        ? []
        : [phase2View({ ...this.#child, ...this.#stands }, this.#datapath, (at) => Math.round(at + offset))]
    const step = this.#stands === undefined ? 'opening the way to the peer' : ''
    return { state: this.#state, step, phase1: undefined, phase2, rekeys: { ike: 0, child: 0 } }
  }

  keys(): ExposedKeys {
    const { local, remote } = this.#path ?? {}
    const esp =
      local === undefined || remote === undefined || this.#state === 'closed'
        ? []
        : this.#keys.exposed(local.address, remote.address)
    return { ikev1: [], ikev2: [], esp }
  }

  #end(error: VpnError | undefined): void {
    if (this.#state === 'closed') return
    this.close()
    this.#options.listener.closed(error)
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearInterval(this.#look)
    this.#keys.close()
    this.#datapath.close()
    if (this.#handedOver) return
    closeSa(this.#options.config.inbound)
    closeSa(this.#options.config.outbound)
  }
}

const now = (): Millis => asMillis(performance.now())

/**
 * A counter mode begins to count anew with every connection, and a number used twice under one key lays it open: only
 * keys that IKE makes afresh are good for it. RFC 4106 §2, RFC 8221 §3
 */
function refuseCounters({ inbound, outbound }: ManualConfig, registry: CryptoRegistry): void {
  for (const { esp } of [inbound, outbound]) {
    const encryption = esp && registry.encryption.get(esp.encryption.id)
    if (encryption === undefined || encryption.saltBytes === 0) continue
    throw new VpnFailure({
      kind: 'profileInvalid',
      source: 'manual keys',
      field: 'manual',
      problem: `${encryption.name} is for keys of IKE alone: with the same key in two connections it protects nothing`,
    })
  }
}

/** A key of another length is a mistake in typing, or another algorithm's. */
function checkLengths({ inbound, outbound }: ManualConfig, { encryption, integrity }: CryptoRegistry): void {
  for (const [way, { esp, ah }] of [
    ['in', inbound],
    ['out', outbound],
  ] as const) {
    const cipher = esp && encryption.get(esp.encryption.id)
    const fixed = cipher?.keyLengthAttribute === false
    const lengths = [
      [
        `encryption.${way}`,
        esp?.encryptionKey,
        fixed ? (cipher.keyBits[0] ?? 0) / 8 : (esp?.encryption.keyBits ?? 0) / 8,
      ],
      [`integrity.${way}`, esp?.integrityKey, integrity.get(esp?.integrity ?? 0)?.keyBytes],
      [`ah.${way}`, ah?.integrityKey, integrity.get(ah?.integrity ?? 0)?.keyBytes],
    ] as const
    for (const [name, key, wanted] of lengths) {
      if (key === undefined || key.length === wanted) continue
      const problem =
        wanted === undefined
          ? `${name}: its algorithm is not available here`
          : `${name} has ${key.length} octets, and its algorithm wants ${wanted}`
      throw new VpnFailure({ kind: 'profileInvalid', source: 'manual keys', field: 'keys', problem })
    }
  }
}

function suiteOf({ esp, ah }: IpsecSa, registry: CryptoRegistry): ChildSuite {
  const ahInfo = ah && registry.integrity.get(ah.integrity)
  return {
    encryption: esp && registry.encryption.get(esp.encryption.id),
    keyBits: esp?.encryption.keyBits ?? 0,
    integrity: esp?.integrity === undefined ? undefined : registry.integrity.get(esp.integrity),
    ...(ahInfo === undefined ? {} : { ah: ahInfo }),
    keyExchange: undefined,
    esn: (esp ?? ah)?.esn ?? false,
  }
}

const faultOf = (thrown: unknown): VpnError =>
  thrown instanceof VpnFailure
    ? thrown.error
    : { kind: 'internal', problem: thrown instanceof Error ? thrown.message : String(thrown) }
