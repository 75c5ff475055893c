import { describe, expect, test } from 'vitest'
import { addressBytes, addressText } from '../core/bytes/address.ts'
import { toHex } from '../core/bytes/octets.ts'

describe('addresses', () => {
  test.each([
    ['192.0.2.1', 'c0000201'],
    ['::', '00'.repeat(16)],
    ['fd18:0::1', 'fd180000000000000000000000000001'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ])('%s', (text, hex) => {
    expect(toHex(addressBytes(text))).toBe(hex)
  })

  test.each(['', '1.2.3', '256.1.1.1', '01.2.3.4', 'fd18:::1', 'gw.example.org', '1:2', '[::1]'])(
    '%s is none',
    (text) => {
      expect(() => addressBytes(text)).toThrow('not an IP address')
    },
  )

  test('RFC 5952 §4.2: the longest run of zeros is shortened, a single one is not', () => {
    expect(addressText(addressBytes('2001:db8:0:0:1:0:0:0'))).toBe('2001:db8:0:0:1::')
    expect(addressText(addressBytes('2001:db8:0:1:1:1:1:1'))).toBe('2001:db8:0:1:1:1:1:1')
    expect(addressText(addressBytes('::1'))).toBe('::1')
    expect(addressText(addressBytes('10.0.0.1'))).toBe('10.0.0.1')
  })
})
