import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { verifyAuth } from '../../core/cert/auth-signature.ts'
import { decodeCertificate } from '../../core/cert/certificate.ts'
import { verifyChain } from '../../core/cert/chain.ts'
import { decodeRevocationList } from '../../core/cert/crl.ts'
import { readCredential } from '../../core/cert/own-key.ts'
import { decodeSchemeDer } from '../../core/cert/signature.ts'
import { makeAuthority, makeGateway, makeKey, makeList, makeRoot, NOW, pkcs8Of } from '../support/pki.ts'

// Whatever a peer or a file holds, a value comes back. A counter-example is a bug and becomes a test of its own.

const root = makeRoot('C=CH, O=Test, CN=Root', { permitted: ['dns:example.org', 'dn:C=CH'] })
const middle = makeAuthority(root, 'C=CH, O=Test, CN=Middle', { pathLength: 0 })
const gateway = makeGateway(middle, {
  subject: 'C=CH, CN=gw',
  subjectKeyIdentifier: Uint8Array.of(1, 2, 3),
  authorityKeyIdentifier: Uint8Array.of(4, 5, 6),
  scheme: { kind: 'ecdsa', hash: 'sha256' },
})
const key = makeKey()
const list = makeList(root, [Uint8Array.of(7)])

// Many cases on a machine that others use too.
vi.setConfig({ testTimeout: 60_000 })

/** A good one in which up to four octets are others, inserted or gone. */
function damaged(good: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    at: fc.nat(good.length - 1),
    octet: fc.nat(255),
    how: fc.constantFrom('set' as const, 'insert' as const, 'delete' as const),
  })
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const octets = [...good]
    for (const { at, octet, how } of changes) {
      octets.splice(at, how === 'insert' ? 0 : 1, ...(how === 'delete' ? [] : [octet]))
    }
    return Uint8Array.from(octets)
  })
}

const cases = (good: Uint8Array) => fc.oneof(damaged(good), fc.uint8Array({ maxLength: 300 }))
const RUNS = { numRuns: 500 }

test('certificates', () => {
  fc.assert(
    fc.property(cases(gateway.der), (octets) => {
      decodeCertificate(octets)
    }),
    RUNS,
  )
})

test('no damaged certificate is trusted, wherever in the chain it stands', () => {
  const question = { anchors: [root.certificate], role: 'gateway' as const, at: NOW }
  expect(verifyChain({ ...question, certificates: [gateway.der, middle.der] }).ok).toBe(true)
  const good = [gateway.der, middle.der]
  fc.assert(
    fc.property(fc.nat(1), damaged(good[0]!), damaged(good[1]!), (which, first, second) => {
      const certificates = which === 0 ? [first, good[1]!] : [good[0]!, second]
      const unchanged = certificates.every((der, at) => Buffer.compare(der, good[at]!) === 0)
      fc.pre(!unchanged)
      expect(verifyChain({ ...question, certificates }).ok).toBe(false)
    }),
    { numRuns: 150 },
  )
})

test('revocation lists', () => {
  fc.assert(
    fc.property(cases(list), (octets) => {
      decodeRevocationList(octets)
    }),
    RUNS,
  )
})

test('algorithm identifiers and whole AUTH payloads', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(20), (data, method) => {
      decodeSchemeDer(data)
      const rules = { offeredHashes: [1, 2, 3, 4, 5], weakSha1: true }
      expect(verifyAuth(key.signing.publicKey, data, { method, data }, rules).ok).toBe(false)
    }),
    RUNS,
  )
})

test('files with keys', () => {
  fc.assert(
    fc.property(cases(pkcs8Of(key)), (octets) => {
      const read = readCredential([gateway.der, octets], 'x')
      if (read.ok) read.credential.key.secret.close()
    }),
    { numRuns: 150 },
  )
})
