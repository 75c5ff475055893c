// ipsec-host ADDRESS PEER ASSOCIATIONS ENGINE: a computer of our own that speaks IPsec on whole IP packets, behind a TUN device
// on descriptor 3; `native`, for a single association, in native code. Each line it reads is a command (`ping BYTES`, `replay`, `forge OCTET`); it answers with its counters. It
// answers the peer's own pings.
import { createInterface } from 'node:readline'
import { asEspSpi, asMillis } from '../../core/bytes/brands.ts'
import { concat, fromHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import { systemRandom } from '../../core/crypto/system-random.ts'
import type { IpsecSa } from '../../core/esp/engine.ts'
import { NativePacketEngine } from '../../core/esp/native-engine.ts'
import type { Association, Mode } from '../../core/ipsec/association.ts'
import { IpsecEngine } from '../../core/ipsec/engine.ts'
import { loadAddon } from '../../core/native/load.ts'
import { checksum, Protocol, readIp, settle } from '../../core/wire/ip-packet.ts'
import { address, ip4, ip6, selector } from './inner-packets.ts'

/** An association as it crosses to this process. */
export interface WrittenAssociation {
  readonly protocol: 'ah' | 'esp'
  readonly mode: 'transport' | 'tunnel'
  readonly spiOut: number
  readonly spiIn: number
  /** IANA ids. */
  readonly encryption?: { readonly id: number; readonly keyBits: number }
  readonly encryptionKey?: string
  readonly integrity?: number
  readonly integrityKey?: string
}

const [own = '', peer = '', written = '[]', kind = 'typescript'] = process.argv.slice(2)
const six = own.includes(':')
const TUN = 3
const HEADER = six ? 40 : 20
const ECHO = six ? { request: 128, reply: 129 } : { request: 8, reply: 0 }
/** Ours: how often it is looked whether an answer came, 10 ms apart. */
const PATIENCE = 500

const secret = (hex: string | undefined): Secret => new Secret(fromHex(hex ?? ''))

function associationOf(one: WrittenAssociation, out: boolean): Association {
  const [source, destination] = out ? [own, peer] : [peer, own]
  const mode: Mode =
    one.mode === 'transport'
      ? { mode: 'transport' }
      : { mode: 'tunnel', source: address(source), destination: address(destination) }
  const spi = asEspSpi(out ? one.spiOut : one.spiIn)
  const integrity =
    one.integrity === undefined ? {} : { integrity: one.integrity, integrityKey: secret(one.integrityKey) }
  return one.protocol === 'ah'
    ? // Linux wants its AH on a boundary of 8 octets in IPv4 too.
      {
        ...mode,
        protocol: 'ah',
        sa: {
          spi,
          integrity: one.integrity!,
          integrityKey: secret(one.integrityKey),
          esn: false,
          boundary: 8,
        },
      }
    : {
        ...mode,
        protocol: 'esp',
        sa: {
          spi,
          encryption: one.encryption!,
          encryptionKey: secret(one.encryptionKey),
          ...integrity,
          esn: false,
        },
      }
}

const addon = loadAddon()
const associations = JSON.parse(written) as readonly WrittenAssociation[]
/** Octet of the last packet, from its end, that is changed on the way. */
let damage: number | undefined
let last = new Uint8Array()
let answers = 0
const now = () => asMillis(performance.now())
const selectors = { local: [selector(own, own)], remote: [selector(peer, peer)] }
const outbound = associations.map((one) => associationOf(one, true))
const inbound = associations.map((one) => associationOf(one, false))
const engine = kind === 'native' ? native() : typescript()

function typescript() {
  const policies = [{ name: 'peer', selectors, outbound, inbound }]
  return new IpsecEngine({
    ...{ registry: createRegistry(addon), random: systemRandom, now, policies },
    ...{ toHost, toNetwork },
  })
}

function native() {
  const [out, into] = [outbound[0]!, inbound[0]!]
  const protocol = out.protocol === 'ah' ? Protocol.ah : Protocol.esp
  const whole = { protocol, source: address(own), destination: address(peer) } as const
  const made = new NativePacketEngine({ addon, now, whole, toTun: toHost, toNetwork })
  const saOf = (one: Association): IpsecSa =>
    one.protocol === 'ah' ? { mode: one.mode, ah: one.sa } : { mode: one.mode, esp: one.sa }
  made.useOutboundSa('peer', saOf(out), selectors)
  made.addInboundSa(saOf(into), selectors)
  return {
    fromHost: (packet: Uint8Array) => made.fromTun(packet),
    fromNetwork: (packet: Uint8Array) => {
      // What is not for it goes past it, as a raw socket would not show it.
      const read = readIp(packet)
      if (read?.protocol === protocol) made.fromNetwork(packet)
    },
    get counters() {
      return { ...made.inbound(into.sa.spi), noSa: made.strays().noSa }
    },
  }
}

function toHost(packet: Uint8Array): void {
  const type = packet[HEADER]
  if (type === ECHO.reply) answers += 1
  else if (type === ECHO.request) engine.fromHost(answerTo(packet))
}

function toNetwork(packet: Uint8Array): void {
  last = packet.slice()
  if (damage !== undefined) last[last.length - damage]! ^= 1
  addon.writePacket(TUN, last)
}

addon.readPackets(
  TUN,
  (packets) => {
    for (const packet of packets) engine.fromNetwork(packet)
  },
  (code) => process.stderr.write(`tun: ${code}\n`),
)

/** A message of ICMP, RFC 792 and RFC 4443 §4.1, in a packet of ours. */
function icmp(body: Uint8Array): Uint8Array {
  const packet = six ? ip6(own, peer, 58, body) : ip4(own, peer, 1, body)
  packet.fill(0, HEADER + 2, HEADER + 4)
  const pseudo = six
    ? concat(packet.subarray(8, 40), Uint8Array.of(0, 0, body.length >> 8, body.length & 0xff, 0, 0, 0, 58))
    : new Uint8Array()
  new DataView(packet.buffer).setUint16(HEADER + 2, checksum(concat(pseudo, packet.subarray(HEADER))))
  settle(packet)
  return packet
}

const request = (sequence: number, bytes: number): Uint8Array =>
  icmp(
    concat(
      Uint8Array.of(ECHO.request, 0, 0, 0, 0x43, 0x56, sequence >> 8, sequence & 0xff),
      new Uint8Array(bytes).fill(0x61),
    ),
  )

function answerTo(packet: Uint8Array): Uint8Array {
  const body = packet.slice(HEADER)
  body[0] = ECHO.reply
  return icmp(body)
}

async function until(done: () => boolean): Promise<void> {
  for (let waited = 0; waited < PATIENCE && !done(); waited++)
    await new Promise((soon) => setTimeout(soon, 10))
}

let sequence = 0
for await (const line of createInterface({ input: process.stdin })) {
  const [command, bytes = '56'] = line.split(' ')
  const before = answers
  if (command === 'ping') {
    engine.fromHost(request(++sequence, Number(bytes)))
    await until(() => answers > before)
  } else if (command === 'replay') {
    addon.writePacket(TUN, last)
  } else if (command === 'forge') {
    damage = Number(bytes)
    engine.fromHost(request(++sequence, 56))
    damage = undefined
  }
  process.stdout.write(`${JSON.stringify({ answers: answers - before, counters: engine.counters })}\n`)
}
