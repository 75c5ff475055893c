import type { Established } from '../../core/ike/v2/established.ts'
import { deaf, disagreement } from './agreement.ts'
import { cheapRegistry } from './cheap-registry.ts'
import { selector } from './inner-packets.ts'
import { SeededRandom } from './seeded-random.ts'
import { connected, type Flight, type Peer, shape } from './two-peers.ts'

/** What a history may hold, and what it then has to end in. */
export interface Limits {
  /** Datagrams get lost. */
  readonly loses: boolean
  /** CHILD_SAs are closed and the connection may be ended by either side. */
  readonly ends: boolean
}

/** What went wrong in a history, and all that happened, to be read. */
export interface Verdict {
  readonly problem: string | undefined
  readonly story: readonly string[]
}

/** The longest a datagram may take, in milliseconds; retransmissions begin after 500. */
const SLOWEST_MS = 800
/** The network behaves badly for less time than a request is repeated, so that nobody gives up. */
const BAD_MS = 12_000

/** One random history of two peers: commands at any moment, a network that does what it wants, then peace and agreement. */
export function runHistory(seed: number, { loses, ends }: Limits): Verdict {
  const random = new SeededRandom(seed)
  const story: string[] = []
  const pfs = random.oneIn(3) ? { pfsGroups: [31, 19] } : {}
  const { client, gateway, net } = connected({
    seed,
    registry: cheapRegistry,
    client: { ...pfs, mostChildren: 4, remoteSelectors: [selector('10.77.0.0', '10.77.0.255')] },
    gateway: { ...pfs, mostChildren: 4 },
  })
  // Further CHILD_SAs have hosts of their own, so that a packet says which one it went through.
  Object.assign(client.n.config, { remoteSelectors: [selector('10.77.0.0', '10.77.1.255')] })
  const tell = (text: string): void => {
    story.push(`${String(net.now).padStart(8)} ${text}`)
  }
  const lossIn = loses ? random.pick([3, 5, 10]) : 0
  const spread = random.pick([0, 30, 300, SLOWEST_MS])
  const old: Flight[] = []
  net.onSend = (flight) => {
    const what = flight.kind === 'esp' ? 'ESP' : shape(flight.from.sent.at(-1)!)
    const late = (): Flight => ({ ...flight, at: (flight.at + random.below(spread + 1)) as Flight['at'] })
    if (flight.kind === 'esp') return [flight]
    old.push(flight)
    if (lossIn > 0 && random.oneIn(lossIn)) {
      tell(`${flight.from.name} ${what} LOST`)
      return []
    }
    tell(`${flight.from.name} ${what}`)
    return random.oneIn(6) ? [late(), late()] : [late()]
  }

  let ended = false
  let closedChild = false
  let hosts = 0
  const command = (peer: Peer): void => {
    const kind = random.below(ends ? 14 : 11)
    const children = [...peer.n.children.values()]
    if (kind < 5) {
      const child = random.oneIn(2) ? undefined : random.pick(children)?.name
      tell(`${peer.name}: rekeyChild ${child ?? ''}`)
      peer.command(child === undefined ? 'rekeyChild' : { type: 'rekeyChild', child })
    } else if (kind < 8) {
      tell(`${peer.name}: rekeyIke`)
      peer.command('rekeyIke')
    } else if (kind < 9) {
      tell(`${peer.name}: probe`)
      peer.command('probe')
    } else if (kind < 11) {
      const host = `10.77.1.${++hosts}`
      tell(`${peer.name}: newChild ${host}`)
      const own = [selector('10.8.0.2', '10.8.0.2')]
      const selectors =
        peer === client
          ? { local: own, remote: [selector(host, host)] }
          : { local: [selector(host, host)], remote: own }
      peer.command({ type: 'newChild', selectors })
    } else if (kind < 13) {
      const child = random.pick(children)
      if (child === undefined) return
      // The last one closed by the client is the end of the connection.
      const alive = children.filter((c) => c.state !== 'deleting' && c.deferred !== 'delete')
      if (alive.every((c) => c.name === child.name)) return
      closedChild = true
      tell(`${peer.name}: closeChild ${child.name}`)
      peer.command({ type: 'closeChild', child: child.name })
    } else if (random.oneIn(3)) {
      ended = true
      tell(`${peer.name}: disconnect`)
      peer.command('disconnect')
    }
  }

  let problem: string | undefined
  try {
    const steps = 3 + random.below(14)
    let spent = 0
    for (let i = 0; i < steps && spent < BAD_MS; i++) {
      const peer = random.pick(net.peers)
      if (random.below(3) > 0) command(peer)
      if (random.oneIn(4)) disturb(peer, random, old)
      if (random.oneIn(8) && old.length > 0) {
        tell('something old is sent again')
        net.deliver(random.pick(old))
      }
      const ms = random.pick([0, 0, 5, 15, 40, 200, 600, 3_000])
      spent += ms
      net.advance(ms)
      if (random.oneIn(3)) problem ??= closedChild || ended ? undefined : deaf(net)
      if (problem !== undefined) tell(problem)
    }
    tell('peace')
    net.onSend = (flight) => {
      if (flight.kind === 'ike') tell(`${flight.from.name} ${shape(flight.from.sent.at(-1)!)}`)
      return [flight]
    }
    net.advance(120_000)
    // What the gateway closed while nothing was sent comes back with the first packet.
    if (client.n.children.size === 0)
      client.feed({ type: 'traffic', inbound: false, outbound: false, unserved: true })
    // A side that left while the other could not hear it is found out by asking.
    for (const peer of net.peers) if (ended) peer.command('probe')
    net.advance(90_000)
    problem ??= disagreement(net)
    if (!ended && client.closed !== undefined)
      problem ??= 'the connection ended, and nobody had asked for that'
    problem ??= reused(client) ?? reused(gateway)
  } catch (thrown) {
    problem = `threw: ${thrown instanceof Error ? thrown.stack : String(thrown)}`
  }
  return { problem, story: [...story, ...net.peers.map((p) => `${p.name}: ${describe(p)}`)] }
}

/** What happens beside the commands: limits, news of traffic, answers to nothing, and octets from anybody. */
function disturb(peer: Peer, random: SeededRandom, old: readonly Flight[]): void {
  const child = [...peer.n.children.values()][0]
  const what = random.below(5)
  if (what === 0 && child !== undefined)
    peer.feed({ type: 'softLimit', spi: child.outboundSpi, reason: 'bytes' })
  if (what === 1) peer.feed({ type: 'traffic', inbound: true, outbound: true, unserved: random.oneIn(2) })
  if (what === 2) peer.feed({ type: 'answered', id: random.below(9), answer: { what: 'cancelled' } as never })
  const flight = old.length === 0 ? undefined : random.pick(old)
  if (what < 3 || flight === undefined) return
  const bytes = flight.bytes.slice(0, what === 3 ? random.below(flight.bytes.length) : undefined)
  if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
  peer.feed({
    type: 'datagram',
    datagram: { bytes, local: flight.destination, remote: flight.source },
  })
}

/** Nonces, SPIs and Message IDs are used once. RFC 7296 §2.2, §2.10 */
function reused(peer: Peer): string | undefined {
  const seen = new Set<string>()
  const first = new Map<string, string>()
  for (const message of peer.sent) {
    if (message.response) continue
    const spis = `${hex(message.initiatorSpi)}/${message.messageId}`
    const bytes = hex(message.bytes)
    const before = first.get(spis)
    if (message.exchange !== 'IKE_SA_INIT' && before !== undefined && before !== bytes)
      return `${peer.name}: Message ID ${message.messageId} used twice`
    if (before !== undefined) continue
    first.set(spis, bytes)
    for (const payload of message.payloads as readonly {
      type: string
      nonce?: Uint8Array
      proposals?: readonly { spi: Uint8Array }[]
    }[]) {
      const once =
        payload.type === 'Nonce'
          ? payload.nonce
          : payload.type === 'SA'
            ? payload.proposals?.[0]?.spi
            : undefined
      if (once === undefined || once.length === 0) continue
      const text = `${payload.type} ${hex(once)}`
      if (seen.has(text) && message.exchange !== 'IKE_SA_INIT') return `${peer.name}: ${text} used twice`
      seen.add(text)
    }
  }
  return undefined
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function describe(peer: Peer): string {
  if (peer.closed !== undefined) return `closed ${JSON.stringify(peer.closed.error)}`
  const sas = (peer.state as Established).sas
  const children = [...peer.n.children.values()].map(
    (c) => `${c.name} ${c.inboundSpi}/${c.outboundSpi} ${c.state}`,
  )
  return `${sas.map((s) => `${hex(s.localSpi)} ${s.state}`).join(', ')}; ${children.join(', ')}; ${[...peer.timers.keys()].join(' ')}`
}
