import { asEspSpi, asMillis } from '../../core/bytes/brands.ts'
import { concat, utf8 } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { udpPacket } from '../../core/capture/ip-packets.ts'
import { type CapturedPacket, writePcapng } from '../../core/capture/pcapng.ts'
import { exposedKeys as exposedKeysV1 } from '../../core/ike/v1/view.ts'
import { exposedKeys } from '../../core/ike/v2/view.ts'
import { writeKeyTables } from '../../core/inspect/write-key-tables.ts'
import type { Association, Mode } from '../../core/ipsec/association.ts'
import { IpsecEngine } from '../../core/ipsec/engine.ts'
import { checksum, settle } from '../../core/wire/ip-packet.ts'
import {
  encr,
  fqdn,
  integ,
  ke,
  type Net,
  type PairOptions,
  prf,
  SHA256,
  sn,
  wholeRegistry,
} from '../support/bench.ts'
import { address, ip4, selector } from '../support/inner-packets.ts'
import type { PeerNegotiation } from '../support/peer.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { pair as pairV2 } from '../support/two-peers.ts'
import { pair as pairV1 } from '../support/two-peers-v1.ts'

// The captures of the lessons: two routers of ours, R1 and R2, on a network and a clock that do not exist. Nothing in them
// is random, so that the same code always makes the same files.

export const [R1, R2] = ['192.168.12.1', '192.168.12.2'] as const
/** Behind the routers, where whole packets go through a tunnel. */
const [HOST_1, HOST_2] = ['10.1.0.10', '10.2.0.10'] as const
/** Unix time in ms. */
const START = Date.UTC(2026, 0, 5, 9)
const AES_CBC = 12
const HMAC_SHA256 = 12
const ECP256 = 19
const APPLICATION = 'Culvert lessons'

export interface TextbookCapture {
  readonly name: string
  readonly pcapng: Uint8Array
  readonly tables: Readonly<Record<string, string>>
}

const NEGOTIATION: PairOptions = {
  client: {
    gatewayAddress: R2,
    requestAddresses: { ipv4: false, ipv6: false },
    localIdentity: fqdn('r1.example'),
    remoteIdentity: fqdn('r2.example'),
    ikeProposals: [
      [encr(AES_CBC, 256), integ(HMAC_SHA256), prf(SHA256), ke(ECP256)],
      [encr(AES_CBC, 128), integ(HMAC_SHA256), prf(SHA256), ke(ECP256)],
    ],
    espProposals: [[encr(AES_CBC, 128), integ(HMAC_SHA256), sn(0)]],
    localSelectors: [selector('10.1.0.0', '10.1.0.255')],
    remoteSelectors: [selector('10.2.0.0', '10.2.0.255')],
  },
  gateway: {
    localIdentity: fqdn('r2.example'),
    remoteIdentity: fqdn('r1.example'),
    ikeProposals: [[encr(AES_CBC, 128), integ(HMAC_SHA256), prf(SHA256), ke(ECP256)]],
    espProposals: [[encr(AES_CBC, 128), integ(HMAC_SHA256), sn(0)]],
    localSelectors: [selector('10.2.0.0', '10.2.0.255')],
    remoteSelectors: [selector('10.1.0.0', '10.1.0.255')],
    // A router has its own networks behind it, and is given no address.
    ...({ assigns: undefined } as object),
  },
}

/** In IKEv1 a cipher and a hash stand for themselves, without a transform for integrity. */
const withoutIntegrity = (options: PairOptions): PairOptions => {
  const own = (config: PairOptions['client']) => ({
    ...config,
    ikeProposals: (config?.ikeProposals ?? []).map((one) => one.filter(({ type }) => type !== 3)),
  })
  return { client: own(options.client), gateway: own(options.gateway) }
}

interface TwoEnds<N extends PeerNegotiation> {
  readonly client: Net<N>['client']
  readonly net: Net<N>
}

/** What travels while both phases are negotiated. */
function negotiation<N extends PeerNegotiation>({ client, net }: TwoEnds<N>): readonly CapturedPacket[] {
  const packets: CapturedPacket[] = []
  net.clientAddress = R1
  net.gatewayAddress = R2
  net.onSend = (flight) => {
    const { source, destination, bytes } = flight
    const marked = source.port === 4500 || destination.port === 4500
    const payload = marked ? concat(new Uint8Array(4), bytes) : bytes
    packets.push({
      atMs: START + net.now,
      packet: udpPacket({ source, destination, payload }),
      comment: `${source.address === R1 ? 'R1' : 'R2'} speaks`,
    })
    return [flight]
  }
  client.command('connect')
  net.settle()
  if (client.n.children.size !== 1) throw new Error(`R1 and R2 do not agree: ${client.notes.join('; ')}`)
  return packets
}

function file(
  name: string,
  packets: readonly CapturedPacket[],
  tables: Readonly<Record<string, string>>,
): TextbookCapture {
  return { name, tables, pcapng: Buffer.concat([...writePcapng(APPLICATION, name, packets)]) }
}

function ikev1(name: string, aggressive: boolean): TextbookCapture {
  const { client, gateway } = withoutIntegrity(NEGOTIATION)
  const two = pairV1({
    client: { ...client, ikev1: { aggressive } },
    gateway: { ...gateway, ikev1: { aggressive } },
  })
  const packets = negotiation(two)
  return file(name, packets, writeKeyTables({ ...exposedKeysV1(two.client.n), esp: [] }).tables)
}

function ikev2(name: string): TextbookCapture {
  const two = pairV2(NEGOTIATION)
  const packets = negotiation(two)
  return file(name, packets, writeKeyTables({ ...exposedKeys(two.client.n), esp: [] }).tables)
}

const secret = (octets: number, first: number): Secret =>
  new Secret(Uint8Array.from({ length: octets }, (_, at) => (first + at) & 0xff))

const ah = (spi: number, mode: Mode): Association => ({
  ...mode,
  protocol: 'ah',
  sa: { spi: asEspSpi(spi), integrity: HMAC_SHA256, integrityKey: secret(32, spi), esn: false },
})
const esp = (spi: number, mode: Mode): Association => ({
  ...mode,
  protocol: 'esp',
  sa: {
    spi: asEspSpi(spi),
    encryption: { id: AES_CBC, keyBits: 128 },
    encryptionKey: secret(16, spi),
    integrity: HMAC_SHA256,
    integrityKey: secret(32, spi + 1),
    esn: false,
  },
})

const transport: Mode = { mode: 'transport' }
const tunnel = (from: string, to: string): Mode => ({
  mode: 'tunnel',
  source: address(from),
  destination: address(to),
})

/** ICMP echo and its answer. RFC 792 */
function ping(from: string, to: string, type: 8 | 0, sequence: number): Uint8Array {
  const icmp = concat(Uint8Array.of(type, 0, 0, 0, 0x12, 0x34, 0, sequence), utf8('culvert carries a stream'))
  const sum = checksum(icmp)
  icmp.set([sum >> 8, sum & 0xff], 2)
  const packet = ip4(from, to, 1, icmp)
  settle(packet)
  return packet
}

type Chain = (base: number, from: string, to: string) => readonly Association[]

/** Two pings and their answers, under keys put in by hand. */
function traffic(name: string, chain: Chain, [host1, host2]: readonly [string, string]): TextbookCapture {
  const packets: CapturedPacket[] = []
  const [there, back] = [() => chain(0x1000, R1, R2), () => chain(0x2000, R2, R1)]
  const router = (local: string, remote: string, out: typeof there, into: typeof there, seed: number) =>
    new IpsecEngine({
      registry: wholeRegistry(),
      random: new SeededRandom(seed),
      policies: [
        {
          name: 'lesson',
          selectors: { local: [selector(local, local)], remote: [selector(remote, remote)] },
          outbound: out(),
          inbound: into(),
        },
      ],
      now: () => asMillis(0),
      toHost: () => {},
      toNetwork: (packet) =>
        packets.push({
          atMs: START + 10 * packets.length,
          packet,
          comment: seed === 1 ? 'R1: the question' : 'R2: the answer',
        }),
    })
  const r1 = router(host1, host2, there, back, 1)
  const r2 = router(host2, host1, back, there, 2)
  for (const sequence of [1, 2]) {
    r1.fromHost(ping(host1, host2, 8, sequence))
    r2.fromHost(ping(host2, host1, 0, sequence))
  }
  const keys = [
    ...there().map((one) => [R1, R2, one] as const),
    ...back().map((one) => [R2, R1, one] as const),
  ]
  const rows = keys.flatMap(([source, destination, one]) =>
    one.protocol === 'esp' ? [{ source, destination, sa: one.sa }] : [],
  )
  return file(name, packets, writeKeyTables({ ikev1: [], ikev2: [], esp: rows }).tables)
}

const ROUTERS = [R1, R2] as const
const HOSTS = [HOST_1, HOST_2] as const

/** The nine, in the order of the lessons. */
export const TEXTBOOK: readonly (() => TextbookCapture)[] = [
  () => ikev1('ikev1-main-mode', false),
  () => ikev1('ikev1-aggressive-mode', true),
  () => ikev2('ikev2'),
  () => traffic('ah-transport', (base) => [ah(base, transport)], ROUTERS),
  () => traffic('ah-tunnel', (base, from, to) => [ah(base, tunnel(from, to))], HOSTS),
  () => traffic('esp-transport', (base) => [esp(base, transport)], ROUTERS),
  () => traffic('esp-tunnel', (base, from, to) => [esp(base, tunnel(from, to))], HOSTS),
  () => traffic('ah-esp-transport', (base) => [esp(base, transport), ah(base + 1, transport)], ROUTERS),
  () =>
    traffic(
      'ah-esp-tunnel',
      (base, from, to) => [esp(base, tunnel(from, to)), ah(base + 1, transport)],
      HOSTS,
    ),
]
