import { asMillis, type Millis } from '../bytes/brands.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import { type VpnError, VpnFailure } from '../errors.ts'
import { createTypescriptEngine, type TypescriptEngine } from '../esp/typescript-engine.ts'
import { classifyPort4500, NAT_KEEPALIVE, withNonEspMarker } from '../esp/udp-encapsulation.ts'
import type { NativeAddon, PacketReader } from '../native/addon.ts'
import type { Endpoint, OsEdge } from '../net/plan.ts'
import { answerTo } from './answers.ts'
import type { Connection, ConnectionConfig, ConnectionListener, ConnectionView } from './config.ts'
import type { IkeAction, IkeEvent, State } from './session.ts'
import { Idle } from './v2/initiator.ts'
import { Negotiation } from './v2/negotiation.ts'
import { viewOf } from './v2/view.ts'

export interface ConnectionOptions {
  readonly config: ConnectionConfig
  readonly edge: OsEdge
  readonly addon: NativeAddon
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly listener: ConnectionListener
}

const TRAFFIC_MS = 1_000

/** Sockets, timers and packets for one negotiation; it knows no protocol. */
export function startConnection(options: ConnectionOptions): Connection {
  return new Driver(options)
}

interface Socket {
  readonly fd: number
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly reader: PacketReader
}

class Driver implements Connection {
  readonly #options: ConnectionOptions
  readonly #negotiation: Negotiation
  readonly #engine: TypescriptEngine
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #state: State
  #socket: Socket | undefined
  #tun: { readonly fd: number; readonly reader: PacketReader } | undefined
  #traffic: NodeJS.Timeout | undefined
  #seen = { inbound: 0, outbound: 0 }
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#negotiation = new Negotiation(options.config, options.registry, options.random)
    this.#state = new Idle(this.#negotiation)
    this.#engine = createTypescriptEngine({
      registry: options.registry,
      random: options.random,
      now,
      toTun: (packet) => {
        this.#seen.inbound++
        if (this.#tun !== undefined) this.#write(this.#tun.fd, packet)
      },
      toNetwork: (esp) => {
        this.#seen.outbound++
        if (this.#socket !== undefined) this.#write(this.#socket.fd, esp)
      },
      onSoftLimit: (spi, reason) => queueMicrotask(() => this.#feed({ type: 'softLimit', spi, reason })),
    })
  }

  command(command: Parameters<Connection['command']>[0]): void {
    this.#feed({ type: 'command', command })
  }

  attachTun(fd: number): void {
    const { addon } = this.#options
    const reader = addon.readPackets(
      fd,
      (packets) => {
        for (const packet of packets) this.#engine.fromTun(packet)
      },
      (code) =>
        this.#feed({
          type: 'failed',
          error: { kind: 'systemRefused', what: 'reading the tunnel device', problem: code },
        }),
    )
    this.#tun = { fd, reader }
  }

  view(): ConnectionView {
    const offset = Date.now() - now()
    return viewOf(this.#negotiation, this.#engine, (at) => Math.round(at + offset))
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    clearInterval(this.#traffic)
    this.#tun?.reader.stop()
    this.#tun = undefined
    this.#closeSocket()
    this.#engine.close()
  }

  #feed(event: IkeEvent): void {
    if (this.#closed) return
    const { next, actions } = this.#state.handle(event, now())
    this.#state = next
    for (const action of actions) this.#perform(action)
    if (!this.#closed) this.#options.listener.changed()
  }

  #perform(action: IkeAction): void {
    const { listener } = this.#options
    switch (action.do) {
      case 'openPath':
        void this.#openPath(action.remotePort)
        return
      case 'send':
        if (this.#socket !== undefined)
          this.#write(
            this.#socket.fd,
            this.#socket.remote.port === 4500
              ? withNonEspMarker(action.datagram.bytes)
              : action.datagram.bytes,
          )
        listener.message(action.message)
        return
      case 'setTimer':
        return this.#setTimer(action.timer, action.at)
      case 'clearTimer':
        clearTimeout(this.#timers.get(action.timer))
        this.#timers.delete(action.timer)
        return
      case 'addInbound':
        return this.#engine.addInbound(action.sa, action.selectors)
      case 'useOutbound':
        return this.#engine.useOutbound(action.child, action.sa, action.selectors)
      case 'removeInbound':
        return this.#engine.removeInbound(action.spi)
      case 'removeOutbound':
        return this.#engine.removeOutbound(action.spi)
      case 'keepalive':
        if (this.#socket !== undefined) this.#write(this.#socket.fd, NAT_KEEPALIVE)
        return
      case 'observe':
        return listener.message(action.message)
      case 'note':
        return listener.note(action.text)
      case 'established':
        this.#traffic = setInterval(() => this.#reportTraffic(), TRAFFIC_MS)
        return listener.established(action.configuration, action.selectors.remote, action.selectors.local)
      case 'closed':
        this.close()
        return listener.closed(action.error)
      case 'sign':
      case 'verifyChain': {
        // What else this step asks for comes first, as its order says.
        queueMicrotask(() => {
          if (this.#closed) return
          const answer = answerTo(action, this.#options.config, Date.now())
          this.#feed({ type: 'answered', id: action.id, answer })
        })
        return
      }
      case 'ask':
        return this.#feed({ type: 'answered', id: action.id, answer: undefined })
    }
  }

  #reportTraffic(): void {
    const { inbound, outbound } = this.#seen
    this.#seen = { inbound: 0, outbound: 0 }
    if (inbound + outbound > 0) this.#feed({ type: 'traffic', inbound: inbound > 0, outbound: outbound > 0 })
  }

  #setTimer(timer: string, at: Millis): void {
    clearTimeout(this.#timers.get(timer))
    // Node's timers wrap at 2^31 ms; rekey times of weeks are cut to that.
    const wait = Math.min(Math.max(0, at - now()), 2 ** 31 - 1)
    this.#timers.set(
      timer,
      setTimeout(() => {
        this.#timers.delete(timer)
        this.#feed({ type: 'timer', timer })
      }, wait),
    )
  }

  async #openPath(port: 500 | 4500): Promise<void> {
    const { edge, addon, config } = this.#options
    try {
      const { fd, local } = await edge.openUdp({ address: config.gatewayAddress, port })
      if (this.#closed) return addon.closeFd(fd)
      this.#closeSocket()
      const remote = { address: config.gatewayAddress, port }
      const reader = addon.readPackets(
        fd,
        (packets) => this.#onPackets(packets),
        (code) => this.#onSocketError(code),
      )
      this.#socket = { fd, local, remote, reader }
      this.#feed({ type: 'pathOpen', local, remote })
    } catch (error) {
      this.#feed({ type: 'failed', error: asVpnError(error) })
    }
  }

  #onPackets(packets: readonly Uint8Array[]): void {
    const socket = this.#socket
    if (socket === undefined) return
    for (const bytes of packets) {
      if (socket.remote.port !== 4500) this.#receive(bytes, socket)
      else {
        const what = classifyPort4500(bytes)
        if (what.kind === 'esp') this.#engine.fromNetwork(what.packet)
        else if (what.kind === 'ike') this.#receive(what.message, socket)
      }
    }
  }

  #receive(bytes: Uint8Array, { local, remote }: Socket): void {
    this.#feed({ type: 'datagram', datagram: { bytes, local, remote } })
  }

  /** ICMP errors come back on a connected socket: anybody can forge them, so retransmission decides. */
  #onSocketError(code: string): void {
    this.#options.listener.note(`the socket reports ${code}`)
  }

  #write(fd: number, packet: Uint8Array): void {
    try {
      this.#options.addon.writePacket(fd, packet)
    } catch (error) {
      this.#options.listener.note(
        `a packet could not be sent: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  #closeSocket(): void {
    if (this.#socket === undefined) return
    this.#socket.reader.stop()
    this.#options.addon.closeFd(this.#socket.fd)
    this.#socket = undefined
  }
}

const now = (): Millis => asMillis(performance.now())

const asVpnError = (error: unknown): VpnError =>
  error instanceof VpnFailure
    ? error.error
    : { kind: 'internal', problem: error instanceof Error ? error.message : String(error) }
