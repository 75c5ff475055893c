import type { RemoteInfo, Socket } from 'node:dgram'
import type { Server as HttpServer } from 'node:http'
import type { Server } from 'node:net'
import { asMillis } from '../bytes/brands.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import { engineChoice } from '../esp/engine-choice.ts'
import { packetEngines } from '../esp/open-packet-engine.ts'
import { closeSecrets } from '../ike/config.ts'
import { TicketOffice } from '../ike/v2/tickets.ts'
import type { NativeAddon, PacketReader } from '../native/addon.ts'
import type { Endpoint } from '../net/plan.ts'
import { readPemCertificates } from '../profile/sign-in.ts'
import { type GatewaySettings, poolRanges, sessionConfig, sessionConfigV1 } from './config.ts'
import { Gateway, type GatewayListener, type GatewayOptions } from './gateway.ts'
import type { GatewayHost } from './host.ts'
import { answerDns } from './inside/dns.ts'
import { createPage } from './inside/web.ts'
import { AddressPool } from './pool.ts'
import { closeGatewaySecrets, type GatewaySecrets } from './proofs.ts'
import type { GatewayClock } from './session.ts'
import { Staples } from './staples.ts'
import { Streams } from './streams.ts'

export interface ServiceOptions {
  readonly settings: GatewaySettings
  /** Where the settings come from, for messages. */
  readonly source: string
  /** The service takes them over. */
  readonly secrets: GatewaySecrets
  readonly host: GatewayHost
  readonly addon: NativeAddon
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly listener?: GatewayListener
}

export interface GatewayService {
  readonly gateway: Gateway
  /** Outer addresses it listens on. */
  readonly addresses: readonly string[]
  /** Tells the clients, closes everything, and leaves the host as it was. */
  close(): Promise<void>
}

/** Octets of the largest inner packet: ESP in UDP fits a link of 1500. Ours. */
const MTU = 1400
const PORTS = [500, 4500] as const
/** Ours: how often the host is asked for its addresses. */
const ADDRESSES_MS = 2_000

const systemClock: GatewayClock = {
  now: () => asMillis(performance.now()),
  after: (ms, work) => {
    // Node's timers wrap at 2^31 ms.
    const timer = setTimeout(work, Math.min(ms, 2 ** 31 - 1))
    return () => clearTimeout(timer)
  },
}

/** A running gateway with its sockets, its device, the name server and the page behind it. Throws `VpnFailure`. */
export async function startGateway(options: ServiceOptions): Promise<GatewayService> {
  let service: Service | undefined
  try {
    service = new Service(options)
    await service.open()
    return service
  } catch (error) {
    if (service !== undefined) await service.close()
    else closeGatewaySecrets(options.secrets)
    await options.host.close()
    throw error
  }
}

/**
 * The sockets are Node's own (node:dgram): they tell where a datagram came from, which a connected socket of the client's
 * driver need not, and a gateway for demos and tests needs no more speed than that. So packets pass through JavaScript here;
 * sealed and opened they are by the native engine, where there is one.
 */
class Service implements GatewayService {
  readonly gateway: Gateway
  readonly #options: ServiceOptions
  readonly #config: GatewayOptions['config']
  readonly #sockets = new Map<string, Socket>()
  readonly #servers: (Socket | Server)[] = []
  readonly #streams: Streams
  readonly #tickets: TicketOffice
  readonly #staples: Staples
  /** Those that take TCP, by address. */
  readonly #callees = new Map<string, Server>()
  #device: { readonly fd: number; readonly reader: PacketReader } | undefined
  /** Datagrams that Node has and the kernel has not. */
  #leaving = 0
  #watching: NodeJS.Timeout | undefined
  #following = false
  #onEmpty: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(options: ServiceOptions) {
    const { settings, secrets, source, addon, registry, random, listener } = options
    this.#options = options
    this.#tickets = new TicketOffice(random)
    this.#staples = new Staples({ note: (text) => listener?.note?.(text) })
    this.#config = {
      ...sessionConfig(settings, secrets, source, this.#staples),
      ticketOffice: this.#tickets,
      ...(secrets.crash === undefined ? {} : { crashSecret: secrets.crash }),
    }
    const configV1 = this.#configV1()
    this.#streams = new Streams({
      receive: (local, remote, message) => this.gateway.receive(local, remote, message),
      isServed: (remote) => this.gateway.isServed(remote),
    })
    this.gateway = new Gateway({
      config: this.#config,
      ...(configV1 === undefined ? {} : { configV1 }),
      pool: new AddressPool(poolRanges(settings)),
      dnsServers: [settings.inside.ipv4, settings.inside.ipv6],
      domain: settings.inside.domain,
      registry,
      random,
      clock: systemClock,
      limits: settings.limits,
      openEngine: packetEngines({
        addon,
        registry,
        random,
        now: () => systemClock.now(),
        ...engineChoice(),
        onNote: (text) => listener?.note?.(text),
      }),
      send: (local, remote, bytes) => this.#send(local, remote, bytes),
      toInside: (packet) => this.#toInside(packet),
      ...(listener === undefined ? {} : { listener }),
    })
  }

  #configV1(): GatewayOptions['config'] | undefined {
    const { settings, secrets, source } = this.#options
    try {
      return sessionConfigV1(settings, secrets, source, this.#config)
    } catch (thrown) {
      closeSecrets(this.#config)
      throw thrown
    }
  }

  async open(): Promise<void> {
    const { host, settings, addon } = this.#options
    const { ipv4, ipv6 } = settings.inside
    const fd = await host.openDevice({
      mtu: MTU,
      addresses: [ipv4, ipv6],
      clients: [settings.pool.ipv4, settings.pool.ipv6],
    })
    const reader = addon.readPackets(
      fd,
      (packets) => {
        for (const packet of packets) this.gateway.fromInside(packet)
      },
      (code) => this.#options.listener?.note?.(`the device of the gateway reports ${code}`),
    )
    this.#device = { fd, reader }
    for (const address of [ipv4, ipv6]) {
      await this.#serveDns(address)
      const page = createPage((client) => this.gateway.clientAt(client))
      this.#servers.push(page)
      await host.listen(page, address, 80)
    }
    for (const address of host.addresses()) await this.#listen(address)
    this.#beginStaples()
    if (host.fixed !== true) this.#watching = setInterval(() => void this.#followAddresses(), ADDRESSES_MS)
  }

  /** A root is not sent to clients, and yet it may be who issued our certificate. */
  #beginStaples(): void {
    const { authentication } = this.#config
    const { auth } = this.#options.settings
    if (authentication.method !== 'each' || authentication.ours.method !== 'certificate') return
    const known =
      auth.method === 'certificate' && auth.certificate !== undefined
        ? readPemCertificates(auth.certificate)
        : []
    this.#staples.begin(authentication.ours.chain, 'problem' in known ? [] : known)
  }

  get addresses(): readonly string[] {
    return [...new Set([...this.#sockets.keys()].map((key) => key.split(' ')[0]!))]
  }

  close(): Promise<void> {
    this.#closing ??= this.#shut()
    return this.#closing
  }

  /** What cannot be sent is lost on the way, as on any network: whoever asked asks again. */
  #send(local: Endpoint, remote: Endpoint, bytes: Uint8Array): void {
    if (remote.transport === 'tcp') return this.#streams.send(remote, bytes)
    const socket = this.#sockets.get(`${local.address} ${local.port}`)
    if (socket === undefined) return
    this.#leaving++
    socket.send(bytes, remote.port, remote.address, () => {
      this.#leaving--
      if (this.#leaving === 0) this.#onEmpty?.()
    })
  }

  /** Node hands a datagram to the kernel a little later than it is told to. */
  #allSent(): Promise<void> {
    if (this.#leaving === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onEmpty = resolve
    })
  }

  /** Listens on addresses that have come, and no more on those that have gone. */
  async #followAddresses(): Promise<void> {
    if (this.#following) return
    this.#following = true
    const note = (text: string): void => this.#options.listener?.note?.(text)
    const before = this.addresses
    const now = this.#options.host.addresses()
    for (const address of before.filter((one) => !now.includes(one))) {
      this.#unlisten(address)
      note(`no longer listens on ${address}: it is gone`)
    }
    for (const address of now.filter((one) => !before.includes(one))) {
      try {
        await this.#listen(address)
        note(`listens on ${address} too`)
      } catch {
        // A fresh IPv6 address may not be used before it is known to be nobody else's: the next look comes soon.
        this.#unlisten(address)
      }
    }
    this.#following = false
  }

  #unlisten(address: string): void {
    const callee = this.#callees.get(address)
    this.#callees.delete(address)
    if (callee !== undefined) void closed(callee)
    for (const port of PORTS) {
      const key = `${address} ${port}`
      const socket = this.#sockets.get(key)
      this.#sockets.delete(key)
      if (socket !== undefined) void closed(socket)
    }
  }

  async #listen(address: string): Promise<void> {
    for (const port of PORTS) await this.#listenOn(address, port)
    const { tcpPort } = this.#options.settings
    if (tcpPort === 0 || this.#closing !== undefined) return
    const server = this.#streams.server({ address, port: tcpPort })
    await this.#options.host.listen(server, address, tcpPort)
    if (this.#closing === undefined) this.#callees.set(address, server)
    else await closed(server)
  }

  async #listenOn(address: string, port: number): Promise<void> {
    const socket = await this.#options.host.bindUdp(address, port)
    if (this.#closing !== undefined) return closed(socket)
    const local = { address, port }
    socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
      const octets = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
      this.gateway.receive(local, { address: from.address, port: from.port }, octets)
    })
    socket.on('error', () => {})
    this.#sockets.set(`${address} ${port}`, socket)
  }

  async #serveDns(address: string): Promise<void> {
    const { host, settings } = this.#options
    const socket = await host.bindUdp(address, 53)
    this.#servers.push(socket)
    const zone = settings.inside
    socket.on('message', (query: Buffer, from: RemoteInfo) => {
      const answer = answerDns(zone, query, from.address)
      if (answer !== undefined) socket.send(answer, from.port, from.address, () => {})
    })
    socket.on('error', () => {})
  }

  #toInside(packet: Uint8Array): void {
    if (this.#device === undefined) return
    try {
      this.#options.addon.writePacket(this.#device.fd, packet)
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      this.#options.listener?.note?.(`a packet could not be passed on: ${problem}`)
    }
  }

  async #shut(): Promise<void> {
    clearInterval(this.#watching)
    this.#staples.close()
    this.gateway.close()
    // The farewells too.
    await this.#allSent()
    this.#streams.close()
    await Promise.all([...this.#callees.values(), ...this.#sockets.values()].map(closed))
    this.#sockets.clear()
    for (const server of this.#servers)
      if ('closeAllConnections' in server) (server as HttpServer).closeAllConnections()
    await Promise.all(this.#servers.map(closed))
    this.#device?.reader.stop()
    if (this.#device !== undefined) this.#options.addon.closeFd(this.#device.fd)
    this.#device = undefined
    closeGatewaySecrets(this.#options.secrets)
    closeSecrets(this.#config)
    this.#tickets.close()
    await this.#options.host.close()
  }
}

/** Closing what is not open is no fault. */
const closed = (one: Socket | Server): Promise<void> =>
  new Promise((resolve) => {
    try {
      one.close(() => resolve())
    } catch {
      resolve()
    }
  })
