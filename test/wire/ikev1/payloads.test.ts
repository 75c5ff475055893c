import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../../core/bytes/octets.ts'
import { attributeBytes, attributeNumber } from '../../../core/wire/ikev1/attribute.ts'
import { encodeMessage } from '../../../core/wire/ikev1/message.ts'
import type { Payload } from '../../../core/wire/ikev1/payload.ts'
import { complaint, HEADER, opened } from '../../support/isakmp.ts'

const NONE = new Uint8Array(0)
const cookies = fromHex('01020304050607081112131415161718')

/** One of each, with its octets behind the generic header. */
const examples: readonly (readonly [name: string, payload: Payload, body: string])[] = [
  ['RFC 2408 §3.7: KE', { type: 'KE', data: fromHex('0a0b') }, '0a0b'],
  [
    'RFC 2407 §4.6.2: ID',
    { type: 'ID', idType: 1, protocol: 17, port: 500, data: fromHex('c0000201') },
    '011101f4c0000201',
  ],
  [
    'RFC 2407 §4.6.2.5: a subnet of IPv4',
    { type: 'ID', idType: 4, protocol: 0, port: 0, data: fromHex('0a010000ffff0000') },
    '040000000a010000ffff0000',
  ],
  [
    'draft-zegman-ike-hybrid-auth: no ID',
    { type: 'ID', idType: 0, protocol: 0, port: 0, data: NONE },
    '00000000',
  ],
  ['RFC 2408 §3.9: CERT', { type: 'CERT', encoding: 4, data: fromHex('3000') }, '043000'],
  ['RFC 2408 §3.10: CERTREQ of any authority', { type: 'CERTREQ', encoding: 4, authority: NONE }, '04'],
  ['RFC 2408 §3.11: HASH', { type: 'HASH', data: fromHex('00112233') }, '00112233'],
  ['RFC 2408 §3.12: SIG', { type: 'SIG', data: fromHex('00112233') }, '00112233'],
  ['RFC 2408 §3.13: Nonce', { type: 'Nonce', nonce: fromHex('0011223344556677') }, '0011223344556677'],
  [
    'RFC 3706 §5.1: Notify',
    { type: 'Notify', doi: 1, protocol: 1, spi: cookies, notify: 36136, data: fromHex('00000001') },
    `0000000101108d28${toHex(cookies)}00000001`,
  ],
  [
    'RFC 2408 §3.15: Delete',
    { type: 'Delete', doi: 1, protocol: 3, spiBytes: 4, spis: [fromHex('11111111'), fromHex('22222222')] },
    '00000001030400021111111122222222',
  ],
  ['RFC 2408 §3.16: VendorID', { type: 'VendorID', data: fromHex('09002689dfd6b712') }, '09002689dfd6b712'],
  [
    'draft-dukes-ike-mode-cfg §3.2: ATTRIBUTES',
    {
      type: 'ATTRIBUTES',
      cfgType: 1,
      identifier: 20,
      attributes: [
        { type: 1, bytes: NONE },
        { type: 16520, value: 0 },
      ],
    },
    '0100001400010000c0880000',
  ],
  ['RFC 3947 §3.2: NAT-D', { type: 'NATD', hash: fromHex('aabb') }, 'aabb'],
  ['draft 03: NAT-D', { type: 'NATD', draft: true, hash: fromHex('aabb') }, 'aabb'],
  ['RFC 3947 §5.2: NAT-OA', { type: 'NATOA', idType: 1, address: fromHex('c0a80102') }, '01000000c0a80102'],
  [
    'draft 03: NAT-OA with what is reserved',
    { type: 'NATOA', draft: true, idType: 1, address: fromHex('c0a80102'), bodyReserved: fromHex('000001') },
    '01000001c0a80102',
  ],
]

const numbers: Readonly<Record<string, number>> = { NATD: 20, NATOA: 21 }

test.each(examples)('%s travels and comes back', (_name, payload, body) => {
  const bytes = encodeMessage(HEADER, [payload])
  expect(toHex(bytes.slice(32))).toBe(body)
  expect(opened(bytes).payloads).toEqual([payload])
  const draft = 'draft' in payload && payload.draft ? 110 : 0
  if (payload.type in numbers) expect(bytes[16]).toBe(numbers[payload.type]! + draft)
})

describe('what does not fit', () => {
  const broken: readonly (readonly [name: string, payload: Payload, problem: RegExp])[] = [
    ['RFC 2408 §3.7: KE without data', { type: 'KE', data: NONE }, /empty/],
    ['RFC 2408 §3.11: HASH without data', { type: 'HASH', data: NONE }, /empty/],
    ['RFC 2408 §3.12: SIG without data', { type: 'SIG', data: NONE }, /empty/],
    ['RFC 3947 §3.2: NAT-D without a hash', { type: 'NATD', hash: NONE }, /empty/],
    [
      'RFC 2409 §5: a nonce of seven octets',
      { type: 'Nonce', nonce: new Uint8Array(7) },
      /7 octets, 8 … 256/,
    ],
    ['RFC 2409 §5: a nonce of 257', { type: 'Nonce', nonce: new Uint8Array(257) }, /257 octets, 8 … 256/],
    [
      'RFC 2407 §4.6.2.2: an IPv4 address of five octets',
      { type: 'ID', idType: 1, protocol: 0, port: 0, data: new Uint8Array(5) },
      /5 octets, 4 wanted/,
    ],
    [
      'RFC 2407 §4.6.2.7: an IPv6 subnet with a prefix length for its mask',
      { type: 'ID', idType: 6, protocol: 0, port: 0, data: new Uint8Array(17) },
      /17 octets, 32 wanted/,
    ],
    [
      'RFC 2408 §3.15: an ISAKMP SA is named by both cookies',
      { type: 'Delete', doi: 1, protocol: 1, spiBytes: 8, spis: [new Uint8Array(8)] },
      /8 octets do not fit protocol 1/,
    ],
    [
      'RFC 2408 §3.15: an ESP SA by four octets',
      { type: 'Delete', doi: 1, protocol: 3, spiBytes: 16, spis: [] },
      /16 octets do not fit protocol 3/,
    ],
    ['RFC 3947 §5.2: no address', { type: 'NATOA', idType: 2, address: fromHex('6161') }, /2 is no address/],
    [
      'RFC 3947 §5.2: an address too short',
      { type: 'NATOA', idType: 5, address: fromHex('6161') },
      /2 octets, 16 wanted/,
    ],
  ]
  test.each(broken)('%s', (_name, payload, problem) => {
    expect(complaint(encodeMessage(HEADER, [payload])).message).toMatch(problem)
  })

  test('RFC 2408 §3.15: SPIs of no octets, in any number', () => {
    const bytes = encodeMessage(HEADER, [{ type: 'Delete', doi: 1, protocol: 9, spiBytes: 0, spis: [] }])
    bytes[39] = 7
    expect(complaint(bytes).problem).toBe('7 SPIs of 0 octets')
  })
})

test('RFC 2408 §3.3, RFC 2409 Appendix A: an attribute means the same in both forms', () => {
  expect(attributeNumber({ type: 12, value: 28800 })).toBe(28800)
  expect(attributeNumber({ type: 12, bytes: fromHex('00015180') })).toBe(86400)
  expect(attributeNumber({ type: 12, bytes: fromHex('ffffffffffffffff') })).toBeUndefined()
  expect(attributeBytes({ type: 16524, value: 0x4869 })).toEqual(fromHex('4869'))
  expect(attributeBytes({ type: 16524, bytes: fromHex('00') })).toEqual(fromHex('00'))
})
