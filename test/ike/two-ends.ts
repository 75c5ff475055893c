import { asMillis, type Millis } from '../../core/bytes/brands.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { ConnectionConfig } from '../../core/ike/config.ts'
import type { IkeAction, IkeEvent, ObservedMessage, State } from '../../core/ike/session.ts'
import { Idle } from '../../core/ike/v2/initiator.ts'
import { Negotiation } from '../../core/ike/v2/negotiation.ts'
import { AwaitInitRequest } from '../../core/ike/v2/responder.ts'
import { TYPE } from '../../core/ike/v2/suite.ts'
import type { Endpoint } from '../../core/net/plan.ts'
import { selector } from '../support/inner-packets.ts'
import { registry, SUITES, seeded } from './sa-pair.ts'

const CLIENT = '192.0.2.2'
const GATEWAY = '192.0.2.1'

function configOf(own: string, change: Partial<ConnectionConfig>): ConnectionConfig {
  const client = own === CLIENT
  const inner = selector('10.78.0.10', '10.78.0.10')
  const net = selector('10.1.0.0', '10.1.255.255')
  return {
    gatewayAddress: GATEWAY,
    gatewayHost: 'vpn.example.org',
    localIdentity: { type: 2, data: new TextEncoder().encode(client ? 'alice' : 'vpn.example.org') },
    remoteIdentity: undefined,
    authentication: { method: 'psk', psk: Secret.fromText('one key for both ends') },
    ikeProposals: [SUITES['AES-GCM-16']],
    espProposals: [
      [
        { type: TYPE.ENCR, id: 20, keyBits: 256 },
        { type: TYPE.SN, id: 0 },
      ],
    ],
    requestAddresses: { ipv4: false, ipv6: false },
    localSelectors: [client ? inner : net],
    remoteSelectors: [client ? net : inner],
    forceEncapsulation: false,
    lifetimes: { ikeRekeySeconds: 0, childRekeySeconds: 0 },
    dpdSeconds: 0,
    keepaliveSeconds: 0,
    pfsGroups: [],
    ...change,
  }
}

/** One machine: a negotiation, its timers, and all it did. */
export class End {
  readonly n: Negotiation
  readonly address: string
  state: State
  readonly timers = new Map<string, Millis>()
  readonly messages: ObservedMessage[] = []
  readonly notes: string[] = []
  readonly done: IkeAction['do'][] = []
  readonly outbox: { readonly bytes: Uint8Array; readonly local: Endpoint; readonly remote: Endpoint }[] = []

  constructor(address: string, change: Partial<ConnectionConfig>) {
    this.address = address
    this.n = new Negotiation(configOf(address, change), registry, seeded(address))
    this.state = address === CLIENT ? new Idle(this.n) : new AwaitInitRequest(this.n)
  }

  feed(event: IkeEvent, now: Millis): void {
    const { next, actions } = this.state.handle(event, now)
    this.state = next
    for (const action of actions) {
      this.done.push(action.do)
      if (action.do === 'openPath') {
        const port = action.remotePort
        const local = { address: this.address, port }
        this.feed({ type: 'pathOpen', local, remote: { address: GATEWAY, port } }, now)
      }
      if (action.do === 'setTimer') this.timers.set(action.timer, action.at)
      if (action.do === 'clearTimer') this.timers.delete(action.timer)
      if (action.do === 'send') this.outbox.push(action.datagram)
      if (action.do === 'send' || action.do === 'observe') this.messages.push(action.message)
      if (action.do === 'note') this.notes.push(action.text)
    }
  }

  /** Messages of an exchange the inspector saw, as short words: `in 2/4`, `out`, `in of 4`. */
  seen(exchange: string): string[] {
    return this.messages
      .filter((m) => m.exchange === exchange)
      .map((m) => {
        const part = m.fragment === undefined ? '' : ` ${m.fragment.number}/${m.fragment.total}`
        const again = m.retransmission ? ' again' : ''
        return `${m.direction}${part}${m.fragments === undefined ? '' : ` of ${m.fragments}`}${again}`
      })
  }
}

/** Two machines, one clock, and a network that does with each datagram what `path` says (nothing: it gets lost). */
export class TwoEnds {
  readonly client: End
  readonly gateway: End
  now = asMillis(0)
  path: (bytes: Uint8Array, from: End) => readonly Uint8Array[] = (bytes) => [bytes]

  constructor(change: { client?: Partial<ConnectionConfig>; gateway?: Partial<ConnectionConfig> } = {}) {
    this.client = new End(CLIENT, change.client ?? {})
    this.gateway = new End(GATEWAY, change.gateway ?? {})
  }

  connect(): this {
    this.client.feed({ type: 'command', command: { type: 'connect' } }, this.now)
    this.settle()
    return this
  }

  /** Until nothing is on its way. */
  settle(): void {
    for (;;) {
      const from = [this.client, this.gateway].find((end) => end.outbox.length > 0)
      if (from === undefined) return
      const to = from === this.client ? this.gateway : this.client
      const { bytes, local, remote } = from.outbox.shift()!
      for (const arrived of this.path(bytes, from))
        to.feed({ type: 'datagram', datagram: { bytes: arrived, local: remote, remote: local } }, this.now)
    }
  }

  /** Lets the next timer of either end go off. */
  tick(): void {
    const all = [this.client, this.gateway].flatMap((end) =>
      [...end.timers].map(([timer, at]) => ({ end, timer, at })),
    )
    const next = all.sort((a, b) => a.at - b.at)[0]
    if (next === undefined) throw new Error('no timer is set')
    this.now = asMillis(Math.max(this.now, next.at))
    next.end.timers.delete(next.timer)
    next.end.feed({ type: 'timer', timer: next.timer }, this.now)
    this.settle()
  }
}
