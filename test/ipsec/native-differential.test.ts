import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asEspSpi, asMillis } from '../../core/bytes/brands.ts'
import { concat, toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import type { ChildMode, EspLimits, EspSa, IpsecSa, SelectorPair } from '../../core/esp/engine.ts'
import { NativePacketEngine } from '../../core/esp/native-engine.ts'
import { associationsOf } from '../../core/ipsec/association.ts'
import { IpsecEngine } from '../../core/ipsec/engine.ts'
import { loadAddon } from '../../core/native/load.ts'
import { Protocol, settle } from '../../core/wire/ip-packet.ts'
import { address, ip4, ip6, selector, u16 } from '../support/inner-packets.ts'

// Whole IP packets: whatever goes in, the native engine does what the TypeScript one does.

const addon = loadAddon()
const registry = createRegistry(addon)
const SPI = asEspSpi(0x8765_4321)
const noRandom = { bytes: (count: number) => new Uint8Array(count).fill(0x5a) }
const ENDS = {
  4: { source: address('192.0.2.1'), destination: address('192.0.2.2') },
  6: { source: address('2001:db8::1'), destination: address('2001:db8::2') },
} as const

const octets = (count: number): Secret => new Secret(Uint8Array.from({ length: count }, (_, i) => 29 * i + 5))

type Algorithms = (esn: boolean) => Pick<IpsecSa, 'esp' | 'ah'>

const ESP: readonly Algorithms[] = [...registry.encryption.values()].flatMap(
  ({ id, keyBits, aead, saltBytes }) =>
    keyBits.flatMap((bits) => {
      const make =
        (integrity?: number): Algorithms =>
        (esn) => ({
          esp: {
            spi: SPI,
            encryption: { id, keyBits: bits },
            encryptionKey: octets(bits / 8 + saltBytes),
            ...(integrity === undefined
              ? {}
              : { integrity, integrityKey: octets(registry.integrity.get(integrity)!.keyBytes) }),
            esn,
          } satisfies EspSa,
        })
      return aead ? [make()] : [...registry.integrity.keys()].map(make)
    }),
)

const AH: readonly Algorithms[] = [...registry.integrity.values()].flatMap(({ id, keyBytes }) =>
  [undefined, 8 as const].map(
    (boundary): Algorithms =>
      (esn) => ({
        ah: {
          spi: SPI,
          integrity: id,
          integrityKey: octets(keyBytes),
          esn,
          ...(boundary === undefined ? {} : { boundary }),
        },
      }),
  ),
)

const payload = fc.record({ ports: fc.tuple(port(), port()), rest: fc.uint8Array({ maxLength: 90 }) })
function port() {
  return fc.constantFrom(0, 53, 80, 0xffff)
}

/** Options as they are, and as nobody sends them. RFC 791 §3.1 */
const option4 = fc.oneof(
  fc.constant(Uint8Array.of(1)),
  fc.constant(Uint8Array.of(148, 4, 0, 0)),
  fc.constant(Uint8Array.of(0x44, 8, 5, 0, 1, 2, 3, 4)),
  fc.constant(Uint8Array.of(131, 7, 4, 192, 0, 2, 9)),
  fc.constant(Uint8Array.of(137, 11, 8, 192, 0, 2, 8, 192, 0, 2, 9)),
  fc.constant(Uint8Array.of(0)),
  fc.uint8Array({ minLength: 1, maxLength: 9 }),
)

const packet4 = fc
  .record({
    protocol: fc.constantFrom(1, 6, 17, 17, 47),
    payload,
    options: fc.array(option4, { maxLength: 3 }),
    fragment: fc.constantFrom(0, 0x4000, 0x4000, 0x2000, 0x00b9),
    service: fc.nat(255),
    id: fc.constantFrom(0, 1, 0xffff),
  })
  .map(({ protocol, payload: { ports, rest }, options, fragment, service, id }) => {
    const plain = ip4('10.0.0.1', '10.0.0.2', protocol, concat(u16(ports[0]), u16(ports[1]), rest), fragment)
    const given = concat(...options).subarray(0, 40)
    const padded = concat(given, new Uint8Array((4 - (given.length % 4)) % 4))
    const packet = concat(plain.subarray(0, 20), padded, plain.subarray(20))
    packet[0] = 0x40 | (5 + padded.length / 4)
    packet[1] = service
    packet.set(u16(id), 4)
    settle(packet)
    return packet
  })

/** Extension headers: `next` is written by whoever chains them. RFC 8200 §4 */
const extension = fc.oneof(
  fc
    .tuple(fc.constantFrom<number>(Protocol.hopByHop, Protocol.destinationOptions), fc.nat(2))
    .chain(([kind, eights]) =>
      fc
        .oneof(
          fc.constant(Uint8Array.of(1, 4, 0, 0, 0, 0)),
          fc.constant(Uint8Array.of(0x3e, 4, 9, 9, 9, 9)),
          fc.uint8Array({ minLength: 6, maxLength: 6 }),
        )
        .map((first) => ({
          kind,
          body: concat(Uint8Array.of(eights), first, new Uint8Array(8 * eights)),
        })),
    ),
  fc.tuple(fc.constantFrom(0, 2, 4), fc.nat(3)).map(([type, left]) => ({
    kind: Protocol.routing as number,
    body: concat(Uint8Array.of(4, type, left, 0, 0, 0, 0), address('fd00::7'), address('fd00::2')),
  })),
  { weight: 1, arbitrary: fc.constant({ kind: Protocol.fragment as number, body: new Uint8Array(7) }) },
)

const packet6 = fc
  .record({
    protocol: fc.constantFrom(6, 17, 17, 58),
    payload,
    extensions: fc.array(extension, { maxLength: 3 }),
  })
  .map(({ protocol, payload: { ports, rest }, extensions }) => {
    const kinds = [...extensions.map(({ kind }) => kind), protocol]
    const chained = extensions.map(({ body }, at) => concat(Uint8Array.of(kinds[at + 1]!), body))
    return ip6('fd00::1', 'fd00::2', kinds[0]!, concat(...chained, u16(ports[0]), u16(ports[1]), rest))
  })

const packet = fc.oneof(
  { weight: 4, arbitrary: packet4 },
  { weight: 4, arbitrary: packet6 },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
)

type Change =
  | { readonly how: 'none' }
  /** As a router does it. */
  | { readonly how: 'route' }
  | { readonly how: 'flip' | 'cut'; readonly at: number }
const change = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Change>({ how: 'none' }) },
  { weight: 2, arbitrary: fc.constant<Change>({ how: 'route' }) },
  {
    weight: 3,
    arbitrary: fc.record({ how: fc.constantFrom('flip' as const, 'cut' as const), at: fc.nat(4000) }),
  },
)

function changed(packet: Uint8Array, change: Change): Uint8Array {
  const copy = packet.slice()
  switch (change.how) {
    case 'none':
      return copy
    case 'route':
      if (copy[0]! >> 4 === 4) {
        copy[1] = 0xb8
        copy[8]! -= 1
        settle(copy)
      } else {
        copy[0] = 0x6b
        copy[3] = 9
        copy[7]! -= 1
      }
      return copy
    case 'cut':
      return copy.subarray(0, change.at % (packet.length + 1))
    case 'flip':
      copy[(change.at >> 3) % copy.length]! ^= 1 << (change.at & 7)
      return copy
  }
}

const all = [
  selector('0.0.0.0', '255.255.255.255'),
  selector('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
]
const selectors = fc.constantFrom<SelectorPair>(
  { local: all, remote: all },
  { local: all, remote: all },
  {
    local: [selector('10.0.0.1', '10.0.0.1'), selector('fd00::1', 'fd00::1')],
    remote: [selector('0.0.0.0', '255.255.255.255', 17), selector('fd00::2', 'fd00::2', 17, 53, 80)],
  },
)
const limits = fc.constantFrom<EspLimits>(
  {},
  { replayWindow: 32 },
  { softPackets: 2, softBytes: 500 },
  { softSequence: 3n, hardSequence: 5n },
)

const scene = (algorithms: readonly Algorithms[]) =>
  fc.record({
    algorithms: fc.constantFrom(...algorithms),
    mode: fc.constantFrom<ChildMode>('transport', 'transport', 'tunnel'),
    outer: fc.constantFrom(4 as const, 6 as const),
    esn: fc.boolean(),
    selectors,
    limits,
    moves: fc.array(
      fc.oneof(
        fc.record({ do: fc.constant('send' as const), packet }),
        fc.record({ do: fc.constant('deliver' as const), which: fc.nat(), change }),
      ),
      { minLength: 5, maxLength: 25, size: 'max' },
    ),
  })
type Scene = ReturnType<typeof scene> extends fc.Arbitrary<infer T> ? T : never

interface Engine {
  readonly host: Uint8Array[]
  readonly network: Uint8Array[]
  readonly said: string[]
  fromHost(packet: Uint8Array): void
  fromNetwork(packet: Uint8Array): void
  counters(): unknown
  close(): void
}

const tellers = (said: string[]) => ({
  onSoftLimit: (spi: number, reason: string) => said.push(`${spi} soft ${reason}`),
  onHardLimit: (spi: number) => said.push(`${spi} hard`),
})

function typescriptEngine({ algorithms, mode, outer, esn, selectors, limits }: Scene): Engine {
  const [host, network, said] = [[], [], []] as [Uint8Array[], Uint8Array[], string[]]
  const engine = new IpsecEngine({
    ...{ registry, random: noRandom, now: () => asMillis(5000), limits, ...tellers(said) },
    toHost: (packet) => host.push(packet),
    toNetwork: (packet) => network.push(packet),
  })
  const associations = () => associationsOf({ mode, ...algorithms(esn) }, ENDS[outer])
  engine.useOutbound('child', associations(), selectors)
  engine.addInbound(associations(), { local: selectors.remote, remote: selectors.local })
  return {
    ...{ host, network, said },
    fromHost: (packet) => engine.fromHost(packet),
    fromNetwork: (packet) => engine.fromNetwork(packet),
    counters: () => ({
      inbound: { ...engine.inbound(SPI), lastAtMs: undefined },
      outbound: { ...engine.outbound(SPI), lastAtMs: undefined },
      noSelector: engine.counters.noPolicy,
    }),
    close: () => engine.close(),
  }
}

function nativeEngine(scene: Scene, crypto?: 'libcrypto'): Engine {
  const { algorithms, mode, outer, esn, selectors, limits } = scene
  const [host, network, said] = [[], [], []] as [Uint8Array[], Uint8Array[], string[]]
  const sa = (): IpsecSa => ({ mode, ...algorithms(esn) })
  const protocol = sa().ah === undefined ? Protocol.esp : Protocol.ah
  const engine = new NativePacketEngine({
    ...{ addon, now: () => asMillis(5000), limits, whole: { ...ENDS[outer], protocol }, ...tellers(said) },
    ...(crypto === undefined ? {} : { crypto }),
    toTun: (packet) => host.push(packet),
    toNetwork: (packet) => network.push(packet),
  })
  engine.useOutboundSa('child', sa(), selectors)
  engine.addInboundSa(sa(), { local: selectors.remote, remote: selectors.local })
  return {
    ...{ host, network, said },
    fromHost: (packet) => engine.fromTun(packet),
    fromNetwork: (packet) => engine.fromNetwork(packet),
    counters: () => ({
      inbound: { ...engine.inbound(SPI), lastAtMs: undefined },
      outbound: { ...engine.outbound(SPI), lastAtMs: undefined },
      noSelector: engine.strays().noSelector,
    }),
    close: () => engine.close(),
  }
}

const hex = (octets: Uint8Array | undefined): string => (octets === undefined ? 'nothing' : toHex(octets))

/** Whether a packet is made without chance: no identification of our own, and no IV that is drawn. */
function foretold({ mode, algorithms }: Scene, packet: Uint8Array): boolean {
  const { esp, ah } = algorithms(false)
  const numberless = packet[0]! >> 4 === 4 && packet[4] === 0 && packet[5] === 0
  if (ah !== undefined && numberless) return false
  const info = esp && registry.encryption.get(esp.encryption.id)
  return mode === 'transport' && !(info !== undefined && info.ivBytes > 0 && info.ivBytes === info.blockBytes)
}

function play(engines: readonly Engine[], scene: Scene): void {
  const earlier: Uint8Array[] = []
  for (const one of scene.moves) {
    if (one.do === 'deliver') {
      const packet = earlier[one.which % Math.max(1, earlier.length)]
      const came = packet && changed(packet, one.change)
      if (came !== undefined) for (const engine of engines) engine.fromNetwork(came)
      continue
    }
    const before = engines[0]!.network.length
    for (const engine of engines) engine.fromHost(one.packet)
    const sent = engines.map((engine) => engine.network[before])
    expect(sent.map((octets) => octets?.length)).toEqual(sent.map(() => sent[0]?.length))
    if (foretold(scene, one.packet)) expect(sent.map(hex)).toEqual(sent.map(() => hex(sent[0])))
    // One is delivered to all: what one protects the others open.
    const chosen = sent[earlier.length % sent.length]
    if (chosen === undefined) continue
    earlier.push(chosen)
    for (const engine of engines) engine.fromNetwork(chosen)
  }
}

function agree(algorithms: readonly Algorithms[]): void {
  let delivered = 0
  fc.assert(
    fc.property(scene(algorithms), (scene) => {
      const engines = [typescriptEngine(scene), nativeEngine(scene), nativeEngine(scene, 'libcrypto')]
      play(engines, scene)
      const [typescript, native, libcrypto] = engines.map((engine) => ({
        host: engine.host.map(toHex),
        said: engine.said,
        ...(engine.counters() as object),
      }))
      expect(native).toEqual(typescript)
      expect(libcrypto).toEqual(typescript)
      delivered += engines[0]!.host.length
      for (const engine of engines) engine.close()
    }),
    { numRuns: 300 },
  )
  expect(delivered).toBeGreaterThan(100)
}

test(
  'RFC 4303 §3.1.1: native and TypeScript agree on ESP around random packets and what is in them',
  {
    timeout: 60_000,
  },
  () => agree(ESP),
)

test(
  'RFC 4302 §3.3.3, Appendix A: native and TypeScript agree on AH, options, extension headers and routers',
  {
    timeout: 60_000,
  },
  () => agree(AH),
)
