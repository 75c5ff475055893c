import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { concat, fromHex, toHex } from '../../../core/bytes/octets.ts'
import { Secret } from '../../../core/bytes/secret.ts'
import { desKey } from '../../../core/ike/v1/des-key.ts'
import { HASHES } from '../../../core/ike/v1/hash-algorithms.ts'
import { hashI, hashR, messageHash, quickHash3 } from '../../../core/ike/v1/hashes.ts'
import {
  derivedKeys,
  keymat,
  phase1Keys,
  skeyidOfPsk,
  skeyidOfSignatures,
  stretched,
} from '../../../core/ike/v1/keys.ts'
import { decrypt, encrypt, exchangeIv, firstIv, lastBlock } from '../../../core/ike/v1/protect.ts'
import { wholeRegistry } from '../../support/bench.ts'

const registry = wholeRegistry()
const SHA1 = registry.prf.get(2)!
const SHA256 = registry.prf.get(5)!
const AES = registry.encryption.get(12)!
if (AES.aead) throw new Error('AES-CBC is no AEAD')

/** HMAC-SHA1 written out, so that a formula here does not rest on the code it checks. */
const mac = (key: Uint8Array, ...parts: Uint8Array[]): Uint8Array =>
  new Uint8Array(
    createHmac('sha1', key)
      .update(concat(...parts))
      .digest(),
  )
const u8 = (...octets: number[]): Uint8Array => Uint8Array.from(octets)

const cookies = {
  initiatorCookie: new Uint8Array(8).fill(0x11),
  responderCookie: new Uint8Array(8).fill(0x22),
}
const ni = new Uint8Array(20).fill(0x33)
const nr = new Uint8Array(20).fill(0x44)
const g = new Uint8Array(128).fill(0x55)
const hex = (secret: Secret): string => secret.use(toHex)

/** First samples of the NIST CAVP sets for IKEv1 (SP 800-135), HMAC-SHA-1. */
const cavp = {
  psk: {
    key: '75',
    gxy: '739003ba2c11c982946c65e26acf661fbf8ebb78011a9fead79efa12fe3e71cc',
    nonces: ['b9a2d0e922dc66dd', '2130166863b5ddef'],
    cookies: ['83d374c30b3b5082', '5afc0da06c728029'],
    skeyid: '62b04d112877e442fc3282fc37c076997718a0b9',
    d: '369e5aad1bdb5faf6a3d929d500cdc236710a9ab',
    a: '588e957d8d790d093b3a39f121473473af78e9bb',
    e: 'cd74b0c048219db81384d3fda8f6cda51e398a2b',
  },
  signature: {
    key: undefined,
    gxy: '8ba4cbc73c0187301dc19a975823854dbd641c597f637f8d053a83b9514673eb',
    nonces: ['69a62284195f1680', '80c94ba25c8abda5'],
    cookies: ['8c3bcd3a69831d7f', 'd2d9a7ff4fbe95a7'],
    skeyid: '707197817fb2d90cf54d1842606bdea59b9f4823',
    d: '384be709a8a5e63c3ed160cfe3921c4b37d5b32d',
    a: '48b327575abe3adba0f279849e289022a13e2b47',
    e: 'a4a415c8e0c38c0da847c356cc61c24df8025560',
  },
} as const

test.each(Object.entries(cavp))('NIST CAVP: SKEYID of a %s and what is made of it', (_name, sample) => {
  const shared = new Secret(fromHex(sample.gxy))
  const [i, r] = [fromHex(sample.nonces[0]), fromHex(sample.nonces[1])]
  const skeyid =
    sample.key === undefined
      ? skeyidOfSignatures(SHA1, i, r, shared)
      : skeyidOfPsk(SHA1, new Secret(fromHex(sample.key)), i, r)
  const keys = derivedKeys(SHA1, skeyid, shared, {
    initiatorCookie: fromHex(sample.cookies[0]),
    responderCookie: fromHex(sample.cookies[1]),
  })
  expect([skeyid, keys.d, keys.a, keys.e].map(hex)).toEqual([sample.skeyid, sample.d, sample.a, sample.e])
})

describe('RFC 2409 §5: SKEYID', () => {
  test('§5.4: of a pre-shared key', () => {
    const psk = fromHex('abcd')
    expect(hex(skeyidOfPsk(SHA1, new Secret(psk.slice()), ni, nr))).toBe(toHex(mac(psk, ni, nr)))
  })

  test('§5.1: of signatures, whose key is public and whose data is the secret', () => {
    expect(hex(skeyidOfSignatures(SHA1, ni, nr, new Secret(g.slice())))).toBe(toHex(mac(concat(ni, nr), g)))
  })

  test('each of SKEYID_d, _a and _e is made of the one before', () => {
    const skeyid = fromHex('0102')
    const keys = derivedKeys(SHA1, new Secret(skeyid.slice()), new Secret(g.slice()), cookies)
    const both = concat(cookies.initiatorCookie, cookies.responderCookie)
    const d = mac(skeyid, g, both, u8(0))
    const a = mac(skeyid, d, g, both, u8(1))
    expect(hex(keys.d)).toBe(toHex(d))
    expect(hex(keys.a)).toBe(toHex(a))
    expect(hex(keys.e)).toBe(toHex(mac(skeyid, a, g, both, u8(2))))
  })
})

describe('RFC 2409 Appendix B: the key of the cipher', () => {
  test('SKEYID_e is cut where it is long enough', () => {
    expect(toHex(stretched(SHA1, new Uint8Array(20).fill(7), 16))).toBe('07'.repeat(16))
    expect(toHex(stretched(SHA256, new Uint8Array(32).fill(7), 32))).toBe('07'.repeat(32))
  })

  test('and stretched where it is not: K1 = prf(SKEYID_e, 0), Kn = prf(SKEYID_e, Kn-1)', () => {
    const e = new Uint8Array(20).fill(7)
    const k1 = mac(e, u8(0))
    const whole = concat(k1, mac(e, k1))
    expect(toHex(stretched(SHA1, e, 32))).toBe(toHex(whole.slice(0, 32)))
    expect(toHex(stretched(SHA1, e, 24))).toBe(toHex(whole.slice(0, 24)))
  })

  test('DES takes the first eight octets that are no weak or semi-weak key, whatever the parity', () => {
    const next = 'a1a2a3a4a5a6a7a8'
    for (const weak of ['0101010101010101', '0001000100010001', 'fee0fee0fef1fef1', '1f1f1f1f0e0e0e0e'])
      expect(toHex(desKey(fromHex(`${weak}${next}ff`)))).toBe(next)
    expect(toHex(desKey(fromHex(`${next}0101010101010101`)))).toBe(next)
    const keys = phase1Keys(SHA1, new Secret(u8(1)), new Secret(g.slice()), cookies, 8)
    expect(keys.cipher.length).toBe(8)
  })

  test('phase 1 keeps SKEYID, _d, _a and the key of the cipher, of the length the cipher wants', () => {
    const keys = phase1Keys(SHA1, new Secret(u8(1)), new Secret(g.slice()), cookies, 32)
    expect([keys.d.length, keys.a.length, keys.cipher.length]).toEqual([20, 20, 32])
  })
})

describe('RFC 2409 §5.5: KEYMAT', () => {
  const d = fromHex('0d0d')
  const spi = fromHex('01020304')
  const make = (shared: Uint8Array | undefined, bytes: number) =>
    toHex(
      keymat(
        SHA1,
        new Secret(d.slice()),
        shared && new Secret(shared.slice()),
        { protocol: 3, spi },
        { ni, nr },
        bytes,
      ),
    )

  test('without PFS: protocol, the SPI of the receiver, both nonces', () => {
    const k1 = mac(d, u8(3), spi, ni, nr)
    const k2 = mac(d, k1, u8(3), spi, ni, nr)
    expect(make(undefined, 36)).toBe(toHex(concat(k1, k2).slice(0, 36)))
  })

  test('with PFS the new secret comes before them, in every block', () => {
    const k1 = mac(d, g, u8(3), spi, ni, nr)
    const k2 = mac(d, k1, g, u8(3), spi, ni, nr)
    expect(make(g, 40)).toBe(toHex(concat(k1, k2)))
  })
})

describe('RFC 2409 §5: hashes', () => {
  const skeyid = fromHex('aa')
  const transcript = { ...cookies, initiatorKe: u8(1), responderKe: u8(2), saBody: u8(3) }

  test('HASH_I and HASH_R both hold the SA of the initiator', () => {
    const key = new Secret(skeyid.slice())
    const { initiatorCookie: i, responderCookie: r } = cookies
    expect(toHex(hashI(SHA1, key, transcript, u8(9)))).toBe(
      toHex(mac(skeyid, u8(1), u8(2), i, r, u8(3), u8(9))),
    )
    expect(toHex(hashR(SHA1, key, transcript, u8(9)))).toBe(
      toHex(mac(skeyid, u8(2), u8(1), r, i, u8(3), u8(9))),
    )
  })

  test('§5.5, §5.7: HASH(1), HASH(2), HASH(3) hold the message ID in network order', () => {
    const a = new Secret(skeyid.slice())
    const id = fromHex('80000001')
    const rest = fromHex('c0ffee')
    expect(toHex(messageHash(SHA1, a, 0x80000001, rest))).toBe(toHex(mac(skeyid, id, rest)))
    expect(toHex(messageHash(SHA1, a, 0x80000001, rest, ni))).toBe(toHex(mac(skeyid, id, ni, rest)))
    expect(toHex(quickHash3(SHA1, a, 0x80000001, ni, nr))).toBe(toHex(mac(skeyid, u8(0), id, ni, nr)))
  })
})

describe('RFC 2409 Appendix B: IVs', () => {
  const sha1 = HASHES.get(2)!

  test('the first is hash(g^xi ‖ g^xr), that of another exchange hash(last block ‖ M-ID)', () => {
    const iv = firstIv(sha1, fromHex('01'), fromHex('02'), 16)
    expect(toHex(iv)).toBe(toHex(sha1.compute(fromHex('0102')).slice(0, 16)))
    expect(toHex(exchangeIv(sha1, iv, 5))).toBe(
      toHex(sha1.compute(concat(iv, fromHex('00000005'))).slice(0, 16)),
    )
  })

  test('zeros fill the last block, and the last block of ciphertext is the next IV', () => {
    const key = new Secret(new Uint8Array(16))
    const iv = new Uint8Array(16)
    const ciphertext = encrypt(AES, key, iv, fromHex('c0ffee'))
    expect(ciphertext).toHaveLength(16)
    expect(toHex(decrypt(AES, key, iv, ciphertext)!)).toBe(`c0ffee${'00'.repeat(13)}`)
    expect(encrypt(AES, key, iv, new Uint8Array(16))).toHaveLength(16)
    expect(lastBlock(concat(new Uint8Array(16), ciphertext), 16)).toEqual(ciphertext)
  })

  test('what is no whole number of blocks is not decrypted', () => {
    const key = new Secret(new Uint8Array(16))
    for (const bytes of [0, 15, 17])
      expect(decrypt(AES, key, new Uint8Array(16), new Uint8Array(bytes))).toBeUndefined()
  })
})
