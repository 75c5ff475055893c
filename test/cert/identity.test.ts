import { describe, expect, test } from 'vitest'
import { utf8 } from '../../core/bytes/octets.ts'
import { authorityHash, encodeAuthorities, isAskedFor } from '../../core/cert/authorities.ts'
import { certificateHas, identitiesOf, namesOf } from '../../core/cert/identity.ts'
import { parseName } from '../../core/cert/name.ts'
import { makeGateway, makeRoot } from '../support/pki.ts'

const root = makeRoot()
const { certificate } = makeGateway(root, {
  subject: 'C=CH, O=Test, CN=cn.example.org',
  san: [
    'dns:gw.example.org',
    'dns:*.wild.example.org',
    'email:Admin@example.org',
    'ip:192.0.2.1',
    'uri:ike://x/',
  ],
})
const bare = makeGateway(root, { subject: 'C=CH, CN=cn.example.org', san: [] }).certificate

const fqdn = (text: string) => ({ type: 2, data: utf8(text) })
const dn = (text: string) => {
  const name = parseName(text)
  if ('problem' in name) throw new Error(name.problem)
  return { type: 9, data: name.der }
}

describe('RFC 4945 §3.1: an identity is found in the field of its kind', () => {
  test.each([
    ['a host', fqdn('gw.example.org'), true],
    ['without regard to case', fqdn('GW.Example.ORG'), true],
    ['another host', fqdn('gw.example.net'), false],
    ['a host that ends in it', fqdn('gw.example.org.evil.net'), false],
    ['a NUL at the end', fqdn('gw.example.org\0'), false],
    ['no host', fqdn(''), false],
    ['§3.1.2: a wildcard covers nothing', fqdn('a.wild.example.org'), false],
    ['§3.1.9: the common name is no host', fqdn('cn.example.org'), false],
    ['a mail address', { type: 3, data: utf8('admin@EXAMPLE.org') }, true],
    ['a mail address given as host', fqdn('admin@example.org'), false],
    ['an IPv4 address', { type: 1, data: Uint8Array.of(192, 0, 2, 1) }, true],
    ['another one', { type: 1, data: Uint8Array.of(192, 0, 2, 2) }, false],
    ['an address written as a host', fqdn('192.0.2.1'), false],
    ['an address of the wrong length', { type: 5, data: Uint8Array.of(192, 0, 2, 1) }, false],
    ['the subject', dn('C=CH, O=Test, CN=cn.example.org'), true],
    ['the subject in other letters', dn('c=CH, o=TEST, cn=CN.example.org'), true],
    ['a part of the subject', dn('C=CH, O=Test'), false],
    ['a name that is no DER', { type: 9, data: utf8('CN=cn') }, false],
    ['§3.1.7: a key ID', { type: 11, data: utf8('gw.example.org') }, false],
    ['§3.1.6: a general name', { type: 10, data: utf8('gw.example.org') }, false],
  ])('%s', (_, identity, has) => {
    expect(certificateHas(certificate, identity)).toBe(has)
  })

  test('the common name counts where it was asked for, and only without a dNSName', () => {
    const asked = { commonName: true }
    expect(certificateHas(bare, fqdn('CN.example.org'))).toBe(false)
    expect(certificateHas(bare, fqdn('CN.example.org'), asked)).toBe(true)
    expect(certificateHas(certificate, fqdn('cn.example.org'), asked)).toBe(false)
  })

  test('an empty subject is nobody', () => {
    const nobody = makeGateway(root, { subject: '' }).certificate
    expect(certificateHas(nobody, { type: 9, data: Uint8Array.of(0x30, 0) })).toBe(false)
  })

  test('all names, for people', () => {
    expect(namesOf(certificate)).toEqual([
      'gw.example.org',
      '*.wild.example.org',
      'Admin@example.org',
      '192.0.2.1',
      'ike://x/',
      'C=CH, O=Test, CN=cn.example.org',
    ])
  })

  test('§3.1.8: what a certificate of ours can be presented under', () => {
    expect(identitiesOf(certificate).map(({ type }) => type)).toEqual([2, 2, 3, 1, 9])
    for (const identity of identitiesOf(certificate)) expect(certificateHas(certificate, identity)).toBe(true)
  })
})

describe('RFC 7296 §3.7: CERTREQ names authorities by SHA-1 of their public key', () => {
  const other = makeRoot('CN=Other')

  test('20 octets each, and the key alone decides', () => {
    expect(encodeAuthorities([root.certificate, other.certificate])).toHaveLength(40)
    const renamed = makeRoot('CN=Renamed', {}, root.key)
    expect(authorityHash(renamed.certificate)).toEqual(authorityHash(root.certificate))
  })

  test('one of ours is asked for', () => {
    const ours = [certificate, root.certificate]
    expect(isAskedFor(ours, encodeAuthorities([other.certificate, root.certificate]))).toBe(true)
    expect(isAskedFor(ours, encodeAuthorities([other.certificate]))).toBe(false)
  })

  test('an empty request and one of odd length ask for nobody in particular', () => {
    expect(isAskedFor([certificate], new Uint8Array(0))).toBe(true)
    expect(isAskedFor([certificate], new Uint8Array(19))).toBe(true)
  })
})
