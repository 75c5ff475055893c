import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { concat, toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import type { EspLimits, EspSa, SelectorPair } from '../../core/esp/engine.ts'
import { highHalf } from '../../core/esp/esn.ts'
import { createSuite, type EspSuite } from '../../core/esp/suite.ts'
import { loadAddon } from '../../core/native/load.ts'
import { encodeEspHeader } from '../../core/wire/esp.ts'
import { PACKET_ENGINES, type TestEngine, testEngine } from '../support/esp-engines.ts'
import { ip4, ip6, selector, u16 } from '../support/inner-packets.ts'

// Whatever goes in, all engines do the same: same packets out, same counts, same limits told.

const registry = createRegistry(loadAddon())
const SPI = asEspSpi(0x8765_4321)
const HIGHEST = 2n ** 64n - 1n
const noRandom = { bytes: (count: number) => new Uint8Array(count).fill(0x5a) }

interface Suite {
  readonly encryption: number
  readonly keyBits: number
  readonly integrity: number | undefined
}
const suites: readonly Suite[] = [...registry.encryption.values()].flatMap(({ id, keyBits, aead }) =>
  keyBits.flatMap((bits): Suite[] =>
    aead
      ? [{ encryption: id, keyBits: bits, integrity: undefined }]
      : [...registry.integrity.keys()].map((integrity) => ({ encryption: id, keyBits: bits, integrity })),
  ),
)

function saOf({ encryption, keyBits, integrity }: Suite, esn: boolean): EspSa {
  const octets = (count: number) => new Secret(Uint8Array.from({ length: count }, (_, i) => 29 * i + 5))
  const { saltBytes } = registry.encryption.get(encryption)!
  return {
    spi: SPI,
    encryption: { id: encryption, keyBits },
    encryptionKey: octets(keyBits / 8 + saltBytes),
    ...(integrity === undefined
      ? {}
      : { integrity, integrityKey: octets(registry.integrity.get(integrity)!.keyBytes) }),
    esn,
  }
}

const port = fc.constantFrom(0, 53, 80, 443, 0xffff)
const addressPair = fc.constantFrom<readonly [string, string]>(
  ['10.0.0.1', '10.0.0.2'],
  ['10.0.0.2', '10.0.0.1'],
  ['10.0.0.9', '192.0.2.1'],
  ['fd00::1', 'fd00::2'],
  ['fd00::2', 'fd00::9'],
)
const protocol = fc.constantFrom(0, 1, 6, 17, 43, 44, 50, 58, 60, 132, 135)

const u16x2 = (a: number, b: number): Uint8Array => concat(u16(a), u16(b), new Uint8Array(8))

/** Inner packets: whole ones of every kind selectors look at, and broken ones. */
const inner: fc.Arbitrary<Uint8Array> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(1, 6, 17, 17)
      .map((protocol) => ip4('10.0.0.1', '10.0.0.2', protocol, u16x2(80, 53))),
  },
  fc
    .record({
      pair: addressPair,
      protocol,
      ports: fc.tuple(port, port),
      rest: fc.uint8Array({ maxLength: 70 }),
      fragment: fc.constantFrom(0, 0, 0x2000, 0x00b9, 0x4000),
    })
    .map(({ pair: [from, to], protocol, ports, rest, fragment }) => {
      const payload = concat(u16(ports[0]), u16(ports[1]), rest)
      return from.includes(':')
        ? ip6(from, to, protocol, payload)
        : ip4(from, to, protocol, payload, fragment)
    }),
  fc.uint8Array({ maxLength: 80 }),
  fc
    .tuple(fc.constantFrom(0x45, 0x4f, 0x41, 0x60), fc.uint8Array({ minLength: 39, maxLength: 80 }))
    .map(([first, rest]) => concat(Uint8Array.of(first), rest)),
)

const selectors: fc.Arbitrary<SelectorPair> = fc.constantFrom(
  {
    local: [selector('0.0.0.0', '255.255.255.255'), selector('::', 'ffff::')],
    remote: [selector('0.0.0.0', '255.255.255.255'), selector('::', 'ffff::')],
  },
  { local: [selector('10.0.0.1', '10.0.0.1')], remote: [selector('10.0.0.0', '10.0.0.255')] },
  {
    local: [selector('10.0.0.1', '10.0.0.9', 17)],
    remote: [selector('0.0.0.0', '255.255.255.255', 17, 53, 443)],
  },
  { local: [selector('fd00::1', 'fd00::1', 6, 80, 80)], remote: [selector('fd00::', 'fd00::ffff')] },
  { local: [selector('10.0.0.1', '10.0.0.9', 1, 0xffff, 0)], remote: [selector('10.0.0.0', '192.0.2.1', 1)] },
  {
    local: [selector('10.0.0.1', '10.0.0.9', 1, 0, 0x1000)],
    remote: [selector('10.0.0.0', '192.0.2.1', 1, 5, 5)],
  },
)

type Change =
  | { readonly how: 'none' }
  | { readonly how: 'flip' | 'cut'; readonly at: number }
  | { readonly how: 'append'; readonly octets: Uint8Array }
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Change>({ how: 'none' }) },
  fc.record({ how: fc.constantFrom('flip' as const, 'cut' as const), at: fc.nat(4000) }),
  fc.record({ how: fc.constant('append' as const), octets: fc.uint8Array({ minLength: 1, maxLength: 20 }) }),
)

function changed(packet: Uint8Array, change: Change): Uint8Array {
  switch (change.how) {
    case 'none':
      return packet
    case 'append':
      return concat(packet, change.octets)
    case 'cut':
      return packet.subarray(0, change.at % (packet.length + 1))
    case 'flip': {
      const copy = packet.slice()
      if (copy.length > 0) copy[(change.at >> 3) % copy.length]! ^= 1 << (change.at & 7)
      return copy
    }
  }
}

type Move =
  | { readonly do: 'send'; readonly packet: Uint8Array }
  /** An earlier ESP packet again or late, as it was or damaged. */
  | { readonly do: 'deliver'; readonly which: number; readonly change: Change }
  /** A peer that seals what no honest one would, at a number of its choice: the highest so far, moved by `step`. */
  | {
      readonly do: 'forge'
      readonly step: bigint
      readonly content: Uint8Array
      readonly padding: Uint8Array
      readonly padBytes: number
      readonly nextHeader: number
    }
/** Around the edges of the windows used below, of the halves of a number, and of all numbers. */
const step = fc
  .tuple(
    fc.constantFrom(0n, 32n, 100n, 4096n, 2n ** 31n, 2n ** 32n, 2n ** 33n, 2n ** 63n),
    fc.constantFrom(-1n, 1n),
    fc.bigInt(-2n, 2n),
  )
  .map(([distance, sign, offset]) => sign * distance + offset)
const honestPadding = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => i + 1)
const padding = fc.nat(20).chain((count) =>
  fc.record({
    padding: fc.oneof(
      { weight: 3, arbitrary: fc.constant(honestPadding(count)) },
      fc.uint8Array({ minLength: count, maxLength: count }),
      fc.nat(20).map((at) => honestPadding(count).map((octet, i) => (i === at ? octet ^ 1 : octet))),
    ),
    padBytes: fc.oneof({ weight: 4, arbitrary: fc.constant(count) }, fc.nat(255)),
  }),
)
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ do: fc.constant('send' as const), packet: inner }),
  fc.record({ do: fc.constant('deliver' as const), which: fc.nat(), change }),
  fc
    .record({ do: fc.constant('forge' as const), step, content: inner, nextHeader: nextHeader() })
    .chain((rest) => padding.map((trailer) => ({ ...rest, ...trailer }))),
)

function nextHeader(): fc.Arbitrary<number> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(4) }, fc.constantFrom(41, 59, 17))
}

/** Padded further until the cipher takes it: the octets stand in front of the content's end, as TFC padding does. */
function forge(suite: EspSuite, esn: boolean, sequence: bigint, one: Move & { do: 'forge' }): Uint8Array {
  const trailer = concat(one.padding, Uint8Array.of(one.padBytes, one.nextHeader))
  const bare = one.content.length + trailer.length
  const filler = new Uint8Array(Math.ceil(bare / suite.blockBytes) * suite.blockBytes - bare)
  const header = encodeEspHeader(SPI, sequence)
  const iv = new Uint8Array(suite.ivBytes)
  const plaintext = concat(one.content, filler, trailer)
  return concat(header, iv, suite.protect(header, esn ? highHalf(sequence) : undefined, iv, plaintext))
}

const limits: fc.Arbitrary<EspLimits> = fc.constantFrom<EspLimits>(
  {},
  { replayWindow: 32 },
  { replayWindow: 100, softPackets: 2 },
  { softBytes: 120, softSequence: 3n, hardSequence: 5n },
)

const scene = fc.record({
  suite: fc.constantFrom(...suites),
  esn: fc.boolean(),
  selectors,
  limits,
  moves: fc.array(move, { minLength: 10, maxLength: 50, size: 'max' }),
})
type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never

/** Everything one engine showed; the moves decide what it saw. */
function play(engines: readonly TestEngine[], { suite, esn, selectors, moves }: Scene): void {
  const peerSuite = createSuite(registry, saOf(suite, esn))
  const earlier: Uint8Array[] = []
  let top = 0n
  for (const engine of engines) {
    engine.useOutbound('child', saOf(suite, esn), selectors)
    engine.addInbound(saOf(suite, esn), { local: selectors.remote, remote: selectors.local })
  }
  const deliver = (esp: Uint8Array): void => {
    for (const engine of engines) engine.fromNetwork(esp)
  }
  for (const one of moves) {
    if (one.do === 'send') {
      const before = engines[0]!.network.length
      for (const engine of engines) engine.fromTun(one.packet)
      const sent = engines.map((engine) => engine.network[before])
      expect(sent.map((esp) => esp?.length)).toEqual(sent.map(() => sent[0]?.length))
      if (!peerSuite.unpredictableIv) expect(sent.map(hex)).toEqual(sent.map(() => hex(sent[0])))
      // One is delivered at once, each to both: what one seals the other opens.
      const chosen = sent[earlier.length % sent.length]
      if (chosen === undefined) continue
      earlier.push(chosen)
      deliver(chosen)
    } else if (one.do === 'deliver') {
      const esp = earlier[one.which % Math.max(1, earlier.length)]
      if (esp !== undefined) deliver(changed(esp, one.change))
    } else {
      const wanted = top + one.step
      const sequence = wanted < 0n ? 0n : wanted > HIGHEST ? HIGHEST : wanted
      if (sequence > top) top = sequence
      const esp = forge(peerSuite, esn, sequence, one)
      earlier.push(esp)
      deliver(esp)
    }
  }
}

const hex = (octets: Uint8Array | undefined): string => (octets === undefined ? 'nothing' : toHex(octets))

const shown = (engine: TestEngine) => ({
  tun: engine.tun.map(toHex),
  inbound: engine.inbound(SPI),
  outbound: engine.outbound(SPI),
  strays: engine.strays(),
  said: engine.said,
})

test('RFC 4303: native and TypeScript agree on random packets, damage, replay, numbers and limits', {
  timeout: 60_000,
}, () => {
  fc.assert(
    fc.property(scene, (scene) => {
      const engines = PACKET_ENGINES.map((kind) => testEngine(kind, registry, noRandom, scene.limits))
      play(engines, scene)
      const [typescript, native, libcrypto] = engines.map(shown)
      expect(native).toEqual(typescript)
      expect(libcrypto).toEqual(typescript)
      for (const engine of engines) engine.close()
    }),
    { numRuns: 400 },
  )
})
