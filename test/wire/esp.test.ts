import { expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import { decodeEsp, decodeEspContent, encodeEspContent, encodeEspHeader } from '../../core/wire/esp.ts'

test('RFC 4303 §2: SPI, sequence number, the rest', () => {
  const packet = decodeEsp(fromHex('c0ffee01 00000007 a1a2a3'))
  expect(packet).toMatchObject({
    ok: true,
    value: { spi: 0xc0ffee01, sequenceLow: 7, body: fromHex('a1a2a3'), header: fromHex('c0ffee0100000007') },
  })
})

test('RFC 4303 §2.2.1: only the low half of a sequence number is sent', () => {
  expect(toHex(encodeEspHeader(asEspSpi(0x1234), 0x5_0000_0006n))).toBe('0000123400000006')
})

test.each([
  ['c0ffee', 'ESP / SPI: 3 octets left, 4 wanted at octet 0 (RFC 4303 §2)'],
  ['c0ffee010000', 'ESP / Sequence Number: 2 octets left, 4 wanted at octet 4 (RFC 4303 §2)'],
  ['0000000000000001', 'ESP / SPI: 0 is reserved at octet 0 (RFC 4303 §2.1)'],
  ['000000ff00000001', 'ESP / SPI: 255 is reserved at octet 0 (RFC 4303 §2.1)'],
])('RFC 4303 §2: %s is refused with its place', (octets, message) => {
  const packet = decodeEsp(fromHex(octets))
  expect(packet.ok ? undefined : packet.error.message).toBe(message)
})

test.each([
  { payload: '', blockBytes: 1, is: '01020204' },
  { payload: 'aa', blockBytes: 1, is: 'aa010104' },
  { payload: 'aabb', blockBytes: 1, is: 'aabb0004' },
  { payload: 'aabbcc', blockBytes: 1, is: 'aabbcc010203' + '0304' },
  { payload: 'aabbcc', blockBytes: 8, is: 'aabbcc010203' + '0304' },
  { payload: 'aabb', blockBytes: 16, is: 'aabb' + '0102030405060708090a0b0c' + '0c04' },
])('RFC 4303 §2.4: "$payload" for blocks of $blockBytes', ({ payload, blockBytes, is }) => {
  const plaintext = encodeEspContent({ payload: fromHex(payload), nextHeader: 4 }, blockBytes)
  expect(toHex(plaintext)).toBe(is)
  const content = decodeEspContent(plaintext)
  expect(content).toMatchObject({ ok: true, value: { nextHeader: 4 } })
  if (content.ok) expect(toHex(content.value.payload)).toBe(payload)
})

test('RFC 4303 §2.4: all of the packet may be padding, up to 255 octets of it', () => {
  const plaintext = new Uint8Array(257).map((_, i) => (i < 255 ? i + 1 : i === 255 ? 255 : 59))
  expect(decodeEspContent(plaintext)).toMatchObject({ ok: true, value: { nextHeader: 59 } })
})

test.each([
  ['', 'ESP / Pad Length: 0 octets left, 2 wanted at octet 0 (RFC 4303 §2.5)'],
  ['04', 'ESP / Pad Length: 1 octets left, 2 wanted at octet 0 (RFC 4303 §2.5)'],
  ['01020304', 'ESP / Pad Length: 3 is more than the packet holds at octet 2 (RFC 4303 §2.5)'],
  ['01030204', 'ESP / Padding: not 1, 2, 3 … at octet 1 (RFC 4303 §2.4)'],
])('RFC 4303 §2.4: content %s is refused with its place', (octets, message) => {
  const content = decodeEspContent(fromHex(octets))
  expect(content.ok ? undefined : content.error.message).toBe(message)
})
