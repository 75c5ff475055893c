import { isIP } from 'node:net'
import type { Millis } from '../bytes/brands.ts'
import type { Random } from '../bytes/random.ts'
import { PlatformTls } from '../crypto/platform-tls.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import { type VpnError, VpnFailure } from '../errors.ts'
import type { RawSockets } from '../esp/datapath.ts'
import type { EngineKind } from '../esp/open-datapath.ts'
import { TcpPath } from '../esp/tcp-path.ts'
import type { IpsecDatapath } from '../ipsec/datapath.ts'
import { openIpsecDatapath } from '../ipsec/open-datapath.ts'
import type { NativeAddon } from '../native/addon.ts'
import type { Endpoint, OsEdge } from '../net/plan.ts'
import { resolveHost } from '../net/resolve.ts'
import { answerTo, tlsJudge } from './answers.ts'
import { ByteLimits } from './byte-limits.ts'
import {
  type Connection,
  type ConnectionConfig,
  type ConnectionListener,
  type ConnectionView,
  closeSecrets,
  type Path,
} from './config.ts'
import { EspKeyShelf, type ExposedKeys } from './exposed-keys.ts'
import { InboundWatch } from './inbound-watch.ts'
import { RevocationDesk } from './revocation.ts'
import type { Answer, IkeAction, IkeEvent, State } from './session.ts'
import { systemTimers, Timers } from './timers.ts'
import { Unanswered } from './unanswered.ts'
import { type Initiator, initiator } from './versions.ts'

export interface ConnectionOptions {
  readonly config: ConnectionConfig
  readonly edge: OsEdge
  readonly addon: NativeAddon
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly listener: ConnectionListener
  /** Who carries the packets; native unless told otherwise or impossible. */
  readonly engine?: EngineKind
  /** Who asks whether certificates were revoked, and remembers; left out: somebody who begins anew. */
  readonly revocation?: RevocationDesk
}

/** Ours: how often counters are looked at while they move, or anything else happens, and how often that is told. */
const TRAFFIC_MS = 200
const TELL_MS = 1_000
/** Ours: at the least, while nothing does: a tunnel nobody uses hardly wakes this computer. */
const CALM_MS = 4_000

/** Ours: how long a gateway may take to accept a TCP connection. */
const TCP_LIMIT_MS = 4_000

/** Timers, and a datapath with its descriptors, for one negotiation; it knows no protocol. The secrets of the configuration are wiped at its end. */
export function startConnection(options: ConnectionOptions): Connection {
  return new Driver(options)
}

class Driver implements Connection {
  readonly #options: ConnectionOptions
  readonly #initiator: Initiator
  readonly #datapath: IpsecDatapath
  readonly #timers = new Timers((timer) => this.#feed({ type: 'timer', timer }))
  readonly #byteLimits = new ByteLimits()
  readonly #watch = new InboundWatch()
  #state: State
  #traffic: NodeJS.Timeout | undefined
  #trafficMs = TRAFFIC_MS
  readonly #unanswered = new Unanswered()
  /** Time since traffic was told of. */
  #untoldMs = 0
  #seen = { inbound: 0, outbound: 0 }
  /** Inner packets so far that no CHILD_SA was there for. */
  #unserved = 0
  /** Of the EAP conversation that runs. */
  #tls: PlatformTls | undefined
  readonly #revocation: RevocationDesk
  readonly #espKeys = new EspKeyShelf()
  #path: Path | undefined
  /** Of the datagram that is being handled. */
  #arrived: Path | undefined
  /** The TCP connection that carries everything, and how many were asked for. */
  #tcp: TcpPath | undefined
  #tcpAsked = 0
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#revocation = options.revocation ?? new RevocationDesk()
    const { config, addon, registry, random, listener, engine } = options
    this.#initiator = initiator(config, registry, random)
    this.#state = this.#initiator.state
    this.#datapath = openIpsecDatapath(config.protection, {
      addon,
      registry,
      random,
      now,
      onIke: (bytes, path) => this.#onIke(bytes, path),
      onSoftLimit: (spi, reason) => this.#feed({ type: 'softLimit', spi, reason }),
      // ICMP errors come back on a connected socket: anybody can forge them, so retransmission decides.
      onSocketError: (code) => listener.note(`the socket reports ${code}`),
      onTunEnd: (code) =>
        this.#feed({
          type: 'failed',
          error: { kind: 'systemRefused', what: 'reading the tunnel device', problem: code },
        }),
      onNote: (text) => listener.note(text),
      ...(engine === undefined ? {} : { engine }),
    })
  }

  get engine(): EngineKind {
    return this.#datapath.kind
  }

  command(command: Parameters<Connection['command']>[0]): void {
    this.#feed({ type: 'command', command })
  }

  attachTun(fd: number, kept: readonly Uint8Array[] = []): void {
    this.#datapath.sendFirst(kept)
    this.#datapath.attachTun(fd)
  }

  pause(): void {
    this.#timers.pause()
  }

  resume(): void {
    if (this.#closed) return
    // What waits for an answer has all its tries before it, by the time its timer is due.
    this.command({ type: 'wake' })
    this.#timers.resume()
  }

  view(): ConnectionView {
    const offset = Date.now() - now()
    return this.#initiator.view(this.#datapath, (at) => Math.round(at + offset))
  }

  keys(): ExposedKeys {
    if (this.#closed || this.#path === undefined) return { ikev1: [], ikev2: [], esp: [] }
    const { local, remote } = this.#path
    return { ...this.#initiator.keys(), esp: this.#espKeys.exposed(local.address, remote.address) }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#espKeys.close()
    this.#timers.close()
    clearTimeout(this.#traffic)
    this.#tls?.close()
    this.#datapath.close()
    this.#tcp?.close()
    closeSecrets(this.#options.config)
  }

  #feed(event: IkeEvent): void {
    if (this.#closed) return
    // Whoever decides about silence has to know the latest.
    if (event.type === 'timer' && this.#traffic !== undefined) this.#reportTraffic()
    else if (event.type !== 'traffic') this.#watchClosely()
    const { next, actions } = this.#state.handle(event, now())
    this.#state = next
    for (const action of actions) this.#perform(action)
    if (!this.#closed) this.#options.listener.changed()
  }

  #perform(action: IkeAction): void {
    const { listener } = this.#options
    switch (action.do) {
      case 'openPath':
        void this.#openPath(action)
        return
      case 'keepPath':
        this.#tcpAsked++
        return
      case 'send':
        ;(this.#tcp ?? this.#datapath).sendIke(action.datagram.bytes)
        listener.message(action.message, action.datagram)
        return
      case 'setTimer':
        return this.#timers.set(action.timer, action.at)
      case 'clearTimer':
        return this.#timers.clear(action.timer)
      case 'addInbound':
        this.#espKeys.add('inbound', action.sa)
        return this.#datapath.addInbound(action.sa, action.selectors)
      case 'useOutbound':
        this.#espKeys.add('outbound', action.sa)
        return this.#datapath.useOutbound(action.child, action.sa, action.selectors)
      case 'limitBytes':
        return this.#byteLimits.add(action)
      case 'watchInbound':
        return this.#watch.add(action.spi, this.#datapath)
      case 'removeInbound':
        this.#byteLimits.remove(action.spi)
        this.#watch.remove(action.spi)
        this.#espKeys.remove('inbound', action.spi)
        return this.#datapath.removeInbound(action.spi)
      case 'removeOutbound':
        this.#espKeys.remove('outbound', action.spi)
        return this.#datapath.removeOutbound(action.spi)
      case 'keepalive':
        return this.#datapath.sendKeepalive()
      case 'observe':
        return listener.message(action.message, this.#arrived)
      case 'note':
        return listener.note(action.text)
      case 'established':
        this.#traffic ??= setTimeout(() => this.#lookAtTraffic(), TRAFFIC_MS)
        return listener.established(action.configuration, action.selectors.remote, action.selectors.local)
      case 'closed':
        this.close()
        return listener.closed(action.error)
      case 'verifyChain':
        void this.#verify(action)
        return
      case 'sign': {
        // What else this step asks for comes first, as its order says.
        queueMicrotask(() => {
          if (this.#closed) return
          const answer = answerTo(action, this.#options.config, Date.now())
          this.#feed({ type: 'answered', id: action.id, answer })
        })
        return
      }
      case 'tls':
        void this.#takeTurn(action)
        return
      case 'endTls':
        this.#tls?.close()
        this.#tls = undefined
        return
      case 'ask':
        void this.#ask(action)
        return
    }
  }

  /** It may take a moment to ask whether a certificate was revoked. */
  async #verify({ id, question }: Extract<IkeAction, { do: 'verifyChain' }>): Promise<void> {
    try {
      const verdict = await this.#revocation.judge({ ...question, at: Date.now() })
      if (verdict.ok && verdict.unknown !== undefined)
        this.#options.listener.note(`nobody says whether the certificate was revoked: ${verdict.unknown}`)
      this.#answer(id, { what: 'chain', verdict })
    } catch (thrown) {
      this.#answer(id, { what: 'failed', error: asVpnError(thrown) })
    }
  }

  /** TLS never throws: whatever goes wrong is part of its turn. */
  async #takeTurn({ id, input }: Extract<IkeAction, { do: 'tls' }>): Promise<void> {
    const { setup, ...rest } = input
    if (setup !== undefined) {
      this.#tls?.close()
      const judge = tlsJudge(this.#options.config, Date.now(), (question) => this.#revocation.judge(question))
      this.#tls = new PlatformTls(setup, judge)
    }
    const turn = await this.#tls?.turn(rest)
    if (turn !== undefined) this.#answer(id, { what: 'tls', turn })
  }

  async #ask({ id, question, until }: Extract<IkeAction, { do: 'ask' }>): Promise<void> {
    const untilMs = Math.round(Date.now() + until - now())
    try {
      const secret = await this.#options.listener.ask(question, untilMs)
      if (this.#closed) secret?.close()
      this.#answer(id, secret === undefined ? undefined : { what: 'secret', secret })
    } catch (thrown) {
      this.#answer(id, { what: 'failed', error: asVpnError(thrown) })
    }
  }

  #answer(id: number, answer: Answer): void {
    this.#feed({ type: 'answered', id, answer })
  }

  /** Less and less often while there is a CHILD_SA and nothing moves; without one the first packet asks for it. */
  #lookAtTraffic(): void {
    const { moved, unanswered } = this.#unanswered.look(this.#datapath.traffic())
    this.#untoldMs += this.#trafficMs
    if ((unanswered || this.#untoldMs >= TELL_MS) && this.#reportTraffic(unanswered))
      for (const event of this.#byteLimits.reached(this.#datapath)) this.#feed(event)
    if (this.#closed) return
    const calm = !moved && this.view().phase2.length > 0
    this.#trafficMs = calm ? Math.min(2 * this.#trafficMs, CALM_MS) : TRAFFIC_MS
    this.#traffic = setTimeout(() => this.#lookAtTraffic(), this.#trafficMs)
  }

  /** Something happens: what follows is looked at soon. */
  #watchClosely(): void {
    if (this.#traffic === undefined || this.#trafficMs === TRAFFIC_MS) return
    clearTimeout(this.#traffic)
    this.#trafficMs = TRAFFIC_MS
    this.#traffic = setTimeout(() => this.#lookAtTraffic(), TRAFFIC_MS)
  }

  /** Whether anything moved since the last report. */
  #reportTraffic(unanswered = false): boolean {
    this.#untoldMs = 0
    const traffic = this.#datapath.traffic()
    const { noSelector } = this.#datapath.strays()
    const inbound = traffic.inbound > this.#seen.inbound
    const outbound = traffic.outbound > this.#seen.outbound
    const unserved = noSelector > this.#unserved
    this.#seen = traffic
    this.#unserved = noSelector
    const moved = inbound || outbound || unserved
    if (moved || unanswered) this.#feed({ type: 'traffic', inbound, outbound, unserved, unanswered })
    if (inbound) for (const event of this.#watch.arrived(this.#datapath)) this.#feed(event)
    return moved
  }

  #onIke(bytes: Uint8Array, { local, remote }: Path): void {
    this.#arrived = { local, remote }
    this.#feed({ type: 'datagram', datagram: { bytes, local, remote } })
    this.#arrived = undefined
  }

  async #openPath(asked: Extract<IkeAction, { do: 'openPath' }>): Promise<void> {
    const { edge, addon, config } = this.#options
    const { remotePort: port, remoteAddress, transport } = asked
    const number = transport === 'tcp' ? ++this.#tcpAsked : undefined
    try {
      const address = await numeric(remoteAddress ?? config.gatewayAddress)
      if (number !== undefined) return await this.#openTcp({ address, port }, number)
      const { fd, local } = await edge.openUdp({ address, port })
      const raw = await this.#openRaw(address, port).catch((thrown: unknown) => {
        addon.closeFd(fd)
        throw thrown
      })
      if (this.#closed) {
        for (const each of [fd, ...Object.values(raw ?? {})]) addon.closeFd(each)
        return
      }
      const remote = { address, port }
      this.#path = { local, remote }
      this.#datapath.usePath({ fd, local, remote, ...(raw === undefined ? {} : { raw }) })
      // The datapath has let go of the TCP connection before, which closes with that.
      this.#tcp = undefined
      this.#feed({ type: 'pathOpen', local, remote })
    } catch (error) {
      if (number === undefined) return this.#feed({ type: 'failed', error: asVpnError(error) })
      if (number === this.#tcpAsked)
        this.#feed({ type: 'failed', error: asVpnError(error), transport: 'tcp' })
    }
  }

  /** As long as IKE is on port 500 there is no UDP to go in: nobody saw a NAT, and nobody wants it all the same. RFC 7296 §2.23 */
  async #openRaw(address: string, port: number): Promise<RawSockets | undefined> {
    const { edge, addon, config } = this.#options
    if (port !== 500 || config.forceEncapsulation) return undefined
    const { protocol } = config.protection ?? { protocol: 'esp' }
    const esp = protocol === 'ah' ? {} : { esp: (await edge.openRaw({ address, protocol: 50 })).fd }
    if (protocol === 'esp') return esp
    try {
      return { ...esp, ah: (await edge.openRaw({ address, protocol: 51 })).fd }
    } catch (thrown) {
      for (const fd of Object.values(esp)) addon.closeFd(fd)
      throw thrown
    }
  }

  /** In the place of the path before, unless it is not wanted any more when it stands. */
  async #openTcp(to: Endpoint, number: number): Promise<void> {
    const { edge, addon } = this.#options
    if (edge.openTcp === undefined)
      throw new VpnFailure({ kind: 'systemRefused', what: 'open a TCP connection', problem: 'there is none' })
    const { fd, local: from } = await edge.openTcp(to)
    if (this.#closed) return addon.closeFd(fd)
    const [local, remote] = [from, to].map((end): Endpoint => ({ ...end, transport: 'tcp' })) as [
      Endpoint,
      Endpoint,
    ]
    const path = new TcpPath({
      ...{ addon, fd, local, remote },
      limitMs: TCP_LIMIT_MS,
      onIke: (bytes) => this.#onIke(bytes, { local, remote }),
      onLost: (problem) => {
        if (this.#tcp === path) this.#feed({ type: 'pathLost', problem })
      },
    })
    try {
      await path.opened
    } catch (error) {
      path.close()
      const hint = `TCP port ${to.port}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`
      throw new VpnFailure({ kind: 'unreachable', host: to.address, tries: 1, hint })
    }
    if (this.#closed || number !== this.#tcpAsked) return path.close()
    this.#path = { local, remote }
    this.#tcp = path
    this.#datapath.usePath(path.socket())
    this.#feed({ type: 'pathOpen', local, remote })
  }
}

/** A gateway may be sent on by its name. */
const numeric = async (host: string): Promise<string> =>
  isIP(host) === 0 ? ((await resolveHost(host))[0] ?? host) : host

const now = (): Millis => systemTimers.now()

const asVpnError = (error: unknown): VpnError =>
  error instanceof VpnFailure
    ? error.error
    : { kind: 'internal', problem: error instanceof Error ? error.message : String(error) }
