import type { EspSpi, IkeSpi, Millis } from '../bytes/brands.ts'
import type { Secret } from '../bytes/secret.ts'
import type { AuthForm } from '../cert/auth-signature.ts'
import type { ChainQuestion, ChainVerdict } from '../cert/chain.ts'
import type { TlsInput, TlsTurn } from '../crypto/tls.ts'
import type { EapQuestion } from '../eap/method.ts'
import type { VpnError } from '../errors.ts'
import type { IpsecSa, SelectorPair } from '../esp/engine.ts'
import type { Endpoint } from '../net/plan.ts'
import type { EncryptedResolver, ResolverDigest } from '../wire/ikev2/encrypted-dns.ts'

/**
 * The shape every negotiation has: events in, a new state and actions out. A state performs no input
 * or output, reads no clock and draws no randomness but what it was given, so that any run can be replayed.
 */
export interface State {
  /** Named for what it waits for. */
  readonly name: string
  handle(event: IkeEvent, now: Millis): Step
}

export interface Step {
  readonly next: State
  readonly actions: readonly IkeAction[]
}

/** One IKE message as it travels, without the non-ESP marker. */
export interface Datagram {
  readonly bytes: Uint8Array
  /** Addresses and ports in the IP and UDP headers, seen from this end. */
  readonly local: Endpoint
  readonly remote: Endpoint
}

export type TimerName = string

export type IkeCommand =
  | { readonly type: 'connect' }
  | { readonly type: 'disconnect' }
  /** Makes a fresh CHILD_SA in place of the one named (default: all). RFC 7296 §2.8 */
  | { readonly type: 'rekeyChild'; readonly child?: string }
  /** Another CHILD_SA beside those there are (default: all that may be asked for). RFC 7296 §1.3.1 */
  | { readonly type: 'newChild'; readonly selectors?: SelectorPair }
  /** Closes the CHILD_SA named; with the last one the connection ends. RFC 7296 §1.4.1 */
  | { readonly type: 'closeChild'; readonly child: string }
  | { readonly type: 'rekeyIke' }
  /** Proves who we are once more, on a fresh IKE SA that takes over. RFC 7296 §2.8.3 */
  | { readonly type: 'reauthenticate' }
  /** This computer has other addresses: the tunnel follows where the gateway allows it, or ends. RFC 4555 */
  | { readonly type: 'move'; readonly addresses?: readonly string[] }
  /** Asks whether the gateway is alive. RFC 7296 §2.4 */
  | { readonly type: 'probe' }
  /** As `probe`, after a sleep of this computer: whatever waits for an answer has all its tries before it. */
  | { readonly type: 'wake' }

export type IkeEvent =
  | { readonly type: 'datagram'; readonly datagram: Datagram }
  | { readonly type: 'timer'; readonly timer: TimerName }
  | { readonly type: 'command'; readonly command: IkeCommand }
  /** The answer to an `ask`, `sign`, `verifyChain` or `tls`; a cancelled prompt is simply another answer. */
  | { readonly type: 'answered'; readonly id: number; readonly answer: Answer }
  /** A socket for the path asked for by `openPath` is there. */
  | { readonly type: 'pathOpen'; readonly local: Endpoint; readonly remote: Endpoint }
  /** Something outside the protocol went wrong: no route, no TUN, no permission. */
  /** `transport`: all that failed is a way to have TCP. */
  | { readonly type: 'failed'; readonly error: VpnError; readonly transport?: 'tcp' }
  /** The TCP connection that carried everything is gone, whatever of ours was on its way. RFC 9329 §6.1 */
  | { readonly type: 'pathLost'; readonly problem: string }
  /** An SA is near the end of what may be sent with it. */
  | { readonly type: 'softLimit'; readonly spi: EspSpi; readonly reason: 'bytes' | 'packets' | 'sequence' }
  /** An authentic packet has come on an SA that `watchInbound` names, since it did. */
  | { readonly type: 'arrived'; readonly spi: EspSpi }
  /**
   * Traffic seen since the last such event, for liveness (RFC 7296 §2.4) and the idle time. `unserved`: inner packets
   * for which there was no CHILD_SA. `unanswered`: what was answered until a moment ago is not any more.
   */
  | {
      readonly type: 'traffic'
      readonly inbound: boolean
      readonly outbound: boolean
      readonly unserved?: boolean
      readonly unanswered?: boolean
    }

export type IkeAction =
  /**
   * A socket to the gateway, in place of the one before once it is there. `remoteAddress`: where it is not the gateway's of
   * the profile. `transport`: a TCP connection instead, RFC 9329.
   */
  | {
      readonly do: 'openPath'
      readonly remotePort: number
      readonly remoteAddress?: string
      readonly transport?: 'tcp'
    }
  /** The path of now is good: another one that is on its way is not wanted any more. */
  | { readonly do: 'keepPath' }
  | { readonly do: 'send'; readonly datagram: Datagram; readonly message: ObservedMessage }
  | { readonly do: 'setTimer'; readonly timer: TimerName; readonly at: Millis }
  | { readonly do: 'clearTimer'; readonly timer: TimerName }
  | { readonly do: 'addInbound'; readonly sa: IpsecSa; readonly selectors: SelectorPair }
  | {
      readonly do: 'useOutbound'
      readonly child: string
      readonly sa: IpsecSa
      readonly selectors: SelectorPair
    }
  /** By the SPI of its ESP, or of its AH where that is alone; both go. */
  | { readonly do: 'removeInbound'; readonly spi: EspSpi }
  | { readonly do: 'removeOutbound'; readonly spi: EspSpi }
  /**
   * These two may carry so many octets, both ways together, until a `softLimit` is due. IKEv1 agrees on such a limit
   * (RFC 2407 §4.5), and ciphers with short blocks have one.
   */
  | { readonly do: 'limitBytes'; readonly inbound: EspSpi; readonly outbound: EspSpi; readonly bytes: number }
  /** An `arrived` is due once the peer sends with this SA, from now on. */
  | { readonly do: 'watchInbound'; readonly spi: EspSpi }
  /** One octet 0xFF on the path, RFC 3948 §4. */
  | { readonly do: 'keepalive' }
  /** A person, or a keychain, knows. Who has not answered until then is not waited for any longer. */
  | { readonly do: 'ask'; readonly id: number; readonly question: EapQuestion; readonly until: Millis }
  /** Our private key is not here: somebody who has it signs `octets` in this form. */
  | { readonly do: 'sign'; readonly id: number; readonly form: AuthForm; readonly octets: Uint8Array }
  /** Whether the peer's certificate can be trusted today: only the driver knows which day it is. */
  | { readonly do: 'verifyChain'; readonly id: number; readonly question: Omit<ChainQuestion, 'at'> }
  /** One turn of the TLS inside EAP; the first has the setup and begins anew. */
  | { readonly do: 'tls'; readonly id: number; readonly input: TlsInput }
  /** There are no more turns. */
  | { readonly do: 'endTls' }
  /** For the inspector: a message that arrived, decoded as far as it could be. */
  | { readonly do: 'observe'; readonly message: ObservedMessage }
  /** Something a person should read in the log. */
  | { readonly do: 'note'; readonly text: string }
  /** Phase 1 and phase 2 stand, or stand anew with other terms. `configuration`: what the gateway assigned; the selectors are the narrowed ones. */
  | {
      readonly do: 'established'
      readonly configuration: AssignedConfiguration
      readonly selectors: SelectorPair
    }
  /** The end, with the reason; nothing is done after it. */
  | { readonly do: 'closed'; readonly error: VpnError | undefined }

/** A message for the inspector. `payloads` is present when it could be decoded (and decrypted). */
export interface ObservedMessage {
  readonly direction: 'in' | 'out'
  readonly bytes: Uint8Array
  readonly exchange: string
  readonly messageId: number
  readonly response: boolean
  readonly initiatorSpi: IkeSpi
  readonly responderSpi: Uint8Array
  readonly payloads: readonly unknown[]
  /** The octets inside SK, decrypted. */
  readonly plaintext?: Uint8Array
  readonly problem?: string
  readonly retransmission: boolean
  /** A datagram with a part of a message: `payloads` is its SKF payload, `plaintext` what was in it. RFC 7383 §2.5 */
  readonly fragment?: { readonly number: number; readonly total: number }
  /**
   * A message that travels in this many fragments, which are shown as messages of their own. Its `bytes` are only
   * the headers it would have without them; what would follow, decrypted, is `plaintext`.
   */
  readonly fragments?: number
}

export type Answer =
  | { readonly what: 'signature'; readonly signature: Uint8Array }
  | { readonly what: 'chain'; readonly verdict: ChainVerdict }
  /** What was asked for; whoever asked closes it. */
  | { readonly what: 'secret'; readonly secret: Secret }
  | { readonly what: 'tls'; readonly turn: TlsTurn }
  /** It could not be done; the negotiation ends with this. */
  | { readonly what: 'failed'; readonly error: VpnError }
  /** Whoever was asked does not want to. */
  | undefined

/** A name server that is asked through TLS, and what alone its certificate has to match, where that is said. RFC 9464 */
export interface AssignedResolver extends EncryptedResolver {
  readonly digest?: ResolverDigest
}

/** What a configuration payload gave us. RFC 7296 §3.15 */
export interface AssignedConfiguration {
  readonly addresses: readonly string[]
  readonly dnsServers: readonly string[]
  /** Networks behind the gateway (INTERNAL_IP4_SUBNET, INTERNAL_IP6_SUBNET), CIDR. */
  readonly subnets: readonly string[]
  readonly dnsDomains: readonly string[]
  /** Name servers that are asked through TLS, the most wanted first. RFC 9464 */
  readonly encryptedDns?: readonly AssignedResolver[]
  /** Put behind names without a dot. Only IKEv1 has them. */
  readonly searchDomains?: readonly string[]
  /** Gateways to try where this one does not answer, names or addresses, in order. Only IKEv1 has them. */
  readonly otherGateways?: readonly string[]
}
