import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import type { Random } from '../../core/bytes/random.ts'
import { createRegistry } from '../../core/crypto/registry.ts'
import { systemRandom } from '../../core/crypto/system-random.ts'
import { loadAddon } from '../../core/native/load.ts'

const registry = createRegistry(loadAddon())

test('every transform of the table is there when the addon is', () => {
  expect([...registry.encryption.keys()]).toEqual([
    2, 3, 11, 12, 13, 14, 15, 16, 18, 19, 20, 23, 24, 25, 26, 27, 28,
  ])
  expect([...registry.prf.keys()]).toEqual([1, 2, 4, 5, 6, 7, 8])
  expect([...registry.integrity.keys()]).toEqual([1, 2, 5, 6, 7, 8, 12, 13, 14])
  expect([...registry.keyExchange.keys()]).toEqual([
    1, 2, 5, 14, 15, 16, 17, 18, 19, 20, 21, 28, 29, 30, 31, 32, 35, 36, 37,
  ])
})

test('without the addon its transforms are absent, not broken', () => {
  const small = createRegistry(undefined)
  expect([...small.encryption.keys()]).toEqual([2, 3, 11, 12, 13, 18, 19, 20])
  expect([...small.keyExchange.keys()]).toEqual([19, 20, 21, 31, 35, 36, 37])
})

test('what is weak says why, in a sentence without a full stop', () => {
  const rows = [
    ...registry.encryption.values(),
    ...registry.prf.values(),
    ...registry.integrity.values(),
    ...registry.keyExchange.values(),
  ]
  const weak = rows.filter((row) => row.weakness !== undefined)
  expect(weak.map((row) => row.name)).toEqual([
    'ENCR_DES',
    'ENCR_3DES',
    'ENCR_NULL',
    'PRF_HMAC_MD5',
    'PRF_HMAC_SHA1',
    'AUTH_HMAC_MD5_96',
    'AUTH_HMAC_SHA1_96',
    'AUTH_HMAC_MD5_128',
    'AUTH_HMAC_SHA1_160',
    'MODP_768',
    'MODP_1024',
    'MODP_1536',
  ])
  for (const row of weak) expect(row.weakness).toMatch(/[^.]$/)
})

test('FIPS 81 Table C1: DES-CBC', () => {
  const row = registry.encryption.get(2)!
  if (row.aead) throw new Error('DES brings no integrity')
  const text = new TextEncoder().encode('Now is the time for all ')
  const sealed = 'e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6'
  const iv = fromHex('1234567890abcdef')
  const des = row.make(fromHex('0123456789abcdef'))
  expect(toHex(des.encrypt(iv, text))).toBe(sealed)
  expect(des.decrypt(iv, fromHex(sealed))).toEqual(text)
})

const isKem = ({ name }: { readonly name: string }): boolean => name.startsWith('ML_KEM')

describe.each([...registry.keyExchange.values()])('key exchange $id, $name', (group) => {
  test('both sides get one secret out of fresh values', () => {
    const begun = group.begin(systemRandom)
    const answer = group.respond(systemRandom, begun.data)!
    expect(begun.data).toHaveLength(group.initiatorBytes)
    expect(answer.data).toHaveLength(group.responderBytes)
    const secret = begun.finish(answer.data)!
    expect(secret.use(toHex)).toBe(answer.secret.use(toHex))
    expect(toHex(group.begin(systemRandom).data)).not.toBe(toHex(begun.data))
    begun.close()
    if (!isKem(group)) expect(() => begun.finish(answer.data)).toThrow()
  })
})

describe.each([...registry.keyExchange.values()].filter(isKem))('encapsulation $id, $name', (group) => {
  test('FIPS 203 §7.2: a key beyond the modulus, or of the wrong length, is refused', () => {
    const begun = group.begin(systemRandom)
    const beyond = begun.data.slice().fill(0xff, 0, 3)
    for (const bad of [beyond, begun.data.subarray(1), Uint8Array.of(0, ...begun.data), new Uint8Array(0)])
      expect(group.respond(systemRandom, bad)).toBeUndefined()
    expect(begun.finish(new Uint8Array(group.responderBytes - 1))).toBeUndefined()
  })

  test('FIPS 203 §6.3: a changed ciphertext gives another secret, and no error', () => {
    const begun = group.begin(systemRandom)
    const { data, secret } = group.respond(systemRandom, begun.data)!
    expect(begun.finish(data.with(5, data[5]! ^ 1))!.use(toHex)).not.toBe(secret.use(toHex))
  })
})

describe.each([...registry.keyExchange.values()].filter((row) => !isKem(row)))(
  'group $id, $name',
  (group) => {
    test('RFC 6989: a value that is no group element, or of the wrong length, is refused', () => {
      const begun = group.begin(systemRandom)
      const zero = new Uint8Array(group.responderBytes)
      const ones = new Uint8Array(group.responderBytes).fill(0xff)
      const one = zero.with(group.id >= 31 ? 0 : zero.length - 1, 1)
      for (const bad of [
        zero,
        one,
        begun.data.subarray(1),
        Uint8Array.of(0, ...begun.data),
        new Uint8Array(0),
      ]) {
        expect(begun.finish(bad)).toBeUndefined()
        expect(group.respond(systemRandom, bad)).toBeUndefined()
      }
      if (group.id < 31) expect(begun.finish(ones)).toBeUndefined()
    })
  },
)

test('RFC 7296 §3.4: a small MODP value is padded on the left to the length of the prime', () => {
  const three: Random = { bytes: (count) => new Uint8Array(count).with(count - 1, 3) }
  const { data } = registry.keyExchange.get(14)!.begin(three)
  expect(data).toHaveLength(256)
  expect(toHex(data)).toBe(`${'00'.repeat(255)}08`)
})

test('RFC 6989 §2.1: p−1 is refused', () => {
  const p = `${'f'.repeat(16)}c90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a3620ffffffffffffffff`
  const { finish } = registry.keyExchange.get(1)!.begin(systemRandom)
  expect(finish(fromHex(`${p.slice(0, -1)}e`))).toBeUndefined()
  expect(finish(fromHex(p))).toBeUndefined()
  expect(finish(fromHex(`${p.slice(0, -1)}d`))).toBeDefined()
})

test('a key of the wrong length is our mistake and throws', () => {
  for (const row of registry.encryption.values()) {
    expect(() => row.make(new Uint8Array(row.keyBits[0]! / 8 + row.saltBytes + 1))).toThrow(RangeError)
  }
})
