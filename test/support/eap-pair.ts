import { Secret } from '../../core/bytes/secret.ts'
import { legacyCrypto } from '../../core/crypto/legacy.ts'
import type { EapPeerConfig } from '../../core/eap/config.ts'
import type { EapQuestion, EapTools } from '../../core/eap/method.ts'
import { type EapAction, type EapEvent, EapPeer } from '../../core/eap/peer.ts'
import { EapServer, type EapServerAction } from '../../core/eap/server.ts'
import type { EapServerConfig, EapUser } from '../../core/eap/server-config.ts'
import { loadAddon } from '../../core/native/load.ts'
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
  const peer = new EapPeer(options.peer, eapTools(3))
  const server = new EapServer(options.server, eapTools(4))
  const answers = [...(options.answers ?? [])]
  const rewrite = options.rewrite ?? ((bytes) => bytes)
  const packets: { from: 'peer' | 'server'; bytes: Uint8Array }[] = []
  const questions: EapQuestion[] = []
  const notes: string[] = []
  let peerEnd: Conversation['peer']
  let serverEnd: Conversation['server']

  const toPeer = (event: EapEvent): void => peer.handle(event).forEach(onPeer)
  const toServer = (bytes: Uint8Array): void =>
    server.handle({ type: 'packet', packet: bytes }).forEach(onServer)
  const onPeer = (action: EapAction): void => {
    switch (action.do) {
      case 'send':
        packets.push({ from: 'peer', bytes: action.packet })
        return toServer(rewrite(action.packet, 'peer'))
      case 'ask': {
        questions.push(action.question)
        const answer = answers.shift()
        return toPeer({ type: 'answered', answer: answer === undefined ? undefined : secret(answer) })
      }
      case 'note':
        notes.push(action.text)
        return
      case 'tls':
        throw new Error('TLS needs an engine')
      case 'succeeded':
      case 'failed':
        peerEnd = action
    }
  }
  const onServer = (action: EapServerAction): void => {
    if (action.do === 'tls') throw new Error('TLS needs an engine')
    if (action.do === 'note') return
    if (action.do !== 'send') serverEnd = action
    packets.push({ from: 'server', bytes: action.packet })
    toPeer({ type: 'packet', packet: rewrite(action.packet, 'server') })
  }
  const { identity } = options
  server.handle(identity === undefined ? { type: 'begin' } : { type: 'begin', identity }).forEach(onServer)
  return { peer: peerEnd, server: serverEnd, packets, questions, notes }
}
