import { describe, expect, test } from 'vitest'
import { concat, fromHex, toHex } from '../../../core/bytes/octets.ts'
import {
  decodePayloads,
  encodeBody,
  encodeMessage,
  encodePayloads,
  encodeSealed,
  type Header,
} from '../../../core/wire/ikev1/message.ts'
import type { Payload, SaPayload } from '../../../core/wire/ikev1/payload.ts'
import { altered, complaint, decoded, HEADER as header, opened } from '../../support/isakmp.ts'

const vendor: Payload = { type: 'VendorID', data: fromHex('c0ffee') }

describe('the header', () => {
  test('RFC 2408 §3.1: cookies, version 1.0, exchange, flags, Message ID, length', () => {
    const bytes = encodeMessage({ ...header, exchange: 32, messageId: 0xdeadbeef, commit: true }, [])
    expect(toHex(bytes)).toBe(`${'0102030405060708'}${'1112131415161718'}00102002deadbeef0000001c`)
    expect(opened(bytes).header).toEqual({ ...header, exchange: 32, messageId: 0xdeadbeef, commit: true })
  })

  test('RFC 2408 §5.2: payload numbers are read for major version 1 alone', () => {
    const version2 = altered(encodeMessage(header, [vendor]), 17, 0x20)
    expect(complaint(version2).path).toEqual(['Header', 'Major Version'])
  })

  test('RFC 2408 §3.1: reserved flags and the minor version survive', () => {
    const odd = altered(altered(encodeMessage(header, [vendor]), 17, 0x1f), 19, 0xf8)
    const message = opened(odd)
    expect(message.header).toMatchObject({ minorVersion: 15, encrypted: false, reserved: 0xf8 })
    expect(toHex(encodeMessage(message.header, message.payloads))).toBe(toHex(odd))
  })

  test('RFC 2408 §3.1: a Length other than that of the datagram', () => {
    expect(complaint(concat(encodeMessage(header, [vendor]), Uint8Array.of(0))).message).toBe(
      'Header / Length: says 35 octets, the datagram has 36 at octet 24 (RFC 2408 §3.1)',
    )
  })
})

describe('the chain of payloads', () => {
  test('RFC 2408 §3.2: a Payload Length below four cannot hold the chain up', () => {
    const stuck = altered(encodeMessage(header, [vendor]), 31, 0)
    expect(complaint(stuck).message).toBe(
      'VendorID Payload Length: 0 octets, at least 4 wanted at octet 30 (RFC 2408 §3.2)',
    )
  })

  test('RFC 2408 §3.2: a payload that names itself as the next ends with the octets', () => {
    const loop = altered(encodeMessage(header, [vendor]), 28, 13)
    expect(complaint(loop).message).toMatch(/0 octets left, 1 wanted at octet 35/)
  })

  test('an unknown payload survives with its reserved octet', () => {
    const payload = { type: 'Unknown', payload: 200, reserved: 3, body: fromHex('c0ffee') } as const
    const bytes = encodeMessage(header, [payload])
    expect(toHex(bytes.slice(28))).toBe('00030007c0ffee')
    expect(opened(bytes).payloads).toEqual([payload])
  })

  test('numbers 15 and 16, which group keys and old drafts share, are nobody’s', () => {
    expect(
      opened(encodeMessage(header, [{ type: 'Unknown', payload: 15, body: fromHex('01') }])).payloads,
    ).toEqual([{ type: 'Unknown', payload: 15, body: fromHex('01') }])
  })

  test('RFC 2408 §3.5: a proposal or transform has no place outside an SA', () => {
    for (const payload of [2, 3]) {
      const bytes = encodeMessage(header, [{ type: 'Unknown', payload, body: new Uint8Array(8) }])
      expect(complaint(bytes).problem).toBe('outside an SA')
    }
  })

  test('more payloads than anybody needs', () => {
    const many = (count: number) => encodeMessage(header, Array<Payload>(count).fill(vendor))
    expect(opened(many(64)).payloads).toHaveLength(64)
    expect(complaint(many(65)).problem).toBe('more payloads than anybody needs')
  })

  test('three zeros behind the payloads are alignment, which some stacks send; anything else is not', () => {
    const padded = (octets: string) => encodeMessage(header, [vendor], fromHex(octets))
    expect(opened(padded('000000')).padding).toEqual(new Uint8Array(3))
    expect(complaint(padded('00000000')).problem).toBe('4 octets too many')
    expect(complaint(padded('000001')).problem).toBe('3 octets too many')
  })

  test('RFC 2409 §5: bodies and ends are what hashes are made of', () => {
    const payloads: Payload[] = [{ type: 'HASH', data: fromHex('aabbccdd') }, vendor]
    const { first, bytes } = encodePayloads(payloads)
    const chain = decodePayloads(first, concat(bytes, fromHex('99990102')))
    if (!chain.ok) throw chain.error
    expect(chain.value.bodies.map(toHex)).toEqual(['aabbccdd', 'c0ffee'])
    expect(chain.value.ends).toEqual([8, 15])
    expect(toHex(chain.value.padding)).toBe('99990102')
    expect(encodeBody(vendor)).toEqual(fromHex('c0ffee'))
  })
})

describe('encrypted messages', () => {
  const sealedHeader: Header = { ...header, encrypted: true }

  test('RFC 2408 §3.1: with E the payloads stay closed; what the first is stands outside', () => {
    const bytes = encodeSealed(sealedHeader, 5, fromHex('00112233445566778899aabbccddeeff'))
    expect(decoded(bytes)).toEqual({
      sealed: true,
      header: sealedHeader,
      first: 5,
      ciphertext: fromHex('00112233445566778899aabbccddeeff'),
    })
  })

  test('a fragment is read whether E is set or not', () => {
    const fragment = { type: 'FRAGMENT', id: 1, number: 2, flags: 1, data: fromHex('abcd') } as const
    for (const h of [header, sealedHeader])
      expect(opened(encodeMessage(h, [fragment])).payloads).toEqual([fragment])
    expect(complaint(encodeMessage(header, [{ ...fragment, number: 0 }])).problem).toBe(
      'fragments count from 1',
    )
    expect(complaint(encodeMessage(header, [{ ...fragment, data: new Uint8Array(0) }])).problem).toBe('empty')
  })
})

describe('the security association', () => {
  const transform = (number: number) => ({
    number,
    id: 1,
    attributes: [
      { type: 1, value: 7 },
      { type: 14, value: 256 },
      { type: 12, bytes: fromHex('00015180') },
    ],
  })
  const sa = (proposals: SaPayload['proposals']): SaPayload => ({
    type: 'SA',
    doi: 1,
    situation: 1,
    proposals,
  })
  const isakmp = { number: 1, protocol: 1, spi: new Uint8Array(0), transforms: [transform(1), transform(2)] }

  test('RFC 2408 §3.4 – §3.6: as it travels', () => {
    const bytes = encodeMessage(header, [sa([isakmp])])
    expect(toHex(bytes.slice(28))).toBe(
      '000000440000000100000001' +
        '0000003801010002' +
        `${'0300001801010000'}${'80010007800e0100000c000400015180'}` +
        `${'0000001802010000'}${'80010007800e0100000c000400015180'}`,
    )
    expect(opened(bytes).payloads).toEqual([sa([isakmp])])
  })

  test('RFC 2408 §4.2: proposals of one number are kept as neighbours', () => {
    const esp = { number: 1, protocol: 3, spi: fromHex('11111111'), transforms: [transform(1)] }
    const ah = { number: 1, protocol: 2, spi: fromHex('22222222'), transforms: [transform(1)] }
    const payload = sa([esp, ah, { ...esp, number: 2 }])
    expect(opened(encodeMessage(header, [payload])).payloads).toEqual([payload])
  })

  test('RFC 2407 §4.2: of another DOI or situation nothing is read, and all is kept', () => {
    for (const [doi, situation] of [
      [2, 1],
      [1, 3],
    ] as const) {
      const payload: Payload = { type: 'SA', doi, situation, proposals: [], opaque: fromHex('c0ffee') }
      expect(opened(encodeMessage(header, [payload])).payloads).toEqual([payload])
    }
  })

  test.each([
    ['RFC 2408 §3.5: fewer transforms than announced', 47, 3, /3 announced, 2 present/],
    ['RFC 2408 §3.5: none', 47, 0, /one transform or more/],
    ['RFC 2408 §3.5: an SPI that does not fit ISAKMP', 46, 17, /17 octets do not fit protocol 1/],
    ['RFC 2408 §3.5: a next payload that is no proposal', 40, 3, /3 is neither 0 nor 2/],
    ['RFC 2408 §3.6: a next payload that is no transform', 48, 2, /2 is neither 0 nor 3/],
    ['RFC 2408 §3.6: a length below its own header', 51, 7, /7 octets, at least 8 wanted/],
    [
      'RFC 2408 §3.3: an attribute that leaves its transform',
      67,
      5,
      /Attribute 3 Value: 4 octets left, 5 wanted/,
    ],
  ])('%s', (_name, offset, octet, problem) => {
    expect(complaint(altered(encodeMessage(header, [sa([isakmp])]), offset, octet)).message).toMatch(problem)
  })

  test('more transforms than anybody needs, in one proposal or in all of them', () => {
    const many = (count: number, number = 1) => ({
      ...isakmp,
      number,
      transforms: Array.from({ length: count }, (_, i) => transform(i)),
    })
    expect(opened(encodeMessage(header, [sa([many(250)])])).payloads).toHaveLength(1)
    expect(complaint(encodeMessage(header, [sa([many(251)])])).problem).toBe('more than anybody needs')
    expect(complaint(encodeMessage(header, [sa([many(200), many(51, 2)])])).problem).toBe(
      'more than anybody needs',
    )
  })
})
