import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat } from '../../core/bytes/octets.ts'
import { coversInbound, coversOutbound, parseInner } from '../../core/esp/selectors.ts'
import type { TrafficSelector } from '../../core/wire/ikev2/traffic-selector.ts'
import { ip4, ip6, selector, u16, udp, udp4, udp6 } from '../support/inner-packets.ts'

const ME = '10.78.0.10'
const NET = '10.1.0.1'
const me = selector(ME, ME)
const net = selector('10.1.0.0', '10.1.255.255')
const MORE = 0x2000
const udpHeader = udp(1234, 53, 'x')
const echo = Uint8Array.of(8, 0, 0xf7, 0xff, 0, 1, 0, 1)

const out = (local: TrafficSelector, remote: TrafficSelector, packet: Uint8Array) => {
  const inner = parseInner(packet)
  return inner !== undefined && coversOutbound({ local: [local], remote: [remote] }, inner)
}

describe('addresses', () => {
  test.each([
    { what: 'both inside', from: ME, to: NET, is: true },
    { what: 'first of the range', from: ME, to: '10.1.0.0', is: true },
    { what: 'last of the range', from: ME, to: '10.1.255.255', is: true },
    { what: 'one below', from: ME, to: '10.0.255.255', is: false },
    { what: 'one above', from: ME, to: '10.2.0.0', is: false },
    { what: 'another source', from: '10.78.0.9', to: NET, is: false },
  ])('RFC 7296 §3.13.1: $what', ({ from, to, is }) => {
    expect(out(me, net, udp4(from, to, 1, 2, ''))).toBe(is)
  })

  test('RFC 7296 §3.13.1: a selector of one family never fits the other', () => {
    const all4 = selector('0.0.0.0', '255.255.255.255')
    const all6 = selector('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
    expect(out(all4, all4, udp6('fd78::10', 'fd01::1', 1, 2, ''))).toBe(false)
    expect(out(all6, all6, udp4(ME, NET, 1, 2, ''))).toBe(false)
    expect(out(all6, all6, udp6('fd78::10', 'fd01::1', 1, 2, ''))).toBe(true)
  })

  test('RFC 4301 §5.2: inbound, the remote side is the source', () => {
    const inner = parseInner(udp4(NET, ME, 53, 1234, ''))!
    expect(coversInbound({ local: [me], remote: [net] }, inner)).toBe(true)
    expect(coversOutbound({ local: [me], remote: [net] }, inner)).toBe(false)
  })
})

describe('protocol and ports', () => {
  const tcp = ip4(ME, NET, 6, concat(u16(40000), u16(443), new Uint8Array(16)))
  test.each([
    { what: 'the protocol', ts: { ...net, protocol: 6 }, packet: tcp, is: true },
    { what: 'another protocol', ts: { ...net, protocol: 17 }, packet: tcp, is: false },
    { what: 'the port', ts: { ...net, protocol: 6, startPort: 443, endPort: 443 }, packet: tcp, is: true },
    { what: 'a range that ends before', ts: { ...net, startPort: 0, endPort: 442 }, packet: tcp, is: false },
    {
      what: 'a range that starts behind',
      ts: { ...net, startPort: 444, endPort: 0xffff },
      packet: tcp,
      is: false,
    },
    {
      what: 'a port where there is none',
      ts: { ...net, startPort: 1, endPort: 9 },
      packet: ip4(ME, NET, 47, new Uint8Array(8)),
      is: false,
    },
    {
      what: 'any port where there is none',
      ts: { ...net, protocol: 47 },
      packet: ip4(ME, NET, 47, new Uint8Array(8)),
      is: true,
    },
    {
      what: 'a port cut off',
      ts: { ...net, startPort: 1, endPort: 9 },
      packet: ip4(ME, NET, 17, Uint8Array.of(0, 1, 0)),
      is: false,
    },
  ])('RFC 4301 §4.4.1.1: $what → $is', ({ ts, packet, is }) => {
    expect(out(me, ts, packet)).toBe(is)
  })

  test('RFC 4301 §4.4.1.1: the local port is the source when sending', () => {
    const fromDns = { ...me, protocol: 17, startPort: 53, endPort: 53 }
    expect(out(fromDns, net, udp4(ME, NET, 53, 999, ''))).toBe(true)
    expect(out(fromDns, net, udp4(ME, NET, 999, 53, ''))).toBe(false)
  })

  const typeEight = { protocol: 1, startPort: 0x0800, endPort: 0x08ff }
  const typeZero = { protocol: 1, startPort: 0x0000, endPort: 0x00ff }
  test.each([
    { what: 'a type we may send', local: { ...me, ...typeEight }, remote: { ...net, ...typeZero }, is: true },
    {
      what: 'a type only they may send',
      local: { ...me, ...typeZero },
      remote: { ...net, ...typeEight },
      is: false,
    },
    {
      what: 'a code out of range',
      local: { ...me, ...typeEight, startPort: 0x0801 },
      remote: net,
      is: false,
    },
  ])('RFC 4301 §4.4.1.3: ICMP, $what', ({ local, remote, is }) => {
    expect(out(local, remote, ip4(ME, NET, 1, echo))).toBe(is)
  })

  test('RFC 7296 §3.13.1: the type of a Mobility Header is the upper octet', () => {
    const five = { ...selector('::', 'ffff::', 135), startPort: 0x0500, endPort: 0x0500 }
    const header = (type: number) =>
      ip6('fd78::10', 'fd01::1', 135, Uint8Array.of(59, 0, type, 0, 0, 0, 0, 0))
    expect(out(five, selector('::', 'ffff::'), header(5))).toBe(true)
    expect(out(five, selector('::', 'ffff::'), header(6))).toBe(false)
  })
})

describe('fragments', () => {
  const dns = { ...net, protocol: 17, startPort: 53, endPort: 53 }
  const anyUdp = { ...net, protocol: 17 }
  const opaque = { ...net, protocol: 17, startPort: 0xffff, endPort: 0 }
  test.each([
    { what: 'the first shows its ports', ts: dns, fragment: MORE, is: true },
    { what: 'a later one has none', ts: dns, fragment: MORE | 5, is: false },
    { what: 'a later one fits any port', ts: anyUdp, fragment: 5, is: true },
    { what: 'a later one fits OPAQUE', ts: opaque, fragment: 5, is: true },
    { what: 'a whole packet does not fit OPAQUE', ts: opaque, fragment: 0, is: false },
  ])('RFC 4301 §7: $what', ({ ts, fragment, is }) => {
    expect(out(me, ts, ip4(ME, NET, 17, udpHeader, fragment))).toBe(is)
  })

  const all = selector('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
  const six = (next: number, offset: number, rest: Uint8Array) =>
    ip6('fd78::10', 'fd01::1', 44, concat(Uint8Array.of(next, 0), u16(offset << 3), u16(0), u16(9), rest))
  test.each([
    {
      what: 'the first shows its ports',
      ts: { ...all, protocol: 17, startPort: 53, endPort: 53 },
      packet: six(17, 0, udpHeader),
      is: true,
    },
    {
      what: 'a later one has none',
      ts: { ...all, protocol: 17, startPort: 53, endPort: 53 },
      packet: six(17, 3, udpHeader),
      is: false,
    },
    {
      what: 'a later one shows its protocol',
      ts: { ...all, protocol: 17 },
      packet: six(17, 3, udpHeader),
      is: true,
    },
    {
      what: 'behind an extension header it does not',
      ts: { ...all, protocol: 17 },
      packet: six(60, 3, udpHeader),
      is: false,
    },
    { what: 'and then fits any protocol', ts: all, packet: six(60, 3, udpHeader), is: true },
  ])('RFC 8200 §4.5: $what', ({ ts, packet, is }) => {
    expect(out(all, ts, packet)).toBe(is)
  })
})

describe('parsing', () => {
  const options = (next: number, units = 0) =>
    concat(Uint8Array.of(next, units), new Uint8Array(6 + 8 * units))

  test('RFC 8200 §4.1: ports are found behind extension headers', () => {
    const packet = ip6('fd78::10', 'fd01::1', 0, concat(options(43), options(60, 2), options(17), udpHeader))
    expect(parseInner(packet)).toMatchObject({ protocol: 17, ports: { source: 1234, destination: 53 } })
  })

  test('RFC 791 §3.1: ports are found behind options', () => {
    const plain = udp4(ME, NET, 1234, 53, '')
    const packet = concat(plain.subarray(0, 20), new Uint8Array(8), plain.subarray(20))
    packet[0] = 0x47
    packet.set(u16(packet.length), 2)
    expect(parseInner(packet)).toMatchObject({ protocol: 17, ports: { source: 1234, destination: 53 } })
  })

  test('RFC 4303 §2.7: the length is the header’s, not the buffer’s', () => {
    const packet = udp4(ME, NET, 1, 2, 'abc')
    expect(parseInner(concat(packet, new Uint8Array(99)))?.length).toBe(packet.length)
  })

  const patched = (packet: Uint8Array, at: number, ...octets: number[]) => {
    const copy = packet.slice()
    copy.set(octets, at)
    return copy
  }
  const four = udp4(ME, NET, 1, 2, 'abc')
  const six = udp6('fd78::10', 'fd01::1', 1, 2, 'abc')
  test.each([
    ['nothing', new Uint8Array(0)],
    ['version 5', patched(four, 0, 0x55)],
    ['an IPv4 header cut short', four.subarray(0, 19)],
    ['an IPv4 header of four words', patched(four, 0, 0x44)],
    ['an IPv4 header longer than the packet', patched(four, 0, 0x4f)],
    ['a total length less than the header', patched(four, 2, 0, 19)],
    ['a total length beyond the octets', patched(four, 2, 0, four.length + 1)],
    ['an IPv6 header cut short', six.subarray(0, 39)],
    ['a payload length beyond the octets', patched(six, 4, 0, six.length)],
    ['an extension header cut short', ip6('fd78::10', 'fd01::1', 0, new Uint8Array(7))],
    [
      'an extension header that points beyond',
      ip6('fd78::10', 'fd01::1', 0, Uint8Array.of(17, 1, 0, 0, 0, 0, 0, 0)),
    ],
    [
      'more extension headers than anyone needs',
      ip6(
        'fd78::10',
        'fd01::1',
        60,
        concat(...Array.from({ length: 9 }, () => options(60)), options(17), udpHeader),
      ),
    ],
  ])('RFC 791 §3.1, RFC 8200 §3: %s is not a packet', (_, packet) => {
    expect(parseInner(packet)).toBeUndefined()
  })

  test('whatever the octets, parsing returns, and a packet found lies within them', () => {
    const start = fc.constantFrom(0x45, 0x4f, 0x60, 0x00)
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 120 }), (first, rest) => {
        const packet = concat(Uint8Array.of(first), rest)
        const found = parseInner(packet)
        if (found !== undefined) expect(found.length).toBeLessThanOrEqual(packet.length)
      }),
    )
  })
})
