import { describe, expect, test } from 'vitest'
import { concat, fromHex, toHex, utf8 } from '../../core/bytes/octets.ts'
import { fips186Prf } from '../../core/crypto/fips186-2.ts'
import { legacyCrypto, sha1 } from '../../core/crypto/legacy.ts'
import * as chap from '../../core/crypto/ms-chap.ts'
import { loadAddon } from '../../core/native/load.ts'
import { SeededRandom } from '../support/seeded-random.ts'

const legacy = legacyCrypto(loadAddon())
const hex = (bytes: Uint8Array): string => toHex(bytes).toUpperCase()

describe('primitives that no runtime has everywhere', () => {
  test.each([
    ['', '31d6cfe0d16ae931b73c59d7e0c089c0'],
    ['a', 'bde52cb31de33e46245e05fbdbd6fb24'],
    ['message digest', 'd9130a8164549fe818874806e1c7014b'],
    ['abcdefghijklmnopqrstuvwxyz', 'd79e1c308aa5bbcdeea8ed63df412da9'],
  ])('RFC 1320 App. A.5: MD4 of %j', (text, digest) => {
    expect(toHex(legacy.md4(utf8(text)))).toBe(digest)
  })

  test('FIPS 81: DES of one block, both ways', () => {
    const key = fromHex('0123456789abcdef')
    const sealed = legacy.desEncrypt(key, utf8('Now is t'))
    expect(toHex(sealed)).toBe('3fa40e8a984d4815')
    expect(legacy.desDecrypt(key, sealed)).toEqual(utf8('Now is t'))
  })

  test('RFC 6229 §2: RC4 with a key of 40 bits', () => {
    expect(toHex(legacy.rc4(fromHex('0102030405'), new Uint8Array(16)))).toBe(
      'b2396305f03dc027ccc3524a0a1118a8',
    )
  })

  test('one compression of a padded block is SHA-1', () => {
    const block = new Uint8Array(64)
    block.set(utf8('abc'))
    block[3] = 0x80
    block[63] = 24
    expect(legacy.sha1Compress(block)).toEqual(sha1(utf8('abc')))
  })

  test('FIPS 186-2 change notice 1, App. 3.1 step 3: the printed example', () => {
    const xkey = fromHex('bd029bbe7f51960bcf9edb2b61f06f0feb5a38b6')
    expect(toHex(fips186Prf(legacy, xkey, 40))).toBe(
      '2070b3223dba372fde1c0ffc7b2e3b498b2606143c6c18bacb0f6c55babb13788e20d737a3275116',
    )
    expect(toHex(xkey), 'the caller keeps its key').toBe('bd029bbe7f51960bcf9edb2b61f06f0feb5a38b6')
  })
})

// The numbers of RFC 2759 §9.2 and RFC 3079 §3.5.
const user = utf8('User')
const password = chap.utf16Password(utf8('clientPass'))
const serverChallenge = fromHex('5B5D7C7D7B3F2F3E3C2C602132262628')
const peerChallenge = fromHex('21402324255E262A28295F2B3A337C7E')
const passwordHash = chap.ntPasswordHash(legacy, password)
const challenge = chap.challengeHash(peerChallenge, serverChallenge, user)
const ntResponse = chap.challengeResponse(legacy, challenge, passwordHash)

describe('RFC 2759 §9.2: the hash example', () => {
  test('the password as it is hashed', () => {
    expect(hex(password)).toBe('63006C00690065006E0074005000610073007300')
    expect(hex(chap.utf16Password(utf8('ä😀')))).toBe('E4003DD800DE')
  })

  test('PasswordHash, Challenge, NT-Response and the answer of the server', () => {
    expect(hex(passwordHash)).toBe('44EBBA8D5312B8D611474411F56989AE')
    expect(hex(challenge)).toBe('D02E4386BCE91226')
    expect(hex(ntResponse)).toBe('82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF')
    const answer = chap.authenticatorResponse(legacy, passwordHash, ntResponse, challenge)
    expect(answer).toBe('S=407A5589115FD0D6209F510FE9C04566932CDA56')
    expect(chap.isAuthenticatorResponse(answer, `${answer} M=welcome`)).toBe(true)
    expect(chap.isAuthenticatorResponse(answer, answer.toLowerCase())).toBe(true)
    expect(chap.isAuthenticatorResponse(answer, answer.replace('56', '57'))).toBe(false)
    expect(chap.isAuthenticatorResponse(answer, 'S=')).toBe(false)
  })

  test('§4: the hash is over the name without its domain, but with its realm', () => {
    expect(chap.withoutDomain(utf8('LAB\\User'))).toEqual(user)
    expect(chap.withoutDomain(utf8('User@lab.test'))).toEqual(utf8('User@lab.test'))
  })
})

test('RFC 2759 §9.3: DES keys from a password hash, with parity', () => {
  const hash = chap.ntPasswordHash(legacy, chap.utf16Password(utf8('MyPw')))
  expect(hex(hash)).toBe('FC156AF7EDCD6C0EDDE3337D427F4EAC')
  expect(hex(chap.desKey(hash.subarray(0, 7)))).toBe('FD0B5B5E7F6E34D9')
  expect(hex(chap.desKey(hash.subarray(7, 14)))).toBe('0E6E796737EA08FE')
})

test('RFC 3079 §3.5.3: the master key, the start key, and the MSK of 64 octets made of both', () => {
  const master = chap.masterKey(legacy, passwordHash, ntResponse)
  expect(hex(master)).toBe('FDECE3717A8C838CB388E527AE3CDD31')
  // The example is the server's: its sending key is the one towards the client.
  expect(hex(chap.startKeys(master).toClient)).toBe('8B7CDC149B993A1BA118CB153F56DCCB')
  const msk = chap.mschapv2Msk(legacy, passwordHash, ntResponse)
  expect(msk).toEqual(
    concat(fromHex('D5F0E9521E3EA9589645E86051C82226 8B7CDC149B993A1BA118CB153F56DCCB'), new Uint8Array(32)),
  )
})

describe('RFC 2759 §8.9–8.12: a new password travels under the old one', () => {
  const oldHash = passwordHash
  const fresh = chap.utf16Password(utf8('a better one'))

  test('only who knows the old hash reads it', () => {
    const sealed = chap.encryptNewPassword(legacy, new SeededRandom(1), fresh, oldHash)!
    expect(sealed).toHaveLength(516)
    expect(chap.decryptNewPassword(legacy, sealed, oldHash)).toEqual(fresh)
    expect(chap.decryptNewPassword(legacy, sealed, new Uint8Array(16))).toBeUndefined()
    expect(chap.decryptNewPassword(legacy, sealed.subarray(1), oldHash)).toBeUndefined()
  })

  test('more than 256 code units do not fit', () => {
    const random = new SeededRandom(1)
    expect(chap.encryptNewPassword(legacy, random, new Uint8Array(512), oldHash)).toHaveLength(516)
    expect(chap.encryptNewPassword(legacy, random, new Uint8Array(514), oldHash)).toBeUndefined()
  })

  test('the old hash under the new one, half by half', () => {
    const newHash = chap.ntPasswordHash(legacy, fresh)
    const sealed = chap.encryptOldHash(legacy, oldHash, newHash)
    const half = (at: number, key: number): Uint8Array =>
      legacy.desDecrypt(chap.desKey(newHash.subarray(key, key + 7)), sealed.subarray(at, at + 8))
    expect(concat(half(0, 0), half(8, 7))).toEqual(oldHash)
  })
})
