import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat, fromHex, utf8 } from '../../core/bytes/octets.ts'
import { describe as inWords } from '../../core/inspect/describe.ts'
import { dissectIkev1, type Ikev1Help, isChain, NO_HELP } from '../../core/inspect/ikev1.ts'
import { remarksOf, sentenceOf } from '../../core/inspect/tree.ts'
import { encodeMessage, encodePayloads, encodeSealed } from '../../core/wire/ikev1/message.ts'
import type { Payload } from '../../core/wire/ikev1/payload.ts'
import { HEADER as header } from '../support/isakmp.ts'
import { at, expectSound, octetsOf, remarks, said } from './trees.ts'

const read = (...payloads: readonly Payload[]) => dissectIkev1(encodeMessage(header, payloads))
const knowing = (plaintext: Uint8Array): Ikev1Help => ({ ...NO_HELP, open: () => ({ plaintext }) })

const OFFER: Payload = {
  type: 'SA',
  doi: 1,
  situation: fromHex('00000001'),
  proposals: [
    {
      number: 1,
      protocol: 1,
      spi: fromHex(''),
      transforms: [
        {
          number: 1,
          id: 1,
          attributes: [
            { type: 1, value: 7 },
            { type: 14, value: 256 },
            { type: 2, value: 4 },
            { type: 3, value: 65001 },
            { type: 4, value: 14 },
            { type: 11, value: 1 },
            { type: 12, bytes: fromHex('00007080') },
          ],
        },
      ],
    },
  ],
} as unknown as Payload

describe('main mode', () => {
  test('RFC 2409 Appendix A: the attributes of a proposal by name, in both forms', () => {
    const tree = read(OFFER)
    const transform = at(tree, 'Security Association', 'Proposal 1, ISAKMP (1)', 'Transform 1, KEY_IKE (1)')
    const titles = transform.children
      .filter(({ field }) => field.name === 'Attribute')
      .map(({ title }) => title)
    expect(titles.map((title) => title?.split(': ')[1])).toEqual([
      'AES_CBC (7)',
      '256',
      'SHA2_256 (4)',
      'XAUTH_INITIATOR_PRE_SHARED_KEY (65001)',
      'MODP_2048 (14)',
      'SECONDS (1)',
      '28800',
    ])
    expect(sentenceOf(at(tree, 'Header', 'Exchange Type'))).toMatch(/^Main mode/)
    expect(remarks(tree)).toEqual([])
    expectSound(tree)
  })

  test('RFC 2408 §3.16: extensions by the name people know', () => {
    const tree = read({ type: 'VendorID', data: fromHex('4a131c81070358455c5728f20e95452f') })
    expect(tree.root.children[1]!.title).toBe('Vendor ID NAT-T (RFC 3947)')
  })
})

describe('after phase 1', () => {
  const plaintext = concat(
    encodePayloads([
      { type: 'HASH', data: new Uint8Array(20).fill(9) },
      {
        type: 'ATTRIBUTES',
        cfgType: 2,
        identifier: 7,
        attributes: [
          { type: 16521, bytes: utf8('ada') },
          { type: 16522, bytes: utf8('sesame') },
        ],
      },
    ]).bytes,
    new Uint8Array(6),
  )
  const message = encodeSealed(
    { ...header, exchange: 6, encrypted: true, messageId: 5 },
    8,
    new Uint8Array(64),
  )

  test('RFC 2409 Appendix B: what was encrypted is a layer of its own, padding included', () => {
    const tree = dissectIkev1(message, knowing(plaintext))
    expect(said(tree, 'Decrypted payloads', 'Attributes', 'XAUTH_USER_NAME (16521)', 'User Name')).toBe('ada')
    expect(octetsOf(tree, at(tree, 'Decrypted payloads', 'Padding'))).toBe('000000000000')
    expect(remarks(tree)).toEqual([])
    expectSound(tree)
  })

  test('draft-beaulieu-ike-xauth §6: the password is not shown, nor are its octets', () => {
    const words = JSON.stringify(inWords(dissectIkev1(message, knowing(plaintext))))
    expect(words).toContain('ada')
    expect(words).not.toContain('sesame')
    expect(words).not.toContain(Buffer.from('sesame').toString('hex'))
  })

  test('without keys it stays octets, and that is said', () => {
    expect(remarksOf(dissectIkev1(message).root).map(({ kind }) => kind)).toEqual(['noKey'])
  })

  test('RFC 2408 §3.2: nonsense is no chain of payloads', () => {
    expect(isChain(plaintext, 8)).toBe(true)
    const wrong = plaintext.slice()
    wrong[3] = 200
    expect(isChain(wrong, 8)).toBe(false)
  })
})

test('of Cisco and Microsoft: fragments are joined to the message they are parts of', () => {
  const whole = encodeMessage(header, [
    { type: 'Nonce', nonce: new Uint8Array(16).fill(3) } as unknown as Payload,
  ])
  const kept: Uint8Array[] = []
  const help: Ikev1Help = {
    ...NO_HELP,
    join: (_, { data, last }) => {
      kept.push(data)
      return last ? concat(...kept) : undefined
    },
  }
  const part = (number: number, data: Uint8Array, flags: number) =>
    dissectIkev1(encodeMessage(header, [{ type: 'FRAGMENT', id: 1, number, flags, data }]), help)
  expect(remarks(part(1, whole.subarray(0, 20), 0))).toEqual(['part 1 of message 1'])
  const last = part(2, whole.subarray(20), 1)
  expect(said(last, 'Fragment', 'Message of all fragments', 'Nonce', 'Nonce Data')).toBe('03'.repeat(16))
  expectSound(last)
})

test('whatever is changed, cut or made up, a sound tree comes back', () => {
  const whole = encodeMessage(header, [OFFER, { type: 'VendorID', data: fromHex('c0ffee') }])
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.integer({ min: 0, max: whole.length }).map((end) => whole.subarray(0, end)),
    fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 }).map((changes) => {
      const copy = whole.slice()
      for (const [where, octet] of changes) copy[where] = octet
      return copy
    }),
    fc
      .tuple(
        fc.constantFrom(1, 5, 6, 7, 8, 11, 12, 13, 14, 20, 21, 130, 131, 132),
        fc.uint8Array({ maxLength: 120 }),
      )
      .map(([payload, body]) =>
        encodeMessage(header, [{ type: 'Unknown', payload, body } as unknown as Payload]),
      ),
  )
  fc.assert(
    fc.property(message, (bytes) => {
      expectSound(
        dissectIkev1(bytes, { open: () => ({ plaintext: bytes.subarray(0, 90) }), join: () => bytes }),
      )
    }),
    { numRuns: 1_000 },
  )
})
