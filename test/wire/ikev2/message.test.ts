import { describe, expect, test } from 'vitest'
import { Malformed } from '../../../core/bytes/malformed.ts'
import { fromHex, toHex } from '../../../core/bytes/octets.ts'
import { ExchangeType } from '../../../core/iana/ikev2.ts'
import {
  decodeHeader,
  decodeMessage,
  decodePayloads,
  encodeMessage,
  encodePayloads,
  type Header,
  type Message,
} from '../../../core/wire/ikev2/message.ts'
import { vector } from '../../support/vectors.ts'

const request = vector('ikev2/ike-sa-init-req.bin')
const reply = vector('ikev2/ike-sa-init-resp.bin')

function decoded(bytes: Uint8Array): Message {
  const result = decodeMessage(bytes)
  if (!result.ok) throw result.error
  return result.value
}

function complaint(bytes: Uint8Array): Malformed {
  const result = decodeMessage(bytes)
  if (result.ok) throw new Error('decoded, though it should not')
  expect(result.error).toBeInstanceOf(Malformed)
  return result.error
}

/** A copy with one octet changed. */
function altered(bytes: Uint8Array, offset: number, octet: number): Uint8Array {
  const copy = bytes.slice()
  copy[offset] = octet
  return copy
}

const header: Header = {
  initiatorSpi: fromHex('0102030405060708'),
  responderSpi: fromHex('1112131415161718'),
  majorVersion: 2,
  minorVersion: 0,
  exchange: ExchangeType.INFORMATIONAL.id,
  initiator: true,
  higherVersion: false,
  response: false,
  messageId: 7,
}

describe('a captured IKE_SA_INIT', () => {
  test('RFC 7296 §3.1: the header of the request', () => {
    expect(decoded(request).header).toEqual({
      initiatorSpi: fromHex('54c184961bc3fd77'),
      responderSpi: new Uint8Array(8),
      majorVersion: 2,
      minorVersion: 0,
      exchange: 34,
      initiator: true,
      higherVersion: false,
      response: false,
      messageId: 0,
    })
  })

  test('RFC 7296 §1.2: SAi1, KEi, Ni in the request, SAr1, KEr, Nr, CERTREQ in the reply', () => {
    expect(decoded(request).payloads.map((p) => p.type)).toEqual(['SA', 'KE', 'Nonce'])
    expect(decoded(reply).payloads.map((p) => p.type)).toEqual(['SA', 'KE', 'Nonce', 'CERTREQ', 'Notify'])
  })

  test('RFC 7296 §3: encodes to the octets it came from', () => {
    for (const bytes of [request, reply]) {
      const { header, payloads } = decoded(bytes)
      expect(toHex(encodeMessage(header, payloads))).toBe(toHex(bytes))
    }
  })

  test('RFC 7296 §3: cut anywhere, it is refused with a place and a section', () => {
    for (const bytes of [request, reply]) {
      for (let length = 0; length < bytes.length; length++) {
        const cut = bytes.slice(0, length)
        expect(complaint(cut).reference).toMatch(/^RFC 7296 §/)
        if (length < 28) continue
        new DataView(cut.buffer).setUint32(24, length)
        const error = complaint(cut)
        expect(error.path.length).toBeGreaterThan(0)
        expect(error.offset).toBeLessThanOrEqual(length)
      }
    }
  })
})

describe('the header', () => {
  test('RFC 7296 §3.1: a Length other than that of the datagram', () => {
    expect(complaint(new Uint8Array([...request, 0])).message).toBe(
      'Header / Length: says 256 octets, the datagram has 257 at octet 24 (RFC 7296 §3.1)',
    )
  })

  test('RFC 7296 §2.5: payload numbers are read for major version 2 alone; the header tells which it is', () => {
    const version1 = altered(request, 17, 0x10)
    expect(complaint(version1).path).toEqual(['Header', 'Major Version'])
    const result = decodeHeader(version1)
    expect(result.ok && result.value.majorVersion).toBe(1)
  })

  test('RFC 7296 §2.5: a higher minor version and reserved flags are ignored, and survive', () => {
    const odd = altered(altered(request, 17, 0x2f), 19, 0xcf)
    const message = decoded(odd)
    expect(message.header).toMatchObject({ minorVersion: 15, initiator: true, reserved: 0xc7 })
    expect(toHex(encodeMessage(message.header, message.payloads))).toBe(toHex(odd))
  })

  test('RFC 7296 §1.4: a message without payloads', () => {
    const empty = encodeMessage(header, [])
    expect(toHex(empty)).toBe(`${'0102030405060708'}${'1112131415161718'}00202508000000070000001c`)
    expect(decoded(empty)).toEqual({ header, payloads: [] })
  })
})

describe('the chain of payloads', () => {
  test('RFC 7296 §3.2: a Payload Length below four cannot hold the chain up', () => {
    const stuck = altered(altered(request, 30, 0), 31, 0)
    expect(complaint(stuck).message).toBe(
      'SA Payload Length: 0 octets, at least 4 wanted at octet 30 (RFC 7296 §3.2)',
    )
  })

  test('RFC 7296 §2.5: an unknown payload survives with its critical bit', () => {
    const payload = {
      type: 'Unknown',
      payload: 200,
      critical: true,
      reserved: 3,
      body: fromHex('c0ffee'),
    } as const
    const bytes = encodeMessage(header, [payload])
    expect(toHex(bytes.slice(28))).toBe('00830007c0ffee')
    expect(decoded(bytes).payloads).toEqual([payload])
  })

  test('RFC 7296 §3.14: SK comes out sealed, with what lies inside first and where its body begins', () => {
    const sk = { type: 'SK', first: 41, body: fromHex('00112233445566778899'), bodyOffset: 32 } as const
    const bytes = encodeMessage(header, [sk])
    expect(decoded(bytes).payloads).toEqual([sk])
    expect(toHex(bytes.slice(sk.bodyOffset))).toBe('00112233445566778899')
  })

  test('RFC 7296 §3.14: nothing may follow SK', () => {
    const sk = { type: 'SK', first: 0, body: fromHex('0011'), bodyOffset: 32 } as const
    const bytes = new Uint8Array([...encodeMessage(header, [sk]), 0, 0, 0, 4])
    new DataView(bytes.buffer).setUint32(24, bytes.length)
    expect(complaint(bytes).reference).toBe('RFC 7296 §3.14')
    expect(() => encodeMessage(header, [sk, sk])).toThrow(RangeError)
  })

  test('RFC 7383 §2.5: SKF has its number and total', () => {
    const skf = {
      type: 'SKF',
      first: 0,
      fragment: 2,
      total: 3,
      body: fromHex('aabb'),
      bodyOffset: 36,
    } as const
    expect(decoded(encodeMessage(header, [skf])).payloads).toEqual([skf])
    for (const [fragment, total] of [
      [0, 3],
      [4, 3],
      [0, 0],
    ] as const) {
      expect(complaint(encodeMessage(header, [{ ...skf, fragment, total }])).reference).toBe('RFC 7383 §2.6')
    }
  })

  test('RFC 7296 §3.14: what was inside SK decodes alone, and holds no other SK', () => {
    const inner = encodePayloads([{ type: 'VendorID', data: fromHex('abcd') }])
    expect(inner).toEqual({ first: 43, bytes: fromHex('00000006abcd') })
    expect(decodePayloads(inner.first, inner.bytes)).toEqual({
      ok: true,
      value: [{ type: 'VendorID', data: fromHex('abcd') }],
    })
    const nested = decodePayloads(46, fromHex('00000004'))
    expect(nested.ok).toBe(false)
    expect(decodePayloads(0, new Uint8Array(0))).toEqual({ ok: true, value: [] })
    expect(decodePayloads(0, new Uint8Array(1)).ok).toBe(false)
  })
})
