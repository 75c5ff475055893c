import type { Malformed } from '../bytes/malformed.ts'
import type { Random } from '../bytes/random.ts'
import type { Secret } from '../bytes/secret.ts'
import type { LegacyCrypto } from '../crypto/legacy.ts'
import type { TlsInput, TlsTurn } from '../crypto/tls.ts'
import type { VpnError } from '../errors.ts'
import type { EapRequest } from '../wire/eap/packet.ts'
import type { EapPeerConfig } from './config.ts'
import type { EapAction, EapEvent } from './peer.ts'
import type { EapServerAction, EapServerEvent } from './server.ts'
import type { EapServerConfig } from './server-config.ts'

/** What a person, or the keychain, is asked in the middle of a conversation. The answer is a {@link Secret}. */
export type EapQuestion =
  /** `retry`: the one we had was refused. `message`: the server's words. */
  | {
      readonly what: 'password'
      readonly user: string
      readonly retry: boolean
      readonly message?: string
    }
  /** The old password has expired. RFC 2759 §6 */
  | { readonly what: 'newPassword'; readonly user: string; readonly message?: string }
  /** A code of a token, or whatever `message` asks for. */
  | { readonly what: 'code'; readonly user: string; readonly message: string }

/** What every method may use besides the messages it is handed. */
export interface EapTools {
  readonly random: Random
  readonly legacy: LegacyCrypto
}

/** A conversation inside a tunnel, as the tunnel sees it: `EapPeer` is one. */
export interface InnerConversation {
  handle(event: EapEvent): readonly EapAction[]
  /** The server may say Success to what runs inside. */
  readonly complete: boolean
  /** What the server gave as its reason to refuse us, if it gave one. */
  readonly refusal: VpnError | undefined
  close(): void
}

/** What a method of the peer is given besides. */
export interface PeerTools extends EapTools {
  readonly converse: (config: EapPeerConfig) => InnerConversation
  /** The name we said in EAP's Identity, or what the server takes it for where it did not ask. */
  readonly identity: string
}

/**
 * What a method wants done. After each event it gives exactly one of `reply`, `ask`, `tls` and `fail` (a server's
 * method also `done`), with notes beside it.
 */
export type MethodAction =
  /** `data`: what follows the type of the next packet. */
  | { readonly do: 'reply'; readonly data: Uint8Array }
  | { readonly do: 'ask'; readonly question: EapQuestion }
  | { readonly do: 'tls'; readonly input: TlsInput }
  | { readonly do: 'note'; readonly text: string }
  | { readonly do: 'fail'; readonly error: VpnError }

/** The peer's side of one method: requests in, actions out. It is told nothing after it failed. */
export interface PeerMethod {
  request(request: EapRequest): readonly MethodAction[]
  /** A question was answered, by a secret that is now the method's; a cancelled one ends the conversation before it comes here. */
  answered?(answer: Secret): readonly MethodAction[]
  tls?(turn: TlsTurn): readonly MethodAction[]
  /** The server may now say Success: the method came to its own good end, or has none. */
  readonly complete: boolean
  /** 64 octets, once, if the method has a key. RFC 3748 §7.10; the receiver closes it. */
  takeMsk(): Secret | undefined
  /** What the server said before it ended the conversation, if it said something. */
  readonly refusal?: VpnError | undefined
  /** Wipes what it holds. */
  close(): void
}

export type ServerMethodAction =
  | Extract<MethodAction, { do: 'reply' | 'tls' | 'note' | 'fail' }>
  /** The peer has proven itself. */
  | { readonly do: 'done' }

/** A conversation inside a tunnel, as the server's end of the tunnel sees it: `EapServer` is one. */
export interface InnerServerConversation {
  handle(event: EapServerEvent): readonly EapServerAction[]
  readonly identity: string | undefined
  close(): void
}

/** What a method of the server is given besides. */
export interface ServerTools extends EapTools {
  readonly converse: (config: EapServerConfig) => InnerServerConversation
}

/** The server's side of one method. */
export interface ServerMethod {
  /** The first request. `identifier`: of the packet that carries it. */
  begin(identifier: number): readonly ServerMethodAction[]
  /** `next`: the identifier of the packet that will carry a reply. */
  response(response: EapRequest, next: number): readonly ServerMethodAction[]
  tls?(turn: TlsTurn): readonly ServerMethodAction[]
  takeMsk(): Secret | undefined
  /** Who has signed in inside a tunnel, where that is not who was named outside. */
  readonly user?: string | undefined
  close(): void
}

export const reply = (data: Uint8Array): MethodAction & { do: 'reply' } => ({ do: 'reply', data })
export const note = (text: string): MethodAction & { do: 'note' } => ({ do: 'note', text })
export const fail = (error: VpnError): MethodAction & { do: 'fail' } => ({ do: 'fail', error })

/** What came cannot be read. */
export const unreadable = ({ path, problem, reference }: Malformed): MethodAction & { do: 'fail' } =>
  broken(`${path.join(' / ')}: ${problem}`, reference)

/** The other end broke the rules of EAP or of a method. */
export const broken = (problem: string, reference: string): MethodAction & { do: 'fail' } =>
  fail({ kind: 'protocol', exchange: 'EAP', problem, reference })
