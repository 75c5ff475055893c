import type { EspSpi, Millis } from '../../bytes/brands.ts'
import type { Random } from '../../bytes/random.ts'
import type { Certificate } from '../../cert/certificate.ts'
import type { CryptoRegistry } from '../../crypto/transforms.ts'
import type { VpnError } from '../../errors.ts'
import { type ChildMode, closeSa, type IpsecSa, type SelectorPair } from '../../esp/engine.ts'
import type { Endpoint } from '../../net/plan.ts'
import { decodeMessage, type Message } from '../../wire/ikev1/message.ts'
import type { IdPayload } from '../../wire/ikev1/payload.ts'
import type { TrafficSelector } from '../../wire/ikev2/traffic-selector.ts'
import type { Assigned, ConnectionConfig, ConnectionView } from '../config.ts'
import type { AssignedConfiguration, IkeAction, ObservedMessage, State } from '../session.ts'
import type { ChildSuite } from '../v2/suite.ts'
import type { ChildSpis } from './child-sas.ts'
import { fragmentsOf, Reassembly } from './fragmentation.ts'
import type { IsakmpSa } from './isakmp-sa.ts'
import { CHOICE, SPEC } from './numbers.ts'

/** SAs in both directions, made by one quick mode: a pair of ESP, of AH, or of each. RFC 2409 §5.5 */
export interface ChildSa {
  /** Stays the same when it is renewed. */
  readonly name: string
  /** By which it is known: those of ESP, or of AH where it is alone. */
  readonly inboundSpi: EspSpi
  readonly outboundSpi: EspSpi
  readonly spis: ChildSpis
  readonly suite: ChildSuite
  readonly mode: ChildMode
  readonly selectors: SelectorPair
  /** What the IDs said, where the client asked for more than there is. */
  readonly asked?: SelectorPair
  /** We began the quick mode that made it. */
  readonly ours: boolean
  readonly establishedAt: Millis
  rekeyAt: Millis
  /** Seconds it was agreed to live. */
  lifeSeconds: number
  /** The SA to send with, while the peer may not be ready for it. */
  pendingOutbound?: IpsecSa
  /** We send with it, though nothing has come that would tell that the peer has it. Called, it is not told so again. */
  unproven?: () => void
  /** What was to replace it was not taken, and is asked for once more. */
  doubted?: boolean
  /** How often its renewal has waited for that of phase 1. */
  waits?: number
  /** `renewing`: a quick mode to replace it is out. `replaced`: another one carries on. */
  state: 'installed' | 'renewing' | 'replaced'
}

/** What the peer said it can do. */
export interface PeerAbilities {
  dpd: boolean
  natTraversal: 'none' | 'draft' | 'rfc'
  xauth: boolean
  unity: boolean
}

/** What phase 1 finds out about the peer and the way to it. Nothing of it is believed before phase 1 is done. */
export interface PeerFacts {
  /** `main mode`, `aggressive mode`. */
  readonly mode: string
  /** The certificate it proved itself with, and how it signed. */
  proof?: { readonly certificate: Certificate; readonly scheme: string }
  peer: PeerAbilities
  nat: { readonly us: boolean; readonly gateway: boolean; readonly known: boolean }
  /** Names of the vendor IDs that have one. */
  vendorIds: string[]
  /** It has no other ISAKMP SA with us. RFC 2407 §4.6.3.3 */
  initialContact: boolean
}

export const nothingKnown = (mode: string): PeerFacts => ({
  mode,
  peer: { dpd: false, natTraversal: 'none', xauth: false, unity: false },
  nat: { us: false, gateway: false, known: false },
  vendorIds: [],
  initialContact: false,
})

/** What a datagram was. */
export type Received =
  | { readonly ok: true; readonly bytes: Uint8Array; readonly message: Message }
  | { readonly ok: false; readonly why: string | undefined }

/** What all states of one negotiation share. It collects actions; whoever handles an event takes them out. */
export class Negotiation {
  readonly config: ConnectionConfig
  readonly registry: CryptoRegistry
  readonly random: Random
  /** The addresses in use; undefined until a socket is open. */
  local: Endpoint | undefined
  remote: Endpoint | undefined
  /** As the latest phase 1 found it. */
  facts: PeerFacts = nothingKnown('main mode')
  state: ConnectionView['state'] = 'phase1'
  step = ''
  current: IsakmpSa | undefined
  /** The last message of an aggressive mode of ours, which nobody answers: said again until the peer speaks. */
  lastWord: ObservedMessage | undefined
  ikeRekeyAt: Millis | undefined
  remoteId: IdPayload | undefined
  /** Every pair of ESP SAs whose keys are installed, by inbound SPI. */
  readonly children = new Map<number, ChildSa>()
  configuration: AssignedConfiguration | undefined
  /** As a gateway: what this client was given, once it asked or used it. */
  assigned: Assigned | undefined
  /** The group of perfect forward secrecy that the gateway asked for, where the profile names none. */
  pfsWanted: number | undefined
  /** What the gateway wants to go through the tunnel; empty: whatever may. */
  include: readonly TrafficSelector[] = []
  /** As a gateway: the name that XAuth has proven. */
  signedInAs: string | undefined
  readonly rekeys = { ike: 0, child: 0 }
  /** As a client: begins phase 1 once there is a socket, from the very start. */
  startOver: (() => State) | undefined
  /** How often we were sent on to another gateway. */
  redirects = 0
  /** We asked for the connection, so it is ours to keep alive. */
  initiated = false
  #actions: IkeAction[] = []
  #questions = 0
  /** Those that were set, whether or not their time has come. */
  readonly #timers = new Set<string>()
  readonly #reassembly = new Reassembly()
  /** The peer says that it puts pieces together. */
  peerJoins = false

  constructor(config: ConnectionConfig, registry: CryptoRegistry, random: Random) {
    this.config = config
    this.registry = registry
    this.random = random
  }

  act(action: IkeAction): void {
    this.#actions.push(action)
  }

  take(): readonly IkeAction[] {
    const actions = this.#actions
    this.#actions = []
    return actions
  }

  note(text: string): void {
    this.act({ do: 'note', text })
  }

  /** How many actions there are so far. */
  get acted(): number {
    return this.#actions.length
  }

  /** `before`: the actions it led to, when it is known only after them to be worth showing. */
  observe(message: ObservedMessage, before = this.acted): void {
    this.#actions.splice(before, 0, { do: 'observe', message })
  }

  send(sent: ObservedMessage, again = false): void {
    const { local, remote } = this
    if (local === undefined || remote === undefined) return
    const message = again ? { ...sent, retransmission: true } : sent
    const { bytes } = message
    const parts = this.#fragments(bytes)
    if (parts === undefined) return this.act({ do: 'send', datagram: { bytes, local, remote }, message })
    this.observe({ ...message, fragments: parts.length })
    for (const part of parts) {
      const fragment = { number: part.payload.number, total: parts.length }
      const { plaintext: _, ...rest } = message
      const shown = { ...rest, bytes: part.bytes, payloads: [part.payload], fragment }
      this.act({ do: 'send', datagram: { bytes: part.bytes, local, remote }, message: shown })
    }
  }

  #fragments(bytes: Uint8Array): ReturnType<typeof fragmentsOf> {
    if (!this.peerJoins || !this.fragments) return undefined
    const decoded = decodeMessage(bytes)
    const most = (this.config.fragmentDatagramBytes ?? CHOICE.datagramBytes) - CHOICE.datagramHeaders
    return decoded.ok ? fragmentsOf(bytes, decoded.value.header, most) : undefined
  }

  /** Whether messages may go in pieces at all. */
  get fragments(): boolean {
    return this.config.fragmentation !== false
  }

  /** A datagram as a message: whole, or completed by this piece of it; else why there is none, where that is of interest. */
  receive(bytes: Uint8Array, now: Millis): Received {
    const decoded = decodeMessage(bytes)
    if (!decoded.ok) return { ok: false, why: decoded.error.message }
    const message = decoded.value
    const piece = message.sealed ? undefined : message.payloads[0]
    if (message.sealed || piece?.type !== 'FRAGMENT') return { ok: true, bytes, message }
    if (!this.fragments || message.payloads.length !== 1)
      return { ok: false, why: 'a piece of a message where none belongs' }
    const whole = this.#reassembly.add(message.header, piece, now)
    if (whole === undefined) return { ok: false, why: undefined }
    const read = decodeMessage(whole)
    if (!read.ok) return { ok: false, why: read.error.message }
    const nested = !read.value.sealed && read.value.payloads.some((p) => p.type === 'FRAGMENT')
    if (nested) return { ok: false, why: 'pieces inside of pieces' }
    return { ok: true, bytes: whole, message: read.value }
  }

  /** An inbound SPI that ESP SAs of ours have. */
  isTaken = (spi: number): boolean =>
    this.children.has(spi) || [...this.children.values()].some(({ spis }) => spis.ah?.inbound === spi)

  setTimer(timer: string, at: Millis): void {
    this.#timers.add(timer)
    this.act({ do: 'setTimer', timer, at })
  }

  clearTimer(timer: string): void {
    this.#timers.delete(timer)
    this.act({ do: 'clearTimer', timer })
  }

  /** A number for something somebody else has to answer. */
  freshQuestion(): number {
    return ++this.#questions
  }

  /** 8 octets, not all zero. RFC 2408 §2.5.3 */
  freshCookie(): Uint8Array {
    for (;;) {
      const cookie = this.random.bytes(8)
      if (cookie.some((octet) => octet !== 0)) return cookie
    }
  }

  /** Whatever was agreed on is forgotten: once more from the start, at another gateway. → who waits for the socket */
  beginAt(address: string, begin: () => State): State {
    for (const timer of this.#timers) this.clearTimer(timer)
    this.current = undefined
    this.remoteId = undefined
    this.facts = nothingKnown('main mode')
    this.configuration = undefined
    this.pfsWanted = undefined
    this.include = []
    this.lastWord = undefined
    this.peerJoins = false
    this.state = 'phase1'
    this.step = `going on to ${address}`
    this.act({ do: 'openPath', remotePort: SPEC.ikePort, remoteAddress: address })
    return begin()
  }

  /** The end: everything is forgotten. */
  finish(error: VpnError | undefined): void {
    for (const child of this.children.values()) {
      this.act({ do: 'removeInbound', spi: child.inboundSpi })
      this.act({ do: 'removeOutbound', spi: child.outboundSpi })
      closePending(child)
    }
    this.children.clear()
    this.state = 'closed'
    this.act({ do: 'closed', error })
  }

  /** A little less than `ms`, so that two ends do not do the same at the same time. */
  jittered(ms: number): number {
    return ms * (1 - (this.random.bytes(1)[0]! / 255) * CHOICE.jitter)
  }

  /** When to renew what was agreed to live for so long, `ours` being when we would anyway (0: never). Seconds. */
  renewAfterMs(agreedSeconds: number, ours: number): number {
    const most = agreedSeconds * CHOICE.lifeShare
    return this.jittered(1000 * (ours > 0 ? Math.min(ours, most) : most))
  }
}

/** Keys that were never handed to the datapath. */
export function closePending(child: ChildSa): void {
  if (child.pendingOutbound !== undefined) closeSa(child.pendingOutbound)
  delete child.pendingOutbound
}
