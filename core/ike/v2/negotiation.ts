import { addressText } from '../../bytes/address.ts'
import { asIkeSpi, type EspSpi, type IkeSpi, type Millis } from '../../bytes/brands.ts'
import { Malformed } from '../../bytes/malformed.ts'
import { toHex } from '../../bytes/octets.ts'
import type { Random } from '../../bytes/random.ts'
import type { Certificate } from '../../cert/certificate.ts'
import { decodeNameDer, formatName } from '../../cert/name.ts'
import type { CryptoRegistry } from '../../crypto/transforms.ts'
import type { VpnError } from '../../errors.ts'
import { ExchangeType } from '../../iana/ikev2.ts'
import { nameOf } from '../../iana/registry.ts'
import type { Endpoint } from '../../net/plan.ts'
import type { Message } from '../../wire/ikev2/message.ts'
import type { IdPayload, Payload } from '../../wire/ikev2/payload.ts'
import type { TrafficSelector } from '../../wire/ikev2/traffic-selector.ts'
import type { Authentication, ConnectionConfig, ConnectionView } from '../config.ts'
import type { AssignedConfiguration, IkeAction, ObservedMessage, State } from '../session.ts'
import type { ChildSa } from './child-sa.ts'
import { fragmentSizes } from './fragmentation.ts'
import type { IkeSa, Outgoing } from './ike-sa.ts'
import { CHOICE } from './numbers.ts'
import { spiNumber } from './payloads.ts'

/** Addresses and ports of both ends, once they are known. */
type Path = { readonly [End in 'local' | 'remote']: Endpoint | undefined }

/** What all states of one negotiation share. It collects actions; whoever handles an event takes them out. */
export class Negotiation {
  readonly config: ConnectionConfig
  readonly registry: CryptoRegistry
  readonly random: Random
  /** How the two of us prove who we are: as configured, or as this client is to. */
  authentication: Authentication
  /** The addresses in use; undefined until a socket is open. */
  local: Endpoint | undefined
  remote: Endpoint | undefined
  /** Port 4500 came after port 500: an answer from there is still to come. RFC 7296 §2.23 */
  floated = false
  nat = { us: false, gateway: false, known: false }
  /** When we were sent to other gateways, and from where the last time. RFC 5685 */
  redirects: Millis[] = []
  redirectedFrom: string | undefined
  /** As a responder: the client can be sent elsewhere. */
  redirectable = false
  /** Both ends can change their addresses, and the other ones that the gateway has. RFC 4555 */
  mobike = false
  peerAddresses: readonly string[] = []
  state: ConnectionView['state'] = 'phase1'
  step = ''
  current: IkeSa | undefined
  ikeRekeyAt: Millis | undefined
  remoteId: IdPayload | undefined
  /** Whose certificate proved the peer, and how it signed. */
  remoteProof: { readonly certificate: Certificate; readonly scheme: string } | undefined
  /** The EAP method that the client signed in with. */
  eapMethod: string | undefined
  /** As a responder: whom the client says it is in EAP, and whom it has proven to be. */
  eapClaim: string | undefined
  eapIdentity: string | undefined
  readonly vendorIds: string[] = []
  /** Every CHILD_SA whose keys are installed, by inbound SPI. */
  readonly children = new Map<number, ChildSa>()
  configuration: AssignedConfiguration | undefined
  /** As a responder: the addresses the client got of us. */
  assigned: readonly TrafficSelector[] | undefined
  /** How much of perfect forward secrecy the peer has left us. */
  secrecy: 'whole' | 'group of IKE' | 'none' = 'whole'
  /** The gateway narrowed what we asked for, and has more for who asks: ADDITIONAL_TS_POSSIBLE. RFC 7296 §2.9 */
  moreSelectors = false
  readonly rekeys = { ike: 0, child: 0 }
  /** We asked for the connection, so its CHILD_SA is ours to keep alive. */
  initiated = false
  /** Begins IKE_SA_INIT on the path that is open, as the initiator. */
  startOver: ((n: Negotiation, now: Millis) => State) | undefined
  /** Seconds until the gateway wants to see our proof again, from when it said so. RFC 4478 */
  authLifetimeSeconds: number | undefined
  /** SPIs that somebody else uses in the same datapath. */
  spokenFor: ((spi: number) => boolean) | undefined
  /** Since when the peer has refused to rekey the IKE SA. */
  ikeRefusedSince: Millis | undefined
  /** Inbound SPIs of replaced CHILD_SAs whose last packets may still arrive. */
  readonly lingering = new Set<EspSpi>()
  #actions: IkeAction[] = []
  #questions = 0

  constructor(config: ConnectionConfig, registry: CryptoRegistry, random: Random) {
    this.config = config
    this.authentication = config.authentication
    this.registry = registry
    this.random = random
  }

  /** The path is this one from now on. Where that makes a stream of it, or datagrams, messages may have another size. */
  useEnds(local: Endpoint, remote: Endpoint): void {
    const sa = this.current
    if (sa?.fragments !== undefined && this.remote?.transport !== remote.transport)
      sa.fragments = fragmentSizes(remote, this.config.fragmentDatagramBytes)
    this.local = local
    this.remote = remote
  }

  act(action: IkeAction): void {
    this.#actions.push(action)
  }

  /** A number for a question; its answer carries it too. */
  nextQuestion(): number {
    return ++this.#questions
  }

  take(): readonly IkeAction[] {
    const actions = this.#actions
    this.#actions = []
    return actions
  }

  note(text: string): void {
    this.act({ do: 'note', text })
  }

  observe(messages: readonly ObservedMessage[]): void {
    for (const message of messages) this.act({ do: 'observe', message })
  }

  freshIkeSpi(): IkeSpi {
    for (;;) {
      const spi = this.random.bytes(8)
      if (spi.some((octet) => octet !== 0)) return asIkeSpi(spi)
    }
  }

  /** To where the peer is, or back to where a request came from. RFC 7296 §2.11 */
  send(bytes: Uint8Array, message: ObservedMessage, { local, remote }: Path = this): void {
    if (local === undefined || remote === undefined) return
    this.act({ do: 'send', datagram: { bytes, local, remote }, message })
  }

  /** Sends a protected message with all its fragments, the first time or once more. */
  transmit({ datagrams, whole, concealed }: Outgoing, retransmission = false, path: Path = this): void {
    if (whole !== undefined && !retransmission) this.act({ do: 'observe', message: whole })
    for (const [at, message] of datagrams.entries())
      this.send(
        concealed?.[at] ?? message.bytes,
        retransmission ? { ...message, retransmission } : message,
        path,
      )
  }

  setTimer(timer: string, at: Millis): void {
    this.act({ do: 'setTimer', timer, at })
  }

  clearTimer(timer: string): void {
    this.act({ do: 'clearTimer', timer })
  }

  /** The end: everything is forgotten. */
  finish(error: VpnError | undefined): void {
    for (const child of this.children.values()) {
      this.act({ do: 'removeInbound', spi: child.inboundSpi })
      this.act({ do: 'removeOutbound', spi: child.outboundSpi })
    }
    this.children.clear()
    for (const spi of this.lingering) this.act({ do: 'removeInbound', spi })
    this.lingering.clear()
    // A ticket is for what broke off, not for what was ended. RFC 5723 §6.2
    if (error?.kind !== 'noAnswer' && error?.kind !== 'unreachable') this.config.tickets?.forget()
    this.state = 'closed'
    this.act({ do: 'closed', error })
  }

  /** An inbound SPI that a CHILD_SA of ours has. */
  isTaken = (spi: number): boolean =>
    this.children.has(spi) || this.lingering.has(spi as EspSpi) || this.spokenFor?.(spi) === true

  /** A little less than `ms`, so that two ends do not do the same at the same time. RFC 7296 §2.8.1 */
  jittered(ms: number): number {
    return ms * (1 - (this.random.bytes(1)[0]! / 255) * CHOICE.jitter)
  }
}

/** A message for the inspector. */
export function observed(
  direction: 'in' | 'out',
  bytes: Uint8Array,
  header: Message['header'],
  payloads: readonly Payload[],
  extra: {
    readonly plaintext?: Uint8Array
    readonly problem?: string
    readonly retransmission?: boolean
    readonly fragment?: NonNullable<ObservedMessage['fragment']>
    readonly fragments?: number
  } = {},
): ObservedMessage {
  return {
    direction,
    bytes,
    exchange: nameOf(ExchangeType, header.exchange),
    messageId: header.messageId,
    response: header.response,
    initiatorSpi: header.initiatorSpi as IkeSpi,
    responderSpi: header.responderSpi,
    payloads,
    retransmission: extra.retransmission ?? false,
    ...(extra.plaintext === undefined ? {} : { plaintext: extra.plaintext }),
    ...(extra.problem === undefined ? {} : { problem: extra.problem }),
    ...(extra.fragment === undefined ? {} : { fragment: extra.fragment }),
    ...(extra.fragments === undefined ? {} : { fragments: extra.fragments }),
  }
}

/** An identity for people: `alice@lab.test`, `192.0.2.1`, `KEY_ID 6c616267`. */
export function describeIdentity(
  id: { readonly type: number; readonly data: Uint8Array } | undefined,
): string {
  if (id === undefined) return ''
  if (id.type === 1 || id.type === 5)
    return id.data.length === 4 || id.data.length === 16 ? addressText(id.data) : toHex(id.data)
  if (id.type === 2 || id.type === 3) return Buffer.from(id.data).toString('utf8')
  if (id.type === 11)
    return /^[\x20-\x7e]+$/.test(Buffer.from(id.data).toString('latin1'))
      ? Buffer.from(id.data).toString('latin1')
      : `KEY_ID ${toHex(id.data)}`
  if (id.type === 9) return describeName(id.data)
  return `ID type ${id.type} ${toHex(id.data)}`
}

function describeName(der: Uint8Array): string {
  try {
    return formatName(decodeNameDer(der))
  } catch (error) {
    if (error instanceof Malformed) return `DN ${toHex(der)}`
    throw error
  }
}

export const hexSpi = (spi: Uint8Array | number): string =>
  typeof spi === 'number' ? spi.toString(16).padStart(8, '0') : toHex(spi)

export { spiNumber }
