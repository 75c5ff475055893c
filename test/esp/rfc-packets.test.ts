/**
 * Whole ESP packets printed in RFC 3602 §4 and RFC 7634 appendix A. Only the numbers are copied, as
 * the test data they are meant to be; the documents are © IETF Trust and their authors (BCP 78).
 */
import { expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import type { EspSa } from '../../core/esp/engine.ts'
import { open } from '../../core/esp/open.ts'
import { ReplayWindow } from '../../core/esp/replay-window.ts'
import { seal } from '../../core/esp/seal.ts'
import { createSuite } from '../../core/esp/suite.ts'
import { decodeEsp } from '../../core/wire/esp.ts'
import { espRegistry, NO_ICV } from '../support/esp-registry.ts'

interface Example {
  readonly name: string
  readonly sa: () => EspSa
  readonly sequence: bigint
  readonly iv: string
  readonly payload: string
  readonly nextHeader: number
  /** From the SPI on. */
  readonly esp: string
}

const cbc = (spi: number, key: string) => (): EspSa => ({
  spi: asEspSpi(spi),
  encryption: { id: 12, keyBits: 128 },
  encryptionKey: new Secret(fromHex(key)),
  integrity: NO_ICV, // the examples of RFC 3602 carry none
  integrityKey: new Secret(new Uint8Array(0)),
  esn: false,
})

const EXAMPLES: readonly Example[] = [
  {
    name: 'RFC 3602 §4 case 5, transport mode',
    sa: cbc(0x4321, '90d382b410eeba7ad938c46cec1a82bf'),
    sequence: 1n,
    iv: 'e96e8c08ab465763fd098d45dd3ff893',
    payload:
      '08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637',
    nextHeader: 1,
    esp: '0000432100000001e96e8c08ab465763fd098d45dd3ff893f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874aa269add047ad2d5913ac19b7cfbad4a6',
  },
  {
    name: 'RFC 3602 §4 case 6, transport mode',
    sa: cbc(0x4321, '90d382b410eeba7ad938c46cec1a82bf'),
    sequence: 8n,
    iv: '69d08df7d203329db093fc4924e5bd80',
    payload: '0800b5e8a80a0500a69c083d0b660e00777777777777777777777777',
    nextHeader: 1,
    esp: '000043210000000869d08df7d203329db093fc4924e5bd80f51995881ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75',
  },
  {
    name: 'RFC 3602 §4 case 7, tunnel mode',
    sa: cbc(0x8765, '0123456789abcdef0123456789abcdef'),
    sequence: 2n,
    iv: 'f4e765244f6407adf13dc1380f673f37',
    payload:
      '45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637',
    nextHeader: 4,
    esp: '0000876500000002f4e765244f6407adf13dc1380f673f37773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8e4ecaec78ac53aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5c177f132ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d',
  },
  {
    name: 'RFC 3602 §4 case 8, tunnel mode',
    sa: cbc(0x8765, '0123456789abcdef0123456789abcdef'),
    sequence: 5n,
    iv: '85d47224b5f3dd5d2101d4ea8dffab22',
    payload:
      '45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    nextHeader: 4,
    esp: '000087650000000585d47224b5f3dd5d2101d4ea8dffab2215b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb50f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3d2726d9b5ef6affc6d17a0decbb13892',
  },
  {
    name: 'RFC 7634 appendix A',
    sa: () => ({
      spi: asEspSpi(0x01020304),
      encryption: { id: 28, keyBits: 256 },
      encryptionKey: new Secret(
        fromHex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3'),
      ),
      esn: false,
    }),
    sequence: 5n,
    iv: '1011121314151617',
    payload:
      '45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637',
    nextHeader: 4,
    esp: '0102030400000005101112131415161724039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43',
  },
]

test.each(EXAMPLES)('$name: sealed octet for octet', ({ sa, sequence, iv, payload, nextHeader, esp }) => {
  const { spi } = sa()
  const content = { payload: fromHex(payload), nextHeader }
  const sealed = seal(createSuite(espRegistry, sa()), { spi, sequence, esn: false }, fromHex(iv), content)
  expect(toHex(sealed)).toBe(esp)
})

test.each(EXAMPLES)('$name: opened', ({ sa, sequence, payload, nextHeader, esp }) => {
  const packet = decodeEsp(fromHex(esp))
  if (!packet.ok) throw packet.error
  expect(packet.value.spi).toBe(sa().spi)
  const opened = open(createSuite(espRegistry, sa()), new ReplayWindow(64), false, packet.value)
  expect(opened).toMatchObject({ ok: true, sequence, content: { nextHeader } })
  if (opened.ok) expect(toHex(opened.content.payload)).toBe(payload)
})
