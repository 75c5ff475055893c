import { Secret } from '../../core/bytes/secret.ts'
import { legacyCrypto } from '../../core/crypto/legacy.ts'
import { PlatformTls, type TlsJudge } from '../../core/crypto/platform-tls.ts'
import type { TlsInput, TlsTurn } from '../../core/crypto/tls.ts'
import type { EapPeerConfig } from '../../core/eap/config.ts'
import type { EapQuestion, EapTools } from '../../core/eap/method.ts'
import { type EapAction, type EapEvent, EapPeer } from '../../core/eap/peer.ts'
import { EapServer, type EapServerAction, type EapServerEvent } from '../../core/eap/server.ts'
import type { EapServerConfig, EapUser } from '../../core/eap/server-config.ts'
import type { VpnError } from '../../core/errors.ts'
import { loadAddon } from '../../core/native/load.ts'
import { judge } from './eap-tls.ts'
import { SeededRandom } from './seeded-random.ts'

export const eapTools = (seed = 1): EapTools => ({
  random: new SeededRandom(seed),
  legacy: legacyCrypto(loadAddon()),
})

export const secret = (text: string): Secret => Secret.fromText(text)
/** What is in a secret, for an assertion. */
export const revealed = (it: Secret | undefined): string | undefined =>
  it?.use((octets) => Buffer.from(octets).toString('utf8'))
export const hexOf = (it: Secret | undefined): string | undefined =>
  it?.use((octets) => Buffer.from(octets).toString('hex'))

/** Users by name and password. */
export const users =
  (table: Readonly<Record<string, EapUser | string>>) =>
  (name: string): EapUser | undefined => {
    const found = table[name]
    return typeof found === 'string' ? { password: secret(found) } : found
  }

export interface Conversation {
  readonly peer: Extract<EapAction, { do: 'succeeded' | 'failed' }> | undefined
  readonly server: Extract<EapServerAction, { do: 'succeeded' | 'failed' }> | undefined
  /** Every packet, the server's and the peer's in turn. */
  readonly packets: readonly { readonly from: 'peer' | 'server'; readonly bytes: Uint8Array }[]
  readonly questions: readonly EapQuestion[]
  /** Why each question was asked, where the server gave a reason: what is told where nobody answers. */
  readonly reasons: readonly (VpnError | undefined)[]
  readonly notes: readonly string[]
}

export interface ConversationOptions {
  readonly peer: EapPeerConfig
  readonly server: EapServerConfig
  /** What the person answers, one after the other; `undefined`: cancels. */
  readonly answers?: readonly (string | undefined)[]
  /** The identity is known already. */
  readonly identity?: string
  /** Changes packets on their way. */
  readonly rewrite?: (bytes: Uint8Array, from: 'peer' | 'server') => Uint8Array
}

/** A peer and a server of ours talk to each other to the end. */
export function converse(options: ConversationOptions): Conversation {
  const talk = new Talk(options)
  while (talk.step()) if (talk.tls !== undefined) throw new Error('this needs converseOverTls')
  return talk.result
}

/** The same with the platform's TLS at both ends. */
export async function converseOverTls(
  options: ConversationOptions & { readonly judgeServer?: TlsJudge; readonly judgeClient?: TlsJudge },
): Promise<Conversation> {
  const talk = new Talk(options)
  const judges = {
    peer: options.judgeServer ?? judge('radius.lab.test'),
    server: options.judgeClient ?? judge('alice@lab.test'),
  }
  const engines: { peer?: PlatformTls; server?: PlatformTls } = {}
  for (;;) {
    if (talk.tls === undefined) {
      if (talk.step()) continue
      break
    }
    const { at, input } = talk.tls
    talk.tls = undefined
    engines[at] ??= new PlatformTls(input.setup!, judges[at])
    talk.onTls(at, await engines[at].turn(input))
  }
  engines.peer?.close()
  engines.server?.close()
  return talk.result
}

class Talk {
  /** A turn of TLS somebody waits for. */
  tls: { readonly at: 'peer' | 'server'; readonly input: TlsInput } | undefined
  readonly #options: ConversationOptions
  readonly #peer: EapPeer
  readonly #server: EapServer
  readonly #answers: (string | undefined)[]
  readonly #todo: (() => void)[] = []
  readonly #packets: { from: 'peer' | 'server'; bytes: Uint8Array }[] = []
  readonly #questions: EapQuestion[] = []
  readonly #reasons: (VpnError | undefined)[] = []
  readonly #notes: string[] = []
  #peerEnd: Conversation['peer']
  #serverEnd: Conversation['server']

  constructor(options: ConversationOptions) {
    this.#options = options
    this.#peer = new EapPeer(options.peer, eapTools(3))
    this.#server = new EapServer(options.server, eapTools(4))
    this.#answers = [...(options.answers ?? [])]
    const { identity } = options
    const begin: EapServerEvent = identity === undefined ? { type: 'begin' } : { type: 'begin', identity }
    this.#todo.push(() => this.#toServer(begin))
  }

  get result(): Conversation {
    return {
      peer: this.#peerEnd,
      server: this.#serverEnd,
      packets: this.#packets,
      questions: this.#questions,
      reasons: this.#reasons,
      notes: this.#notes,
    }
  }

  /** Does the next thing; → whether there was one. */
  step(): boolean {
    const next = this.#todo.shift()
    next?.()
    return next !== undefined
  }

  onTls(at: 'peer' | 'server', turn: TlsTurn): void {
    if (at === 'peer') this.#toPeer({ type: 'tls', turn })
    else this.#toServer({ type: 'tls', turn })
  }

  #toPeer(event: EapEvent): void {
    for (const action of this.#peer.handle(event)) this.#onPeer(action)
  }

  #toServer(event: EapServerEvent): void {
    for (const action of this.#server.handle(event)) this.#onServer(action)
  }

  #onPeer(action: EapAction): void {
    switch (action.do) {
      case 'send': {
        const packet = this.#fly('peer', action.packet)
        this.#todo.push(() => this.#toServer({ type: 'packet', packet }))
        return
      }
      case 'ask': {
        this.#questions.push(action.question)
        this.#reasons.push(this.#peer.refusal)
        const text = this.#answers.shift()
        const answer = text === undefined ? undefined : secret(text)
        this.#todo.push(() => this.#toPeer({ type: 'answered', answer }))
        return
      }
      case 'tls':
        this.tls = { at: 'peer', input: action.input }
        return
      case 'note':
        this.#notes.push(action.text)
        return
      default:
        this.#peerEnd = action
    }
  }

  #onServer(action: EapServerAction): void {
    if (action.do === 'tls') this.tls = { at: 'server', input: action.input }
    if (action.do === 'tls' || action.do === 'note') return
    if (action.do !== 'send') this.#serverEnd = action
    const packet = this.#fly('server', action.packet)
    this.#todo.push(() => this.#toPeer({ type: 'packet', packet }))
  }

  #fly(from: 'peer' | 'server', bytes: Uint8Array): Uint8Array {
    this.#packets.push({ from, bytes })
    return this.#options.rewrite?.(bytes, from) ?? bytes
  }
}
