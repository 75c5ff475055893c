import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import { encodeScheme } from '../../core/cert/signature.ts'
import { AuthMethod } from '../../core/iana/ikev2.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { methodsIn, notTaken, wantsPss } from '../../core/ike/v2/auth-methods.ts'
import { find, findNotify, notify } from '../../core/ike/v2/payloads.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { both, payloadsOf, run } from '../support/certificate-pair.ts'
import { shape } from '../support/two-peers.ts'

const METHODS = NotifyType.SUPPORTED_AUTH_METHODS.id
const PSS = encodeScheme({ kind: 'pss', hash: 'sha256', saltOctets: 32 })
const RSA = encodeScheme({ kind: 'rsa', hash: 'sha256' })
const digital = (der: Uint8Array): string =>
  `${(3 + der.length).toString(16).padStart(2, '0')}0e00${toHex(der)}`
const said = (...hex: readonly string[]): readonly Payload[] =>
  hex.map((one) => notify(METHODS, fromHex(one.replaceAll(' ', ''))))
const announcing = { gateway: { announcesMethods: true } }
const announced = (net: Parameters<typeof payloadsOf>[0], name: 'client' | 'gateway', at: number) =>
  findNotify(payloadsOf(net, name, at), METHODS)?.data

describe('RFC 9593 §3.2: announcements', () => {
  test('of two, three and more octets, in the order they stand in; several notifies are one list', () => {
    expect(methodsIn(said(`0202 030100 ${digital(PSS)}`, '030907'))).toEqual([
      { method: 2 },
      { method: 1 },
      { method: 14, scheme: { kind: 'pss', hash: 'sha256', saltOctets: 32 } },
      { method: 9 },
    ])
  })

  test('what nobody knows is skipped by its length', () => {
    expect(methodsIn(said('05c8aabbcc 0202 060e00 300100'))).toEqual([
      { method: 200 },
      { method: 2 },
      { method: 14, scheme: undefined },
    ])
  })

  test('a length that cannot be ends the list, and nothing at all says nothing', () => {
    for (const hex of ['00', '01', '0102', '03', '0301', 'ff02', '030e00'])
      expect(methodsIn(said(hex)), hex).toBeUndefined()
    expect(methodsIn(said('0202 0002'))).toEqual([{ method: 2 }])
    expect(methodsIn([])).toBeUndefined()
    expect(methodsIn(said('0202'.repeat(127)))).toHaveLength(64)
  })
})

describe('RFC 9593 §3.1: who says what', () => {
  test('a gateway in IKE_SA_INIT, the client in IKE_AUTH; with keys it is the shared key', () => {
    const { client, net } = run(announcing)
    expect(toHex(announced(net, 'gateway', 0)!)).toBe('0202')
    expect(toHex(announced(net, 'client', 1)!)).toBe('0202')
    expect(client.n.state).toBe('connected')
  })

  test('neither where the gateway does not begin', () => {
    const { client, gateway } = run({})
    for (const message of [...client.sent, ...gateway.sent])
      expect(shape(message)).not.toContain(`N(${METHODS})`)
  })

  test('with certificates: what AUTH may be signed with, beside CERTREQ', () => {
    const { client, net } = run(both({ more: announcing }))
    const theirs = methodsIn(payloadsOf(net, 'gateway', 0)) ?? []
    const used = find(payloadsOf(net, 'client', 1), 'AUTH')!.method
    expect(theirs.map(({ method }) => method)).toContain(used)
    expect(theirs.every(({ method, scheme }) => (method === 14) === (scheme !== undefined))).toBe(true)
    expect(methodsIn(payloadsOf(net, 'client', 1))).toEqual(theirs)
    expect(client.n.state).toBe('connected')
  })

  test('peers of before 2015 are told the older methods alone', () => {
    const more = { client: {}, gateway: { announcesMethods: true, digitalSignatures: false } }
    const { net } = run(both({ more }))
    expect(methodsIn(payloadsOf(net, 'gateway', 0))?.map(({ method }) => method)).toEqual([9, 10, 11])
  })
})

describe('RFC 9593 §3.1: what comes of it', () => {
  test('an RSA key signs with PSS where no other RSA signature is taken', () => {
    expect(wantsPss(said(digital(PSS)))).toBe(true)
    expect(wantsPss(said(digital(PSS) + digital(RSA)))).toBe(false)
    expect(wantsPss(said('0202'))).toBe(false)
    expect(wantsPss([])).toBe(false)
  })

  test('a proof that is not among them is given all the same, and named', () => {
    const psk = { method: AuthMethod.SHARED_KEY_MIC.id }
    expect(notTaken(said('0202'), psk)).toBeUndefined()
    expect(notTaken([], psk)).toBeUndefined()
    expect(notTaken(said('030900 030a00'), psk)).toBe('ECDSA_SHA256_P256, ECDSA_SHA384_P384')
    const rsa = { method: 14, scheme: { kind: 'rsa', hash: 'sha256' } } as const
    expect(notTaken(said(digital(RSA)), rsa)).toBeUndefined()
    expect(notTaken(said(digital(PSS)), rsa)).toMatch(/PSS/)
  })
})
