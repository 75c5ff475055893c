import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import * as asn1 from 'asn1js'
import { describe, expect, test } from 'vitest'
import { concat, toHex } from '../../core/bytes/octets.ts'
import { decodeCertificate, describeCertificate, fingerprint } from '../../core/cert/certificate.ts'
import { formatName } from '../../core/cert/name.ts'
import { splitPem } from '../../core/cert/pem.ts'
import { describeKey } from '../../core/cert/public-key.ts'
import {
  bits,
  certificateDer,
  der,
  ecSpki,
  extension,
  issue,
  makeGateway,
  makeKey,
  makeRoot,
  NOW,
  octets,
  rsaSpki,
  sequence,
} from '../support/pki.ts'

const root = makeRoot()
const key = makeKey()
const problemOf = (bytes: Uint8Array): string => {
  const read = decodeCertificate(bytes)
  return read.ok ? 'none' : read.error.message
}

describe('what a certificate says', () => {
  test('RFC 5280 §4.1: names, times, serial number, key and extensions', () => {
    const { certificate } = makeGateway(root, { serial: 4711, pathLength: 0, ca: false })
    expect(formatName(certificate.subject)).toBe('C=CH, O=Test, CN=gw')
    expect(formatName(certificate.issuer)).toBe('C=CH, O=Test, CN=Root')
    expect(toHex(certificate.serial)).toBe('1267')
    expect([certificate.notBefore < NOW, certificate.notAfter > NOW]).toEqual([true, true])
    expect(describeKey(certificate.publicKey)).toBe('ECDSA P-256')
    expect(certificate.scheme).toEqual({ kind: 'ecdsa', hash: 'sha256' })
    expect(certificate.extensions).toMatchObject({
      subjectAltName: [{ kind: 'dns', text: 'gw.example.org' }],
      keyUsage: { digitalSignature: true, keyCertSign: false },
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'],
      basicConstraints: { ca: false, pathLength: 0 },
      unknownCritical: [],
    })
  })

  test('RFC 5280 §4.1.2.6: an empty subject is described by serial number and issuer', () => {
    const { certificate } = issue(root, { subject: '', san: ['dns:x.example.org'], serial: 7 })
    expect(describeCertificate(certificate)).toBe('the certificate 07 of C=CH, O=Test, CN=Root')
  })

  test('RFC 5280 §4.1.2.5: GeneralizedTime from 2050 on', () => {
    const { certificate } = makeGateway(root, { notAfter: Date.UTC(2077, 0, 1) })
    expect(new Date(certificate.notAfter).toISOString()).toBe('2077-01-01T00:00:00.000Z')
  })

  test('every root certificate of this runtime is read, as the runtime itself reads it', () => {
    const blocks = rootCertificates.flatMap(splitPem)
    expect(blocks.length).toBeGreaterThan(50)
    for (const block of blocks) {
      const read = decodeCertificate(block.der)
      if (!read.ok) throw read.error
      const host = new X509Certificate(block.der)
      expect(read.value.notAfter).toBe(Date.parse(host.validTo))
      expect(read.value.notBefore).toBe(Date.parse(host.validFrom))
      expect(fingerprint(read.value)).toBe(host.fingerprint256.replaceAll(':', '').toLowerCase())
      expect(read.value.extensions.basicConstraints?.ca ?? true).toBe(true)
      expect(read.value.extensions.unknownCritical).toEqual([])
      expect(read.value.publicKey.kind).not.toBe('unusable')
    }
  })
})

describe('what is no certificate', () => {
  const good = makeGateway(root).der

  test('cut anywhere, it is a value that says so', () => {
    for (let length = 0; length < good.length; length += 7) {
      expect(problemOf(good.subarray(0, length)), `${length}`).toMatch(/^Certificate/)
    }
  })

  test('any octet changed gives a certificate or a problem, never an exception', () => {
    for (let at = 0; at < good.length; at++) {
      const flip = [0x01, 0x80, 0xff][at % 3]!
      expect(() => decodeCertificate(good.with(at, good[at]! ^ flip)), `octet ${at}`).not.toThrow()
    }
  })

  test('a certificate of 1 MB is refused before it is read', () => {
    const big = concat(Uint8Array.of(0x30, 0x83, 0x0f, 0xff, 0xfc), new Uint8Array(0x0ffffc))
    expect(problemOf(big)).toContain('at most 65536 are read')
  })

  test('10,000 levels of nesting and 30,000 elements are refused', () => {
    expect(problemOf(new Uint8Array(60_000).map((_, at) => (at % 2 === 0 ? 0x30 : 0x80)))).toContain('depth')
    const many = concat(
      Uint8Array.of(0x30, 0x82, 0xea, 0x60),
      new Uint8Array(60_000).map((_, at) => (at % 2 ? 0 : 5)),
    )
    expect(problemOf(many)).toContain('node count')
  })

  test('X.690 §10.1: a length written the long way round, or not at all, and an element longer than the one around it', () => {
    const inner = good.subarray(4)
    const long = concat(Uint8Array.of(0x30, 0x83, 0), good.subarray(2, 4), inner)
    expect(problemOf(long)).toContain('not written as DER asks')
    expect(problemOf(concat(Uint8Array.of(0x30, 0x80), inner, Uint8Array.of(0, 0)))).toContain(
      'not written as DER',
    )
    const short = good.with(3, good[3]! - 2)
    expect(problemOf(short)).toMatch(/reaches beyond|not DER/)
  })

  test('octets after the end', () => {
    expect(problemOf(concat(good, Uint8Array.of(0)))).toContain('1 octets after the end')
  })

  test('RFC 5280 §4.1.1.2: the signed and the unsigned algorithm differ', () => {
    const bytes = certificateDer(key, root.key, {
      subject: 'CN=x',
      innerScheme: { kind: 'ecdsa', hash: 'sha512' },
    })
    expect(problemOf(bytes)).toContain('two different signature algorithms')
  })

  test('RFC 5280 §4.2: the same extension twice, extensions in version 1', () => {
    const twice = extension('2.5.29.17', false, sequence())
    expect(problemOf(certificateDer(key, root.key, { subject: 'CN=x', more: [twice, twice] }))).toContain(
      'twice',
    )
    expect(
      problemOf(certificateDer(key, root.key, { subject: 'CN=x', version: 1, more: [twice] })),
    ).toContain('extensions in a certificate of version 1')
  })

  test('a date that does not exist', () => {
    const from = Buffer.from('300615000000Z')
    const text = Buffer.from(certificateDer(key, root.key, { subject: 'CN=x', notBefore: NOW }))
    Buffer.from('300231000000Z').copy(text, text.indexOf(from))
    expect(problemOf(new Uint8Array(text))).toContain('"300231000000Z" is no time')
  })
})

describe('keys that prove nothing', () => {
  const kindOf = (spki: Uint8Array): string => {
    const read = decodeCertificate(certificateDer(key, root.key, { subject: 'CN=x', spki }))
    if (!read.ok) return read.error.message
    return read.value.publicKey.kind === 'unusable' ? read.value.publicKey.why : read.value.publicKey.kind
  }
  const odd = (length: number) => new Uint8Array(length).fill(0xa5)
  const e65537 = Uint8Array.of(1, 0, 1)

  test.each([
    ['an even modulus', rsaSpki(odd(256).with(255, 0xa4), e65537), 'has an even modulus'],
    ['a modulus of zero', rsaSpki(Uint8Array.of(0), e65537), 'has an even modulus'],
    ['e = 1', rsaSpki(odd(256), Uint8Array.of(1)), 'has the public exponent 1, which proves nothing'],
    ['e = 0', rsaSpki(odd(256), Uint8Array.of(0)), 'has the public exponent 0, which proves nothing'],
    [
      'an even exponent',
      rsaSpki(odd(256), Uint8Array.of(1, 0, 0)),
      'has the public exponent 65536, which proves nothing',
    ],
    ['an exponent of 40 bits', rsaSpki(odd(256), odd(5)), 'has a public exponent of more than 32 bits'],
    ['16,384 bits', rsaSpki(odd(2048), e65537), 'has 16384 bits, more than the 8192 that are taken'],
    [
      'a compressed point',
      ecSpki('P-256', Uint8Array.of(2, ...odd(32))),
      'is no uncompressed point of P-256',
    ],
    [
      'a point that is too short',
      ecSpki('P-384', Uint8Array.of(4, ...odd(64))),
      'is no uncompressed point of P-384',
    ],
    ['the point at infinity', ecSpki('P-256', Uint8Array.of(0)), 'is no uncompressed point of P-256'],
    [
      'a curve by its numbers',
      der(
        sequence(
          sequence(new asn1.ObjectIdentifier({ value: '1.2.840.10045.2.1' }), sequence()),
          bits(odd(65)),
        ),
      ),
      'names no curve',
    ],
    [
      'an algorithm nobody knows',
      der(sequence(sequence(new asn1.ObjectIdentifier({ value: '1.2.3.4' })), bits(odd(65)))),
      'is of a kind (1.2.3.4) that Culvert does not know',
    ],
    [
      'an Ed25519 key of 31 octets',
      der(sequence(sequence(new asn1.ObjectIdentifier({ value: '1.3.101.112' })), bits(odd(31)))),
      'has 31 octets instead of 32',
    ],
  ])('%s', (_, spki, why) => {
    expect(kindOf(spki)).toBe(why)
  })

  test('a key that is no structure at all makes the certificate unreadable', () => {
    const spki = der(
      sequence(sequence(new asn1.ObjectIdentifier({ value: '1.2.840.113549.1.1.1' })), bits(odd(9))),
    )
    expect(kindOf(spki)).toMatch(/^Certificate: not DER|^Certificate: /)
  })

  test('octets() of the support code are what they look like', () => {
    expect(toHex(der(octets(Uint8Array.of(1, 2))))).toBe('04020102')
  })
})
