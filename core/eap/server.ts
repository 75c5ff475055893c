import { NO_OCTETS } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { TlsInput, TlsTurn } from '../crypto/tls.ts'
import type { VpnError } from '../errors.ts'
import { EapType } from '../iana/eap.ts'
import { decodeEapPacket, decodeNak, type EapRequest, encodeEapPacket } from '../wire/eap/packet.ts'
import type { EapTools, ServerMethod, ServerMethodAction } from './method.ts'
import { METHODS, type MethodInfo } from './methods.ts'
import { CHOICE } from './numbers.ts'
import type { EapServerConfig } from './server-config.ts'

export type EapServerEvent =
  /** `identity`: what the peer said it is elsewhere; left out: it is asked. RFC 7296 §2.16 */
  | { readonly type: 'begin'; readonly identity?: string }
  | { readonly type: 'packet'; readonly packet: Uint8Array }
  | { readonly type: 'tls'; readonly turn: TlsTurn }

export type EapServerAction =
  | { readonly do: 'send'; readonly packet: Uint8Array }
  | { readonly do: 'tls'; readonly input: TlsInput }
  | { readonly do: 'note'; readonly text: string }
  /** The packet is EAP's last word, Success or Failure; the receiver closes the key. */
  | {
      readonly do: 'succeeded'
      readonly packet: Uint8Array
      readonly identity: string
      readonly method: MethodInfo
      readonly msk: Secret | undefined
    }
  | { readonly do: 'failed'; readonly packet: Uint8Array; readonly error: VpnError }

/** The server's side of one EAP conversation, for the built-in gateway and for tests. RFC 3748 §4 */
export class EapServer {
  readonly #config: EapServerConfig
  readonly #tools: EapTools
  #identifier: number
  #identity: string | undefined
  #offers: readonly MethodInfo[]
  #running: { readonly info: MethodInfo; readonly method: ServerMethod; heard: boolean } | undefined
  #waits: 'begin' | 'packet' | 'tls' | 'nothing' = 'begin'
  #rounds = 0

  constructor(config: EapServerConfig, tools: EapTools) {
    this.#config = config
    this.#tools = tools
    this.#identifier = tools.random.bytes(1)[0]!
    this.#offers = config.methods.flatMap((name) =>
      METHODS.filter((m) => m.name === name && m.server !== undefined),
    )
  }

  handle(event: EapServerEvent): readonly EapServerAction[] {
    if (this.#waits === 'nothing') return []
    switch (event.type) {
      case 'begin':
        if (event.identity === undefined) return [this.#request(EapType.Identity.id, NO_OCTETS)]
        this.#identity = event.identity
        return this.#begin(this.#offers[0])
      case 'packet':
        return this.#onPacket(event.packet)
      case 'tls':
        return this.#waits === 'tls' ? this.#perform(this.#running?.method.tls?.(event.turn) ?? []) : []
    }
  }

  /** Whom the peer says it is, as far as it has said so; inside a tunnel, if it has said it there. */
  get identity(): string | undefined {
    return this.#running?.method.user ?? this.#identity
  }

  close(): void {
    this.#waits = 'nothing'
    this.#running?.method.close()
    this.#running = undefined
  }

  #onPacket(bytes: Uint8Array): readonly EapServerAction[] {
    if (this.#waits !== 'packet') return this.#broken('a packet that was not asked for')
    if (++this.#rounds > CHOICE.rounds) return this.#broken('it never comes to an end')
    const read = decodeEapPacket(bytes)
    if (!read.ok) return this.#broken(`${read.error.path.join(' / ')}: ${read.error.problem}`)
    const response = read.value
    if (response.code !== 'response') return this.#broken('not a response')
    if (response.identifier !== this.#identifier) return this.#broken('it answers another request')
    const { vendor, type } = response.method
    if (vendor !== 0) return this.#broken('a method nobody asked for')
    if (type === EapType['Legacy Nak'].id) return this.#onNak(response)
    const running = this.#running
    if (running === undefined) {
      if (type !== EapType.Identity.id) return this.#broken('a method nobody asked for')
      this.#identity = Buffer.from(response.data).toString('utf8')
      return this.#begin(this.#offers[0])
    }
    if (type !== running.info.type) return this.#broken('a method nobody asked for')
    running.heard = true
    return this.#perform(running.method.response(response, next(this.#identifier)))
  }

  /** Only the first request of a method can be declined, and only in favour of one we offer. RFC 3748 §5.3.1 */
  #onNak(nak: EapRequest): readonly EapServerAction[] {
    const running = this.#running
    if (running === undefined || running.heard) return this.#broken('a Nak where there is nothing to decline')
    this.#offers = this.#offers.filter((offer) => offer !== running.info)
    running.method.close()
    const wanted = decodeNak(nak)
    const info = this.#offers.find((offer) => wanted.includes(offer.type))
    if (info !== undefined) return this.#begin(info)
    const allowed = this.#config.methods
    return this.#fail({ kind: 'noSignInMethod', wanted: wanted.map((type) => `EAP(${type})`), allowed })
  }

  #begin(info: MethodInfo | undefined): readonly EapServerAction[] {
    const method = info?.server?.(this.#config, this.#identity ?? '', {
      ...this.#tools,
      converse: (inner) => new EapServer(inner, this.#tools),
    })
    if (info === undefined || method === undefined) return this.#broken('no method is left')
    this.#running = { info, method, heard: false }
    return this.#perform(method.begin(next(this.#identifier)))
  }

  #perform(actions: readonly ServerMethodAction[]): readonly EapServerAction[] {
    return actions.flatMap((action) => this.#performOne(action))
  }

  #performOne(action: ServerMethodAction): readonly EapServerAction[] {
    switch (action.do) {
      case 'reply':
        return [this.#request(this.#running!.info.type, action.data)]
      case 'tls':
        this.#waits = 'tls'
        return [action]
      case 'note':
        return [action]
      case 'fail':
        return this.#fail(action.error)
      case 'done':
        return this.#succeed()
    }
  }

  #request(type: number, data: Uint8Array): EapServerAction {
    this.#identifier = next(this.#identifier)
    this.#waits = 'packet'
    const method = { vendor: 0, type }
    const packet = encodeEapPacket({
      code: 'request',
      identifier: this.#identifier,
      method,
      expanded: false,
      data,
    })
    return { do: 'send', packet }
  }

  #succeed(): readonly EapServerAction[] {
    const { info, method } = this.#running!
    const identity = this.identity ?? ''
    const msk = method.takeMsk()
    this.close()
    const packet = encodeEapPacket({ code: 'success', identifier: this.#identifier })
    return [{ do: 'succeeded', packet, identity, method: info, msk }]
  }

  #broken(problem: string): readonly EapServerAction[] {
    return this.#fail({ kind: 'protocol', exchange: 'EAP', problem, reference: 'RFC 3748 §4.1' })
  }

  #fail(error: VpnError): readonly EapServerAction[] {
    this.close()
    const packet = encodeEapPacket({ code: 'failure', identifier: this.#identifier })
    return [{ do: 'failed', packet, error }]
  }
}

const next = (identifier: number): number => (identifier + 1) & 0xff
