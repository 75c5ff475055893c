import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { concat, toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { EspLimits, EspSa, SelectorPair } from '../../core/esp/engine.ts'
import { seal } from '../../core/esp/seal.ts'
import { createSuite } from '../../core/esp/suite.ts'
import { encodeEspHeader } from '../../core/wire/esp.ts'
import { ENGINES, testEngine } from '../support/esp-engines.ts'
import { espRegistry } from '../support/esp-registry.ts'
import { selector, udp4, udp6 } from '../support/inner-packets.ts'

const SPI = asEspSpi(0xc0ffee01)

const ours = selector('10.78.0.10', '10.78.0.10')
const theirs = selector('10.1.0.0', '10.1.255.255')
const client: SelectorPair = {
  local: [ours, selector('fd78::10', 'fd78::10')],
  remote: [theirs, selector('fd01::', 'fd01::ffff')],
}
const gateway: SelectorPair = { local: client.remote, remote: client.local }
const ping = udp4('10.78.0.10', '10.1.0.1', 1234, 53, 'a question')

type Algorithm = Pick<EspSa, 'encryption' | 'integrity'> & { name: string; key: number; icvKey: number }
const ALGORITHMS: readonly Algorithm[] = [
  { name: 'AES-GCM-16 128', encryption: { id: 20, keyBits: 128 }, key: 20, icvKey: 0 },
  { name: 'AES-GCM-16 256', encryption: { id: 20, keyBits: 256 }, key: 36, icvKey: 0 },
  { name: 'ChaCha20-Poly1305', encryption: { id: 28, keyBits: 256 }, key: 36, icvKey: 0 },
  { name: 'AES-CBC + SHA2-256', encryption: { id: 12, keyBits: 128 }, integrity: 12, key: 16, icvKey: 32 },
  { name: 'AES-CTR + SHA2-256', encryption: { id: 13, keyBits: 256 }, integrity: 12, key: 36, icvKey: 32 },
  { name: 'DES + MD5', encryption: { id: 2, keyBits: 64 }, integrity: 1, key: 8, icvKey: 16 },
  { name: '3DES + SHA-1', encryption: { id: 3, keyBits: 192 }, integrity: 2, key: 24, icvKey: 20 },
  { name: 'NULL + SHA2-256', encryption: { id: 11, keyBits: 0 }, integrity: 12, key: 0, icvKey: 32 },
]

const keyOctets = (count: number) => Uint8Array.from({ length: count }, (_, i) => 7 * i + 1)

function saOf(algorithm: Algorithm, esn = false, spi = SPI): EspSa {
  return {
    spi,
    encryption: algorithm.encryption,
    encryptionKey: new Secret(keyOctets(algorithm.key)),
    ...(algorithm.integrity === undefined
      ? {}
      : { integrity: algorithm.integrity, integrityKey: new Secret(keyOctets(algorithm.icvKey)) }),
    esn,
  }
}

const GCM = ALGORITHMS[0]!
const CBC = ALGORITHMS[3]!

describe.each(ENGINES)('the %s engine', (kind) => {
  function engine(limits: EspLimits = {}) {
    let counter = 0
    const random = { bytes: (count: number) => Uint8Array.from({ length: count }, () => ++counter) }
    return testEngine(kind, espRegistry, random, limits)
  }

  /** A sender and a receiver with one SA between them. */
  function pair(algorithm: Algorithm, esn = false) {
    const from = engine()
    const to = engine()
    from.useOutbound('child', saOf(algorithm, esn), client)
    to.addInbound(saOf(algorithm, esn), gateway)
    return { from, to }
  }

  describe.each(ALGORITHMS)('$name', (algorithm) => {
    test.each([false, true])('RFC 4303 §3.3, §3.4: what is sealed is opened, ESN %s', (esn) => {
      const { from, to } = pair(algorithm, esn)
      for (let length = 0; length < 40; length++) {
        const packet = udp4('10.78.0.10', '10.1.0.1', 1234, 53, 'x'.repeat(length))
        from.fromTun(packet)
        to.fromNetwork(from.network.at(-1)!)
        expect(toHex(to.tun.at(-1)!)).toBe(toHex(packet))
      }
      expect(to.inbound(SPI)).toMatchObject({
        packets: 40,
        bytes: 40 * 28 + 780,
        lastAtMs: 5000,
        replayed: 0,
      })
      expect(from.outbound(SPI)).toMatchObject({ packets: 40, sequence: 40n })
    })

    test('RFC 4303 §3.4.4: a single changed bit anywhere is a drop, and moves nothing', () => {
      const { from, to } = pair(algorithm, true)
      from.fromTun(ping)
      const esp = from.network[0]!
      for (let octet = 4; octet < esp.length; octet++) {
        const forged = esp.slice()
        forged[octet]! ^= 1 << (octet % 8)
        to.fromNetwork(forged)
      }
      expect(to.tun).toEqual([])
      expect(to.inbound(SPI)).toMatchObject({ packets: 0, failedIcv: esp.length - 4, lastAtMs: undefined })
      to.fromNetwork(esp)
      expect(to.tun).toHaveLength(1)
    })

    test('RFC 4303 §2: a packet cut short anywhere is a drop', () => {
      const { from, to } = pair(algorithm)
      from.fromTun(ping)
      const esp = from.network[0]!
      for (let length = 0; length < esp.length; length++) to.fromNetwork(esp.subarray(0, length))
      expect(to.tun).toEqual([])
      expect(to.strays().noSa).toBe(8)
      const { malformed, failedIcv } = to.inbound(SPI)!
      expect(malformed + failedIcv).toBe(esp.length - 8)
    })

    test('RFC 4303 §2.2.1: the half that is not sent is part of the ICV', () => {
      const { to } = pair(algorithm, true)
      const suite = createSuite(espRegistry, saOf(algorithm, true))
      const send = (sequence: bigint, as: bigint) => {
        const content = { payload: ping, nextHeader: 4 }
        const esp = seal(suite, { spi: SPI, sequence: as, esn: true }, new Uint8Array(suite.ivBytes), content)
        new DataView(esp.buffer).setUint32(4, Number(sequence & 0xffff_ffffn))
        to.fromNetwork(esp)
      }
      send(2n ** 31n, 2n ** 31n)
      send(2n ** 32n - 2n, 2n ** 32n - 2n)
      send(2n ** 32n + 1n, 1n) // says 0 in the high half, where 1 is due
      expect(to.inbound(SPI)).toMatchObject({ packets: 2, failedIcv: 1 })
      send(2n ** 32n + 1n, 2n ** 32n + 1n)
      send(2n ** 32n - 1n, 2n ** 32n - 1n) // late, from before the wrap
      expect(to.inbound(SPI)).toMatchObject({ packets: 4, failedIcv: 1, replayed: 0 })
    })
  })

  describe('what goes out', () => {
    test('RFC 4106 §3.1: the IV of a counter mode is the sequence number and never repeats', () => {
      const { from } = pair(GCM)
      for (let i = 0; i < 3; i++) from.fromTun(ping)
      const headers = from.network.map((esp) => toHex(esp.subarray(4, 16)))
      expect(headers).toEqual([
        '000000010000000000000001',
        '000000020000000000000002',
        '000000030000000000000003',
      ])
    })

    test('RFC 3602 §3: the IV of CBC is sixteen fresh random octets', () => {
      const { from } = pair(CBC)
      for (let i = 0; i < 2; i++) from.fromTun(ping)
      const ivs = from.network.map((esp) => toHex(esp.subarray(8, 24)))
      // The native engine draws from its own generator, which nobody can hand it.
      if (kind === 'native') expect(ivs[0]).not.toBe(ivs[1])
      else expect(ivs).toEqual(['0102030405060708090a0b0c0d0e0f10', '1112131415161718191a1b1c1d1e1f20'])
    })

    test('RFC 4303 §3.3.3: the last number is used once, then the SA is silent', () => {
      const from = engine({ hardSequence: 3n })
      from.useOutbound('child', saOf(GCM), client)
      for (let i = 0; i < 5; i++) from.fromTun(ping)
      expect(from.network).toHaveLength(3)
      expect(from.said).toEqual([`${SPI} hard`])
      expect(from.outbound(SPI)).toMatchObject({ packets: 3, sequence: 3n })
    })

    test('RFC 7296 §2.8: each soft limit is told once', () => {
      const from = engine({ softPackets: 2, softBytes: 3 * ping.length, softSequence: 4n })
      from.useOutbound('child', saOf(GCM), client)
      for (let i = 0; i < 6; i++) from.fromTun(ping)
      expect(from.said).toEqual([`${SPI} soft packets`, `${SPI} soft bytes`, `${SPI} soft sequence`])
      expect(from.network).toHaveLength(6)
    })

    test('RFC 4301 §5.1: no selector, no packet', () => {
      const { from } = pair(GCM)
      from.fromTun(udp4('10.78.0.10', '192.0.2.1', 1, 2, ''))
      from.fromTun(udp4('10.78.0.11', '10.1.0.1', 1, 2, ''))
      from.fromTun(Uint8Array.of(0x45, 0, 0))
      from.fromTun(new Uint8Array(0))
      expect(from.network).toEqual([])
      expect(from.strays()).toEqual({ noSa: 0, noSelector: 4 })
    })

    test('RFC 4301 §4.4.1: the first child that covers the packet takes it', () => {
      const from = engine()
      const [a, b] = [asEspSpi(0x1001), asEspSpi(0x1002)]
      from.useOutbound('dns', saOf(GCM, false, a), {
        local: [ours],
        remote: [{ ...theirs, protocol: 17, startPort: 53, endPort: 53 }],
      })
      from.useOutbound('rest', saOf(GCM, false, b), client)
      from.fromTun(ping)
      from.fromTun(udp4('10.78.0.10', '10.1.0.1', 1234, 54, ''))
      expect([from.outbound(a)?.packets, from.outbound(b)?.packets]).toEqual([1, 1])
    })

    test('RFC 7296 §2.8: after a rekey the newest SA sends; when it goes, the older one sends again', () => {
      const from = engine()
      const [a, b] = [asEspSpi(0x1001), asEspSpi(0x1002)]
      from.useOutbound('child', saOf(GCM, false, a), client)
      from.fromTun(ping)
      from.useOutbound('child', saOf(GCM, false, b), client)
      from.fromTun(ping)
      from.removeOutbound(b)
      from.fromTun(ping)
      from.removeOutbound(a)
      from.fromTun(ping)
      expect(from.network.map((esp) => new DataView(esp.buffer).getUint32(0))).toEqual([a, b, a])
      expect(from.strays().noSelector).toBe(1)
    })
  })

  describe('what comes in', () => {
    function receiver(limits: EspLimits = {}) {
      const to = engine(limits)
      to.addInbound(saOf(GCM), gateway)
      const suite = createSuite(espRegistry, saOf(GCM))
      let sequence = 0n
      const send = (payload: Uint8Array, nextHeader: number, number = ++sequence) =>
        to.fromNetwork(
          seal(suite, { spi: SPI, sequence: number, esn: false }, new Uint8Array(8), { payload, nextHeader }),
        )
      return { to, send, counters: () => to.inbound(SPI)! }
    }

    test('RFC 4303 §3.4.3: a packet seen before is dropped before its ICV is looked at', () => {
      const { to, send, counters } = receiver({ replayWindow: 64 })
      send(ping, 4, 100n)
      send(ping, 4, 100n)
      send(ping, 4, 36n)
      send(ping, 4, 37n)
      send(ping, 4, 0n)
      expect(counters()).toMatchObject({ packets: 2, replayed: 3, failedIcv: 0 })
      expect(to.tun).toHaveLength(2)
    })

    test('RFC 4303 §2.6: a dummy packet is dropped in silence, after its ICV proved right', () => {
      const { to, send, counters } = receiver()
      send(new Uint8Array(33), 59)
      send(ping, 59, 1n)
      expect(to.tun).toEqual([])
      expect(counters()).toMatchObject({ packets: 0, malformed: 0, replayed: 1, lastAtMs: 5000 })
    })

    test('RFC 4303 §2.7: padding behind the inner packet is cut off', () => {
      const { to, send } = receiver()
      send(concat(ping, new Uint8Array(500)), 4)
      const six = udp6('fd78::10', 'fd01::1', 1, 2, 'six')
      send(concat(six, new Uint8Array(3)), 41)
      expect(to.tun.map(toHex)).toEqual([toHex(ping), toHex(six)])
    })

    test.each([
      { what: 'next header IPv6, content IPv4', payload: ping, nextHeader: 41 },
      { what: 'transport mode in a tunnel SA', payload: ping.subarray(20), nextHeader: 17 },
      { what: 'nothing inside', payload: new Uint8Array(0), nextHeader: 4 },
      { what: 'a length beyond the packet', payload: ping.subarray(0, -1), nextHeader: 4 },
      { what: 'no version', payload: new Uint8Array(40), nextHeader: 4 },
    ])('RFC 4303 §2.6: $what is malformed', ({ payload, nextHeader }) => {
      const { to, send, counters } = receiver()
      send(payload, nextHeader)
      expect(to.tun).toEqual([])
      expect(counters()).toMatchObject({ malformed: 1, packets: 0, lastAtMs: 5000 })
    })

    test.each([
      { what: 'a source outside the SA', packet: udp4('10.78.0.11', '10.1.0.1', 1, 2, '') },
      { what: 'a destination outside the SA', packet: udp4('10.78.0.10', '10.2.0.1', 1, 2, '') },
      { what: 'the two swapped', packet: udp4('10.1.0.1', '10.78.0.10', 1, 2, '') },
    ])('RFC 4301 §5.2: $what does not come out', ({ packet }) => {
      const { to, send, counters } = receiver()
      send(packet, 4)
      expect(to.tun).toEqual([])
      expect(counters()).toMatchObject({ selectorMismatch: 1, packets: 0 })
    })

    test('RFC 4303 §3.4.2: an SPI nobody installed, or a reserved one', () => {
      const { to } = receiver()
      to.fromNetwork(Uint8Array.of(0, 0, 9, 9, 0, 0, 0, 1, 1, 2, 3))
      to.fromNetwork(new Uint8Array(40))
      expect(to.strays()).toEqual({ noSa: 2, noSelector: 0 })
    })

    test('RFC 7296 §2.8: old and new SA are both accepted until the old one is removed', () => {
      const { to, send, counters } = receiver()
      to.addInbound(saOf(GCM, false, asEspSpi(0x2002)), gateway)
      send(ping, 4)
      expect(counters().packets).toBe(1)
      to.removeInbound(SPI)
      send(ping, 4)
      expect(to.inbound(SPI)).toBeUndefined()
      expect(to.strays().noSa).toBe(1)
    })
  })

  test('RFC 4303 §3.4: whatever the peer or the network sends, the engine stands', () => {
    const nothing = new Uint8Array(0)
    fc.assert(
      fc.property(
        fc.constantFrom(...ALGORITHMS),
        fc.uint8Array({ maxLength: 90 }),
        fc.constantFrom(nothing, Uint8Array.of(0x45), Uint8Array.of(0x60)),
        fc.constantFrom(4, 41, 59, 6, 0),
        (algorithm, octets, start, nextHeader) => {
          const to = engine()
          to.addInbound(saOf(algorithm), gateway)
          to.fromNetwork(octets)
          to.fromNetwork(concat(encodeEspHeader(SPI, 1n), octets))
          const suite = createSuite(espRegistry, saOf(algorithm))
          const at = { spi: SPI, sequence: 2n, esn: false }
          const payload = concat(start, octets)
          to.fromNetwork(seal(suite, at, new Uint8Array(suite.ivBytes), { payload, nextHeader }))
          const { malformed, failedIcv, selectorMismatch, packets } = to.inbound(SPI)!
          const dummy = nextHeader === 59 ? 1 : 0
          expect(malformed + failedIcv + selectorMismatch + packets + dummy).toBe(2)
          expect(to.tun.length).toBe(packets)
        },
      ),
    )
  })

  describe('keys', () => {
    test.each(ALGORITHMS)('$name: removing or closing wipes them', (algorithm) => {
      const held = engine()
      const [out, into] = [saOf(algorithm), saOf(algorithm)]
      held.useOutbound('child', out, client)
      held.addInbound(into, gateway)
      held.removeInbound(SPI)
      expect([into.encryptionKey.closed, into.integrityKey?.closed ?? true]).toEqual([true, true])
      // The native engine has copies of its own, and wipes ours at once.
      expect(out.encryptionKey.closed).toBe(kind === 'native')
      held.close()
      expect([out.encryptionKey.closed, out.integrityKey?.closed ?? true]).toEqual([true, true])
      held.fromTun(ping)
      expect(held.network).toEqual([])
    })

    test('RFC 4303 §1: an SA that would protect nothing is refused', () => {
      const { integrity: _, integrityKey: __, ...bare } = saOf(CBC)
      expect(() => engine().useOutbound('child', bare, client)).toThrow(RangeError)
      const { integrity: ___, integrityKey: ____, ...plain } = saOf(ALGORITHMS[6]!)
      expect(() => engine().addInbound(plain, client)).toThrow(RangeError)
    })

    test('RFC 7296 §2.17: keys of the wrong length are refused', () => {
      const short = { ...saOf(GCM), encryptionKey: new Secret(new Uint8Array(16)) }
      expect(() => engine().addInbound(short, client)).toThrow('key length')
      const other = { ...saOf(GCM), encryption: { id: 20, keyBits: 256 } }
      expect(() => engine().addInbound(other, client)).toThrow('key length')
      const odd = { ...saOf(CBC), integrityKey: new Secret(new Uint8Array(20)) }
      expect(() => engine().addInbound(odd, client)).toThrow('32 octets')
    })
  })
})
