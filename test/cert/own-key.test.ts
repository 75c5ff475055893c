import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import forge from 'node-forge'
import { describe, expect, test } from 'vitest'
import { equal } from '../../core/bytes/octets.ts'
import { readCertificates, readCredential } from '../../core/cert/own-key.ts'
import { encodePem } from '../../core/cert/pem.ts'
import { signData } from '../../core/cert/private-key.ts'
import { describeKey } from '../../core/cert/public-key.ts'
import { verifySignature } from '../../core/cert/signature.ts'
import {
  type Issued,
  issue,
  type KeyKind,
  keyObject,
  makeAuthority,
  makeKey,
  makeRoot,
  pkcs8Of,
  rsaPssOnly,
  type TestKey,
  usualScheme,
} from '../support/pki.ts'

const root = makeRoot()
const middle = makeAuthority(root, 'C=CH, CN=Middle')
const client = (key: TestKey): Issued =>
  issue(middle, { subject: 'CN=alice', san: ['email:alice@example.org'] }, key)
const rsa = client(makeKey('rsa'))
const p256 = client(makeKey('P-256'))

const certificatePem = (...all: Issued[]) =>
  all.map(({ der }) => encodePem({ label: 'CERTIFICATE', der })).join('')
const keyPem = (key: TestKey) => encodePem({ label: 'PRIVATE KEY', der: pkcs8Of(key) })
const file = (text: string) => new Uint8Array(Buffer.from(text))

/** The name of the key and whether it signs for the certificate, or why not. */
function outcome(files: readonly Uint8Array[], passphrase?: string): string {
  const read = readCredential(files, passphrase)
  if (!read.ok) return `${read.problem.why}: ${read.problem.problem}`
  const { certificate, intermediates, roots, key } = read.credential
  const scheme = usualScheme(key)
  const data = Uint8Array.of(1, 2, 3)
  const good = verifySignature(certificate.publicKey, scheme, data, signData(key, scheme, data))
  key.secret.close()
  return `${describeKey(key.publicKey)} ${good ? 'signs' : 'fails'} +${intermediates.length} +${roots.length}`
}

describe('PEM', () => {
  test.each(['rsa', 'P-256', 'P-384', 'P-521', 'ed25519', 'ed448'] as KeyKind[])(
    'PKCS#8, RFC 5958: %s',
    (kind) => {
      const own = client(makeKey(kind))
      expect(outcome([file(certificatePem(own) + keyPem(own.key))])).toMatch(/ signs \+0 \+0$/)
      expect(outcome([own.der, pkcs8Of(own.key)])).toMatch(/ signs \+0 \+0$/)
    },
  )

  test('the ways of OpenSSL: PKCS#1, SEC1, and encrypted', () => {
    const [rsaKey, ecKey] = [keyObject(rsa.key), keyObject(p256.key)]
    const passphrase = 'correct horse'
    const cipher = 'aes-256-cbc'
    const forms: [Issued, string, string?][] = [
      [rsa, rsaKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
      [p256, ecKey.export({ type: 'sec1', format: 'pem' }).toString()],
      [rsa, rsaKey.export({ type: 'pkcs8', format: 'pem', cipher, passphrase }).toString(), passphrase],
      [p256, ecKey.export({ type: 'pkcs8', format: 'pem', cipher, passphrase }).toString(), passphrase],
      [rsa, rsaKey.export({ type: 'pkcs1', format: 'pem', cipher, passphrase }).toString(), passphrase],
    ]
    for (const [own, pem, secret] of forms) {
      const name = pem.slice(0, 40)
      expect(outcome([file(certificatePem(own)), file(pem)], secret), name).toMatch(/ signs/)
      if (secret === undefined) continue
      expect(outcome([own.der, file(pem)]), name).toMatch(/^passphraseMissing/)
      expect(outcome([own.der, file(pem)], 'wrong'), name).toMatch(/^passphraseWrong/)
    }
  })

  test('the same in DER', () => {
    const [rsaKey, ecKey] = [keyObject(rsa.key), keyObject(p256.key)]
    expect(outcome([rsa.der, rsaKey.export({ type: 'pkcs1', format: 'der' })])).toMatch(/^RSA 2048 signs/)
    expect(outcome([p256.der, ecKey.export({ type: 'sec1', format: 'der' })])).toMatch(/^ECDSA P-256 signs/)
    const passphrase = 'x'
    const sealed = rsaKey.export({ type: 'pkcs8', format: 'der', cipher: 'aes-128-cbc', passphrase })
    expect(outcome([rsa.der, sealed], passphrase)).toMatch(/^RSA 2048 signs/)
    expect(outcome([rsa.der, sealed])).toMatch(/^passphraseMissing/)
  })

  test('a key of type id-RSASSA-PSS, which Electron cannot import as it is', () => {
    const own = client(rsaPssOnly(rsa.key))
    const read = readCredential([file(certificatePem(own)), pkcs8Of(own.key)])
    if (!read.ok) throw new Error(read.problem.problem)
    const { certificate, key } = read.credential
    expect(describeKey(certificate.publicKey)).toBe('RSA 2048 (PSS)')
    const pss = { kind: 'pss', hash: 'sha256', saltOctets: 32 } as const
    const signature = signData(key, pss, Uint8Array.of(1))
    expect(verifySignature(certificate.publicKey, pss, Uint8Array.of(1), signature)).toBe(true)
    // RFC 4055 §1.2: such a key is for PSS only.
    const older = { kind: 'rsa', hash: 'sha256' } as const
    const forbidden = signData(rsa.key.signing, older, Uint8Array.of(1))
    expect(verifySignature(certificate.publicKey, older, Uint8Array.of(1), forbidden)).toBe(false)
  })

  test('text around the blocks, carriage returns, and the chain in any order', () => {
    const text = `Bag Attributes\n  friendlyName: x\n${certificatePem(root, middle, rsa)}${keyPem(rsa.key)}`
    expect(outcome([file(text.replaceAll('\n', '\r\n'))])).toBe('RSA 2048 signs +1 +1')
  })
})

describe('what does not fit', () => {
  test('no key, no certificate, a key of somebody else', () => {
    expect(outcome([file(certificatePem(rsa))])).toBe('missing: there is no private key in it')
    expect(outcome([file(keyPem(rsa.key))])).toBe('missing: there is no certificate in it')
    expect(outcome([rsa.der, file(keyPem(p256.key))])).toBe(
      'mismatch: the private key belongs to none of the certificates (CN=alice)',
    )
  })

  test('octets of nothing, and a key that is cut off', () => {
    expect(outcome([new Uint8Array(0)])).toMatch(/^malformed/)
    expect(outcome([file('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')])).toMatch(
      /^malformed/,
    )
    const der = pkcs8Of(rsa.key)
    expect(outcome([rsa.der, der.subarray(0, der.length - 3)])).toMatch(/^malformed/)
  })

  test('a key that nobody uses is wiped', () => {
    const text = certificatePem(rsa) + keyPem(p256.key) + keyPem(rsa.key)
    const read = readCredential([file(text)])
    expect(read.ok && read.credential.key.secret.closed).toBe(false)
  })

  test('a file of authorities', () => {
    const read = readCertificates(file(certificatePem(root, middle)))
    expect(read.ok && read.certificates.length).toBe(2)
    expect(readCertificates(root.der)).toMatchObject({ ok: true })
    expect(readCertificates(file('-----BEGIN X-----\n-----END X-----\n'))).toEqual({
      ok: false,
      problem: 'there is no certificate in it',
    })
  })
})

describe('PKCS#12, RFC 7292', () => {
  /** As OpenSSL 3 (`aes256`) and everything before it (`3des`) write them. */
  function pfx(
    own: Issued,
    chain: readonly Issued[],
    password: string,
    algorithm: 'aes256' | '3des',
    count = 2048,
  ) {
    const certificates = [own, ...chain].map(({ der }) =>
      forge.asn1.fromDer(Buffer.from(der).toString('latin1')),
    )
    const key = forge.pki.privateKeyFromPem(
      keyObject(own.key).export({ type: 'pkcs1', format: 'pem' }).toString(),
    )
    const read = certificates.map((node) => encodePem({ label: 'CERTIFICATE', der: derOf(node) }))
    const options = { algorithm, count, generateLocalKeyId: true, useMac: true } as const
    // It takes PEM too, whatever its types say.
    return derOf(forge.pkcs12.toPkcs12Asn1(key, read as never, password, options))
  }
  const derOf = (node: forge.asn1.Asn1) =>
    new Uint8Array(Buffer.from(forge.asn1.toDer(node).getBytes(), 'latin1'))

  const rsaRoot = makeRoot('CN=RSA root', {}, makeKey('rsa'))
  const own = issue(rsaRoot, { subject: 'CN=alice' }, rsa.key)

  test.each(['aes256', '3des'] as const)('%s', (algorithm) => {
    const bundle = pfx(own, [rsaRoot], 'pw', algorithm)
    expect(outcome([bundle], 'pw')).toBe('RSA 2048 signs +0 +1')
    expect(outcome([bundle], 'no')).toBe('passphraseWrong: the passphrase does not open the file')
    expect(outcome([bundle])).toBe('passphraseMissing: the file is encrypted')
  })

  test('an empty passphrase is one', () => {
    expect(outcome([pfx(own, [], '', 'aes256')])).toBe('RSA 2048 signs +0 +0')
  })

  test('the certificate comes out as it went in, octet for octet', () => {
    const read = readCredential([pfx(own, [rsaRoot], 'pw', 'aes256')], 'pw')
    expect(read.ok && equal(read.credential.certificate.der, own.der)).toBe(true)
  })

  test('more rounds than anybody needs are refused before they are run', () => {
    const slow = pfx(own, [], 'pw', 'aes256', 1)
    const grown = withRounds(slow, 0x7fffffff)
    expect(outcome([grown], 'pw')).toMatch(/^unsupported: it asks for 2147483647 rounds/)
  })

  test('a salt is noise, also one that reads like an element of a kind that has none inside', () => {
    // A UTF8String marked as constructed.
    const noisy = withMac(pfx(own, [], 'pw', 'aes256', 1), 1, '\x2c\x06\x04\x04\0\0\0\0')
    expect(outcome([noisy], 'pw')).toMatch(/^passphraseWrong/)
    expect(outcome([withRounds(noisy, 0x7fffffff)], 'pw')).toMatch(/^unsupported: it asks for 2147483647/)
  })

  const withRounds = (bundle: Uint8Array, rounds: number): Uint8Array =>
    withMac(bundle, 2, forge.asn1.integerToDer(rounds).getBytes())

  /** MacData stands last in the file: SEQUENCE { DigestInfo, OCTET STRING salt, INTEGER rounds }. RFC 7292 §4 */
  function withMac(bundle: Uint8Array, at: 1 | 2, content: string): Uint8Array {
    const { Class, Type, create, fromDer } = forge.asn1
    const node = fromDer(Buffer.from(bundle).toString('latin1'))
    const mac = (node.value as forge.asn1.Asn1[]).at(-1)?.value as forge.asn1.Asn1[]
    mac[at] = create(Class.UNIVERSAL, at === 1 ? Type.OCTETSTRING : Type.INTEGER, false, content)
    return derOf(node)
  }

  test.each([
    ['RSA, RC2-40 and 3DES, as Windows XP wrote it', 'rsa-rc2', 'RSA 2048 signs +1 +1'],
    ['ECDSA, AES, as OpenSSL 3 writes it', 'ecdsa-aes', 'ECDSA P-256 signs +1 +1'],
    ['ECDSA, 3DES', 'ecdsa-3des', 'ECDSA P-256 signs +1 +1'],
    ['Ed25519, AES', 'ed25519-aes', 'Ed25519 signs +1 +1'],
    ['RSA below an ECDSA authority', 'rsa-under-ecdsa', 'RSA 2048 signs +1 +1'],
  ])('by OpenSSL: %s', (_, name, result) => {
    const bundle = new Uint8Array(readFileSync(new URL(`data/${name}.p12`, import.meta.url)))
    expect(outcome([bundle], 'culvert')).toBe(result)
    expect(outcome([bundle], 'Culvert')).toMatch(/^passphraseWrong/)
  })

  test('cut anywhere it is a problem, never an exception', () => {
    const bundle = pfx(own, [], 'pw', '3des')
    for (let length = 0; length < bundle.length; length += 97) {
      expect(outcome([bundle.subarray(0, length)], 'pw'), `${length}`).toMatch(/^(malformed|passphrase)/)
    }
  })
})

test('the private key never shows', () => {
  const read = readCredential([file(certificatePem(rsa) + keyPem(rsa.key))])
  if (!read.ok) throw new Error(read.problem.problem)
  expect(JSON.stringify(read.credential.key)).toContain('[secret]')
  expect(createPrivateKey(keyPem(rsa.key)).asymmetricKeyType).toBe('rsa')
})
