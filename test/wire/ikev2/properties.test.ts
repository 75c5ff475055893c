import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asNonce } from '../../../core/bytes/brands.ts'
import { compare, toHex } from '../../../core/bytes/octets.ts'
import { PayloadNumber } from '../../../core/iana/ikev2.ts'
import {
  decodeHeader,
  decodeMessage,
  decodePayloads,
  encodeMessage,
  encodePayloads,
  HEADER_BYTES,
  type Header,
} from '../../../core/wire/ikev2/message.ts'
import type {
  ConfigurationAttribute,
  Payload,
  Proposal,
  Transform,
  TransformAttribute,
  TsPayload,
} from '../../../core/wire/ikev2/payload.ts'
import { vector } from '../../support/vectors.ts'

// Values as a careful sender would build them: whatever they are, they travel unharmed.

const octets = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max })
const u8 = fc.integer({ min: 0, max: 0xff })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u15 = fc.integer({ min: 0, max: 0x7fff })

const attribute: fc.Arbitrary<TransformAttribute> = fc.oneof(
  fc.record({ type: u15, value: u16 }),
  fc.record({ type: u15, bytes: octets(0, 8) }),
)
const transform: fc.Arbitrary<Transform> = fc.record({
  type: u8,
  id: u16,
  attributes: fc.array(attribute, { maxLength: 3 }),
})
const protocolAndSpi = fc.oneof(
  fc.record({ protocol: fc.constant(1), spi: fc.oneof(octets(0, 0), octets(8, 8)) }),
  fc.record({ protocol: fc.constantFrom(2, 3), spi: octets(4, 4) }),
  fc.record({ protocol: fc.integer({ min: 4, max: 0xff }), spi: octets(0, 0xff) }),
)
const proposal: fc.Arbitrary<Proposal> = fc
  .tuple(u8, protocolAndSpi, fc.array(transform, { minLength: 1, maxLength: 4 }))
  .map(([number, named, transforms]) => ({ number, ...named, transforms }))

const range = (type: 7 | 8, bytes: 4 | 16) =>
  fc
    .record({
      protocol: u8,
      a: octets(bytes, bytes),
      b: octets(bytes, bytes),
      x: u16,
      y: u16,
      opaque: fc.boolean(),
    })
    .map(({ protocol, a, b, x, y, opaque }) => ({
      type,
      protocol,
      startPort: opaque ? 0xffff : Math.min(x, y),
      endPort: opaque ? 0 : Math.max(x, y),
      startAddress: compare(a, b) <= 0 ? a : b,
      endAddress: compare(a, b) <= 0 ? b : a,
    }))
const selector: fc.Arbitrary<TsPayload['selectors'][number]> = fc.oneof(
  range(7, 4),
  range(8, 16),
  fc.record({ type: fc.integer({ min: 9, max: 0xff }), second: u8, body: octets(0, 20) }),
)
const cfgAttribute: fc.Arbitrary<ConfigurationAttribute> = fc.record({ type: u15, value: octets(0, 20) })

const known = new Set<number>(Object.values(PayloadNumber).map((row) => row.id))
const anyOf = <T extends string>(...types: readonly T[]) => fc.constantFrom(...types)

const open: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({
    type: anyOf('SA'),
    proposals: fc.array(proposal, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ type: anyOf('KE'), group: u16, data: octets(1, 64) }),
  fc.record({
    type: anyOf('IDi', 'IDr'),
    idType: u8.filter((id) => id !== 1 && id !== 5),
    data: octets(0, 40),
  }),
  fc.record({ type: anyOf('CERT'), encoding: u8, data: octets(0, 40) }),
  fc.record({ type: anyOf('CERTREQ'), encoding: u8, authorities: octets(0, 40) }),
  fc.record({ type: anyOf('AUTH'), method: u8, data: octets(0, 40) }),
  fc.record({ type: anyOf('Nonce'), nonce: octets(16, 256).map(asNonce) }),
  fc
    .tuple(protocolAndSpi, u16, octets(0, 40))
    .map(([named, notify, data]) => ({ type: 'Notify' as const, ...named, notify, data })),
  fc
    .array(octets(4, 4), { maxLength: 5 })
    .map((spis) => ({ type: 'Delete' as const, protocol: 3, spiBytes: 4, spis })),
  fc.record({ type: anyOf('VendorID'), data: octets(0, 40) }),
  fc.record({ type: anyOf('TSi', 'TSr'), selectors: fc.array(selector, { minLength: 1, maxLength: 4 }) }),
  fc.record({ type: anyOf('CP'), cfgType: u8, attributes: fc.array(cfgAttribute, { maxLength: 4 }) }),
  fc.record({
    type: anyOf('Unknown'),
    payload: fc.integer({ min: 1, max: 0xff }).filter((number) => !known.has(number)),
    body: octets(0, 40),
  }),
)

const chain = fc.array(
  fc.tuple(open, fc.boolean(), fc.integer({ min: 0, max: 0x7f })).map(([payload, critical, reserved]) => ({
    ...payload,
    ...(critical ? { critical } : {}),
    ...(reserved === 0 ? {} : { reserved }),
  })),
  { maxLength: 6 },
)

const header: fc.Arbitrary<Header> = fc.record({
  initiatorSpi: octets(8, 8),
  responderSpi: octets(8, 8),
  majorVersion: fc.constant(2),
  minorVersion: fc.integer({ min: 0, max: 15 }),
  exchange: u8,
  initiator: fc.boolean(),
  higherVersion: fc.boolean(),
  response: fc.boolean(),
  messageId: fc.integer({ min: 0, max: 0xffff_ffff }),
})

test('RFC 7296 §3: a message of any payloads comes back as it was', () => {
  fc.assert(
    fc.property(header, chain, (h, payloads) => {
      const bytes = encodeMessage(h, payloads)
      expect(decodeMessage(bytes)).toEqual({ ok: true, value: { header: h, payloads } })
      expect(decodeHeader(bytes)).toEqual({ ok: true, value: h })
    }),
  )
})

test('RFC 7296 §3.14: so do payloads on their way into an SK', () => {
  fc.assert(
    fc.property(chain, (payloads) => {
      const { first, bytes } = encodePayloads(payloads)
      expect(decodePayloads(first, bytes)).toEqual({ ok: true, value: payloads })
    }),
  )
})

test('RFC 7296 §3: any octets give a value; what decodes encodes to the same octets', () => {
  const seeds = ['ikev2/ike-sa-init-req.bin', 'ikev2/ike-sa-init-resp.bin'].map(vector)
  const damage = fc.array(fc.tuple(fc.nat(), u8), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.constantFrom(...seeds), damage, (seed, changes) => {
      const bytes = seed.slice()
      for (const [at, octet] of changes) bytes[HEADER_BYTES + (at % (bytes.length - HEADER_BYTES))] = octet
      returnsOrNamesPlace(bytes)
    }),
    { numRuns: 500 },
  )
})

test('RFC 7296 §3: so do octets that never were a message, whatever payload they pretend to be', () => {
  fc.assert(
    fc.property(u8, octets(0, 120), (first, octetsInside) => {
      const result = decodePayloads(first, octetsInside)
      if (!result.ok) expect(result.error.reference).toMatch(/^RFC (7296|7383) §/)
      else expect(toHex(encodePayloads(result.value).bytes)).toBe(toHex(octetsInside))
    }),
    { numRuns: 500 },
  )
})

test('RFC 7296 §3: every single octet of a real message may have any value', () => {
  const seed = vector('ikev2/ike-sa-init-req.bin')
  // The structured part of it: header, SA, the beginning of KE.
  for (let at = 0; at < 104; at++) {
    for (const octet of [0, 1, 4, 0x7f, 0x80, 0xff]) {
      const bytes = seed.slice()
      bytes[at] = octet
      returnsOrNamesPlace(bytes)
    }
  }
})

function returnsOrNamesPlace(bytes: Uint8Array): void {
  const result = decodeMessage(bytes)
  if (result.ok) {
    expect(toHex(encodeMessage(result.value.header, result.value.payloads))).toBe(toHex(bytes))
    return
  }
  expect(result.error.path.length).toBeGreaterThan(0)
  expect(result.error.offset).toBeLessThanOrEqual(bytes.length)
  expect(result.error.reference).toMatch(/^RFC (7296|7383) §/)
}
