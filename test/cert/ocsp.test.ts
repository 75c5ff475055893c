import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Certificate, decodeCertificate } from '../../core/cert/certificate.ts'
import { verifyChain } from '../../core/cert/chain.ts'
import { decodeOcspResponse, encodeOcspRequest } from '../../core/cert/ocsp.ts'
import { KeyPurpose } from '../../core/cert/oids.ts'
import { sourcesOf, standingOf } from '../../core/cert/revocation.ts'
import { makeOcsp, readOcsp, type Said } from '../support/ocsp.ts'
import { DAY, issue, makeAuthority, makeGateway, makeKey, makeRoot, NOW } from '../support/pki.ts'

const made = JSON.parse(readFileSync(new URL('data/ocsp.json', import.meta.url), 'utf8')) as Record<
  'root' | 'good' | 'revoked' | 'requestGood' | 'responseGood' | 'responseRevoked' | 'responseByIssuer',
  string
>
const octetsOf = (name: keyof typeof made) => new Uint8Array(Buffer.from(made[name], 'base64'))
const certificateOf = (name: 'root' | 'good' | 'revoked'): Certificate => {
  const read = decodeCertificate(octetsOf(name))
  if (!read.ok) throw read.error
  return read.value
}

describe('beside OpenSSL', () => {
  const [root, good, revoked] = [certificateOf('root'), certificateOf('good'), certificateOf('revoked')]
  const when = { at: Date.UTC(2027, 0, 1), weakSha1: false }

  test('RFC 6960 §4.1: our request is what OpenSSL asks', () => {
    expect(encodeOcspRequest(good, root)).toEqual(octetsOf('requestGood'))
  })

  test('RFC 5280 §4.2.1.13, §4.2.2.1: where a certificate says that one may ask', () => {
    expect(sourcesOf(good)).toEqual({
      ocsp: ['http://ocsp.example.org/'],
      lists: ['http://crl.example.org/a.crl', 'ldap://crl.example.org/a'],
    })
  })

  test.each([
    ['an appointed responder, by its name', 'responseGood', good, 'good'],
    ['the authority itself, by its key', 'responseByIssuer', good, 'good'],
    ['revoked', 'responseRevoked', revoked, 'revoked'],
    ['an answer about another certificate', 'responseGood', revoked, 'unknown'],
  ] as const)('RFC 6960 §4.2: %s', (_, name, certificate, status) => {
    const responses = [readOcsp(octetsOf(name))]
    expect(standingOf(certificate, root, { responses }, when).status).toBe(status)
  })
})

const root = makeRoot()
const gateway = makeGateway(root)
const standing = (said: Said, at = NOW): string =>
  standingOf(
    gateway.certificate,
    root.certificate,
    { responses: [readOcsp(makeOcsp(root, gateway, said))] },
    { at, weakSha1: false },
  ).status

describe('RFC 6960 §3.2: when an answer can be believed', () => {
  const appointed = (wanted = {}, by = root) =>
    issue(by, { subject: 'CN=responder', eku: [KeyPurpose.OCSPSigning.oid], ...wanted }, makeKey())

  test('its own authority has signed it, or somebody whom that has appointed', () => {
    expect(standing({})).toBe('good')
    expect(standing({ signer: appointed() })).toBe('good')
    expect(standing({ status: 'unknown' })).toBe('unknown')
    expect(standing({ status: 'revoked', signer: appointed() })).toBe('revoked')
  })

  test.each([
    ['a stranger signed it, and names himself', { signer: makeRoot('CN=Stranger') }],
    ['a stranger signed it in the name of the authority', { signer: makeRoot('CN=Stranger'), named: root }],
    ['the responder is not appointed', { signer: appointed({ eku: [KeyPurpose.serverAuth.oid] }) }],
    ['the responder is appointed by another authority', { signer: appointed({}, makeRoot('CN=Other')) }],
    [
      'a sister authority has appointed the responder',
      { signer: appointed({}, makeAuthority(root, 'CN=Sister')) },
    ],
    ['the time of the responder is over', { signer: appointed({ notAfter: NOW - DAY }) }],
    ['the answer is from tomorrow', { thisUpdate: NOW + DAY }],
    ['the answer is too old', { thisUpdate: NOW - 9 * DAY, nextUpdate: NOW - DAY }],
    ['the answer has no end, and is of last week', { thisUpdate: NOW - 7 * DAY, nextUpdate: undefined }],
  ] satisfies [string, Said][])('not where %s', (_, said) => {
    expect(standing(said)).toBe('unknown')
  })

  test('what was revoked stays so when the answer grows old', () => {
    expect(standing({ status: 'revoked', thisUpdate: NOW - 9 * DAY, nextUpdate: NOW - DAY })).toBe('revoked')
  })

  test('RFC 8247 §3: signed with SHA-1 it counts only where that is switched on', () => {
    const signer = makeRoot('CN=rsa', {}, makeKey('rsa'))
    const subject = makeGateway(signer)
    const responses = [
      readOcsp(makeOcsp(signer, subject, { scheme: { kind: 'rsa', hash: 'sha1' }, status: 'good' })),
    ]
    const statuses = [false, true].map(
      (weakSha1) =>
        standingOf(subject.certificate, signer.certificate, { responses }, { at: NOW, weakSha1 }).status,
    )
    expect(statuses).toEqual(['unknown', 'good'])
  })

  test('a changed octet of the answer is noticed', () => {
    const octets = makeOcsp(root, gateway, { status: 'revoked' })
    const read = readOcsp(octets)
    const forged = { ...read, answers: read.answers.map((one) => ({ ...one, status: 'good' as const })) }
    const tbs = read.tbs.slice()
    tbs[tbs.length - 1]! ^= 1
    const of = (response: typeof read) =>
      standingOf(
        gateway.certificate,
        root.certificate,
        { responses: [response] },
        { at: NOW, weakSha1: false },
      ).status
    expect(of({ ...forged, tbs })).toBe('unknown')
  })
})

describe('whatever octets come', () => {
  test.each([
    [1, 'it calls our request malformed'],
    [3, 'it is busy'],
    [6, 'it does not answer us'],
    [9, 'it answers with status 9'],
  ])('RFC 6960 §4.2.1: status %i says why there is no answer', (code, problem) => {
    const read = decodeOcspResponse(makeOcsp(root, gateway, { code }))
    expect(read.ok ? 'read' : read.error.problem).toBe(problem)
  })

  test('cut off anywhere, and with any octet changed, a value comes back', () => {
    const whole = makeOcsp(root, gateway)
    for (let at = 0; at < whole.length; at++) {
      expect(decodeOcspResponse(whole.subarray(0, at)).ok).toBe(false)
      const changed = whole.slice()
      changed[at]! ^= 0xff
      decodeOcspResponse(changed)
    }
  })
})

test('RFC 6960, RFC 5280 §6.3: a chain with an answer; strict wants one for every link', () => {
  const middle = makeAuthority(root, 'CN=Middle')
  const leaf = makeGateway(middle)
  const judge = (responses: readonly Uint8Array[]) => {
    const verdict = verifyChain({
      ...{ certificates: [leaf.der, middle.der], anchors: [root.certificate], role: 'gateway', at: NOW },
      revocation: 'strict',
      responses: responses.map(readOcsp),
    })
    return verdict.ok ? 'ok' : `${verdict.problem.rule} ${verdict.problem.certificate}`
  }
  const [ofLeaf, ofMiddle] = [makeOcsp(middle, leaf), makeOcsp(root, middle)]
  expect(judge([ofLeaf, ofMiddle])).toBe('ok')
  expect(judge([ofLeaf])).toBe('revocationUnknown CN=Middle')
  expect(judge([ofMiddle])).toBe('revocationUnknown C=CH, O=Test, CN=gw')
  expect(judge([ofLeaf, makeOcsp(root, middle, { status: 'revoked' })])).toBe('revoked CN=Middle')
})
