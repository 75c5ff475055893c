import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concat, toHex } from '../../../core/bytes/octets.ts'
import { PayloadNumber } from '../../../core/iana/ikev1.ts'
import {
  decodeMessage,
  decodePayloads,
  encodeMessage,
  encodePayloads,
  encodeSealed,
  type Header,
} from '../../../core/wire/ikev1/message.ts'
import type { Attribute, Payload, Proposal, Transform } from '../../../core/wire/ikev1/payload.ts'
import { HEADER } from '../../support/isakmp.ts'

// Values as a careful sender would build them: whatever they are, they travel unharmed.

const octets = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max })
const u8 = fc.integer({ min: 0, max: 0xff })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u15 = fc.integer({ min: 0, max: 0x7fff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })

const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  fc.record({ type: u15, value: u16 }),
  fc.record({ type: u15, bytes: octets(0, 8) }),
)
const attributes = fc.array(attribute, { maxLength: 4 })
const transform: fc.Arbitrary<Transform> = fc.record({ number: u8, id: u8, attributes })
const protocolAndSpi = fc.oneof(
  fc.record({ protocol: fc.constant(1), spi: octets(0, 16) }),
  fc.record({ protocol: fc.constantFrom(2, 3), spi: octets(4, 4) }),
  fc.record({ protocol: fc.constant(4), spi: fc.oneof(octets(2, 2), octets(4, 4)) }),
)
const proposal: fc.Arbitrary<Proposal> = fc
  .tuple(u8, protocolAndSpi, fc.array(transform, { minLength: 1, maxLength: 4 }))
  .map(([number, named, transforms]) => ({ number, ...named, transforms }))

const known = new Set<number>(
  Object.entries(PayloadNumber).flatMap(([name, row]) =>
    /^(SAK|SAT|KD|SEQ|POP|GAP)$/.test(name) ? [] : [row.id],
  ),
)
const data = octets(1, 40)
const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc
    .array(proposal, { minLength: 1, maxLength: 3 })
    .map((proposals): Payload => ({ type: 'SA', doi: 1, situation: 1, proposals })),
  data.map((d): Payload => ({ type: 'KE', data: d })),
  fc
    .record({ idType: fc.constantFrom(2, 3, 9, 11, 200), protocol: u8, port: u16, data })
    .map((p): Payload => ({ type: 'ID', ...p })),
  fc.record({ encoding: u8, data }).map((p): Payload => ({ type: 'CERT', ...p })),
  fc.record({ encoding: u8, authority: octets(0, 9) }).map((p): Payload => ({ type: 'CERTREQ', ...p })),
  data.map((d): Payload => ({ type: 'HASH', data: d })),
  data.map((d): Payload => ({ type: 'SIG', data: d })),
  octets(8, 256).map((nonce): Payload => ({ type: 'Nonce', nonce })),
  fc
    .record({ doi: u32, protocol: u8, spi: octets(0, 16), notify: u16, data: octets(0, 9) })
    .map((p): Payload => ({ type: 'Notify', ...p })),
  fc
    .array(octets(4, 4), { maxLength: 4 })
    .map((spis): Payload => ({ type: 'Delete', doi: 1, protocol: 3, spiBytes: 4, spis })),
  octets(0, 20).map((d): Payload => ({ type: 'VendorID', data: d })),
  fc.record({ cfgType: u8, identifier: u16, attributes }).map((p): Payload => ({ type: 'ATTRIBUTES', ...p })),
  fc
    .tuple(data, fc.boolean())
    .map(([hash, draft]): Payload => ({ type: 'NATD', hash, ...(draft ? { draft } : {}) })),
  octets(4, 4).map((address): Payload => ({ type: 'NATOA', idType: 1, address })),
  fc
    .tuple(
      u8.filter((n) => !known.has(n)),
      octets(0, 20),
    )
    .map(([number, body]): Payload => ({ type: 'Unknown', payload: number, body })),
)
const header: fc.Arbitrary<Header> = fc.record({
  initiatorCookie: octets(8, 8),
  responderCookie: octets(8, 8),
  majorVersion: fc.constant(1),
  minorVersion: fc.integer({ min: 0, max: 15 }),
  exchange: u8,
  encrypted: fc.constant(false),
  commit: fc.boolean(),
  authenticationOnly: fc.boolean(),
  messageId: u32,
})
const chain = fc.array(payload, { maxLength: 6 })

test('any message comes back as it was', () => {
  fc.assert(
    fc.property(header, chain, (head, payloads) => {
      const result = decodeMessage(encodeMessage(head, payloads))
      expect(result).toMatchObject({ ok: true, value: { sealed: false, header: head, payloads } })
    }),
  )
})

test('payloads are found before any padding', () => {
  fc.assert(
    fc.property(chain, octets(0, 16), (payloads, padding) => {
      const { first, bytes } = encodePayloads(payloads)
      expect(decodePayloads(first, concat(bytes, padding))).toMatchObject({
        ok: true,
        value: { payloads, padding },
      })
    }),
  )
})

test('whatever octets come, the answer is a value; what could be read encodes to the same octets', () => {
  fc.assert(
    fc.property(octets(0, 200), u8, fc.boolean(), (noise, first, encrypted) => {
      const bytes = encodeSealed({ ...HEADER, encrypted }, first, noise)
      const result = decodeMessage(bytes)
      expect(result.ok || result.error.reference !== '').toBe(true)
      if (!result.ok) return
      const { value } = result
      const again = value.sealed
        ? encodeSealed(value.header, value.first, value.ciphertext)
        : encodeMessage(value.header, value.payloads, value.padding)
      expect(toHex(again)).toBe(toHex(bytes))
    }),
    { numRuns: 2_000 },
  )
})

test('a message damaged in one octet is a value too, and encodes to the same octets if it can be read', () => {
  fc.assert(
    fc.property(header, chain, fc.nat(), u8, (head, payloads, place, octet) => {
      const bytes = encodeMessage(head, payloads)
      bytes[place % bytes.length] = octet
      const result = decodeMessage(bytes)
      if (!result.ok || result.value.sealed) return
      const { value } = result
      expect(toHex(encodeMessage(value.header, value.payloads, value.padding))).toBe(toHex(bytes))
    }),
    { numRuns: 1_000 },
  )
})
