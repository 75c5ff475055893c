import { asMillis, type EspSpi, type Millis } from '../../core/bytes/brands.ts'
import type { Random } from '../../core/bytes/random.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { PlatformTls } from '../../core/crypto/platform-tls.ts'
import type { CryptoRegistry } from '../../core/crypto/transforms.ts'
import type { EapQuestion } from '../../core/eap/method.ts'
import type { VpnError } from '../../core/errors.ts'
import type { EspSa, IpsecSa } from '../../core/esp/engine.ts'
import { createTypescriptEngine, type TypescriptEngine } from '../../core/esp/typescript-engine.ts'
import { answerTo, tlsJudge } from '../../core/ike/answers.ts'
import type { ConnectionConfig } from '../../core/ike/config.ts'
import { InboundWatch } from '../../core/ike/inbound-watch.ts'
import type {
  Answer,
  AssignedConfiguration,
  Datagram,
  IkeAction,
  IkeCommand,
  IkeEvent,
  ObservedMessage,
  State,
} from '../../core/ike/session.ts'
import type { Endpoint } from '../../core/net/plan.ts'
import { udp4 } from './inner-packets.ts'
import { NOW } from './pki.ts'

/** The day on which certificates are judged. */
const WALL_CLOCK = NOW

/** An end of either version. */
export type AnyPeer = Peer<PeerNegotiation>

/** What a peer gives to its network. */
export interface Outlet {
  now(): Millis
  send(from: AnyPeer, datagram: Datagram): void
  esp(from: AnyPeer, packet: Uint8Array): void
  openPath(from: AnyPeer, path: Extract<IkeAction, { do: 'openPath' }>): void
  keepPath(from: AnyPeer): void
}

/** What tests need of a negotiation, of either version. */
export interface PeerNegotiation {
  readonly config: ConnectionConfig
  readonly eapClaim?: string | undefined
  readonly local: Endpoint | undefined
  readonly remote: Endpoint | undefined
  readonly children: ReadonlyMap<number, { readonly inboundSpi: EspSpi; readonly outboundSpi: EspSpi }>
}

/** One end on the virtual clock: a negotiation, its timers, and the real TypeScript datapath. */
export class Peer<N extends PeerNegotiation = PeerNegotiation> {
  readonly name: 'client' | 'gateway'
  readonly n: N
  readonly engine: TypescriptEngine
  readonly timers = new Map<string, Millis>()
  /** All that was done, in order. */
  readonly actions: IkeAction[] = []
  /** Messages as the inspector sees them. */
  readonly sent: ObservedMessage[] = []
  readonly got: ObservedMessage[] = []
  readonly notes: string[] = []
  /** What its TUN device was given. */
  readonly inner: Uint8Array[] = []
  state: State
  configuration: AssignedConfiguration | undefined
  /** Present once it is over. */
  closed: { readonly error: VpnError | undefined } | undefined
  readonly #net: Outlet
  readonly #watch = new InboundWatch()
  readonly #inside: { readonly own: string; readonly other: string }
  #pings = 0

  constructor(
    name: Peer['name'],
    n: N,
    begin: State,
    registry: CryptoRegistry,
    random: Random,
    net: Outlet,
    inside: { readonly own: string; readonly other: string },
  ) {
    this.name = name
    this.#net = net
    this.#inside = inside
    this.n = n
    this.state = begin
    this.engine = createTypescriptEngine({
      registry,
      random,
      now: () => net.now(),
      toTun: (packet) => this.inner.push(packet.slice()),
      toNetwork: (esp) => net.esp(this, esp),
      // Small, because random histories make very many SAs.
      limits: { replayWindow: 64 },
    })
  }

  command(command: IkeCommand | Exclude<IkeCommand['type'], 'closeChild'>): void {
    this.feed({ type: 'command', command: typeof command === 'string' ? { type: command } : command })
  }

  feed(event: IkeEvent): void {
    if (this.closed !== undefined) return
    const { next, actions } = this.state.handle(event, this.#net.now())
    this.state = next
    for (const action of actions) this.#perform(action)
  }

  /** Both ends of each CHILD_SA in use, as this end names them: `in/out`, sorted. */
  get children(): string[] {
    return [...this.n.children.values()].map((c) => `${c.inboundSpi}/${c.outboundSpi}`).sort()
  }

  /** The SPI this end sends with, by the datapath's own account. */
  get sendsWith(): number | undefined {
    const children = [...this.n.children.values()]
    const before = children.map((c) => this.engine.outbound(c.outboundSpi)?.sequence)
    this.engine.fromTun(this.packet('which SA is it?'))
    this.onProbe?.()
    return children.find((c, i) => this.engine.outbound(c.outboundSpi)?.sequence !== before[i])?.outboundSpi
  }

  /** Takes the packet of {@link sendsWith} back from the network. */
  onProbe: (() => void) | undefined

  /** An inner packet towards the other end. */
  packet(text: string): Uint8Array {
    return udp4(this.#inside.own, this.#inside.other, 1000, 2000, text)
  }

  /** Sends an inner packet; → whether one of `others` has got it, to be asked when the network has done its work. */
  ping(...others: readonly AnyPeer[]): () => boolean {
    const text = `${this.name} ${++this.#pings}`
    this.engine.fromTun(this.packet(text))
    const isIt = (packet: Uint8Array): boolean => Buffer.from(packet).subarray(28).toString() === text
    return () => others.some((other) => other.inner.some(isIt))
  }

  /** An ESP packet arrives. */
  takeEsp(packet: Uint8Array): void {
    this.engine.fromNetwork(packet)
    for (const event of this.#watch.arrived(this.engine)) this.feed(event)
  }

  /** What its key and calendar answer; put another in its place to keep it waiting. */
  answers = (action: Extract<IkeAction, { do: 'sign' | 'verifyChain' }>): Answer =>
    answerTo(action, this.n.config, WALL_CLOCK)

  /** Questions nobody answered yet, while {@link patient} is set. */
  readonly waiting: Extract<IkeAction, { do: 'sign' | 'verifyChain' }>[] = []
  patient = false

  /** Answers what waits. */
  answerAll(): void {
    for (const action of this.waiting.splice(0)) {
      this.feed({ type: 'answered', id: action.id, answer: this.answers(action) })
    }
  }

  /** What the person answers, one after the other: `undefined` cancels, a fault says that nobody is there. */
  readonly person: (string | VpnError | undefined)[] = []
  readonly questions: EapQuestion[] = []

  #ask({ id, question }: Extract<IkeAction, { do: 'ask' }>): void {
    this.questions.push(question)
    // Nobody comes.
    if (this.person.length === 0) return
    const said = this.person.shift()
    const answer: Answer =
      said === undefined
        ? undefined
        : typeof said === 'string'
          ? { what: 'secret', secret: Secret.fromText(said) }
          : { what: 'failed', error: said }
    this.feed({ type: 'answered', id, answer })
  }

  /** Turns of TLS that wait for {@link turnTls}. */
  readonly turns: Extract<IkeAction, { do: 'tls' }>[] = []
  #tls: PlatformTls | undefined

  /** Takes the next turn of TLS; → whether there was one. */
  async turnTls(): Promise<boolean> {
    const action = this.turns.shift()
    if (action === undefined) return false
    const { setup, ...input } = action.input
    if (setup !== undefined)
      this.#tls = new PlatformTls(
        setup,
        tlsJudge({ authentication: this.n.config.authentication, eapClaim: this.n.eapClaim }, WALL_CLOCK),
      )
    const turn = await this.#tls!.turn(input)
    this.feed({ type: 'answered', id: action.id, answer: { what: 'tls', turn } })
    return true
  }

  #answer(action: Extract<IkeAction, { do: 'sign' | 'verifyChain' }>): void {
    this.waiting.push(action)
    if (!this.patient) this.answerAll()
  }

  #perform(action: IkeAction): void {
    this.actions.push(action)
    switch (action.do) {
      case 'openPath':
        return this.#net.openPath(this, action)
      case 'keepPath':
        return this.#net.keepPath(this)
      case 'send':
        this.sent.push(action.message)
        return this.#net.send(this, action.datagram)
      case 'observe':
        this.got.push(action.message)
        return
      case 'setTimer':
        this.timers.set(action.timer, asMillis(Math.max(action.at, this.#net.now())))
        return
      case 'clearTimer':
        this.timers.delete(action.timer)
        return
      case 'addInbound':
        if (isTunnelOfEsp(action.sa)) this.engine.addInbound(action.sa.esp, action.selectors)
        return
      case 'useOutbound':
        if (isTunnelOfEsp(action.sa)) this.engine.useOutbound(action.child, action.sa.esp, action.selectors)
        return
      case 'watchInbound':
        return this.#watch.add(action.spi, this.engine)
      case 'removeInbound':
        this.#watch.remove(action.spi)
        return this.engine.removeInbound(action.spi)
      case 'removeOutbound':
        return this.engine.removeOutbound(action.spi)
      case 'note':
        this.notes.push(action.text)
        return
      case 'established':
        this.configuration = action.configuration
        return
      case 'closed':
        this.closed = { error: action.error }
        this.timers.clear()
        return this.engine.close()
      case 'sign':
      case 'verifyChain':
        return this.#answer(action)
      case 'ask':
        return this.#ask(action)
      case 'tls':
        this.turns.push(action)
        return
      case 'endTls':
        this.#tls?.close()
        this.#tls = undefined
        return
      case 'keepalive':
        return
    }
  }
}

/** What the engine at hand carries; of all else only the negotiation is looked at. */
const isTunnelOfEsp = (sa: IpsecSa): sa is IpsecSa & { readonly esp: EspSa } =>
  sa.esp !== undefined && sa.ah === undefined && sa.mode === 'tunnel'
