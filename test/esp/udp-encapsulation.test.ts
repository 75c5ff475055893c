import { expect, test } from 'vitest'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import { classifyPort4500, NAT_KEEPALIVE, withNonEspMarker } from '../../core/esp/udp-encapsulation.ts'

test.each([
  { section: '§2.3', what: 'one octet FF', octets: 'ff', kind: 'keepalive' },
  { section: '§2.3', what: 'one other octet', octets: 'fe', kind: 'tooShort' },
  { section: '§2.3', what: 'two octets FF', octets: 'ffff', kind: 'tooShort' },
  { section: '§2', what: 'nothing', octets: '', kind: 'tooShort' },
  { section: '§2.1', what: 'less than SPI and sequence number', octets: 'c0ffee01000000', kind: 'tooShort' },
  { section: '§2.1', what: 'an SPI', octets: 'c0ffee0100000001', kind: 'esp' },
  { section: '§2.1', what: 'an SPI of FFFFFFFF', octets: 'ffffffff00000001', kind: 'esp' },
  { section: '§2.2', what: 'the marker alone', octets: '00000000', kind: 'ike' },
  { section: '§2.2', what: 'marker and message', octets: '00000000a1a2', kind: 'ike' },
  { section: '§2.2', what: 'three zeros and a one', octets: '0000000100000001', kind: 'esp' },
])('RFC 3948 $section: $what is $kind', ({ octets, kind }) => {
  expect(classifyPort4500(fromHex(octets)).kind).toBe(kind)
})

test('RFC 3948 §2.2: the marker goes on and comes off', () => {
  const sent = withNonEspMarker(fromHex('a1a2a3'))
  expect(toHex(sent)).toBe('00000000a1a2a3')
  expect(classifyPort4500(sent)).toEqual({ kind: 'ike', message: fromHex('a1a2a3') })
})

test('RFC 3948 §2.3: our keepalive is one', () => {
  expect(classifyPort4500(NAT_KEEPALIVE)).toEqual({ kind: 'keepalive' })
})
