import { expect, test } from 'vitest'
import { CertificateEncoding } from '../../core/iana/ikev2.ts'
import type { CertPayload, CertReqPayload } from '../../core/wire/ikev2/payload.ts'
import { both, by, gatewayOf, middle, payloadsOf, root, run, trusting } from '../support/certificate-pair.ts'
import { makeOcsp, type Said } from '../support/ocsp.ts'

const OCSP = CertificateEncoding.OCSP_CONTENT.id
const gateway = gatewayOf()
const strict = trusting([root], { revocation: 'strict' })
const showing = (...ocsp: readonly Uint8Array[]) => by(gateway, [], { ocsp: () => ocsp })
const outcome = (ocsp: readonly Uint8Array[], clientTrusts = strict) => {
  const { client } = run(both({ gateway: showing(...ocsp), clientTrusts }))
  const error = client.closed?.error
  return error?.kind === 'certificateRefused' ? error.rule : (error?.kind ?? client.n.state)
}
const said = (what?: Said) => makeOcsp(root, gateway, what)

test('RFC 4806 §3: what a responder says is asked for beside certificates, and comes beside them', () => {
  const { client, gateway: other, net } = run(both({ gateway: showing(said()), clientTrusts: strict }))
  const asked = payloadsOf(net, 'client', 1).filter(({ type }) => type === 'CERTREQ') as CertReqPayload[]
  expect(asked.map(({ encoding, authorities }) => [encoding, authorities.length])).toEqual([
    [CertificateEncoding.X509_SIGNATURE.id, 20],
    [OCSP, 0],
  ])
  const shown = payloadsOf(net, 'gateway', 1).filter(({ type }) => type === 'CERT') as CertPayload[]
  expect(shown.map(({ encoding }) => encoding)).toEqual([CertificateEncoding.X509_SIGNATURE.id, OCSP])
  expect([client.n.state, other.n.state]).toEqual(['connected', 'connected'])
})

test('RFC 4806 §3: nobody asks where revocation is off, and nobody tells unasked', () => {
  const { net } = run(both({ gateway: showing(said()) }))
  const encodings = [...payloadsOf(net, 'client', 1), ...payloadsOf(net, 'gateway', 1)]
    .filter((one): one is CertPayload | CertReqPayload => one.type === 'CERT' || one.type === 'CERTREQ')
    .map(({ encoding }) => encoding)
  expect(encodings).not.toContain(OCSP)
})

test.each([
  ['good', [said()], 'connected'],
  ['revoked', [said({ status: 'revoked' })], 'revoked'],
  ['unknown', [said({ status: 'unknown' })], 'revocationUnknown'],
  ['nothing', [], 'revocationUnknown'],
  ['nonsense', [Uint8Array.of(0x30, 0x80, 1)], 'revocationUnknown'],
  ['what is about another', [makeOcsp(root, middle)], 'revocationUnknown'],
  ['nonsense, and good', [Uint8Array.of(0), said()], 'connected'],
] as const)('where the gateway shows: %s', (_, ocsp, expected) => {
  expect(outcome(ocsp)).toBe(expected)
})

test('where it is no must, only what is revoked is refused', () => {
  const ifAvailable = trusting([root], { revocation: 'ifAvailable' })
  expect(outcome([], ifAvailable)).toBe('connected')
  expect(outcome([said({ status: 'revoked' })], ifAvailable)).toBe('revoked')
})

test('no more than eight are read', () => {
  expect(outcome([...Array.from({ length: 8 }, () => Uint8Array.of(0)), said()])).toBe('revocationUnknown')
})
