import { describe, expect, test } from 'vitest'
import { concat, fromHex, toHex } from '../../core/bytes/octets.ts'
import {
  type AuthForm,
  chooseAuth,
  encodeAuthData,
  offeredHashes,
  verifyAuth,
} from '../../core/cert/auth-signature.ts'
import { signData } from '../../core/cert/private-key.ts'
import { rsaKey } from '../../core/cert/public-key.ts'
import { decodeSchemeDer, encodeScheme, type SignatureScheme } from '../../core/cert/signature.ts'
import { type KeyKind, makeKey, rsaPssOnly, type TestKey } from '../support/pki.ts'

const SIGNED = new Uint8Array(300).fill(0x5a)
const keys = {
  rsa: makeKey('rsa'),
  'P-256': makeKey('P-256'),
  'P-384': makeKey('P-384'),
  'P-521': makeKey('P-521'),
  ed25519: makeKey('ed25519'),
  ed448: makeKey('ed448'),
} as const satisfies Partial<Record<KeyKind, TestKey>>

const STRONG = offeredHashes(false)
const rules = { offeredHashes: STRONG, weakSha1: false }
const publicOf = (key: TestKey) => key.signing.publicKey

/** AUTH as its owner would send it. */
const auth = (key: TestKey, form: AuthForm, signed = SIGNED) => ({
  method: form.method,
  data: encodeAuthData(form, signData(key.signing, form.scheme, signed, form.raw)),
})
const digital = (scheme: SignatureScheme): AuthForm => ({ method: 14, scheme, raw: false })
const chosen = (key: TestKey, peerHashes: readonly number[] | undefined, more = {}): AuthForm => {
  const choice = chooseAuth(publicOf(key), { peerHashes, pss: false, weakSha1: false, ...more })
  if (!choice.ok) throw new Error(choice.problem)
  return choice.form
}
const why = (verdict: ReturnType<typeof verifyAuth>): string => (verdict.ok ? verdict.scheme : verdict.why)

describe('RFC 7427 appendix A, RFC 8420 appendix A: algorithm identifiers', () => {
  const PSS_SHA256 =
    '304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120'
  const rows: [string, SignatureScheme][] = [
    ['300d06092a864886f70d0101050500', { kind: 'rsa', hash: 'sha1' }],
    ['300d06092a864886f70d01010b0500', { kind: 'rsa', hash: 'sha256' }],
    ['300d06092a864886f70d01010c0500', { kind: 'rsa', hash: 'sha384' }],
    ['300d06092a864886f70d01010d0500', { kind: 'rsa', hash: 'sha512' }],
    ['300906072a8648ce3d0401', { kind: 'ecdsa', hash: 'sha1' }],
    ['300a06082a8648ce3d040302', { kind: 'ecdsa', hash: 'sha256' }],
    ['300a06082a8648ce3d040303', { kind: 'ecdsa', hash: 'sha384' }],
    ['300a06082a8648ce3d040304', { kind: 'ecdsa', hash: 'sha512' }],
    ['300506032b6570', { kind: 'ed25519' }],
    ['300506032b6571', { kind: 'ed448' }],
    [PSS_SHA256, { kind: 'pss', hash: 'sha256', saltOctets: 32 }],
  ]

  test.each(rows)('%s', (hex, scheme) => {
    expect(toHex(encodeScheme(scheme))).toBe(hex)
    expect(decodeSchemeDer(fromHex(hex))).toEqual({ ok: true, value: scheme })
  })

  test('§A.4: PSS with everything written out, and with nothing', () => {
    const written =
      '304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120a303020101'
    expect(decodeSchemeDer(fromHex(written))).toMatchObject({ value: { hash: 'sha256', saltOctets: 32 } })
    const defaults =
      '303e06092a864886f70d01010a3031a00b300906052b0e03021a0500a118301606092a864886f70d010108300906052b0e03021a0500a203020114a303020101'
    const sha1 = { value: { kind: 'pss', hash: 'sha1', saltOctets: 20 } }
    expect(decodeSchemeDer(fromHex(defaults))).toMatchObject(sha1)
    expect(decodeSchemeDer(fromHex('300d06092a864886f70d01010a3000'))).toMatchObject(sha1)
  })

  test('PSS whose two hashes differ is no scheme of ours', () => {
    const mixed = PSS_SHA256.replace(/020105/, '020205')
    expect(decodeSchemeDer(fromHex(mixed))).toEqual({ ok: true, value: undefined })
  })
})

describe('every way to sign, seen from the other side', () => {
  test.each(Object.entries(keys))('RFC 7427, RFC 8420: %s with method 14', (_, key) => {
    const form = chosen(key, STRONG)
    expect(form.method).toBe(14)
    expect(verifyAuth(publicOf(key), SIGNED, auth(key, form), rules).ok).toBe(true)
  })

  test.each([
    ['P-256', 9, 64],
    ['P-384', 10, 96],
    ['P-521', 11, 132],
  ] as const)('RFC 4754: %s with method %i, r and s side by side in %i octets', (kind, method, octets) => {
    const key = keys[kind]
    const form = chosen(key, undefined)
    const payload = auth(key, form)
    expect([form.method, payload.data.length]).toEqual([method, octets])
    expect(verifyAuth(publicOf(key), SIGNED, payload, rules).ok).toBe(true)
  })

  test('RFC 7296 §3.8: RSA with method 1 is SHA-1, and only by its switch', () => {
    const key = publicOf(keys.rsa)
    expect(chooseAuth(key, { peerHashes: undefined, pss: false, weakSha1: false })).toMatchObject({
      why: 'weakSha1',
    })
    const form = chosen(keys.rsa, undefined, { weakSha1: true })
    expect(form).toEqual({ method: 1, scheme: { kind: 'rsa', hash: 'sha1' }, raw: false })
    const payload = auth(keys.rsa, form)
    expect(why(verifyAuth(key, SIGNED, payload, rules))).toBe('weakSha1')
    expect(why(verifyAuth(key, SIGNED, payload, { ...rules, weakSha1: true }))).toBe('RSA with SHA-1')
  })

  test('method 1 with a strong hash needs no switch', () => {
    const form: AuthForm = { method: 1, scheme: { kind: 'rsa', hash: 'sha512' }, raw: false }
    expect(why(verifyAuth(publicOf(keys.rsa), SIGNED, auth(keys.rsa, form), rules))).toBe('RSA with SHA-512')
  })
})

describe('RFC 7427 §4: what the peer listed decides', () => {
  const choice = (key: TestKey, peerHashes: readonly number[], more = {}) => {
    const result = chooseAuth(publicOf(key), { peerHashes, pss: false, weakSha1: false, ...more })
    return result.ok ? result.form.scheme : result.why
  }

  test('the hash that goes with the curve, else the next', () => {
    expect(choice(keys['P-384'], [2, 3, 4])).toEqual({ kind: 'ecdsa', hash: 'sha384' })
    expect(choice(keys['P-384'], [4])).toEqual({ kind: 'ecdsa', hash: 'sha512' })
    expect(choice(keys.rsa, [3, 4])).toEqual({ kind: 'rsa', hash: 'sha384' })
  })

  test('PSS by choice, or because the key allows nothing else', () => {
    const pss = { kind: 'pss', hash: 'sha256', saltOctets: 32 }
    expect(choice(keys.rsa, [2], { pss: true })).toEqual(pss)
    expect(choice(rsaPssOnly(keys.rsa), [2])).toEqual(pss)
  })

  test('RFC 8420 §2: Edwards curves need the hash "identity"', () => {
    expect(choice(keys.ed25519, [2, 3, 4])).toBe('unsupported')
    expect(choice(keys.ed25519, [5])).toEqual({ kind: 'ed25519' })
  })

  test('RFC 8247 §3.2: SHA-1 alone only by its switch; none and strange ones not at all', () => {
    expect(choice(keys.rsa, [1])).toBe('weakSha1')
    expect(choice(keys.rsa, [1], { weakSha1: true })).toEqual({ kind: 'rsa', hash: 'sha1' })
    expect(choice(keys['P-256'], [])).toBe('unsupported')
    expect(choice(keys.rsa, [6, 7])).toBe('unsupported')
    expect(STRONG).toEqual([2, 3, 4, 5])
    expect(offeredHashes(true)).toEqual([2, 3, 4, 5, 1])
  })

  test('a key no older method knows', () => {
    expect(
      chooseAuth(publicOf(keys.ed448), { peerHashes: undefined, pss: false, weakSha1: false }),
    ).toMatchObject({
      why: 'unsupported',
    })
  })
})

describe('what is no proof', () => {
  const rsa = publicOf(keys.rsa)
  const p256 = publicOf(keys['P-256'])
  const good = auth(keys.rsa, digital({ kind: 'rsa', hash: 'sha256' }))
  const verdict = (data: Uint8Array, method = 14, key = rsa, more = {}) =>
    why(verifyAuth(key, SIGNED, { method, data }, { ...rules, ...more }))
  const identified = (scheme: SignatureScheme, signature: Uint8Array) =>
    encodeAuthData(digital(scheme), signature)

  test('other octets than those signed, or any octet of the signature changed', () => {
    expect(why(verifyAuth(rsa, SIGNED.with(0, 0), good, rules))).toBe('wrong')
    for (let at = 16; at < good.data.length; at += 31) {
      expect(verdict(good.data.with(at, good.data[at]! ^ 1)), `octet ${at}`).toBe('wrong')
    }
  })

  test.each(Object.entries(keys))(
    'by %s: no signature, zeros, r = s = 0, and one that is too long',
    (_, key) => {
      const { scheme } = chosen(key, STRONG)
      const zeroPair = Uint8Array.of(0x30, 6, 2, 1, 0, 2, 1, 0)
      const real = signData(key.signing, scheme, SIGNED)
      for (const signature of [
        new Uint8Array(0),
        new Uint8Array(real.length),
        zeroPair,
        concat(real, zeroPair),
      ]) {
        expect(verdict(identified(scheme, signature), 14, publicOf(key))).toBe('wrong')
      }
    },
  )

  test('RFC 4754: r = s = 0 and r = s = n side by side', () => {
    const n = fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
    expect(verdict(new Uint8Array(64), 9, p256)).toBe('wrong')
    expect(verdict(concat(n, n), 9, p256)).toBe('wrong')
  })

  test('RFC 4754: 63 octets, and DER where r and s belong side by side', () => {
    expect(verdict(new Uint8Array(63), 9, p256)).toBe('malformed')
    expect(verdict(signData(keys['P-256'].signing, { kind: 'ecdsa', hash: 'sha256' }, SIGNED), 9, p256)).toBe(
      'malformed',
    )
  })

  test('the signature is the modulus, or one, or zero', () => {
    if (rsa.kind !== 'rsa') throw new Error('no RSA key')
    const one = new Uint8Array(256).with(255, 1)
    for (const signature of [rsa.modulus, one, new Uint8Array(256)]) {
      expect(verdict(identified({ kind: 'rsa', hash: 'sha256' }, signature))).toBe('wrong')
    }
  })

  test('e = 1 proves nothing, whatever it signs', () => {
    if (rsa.kind !== 'rsa') throw new Error('no RSA key')
    const forged = rsaKey(rsa.modulus, Uint8Array.of(1), false)
    expect(verdict(good.data, 14, forged)).toBe('method')
  })

  test('the method does not go with the key', () => {
    expect(verdict(good.data, 14, p256)).toBe('method')
    expect(verdict(new Uint8Array(256), 1, p256)).toBe('method')
    expect(verdict(new Uint8Array(96), 10, p256)).toBe('method')
    expect(verdict(new Uint8Array(64), 9, rsa)).toBe('method')
    for (const method of [0, 2, 3, 12, 13, 200]) expect(verdict(good.data, method)).toBe('method')
  })

  test('RFC 7427 §4: a hash that was not offered, and method 14 though nobody announced it', () => {
    const sha512 = auth(keys.rsa, digital({ kind: 'rsa', hash: 'sha512' }))
    expect(verdict(sha512.data, 14, rsa, { offeredHashes: [2] })).toBe('notOffered')
    expect(verdict(good.data, 14, rsa, { offeredHashes: undefined })).toBe('notOffered')
    const edwards = auth(keys.ed25519, digital({ kind: 'ed25519' }))
    expect(verdict(edwards.data, 14, publicOf(keys.ed25519), { offeredHashes: [2, 3, 4] })).toBe('notOffered')
  })

  test('SHA-1 under method 14 is weak, by whichever key', () => {
    expect(verdict(auth(keys.rsa, digital({ kind: 'rsa', hash: 'sha1' })).data)).toBe('weakSha1')
    expect(verdict(auth(keys['P-256'], digital({ kind: 'ecdsa', hash: 'sha1' })).data, 14, p256)).toBe(
      'weakSha1',
    )
    const pss = auth(keys.rsa, digital({ kind: 'pss', hash: 'sha1', saltOctets: 20 }))
    expect(verdict(pss.data)).toBe('weakSha1')
  })

  test('PSS with a salt of another length than the hash', () => {
    for (const saltOctets of [0, 20, 64, 222]) {
      const odd = auth(keys.rsa, digital({ kind: 'pss', hash: 'sha256', saltOctets }))
      expect(verdict(odd.data), `${saltOctets}`).toBe('method')
    }
  })

  test('RFC 7427 §3: an algorithm identifier that is missing, cut off or no DER', () => {
    expect(verdict(new Uint8Array(0))).toBe('malformed')
    expect(verdict(Uint8Array.of(0, 1, 2))).toBe('malformed')
    expect(verdict(Uint8Array.of(200, 0x30))).toBe('malformed')
    expect(verdict(Uint8Array.of(3, 1, 2, 3, 4))).toBe('malformed')
    expect(verdict(concat(Uint8Array.of(7), fromHex('300506032a0304'), good.data.subarray(16)))).toBe(
      'method',
    )
  })
})
