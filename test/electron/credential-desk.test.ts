import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { encodePem } from '../../core/cert/pem.ts'
import { VpnFailure } from '../../core/errors.ts'
import { requireProfile } from '../../core/profile/schema.ts'
import { CredentialDesk, readRevocations, readTrust } from '../../electron/credential-desk.ts'
import { ProfileDesk } from '../../electron/profile-desk.ts'
import { profileOf } from '../manager/world.ts'
import { type Issued, issue, makeList, makeRoot, NOW, pkcs8Of } from '../support/pki.ts'

const root = makeRoot('CN=Root')
const alice = issue(root, { subject: 'CN=alice', san: ['email:alice@example.org'] })
const bob = issue(root, { subject: 'CN=bob' })
const pem = (...all: readonly Issued[]): string =>
  all.map(({ der }) => encodePem({ label: 'CERTIFICATE', der })).join('')
const keyPem = (one: Issued): string => encodePem({ label: 'PRIVATE KEY', der: pkcs8Of(one.key) })
const file = (name: string, content: string | Uint8Array) => ({
  name,
  bytes: typeof content === 'string' ? new Uint8Array(Buffer.from(content)) : content,
})
/** A key, its certificate, an authority in between and a root; `culvert` opens it. */
const bundle = file(
  'alice.p12',
  new Uint8Array(readFileSync(new URL('../cert/data/ecdsa-aes.p12', import.meta.url))),
)
const office = (change: object = {}) =>
  requireProfile(
    { ...profileOf('Office'), auth: { method: 'certificate', certificate: pem(alice) }, ...change },
    'test',
  )

describe('a certificate and its key', () => {
  test('the key stays here and is named by a number; what the page gets holds no octet of it', () => {
    const desk = new CredentialDesk()
    const read = desk.read({ files: [file('alice.pem', pem(alice, root) + keyPem(alice))] })
    if (!read.ok) throw new Error(read.problem)
    expect(read.certificate).toBe(pem(alice))
    expect(read.authorities).toBe(pem(root))
    expect(JSON.stringify(read)).not.toContain('PRIVATE')
    const lent = desk.lend(read.token)
    expect(lent.use((octets) => Buffer.from(octets).toString())).toBe(keyPem(alice))
    desk.forget(read.token)
    expect(() => desk.lend(read.token)).toThrow(VpnFailure)
    // Who borrowed it has a copy.
    expect(lent.closed).toBe(false)
  })

  test('PKCS#12: the passphrase is asked for, and a wrong one can be typed again', () => {
    const desk = new CredentialDesk()
    expect(desk.read({ files: [bundle] })).toMatchObject({ ok: false, why: 'passphrase' })
    expect(desk.read({ files: [bundle], passphrase: 'no' })).toMatchObject({ ok: false, why: 'passphrase' })
    expect(desk.read({ files: [bundle], passphrase: 'culvert' })).toMatchObject({ ok: true })
  })

  test('a file with the key alone goes with the certificate that is there', () => {
    const desk = new CredentialDesk()
    const files = [file('alice.key', keyPem(alice))]
    expect(desk.read({ files })).toMatchObject({ ok: false, why: 'other' })
    expect(desk.read({ files, beside: pem(alice) })).toMatchObject({ ok: true, certificate: pem(alice) })
    expect(desk.read({ files, beside: pem(bob) })).toMatchObject({ ok: false, why: 'other' })
  })

  test('asked for the key of a profile, another certificate with its own key does not do', () => {
    const desk = new CredentialDesk()
    const own = { files: [file('a.key', keyPem(alice))], profile: office() }
    const other = { files: [file('bob.pem', pem(bob) + keyPem(bob))], profile: office() }
    expect(desk.read(own)).toMatchObject({ ok: true })
    expect(desk.read(other)).toEqual({
      ok: false,
      why: 'other',
      problem: 'this key belongs to another certificate',
    })
    expect(desk.read({ ...own, profile: profileOf('Home') })).toMatchObject({ ok: false })
  })

  test('keys that nobody uses do not pile up', () => {
    const desk = new CredentialDesk()
    const tokens = Array.from({ length: 9 }, () => {
      const read = desk.read({ files: [file('a.pem', pem(alice) + keyPem(alice))] })
      return read.ok ? read.token : -1
    })
    expect(() => desk.lend(tokens[0] ?? -1)).toThrow()
    expect(desk.lend(tokens[1] ?? -1).closed).toBe(false)
    desk.close()
    expect(() => desk.lend(tokens[8] ?? -1)).toThrow()
  })

  test.each([
    ['nothing', new Uint8Array()],
    ['octets', Uint8Array.from({ length: 999 }, (_, at) => (at * 7) & 0xff)],
    ['half of a bundle', bundle.bytes.subarray(0, 300)],
    ['a SEQUENCE without end', Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff)],
  ])('a file that is none is a sentence (%s)', (_name, bytes) => {
    const desk = new CredentialDesk()
    expect(desk.read({ files: [file('x', bytes)], passphrase: 'x' }).ok).toBe(false)
    expect(readTrust([file('x', bytes)], undefined).ok).toBe(false)
    expect(readRevocations([file('x', bytes)]).ok).toBe(false)
  })
})

describe('whom to trust', () => {
  test('authorities of several files, PEM, DER and PKCS#12, in one text', () => {
    expect(readTrust([file('a.pem', pem(root)), file('b.crt', bob.der)], undefined)).toEqual({
      ok: true,
      pem: pem(root, bob),
    })
    expect(readTrust([bundle], undefined)).toMatchObject({ ok: false, why: 'passphrase' })
    expect(readTrust([bundle], 'culvert')).toMatchObject({ ok: true })
  })

  test('lists of revoked certificates, PEM and DER', () => {
    const der = makeList(root, [], { thisUpdate: NOW })
    const text = encodePem({ label: 'X509 CRL', der })
    expect(readRevocations([file('a.crl', der), file('b.pem', text)])).toEqual({ ok: true, pem: text + text })
    expect(readRevocations([file('c.pem', pem(root))])).toMatchObject({ ok: false })
  })
})

describe('what the editor says of a sign-in', () => {
  const desk = new ProfileDesk({} as never)

  test('certificate: whom it names, who it is from, which secrets it needs', () => {
    const checked = desk.check(office({ gatewayAuth: { method: 'certificate', ca: pem(root) } }))
    expect(checked).toMatchObject({
      issues: [],
      wanted: ['key'],
      gateway: 'certificate',
      own: { subject: 'CN=alice', issuer: 'CN=Root' },
      authorities: [{ subject: 'CN=Root' }],
    })
    expect(checked.own?.names[0]).toBe('alice@example.org')
    expect(desk.check(office()).authorities).toEqual([])
  })

  test('key at both ends, or at one of them', () => {
    expect(desk.check(profileOf('Office'))).toMatchObject({ wanted: ['psk'], gateway: 'psk' })
    expect(desk.check(office({ gatewayAuth: { method: 'psk' } }))).toMatchObject({ wanted: ['key', 'psk'] })
  })

  test.each([undefined, null, 7, [], {}, { method: 1 }, { method: 'x' }])(
    'what is no sign-in is an issue and nothing more (%#)',
    (auth) => {
      const { issues, wanted, own } = desk.check({ ...profileOf('Office'), auth })
      expect(issues.length).toBeGreaterThan(0)
      expect(own).toBeUndefined()
      expect(Array.isArray(wanted)).toBe(true)
    },
  )
})
