import { asEspSpi, asMillis, type Millis } from '../../core/bytes/brands.ts'
import { equal } from '../../core/bytes/octets.ts'
import type { Random } from '../../core/bytes/random.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import type { CryptoRegistry } from '../../core/crypto/transforms.ts'
import type { ConnectionConfig, Identity } from '../../core/ike/config.ts'
import type { Datagram, ObservedMessage, State } from '../../core/ike/session.ts'
import { loadAddon } from '../../core/native/load.ts'
import type { Endpoint } from '../../core/net/plan.ts'
import { selector } from './inner-packets.ts'
import { type AnyPeer, type Outlet, Peer, type PeerNegotiation } from './peer.ts'
import { SeededRandom } from './seeded-random.ts'

/** On its way from one peer to the other. */
export interface Flight<P = AnyPeer> {
  readonly kind: 'ike' | 'esp'
  readonly from: P
  readonly to: P
  /** An IKE message without non-ESP marker, or an ESP packet. */
  readonly bytes: Uint8Array
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly at: Millis
}

export interface PairOptions {
  readonly client?: Partial<ConnectionConfig>
  readonly gateway?: Partial<ConnectionConfig>
  /** Decides every key, nonce and SPI. */
  readonly seed?: number
  readonly registry?: CryptoRegistry
  /** The client sits behind a NAT. */
  readonly nat?: boolean
  /** The gateway can take another IKE SA of the client beside the one it has, with these changes. */
  readonly second?: Partial<ConnectionConfig>
}

const ID_FQDN = 2
export const fqdn = (name: string): Identity => ({ type: ID_FQDN, data: new Uint8Array(Buffer.from(name)) })

/** IANA Transform Types, to write proposals with. */
export const encr = (id: number, keyBits?: number) => ({
  type: 1,
  id,
  ...(keyBits === undefined ? {} : { keyBits }),
})
export const prf = (id: number) => ({ type: 2, id })
export const integ = (id: number) => ({ type: 3, id })
export const ke = (id: number) => ({ type: 4, id })
export const sn = (id: number) => ({ type: 5, id })

export const GCM16 = 20
export const SHA256 = 5
export const X25519 = 31
export const ECP256 = 19

const GATEWAY = '192.0.2.1'
const LATENCY_MS = 10

let registry: CryptoRegistry | undefined
/** Every transform of this host, made once. */
export const wholeRegistry = (): CryptoRegistry => {
  registry ??= createRegistry(loadAddon())
  return registry
}

const common = (): Omit<
  ConnectionConfig,
  'localIdentity' | 'remoteIdentity' | 'ikeProposals' | 'espProposals'
> => ({
  gatewayAddress: GATEWAY,
  gatewayHost: 'gw.test',
  authentication: { method: 'psk', psk: Secret.fromText('correct horse battery staple') },
  requestAddresses: { ipv4: false, ipv6: false },
  localSelectors: [],
  remoteSelectors: [],
  forceEncapsulation: false,
  lifetimes: { ikeRekeySeconds: 0, childRekeySeconds: 0 },
  dpdSeconds: 0,
  keepaliveSeconds: 20,
  pfsGroups: [],
})

/** What makes a negotiation of one version of IKE, and how each end of it begins. */
export interface Version<N extends PeerNegotiation> {
  make(config: ConnectionConfig, registry: CryptoRegistry, random: Random): N
  client(n: N): State
  gateway(n: N): State
  /** What both ends offer. */
  readonly offers: Pick<ConnectionConfig, 'ikeProposals' | 'espProposals'>
}

/** A client and a gateway, one clock, one network between them. */
export function pairOf<N extends PeerNegotiation>(
  version: Version<N>,
  options: PairOptions = {},
): { client: Peer<N>; gateway: Peer<N>; net: Net<N> } {
  const seed = options.seed ?? 1
  const transforms = options.registry ?? wholeRegistry()
  const net = new Net<N>(options.nat === true)
  const end = (name: Peer['name'], config: ConnectionConfig, random: SeededRandom): Peer<N> => {
    const n = version.make(config, transforms, random)
    return new Peer(name, n, version[name](n), transforms, random, net.outlet, INSIDE[name])
  }
  const client: ConnectionConfig = {
    ...common(),
    ...version.offers,
    localIdentity: fqdn('client.test'),
    remoteIdentity: fqdn('gw.test'),
    requestAddresses: { ipv4: true, ipv6: false },
    remoteSelectors: [selector('0.0.0.0', '255.255.255.255')],
    ...options.client,
  }
  const gateway = (): ConnectionConfig => ({
    ...common(),
    ...version.offers,
    localIdentity: fqdn('gw.test'),
    remoteIdentity: fqdn('client.test'),
    localSelectors: [selector('0.0.0.0', '255.255.255.255')],
    assigns: { addresses: ['10.8.0.2/32'], dnsServers: ['10.77.0.53'] },
    ...options.gateway,
  })
  net.client = end('client', client, new SeededRandom(2 * seed))
  net.gateway = end('gateway', gateway(), new SeededRandom(2 * seed + 1))
  if (options.second !== undefined) {
    const second = { ...gateway(), ...options.second }
    net.second = end('gateway', second, new SeededRandom(2 * seed + 1_000_001))
  }
  for (const peer of net.peers) peer.onProbe = () => net.flying.pop()
  return { client: net.client, gateway: net.gateway, net }
}

/** Inner addresses of each end and of the other. */
const INSIDE = {
  client: { own: '10.8.0.2', other: '10.77.0.10' },
  gateway: { own: '10.77.0.10', other: '10.8.0.2' },
} as const

/** An end whose IKE SAs can be told apart. */
interface Sas {
  readonly sas?: readonly { readonly initiatorSpi: Uint8Array }[]
}

/** The clock, and what is in flight. Datagrams take {@link LATENCY_MS} and keep their order unless told otherwise. */
export class Net<N extends PeerNegotiation> {
  client!: Peer<N>
  gateway!: Peer<N>
  /** The gateway's end of another IKE SA with the same client. */
  second: Peer<N> | undefined
  /** In flight, the first to arrive first. */
  flying: Flight<Peer<N>>[] = []
  /** Looks at each datagram as it is sent; → what flies instead: none (lost), one, several. */
  onSend: ((flight: Flight<Peer<N>>) => readonly Flight<Peer<N>>[]) | undefined
  readonly outlet: Outlet
  readonly #nat: boolean
  /** Where the client is, as it sees itself. Datagrams from and to elsewhere are lost. */
  clientAddress: string
  gatewayAddress: string = GATEWAY
  /** What a NAT makes of that. */
  mapping = { address: '203.0.113.9', shift: 60_000 }
  /** There is no network for a socket of the client. */
  offline = false
  /** Gateway addresses the client opened sockets to. */
  readonly reached: string[] = []
  #now = asMillis(1_000)
  #paths: (Endpoint & { readonly peer: AnyPeer })[] = []
  /** What becomes of a TCP connection of the client; left undecided it stays on its way. */
  tcp: 'opens' | 'fails' | 'takes its time' = 'opens'
  /** TCP connections the client has asked for. */
  connections = 0

  constructor(nat: boolean) {
    this.#nat = nat
    this.clientAddress = nat ? '192.168.1.2' : '198.51.100.7'
    this.outlet = {
      now: () => this.#now,
      send: (from, { bytes, local, remote }) => this.#launch('ike', from, bytes, local, remote),
      esp: (from, packet) => this.#launch('esp', from, packet, from.n.local!, from.n.remote!),
      openPath: (peer, { remotePort: port, remoteAddress: address = this.gatewayAddress, transport }) =>
        void this.#paths.push({ peer, port, address, ...(transport === undefined ? {} : { transport }) }),
      keepPath: (peer) => {
        this.#paths = this.#paths.filter((one) => one.peer !== peer || one.transport === undefined)
      },
    }
  }

  get now(): Millis {
    return this.#now
  }

  get peers(): readonly Peer<N>[] {
    return [this.client, ...this.#gateways]
  }

  get #gateways(): readonly Peer<N>[] {
    return this.second === undefined ? [this.gateway] : [this.gateway, this.second]
  }

  /** Which of the gateway's ends a datagram is for, by its SPI. */
  #endFor({ kind, to, bytes }: Flight<Peer<N>>): Peer<N> {
    if (to === this.client || this.second === undefined) return to
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const knows = (peer: Peer<N>): boolean =>
      kind === 'esp'
        ? peer.engine.inbound(asEspSpi(view.getUint32(0))) !== undefined
        : [...peer.sent, ...((peer.state as Sas).sas ?? [])].some((m) =>
            equal(m.initiatorSpi, bytes.subarray(0, 8)),
          )
    return this.#gateways.find(knows) ?? (this.gateway.sent.length === 0 ? this.gateway : this.second)
  }

  other(peer: AnyPeer): Peer<N> {
    return peer === this.client ? this.gateway : this.client
  }

  /** The last message a peer sent. */
  last(name: 'client' | 'gateway'): ObservedMessage {
    const message = this[name].sent.at(-1)
    if (message === undefined) throw new Error(`${name} has sent nothing`)
    return message
  }

  /** Delivers the next datagram; timers due before it fire. → what was delivered */
  step(): Flight<Peer<N>> | undefined {
    this.#openPaths()
    const next = this.flying[0]
    if (next === undefined) return undefined
    this.#until(next.at)
    if (this.flying[0] !== next) return this.step()
    this.flying.shift()
    this.deliver(next)
    return next
  }

  /** Takes the next datagram out of the network; → it, for `deliver` or for nobody. */
  take(which: (flight: Flight<Peer<N>>) => boolean = () => true): Flight<Peer<N>> {
    this.#openPaths()
    const at = this.flying.findIndex(which)
    const [flight] = at < 0 ? [] : this.flying.splice(at, 1)
    if (flight === undefined) throw new Error('nothing like that is in flight')
    return flight
  }

  /** The next datagram is lost. */
  lose(which?: (flight: Flight<Peer<N>>) => boolean): Flight<Peer<N>> {
    return this.take(which)
  }

  /** Hands a datagram to its receiver now, as often as asked. */
  deliver(flight: Flight<Peer<N>>): void {
    const { bytes } = flight
    const to = this.#endFor(flight)
    if (to === this.client && flight.destination.address !== this.clientAddress) return
    if (to.closed === undefined) {
      if (flight.kind === 'esp') to.takeEsp(bytes)
      else {
        const datagram: Datagram = {
          bytes: bytes.slice(),
          local: flight.destination,
          remote: flight.source,
        }
        to.feed({ type: 'datagram', datagram })
      }
    }
    this.#openPaths()
  }

  /** Everything in flight arrives, and what it causes. Timers fire only when they are due before that. */
  settle(): void {
    for (let i = 0; this.step() !== undefined; i++)
      if (i > 5_000) throw new Error('the two never come to rest')
  }

  /** As {@link settle}, with the TLS of both ends in between. */
  async settleWithTls(): Promise<void> {
    for (let i = 0; i < 1_000; i++) {
      this.settle()
      const turned = await Promise.all(this.peers.map((peer) => peer.turnTls()))
      if (!turned.includes(true) && this.flying.length === 0) return
    }
    throw new Error('the two never come to rest')
  }

  /** Time passes: datagrams arrive and timers fire in their order. */
  advance(ms: number): void {
    const end = asMillis(this.#now + ms)
    this.#openPaths()
    for (let i = 0; ; i++) {
      if (i > 100_000) throw new Error('the two never come to rest')
      const next = this.flying[0]
      if (next === undefined || next.at > end) {
        this.#until(end)
        if (this.flying[0] === undefined || this.flying[0].at > end) break
      } else this.step()
    }
    this.#now = end
  }

  /** Whether an inner packet gets through in both directions, at this very moment and past everything in flight. */
  pings(): boolean {
    const talking = this.#gateways.filter((g) => g.closed === undefined && g.n.children.size > 0)
    return [this.client, ...talking].every((peer) => this.pingsFrom(peer))
  }

  pingsFrom(peer: Peer<N>): boolean {
    const waiting = this.flying
    this.flying = []
    const arrived = peer.ping(...(peer === this.client ? this.#gateways : [this.client]))
    for (const flight of this.flying) this.deliver(flight)
    this.flying = waiting
    return arrived()
  }

  /** Fires the timers due until then, the earliest first; what they send may arrive in between. */
  #until(end: Millis): void {
    for (;;) {
      let due: { peer: Peer<N>; timer: string; at: Millis } | undefined
      for (const peer of this.peers)
        for (const [timer, at] of peer.timers)
          if (at <= end && (due === undefined || at < due.at)) due = { peer, timer, at }
      if (due === undefined || (this.flying[0] !== undefined && this.flying[0].at < due.at)) break
      this.#now = due.at > this.#now ? due.at : this.#now
      due.peer.timers.delete(due.timer)
      due.peer.feed({ type: 'timer', timer: due.timer })
      this.#openPaths()
    }
    const first = this.flying[0]
    const reached = first !== undefined && first.at < end ? first.at : end
    if (reached > this.#now) this.#now = reached
  }

  #openPaths(): void {
    for (const path of this.#paths.splice(0)) {
      const { peer, address, port, transport } = path
      if (transport === 'tcp' && this.tcp === 'takes its time') {
        this.#paths.push(path)
        continue
      }
      this.reached.push(address)
      const stream = transport === undefined ? {} : { transport }
      if (transport === 'tcp') this.connections++
      if (transport === 'tcp' && this.tcp === 'fails')
        peer.feed({
          type: 'failed',
          error: { kind: 'unreachable', host: address, tries: 1, hint: 'ECONNREFUSED' },
          transport,
        })
      else if (this.offline)
        peer.feed({
          type: 'failed',
          error: { kind: 'unreachable', host: address, tries: 0, hint: 'ENETUNREACH' },
        })
      else
        peer.feed({
          type: 'pathOpen',
          local: { address: this.clientAddress, port, ...stream },
          remote: { address, port, ...stream },
        })
    }
  }

  #launch(kind: Flight['kind'], from: AnyPeer, bytes: Uint8Array, local: Endpoint, remote: Endpoint): void {
    const path = this.#translate(from, local, remote)
    if (path === undefined) return
    const flight: Flight<Peer<N>> = {
      kind,
      from: from as Peer<N>,
      to: this.other(from),
      bytes,
      ...path,
      at: asMillis(this.#now + LATENCY_MS),
    }
    const flights = this.onSend === undefined ? [flight] : this.onSend(flight)
    this.flying.push(...flights)
    this.flying.sort((a, b) => a.at - b.at)
  }

  /** The NAT gives the client another address and port, and takes them back on the way in. `undefined`: it never leaves. */
  #translate(
    from: AnyPeer,
    local: Endpoint,
    remote: Endpoint,
  ): { source: Endpoint; destination: Endpoint } | undefined {
    const { address, shift } = this.mapping
    if (from === this.client && local.address !== this.clientAddress) return undefined
    if (!this.#nat) return { source: local, destination: remote }
    if (from === this.client)
      return { source: { ...local, address, port: local.port + shift }, destination: remote }
    const known = remote.address === address && remote.port >= shift
    const inside = { ...remote, address: this.clientAddress, port: remote.port - shift }
    return { source: local, destination: known ? inside : remote }
  }
}

/** Where a message stands in its exchange, as the tests write it: `CREATE_CHILD_SA request 2: SA Nonce …`. */
export function shape(message: ObservedMessage): string {
  const names = (message.payloads as readonly { readonly type: string; readonly notify?: number }[]).map(
    (p) => (p.type === 'Notify' ? `N(${p.notify})` : p.type),
  )
  return `${message.exchange} ${message.response ? 'response' : 'request'} ${message.messageId}: ${names.join(' ')}`.trim()
}
