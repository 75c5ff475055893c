import { describe, expect, test } from 'vitest'
import { addressBytes, addressText } from '../../core/bytes/address.ts'
import { Malformed } from '../../core/bytes/malformed.ts'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import { decodeReply, encodeRequest } from '../../core/net/protocol.ts'

describe('requests to the helper', () => {
  test('ping and restoreStale are a header: version, verb, id', () => {
    expect(toHex(encodeRequest(0x0102, { verb: 'ping' }))).toBe('01010102')
    expect(toHex(encodeRequest(3, { verb: 'restoreStale' }))).toBe('01060003')
  })

  test('openUdp: family, address, port', () => {
    const v4 = encodeRequest(1, { verb: 'openUdp', request: { address: '192.0.2.1', port: 4500 } })
    expect(toHex(v4)).toBe('01020001 04 c0000201 1194'.replaceAll(' ', ''))
    const v6 = encodeRequest(1, { verb: 'openUdp', request: { address: '2001:db8::1', port: 500 } })
    expect(toHex(v6)).toBe('01020001 06 20010db8000000000000000000000001 01f4'.replaceAll(' ', ''))
  })

  test('openRaw: family, address, protocol', () => {
    const request = { address: '192.0.2.1', protocol: 51 } as const
    expect(toHex(encodeRequest(1, { verb: 'openRaw', request }))).toBe('0109000104c000020133')
  })

  test('apply: device, MTU, then each list with its count', () => {
    const bytes = encodeRequest(2, {
      verb: 'apply',
      plan: {
        device: 'culvert0',
        mtu: 1400,
        addresses: ['10.78.0.10/32'],
        routes: ['0.0.0.0/0'],
        bypass: [],
        unreachable: ['::/0'],
        dns: { servers: ['10.78.0.1'], search: ['a.b'], only: [] },
      },
    })
    const wanted = [
      '01040002',
      '0863756c7665727430',
      '0578',
      '01 04 0a4e000a 20',
      '0001 04 00000000 00',
      '0000',
      '0001 06 00000000000000000000000000000000 00',
      '01 01 04 0a4e0001 01 03 612e62 00 00',
    ]
    expect(toHex(bytes)).toBe(wanted.join('').replaceAll(' ', ''))
  })

  test('apply: encrypted name servers last, each with address, port and name', () => {
    const encrypted = [{ address: '10.78.0.2', port: 853, name: 'a.b' }]
    const bytes = encodeRequest(2, {
      verb: 'apply',
      plan: {
        device: 'culvert0',
        mtu: 1400,
        addresses: [],
        routes: [],
        bypass: [],
        unreachable: [],
        dns: { servers: [], encrypted, search: [], only: [] },
      },
    })
    expect(toHex(bytes).slice(-32)).toBe('01 00 00 00 01 04 0a4e0002 0355 03 612e62'.replaceAll(' ', ''))
  })

  test('hold: device, what is held back, what keeps its way; letOut: the device', () => {
    const plan = { device: 'culvert0', networks: ['10.0.0.0/8', '::/0'], except: ['10.1.0.0/16'] }
    const wanted = [
      '01070004',
      '0863756c7665727430',
      '0002 04 0a000000 08 06 00000000000000000000000000000000 00',
      '0001 04 0a010000 10',
    ]
    expect(toHex(encodeRequest(4, { verb: 'hold', plan }))).toBe(wanted.join('').replaceAll(' ', ''))
    expect(toHex(encodeRequest(5, { verb: 'letOut', device: 'culvert0' }))).toBe('010800050863756c7665727430')
  })

  test.each(['gw.example.org', 'fe80::1%eth0'])(
    '%s instead of an address never reaches the helper',
    (address) => {
      const request = { address, port: 500 }
      expect(() => encodeRequest(1, { verb: 'openUdp', request })).toThrow(RangeError)
    },
  )
})

describe('replies of the helper', () => {
  test('openUdp: the local end', () => {
    const reply = decodeReply(fromHex('0182000700 04 c0000207 c350'))
    expect(reply).toEqual({ id: 7, verb: 'openUdp', local: { address: '192.0.2.7', port: 50000 } })
  })

  test('openRaw: the local address', () => {
    expect(decodeReply(fromHex('0189000700 04 c0000207'))).toEqual({
      id: 7,
      verb: 'openRaw',
      local: '192.0.2.7',
    })
  })

  test('openTun: the name of the device', () => {
    expect(decodeReply(fromHex('0183000100 08 63756c7665727430'))).toEqual({
      id: 1,
      verb: 'openTun',
      device: 'culvert0',
    })
  })

  test('apply: notes for the person', () => {
    expect(decodeReply(fromHex('0184000100 01 026869'))).toEqual({ id: 1, verb: 'apply', notes: ['hi'] })
  })

  test.each([
    [1, { kind: 'systemRefused', what: 'a', problem: 'b' }],
    [2, { kind: 'noTun', problem: 'a: b' }],
    [3, { kind: 'noPermission', what: 'a: b' }],
    [4, { kind: 'systemRefused', what: 'a', problem: 'b' }],
  ])('status %i is a fault of its kind', (status, error) => {
    expect(decodeReply(fromHex(`018400010${status} 0161 0162`))).toEqual({ id: 1, error })
  })

  test.each([
    ['too short', '018400'],
    ['another version', '0284000100 00'],
    ['an unknown verb', '0199000100 00'],
    ['octets after the end', '0181000100 00'],
    ['a note beyond the end', '0184000100 01 05 6869'],
  ])('%s is malformed', (_, hex) => {
    expect(() => decodeReply(fromHex(hex))).toThrow(Malformed)
  })
})

describe('addresses as octets', () => {
  test.each([
    ['0.0.0.0', '00000000'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['2001:db8:0:1:1:1:1:1', '20010db8000000010001000100010001'],
    ['2001:0:0:1::1', '20010000000000010000000000000001'],
  ])('RFC 5952 §4: %s both ways', (text, hex) => {
    expect(toHex(addressBytes(text))).toBe(hex)
    expect(addressText(fromHex(hex))).toBe(text)
  })

  test('RFC 4291 §2.2: the last four octets may be dotted', () => {
    expect(toHex(addressBytes('::ffff:192.0.2.1'))).toBe('00000000000000000000ffffc0000201')
  })

  test.each(['', '1.2.3', '1.2.3.256', 'example.org'])('"%s" is not an address', (text) => {
    expect(() => addressBytes(text)).toThrow(RangeError)
  })
})
