import { asMillis, type EspSpi, type Millis } from '../../core/bytes/brands.ts'
import type { Random } from '../../core/bytes/random.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import type { VpnError } from '../../core/errors.ts'
import type { EngineKind } from '../../core/esp/open-datapath.ts'
import { packetEngines } from '../../core/esp/open-packet-engine.ts'
import { createTypescriptEngine } from '../../core/esp/typescript-engine.ts'
import { classifyPort4500, withNonEspMarker } from '../../core/esp/udp-encapsulation.ts'
import { Gateway, type GatewayOptions } from '../../core/gateway/gateway.ts'
import { AddressPool } from '../../core/gateway/pool.ts'
import { answerTo } from '../../core/ike/answers.ts'
import type { ConnectionConfig } from '../../core/ike/config.ts'
import type { AssignedConfiguration, IkeAction, IkeCommand, IkeEvent, State } from '../../core/ike/session.ts'
import { Idle as IdleV1 } from '../../core/ike/v1/initiator.ts'
import { Negotiation as NegotiationV1 } from '../../core/ike/v1/negotiation.ts'
import { Idle } from '../../core/ike/v2/initiator.ts'
import { Negotiation } from '../../core/ike/v2/negotiation.ts'
import { everything, selectorOfAddress } from '../../core/ike/v2/selectors.ts'
import { loadAddon } from '../../core/native/load.ts'
import type { Endpoint } from '../../core/net/plan.ts'
import { parseEspSuite, parseIkeSuite } from '../../core/profile/suites.ts'
import type { TrafficSelector } from '../../core/wire/ikev2/traffic-selector.ts'

const registry = createRegistry(undefined)
const addon = loadAddon()

/** A seeded generator (xorshift128): the same run each time. */
export function seededRandom(seed: number): Random {
  let [a, b, c, d] = [seed >>> 0 || 1, 0x9e3779b9, 0x243f6a88, 0xb7e15162]
  const next = (): number => {
    const t = a ^ (a << 11)
    a = b
    b = c
    c = d
    d = (d ^ (d >>> 19) ^ (t ^ (t >>> 8))) >>> 0
    return d
  }
  for (let i = 0; i < 16; i++) next()
  return { bytes: (count) => Uint8Array.from({ length: count }, () => next() >>> 24) }
}

export const GATEWAY4 = '192.0.2.1'
const context = { source: 'test', field: 'suite', weak: [] }
const ike = [parseIkeSuite('aes128gcm16-prfsha256-curve25519', context)]
const esp = [parseEspSuite('aes128gcm16', context)]
export const fqdn = (name: string) => ({ type: 2, data: new Uint8Array(Buffer.from(name)) })

const shared = {
  ikeProposals: ike,
  espProposals: esp,
  forceEncapsulation: true,
  lifetimes: { ikeRekeySeconds: 0, childRekeySeconds: 0 },
  dpdSeconds: 0,
  keepaliveSeconds: 0,
  pfsGroups: [],
} as const

export const gatewayConfig = (): GatewayOptions['config'] => ({
  ...shared,
  localIdentity: fqdn('gateway.culvert.test'),
  remoteIdentity: undefined,
  authentication: { method: 'psk', psk: Secret.fromText('a key for tests') },
  requestAddresses: { ipv4: false, ipv6: false },
  localSelectors: [selectorOfAddress('10.77.0.1'), selectorOfAddress('fd77::1')],
  remoteSelectors: [],
})

/** Timers in the order of their time, and nothing else. */
export class Clock {
  #now = 0
  #timers: { at: number; work: () => void }[] = []

  now(): Millis {
    return asMillis(this.#now)
  }

  after(ms: number, work: () => void): () => void {
    const timer = { at: this.#now + ms, work }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer)
    }
  }

  /** Lets so many milliseconds pass. */
  pass(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = this.#timers.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#now = Math.max(this.#now, due.at)
      this.#timers = this.#timers.filter((one) => one !== due)
      due.work()
    }
    this.#now = end
  }

  get pending(): number {
    return this.#timers.length
  }
}

interface Travelling {
  readonly from: Endpoint
  readonly to: Endpoint
  readonly bytes: Uint8Array
}

/** A gateway, clients and a network between them on one virtual clock. `engine`: whose packets the gateway's are. */
export class World {
  readonly clock = new Clock()
  readonly inside: Uint8Array[] = []
  readonly events: string[] = []
  readonly gateway: Gateway
  /** What the gateway sent to addresses where nobody is. */
  readonly nowhere: Travelling[] = []
  /** Drops what it says yes to. */
  lose: (packet: Travelling) => boolean = () => false
  #queue: Travelling[] = []
  #clients = new Map<string, TestClient>()
  #seed = 1

  constructor(options: Partial<GatewayOptions> = {}, engine: EngineKind = 'typescript') {
    this.gateway = new Gateway({
      config: gatewayConfig(),
      pool: new AddressPool([
        { first: '10.78.0.10', last: '10.78.0.20' },
        { first: 'fd78::10', last: 'fd78::20' },
      ]),
      dnsServers: ['10.77.0.1', 'fd77::1'],
      registry,
      random: seededRandom(99),
      clock: this.clock,
      openEngine: packetEngines({
        addon,
        registry,
        random: seededRandom(98),
        now: () => this.clock.now(),
        engine,
        onNote: (text) => {
          throw new Error(text)
        },
      }),
      send: (local, remote, bytes) => this.#queue.push({ from: local, to: remote, bytes }),
      toInside: (packet) => this.inside.push(packet),
      listener: {
        connected: ({ identity, addresses }) => this.events.push(`${identity} has ${addresses.join(' ')}`),
        disconnected: ({ identity }, error) =>
          this.events.push(`${identity} left: ${error?.kind ?? 'orderly'}`),
      },
      ...options,
    })
  }

  client(
    address: string,
    options: { name?: string; psk?: string; config?: Partial<ConnectionConfig> } = {},
  ): TestClient {
    const client = new TestClient(this, address, this.#seed++, options)
    this.#clients.set(address, client)
    return client
  }

  moved(client: TestClient, from: string, to: string): void {
    this.#clients.delete(from)
    this.#clients.set(to, client)
  }

  transmit(packet: Travelling): void {
    this.#queue.push(packet)
  }

  /** Carries packets until the network is empty, and lets who has to sign or to judge do so. */
  negotiate(): void {
    for (let round = 0; round < 8; round++) {
      this.settle()
      this.clock.pass(0)
    }
    this.settle()
  }

  /** Carries packets until the network is empty. */
  settle(): void {
    for (let packet = this.#queue.shift(); packet !== undefined; packet = this.#queue.shift()) {
      if (this.lose(packet)) continue
      if (packet.to.address === GATEWAY4) this.gateway.receive(packet.to, packet.from, packet.bytes)
      else {
        const client = this.#clients.get(packet.to.address)
        if (client === undefined) this.nowhere.push(packet)
        else client.receive(packet)
      }
    }
  }
}

/** The client's states, timers and packets, with a socket in the world. */
export class TestClient {
  readonly received: Uint8Array[] = []
  configuration: AssignedConfiguration | undefined
  routes: readonly TrafficSelector[] = []
  ended: VpnError | 'orderly' | undefined
  address: string
  sent: Uint8Array[] = []
  readonly negotiation: Negotiation
  /** In its place, where `config.version` is 1. */
  readonly v1: NegotiationV1 | undefined
  readonly #world: World
  readonly #engine
  readonly #timers = new Map<string, () => void>()
  #state: State
  #port: 500 | 4500 = 500
  #localPort: number

  constructor(
    world: World,
    address: string,
    seed: number,
    options: { name?: string; psk?: string; config?: Partial<ConnectionConfig> },
  ) {
    const random = seededRandom(seed)
    this.#world = world
    this.address = address
    this.#localPort = 40_000 + seed
    const config: ConnectionConfig = {
      ...shared,
      gatewayAddress: GATEWAY4,
      gatewayHost: GATEWAY4,
      localIdentity: fqdn(options.name ?? 'alice.culvert.test'),
      remoteIdentity: fqdn('gateway.culvert.test'),
      authentication: { method: 'psk', psk: Secret.fromText(options.psk ?? 'a key for tests') },
      requestAddresses: { ipv4: true, ipv6: true },
      localSelectors: [],
      remoteSelectors: [everything(4), everything(6)],
      ...options.config,
    }
    this.negotiation = new Negotiation(config, registry, random)
    this.v1 = config.version === 1 ? new NegotiationV1(config, registry, random) : undefined
    this.#state = this.v1 === undefined ? new Idle(this.negotiation) : new IdleV1(this.v1)
    this.#engine = createTypescriptEngine({
      registry,
      random,
      now: () => world.clock.now(),
      toTun: (packet) => this.received.push(packet),
      toNetwork: (packet) => this.#transmit(packet),
    })
  }

  command(type: IkeCommand['type']): void {
    this.feed({ type: 'command', command: { type } as IkeCommand })
    this.#world.settle()
  }

  connect(): this {
    this.command('connect')
    return this
  }

  get connected(): boolean {
    return this.configuration !== undefined && this.ended === undefined
  }

  /** The way a NAT moves a client, without its knowledge. */
  move(address: string, port: number): void {
    this.#world.moved(this, this.address, address)
    this.address = address
    this.#localPort = port
  }

  send(packet: Uint8Array): void {
    this.#engine.fromTun(packet)
    this.#world.settle()
  }

  receive({ bytes, from, to }: Travelling): void {
    if (to.port !== this.#localPort) return
    if (this.#port === 500)
      return this.feed({ type: 'datagram', datagram: { bytes, local: to, remote: from } })
    const what = classifyPort4500(bytes)
    if (what.kind === 'esp') this.#engine.fromNetwork(what.packet)
    if (what.kind === 'ike')
      this.feed({ type: 'datagram', datagram: { bytes: what.message, local: to, remote: from } })
  }

  feed(event: IkeEvent): void {
    const { next, actions } = this.#state.handle(event, this.#world.clock.now())
    this.#state = next
    for (const action of actions) this.#perform(action)
  }

  get #local(): Endpoint {
    return { address: this.address, port: this.#localPort }
  }

  get #remote(): Endpoint {
    return { address: GATEWAY4, port: this.#port }
  }

  #transmit(bytes: Uint8Array): void {
    this.sent.push(bytes)
    this.#world.transmit({ from: this.#local, to: this.#remote, bytes })
  }

  #perform(action: IkeAction): void {
    switch (action.do) {
      case 'openPath':
        this.#port = action.remotePort === 500 ? 500 : 4500
        return this.feed({ type: 'pathOpen', local: this.#local, remote: this.#remote })
      case 'send':
        return this.#transmit(
          this.#port === 4500 ? withNonEspMarker(action.datagram.bytes) : action.datagram.bytes,
        )
      case 'setTimer': {
        this.#timers.get(action.timer)?.()
        const ms = Math.max(0, action.at - this.#world.clock.now())
        const work = (): void => {
          this.feed({ type: 'timer', timer: action.timer })
          this.#world.settle()
        }
        this.#timers.set(action.timer, this.#world.clock.after(ms, work))
        return
      }
      case 'clearTimer':
        this.#timers.get(action.timer)?.()
        return
      case 'addInbound':
        return this.#engine.addInbound(action.sa.esp!, action.selectors)
      case 'useOutbound':
        return this.#engine.useOutbound(action.child, action.sa.esp!, action.selectors)
      case 'removeInbound':
        return this.#engine.removeInbound(action.spi as EspSpi)
      case 'removeOutbound':
        return this.#engine.removeOutbound(action.spi)
      case 'sign':
      case 'verifyChain': {
        const answer = answerTo(action, this.negotiation, Date.now())
        this.#world.clock.after(0, () => this.feed({ type: 'answered', id: action.id, answer }))
        return
      }
      case 'established':
        this.configuration = action.configuration
        this.routes = action.selectors.remote
        return
      case 'closed':
        this.ended = action.error ?? 'orderly'
        for (const callOff of this.#timers.values()) callOff()
        return
      default:
        return
    }
  }
}
