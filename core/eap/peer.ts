import { equal, NO_OCTETS, utf8 } from '../bytes/octets.ts'
import type { Secret } from '../bytes/secret.ts'
import type { TlsInput, TlsTurn } from '../crypto/tls.ts'
import type { VpnError } from '../errors.ts'
import { EapType } from '../iana/eap.ts'
import { nameOf } from '../iana/registry.ts'
import { decodeEapPacket, type EapRequest, encodeEapPacket, encodeNak } from '../wire/eap/packet.ts'
import { type EapPeerConfig, firstName } from './config.ts'
import type { EapQuestion, EapTools, MethodAction, PeerMethod } from './method.ts'
import { chosenMethods, type MethodInfo } from './methods.ts'
import { CHOICE } from './numbers.ts'
import { shownText } from './text.ts'

export type EapEvent =
  | { readonly type: 'packet'; readonly packet: Uint8Array }
  /** `undefined`: whoever was asked does not want to. */
  | { readonly type: 'answered'; readonly answer: Secret | undefined }
  | { readonly type: 'tls'; readonly turn: TlsTurn }

export type EapAction =
  | { readonly do: 'send'; readonly packet: Uint8Array }
  | { readonly do: 'ask'; readonly question: EapQuestion }
  | { readonly do: 'tls'; readonly input: TlsInput }
  | { readonly do: 'note'; readonly text: string }
  /** The receiver closes the secrets. */
  | {
      readonly do: 'succeeded'
      readonly method: MethodInfo
      readonly msk: Secret | undefined
    }
  | { readonly do: 'failed'; readonly error: VpnError }

/**
 * The peer's side of one EAP conversation: packets in, packets out, and questions in between. RFC 3748 §4.1
 * After `succeeded` or `failed` it answers nothing more. There is no retransmission here: IKE has its own.
 */
export class EapPeer {
  readonly #config: EapPeerConfig
  readonly #tools: EapTools
  readonly #allowed: readonly MethodInfo[]
  #running: { readonly info: MethodInfo; readonly method: PeerMethod } | undefined
  /** The request that is being worked on. */
  #request: EapRequest | undefined
  #waits: 'packet' | 'answer' | 'tls' | 'nothing' = 'packet'
  readonly #counts = { rounds: 0, identities: 0, notifications: 0, naks: 0 }
  /** Methods we declined, for people. */
  readonly #declined: string[] = []
  #last: { readonly request: Uint8Array; readonly reply: Uint8Array } | undefined
  #received: Uint8Array = NO_OCTETS

  constructor(config: EapPeerConfig, tools: EapTools) {
    this.#config = config
    this.#tools = tools
    this.#allowed = chosenMethods(config.methods)
  }

  handle(event: EapEvent): readonly EapAction[] {
    if (this.#waits === 'nothing') return []
    switch (event.type) {
      case 'packet':
        return this.#onPacket(event.packet)
      case 'answered':
        if (this.#waits !== 'answer') return []
        if (event.answer === undefined) return this.#fail({ kind: 'cancelled' })
        return this.#perform(this.#running?.method.answered?.(event.answer) ?? [])
      case 'tls':
        return this.#waits === 'tls' ? this.#perform(this.#running?.method.tls?.(event.turn) ?? []) : []
    }
  }

  /** The method came to its own end: Success would be believed. */
  get complete(): boolean {
    return this.#running?.method.complete ?? false
  }

  /** What the server gave as its reason to refuse us, or was about to, if it gave one. */
  get refusal(): VpnError | undefined {
    return this.#running?.method.refusal
  }

  /** For whoever hears of the end in another way than by Failure. */
  refused(): VpnError {
    return this.#refusal()
  }

  /** Wipes what the method holds. */
  close(): void {
    this.#waits = 'nothing'
    this.#running?.method.close()
    this.#running = undefined
  }

  #onPacket(bytes: Uint8Array): readonly EapAction[] {
    if (this.#waits !== 'packet') return this.#broken('a packet before the last one was answered', '§4.1')
    if (++this.#counts.rounds > CHOICE.rounds) return this.#broken('it never comes to an end', '§4.1')
    const read = decodeEapPacket(bytes)
    if (!read.ok) {
      const { path, problem, reference } = read.error
      return this.#fail({
        kind: 'protocol',
        exchange: 'EAP',
        problem: `${path.join(' / ')}: ${problem}`,
        reference,
      })
    }
    const packet = read.value
    switch (packet.code) {
      case 'success':
        return this.#onSuccess()
      case 'failure':
        return this.#fail(this.#refusal())
      case 'response':
        return this.#broken('a response from the server', '§4.1')
      case 'request':
        // The very same request again gets the very same answer.
        if (this.#last !== undefined && equal(this.#last.request, bytes))
          return [{ do: 'send', packet: this.#last.reply }]
        this.#received = bytes
        this.#request = packet
        return this.#onRequest(packet)
    }
  }

  #onRequest(request: EapRequest): readonly EapAction[] {
    const { vendor, type } = request.method
    if (vendor === 0 && type === EapType.Identity.id) return this.#onIdentity(request)
    if (vendor === 0 && type === EapType.Notification.id) return this.#onNotification(request)
    const running = this.#running
    if (running !== undefined) {
      if (vendor === 0 && type === running.info.type) return this.#perform(running.method.request(request))
      return this.#broken(`${methodName(request)} in the middle of ${running.info.title}`, '§2.1')
    }
    const info = vendor === 0 ? this.#allowed.find((method) => method.type === type) : undefined
    if (info === undefined) return this.#onUnwanted(request)
    const method = info.peer(this.#config, {
      ...this.#tools,
      converse: (inner) => new EapPeer(inner, this.#tools),
      identity: this.#counts.identities > 0 ? firstName(this.#config) : this.#config.user,
    })
    this.#running = { info, method }
    return this.#perform(method.request(request))
  }

  /** The name before anything is proven: the anonymous one, where there is one. RFC 3748 §5.1 */
  #onIdentity(request: EapRequest): readonly EapAction[] {
    if (++this.#counts.identities > CHOICE.identities)
      return this.#broken('it asks who we are again and again', '§5.1')
    const said = request.data.subarray(0, zeroAt(request.data))
    const notes: EapAction[] =
      said.length > 0 ? [{ do: 'note', text: `the gateway says: ${shownText(said)}` }] : []
    return [...notes, this.#send(request, utf8(firstName(this.#config)))]
  }

  /** RFC 3748 §5.2: shown, and answered with nothing. */
  #onNotification(request: EapRequest): readonly EapAction[] {
    if (++this.#counts.notifications > CHOICE.notifications)
      return this.#broken('too many notifications', '§5.2')
    return [
      { do: 'note', text: `the gateway says: ${shownText(request.data)}` },
      this.#send(request, NO_OCTETS),
    ]
  }

  /** RFC 3748 §5.3.1: a Nak names what we want instead; the server picks. */
  #onUnwanted(request: EapRequest): readonly EapAction[] {
    this.#declined.push(methodName(request))
    if (++this.#counts.naks > CHOICE.naks) return this.#fail(this.#noMethod())
    const wanted = this.#allowed.map((method) => method.type)
    const packet = encodeNak(request, wanted)
    this.#last = { request: this.#received, reply: packet }
    return [
      { do: 'note', text: `the gateway asks for ${methodName(request)}, which the profile does not allow` },
      { do: 'send', packet },
    ]
  }

  #onSuccess(): readonly EapAction[] {
    const running = this.#running
    // A Success is not protected: it counts only where the method came to its own end. RFC 3748 §7.16
    if (running === undefined || !running.method.complete)
      return this.#broken(`Success before ${running?.info.title ?? 'any method'} has ended`, '§4.2')
    const { info, method } = running
    const msk = method.takeMsk()
    if (info.key && msk === undefined) return this.#broken(`${info.title} ended without a key`, '§7.10')
    this.close()
    return [{ do: 'succeeded', method: info, msk }]
  }

  #perform(actions: readonly MethodAction[]): readonly EapAction[] {
    return actions.flatMap((action) => this.#performOne(action))
  }

  #performOne(action: MethodAction): readonly EapAction[] {
    switch (action.do) {
      case 'reply':
        return [this.#send(this.#request!, action.data)]
      case 'ask':
        this.#waits = 'answer'
        return [action]
      case 'tls':
        this.#waits = 'tls'
        return [action]
      case 'note':
        return [action]
      case 'fail':
        return this.#fail(action.error)
    }
  }

  #send(request: EapRequest, data: Uint8Array): EapAction {
    const packet = encodeEapPacket({ ...request, code: 'response', data })
    this.#waits = 'packet'
    this.#last = { request: this.#received, reply: packet }
    return { do: 'send', packet }
  }

  #refusal(): VpnError {
    const running = this.#running
    if (running === undefined && this.#declined.length > 0) return this.#noMethod()
    return (
      running?.method.refusal ?? {
        kind: 'authFailed',
        who: 'us',
        method: running?.info.title ?? 'EAP identity',
      }
    )
  }

  #noMethod(): VpnError {
    return {
      kind: 'noSignInMethod',
      wanted: [...new Set(this.#declined)],
      allowed: this.#allowed.map((method) => method.title),
    }
  }

  #broken(problem: string, section: string): readonly EapAction[] {
    return this.#fail({ kind: 'protocol', exchange: 'EAP', problem, reference: `RFC 3748 ${section}` })
  }

  #fail(error: VpnError): readonly EapAction[] {
    this.close()
    return [{ do: 'failed', error }]
  }
}

/** A server may hide data for itself behind a NUL. RFC 3748 §5.1 */
function zeroAt(octets: Uint8Array): number {
  const at = octets.indexOf(0)
  return at < 0 ? octets.length : at
}

const methodName = ({ method }: EapRequest): string =>
  method.vendor === 0 ? nameOf(EapType, method.type) : `method ${method.type} of vendor ${method.vendor}`
