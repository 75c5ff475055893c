import * as asn1 from 'asn1js'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import { decodeNameDer, formatName, nameBegins, nameEquals, parseName } from '../../core/cert/name.ts'
import { der, oid, sequence } from '../support/pki.ts'

const name = (text: string) => {
  const read = parseName(text)
  if ('problem' in read) throw new Error(read.problem)
  return decodeNameDer(read.der)
}
const cn = (value: asn1.AsnType) =>
  decodeNameDer(der(sequence(new asn1.Set({ value: [sequence(oid('2.5.4.3'), value)] }))))

describe('RFC 5280 §7.1: names are compared by what they say', () => {
  test.each([
    ['case', 'CN=Gateway', 'cn=gATEWAY', true],
    ['spaces around and doubled', 'CN=My  Gateway', 'CN=my gateway', true],
    ['another value', 'CN=a', 'CN=b', false],
    ['another attribute', 'CN=a', 'OU=a', false],
    ['another order', 'C=CH, CN=a', 'CN=a, C=CH', false],
    ['one more', 'C=CH', 'C=CH, CN=a', false],
    ['the same set in another order', 'CN=a+OU=b', 'OU=b+CN=a', true],
    ['a set is not a sequence', 'CN=a+OU=b', 'CN=a, OU=b', false],
    ['a set with one twice', 'CN=a+CN=a', 'CN=a+CN=b', false],
  ])('%s', (_, a, b, same) => {
    expect(nameEquals(name(a), name(b))).toBe(same)
  })

  test('the kind of string does not matter', () => {
    const kinds = [
      new asn1.Utf8String({ value: 'Zoë' }),
      new asn1.BmpString({ value: 'Zoë' }),
      new asn1.UniversalString({ value: 'Zoë' }),
      new asn1.TeletexString({ value: 'Zoë' }),
    ].map(cn)
    for (const kind of kinds) expect(nameEquals(kind, kinds[0]!), formatName(kind)).toBe(true)
  })

  test('what cannot be seen is not passed over: NUL and characters without width make another name', () => {
    const plain = cn(new asn1.Utf8String({ value: 'gw.example.org' }))
    for (const value of ['gw.example.org\0', 'gw.\u200bexample.org', 'gw.example.org\u00ad']) {
      const other = cn(new asn1.Utf8String({ value }))
      expect(nameEquals(other, plain), JSON.stringify(value)).toBe(false)
      expect(formatName(other)).not.toBe(formatName(plain))
    }
  })

  test('a value that is no text is compared by its octets', () => {
    const [a, b] = [new asn1.Integer({ value: 1 }), new asn1.Integer({ value: 2 })]
    expect(nameEquals(cn(a), cn(a))).toBe(true)
    expect(nameEquals(cn(a), cn(b))).toBe(false)
    expect(formatName(cn(a))).toBe('CN=#020101')
  })

  test('a subtree is a name and what begins with it', () => {
    expect(nameBegins(name('C=CH, O=Test, CN=a'), name('C=CH, o=test'))).toBe(true)
    expect(nameBegins(name('C=CH'), name('C=CH, O=Test'))).toBe(false)
  })
})

describe('names as people write them', () => {
  test('there and back', () => {
    const text = 'C=CH, O=Example\\, Inc., DC=org, E=a@example.org, CN=gw'
    expect(formatName(name(text))).toBe(text)
  })

  test('countries are printable and the rest UTF-8, as RFC 5280 §4.1.2.4 asks', () => {
    const read = parseName('C=CH, CN=gw')
    expect('der' in read && toHex(read.der)).toBe(
      '301a310b300906035504061302434831 0b300906035504030c026777'.replace(' ', ''),
    )
  })

  test.each(['', 'gw', 'XX=1', 'CN=', 'C=CH,,CN=x'])('%j is none', (text) => {
    expect(parseName(text)).toHaveProperty('problem')
  })

  test('an empty relative name is broken', () => {
    expect(() => decodeNameDer(fromHex('30023100'))).toThrow('without attributes')
  })
})
