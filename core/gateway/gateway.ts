import { addressText } from '../bytes/address.ts'
import { toHex } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import type { CryptoRegistry } from '../crypto/transforms.ts'
import type { VpnError } from '../errors.ts'
import { carriesEsp } from '../esp/datapath.ts'
import type { OpenPacketEngine } from '../esp/open-packet-engine.ts'
import { parseInner } from '../esp/selectors.ts'
import { classifyPort4500, withNonEspMarker } from '../esp/udp-encapsulation.ts'
import type { Assigned, ConnectionConfig, ConnectionView, ProvenClient } from '../ike/config.ts'
import type { Datagram, ObservedMessage } from '../ike/session.ts'
import { crashAnswer } from '../ike/v2/crash-detection.ts'
import { describeIdentity } from '../ike/v2/negotiation.ts'
import type { Endpoint } from '../net/plan.ts'
import { decodeHeader } from '../wire/ikev2/message.ts'
import { LastWordsMemory } from './last-words.ts'
import { DEFAULT_LIMITS, type GatewayLimits, Newcomers, type Verdict } from './newcomers.ts'
import type { AddressPool, Lease } from './pool.ts'
import { type GatewayClock, Session, type SessionOwner } from './session.ts'

type SessionBase = Omit<ConnectionConfig, 'assigns' | 'demandCookie' | 'gatewayAddress' | 'gatewayHost'>

export interface GatewayOptions {
  /** What every session starts from; `assigns` is ours to fill. */
  readonly config: SessionBase
  /** The same for clients that speak IKEv1; left out: they are answered nothing. */
  readonly configV1?: SessionBase
  readonly pool: AddressPool
  readonly dnsServers: readonly string[]
  /** What they know names of. */
  readonly domain?: string
  readonly registry: CryptoRegistry
  readonly random: Random
  readonly clock: GatewayClock
  readonly limits?: Partial<GatewayLimits>
  readonly openEngine: OpenPacketEngine
  /** One datagram as it leaves the UDP socket bound to `local`, or one message of the TCP connection with `remote`. */
  readonly send: (local: Endpoint, remote: Endpoint, datagram: Uint8Array) => void
  /** An inner packet from a client, for the network behind the gateway. */
  readonly toInside: (packet: Uint8Array) => void
  readonly listener?: GatewayListener
}

export interface GatewayListener {
  /** A client has proven itself and may send. */
  connected?(client: ClientView): void
  /** `error`: why, unless it was orderly. */
  disconnected?(client: ClientView, error: VpnError | undefined): void
  message?(message: ObservedMessage): void
  note?(text: string): void
}

/** A client as the gateway sees it. */
export interface ClientView {
  readonly identity: string
  readonly addresses: readonly string[]
  readonly remote: Endpoint | undefined
  readonly connection: ConnectionView
}

/** What was dropped, and why. */
export interface GatewayDrops {
  malformed: number
  noSession: number
  noSa: number
  rateLimited: number
  full: number
  noClient: number
}

interface Client {
  readonly session: Session
  /** `address port SPI` of the first message, while half-open. */
  readonly caller: string
  identity: string
  /** The identity as the pool knows it. */
  key: string
  addresses: readonly string[]
  lease: Lease | undefined
  /** IKE SPIs it is filed under. */
  spis: readonly string[]
  announced: boolean
}

/**
 * Many clients on a few sockets: every datagram finds its session by SPI, newcomers are bounded, and inner packets
 * find the client by its address. It owns no socket and no device, so that any load can be replayed.
 */
export class Gateway {
  readonly drops: GatewayDrops = {
    malformed: 0,
    noSession: 0,
    noSa: 0,
    rateLimited: 0,
    full: 0,
    noClient: 0,
  }
  /** Newcomers that were told to come back with a cookie. */
  cookiesDemanded = 0
  /** Answers of sessions that are over, sent once more. */
  lastWordsRepeated = 0
  readonly #options: GatewayOptions
  readonly #newcomers: Newcomers
  readonly #lastWords: LastWordsMemory
  readonly #owner: SessionOwner
  readonly #clients = new Map<Session, Client>()
  readonly #byIkeSpi = new Map<string, Client>()
  readonly #byEspSpi = new Map<number, Client>()
  readonly #byCaller = new Map<string, Client>()
  readonly #byAddress = new Map<string, Client>()
  #closed = false

  constructor(options: GatewayOptions) {
    this.#options = options
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#newcomers = new Newcomers(limits, options.random)
    this.#lastWords = new LastWordsMemory(limits.halfOpen)
    this.#owner = {
      send: options.send,
      toInside: options.toInside,
      isSpiTaken: (spi) => this.#byEspSpi.has(spi),
      inboundAdded: (spi, session) => {
        const client = this.#clients.get(session)
        if (client !== undefined) this.#byEspSpi.set(spi, client)
      },
      inboundRemoved: (spi) => this.#byEspSpi.delete(spi),
      changed: (session) => this.#onChanged(session),
      closed: (session, error) => this.#onClosed(session, error),
      message: (_, message) => options.listener?.message?.(message),
      note: (session, text) => options.listener?.note?.(`${where(session.remote)}: ${text}`),
    }
  }

  /** Half-open negotiations: begun, and not yet proven. */
  get halfOpen(): number {
    return this.#byCaller.size
  }

  get sessions(): number {
    return this.#clients.size
  }

  /** Clients that have proven themselves. */
  clients(): readonly ClientView[] {
    return [...this.#clients.values()]
      .filter((client) => client.announced)
      .map((client) => this.#view(client))
  }

  /** Whether a client, or one that may become one, is at `remote`. */
  isServed(remote: Endpoint): boolean {
    return [...this.#clients.keys()].some((session) => same(session.remote, remote))
  }

  /** The client with this inner address. */
  clientAt(address: string): ClientView | undefined {
    const client = this.#byAddress.get(address)
    return client && this.#view(client)
  }

  /** Asks every client for fresh keys, of one phase. */
  rekey(what: 'rekeyChild' | 'rekeyIke'): void {
    for (const { session } of [...this.#clients.values()])
      if (session.established) session.command({ type: what })
  }

  /** A datagram as it came to the socket bound to `local`. Never throws, whatever it holds. */
  receive(local: Endpoint, remote: Endpoint, datagram: Uint8Array): void {
    if (this.#closed) return
    if (!carriesEsp(local)) return this.#onIke(local, remote, datagram)
    const what = classifyPort4500(datagram)
    if (what.kind === 'ike') return this.#onIke(local, remote, what.message)
    if (what.kind === 'esp') return this.#onEsp(local, remote, what.packet)
    if (what.kind === 'tooShort') this.drops.malformed++
  }

  /** An inner packet from the network behind the gateway. */
  fromInside(packet: Uint8Array): void {
    const inner = parseInner(packet)
    const client = inner && this.#byAddress.get(addressKey(inner.destination))
    if (client === undefined) this.drops.noClient++
    else client.session.fromInside(packet)
  }

  /** Tells every client; `closed` at once, whatever they answer. */
  close(): void {
    for (const { session } of [...this.#clients.values()]) {
      if (session.established) session.command({ type: 'disconnect' })
      session.close()
    }
    this.#closed = true
  }

  #onEsp(local: Endpoint, remote: Endpoint, packet: Uint8Array): void {
    const spi = new DataView(packet.buffer, packet.byteOffset, 4).getUint32(0)
    const client = this.#byEspSpi.get(spi)
    if (client === undefined) this.drops.noSa++
    else client.session.onEsp(packet, local, remote)
  }

  #onIke(local: Endpoint, remote: Endpoint, bytes: Uint8Array): void {
    // SPIs, next payload, version, exchange and flags: RFC 7296 §3.1
    if (bytes.length < 28) {
      this.drops.malformed++
      return
    }
    const datagram = { bytes, local, remote }
    if (bytes[17]! >> 4 === 1) return this.#onIkeV1(datagram)
    const [theirs, ours] = [bytes.subarray(0, 8), bytes.subarray(8, 16)]
    if (ours.some((octet) => octet !== 0)) {
      const spi = ourSpiIn(bytes)
      const client = this.#byIkeSpi.get(spi)
      if (client === undefined) this.#onStray(spi, datagram)
      else client.session.onIke(datagram)
      return
    }
    const caller = `${remote.address} ${remote.port} ${toHex(theirs)}`
    const known = this.#byCaller.get(caller)
    if (known !== undefined) return known.session.onIke(datagram)
    const verdict = this.#newcomers.judge(bytes, remote, this, this.#options.clock.now())
    this.#follow(verdict, 2, caller, datagram)
  }

  /** Either cookie may be ours: either end begins an ISAKMP SA. RFC 2408 §3.1 */
  #onIkeV1(datagram: Datagram): void {
    const { bytes, local, remote } = datagram
    const [initiator, responder] = [bytes.subarray(0, 8), bytes.subarray(8, 16)]
    const client = this.#byIkeSpi.get(toHex(responder)) ?? this.#byIkeSpi.get(toHex(initiator))
    if (client !== undefined) return client.session.onIke(datagram)
    const caller = `${remote.address} ${remote.port} ${toHex(initiator)}`
    // A client begins phase 1 anew from where it is: what it has lives on.
    const known = this.#byCaller.get(caller) ?? this.#neighbour(local, remote)
    if (known !== undefined) return known.session.onIke(datagram)
    if (this.#options.configV1 === undefined) this.drops.noSession++
    else {
      const verdict = this.#newcomers.judgeV1(bytes, remote, this, this.#options.clock.now())
      this.#follow(verdict, 1, caller, datagram)
    }
  }

  /** The IKEv1 client whose messages come this very way. */
  #neighbour(local: Endpoint, remote: Endpoint): Client | undefined {
    return [...this.#clients.values()].find(
      ({ announced, session }) =>
        announced && session.version === 1 && same(session.local, local) && same(session.remote, remote),
    )
  }

  /** For a session that is not, or not any more. */
  #onStray(spi: string, { bytes, local, remote }: Datagram): void {
    const answer = this.#lastWords.answerTo(spi, bytes, this.#options.clock.now())
    if (answer === undefined) {
      this.drops.noSession++
      return this.#sayForgotten(bytes, local, remote)
    }
    this.lastWordsRepeated++
    for (const datagram of answer) this.#send(local, remote, datagram)
  }

  /** With a secret that outlives us: a proof that the session is gone, not more often than newcomers are let in. RFC 6290 §4.3 */
  #sayForgotten(bytes: Uint8Array, local: Endpoint, remote: Endpoint): void {
    const { crashSecret } = this.#options.config
    if (crashSecret === undefined) return
    const head = decodeHeader(bytes)
    const answer = head.ok ? crashAnswer(crashSecret, head.value) : undefined
    if (answer === undefined) return
    if (this.#newcomers.mayAnswer(remote, this.#options.clock.now())) this.#send(local, remote, answer)
  }

  #follow(verdict: Verdict, version: 1 | 2, caller: string, datagram: Datagram): void {
    if ('begin' in verdict) return this.#begin(version, caller, datagram)
    if ('drop' in verdict) {
      this.drops[verdict.drop]++
      return
    }
    this.cookiesDemanded++
    this.#send(datagram.local, datagram.remote, verdict.cookieDemand)
  }

  #send(local: Endpoint, remote: Endpoint, message: Uint8Array): void {
    this.#options.send(local, remote, carriesEsp(local) ? withNonEspMarker(message) : message)
  }

  #begin(version: 1 | 2, caller: string, datagram: Datagram): void {
    const { config, configV1, registry, random, clock, openEngine } = this.#options
    const session = new Session({
      version,
      config: {
        ...(version === 1 ? (configV1 ?? config) : config),
        gatewayAddress: datagram.local.address,
        gatewayHost: datagram.local.address,
        assigns: (proven) => this.#assign(client, proven),
      },
      registry,
      random,
      clock,
      owner: this.#owner,
      openEngine,
    })
    const client: Client = {
      session,
      caller,
      identity: '',
      key: '',
      addresses: [],
      lease: undefined,
      spis: [],
      announced: false,
    }
    this.#clients.set(session, client)
    this.#byCaller.set(caller, client)
    session.onIke(datagram)
    // Refused, or sent back for another group: the next message begins anew.
    if (!session.closed && session.spis.length === 0) session.close()
  }

  /** The client's addresses; whoever says that it knows of no older IKE SA has none. RFC 7296 §2.4 */
  #assign(client: Client, { identity, initialContact }: ProvenClient): Assigned {
    client.identity = describeIdentity(identity)
    const key = `${identity.type} ${toHex(identity.data)}`
    client.key = key
    if (initialContact) {
      for (const other of [...this.#clients.values()]) {
        if (other !== client && other.announced && other.key === key) other.session.close()
      }
    }
    client.lease = this.#options.pool.lease(key)
    client.addresses = client.lease.addresses
    for (const address of client.addresses) this.#byAddress.set(address, client)
    const { dnsServers, domain } = this.#options
    return { addresses: client.addresses, dnsServers, ...(domain === undefined ? {} : { domain }) }
  }

  #onChanged(session: Session): void {
    const client = this.#clients.get(session)
    if (client === undefined) return
    const spis = session.spis
    for (const spi of client.spis) if (!spis.includes(spi)) this.#byIkeSpi.delete(spi)
    for (const spi of spis) this.#byIkeSpi.set(spi, client)
    client.spis = spis
    if (client.announced || !session.established) return
    client.announced = true
    this.#byCaller.delete(client.caller)
    this.#options.listener?.connected?.(this.#view(client))
  }

  #onClosed(session: Session, error: VpnError | undefined): void {
    const client = this.#clients.get(session)
    if (client === undefined) return
    const view = this.#view(client)
    this.#clients.delete(session)
    this.#byCaller.delete(client.caller)
    for (const spi of client.spis) this.#byIkeSpi.delete(spi)
    for (const address of client.addresses) {
      if (this.#byAddress.get(address) === client) this.#byAddress.delete(address)
    }
    client.lease?.release()
    const words = session.lastWords
    if (words !== undefined) this.#lastWords.keep(ourSpiIn(words.request), words, this.#options.clock.now())
    if (client.announced) this.#options.listener?.disconnected?.(view, error)
  }

  #view(client: Client): ClientView {
    const offset = Date.now() - this.#options.clock.now()
    return {
      identity: client.identity,
      addresses: client.addresses,
      remote: client.session.remote,
      connection: client.session.view((at) => Math.round(at + offset)),
    }
  }
}

/** Of a message that is for us: where the I flag says that its sender began the IKE SA, ours is the second. RFC 7296 §3.1 */
const ourSpiIn = (bytes: Uint8Array): string =>
  toHex((bytes[19]! & 0x08) === 0 ? bytes.subarray(0, 8) : bytes.subarray(8, 16))

const same = (a: Endpoint | undefined, b: Endpoint): boolean => a?.address === b.address && a.port === b.port

/** As addresses are written by the pool. */
const addressKey = (octets: Uint8Array): string => addressText(octets)

const where = (remote: Endpoint | undefined): string =>
  remote === undefined ? 'a client' : `${remote.address} port ${remote.port}`
