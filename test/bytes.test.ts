import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { asEspSpi, asIkeSpi, asNonce } from '../core/bytes/brands.ts'
import { Malformed } from '../core/bytes/malformed.ts'
import { compare, concat, equalConstantTime, fromHex, toHex } from '../core/bytes/octets.ts'
import { Reader } from '../core/bytes/reader.ts'
import { Secret } from '../core/bytes/secret.ts'
import { Writer } from '../core/bytes/writer.ts'

describe('Reader', () => {
  test('reads big-endian and says what is left', () => {
    const r = new Reader(fromHex('01 0203 04050607 08'), ['message'], 'RFC 7296 §3.1')
    expect([r.u8('a'), r.u16('b'), r.u32('c')]).toEqual([1, 0x0203, 0x04050607])
    expect(r.left).toBe(1)
    expect(r.rest()).toEqual(Uint8Array.of(8))
  })

  test('a field that does not fit is named with path, offset and section', () => {
    const outer = new Reader(new Uint8Array(6), ['SA'], 'RFC 7296 §3.3')
    outer.bytes(4, 'header')
    const inner = outer.sub(2, 'Proposal 1', 'RFC 7296 §3.3.1')
    inner.u8('Last Substruc')
    expect(() => inner.u16('Proposal Length')).toThrow(
      'SA / Proposal 1 / Proposal Length: 1 octets left, 2 wanted at octet 5 (RFC 7296 §3.3.1)',
    )
    expect(() => inner.u32('x')).toThrow(Malformed)
  })
})

describe('Writer', () => {
  test('grows, and lengths can be filled in later', () => {
    const w = new Writer(2)
    w.u16(0)
    w.bytes(fromHex('aabbcc'))
    w.setU16(0, w.length)
    expect(toHex(w.finish())).toBe('0005aabbcc')
  })
})

describe('Secret', () => {
  test('prints as [secret] wherever it lands', () => {
    const secret = Secret.fromText('hunter2')
    expect(`${secret} ${JSON.stringify({ secret })} ${inspect({ secret })}`).not.toContain('hunter2')
    expect(`${secret}`).toBe('[secret]')
  })

  test('is wiped when its owner closes it', () => {
    const bytes = fromHex('01020304')
    const secret = new Secret(bytes)
    secret.close()
    secret.close()
    expect(bytes).toEqual(new Uint8Array(4))
    expect(() => secret.use((b) => b)).toThrow('closed')
  })

  test('a copy of what it lends outlives it, also where it was made of a Buffer', () => {
    const secret = new Secret(Buffer.from('01020304', 'hex'))
    const copy = secret.use((bytes) => bytes.slice(0, 2))
    secret.close()
    expect(copy).toEqual(fromHex('0102'))
  })
})

describe('octets and brands', () => {
  test('RFC 7296 §2.8: a nonce that is the beginning of another comes first', () => {
    expect(compare(fromHex('0102'), fromHex('010200'))).toBeLessThan(0)
    expect(compare(fromHex('02'), fromHex('010200'))).toBeGreaterThan(0)
    expect(compare(fromHex('0102'), concat(fromHex('01'), fromHex('02')))).toBe(0)
  })

  test('comparing in constant time still compares', () => {
    expect(equalConstantTime(fromHex('aa'), fromHex('aa'))).toBe(true)
    expect(equalConstantTime(fromHex('aa'), fromHex('ab'))).toBe(false)
    expect(equalConstantTime(fromHex('aa'), fromHex('aabb'))).toBe(false)
  })

  test('values out of range get no brand', () => {
    expect(() => asEspSpi(255)).toThrow('256')
    expect(() => asIkeSpi(new Uint8Array(7))).toThrow('8 octets')
    expect(() => asNonce(new Uint8Array(15))).toThrow('16')
    expect(asEspSpi(256)).toBe(256)
  })
})

test('a secret prints as [secret] in JSON, in texts and in logs', () => {
  const secret = Secret.fromText('sesame')
  expect([JSON.stringify({ secret }), `${secret}`, inspect(secret)]).toEqual([
    '{"secret":"[secret]"}',
    '[secret]',
    '[secret]',
  ])
})
