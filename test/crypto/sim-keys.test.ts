import { describe, expect, test } from 'vitest'
import { concat, fromHex, toHex, utf8 } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { legacyCrypto } from '../../core/crypto/legacy.ts'
import { milenage, operatorVariant } from '../../core/crypto/milenage.ts'
import {
  akaPrimeKeys,
  boundKeys,
  keysOfMasterKey,
  reauthMsk,
  type SimKeys,
  simMasterKey,
} from '../../core/crypto/sim-keys.ts'
import { MilenageCard, tripletCard } from '../../core/eap/sim-card.ts'
import { loadAddon } from '../../core/native/load.ts'
import { vectorJson } from '../support/vectors.ts'

const legacy = legacyCrypto(loadAddon())
const hex = (secret: Secret): string => secret.use(toHex)

describe('RFC 4186 App. A: the keys', () => {
  const kcs = ['a0a1a2a3a4a5a6a7', 'b0b1b2b3b4b5b6b7', 'c0c1c2c3c4c5c6c7'].map(fromHex)
  const nonce = fromHex('0123456789abcdeffedcba9876543210')
  const mk = simMasterKey(utf8('1244070100000001@eapsim.foo'), kcs, nonce, fromHex('0001'), fromHex('0001'))
  const keys: SimKeys = keysOfMasterKey(legacy, mk)

  test('A.5: MK, K_encr, K_aut, MSK', () => {
    expect(toHex(mk)).toBe('e576d5ca332e9930018bf1baee2763c795b3c712')
    expect(hex(keys.encr)).toBe('536e5ebc4465582aa6a8ec9986ebb620')
    expect(hex(keys.aut)).toBe('25af1942efcbf4bc72b3943421f2a974')
    expect(hex(keys.msk)).toBe(
      '39d45aeaf4e30601983e972b6cfd46d1c363773365690d09cd44976b525f47d3' +
        'a60a985e955c53b090b2e4b73719196a402542968fd14a888f46b9a7886e4488',
    )
  })

  test('A.9: the MSK of a fast re-authentication', () => {
    const identity = 'Y24fNSrz8BP274jOJaF17WfxI8YO7QX00pMXk9XMMVOw7broaNhTczuFq53aEpOkk3L0dm@eapsim.foo'
    expect(hex(reauthMsk(legacy, utf8(identity), 1, nonce, keys.again))).toBe(
      '6263f614973895e1335f7e30cff028ee2176f519002c9abe732fe0ef00cf167c' +
        '756d9e4ced6d5ed640eb3fe38565ca076e7fb8a817cfe8d9adbce441d47c4f5e',
    )
  })
})

interface Case {
  readonly name: string
  readonly [field: string]: string
}

describe.each(vectorJson<{ cases: Case[] }>('eap/rfc9048.json').cases)('RFC 9048 App. D: $name', (one) => {
  const octets = (name: string): Uint8Array => fromHex(one[name]!)

  test('CK’ and IK’, then the keys from them', () => {
    const bound = boundKeys(octets('ck'), octets('ik'), utf8(one.network!), octets('autn').subarray(0, 6))
    expect(toHex(bound.ck)).toBe(one.ckPrime)
    expect(toHex(bound.ik)).toBe(one.ikPrime)
    const keys = akaPrimeKeys(utf8(one.identity!), bound.ik, bound.ck)
    expect(hex(keys.encr)).toBe(one.kEncr)
    expect(hex(keys.aut)).toBe(one.kAut)
    expect(hex(keys.again)).toBe(one.kRe)
    expect(hex(keys.msk)).toBe(one.msk)
  })
})

describe('3GPP TS 35.208 §4.3: Milenage, set 19, which RFC 9048 App. D uses', () => {
  const k = fromHex('5122250214c33e723a5dd523fc145fc0')
  const opc = fromHex('981d464c7c52eb6e5036234984ad0bcf')
  const rand = fromHex('81e92b6c0ee0e12ebceba8d92a99dfa5')
  const autn = fromHex('bb52e91c747ac3ab2a5c23d15ee351d5')
  const sqn = fromHex('16f3b3f70fc2')
  const card = (last: string) =>
    new MilenageCard(new Secret(k.slice()), new Secret(opc.slice()), fromHex(last))

  test('OPc, f1 to f5 and f5*', () => {
    expect(operatorVariant(k, fromHex('c9e8763286b5b9ffbdf56e1297d0887b'))).toEqual(opc)
    const functions = milenage(k, opc)
    const { macA, macS } = functions.f1(rand, sqn, fromHex('c3ab'))
    expect([toHex(macA), toHex(macS)]).toEqual(['2a5c23d15ee351d5', '62dae3853f3af9d2'])
    const { res, ck, ik, ak } = functions.f2345(rand)
    expect(toHex(res)).toBe('28d7b0f2a2ec3de5')
    expect(toHex(ck)).toBe('5349fbe098649f948f5d2e973a81c00f')
    expect(toHex(ik)).toBe('9744871ad32bf9bbd1dd5ce54e3e2e5a')
    expect(toHex(ak)).toBe('ada15aeb7bb8')
    expect(toHex(functions.f5star(rand))).toBe('d461bc15475d')
  })

  test('the card takes a number once, and says where it stands after that', () => {
    const usim = card('16f3b3f70fc1')
    expect(usim.umts(rand, autn)).toMatchObject({ outcome: 'good', res: fromHex('28d7b0f2a2ec3de5') })
    expect(usim.sqn).toEqual(sqn)
    const again = usim.umts(rand, autn)
    if (again.outcome !== 'resync') throw new Error(again.outcome)
    const hidden = again.auts.subarray(0, 6).map((octet, i) => octet ^ fromHex('d461bc15475d')[i]!)
    expect(hidden).toEqual(sqn)
    const { macS } = milenage(k, opc).f1(rand, sqn, new Uint8Array(2))
    expect(again.auts.subarray(6)).toEqual(macS)
  })

  test('3GPP TS 33.102 §6.3.3: a wrong MAC is told before any number is looked at', () => {
    const wrong = concat(autn.subarray(0, 15), Uint8Array.of(autn[15]! ^ 1))
    expect(card('ffffffffffff').umts(rand, wrong)).toEqual({ outcome: 'wrongMac' })
  })

  test('3GPP TS 33.102 §6.8.1.2: the same card for 2G', () => {
    const { sres, kc } = card('000000000000').gsm(rand)
    expect(toHex(sres)).toBe('8a3b8d17')
    expect(toHex(kc)).toBe('9a8d0e883ff0887a')
  })
})

test('triplets from a file answer their own challenge alone', () => {
  const card = tripletCard([{ rand: new Uint8Array(16), sres: fromHex('01020304'), kc: new Uint8Array(8) }])
  expect(card.gsm?.(new Uint8Array(16))?.sres).toEqual(fromHex('01020304'))
  expect(card.gsm?.(new Uint8Array(16).fill(1))).toBeUndefined()
})
