import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import type { AeadInfo } from '../../core/crypto/transforms.ts'
import {
  childKeys,
  closeIkeKeys,
  skeyseed as firstSkeyseed,
  ikeKeys,
  prfPlus,
  rekeyedSkeyseed,
} from '../../core/ike/v2/keys.ts'

const registry = createRegistry(undefined)
const sha1 = registry.prf.get(2)!
const cbc = registry.encryption.get(12)!
const gcm = registry.encryption.get(20)!
const sha1Mac = registry.integrity.get(2)!
const hex = (secret: Secret): string => secret.use(toHex)

/** First IKEv2 sample of the NIST CAVP set (SP 800-135), HMAC-SHA-1. */
const cavp = {
  gir: fromHex('4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52'),
  girNew: fromHex('863f3c9d06efd39d2b907b97f8699e5dd5251ef64a2a176f36ee40c87d4f9330'),
  ni: fromHex('32b50d5f4a3763f3'),
  nr: fromHex('9206a04b26564cb1'),
  spiI: fromHex('34c9e7c188868785'),
  spiR: fromHex('3ff77d760d2b2199'),
  skeyseed: 'a9a7b222b59f8f48645f28a1db5b5f5d7479cba7',
  dkm:
    'a14293677cc80ff8f9cc0eee30d895da9d8f405666e30ef0dfcb63c634a46002a2a63080e514a062768b76606f9fa5e9' +
    '92204fc5a670bde3f10d6b027113936a5c55b648a194ae587b0088d52204b702c979fa280870d2ed41efa9c549fd1119' +
    '8af1670b143d384bd275c5f594cf266b05ebadca855e4249520a441a81157435a7a56cc4',
  child:
    '8059e3ee8810e6c3a91bc8bcd2a7a41151b8d0e6ae239c7b38093ad85ef4c5811a8e7b5d1cdabd9560b2d5e092d1f24e' +
    '2d4b85eccdf0ad0dc9abd94b51ee71814ca6dbc8bb51b6309f5b9545c7eb35cf5580b1e521a8fe20754a2d883ba0c2cf' +
    '285f524aea6545b33106bc03e614296d319d41d4b50b3f510b1c0a22f3e664994d234cb4',
  childDh:
    'bb43244c1860ad65ee1e211ffe8bb3661750c8f89cb9f547df7f4fa61d37301628190e38c66232eab4b3ab14c400a519' +
    '7dd3730ed4820a8a10394d51e1c0400052f63ebd36b0e7ef53aaed31eba4a5080d7d4b5666023a8bbb5ffb7857240f9a' +
    '05884d1b7d2f933708450b7b3288f1fc863ab49fa901227cffc06e27899c7054d56fd74c',
  skeyseedRekey: '63e81194946ebd05df7df5ebf5d8750056bf1f1d',
}

const skeyseed = () => firstSkeyseed(sha1, cavp.ni, cavp.nr, new Secret(cavp.gir.slice()))
const cbcSuite = {
  encryption: cbc,
  keyBits: 128,
  prf: sha1,
  integrity: sha1Mac as typeof sha1Mac | undefined,
  keyExchange: registry.keyExchange.get(31)!,
}
const cbcChild = { ...cbcSuite, keyExchange: undefined, esn: false }
const skD = () => new Secret(fromHex(cavp.dkm.slice(0, 40)))

describe('NIST CAVP, IKEv2', () => {
  test('RFC 7296 §2.14: SKEYSEED = prf(Ni | Nr, g^ir)', () => {
    expect(hex(skeyseed())).toBe(cavp.skeyseed)
  })

  test('RFC 7296 §2.13: prf+ over several blocks', () => {
    const seed = Buffer.concat([cavp.ni, cavp.nr, cavp.spiI, cavp.spiR])
    expect(toHex(prfPlus(sha1, fromHex(cavp.skeyseed), seed, 132))).toBe(cavp.dkm)
  })

  test('RFC 7296 §2.14: the seven keys are consecutive pieces of that stream', () => {
    const keys = ikeKeys(cbcSuite, skeyseed(), cavp.ni, cavp.nr, cavp.spiI, cavp.spiR)
    const all = [keys.d, keys.ai, keys.ar, keys.ei, keys.er, keys.pi, keys.pr]
    expect(all.map((key) => key.length)).toEqual([20, 20, 20, 16, 16, 20, 20])
    expect(all.map(hex).join('')).toBe(cavp.dkm)
    closeIkeKeys(keys)
    expect(all.every((key) => key.closed)).toBe(true)
  })

  test('RFC 7296 §2.17: KEYMAT without and with a fresh key exchange', () => {
    const inOrder = ({ ei, ai, er, ar }: ReturnType<typeof childKeys>) => [ei, ai, er, ar].map(hex).join('')
    const plain = childKeys(sha1, skD(), cbcChild, undefined, cavp.ni, cavp.nr)
    expect(inOrder(plain)).toBe(cavp.child.slice(0, 2 * (16 + 20) * 2))
    const pfs = childKeys(sha1, skD(), cbcChild, new Secret(cavp.girNew.slice()), cavp.ni, cavp.nr)
    expect(inOrder(pfs)).toBe(cavp.childDh.slice(0, 2 * (16 + 20) * 2))
  })

  test('RFC 7296 §2.18: SKEYSEED of a rekeyed IKE SA', () => {
    const rekeyed = rekeyedSkeyseed(sha1, skD(), new Secret(cavp.girNew.slice()), cavp.ni, cavp.nr)
    expect(hex(rekeyed)).toBe(cavp.skeyseedRekey)
  })
})

test('RFC 5282 §7: with an AEAD SK_ai and SK_ar are empty, and SK_ei holds key and salt', () => {
  const suite = { ...cbcSuite, encryption: gcm, keyBits: 256, integrity: undefined }
  const keys = ikeKeys(suite, skeyseed(), cavp.ni, cavp.nr, cavp.spiI, cavp.spiR)
  expect([keys.ai.length, keys.ar.length, keys.ei.length, keys.er.length]).toEqual([0, 0, 36, 36])
  expect(hex(keys.ei)).toBe(cavp.dkm.slice(40, 40 + 72))
})

describe('RFC 7296 §2.17: how much KEYMAT an SA takes', () => {
  const lengths = (suite: Partial<typeof cbcChild>) => {
    const { ei, ai, er, ar } = childKeys(sha1, skD(), { ...cbcChild, ...suite }, undefined, cavp.ni, cavp.nr)
    return [ei, ai, er, ar].map((key) => key.length)
  }

  test('RFC 2410: NULL takes none for encryption', () => {
    expect(lengths({ encryption: registry.encryption.get(11)!, keyBits: 0 })).toEqual([0, 20, 0, 20])
  })

  test('RFC 4543 §5.3: AES-GMAC takes key and salt, and no integrity key', () => {
    const gmac: AeadInfo = { ...(gcm as AeadInfo), id: 21, name: 'ENCR_NULL_AUTH_AES_GMAC' }
    expect(lengths({ encryption: gmac, keyBits: 128, integrity: undefined })).toEqual([20, 0, 20, 0])
    expect(lengths({ encryption: gmac, keyBits: 256, integrity: undefined })).toEqual([36, 0, 36, 0])
  })
})

test('RFC 7296 §2.14: AES-XCBC and AES-CMAC take eight octets of each nonce', () => {
  const ni = Uint8Array.from({ length: 32 }, (_, i) => i)
  const nr = Uint8Array.from({ length: 16 }, (_, i) => 0x80 + i)
  const key = fromHex('0001020304050607 8081828384858687')
  for (const id of [4, 8]) {
    const prf = registry.prf.get(id)!
    const wanted = toHex(prf.compute(key, cavp.gir))
    expect(hex(firstSkeyseed(prf, ni, nr, new Secret(cavp.gir.slice())))).toBe(wanted)
  }
})

test('RFC 7296 §2.13: prf+ ends after 255 blocks', () => {
  expect(prfPlus(sha1, cavp.ni, cavp.nr, 255 * 20)).toHaveLength(5100)
  expect(() => prfPlus(sha1, cavp.ni, cavp.nr, 255 * 20 + 1)).toThrow(RangeError)
})
