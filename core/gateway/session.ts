import { asMillis, type EspSpi, type Millis } from '../bytes/brands.ts'
import type { Random } from '../bytes/random.ts'
import { PlatformTls } from '../crypto/platform-tls.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import type { VpnError } from '../errors.ts'
import { carriesEsp } from '../esp/datapath.ts'
import { closeSa, type PacketEngine } from '../esp/engine.ts'
import type { OpenPacketEngine } from '../esp/open-packet-engine.ts'
import { NAT_KEEPALIVE, withNonEspMarker } from '../esp/udp-encapsulation.ts'
import { answerTo, tlsJudge } from '../ike/answers.ts'
import { ByteLimits } from '../ike/byte-limits.ts'
import type { ConnectionConfig, ConnectionView } from '../ike/config.ts'
import { InboundWatch } from '../ike/inbound-watch.ts'
import type { Datagram, IkeAction, IkeCommand, IkeEvent, ObservedMessage, State } from '../ike/session.ts'
import type { Counters } from '../ike/view.ts'
import type { Endpoint } from '../net/plan.ts'
import type { LastWords } from './last-words.ts'
import { type Responder, responderV1, responderV2 } from './responder.ts'

/** The gateway's clock, so that tests can turn it. */
export interface GatewayClock {
  /** Monotonic. */
  now(): Millis
  /** Runs `work` once after `ms`; the function it returns calls it off. */
  after(ms: number, work: () => void): () => void
}

export interface SessionOwner {
  /** One datagram as it leaves the UDP socket bound to `local`, or one message of the TCP connection with `remote`. */
  send(local: Endpoint, remote: Endpoint, datagram: Uint8Array): void
  /** An inner packet from the client. */
  toInside(packet: Uint8Array): void
  isSpiTaken(spi: number): boolean
  inboundAdded(spi: EspSpi, session: Session): void
  inboundRemoved(spi: EspSpi): void
  /** Which IKE SPIs of ours are its own has changed, or how far it is. */
  changed(session: Session): void
  closed(session: Session, error: VpnError | undefined): void
  message?(session: Session, message: ObservedMessage): void
  note?(session: Session, text: string): void
}

export interface SessionOptions {
  /** Of IKE. */
  readonly version: 1 | 2
  readonly config: ConnectionConfig
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly clock: GatewayClock
  readonly owner: SessionOwner
  readonly openEngine: OpenPacketEngine
}

/** Ours: how often traffic counts as a sign of life. */
const TRAFFIC_MS = 1_000

const NOTHING_YET: Counters = { inbound: () => undefined, outbound: () => undefined }

/** One client: the responder's states, its timers and its packets. It owns no socket. */
export class Session {
  readonly #options: SessionOptions
  readonly #responder: Responder
  /** Only whoever has proven themselves costs one. */
  #opened: PacketEngine | undefined
  readonly #timers = new Map<string, () => void>()
  readonly #byteLimits = new ByteLimits()
  readonly #watch = new InboundWatch()
  #state: State
  #asked: { readonly id: number; readonly request: Uint8Array; readonly answer: Uint8Array[] } | undefined
  /** Of the EAP conversation that runs. */
  #tls: PlatformTls | undefined
  #established = false
  #heardAt: Millis = asMillis(Number.NEGATIVE_INFINITY)
  /** Inner packets of the client so far. */
  #arrived = 0
  #closed = false

  constructor(options: SessionOptions) {
    const { config, registry, random, owner } = options
    this.#options = options
    const make = options.version === 1 ? responderV1 : responderV2
    this.#responder = make(config, registry, random)
    this.#responder.n.isTaken = (spi) => owner.isSpiTaken(spi)
    this.#state = this.#responder.first
  }

  get #engine(): PacketEngine {
    this.#opened ??= this.#options.openEngine({
      toTun: (packet) => {
        this.#arrived++
        this.#options.owner.toInside(packet)
      },
      toNetwork: (esp) => this.#sendEsp(esp),
      onSoftLimit: (spi, reason) =>
        this.#later(`limit ${spi} ${reason}`, () => this.feed({ type: 'softLimit', spi, reason })),
    })
    return this.#opened
  }

  /** Its IKE SPIs on our side, in hex: one, or more while an IKE SA is being replaced. */
  get spis(): readonly string[] {
    return this.#closed ? [] : this.#responder.spis(this.#state)
  }

  get version(): 1 | 2 {
    return this.#options.version
  }

  /** The client has proven itself and has a CHILD_SA. */
  get established(): boolean {
    return this.#established
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The socket of ours it uses. */
  get local(): Endpoint | undefined {
    return this.#responder.n.local
  }

  /** Where the client is, as far as is known. */
  get remote(): Endpoint | undefined {
    return this.#responder.n.remote
  }

  /** The last protected request that was answered, and its answer. */
  get lastWords(): LastWords | undefined {
    return this.#asked === undefined || this.#asked.answer.length === 0 ? undefined : this.#asked
  }

  /** Phase 1 and phase 2 from the gateway's side; times by `toUnixMs`. */
  view(toUnixMs: (at: Millis) => number): ConnectionView {
    return this.#responder.view(this.#opened ?? NOTHING_YET, toUnixMs)
  }

  onIke(datagram: Datagram): void {
    this.feed({ type: 'datagram', datagram })
  }

  command(command: IkeCommand): void {
    this.feed({ type: 'command', command })
  }

  /** An ESP packet with one of its SPIs, and how it came. */
  onEsp(packet: Uint8Array, local: Endpoint, remote: Endpoint): void {
    if (this.#closed) return
    const before = this.#arrived
    this.#opened?.fromNetwork(packet)
    if (this.#arrived === before) return
    this.#follow(local, remote)
    const now = this.#options.clock.now()
    if (now - this.#heardAt < TRAFFIC_MS) return
    this.#heardAt = now
    this.feed({ type: 'traffic', inbound: true, outbound: false })
    for (const event of this.#byteLimits.reached(this.#engine)) this.feed(event)
    this.#lookAtWatched()
  }

  #lookAtWatched(): void {
    if (this.#opened !== undefined) for (const event of this.#watch.arrived(this.#opened)) this.feed(event)
  }

  /** An inner packet for the client. */
  fromInside(packet: Uint8Array): void {
    if (!this.#closed) this.#opened?.fromTun(packet)
  }

  feed(event: IkeEvent): void {
    if (this.#closed) return
    const { next, actions } = this.#state.handle(event, this.#options.clock.now())
    const before = this.#state
    this.#state = next
    for (const action of actions) this.#perform(action)
    if (this.#closed) return
    if (next !== before && this.#responder.isDone(next) && !this.#established) this.#awaitChild()
    this.#options.owner.changed(this)
  }

  /** Ends at once, without a word; wipes keys. */
  close(error?: VpnError): void {
    if (this.#closed) return
    this.#closed = true
    for (const callOff of this.#timers.values()) callOff()
    this.#timers.clear()
    for (const spi of this.#responder.n.children.keys()) this.#options.owner.inboundRemoved(spi as EspSpi)
    this.#tls?.close()
    this.#opened?.close()
    this.#options.owner.closed(this, error)
  }

  /** A NAT has given the client another address: what it proved it sent tells where it is now. RFC 7296 §2.23 */
  #follow(local: Endpoint, remote: Endpoint): void {
    const { n, moves } = this.#responder
    if (!moves || (n.remote?.address === remote.address && n.remote.port === remote.port)) return
    n.local = local
    n.remote = remote
  }

  #perform(action: IkeAction): void {
    const { owner } = this.#options
    switch (action.do) {
      case 'send': {
        const { bytes, local, remote } = action.datagram
        owner.send(local, remote, carriesEsp(local) ? withNonEspMarker(bytes) : bytes)
        this.#remember(action.message)
        owner.message?.(this, action.message)
        return
      }
      case 'setTimer':
        return this.#setTimer(action.timer, action.at)
      case 'clearTimer':
        this.#timers.get(action.timer)?.()
        this.#timers.delete(action.timer)
        return
      case 'addInbound':
        if (action.sa.esp === undefined) return closeSa(action.sa)
        this.#engine.addInbound(action.sa.esp, action.selectors)
        return owner.inboundAdded(action.sa.esp.spi, this)
      case 'useOutbound':
        if (action.sa.esp === undefined) return closeSa(action.sa)
        return this.#engine.useOutbound(action.child, action.sa.esp, action.selectors)
      case 'limitBytes':
        return this.#byteLimits.add(action)
      case 'watchInbound':
        return this.#watch.add(action.spi, this.#engine)
      case 'removeInbound':
        this.#byteLimits.remove(action.spi)
        this.#watch.remove(action.spi)
        owner.inboundRemoved(action.spi)
        return this.#opened?.removeInbound(action.spi)
      case 'removeOutbound':
        return this.#opened?.removeOutbound(action.spi)
      case 'keepalive':
        return this.#sendFromEncapsulationPort(NAT_KEEPALIVE)
      case 'observe':
        this.#remember(action.message)
        return owner.message?.(this, action.message)
      case 'note':
        return owner.note?.(this, action.text)
      case 'established':
        this.#established = true
        return
      case 'closed':
        return this.close(action.error)
      case 'sign':
      case 'verifyChain':
        // What else this step asks for comes first, as its order says.
        return this.#later(`answer ${action.id}`, () => {
          const answer = answerTo(action, this.#responder.proofs, Date.now())
          this.feed({ type: 'answered', id: action.id, answer })
        })
      case 'tls':
        void this.#takeTurn(action)
        return
      case 'endTls':
        this.#tls?.close()
        this.#tls = undefined
        return
      case 'openPath':
      case 'ask':
        // A responder is called, and has nobody to ask.
        return
    }
  }

  /** TLS never throws: whatever goes wrong is part of its turn. */
  async #takeTurn({ id, input }: Extract<IkeAction, { do: 'tls' }>): Promise<void> {
    const { setup, ...rest } = input
    if (setup !== undefined) {
      this.#tls?.close()
      this.#tls = new PlatformTls(setup, tlsJudge(this.#responder.proofs, Date.now()))
    }
    const turn = await this.#tls?.turn(rest)
    if (turn !== undefined) this.feed({ type: 'answered', id, answer: { what: 'tls', turn } })
  }

  /** Requests that passed their integrity check, and what they were answered. */
  #remember({ direction, response, messageId, bytes, ...message }: ObservedMessage): void {
    if (!this.#responder.pairsMessages || message.retransmission || message.exchange === 'IKE_SA_INIT') return
    if (direction === 'out') {
      if (response && messageId === this.#asked?.id) this.#asked.answer.push(bytes)
      return
    }
    // What fragments carry is shown once more as a whole, which never travelled.
    const travelled = message.fragments === undefined && (message.fragment?.number ?? 1) === 1
    if (!response && travelled) this.#asked = { id: messageId, request: bytes.slice(), answer: [] }
  }

  #sendEsp(esp: Uint8Array): void {
    this.#sendFromEncapsulationPort(esp)
  }

  /** A client that never came to port 4500 cannot be sent ESP: there is no other transport. */
  #sendFromEncapsulationPort(bytes: Uint8Array): void {
    const { local, remote } = this.#responder.n
    if (local === undefined || !carriesEsp(local) || remote === undefined) return
    this.#options.owner.send(local, remote, bytes)
  }

  #awaitChild(): void {
    this.#after('childless', this.#responder.patienceMs, () => {
      if (this.#responder.n.children.size === 0) this.command({ type: 'disconnect' })
    })
  }

  #setTimer(timer: string, at: Millis): void {
    this.#after(timer, at - this.#options.clock.now(), () => {
      // Whoever decides about silence has to know the latest.
      this.#lookAtWatched()
      this.feed({ type: 'timer', timer })
    })
  }

  #later(name: string, work: () => void): void {
    this.#after(name, 0, work)
  }

  #after(timer: string, ms: number, work: () => void): void {
    this.#timers.get(timer)?.()
    const callOff = this.#options.clock.after(Math.max(0, ms), () => {
      this.#timers.delete(timer)
      work()
    })
    this.#timers.set(timer, callOff)
  }
}
