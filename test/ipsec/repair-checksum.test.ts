import { expect, test } from 'vitest'
import { repairChecksum } from '../../core/ipsec/repair-checksum.ts'
import { settle } from '../../core/wire/ip-packet.ts'
import { address, ip4, ip6, udp4 } from '../support/inner-packets.ts'

const [PRIVATE, PUBLIC, PEER] = ['10.0.0.5', '203.0.113.5', '192.0.2.1'] as const

/** With the right checksum of UDP, as this very function computes it for addresses nobody changed. */
function right(from: string, to: string): Uint8Array {
  const packet = udp4(from, to, 1000, 2000, 'odd')
  packet.set([0xff, 0xff], 26)
  repairChecksum(packet)
  return packet
}

test('RFC 768: the checksum is that of the addresses, the protocol, the length and the octets', () => {
  // 192.0.2.1 → 10.0.0.5, ports 1000 and 2000, "odd": summed by hand.
  const sum = 0xc000 + 0x0201 + 0x0a00 + 0x0005 + 17 + 11 + 1000 + 2000 + 11 + 0x6f64 + 0x6400
  const folded = (sum & 0xffff) + (sum >> 16)
  const view = new DataView(right(PEER, PRIVATE).buffer)
  expect(view.getUint16(26)).toBe(~folded & 0xffff)
})

test('RFC 3948 §3.1.2: what a NAT did to the addresses is mended', () => {
  const packet = right(PEER, PUBLIC)
  packet.set(address(PRIVATE), 16)
  settle(packet)
  repairChecksum(packet)
  const wanted = right(PEER, PRIVATE)
  settle(wanted)
  expect(packet).toEqual(wanted)
})

test('RFC 768: no checksum stays none; other protocols and stumps stay as they are', () => {
  const none = udp4(PEER, PRIVATE, 1000, 2000, 'odd')
  none.set([0, 0], 26)
  for (const packet of [
    none,
    ip4(PEER, PRIVATE, 1, new Uint8Array(8)),
    ip4(PEER, PRIVATE, 6, new Uint8Array(10)),
    ip6('fd00::1', 'fd00::2', 59, new Uint8Array(4)),
    new Uint8Array(3),
  ]) {
    const before = packet.slice()
    repairChecksum(packet)
    expect(packet).toEqual(before)
  }
})
