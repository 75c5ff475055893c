import { describe, expect, test } from 'vitest'
import { asNonce } from '../../../core/bytes/brands.ts'
import type { Malformed } from '../../../core/bytes/malformed.ts'
import { fromHex, NO_OCTETS, toHex, utf8 } from '../../../core/bytes/octets.ts'
import { PayloadNumber } from '../../../core/iana/ikev2.ts'
import {
  decodeMessage,
  decodePayloads,
  encodeMessage,
  encodePayloads,
} from '../../../core/wire/ikev2/message.ts'
import type { Payload } from '../../../core/wire/ikev2/payload.ts'
import { vector } from '../../support/vectors.ts'

const android: Readonly<Record<string, string>> = JSON.parse(
  Buffer.from(vector('ikev2/android-ike.json')).toString('utf8'),
)

/** One payload as it travels, whatever its generic header says of the next one. */
function alone(hex: string): Uint8Array {
  const bytes = fromHex(hex)
  bytes[0] = 0
  return bytes
}

/** `hex` is this payload, and this payload is `hex`. */
function bothWays(hex: string, payload: Payload): void {
  const { first, bytes } = encodePayloads([payload])
  expect(toHex(bytes)).toBe(toHex(alone(hex)))
  expect(decodePayloads(first, alone(hex))).toEqual({ ok: true, value: [payload] })
}

/** What is said about a payload with this body. */
function complaint(type: keyof typeof PayloadNumber, body: string): Malformed {
  const octets = fromHex(body)
  const bytes = new Uint8Array([0, 0, 0, octets.length + 4, ...octets])
  const result = decodePayloads(PayloadNumber[type].id, bytes)
  if (result.ok) throw new Error(`decoded, though it should not: ${JSON.stringify(result.value)}`)
  return result.error
}

describe('payloads of another implementation, both ways', () => {
  test('RFC 7296 §3.5: identification', () => {
    bothWays(android.IPV4_ADDR_ID_PAYLOAD_RESPONDER_HEX_STRING!, {
      type: 'IDr',
      idType: 1,
      data: fromHex('c0000264'),
    })
    bothWays(android.IPV6_ADDR_ID_PAYLOAD_RESPONDER_HEX_STRING!, {
      type: 'IDr',
      idType: 5,
      data: fromHex('0000200100000db80000000000000001'),
    })
    bothWays(android.FQDN_ID_PAYLOAD_HEX_STRING!, { type: 'IDi', idType: 2, data: utf8('ike.android.net') })
    bothWays(android.KEY_ID_PAYLOAD_HEX_STRING!, { type: 'IDi', idType: 11, data: utf8('androidIkeKeyId') })
  })

  test('RFC 7296 §3.8: authentication by shared key', () => {
    bothWays(android.PSK_AUTH_PAYLOAD_HEX_STRING!, {
      type: 'AUTH',
      method: 2,
      data: fromHex('df7c038aefaaa32d3f44b228b52a332744dfb2c1'),
    })
  })

  test('RFC 7296 §3.9: nonce', () => {
    bothWays(android.NONCE_PAYLOAD_RAW_HEX_STRING!, {
      type: 'Nonce',
      nonce: asNonce(fromHex('c39b7f368f4681b89fa9b7be6465abd7c5f68b6ed5d3b4c72cb4240eb5c46412')),
    })
  })

  test('RFC 7296 §3.10: NAT_DETECTION_SOURCE_IP', () => {
    bothWays(android.NOTIFY_NAT_DETECTION_PAYLOAD_HEX_STRING!, {
      type: 'Notify',
      protocol: 0,
      spi: NO_OCTETS,
      notify: 16388,
      data: fromHex('e54f73b7d83f6beb881eab2051d8663f421d10b0'),
    })
  })

  test('RFC 7296 §3.11: delete of the IKE SA, of one child, of two', () => {
    bothWays(android.DELETE_IKE_PAYLOAD_HEX_STRING!, { type: 'Delete', protocol: 1, spiBytes: 0, spis: [] })
    bothWays(android.DELETE_CHILD_PAYLOAD_HEX_STRING!, {
      type: 'Delete',
      protocol: 3,
      spiBytes: 4,
      spis: [fromHex('2ad4c0a2')],
    })
    bothWays(android.DELETE_MULTIPLE_CHILD_PAYLOAD_HEX_STRING!, {
      type: 'Delete',
      protocol: 3,
      spiBytes: 4,
      spis: [fromHex('abcdef01'), fromHex('20fedcba')],
    })
  })

  test('RFC 7296 §3.13: two ranges of addresses and ports', () => {
    bothWays(android.TS_INITIATOR_PAYLOAD_HEX_STRING!, {
      type: 'TSi',
      selectors: [
        {
          type: 7,
          protocol: 0,
          startPort: 16,
          endPort: 65520,
          startAddress: fromHex('c0000264'),
          endAddress: fromHex('c0000365'),
        },
        {
          type: 7,
          protocol: 0,
          startPort: 0,
          endPort: 65535,
          startAddress: fromHex('c0000464'),
          endAddress: fromHex('c0000466'),
        },
      ],
    })
  })

  test('RFC 7296 §3.15: a reply with an address and two masks, which is for the reader to refuse', () => {
    bothWays(android.CONFIG_RESP_PAYLOAD_INVALID_ONE_HEX!, {
      type: 'CP',
      cfgType: 2,
      attributes: [
        { type: 1, value: fromHex('c0000264') },
        { type: 2, value: fromHex('fffffffe') },
        { type: 2, value: fromHex('fffffffe') },
      ],
    })
  })

  test('RFC 7296 §1.2: the inside of an IKE_AUTH request', () => {
    const bytes = fromHex(android.IKE_AUTH_INIT_REQUEST_DECRYPTED_BODY_HEX_STRING!)
    const result = decodePayloads(PayloadNumber.IDi.id, bytes)
    if (!result.ok) throw result.error
    expect(result.value.map((payload) => payload.type)).toEqual([
      ...['IDi', 'IDr', 'AUTH', 'SA', 'TSi', 'TSr', 'Notify', 'Notify'],
    ])
    expect(result.value[3]).toEqual({
      type: 'SA',
      proposals: [
        {
          number: 1,
          protocol: 3,
          spi: fromHex('2ad4c0a2'),
          transforms: [
            { type: 1, id: 12, attributes: [{ type: 14, value: 128 }] },
            { type: 3, id: 2, attributes: [] },
            { type: 5, id: 0, attributes: [] },
          ],
        },
      ],
    })
    expect(encodePayloads(result.value)).toEqual({ first: PayloadNumber.IDi.id, bytes })
  })

  test('RFC 7296 §1.2, §3.14: a whole IKE_SA_INIT and a whole IKE_AUTH', () => {
    for (const hex of [android.IKE_SA_INIT_RAW_PACKET!, android.IKE_AUTH_INIT_REQUEST_HEX_STRING!]) {
      const result = decodeMessage(fromHex(hex))
      if (!result.ok) throw result.error
      expect(toHex(encodeMessage(result.value.header, result.value.payloads))).toBe(hex)
    }
  })
})

describe('payloads written by hand, both ways', () => {
  test('RFC 7296 §3.4: key exchange', () => {
    bothWays('0000000a001f0000abcd', { type: 'KE', group: 31, data: fromHex('abcd') })
  })

  test('RFC 7296 §3.6, §3.7: certificate and certificate request', () => {
    bothWays('0000000704abcd', { type: 'CERT', encoding: 4, data: fromHex('abcd') })
    bothWays('0000000504', { type: 'CERTREQ', encoding: 4, authorities: NO_OCTETS })
  })

  test('RFC 7296 §3.13.1: OPAQUE ports, and an IPv6 range', () => {
    bothWays('00000018 01000000 07 11 0010 ffff 0000 0a000001 0a000001', {
      type: 'TSr',
      selectors: [
        {
          type: 7,
          protocol: 17,
          startPort: 65535,
          endPort: 0,
          startAddress: fromHex('0a000001'),
          endAddress: fromHex('0a000001'),
        },
      ],
    })
    bothWays(`00000030 01000000 08 00 0028 0000 ffff ${'00'.repeat(16)} ${'ff'.repeat(16)}`, {
      type: 'TSi',
      selectors: [
        {
          type: 8,
          protocol: 0,
          startPort: 0,
          endPort: 65535,
          startAddress: new Uint8Array(16),
          endAddress: new Uint8Array(16).fill(0xff),
        },
      ],
    })
  })

  test('RFC 7296 §3.16: EAP-Success, nothing but code, identifier and length', () => {
    bothWays('0000000803010004', { type: 'EAP', packet: fromHex('03010004') })
  })
})

describe('what nobody knows survives', () => {
  test('RFC 7296 §3.3.5: transform types and attributes, short and long', () => {
    bothWays('00000022 0000001e 01030401 00000001 00000012 fa00abcd 81234567 01240002beef', {
      type: 'SA',
      proposals: [
        {
          number: 1,
          protocol: 3,
          spi: fromHex('00000001'),
          transforms: [
            {
              type: 250,
              id: 0xabcd,
              attributes: [
                { type: 0x123, value: 0x4567 },
                { type: 0x124, bytes: fromHex('beef') },
              ],
            },
          ],
        },
      ],
    })
  })

  test('RFC 7296 §3.10, §3.13, §3.15: notifies, selectors, configuration attributes', () => {
    bothWays('0000000c 01029cbb aabb ccdd', {
      type: 'Notify',
      protocol: 1,
      spi: fromHex('aabb'),
      notify: 40123,
      data: fromHex('ccdd'),
    })
    bothWays('0000000f 01000000 0a 05 0007 616263', {
      type: 'TSi',
      selectors: [{ type: 10, second: 5, body: utf8('abc') }],
    })
    bothWays('0000000e 02000000 7fff0002 c0de', {
      type: 'CP',
      cfgType: 2,
      attributes: [{ type: 0x7fff, value: fromHex('c0de') }],
    })
  })

  test('RFC 7296 §2.5: octets and bits a peer set although they are reserved', () => {
    bothWays('000000090013 beef cc', {
      type: 'KE',
      group: 19,
      data: fromHex('cc'),
      bodyReserved: fromHex('beef'),
    })
    bothWays('0000000902 010203 cc', {
      type: 'AUTH',
      method: 2,
      data: fromHex('cc'),
      bodyReserved: fromHex('010203'),
    })
    bothWays('0000000902 010203 67', {
      type: 'IDi',
      idType: 2,
      data: utf8('g'),
      idReserved: fromHex('010203'),
    })
    bothWays('0000000c02 010203 80010000', {
      type: 'CP',
      cfgType: 2,
      attributes: [{ type: 1, value: NO_OCTETS, reservedBit: true }],
      bodyReserved: fromHex('010203'),
    })
    bothWays('00000014 00aa0010 01010001 00bb0008 02cc0005', {
      type: 'SA',
      proposals: [
        {
          number: 1,
          protocol: 1,
          spi: NO_OCTETS,
          transforms: [{ type: 2, id: 5, attributes: [], reserved: 0xbbcc }],
          reserved: 0xaa,
        },
      ],
    })
  })
})

describe('what a payload may not be', () => {
  test.each([
    ['§3.3', 'SA', '', 'SA / Proposal 1 Last Substruc: 0 octets left, 1 wanted'],
    ['§3.3.1', 'SA', '01000010 01010001 00000008 02000005', 'Proposal 1 Last Substruc: 1 is neither 0 nor 2'],
    ['§3.3.1', 'SA', '00000007 01010001 00000008 02000005', 'Proposal 1 Length: 7 octets, at least 8 wanted'],
    ['§3.3.1', 'SA', '00000010 01010401 00000008 02000005', 'SPI Size: 4 octets do not fit protocol 1'],
    ['§3.3.1', 'SA', '00000010 01030001 00000008 05000000', 'SPI Size: 0 octets do not fit protocol 3'],
    ['§3.3.1', 'SA', '00000010 01010002 00000008 02000005', 'Num Transforms: 2 announced, 1 present'],
    ['§3.3.1', 'SA', '00000012 01010001 00000008 02000005 0000', 'end: 2 octets too many'],
    ['§3.3', 'SA', '00000008 01010000', 'Num Transforms: a proposal has one transform or more'],
    ['§3.3', 'SA', '02000010 01010001 00000008 02000005', 'Proposal 2 Last Substruc: 0 octets left'],
    [
      '§3.3.2',
      'SA',
      '00000010 01010001 02000008 02000005',
      'Transform 1 Last Substruc: 2 is neither 0 nor 3',
    ],
    [
      '§3.3.2',
      'SA',
      '00000010 01010001 00000006 02000005',
      'Transform 1 Length: 6 octets, at least 8 wanted',
    ],
    ['§3.3.2', 'SA', '00000012 01010001 0000000a 01000014 800e', 'Attribute Value: 0 octets left, 2 wanted'],
    ['§3.4', 'KE', '00130000', 'Key Exchange Data: empty'],
    ['§3.5', 'IDr', '05000000 0a000001', 'Identification Data: 4 octets, 16 wanted for ID type 5'],
    ['§3.6', 'CERT', '', 'Cert Encoding: 0 octets left, 1 wanted'],
    ['§3.8', 'AUTH', '0200', 'RESERVED: 1 octets left, 3 wanted'],
    ['§3.9', 'Nonce', '00'.repeat(15), 'Nonce Data: 15 octets, 16 … 256 wanted'],
    ['§3.10', 'Notify', '03034009 010203', 'SPI Size: 3 octets do not fit protocol 3'],
    ['§3.10', 'Notify', '00084009 010203', 'SPI: 3 octets left, 8 wanted'],
    ['§3.11', 'Delete', '01080000', 'SPI Size: 8 octets do not fit protocol 1'],
    ['§3.11', 'Delete', '0900ffff', 'Num of SPIs: 65535 SPIs of 0 octets'],
    ['§3.11', 'Delete', '03040002 01020304', 'SPI 2: 0 octets left, 4 wanted'],
    ['§3.11', 'Delete', '03040000 01', 'end: 1 octets too many'],
    ['§2.9', 'TSi', '00000000', 'Number of TSs: one selector or more wanted'],
    ['§3.13', 'TSi', '02000000 07000010 0000ffff 0a000001 0a000002', 'Selector 2 TS Type: 0 octets left'],
    ['§3.13', 'TSi', '01000000 07000010 0000ffff 0a000001 0a000002 00', 'end: 1 octets too many'],
    ['§3.13.1', 'TSi', '01000000 0700000f 0000ffff 0a000001 0a0000', 'Selector Length: 15 octets, 16 wanted'],
    ['§3.13.1', 'TSi', '01000000 08000010 0000ffff 0a000001 0a000002', '16 octets, 40 wanted for type 8'],
    ['§3.13.1', 'TSi', '01000000 09000003', 'Selector Length: 3 octets, at least 4 wanted'],
    ['§3.13.1', 'TSr', '01000000 07000010 0000ffff 0a000002 0a000001', 'Starting Address: lies after'],
    [
      '§3.13.1',
      'TSr',
      '01000000 07000010 00050004 0a000001 0a000001',
      'Start Port: 5 lies after the end port 4',
    ],
    ['§3.15', 'CP', '02000000 00010004 0a0000', 'Attribute 1 Value: 3 octets left, 4 wanted'],
    ['§3.16', 'EAP', '030100', 'EAP Message: 3 octets, at least 4 wanted'],
    ['§3.16', 'EAP', '03010005', 'EAP Length: says 5 octets, 4 present'],
  ] as const)('RFC 7296 %s: %s %s', (section, type, body, problem) => {
    const error = complaint(type, body)
    expect(error.message).toContain(problem)
    expect(error.reference).toBe(`RFC 7296 ${section}`)
  })

  test('RFC 7296 §2.10: nonces of 16 and 256 octets pass, 257 do not', () => {
    for (const [length, passes] of [
      [16, true],
      [256, true],
      [257, false],
    ] as const) {
      const bytes = new Uint8Array(length + 4)
      new DataView(bytes.buffer).setUint16(2, bytes.length)
      expect(decodePayloads(PayloadNumber.Nonce.id, bytes).ok).toBe(passes)
    }
  })

  test('a field too small for its value is a fault of ours, and thrown', () => {
    const spi = new Uint8Array(256)
    expect(() => encodePayloads([{ type: 'Notify', protocol: 0, spi, notify: 1, data: NO_OCTETS }])).toThrow(
      RangeError,
    )
    expect(() => encodePayloads([{ type: 'VendorID', data: new Uint8Array(65532) }])).toThrow(RangeError)
  })
})
