import { concat, NO_OCTETS } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { TlsEstablished, TlsExport, TlsSetup, TlsTurn, TlsVersion } from '../crypto/tls.ts'
import type { VpnError } from '../errors.ts'
import type { EapRequest } from '../wire/eap/packet.ts'
import { decodeTlsFragment, encodeTlsFragment } from '../wire/eap/tls-fragment.ts'
import { broken, fail, type MethodAction, type PeerMethod, reply, unreadable } from './method.ts'
import { TlsMessages } from './tls-messages.ts'

// What EAP-TLS, TTLS and PEAP have in common. The server's side is tunnel-server.ts.

/** What the inside of a tunnel wants: exactly one of `write`, `acknowledge`, `ask` and `fail`. */
export type InnerAction =
  /** Protected by TLS. */
  | { readonly do: 'write'; readonly data: Uint8Array }
  /** An empty packet. */
  | { readonly do: 'acknowledge' }
  | Extract<MethodAction, { do: 'ask' | 'note' | 'fail' }>

/** The peer's side of what goes on inside. */
export interface InnerPeer {
  /** The tunnel stands, and it is our turn. */
  begin(established: TlsEstablished): readonly InnerAction[]
  /** `request`: the packet whose data this was. */
  data(data: Uint8Array, request: EapRequest): readonly InnerAction[]
  /** The server sent nothing more. */
  empty(): readonly InnerAction[]
  answered?(answer: Secret): readonly InnerAction[]
  readonly complete: boolean
  /** 64 octets. `tunnel`: the 128 octets of the tunnel's own key. */
  msk(tunnel: Secret): Secret
  readonly refusal?: VpnError | undefined
  close(): void
}

export const MSK_BYTES = 64
const KEY_BYTES = 128

/** The exports of TLS-based methods: the key first, whatever else the method wants after it. RFC 5216 §2.3, RFC 9427 §2.1 */
export const tunnelExports =
  (type: number, labelBefore13: string, more: readonly TlsExport[] = []) =>
  (version: TlsVersion): readonly TlsExport[] => [
    version === 'TLSv1.2'
      ? { label: labelBefore13, bytes: KEY_BYTES }
      : { label: 'EXPORTER_EAP_TLS_Key_Material', context: Uint8Array.of(type), bytes: KEY_BYTES },
    ...more,
  ]

export interface TunnelOptions {
  readonly title: string
  readonly setup: TlsSetup
  /** Our version in the flags; `exact`: the server must begin with the same. */
  readonly version: { readonly ours: number; readonly exact: boolean }
  readonly inner: InnerPeer
}

/** The peer's side of a method based on TLS. */
export class TunnelPeer implements PeerMethod {
  readonly #options: TunnelOptions
  readonly #messages: TlsMessages
  #request: EapRequest | undefined
  #begun = false
  #established: TlsEstablished | undefined
  /** The tunnel stands, but the inside has not begun yet. */
  #innerWaits = false
  /** Records not sent yet. */
  #records: Uint8Array = NO_OCTETS
  /** An alert is on its way; what comes after it is the end. */
  #alerted: VpnError | undefined

  constructor(options: TunnelOptions) {
    this.#options = options
    this.#messages = new TlsMessages(options.version.ours)
  }

  get complete(): boolean {
    return this.#options.inner.complete
  }

  get refusal(): VpnError | undefined {
    return this.#alerted ?? this.#options.inner.refusal
  }

  request(request: EapRequest): readonly MethodAction[] {
    const { title, setup, version } = this.#options
    this.#request = request
    const read = decodeTlsFragment(request.data)
    if (!read.ok) return [unreadable(read.error)]
    const fragment = read.value
    if (!this.#begun) {
      if (!fragment.start || fragment.data.length > 0)
        return [broken(`${title} that does not begin with a start`, 'RFC 5216 §2.1.1')]
      if (version.exact && fragment.version !== version.ours)
        return [broken(`${title} version ${fragment.version}`, 'RFC 5281 §9.2')]
      this.#begun = true
      return [{ do: 'tls', input: { setup } }]
    }
    const arrival = this.#messages.receive(fragment)
    switch (arrival.what) {
      case 'broken':
        return [broken(`${title}: ${arrival.problem}`, 'RFC 5216 §2.1.5')]
      case 'part':
        return [this.#acknowledge()]
      case 'message':
        return [{ do: 'tls', input: { receive: arrival.octets } }]
      case 'acknowledgement': {
        const next = this.#messages.next()
        return next === undefined ? this.#onEmpty() : [reply(encodeTlsFragment(next))]
      }
    }
  }

  tls(turn: TlsTurn): readonly MethodAction[] {
    const { inner } = this.#options
    this.#records = concat(this.#records, turn.output)
    if (turn.problem !== undefined) {
      if (this.#records.length === 0) return [fail(turn.problem)]
      this.#alerted = turn.problem
      return [this.#flush()]
    }
    if (turn.established !== undefined) {
      this.#established = turn.established
      this.#innerWaits = true
      // Our last handshake message goes first; the inside begins with the server's answer to it. RFC 9427 §3
      if (this.#records.length > 0) return [this.#flush()]
    }
    const established = this.#established
    if (established !== undefined && this.#innerWaits) {
      this.#innerWaits = false
      const first = inner.begin(established)
      if (turn.data.length === 0) return this.#perform(first)
    }
    if (turn.data.length > 0) return this.#perform(inner.data(turn.data, this.#request!))
    // Nothing to say and nothing heard: a ticket, or half a record.
    return [this.#records.length > 0 ? this.#flush() : this.#acknowledge()]
  }

  answered(answer: Secret): readonly MethodAction[] {
    return this.#perform(this.#options.inner.answered?.(answer) ?? [])
  }

  #onEmpty(): readonly MethodAction[] {
    if (this.#alerted !== undefined) return [fail(this.#alerted)]
    if (this.#established === undefined)
      return [broken(`${this.#options.title}: an empty packet in the handshake`, 'RFC 5216 §2.1.3')]
    if (!this.#innerWaits) return this.#perform(this.#options.inner.empty())
    this.#innerWaits = false
    return this.#perform(this.#options.inner.begin(this.#established))
  }

  #perform(actions: readonly InnerAction[]): readonly MethodAction[] {
    return actions.map((action) => {
      switch (action.do) {
        case 'write':
          return { do: 'tls', input: { send: action.data } }
        case 'acknowledge':
          return this.#records.length > 0 ? this.#flush() : this.#acknowledge()
        default:
          return action
      }
    })
  }

  #flush(): MethodAction {
    const records = this.#records
    this.#records = NO_OCTETS
    return reply(encodeTlsFragment(this.#messages.send(records)))
  }

  #acknowledge(): MethodAction {
    return reply(encodeTlsFragment(this.#messages.acknowledgement))
  }

  takeMsk(): Secret | undefined {
    const key = this.#established?.exported[0]
    return key === undefined || key.closed ? undefined : this.#options.inner.msk(key)
  }

  close(): void {
    for (const secret of this.#established?.exported ?? []) secret.close()
    this.#options.inner.close()
  }
}
