import { concat, NO_OCTETS } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { TlsEstablished, TlsSetup, TlsTurn } from '../crypto/tls.ts'
import type { VpnError } from '../errors.ts'
import type { EapRequest } from '../wire/eap/packet.ts'
import { decodeTlsFragment, encodeTlsFragment } from '../wire/eap/tls-fragment.ts'
import { broken, fail, reply, type ServerMethod, type ServerMethodAction, unreadable } from './method.ts'
import { TlsMessages } from './tls-messages.ts'

export type InnerServerAction =
  | { readonly do: 'write'; readonly data: Uint8Array }
  /** What TLS has to say, even if it is nothing. */
  | { readonly do: 'flush' }
  | Extract<ServerMethodAction, { do: 'note' | 'fail' | 'done' }>

/** The server's side of what goes on inside. */
export interface InnerServer {
  /** The tunnel stands; the peer has not heard of it yet. */
  established(established: TlsEstablished): readonly InnerServerAction[]
  /** The peer has nothing more to say. */
  acknowledged(): readonly InnerServerAction[]
  /** `next`: the identifier of our next packet. */
  data(data: Uint8Array, next: number): readonly InnerServerAction[]
  msk(tunnel: Secret): Secret
  /** Who has signed in, as said inside. */
  readonly user?: string | undefined
  close(): void
}

export interface TunnelServerOptions {
  readonly title: string
  readonly setup: TlsSetup
  readonly inner: InnerServer
}

/** The server's side of a method based on TLS. Our version in the flags is 0, whatever the method. */
export class TunnelServer implements ServerMethod {
  readonly #options: TunnelServerOptions
  readonly #messages = new TlsMessages(0)
  #begun = false
  #next = 0
  #established: TlsEstablished | undefined
  #records: Uint8Array = NO_OCTETS
  #alerted: VpnError | undefined

  constructor(options: TunnelServerOptions) {
    this.#options = options
  }

  get user(): string | undefined {
    return this.#options.inner.user
  }

  begin(): readonly ServerMethodAction[] {
    return [reply(encodeTlsFragment({ ...this.#messages.acknowledgement, start: true }))]
  }

  response({ data }: EapRequest, next: number): readonly ServerMethodAction[] {
    this.#next = next
    if (this.#alerted !== undefined) return [fail(this.#alerted)]
    const read = decodeTlsFragment(data)
    if (!read.ok) return [unreadable(read.error)]
    const arrival = this.#messages.receive(read.value)
    switch (arrival.what) {
      case 'broken':
        return [broken(`${this.#options.title}: ${arrival.problem}`, 'RFC 5216 §2.1.5')]
      case 'part':
        return [reply(encodeTlsFragment(this.#messages.acknowledgement))]
      case 'message': {
        const receive = arrival.octets
        if (this.#begun) return [{ do: 'tls', input: { receive } }]
        this.#begun = true
        return [{ do: 'tls', input: { setup: this.#options.setup, receive } }]
      }
      case 'acknowledgement': {
        const part = this.#messages.next()
        if (part !== undefined) return [reply(encodeTlsFragment(part))]
        if (this.#established === undefined)
          return [broken(`${this.#options.title}: an empty packet in the handshake`, 'RFC 5216 §2.1.3')]
        return this.#perform(this.#options.inner.acknowledged())
      }
    }
  }

  tls(turn: TlsTurn): readonly ServerMethodAction[] {
    const { inner } = this.#options
    this.#records = concat(this.#records, turn.output)
    if (turn.problem !== undefined) {
      if (this.#records.length === 0) return [fail(turn.problem)]
      this.#alerted = turn.problem
      return [this.#flush()]
    }
    if (turn.established !== undefined) {
      this.#established = turn.established
      const first = inner.established(turn.established)
      if (turn.data.length === 0) return this.#perform(first)
    }
    if (turn.data.length > 0) return this.#perform(inner.data(turn.data, this.#next))
    return [this.#flush()]
  }

  #perform(actions: readonly InnerServerAction[]): readonly ServerMethodAction[] {
    return actions.map((action) => {
      switch (action.do) {
        case 'write':
          return { do: 'tls', input: { send: action.data } }
        case 'flush':
          return this.#flush()
        default:
          return action
      }
    })
  }

  #flush(): ServerMethodAction {
    const records = this.#records
    this.#records = NO_OCTETS
    return reply(encodeTlsFragment(this.#messages.send(records)))
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
