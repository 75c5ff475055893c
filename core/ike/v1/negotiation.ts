import type { EspSpi, Millis } from '../../bytes/brands.ts'
import type { Random } from '../../bytes/random.ts'
import type { CryptoRegistry } from '../../crypto/transforms.ts'
import type { VpnError } from '../../errors.ts'
import type { EspSa, SelectorPair } from '../../esp/engine.ts'
import type { Endpoint } from '../../net/plan.ts'
import type { IdPayload } from '../../wire/ikev1/payload.ts'
import type { ConnectionConfig, ConnectionView } from '../config.ts'
import type { AssignedConfiguration, IkeAction, ObservedMessage } from '../session.ts'
import type { ChildSuite } from '../v2/suite.ts'
import type { IsakmpSa } from './isakmp-sa.ts'
import { CHOICE } from './numbers.ts'

/** A pair of ESP SAs, made by one quick mode. RFC 2409 §5.5 */
export interface ChildSa {
  /** Stays the same when it is renewed. */
  readonly name: string
  readonly inboundSpi: EspSpi
  readonly outboundSpi: EspSpi
  readonly suite: ChildSuite
  readonly selectors: SelectorPair
  /** We began the quick mode that made it. */
  readonly ours: boolean
  readonly establishedAt: Millis
  readonly rekeyAt: Millis
  /** The SA to send with, while the peer may not be ready for it. */
  pendingOutbound?: EspSa
  /** `renewing`: a quick mode to replace it is out. `replaced`: another one carries on. */
  state: 'installed' | 'renewing' | 'replaced'
}

/** What the peer said it can do. */
export interface PeerAbilities {
  dpd: boolean
  natTraversal: 'none' | 'draft' | 'rfc'
  fragmentation: boolean
  xauth: boolean
  unity: boolean
}

/** What phase 1 finds out about the peer and the way to it. Nothing of it is believed before phase 1 is done. */
export interface PeerFacts {
  peer: PeerAbilities
  nat: { readonly us: boolean; readonly gateway: boolean; readonly known: boolean }
  /** Names of the vendor IDs that have one. */
  vendorIds: string[]
}

export const nothingKnown = (): PeerFacts => ({
  peer: { dpd: false, natTraversal: 'none', fragmentation: false, xauth: false, unity: false },
  nat: { us: false, gateway: false, known: false },
  vendorIds: [],
})

/** What all states of one negotiation share. It collects actions; whoever handles an event takes them out. */
export class Negotiation {
  readonly config: ConnectionConfig
  readonly registry: CryptoRegistry
  readonly random: Random
  /** The addresses in use; undefined until a socket is open. */
  local: Endpoint | undefined
  remote: Endpoint | undefined
  /** As the latest phase 1 found it. */
  facts: PeerFacts = nothingKnown()
  state: ConnectionView['state'] = 'phase1'
  step = ''
  current: IsakmpSa | undefined
  ikeRekeyAt: Millis | undefined
  remoteId: IdPayload | undefined
  /** Every pair of ESP SAs whose keys are installed, by inbound SPI. */
  readonly children = new Map<number, ChildSa>()
  configuration: AssignedConfiguration | undefined
  readonly rekeys = { ike: 0, child: 0 }
  /** We asked for the connection, so it is ours to keep alive. */
  initiated = false
  #actions: IkeAction[] = []

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

  observe(message: ObservedMessage): void {
    this.act({ do: 'observe', message })
  }

  send(message: ObservedMessage, again = false): void {
    if (this.local === undefined || this.remote === undefined) return
    this.act({
      do: 'send',
      datagram: { bytes: message.bytes, local: this.local, remote: this.remote },
      message: again ? { ...message, retransmission: true } : message,
    })
  }

  setTimer(timer: string, at: Millis): void {
    this.act({ do: 'setTimer', timer, at })
  }

  clearTimer(timer: string): void {
    this.act({ do: 'clearTimer', timer })
  }

  /** 8 octets, not all zero. RFC 2408 §2.5.3 */
  freshCookie(): Uint8Array {
    for (;;) {
      const cookie = this.random.bytes(8)
      if (cookie.some((octet) => octet !== 0)) return cookie
    }
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
  child.pendingOutbound?.encryptionKey.close()
  child.pendingOutbound?.integrityKey?.close()
  delete child.pendingOutbound
}
