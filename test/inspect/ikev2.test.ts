import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asNonce } from '../../core/bytes/brands.ts'
import { concat, fromHex, utf8 } from '../../core/bytes/octets.ts'
import { describe as inWords } from '../../core/inspect/describe.ts'
import { dissectIkev2, type Ikev2Help, NO_HELP } from '../../core/inspect/ikev2.ts'
import {
  isMalformed,
  referenceOf,
  remarksOf,
  sentenceOf,
  titleOf,
  walk,
  wordsOf,
} from '../../core/inspect/tree.ts'
import { encodeResolver, encodeResolverDigest } from '../../core/wire/ikev2/encrypted-dns.ts'
import { encodeMessage, encodePayloads, type Header } from '../../core/wire/ikev2/message.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { vector } from '../support/vectors.ts'
import { at, expectSound, octetsOf, remarks, said } from './trees.ts'

const request = vector('ikev2/ike-sa-init-req.bin')
const header: Header = {
  initiatorSpi: fromHex('0102030405060708'),
  responderSpi: fromHex('1112131415161718'),
  majorVersion: 2,
  minorVersion: 0,
  exchange: 35,
  initiator: true,
  higherVersion: false,
  response: false,
  messageId: 1,
}
const read = (...payloads: readonly Payload[]) => dissectIkev2(encodeMessage(header, payloads))

/** Opens by knowing what is inside, as the inspector of a live tunnel does. */
const knowing = (content: Uint8Array): Ikev2Help => ({ ...NO_HELP, open: () => ({ content }) })
const sealed = (first: number): Payload => ({ type: 'SK', first, body: new Uint8Array(40), bodyOffset: 32 })
const EAP = 48

describe('a captured IKE_SA_INIT request', () => {
  const tree = dissectIkev2(request)

  test('RFC 7296 §3.1: every field of the header has its octets, its words and its section', () => {
    expect(said(tree, 'Header', 'Exchange Type')).toBe('IKE_SA_INIT (34)')
    expect(said(tree, 'Header', 'Initiator')).toBe('set')
    expect(said(tree, 'Header', 'Message ID')).toBe('0x00000000')
    const exchange = at(tree, 'Header', 'Exchange Type')
    expect(octetsOf(tree, exchange)).toBe('22')
    expect(exchange.at).toBe(18)
    expect(sentenceOf(exchange)).toMatch(/^The first two messages/)
    expect(referenceOf(exchange)).toBe('RFC 7296 §3.1')
  })

  test('nothing in it is wrong, and no octet is left unexplained', () => {
    expect(remarks(tree)).toEqual([])
    const covered = new Uint8Array(request.length)
    for (const payload of tree.root.children) covered.fill(1, payload.at, payload.at + payload.length)
    expect(covered.every((octet) => octet === 1)).toBe(true)
    expectSound(tree)
  })
})

describe('payloads', () => {
  test('RFC 7296 §3.3: proposals, transforms with their names, key length', () => {
    const tree = read({
      type: 'SA',
      proposals: [
        {
          number: 1,
          protocol: 3,
          spi: fromHex('c0ffee01'),
          transforms: [
            { type: 1, id: 20, attributes: [{ type: 14, value: 256 }] },
            { type: 4, id: 31, attributes: [] },
            { type: 6, id: 36, attributes: [] },
          ],
        },
      ],
    })
    const proposal = ['Security Association', 'Proposal 1'] as const
    expect(said(tree, ...proposal, 'Protocol ID')).toBe('ESP (3)')
    expect(said(tree, ...proposal, 'SPI')).toBe('c0ffee01')
    const transforms = at(tree, ...proposal).children.filter(({ field }) => field.name === 'Transform')
    expect(transforms.map(({ title }) => title)).toEqual([
      'Transform ENCR_AES_GCM_16 (20), 256 bits',
      'Transform CURVE25519 (31)',
      'Transform ML_KEM_768 (36)',
    ])
    expect(octetsOf(tree, transforms[0]!)).toBe('0300000c01000014800e0100')
  })

  test('RFC 7296 §3.10.1: a notify is said in a sentence, with the document it comes from', () => {
    const tree = read({ type: 'Notify', protocol: 0, spi: fromHex(''), notify: 16430, data: fromHex('') })
    const type = at(tree, 'Notify IKEV2_FRAGMENTATION_SUPPORTED (16430)', 'Notify Message Type')
    expect(sentenceOf(type)).toBe('Large messages may be cut into encrypted fragments.')
    expect(referenceOf(type)).toBe('RFC 7296 §3.10.1, RFC 7383')
  })

  test('RFC 7296 §1.3: INVALID_KE_PAYLOAD names the group that is wanted', () => {
    const tree = read({ type: 'Notify', protocol: 0, spi: fromHex(''), notify: 17, data: fromHex('0013') })
    expect(said(tree, 'Notify INVALID_KE_PAYLOAD (17)', 'Accepted DH Group')).toBe('ECP_256 (19)')
  })

  test('RFC 7296 §3.5, §3.13, §3.15: identities, selectors and configuration in plain words', () => {
    const tree = read(
      { type: 'IDi', idType: 3, data: utf8('ada@example.org') },
      {
        type: 'CP',
        cfgType: 2,
        attributes: [
          { type: 1, value: fromHex('0a4e000a') },
          { type: 3, value: fromHex('') },
        ],
      },
      {
        type: 'TSr',
        selectors: [
          {
            type: 7,
            protocol: 6,
            startPort: 443,
            endPort: 443,
            startAddress: fromHex('0a4d0000'),
            endAddress: fromHex('0a4d00ff'),
          },
        ],
      },
    )
    expect(said(tree, 'Identification – Initiator', 'ID_RFC822_ADDR')).toBe('ada@example.org')
    expect(said(tree, 'Configuration', 'INTERNAL_IP4_ADDRESS (1)', 'Address')).toBe('10.78.0.10')
    expect(at(tree, 'Configuration', 'INTERNAL_IP4_DNS (3)').children).toHaveLength(2)
    expect(said(tree, 'Traffic Selector – Responder', 'Traffic Selector')).toBe(
      '10.77.0.0 to 10.77.0.255, protocol 6, ports 443 to 443',
    )
    expectSound(tree)
  })

  test('RFC 9464 §3: an encrypted name server, how it is asked, and the digest of its key', () => {
    const resolver = {
      priority: 1,
      addresses: ['10.77.0.53'],
      name: 'dns.example',
      alpn: ['dot'],
      port: 8853,
    }
    const tree = read({
      type: 'CP',
      cfgType: 2,
      attributes: [
        { type: 27, value: encodeResolver(resolver) },
        { type: 29, value: encodeResolverDigest({ hash: 2, digest: new Uint8Array(32) }) },
        { type: 28, value: new Uint8Array(0) },
      ],
    })
    const first = ['Configuration', 'ENCDNS_IP4 (27)']
    expect(said(tree, ...first, 'IP Address')).toBe('10.77.0.53')
    expect(said(tree, ...first, 'Authentication Domain Name')).toBe('dns.example')
    expect(said(tree, ...first, 'SvcParam', 'ALPN')).toBe('dot')
    expect(said(tree, 'Configuration', 'ENCDNS_DIGEST_INFO (29)', 'Hash Algorithm Identifier')).toBe(
      'SHA2_256 (2)',
    )
    expect(remarks(tree)).toEqual([])
    expectSound(tree)
  })

  test('RFC 9867 §3.1, RFC 9593 §3.2: a named PPK with its confirmation, announced ways to sign', () => {
    const notify = (type: number, hex: string): Payload => ({
      type: 'Notify',
      protocol: 0,
      spi: new Uint8Array(0),
      notify: type,
      data: fromHex(hex),
    })
    const tree = read(notify(16446, '0261620102030405060708'), notify(16443, '0202030100050e00aabb'))
    const [ppk, methods] = tree.root.children.slice(1)
    const words = (node: typeof ppk) => [...walk(node!)].map((one) => `${titleOf(one)}: ${wordsOf(one)}`)
    expect(words(ppk)).toEqual(expect.arrayContaining(['PPK_ID: 6162', 'PPK Confirmation: 0102030405060708']))
    expect(words(methods)).toEqual(
      expect.arrayContaining([
        'Auth Method: SHARED_KEY_MIC (2)',
        'Auth Method: RSA_SIGNATURE (1)',
        'AlgorithmIdentifier: aabb',
      ]),
    )
    expectSound(tree)
  })

  test('RFC 7427 §3: a digital signature is told apart from the name of its algorithm', () => {
    const tree = read({ type: 'AUTH', method: 14, data: fromHex('03aabbccddeeff') })
    expect(said(tree, 'Authentication', 'AlgorithmIdentifier')).toBe('aabbcc')
    expect(said(tree, 'Authentication', 'Signature Value')).toBe('ddeeff')
  })

  test('RFC 7296 §3.12: what a Vendor ID is, where it is a text', () => {
    const tree = read({ type: 'VendorID', data: utf8('FLEXVPN-SUPPORTED') })
    expect(tree.root.children[1]!.title).toBe('Vendor ID “FLEXVPN-SUPPORTED”')
  })
})

describe('what is encrypted', () => {
  test('RFC 7296 §3.14: without keys it stays octets, and that is said', () => {
    const tree = read(sealed(35))
    expect(remarksOf(tree.root).map(({ kind }) => kind)).toEqual(['noKey'])
    expect(remarksOf(tree.root).some(isMalformed)).toBe(false)
  })

  test('RFC 7296 §3.14: what was inside is a layer of its own, with offsets from its own beginning', () => {
    const { first, bytes } = encodePayloads([{ type: 'Nonce', nonce: asNonce(new Uint8Array(32).fill(7)) }])
    const tree = dissectIkev2(encodeMessage(header, [sealed(first)]), knowing(bytes))
    const nonce = at(tree, 'Encrypted and Authenticated', 'Decrypted payloads', 'Nonce', 'Nonce Data')
    expect(tree.layers.map(({ name }) => name)).toEqual(['Message', 'Decrypted'])
    expect([nonce.layer, nonce.at, nonce.length]).toEqual([1, 4, 32])
    expectSound(tree)
  })

  test('RFC 7383 §2.6: parts are shown as they come, the message with the last of them', () => {
    const { first, bytes } = encodePayloads([{ type: 'IDi', idType: 2, data: utf8('client.example.org') }])
    const halves = [bytes.subarray(0, 9), bytes.subarray(9)]
    const kept: Uint8Array[] = []
    const trees = halves.map((content, i) =>
      dissectIkev2(
        encodeMessage(header, [
          {
            type: 'SKF',
            first: i === 0 ? first : 0,
            fragment: i + 1,
            total: 2,
            body: new Uint8Array(20),
            bodyOffset: 36,
          },
        ]),
        {
          open: () => ({ content }),
          join: (_, part) => {
            kept.push(part.content)
            return kept.length === 2 ? { first, content: concat(...kept) } : undefined
          },
        },
      ),
    )
    expect(remarks(trees[0]!)).toEqual(['part 1 of 2'])
    const identity = at(
      trees[1]!,
      'Encrypted and Authenticated Fragment',
      'Message of all fragments',
      'Identification – Initiator',
      'ID_FQDN',
    )
    expect(identity.value).toBe('client.example.org')
    for (const tree of trees) expectSound(tree)
  })
})

describe('EAP', () => {
  const eap = (hex: string) =>
    dissectIkev2(
      encodeMessage(header, [sealed(EAP)]),
      knowing(concat(fromHex('0000'), lengthOf(hex), fromHex(hex))),
    )
  const lengthOf = (hex: string) => Uint8Array.of(0, 4 + hex.length / 2)
  const inside = ['Encrypted and Authenticated', 'Decrypted payloads', 'Extensible Authentication'] as const

  test('RFC 3748 §5.1: an identity', () => {
    const tree = eap('02010009' + '01' + '61646121')
    expect(said(tree, ...inside, 'EAP Identity (1)', 'Identity')).toBe('ada!')
  })

  test('draft-kamath-pppext-eap-mschapv2 §2: a response of MSCHAPv2, field by field', () => {
    const tree = eap(`0201003f1a0201003a31${'11'.repeat(16)}${'00'.repeat(8)}${'22'.repeat(24)}00616461aa`)
    expect(said(tree, ...inside, 'EAP EAP-MSCHAPv2 (26)', 'NT-Response')).toBe('22'.repeat(24))
    expectSound(tree)
  })

  test('RFC 3748 §5.6: a password in a token card answer is not shown, nor are its octets', () => {
    const tree = eap('0201000b06' + '736573616d65')
    const words = inWords(tree)
    expect(JSON.stringify(words)).not.toContain('sesame')
    expect(JSON.stringify(words)).not.toContain('736573616d65')
    expect(words.layers[1]!.hex).toMatch(/06(00){6}$/)
    expect(JSON.stringify(inWords(tree, true))).toContain('sesame')
  })
})

describe('hostile octets', () => {
  test('RFC 7296 §3.2: a length beyond the end is a remark on the payload, and what is there is shown', () => {
    const tree = dissectIkev2(request.subarray(0, 60))
    expect(remarksOf(tree.root).some(isMalformed)).toBe(true)
    expect(said(tree, 'Header', 'Exchange Type')).toBe('IKE_SA_INIT (34)')
    expectSound(tree)
  })

  test('a payload of no length ends the chain', () => {
    const bytes = encodeMessage(header, [{ type: 'VendorID', data: fromHex('c0ffee') }])
    bytes[31] = 0
    expect(remarks(dissectIkev2(bytes))).toContain('0 octets, and the header alone has 4')
  })

  test('texts cannot steer a terminal', () => {
    const tree = read({ type: 'IDi', idType: 2, data: utf8('a\u001b[31m\u202egnp') })
    expect(said(tree, 'Identification – Initiator', 'ID_FQDN')).toBe('a\ufffd[31m\ufffdgnp')
  })

  test('whatever is changed, cut or made up, a sound tree comes back', () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 0, max: request.length }).map((end) => request.subarray(0, end)),
      fc.array(fc.tuple(fc.nat(request.length - 1), fc.nat(255)), { maxLength: 8 }).map((changes) => {
        const copy = request.slice()
        for (const [where, octet] of changes) copy[where] = octet
        return copy
      }),
      fc.tuple(fc.integer({ min: 33, max: 54 }), fc.uint8Array({ maxLength: 120 })).map(([first, body]) => {
        const bytes = encodeMessage(header, [{ type: 'Unknown', payload: first, body }])
        return bytes
      }),
    )
    fc.assert(
      fc.property(message, (bytes) => {
        expectSound(dissectIkev2(bytes, knowing(bytes.subarray(0, 90))))
      }),
      { numRuns: 1_000 },
    )
  })
})
