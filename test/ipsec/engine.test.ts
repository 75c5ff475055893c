import { describe, expect, test } from 'vitest'
import { asEspSpi, asMillis } from '../../core/bytes/brands.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { Association, Mode } from '../../core/ipsec/association.ts'
import { IpsecEngine } from '../../core/ipsec/engine.ts'
import { Protocol, readIp, settle } from '../../core/wire/ip-packet.ts'
import { wholeRegistry } from '../support/bench.ts'
import { address, selector, udp4, udp6 } from '../support/inner-packets.ts'
import { SeededRandom } from '../support/seeded-random.ts'

const [R1, R2] = ['192.168.12.1', '192.168.12.2'] as const
const [S1, S2] = ['fd12::1', 'fd12::2'] as const
const HMAC_SHA2_256_128 = 12
const GCM16 = 20
const NOW_MS = 7000

const transport: Mode = { mode: 'transport' }
const tunnel = (from: string, to: string): Mode => ({
  mode: 'tunnel',
  source: address(from),
  destination: address(to),
})
const ah = (spi: number, mode: Mode, esn = false): Association => ({
  ...mode,
  protocol: 'ah',
  sa: {
    spi: asEspSpi(spi),
    integrity: HMAC_SHA2_256_128,
    integrityKey: new Secret(new Uint8Array(32).fill(spi)),
    esn,
  },
})
const esp = (spi: number, mode: Mode): Association => ({
  ...mode,
  protocol: 'esp',
  sa: {
    spi: asEspSpi(spi),
    encryption: { id: GCM16, keyBits: 128 },
    encryptionKey: new Secret(new Uint8Array(20).fill(spi)),
    esn: true,
  },
})

/** Two routers with the same associations each way. `make`: what happens to packets, the innermost first. */
function routers(
  make: (base: number, from: string, to: string) => readonly Association[],
  [from, to]: readonly [string, string] = [R1, R2],
) {
  const wire: Uint8Array[] = []
  const [there, back] = [() => make(300, from, to), () => make(400, to, from)]
  const one = (
    local: string,
    remote: string,
    outbound: typeof there,
    inbound: typeof there,
    seed: number,
  ) => {
    const packets: Uint8Array[] = []
    const engine = new IpsecEngine({
      registry: wholeRegistry(),
      random: new SeededRandom(seed),
      now: () => asMillis(NOW_MS),
      policies: [
        {
          name: 'all',
          selectors: { local: [selector(local, local)], remote: [selector(remote, remote)] },
          outbound: outbound(),
          inbound: inbound(),
        },
      ],
      toHost: (packet) => packets.push(packet),
      toNetwork: (packet) => wire.push(packet),
    })
    return { engine, packets }
  }
  return { wire, r1: one(from, to, there, back, 1), r2: one(to, from, back, there, 2) }
}

/** The numbers of the protocols, from the outside in. */
function chainOf(packet: Uint8Array): readonly number[] {
  const { at, protocol } = readIp(packet)!
  if (protocol !== Protocol.ah) return [protocol]
  return [protocol, packet[at]!]
}

type Make = (base: number, from: string, to: string) => readonly Association[]
const SETS: readonly (readonly [string, Make, readonly number[]])[] = [
  ['AH, transport', (base) => [ah(base, transport)], [Protocol.ah, 17]],
  ['AH, tunnel', (base, a, b) => [ah(base, tunnel(a, b))], [Protocol.ah, Protocol.ipv4]],
  ['ESP, transport', (base) => [esp(base, transport)], [Protocol.esp]],
  ['ESP, tunnel', (base, a, b) => [esp(base, tunnel(a, b))], [Protocol.esp]],
  [
    'AH and ESP, transport',
    (base) => [esp(base, transport), ah(base + 1, transport)],
    [Protocol.ah, Protocol.esp],
  ],
  [
    'AH and ESP, tunnel',
    (base, a, b) => [esp(base, tunnel(a, b)), ah(base + 1, transport)],
    [Protocol.ah, Protocol.esp],
  ],
]

/** With the checksum a kernel would have written. */
function settled(packet: Uint8Array): Uint8Array {
  settle(packet)
  return packet
}

describe.each(SETS)('%s', (_name, make, chain) => {
  const packet = settled(udp4(R1, R2, 1000, 2000, 'a message'))

  test('RFC 4301 §3.2: there and back, as it was', () => {
    const { wire, r1, r2 } = routers(make)
    r1.engine.fromHost(packet)
    expect(wire).toHaveLength(1)
    expect(chainOf(wire[0]!)).toEqual(chain)
    r2.engine.fromNetwork(wire[0]!)
    expect(r2.packets).toEqual([packet])
    const answer = settled(udp4(R2, R1, 2000, 1000, 'an answer'))
    r2.engine.fromHost(answer)
    r1.engine.fromNetwork(wire[1]!)
    expect(r1.packets).toEqual([answer])
  })

  test('a copy is dropped, and so is one with another bit in it', () => {
    const { wire, r1, r2 } = routers(make)
    r1.engine.fromHost(packet)
    const changed = wire[0]!.slice()
    changed[changed.length - 1]! ^= 1
    r2.engine.fromNetwork(changed)
    r2.engine.fromNetwork(wire[0]!)
    r2.engine.fromNetwork(wire[0]!)
    expect(r2.packets).toHaveLength(1)
    expect(r2.engine.counters).toMatchObject({ received: 1, failedIcv: 1, replayed: 1 })
  })

  test('the same between IPv6 addresses', () => {
    const six = udp6(S1, S2, 1000, 2000, 'a message')
    const { wire, r1, r2 } = routers(make, [S1, S2])
    r1.engine.fromHost(six)
    r2.engine.fromNetwork(wire[0]!)
    expect(r2.packets).toEqual([six])
  })

  test('truncated anywhere it is counted and dropped', () => {
    const { wire, r1, r2 } = routers(make)
    r1.engine.fromHost(packet)
    for (let length = 0; length < wire[0]!.length; length++)
      r2.engine.fromNetwork(wire[0]!.subarray(0, length))
    // With a length that fits what is left, too.
    for (let length = 20; length < wire[0]!.length; length++) {
      const short = wire[0]!.slice(0, length)
      settle(short)
      r2.engine.fromNetwork(short)
    }
    expect(r2.packets).toEqual([])
    expect(r2.engine.counters.received).toBe(0)
  })
})

describe('RFC 4301 §5.2: every layer its policy wants, and no other', () => {
  const both = (base: number): readonly Association[] => [esp(base, transport), ah(base + 1, transport)]
  const only = (base: number): readonly Association[] => [esp(base, transport)]

  test('without the AH around it', () => {
    const { r2 } = routers(both)
    const { wire, r1 } = routers(only)
    r1.engine.fromHost(udp4(R1, R2, 1, 2, 'x'))
    r2.engine.fromNetwork(wire[0]!)
    expect(r2.packets).toEqual([])
    expect(r2.engine.counters).toMatchObject({ selectorMismatch: 1 })
  })

  test('a packet the selectors do not cover', () => {
    const { r2 } = routers(only)
    const { wire, r1 } = routers(only, [R1, '192.168.12.9'])
    r1.engine.fromHost(udp4(R1, '192.168.12.9', 1, 2, 'x'))
    r2.engine.fromNetwork(wire[0]!)
    expect(r2.engine.counters).toMatchObject({ selectorMismatch: 1 })
  })
})

describe('RFC 4302 §3.3.3.1: what changes on the way', () => {
  test.each([
    ['time to live', 8],
    ['type of service', 1],
  ])('%s may change', (_name, at) => {
    const { wire, r1, r2 } = routers(() => [ah(300, transport)])
    r1.engine.fromHost(udp4(R1, R2, 1, 2, 'x'))
    const packet = wire[0]!.slice()
    packet[at]! ^= 3
    settle(packet)
    r2.engine.fromNetwork(packet)
    expect(r2.engine.counters).toMatchObject({ failedIcv: 0, noSa: 0 })
  })

  test('the source must not: so AH never passes a NAT', () => {
    const { wire, r1, r2 } = routers((base) => [ah(base, transport)])
    r1.engine.fromHost(udp4(R1, R2, 1, 2, 'x'))
    const packet = wire[0]!.slice()
    packet.set(address('203.0.113.7'), 12)
    settle(packet)
    r2.engine.fromNetwork(packet)
    expect(r2.engine.counters).toMatchObject({ failedIcv: 1 })
  })
})

test('RFC 4303 §3.3.4: a fragment is not protected, and one that comes is dropped', () => {
  const { wire, r1, r2 } = routers((base) => [esp(base, transport)])
  const fragment = udp4(R1, R2, 1, 2, 'x')
  fragment[6] = 0x20
  settle(fragment)
  r1.engine.fromHost(fragment)
  expect(wire).toEqual([])
  r1.engine.fromHost(udp4(R1, R2, 1, 2, 'x'))
  const part = wire[0]!.slice()
  part[6] = 0x20
  settle(part)
  r2.engine.fromNetwork(part)
  expect(r2.engine.counters).toMatchObject({ malformed: 1, received: 0 })
})

describe('associations that come and go', () => {
  const selectors = { local: [selector(R1, R1)], remote: [selector(R2, R2)] }
  const mirrored = { local: selectors.remote, remote: selectors.local }
  const packet = () => settled(udp4(R1, R2, 1000, 2000, 'a message'))
  const bundle = (base: number) => [esp(base, transport), ah(base + 1, transport)]

  function pair() {
    const wire: Uint8Array[] = []
    const arrived: Uint8Array[] = []
    const said: string[] = []
    const common = { registry: wholeRegistry(), now: () => asMillis(NOW_MS) }
    const sender = new IpsecEngine({
      ...common,
      random: new SeededRandom(1),
      limits: { softPackets: 2, hardSequence: 4n },
      onSoftLimit: (spi, reason) => said.push(`${spi} soft ${reason}`),
      onHardLimit: (spi) => said.push(`${spi} hard`),
      toHost() {},
      toNetwork: (one) => wire.push(one),
    })
    const receiver = new IpsecEngine({
      ...common,
      random: new SeededRandom(2),
      toHost: (one) => arrived.push(one),
      toNetwork() {},
    })
    return { wire, arrived, said, sender, receiver }
  }

  test('RFC 7296 §2.8: the newest carry, the older ones are taken until they go, and are known by the SPI of ESP', () => {
    const { wire, arrived, sender, receiver } = pair()
    receiver.addInbound(bundle(300), mirrored)
    sender.useOutbound('child', bundle(300), selectors)
    sender.fromHost(packet())
    receiver.addInbound(bundle(310), mirrored)
    sender.useOutbound('child', bundle(310), selectors)
    sender.fromHost(packet())
    for (const one of wire) receiver.fromNetwork(one)
    expect(arrived).toHaveLength(2)
    expect(receiver.inbound(asEspSpi(300))).toMatchObject({ packets: 1, lastAtMs: NOW_MS })
    expect(sender.outbound(asEspSpi(310))).toMatchObject({ packets: 1, sequence: 1n })
    receiver.removeInbound(asEspSpi(300))
    expect(receiver.inbound(asEspSpi(300))).toBeUndefined()
    receiver.fromNetwork(wire[0]!)
    expect(receiver.counters.noSa).toBe(1)
    sender.removeOutbound(asEspSpi(310))
    sender.fromHost(packet())
    expect(sender.outbound(asEspSpi(300))).toMatchObject({ packets: 2 })
  })

  test('RFC 4303 §3.3.3, RFC 4302 §3.3.2: limits are told once, and the last number is the last', () => {
    const { wire, said, sender } = pair()
    sender.useOutbound('child', bundle(300), selectors)
    for (let count = 0; count < 6; count++) sender.fromHost(packet())
    expect(wire).toHaveLength(4)
    expect(said).toEqual(['300 soft packets', '300 hard'])
    expect(sender.counters.exhausted).toBe(2)
  })

  test('RFC 4301 §5.2: ESP alone is not what was agreed on with AH around it', () => {
    const { wire, arrived, sender, receiver } = pair()
    receiver.addInbound(bundle(300), mirrored)
    sender.useOutbound('child', [esp(300, transport)], selectors)
    sender.fromHost(packet())
    receiver.fromNetwork(wire[0]!)
    expect(arrived).toEqual([])
    expect(receiver.inbound(asEspSpi(300))).toMatchObject({ selectorMismatch: 1, packets: 0 })
  })
})
