import { describe, expect, test } from 'vitest'
import { fromHex } from '../../core/bytes/octets.ts'
import { dissectIkev2 } from '../../core/inspect/ikev2.ts'
import { encodeMessage } from '../../core/wire/ikev2/message.ts'
import { makeGateway, makeRoot } from '../support/pki.ts'
import { at, expectSound, octetsOf, remarks, said } from './trees.ts'

const header = {
  initiatorSpi: new Uint8Array(8).fill(1),
  responderSpi: new Uint8Array(8).fill(2),
  majorVersion: 2,
  minorVersion: 0,
  exchange: 35,
  initiator: false,
  higherVersion: false,
  response: true,
  messageId: 1,
}
const X509_SIGNATURE = 4
const read = (data: Uint8Array) =>
  dissectIkev2(encodeMessage(header, [{ type: 'CERT', encoding: X509_SIGNATURE, data }]))

describe('RFC 5280 §4.1: a certificate is opened', () => {
  const root = makeRoot()
  const { certificate } = makeGateway(root)
  const tree = read(certificate.der)
  const title = at(tree, 'Certificate').children.at(-1)!.title!

  test('subject, issuer, validity, key and names in words', () => {
    expect(title).toMatch(/^X\.509 certificate of .*CN=/)
    expect(said(tree, 'Certificate', title, 'Issuer')).toBe('C=CH, O=Test, CN=Root')
    expect(said(tree, 'Certificate', title, 'Subject Public Key')).toBe('elliptic curve P-256')
    expect(said(tree, 'Certificate', title, 'Validity')).toMatch(/^20\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d$/)
    expect(remarks(tree)).toEqual([])
    expectSound(tree)
  })

  test('each part points at its own octets', () => {
    const key = at(tree, 'Certificate', title, 'Subject Public Key')
    expect(octetsOf(tree, key)).toBe(Buffer.from(certificate.spki).toString('hex'))
    const issuer = at(tree, 'Certificate', title, 'Issuer')
    expect(octetsOf(tree, issuer)).toBe(Buffer.from(certificate.issuer.der).toString('hex'))
  })
})

test('RFC 7296 §3.6: what is no certificate stays octets, with a remark', () => {
  const tree = read(fromHex('3003020101'))
  expect(said(tree, 'Certificate', 'Certificate Data')).toBe('3003020101')
  expect(remarks(tree)[0]).toMatch(/^not a certificate: /)
})
