import { rootCertificates } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { adviceFor } from '../../core/advice.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { decodeCertificate, describeCertificate } from '../../core/cert/certificate.ts'
import { parseName } from '../../core/cert/name.ts'
import { encodePem, splitPem } from '../../core/cert/pem.ts'
import { encodeKeyPem } from '../../core/cert/private-key.ts'
import { VpnFailure } from '../../core/errors.ts'
import { closeSecrets, type OurProof, type TheirProof } from '../../core/ike/config.ts'
import { localNameOf } from '../../core/profile/authentication.ts'
import { connectionConfig } from '../../core/profile/config.ts'
import { formatIdentity, parseIdentity } from '../../core/profile/identity.ts'
import { importCulvertJson } from '../../core/profile/import/culvert-json.ts'
import { gatewayAuthOf, readProfile, requireProfile, secretNames } from '../../core/profile/schema.ts'
import { weaknessOf } from '../../core/profile/suites.ts'
import { authoritiesIn, systemAuthorities, type TrustStores } from '../../core/profile/system-authorities.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import {
  type Issued,
  issue,
  type KeyKind,
  makeAuthority,
  makeKey,
  makeList,
  makeRoot,
  rsaPssOnly,
} from '../support/pki.ts'
import { pair } from '../support/two-peers.ts'

const root = makeRoot()
const middle = makeAuthority(root, 'C=CH, O=Test, CN=Middle')
const alice = issue(middle, {
  subject: 'C=CH, O=Test, CN=alice',
  san: ['email:alice@example.org', 'dns:alice.test'],
})

const pem = (...issued: readonly Issued[]): string =>
  issued.map(({ der }) => encodePem({ label: 'CERTIFICATE', der })).join('')
const keyOf = (issued: Issued): Secret => encodeKeyPem(issued.key.signing)
const minimal = {
  format: 'culvert-profile',
  version: 1,
  id: 'office',
  name: 'Office',
  gateway: { host: 'vpn.example.org' },
  auth: { method: 'certificate', certificate: pem(alice, middle) },
  gatewayAuth: { method: 'certificate', ca: pem(root) },
}
const json = (value: unknown) => new Uint8Array(Buffer.from(JSON.stringify(value)))
const profile = (change: object = {}) => requireProfile({ ...minimal, ...change }, 'test')
const config = (change: object = {}, secrets: Readonly<Record<string, Secret>> = { key: keyOf(alice) }) =>
  connectionConfig(profile(change), new Map(Object.entries(secrets)), '192.0.2.1', () => [middle.certificate])
const errorOf = (work: () => unknown) => {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return thrown.error
    throw thrown
  }
  return undefined
}
const theirs = (change: object = {}): TheirProof => {
  const { authentication } = config(change)
  if (authentication.method !== 'each') throw new Error('both by key')
  return authentication.theirs
}
const ID = { fqdn: 2, email: 3, dn: 9 } as const

describe('what a profile says of certificates', () => {
  test('left out: the gateway proves itself as we do, by a certificate of an authority of the system', () => {
    const { gatewayAuth: _g, ...rest } = minimal
    expect(gatewayAuthOf(requireProfile(rest, 'test'))).toEqual({
      method: 'certificate',
      ca: 'system',
      revocation: 'ifAvailable',
      commonName: false,
    })
    expect(gatewayAuthOf(profile({ localId: 'a', auth: { method: 'psk' }, gatewayAuth: undefined }))).toEqual(
      { method: 'psk' },
    )
  })

  test('the secrets of a sign-in by name', () => {
    const [psk, certificate] = [{ method: 'psk' }, { method: 'certificate' }]
    const names = (auth: object, gatewayAuth?: object) =>
      secretNames(profile({ localId: 'a', auth, gatewayAuth }))
    expect(names(psk)).toEqual(['psk'])
    expect(names(psk, certificate)).toEqual(['psk'])
    expect(names(certificate)).toEqual(['key'])
    expect(names(certificate, psk)).toEqual(['key', 'psk'])
  })

  test.each([
    [
      { auth: { method: 'magic' } },
      'auth.method',
      'only "psk", "certificate", "eap", "xauth" and "manual" are known to this Culvert',
    ],
    [{ auth: {} }, 'auth.method', 'it is missing'],
    [{ auth: { method: 'psk' } }, 'localId', 'it is missing: who are you to the gateway?'],
    [
      { auth: { method: 'certificate', certificate: 'MIIB' } },
      'auth.certificate',
      'certificates in PEM are expected',
    ],
    [
      {
        auth: {
          method: 'certificate',
          certificate: `${pem(alice)}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n`,
        },
      },
      'auth.certificate',
      'a certificate cannot be read',
    ],
    [
      {
        auth: {
          method: 'certificate',
          certificate: pem(alice) + encodePem({ label: 'PRIVATE KEY', der: Uint8Array.of(48, 0) }),
        },
      },
      'auth.certificate',
      'a private key does not belong into a profile',
    ],
    [
      { gatewayAuth: { method: 'certificate', ca: 'nobody' } },
      'gatewayAuth.ca',
      'certificates in PEM are expected',
    ],
    [
      { gatewayAuth: { method: 'certificate', ca: pem(...Array.from({ length: 65 }, () => root)) } },
      'gatewayAuth.ca',
      'at most 64 are expected',
    ],
    [
      { gatewayAuth: { method: 'certificate', crl: pem(root) } },
      'gatewayAuth.crl',
      'revocation lists in PEM are expected',
    ],
    [{ weak: ['sha1signatures'] }, 'weak.0', 'this is not an algorithm Culvert knows'],
  ])('%# is refused by field', (change, field, problem) => {
    const error = errorOf(() => profile(change))
    expect(error).toMatchObject({ kind: 'profileInvalid', field })
    expect(error?.kind === 'profileInvalid' && error.problem).toContain(problem)
  })

  test('a field that is not known is told as such, for importers to forgive', () => {
    const read = readProfile({ ...minimal, auth: { ...minimal.auth, colour: 'red' } })
    expect(read.ok || read.issues).toEqual([
      { field: 'auth.colour', problem: 'this field is not known', unknown: true },
    ])
  })

  test('the words of weak that are no transforms say why', () => {
    for (const word of ['sha1signature', 'shortrsa']) expect(weaknessOf(word)).toMatch(/attacker/)
  })
})

describe('as everything a session must know', () => {
  test('our chain and key, the authorities and nothing weak', () => {
    const { authentication } = config()
    expect(authentication).toMatchObject({
      method: 'each',
      ours: { method: 'certificate', pss: false, weakSha1: false },
      theirs: {
        method: 'certificate',
        weak: { shortRsa: false, sha1: false },
        commonName: false,
        revocation: 'ifAvailable',
      },
    })
    if (authentication.method !== 'each' || authentication.ours.method !== 'certificate') throw new Error()
    expect(authentication.ours.chain.map(describeCertificate)).toEqual([alice.subject, middle.subject])
    expect(authentication.ours.key.publicKey).toEqual(alice.certificate.publicKey)
  })

  test('authorities: those of the profile, or those of the system', () => {
    const anchors = (proof: TheirProof) => {
      if (proof.method !== 'certificate') return []
      const found = typeof proof.anchors === 'function' ? proof.anchors([]) : proof.anchors
      return found.map(describeCertificate)
    }
    expect(anchors(theirs())).toEqual([root.subject])
    expect(anchors(theirs({ gatewayAuth: { method: 'certificate' } }))).toEqual([middle.subject])
  })

  test('what it allows by name', () => {
    expect(theirs({ weak: ['sha1signature', 'shortrsa'] })).toMatchObject({
      weak: { shortRsa: true, sha1: true },
    })
    const crl = encodePem({ label: 'X509 CRL', der: makeList(root, [Uint8Array.of(7)]) })
    const strict = theirs({
      gatewayAuth: { ...minimal.gatewayAuth, crl, revocation: 'strict', commonName: true },
    })
    expect(strict).toMatchObject({ revocation: 'strict', commonName: true })
    expect(strict.method === 'certificate' && strict.lists).toHaveLength(1)
    expect(
      config({ weak: ['sha1signature'], auth: { ...minimal.auth, rsaPss: true } }).authentication,
    ).toMatchObject({
      ours: { pss: true, weakSha1: true },
    })
  })

  test('each end in its own way', () => {
    const psk = () => Secret.fromText('k')
    const ours = config({ localId: 'a', auth: { method: 'psk' } }, { psk: psk() }).authentication
    expect(ours).toMatchObject({ method: 'each', ours: { method: 'psk' }, theirs: { method: 'certificate' } })
    const both = config({ gatewayAuth: { method: 'psk' } }, { psk: psk(), key: keyOf(alice) }).authentication
    expect(both).toMatchObject({ method: 'each', ours: { method: 'certificate' }, theirs: { method: 'psk' } })
  })

  test.each(['rsa', 'P-384', 'ed25519', 'ed448'] as KeyKind[])(
    'keys of %s come back from the keychain',
    (kind) => {
      const bob = issue(root, { subject: 'CN=bob' }, makeKey(kind))
      const made = config({ auth: { method: 'certificate', certificate: pem(bob) } }, { key: keyOf(bob) })
      expect(made.authentication).toMatchObject({ ours: { key: { publicKey: bob.certificate.publicKey } } })
    },
  )

  test('RFC 4055 §1.2: so does a key for RSASSA-PSS only', () => {
    const bob = issue(root, { subject: 'CN=bob' }, rsaPssOnly(makeKey('rsa')))
    const made = config({ auth: { method: 'certificate', certificate: pem(bob) } }, { key: keyOf(bob) })
    expect(made.authentication).toMatchObject({
      ours: { key: { publicKey: { kind: 'rsa', pssOnly: true } } },
    })
  })
})

describe('who is who', () => {
  const text = (octets: Uint8Array | undefined) => Buffer.from(octets ?? []).toString()

  test('RFC 4945 §3.1: we are whom our certificate names, unless the profile says who', () => {
    expect(config().localIdentity).toMatchObject({ type: ID.email })
    expect(text(config().localIdentity.data)).toBe('alice@example.org')
    expect(text(config({ localId: 'alice.test' }).localIdentity.data)).toBe('alice.test')
    const bob = issue(root, { subject: 'CN=bob' })
    const made = config({ auth: { method: 'certificate', certificate: pem(bob) } }, { key: keyOf(bob) })
    expect(made.localIdentity).toEqual({ type: ID.dn, data: bob.certificate.subject.der })
    expect(localNameOf(profile())).toBe('alice@example.org')
    expect(localNameOf(profile({ auth: { method: 'certificate' } }))).toBeUndefined()
  })

  test.each([
    ['vpn.example.org', ID.fqdn, 'vpn.example.org'],
    ['vpn.example.org.', ID.fqdn, 'vpn.example.org'],
    ['büro.example.org', ID.fqdn, 'xn--bro-hoa.example.org'],
  ])(
    'RFC 4945 §3.1.2: a gateway by certificate must be %s, which is not put into IDr',
    (host, type, name) => {
      const { remoteIdentity, asksForIdentity } = config({ gateway: { host } })
      expect([remoteIdentity?.type, text(remoteIdentity?.data), asksForIdentity]).toEqual([type, name, false])
    },
  )

  test('an address is held against the addresses of its certificate', () => {
    expect(config({ gateway: { host: '192.0.2.1' } }).remoteIdentity).toEqual({
      type: 1,
      data: Uint8Array.of(192, 0, 2, 1),
    })
    expect(config({ gateway: { host: '2001:db8::1' } }).remoteIdentity).toMatchObject({ type: 5 })
  })

  test('a remote ID is asked for; without one a gateway by key may be anybody', () => {
    expect(config({ remoteId: 'gw.example.org' })).toMatchObject({
      asksForIdentity: true,
      remoteIdentity: { type: 2 },
    })
    const secrets = { key: keyOf(alice), psk: Secret.fromText('k') }
    expect(config({ gatewayAuth: { method: 'psk' } }, secrets).remoteIdentity).toBeUndefined()
  })

  test.each(['dn:C=CH, O=Example, CN=alice', 'C=CH, O=Example, CN=alice', 'CN=alice, O=Smith\\, Jones & Co'])(
    'RFC 7296 §3.5: %s is a distinguished name',
    (written) => {
      const identity = parseIdentity(written)
      const name = parseName(written.replace(/^dn:/, ''))
      if ('problem' in identity || 'problem' in name) throw new Error('it is none')
      expect(identity).toEqual({ type: ID.dn, data: name.der })
      expect(parseIdentity(formatIdentity(identity))).toEqual(identity)
    },
  )

  test('a name whose text would be encoded otherwise prints as its octets', () => {
    const odd = { type: ID.dn, data: Uint8Array.from(Buffer.from('300c310a3008060355040313016', 'hex')) }
    expect(formatIdentity(odd)).toMatch(/^dn:0x300c/)
    const teletex = {
      type: ID.dn,
      data: Uint8Array.from(Buffer.from('300c310a300806035504031401 61'.replace(' ', ''), 'hex')),
    }
    const printed = formatIdentity(teletex)
    expect(printed).toBe('dn:0x300c310a30080603550403140161')
    expect(parseIdentity(printed)).toEqual(teletex)
  })

  test('a mail address with an equals sign stays one', () => {
    expect(parseIdentity('bounce=7@example.org')).toMatchObject({ type: ID.email })
    expect(parseIdentity('dn:alice')).toMatchObject({ problem: expect.stringContaining('CN=name') })
  })
})

describe('what does not fit together', () => {
  const failing = (change: object, key: Secret | undefined) => {
    const secrets = key === undefined ? {} : { key }
    return errorOf(() => config(change, secrets))
  }

  test('the key of another certificate', () => {
    const key = keyOf(middle)
    expect(failing({}, key)).toEqual({
      kind: 'authFailed',
      who: 'us',
      method: 'certificate',
      problem: 'the private key belongs to another certificate',
    })
    expect(key.closed).toBe(true)
  })

  test('something else than a key, and a key that is still encrypted', () => {
    expect(failing({}, Secret.fromText('hunter2'))).toMatchObject({
      problem: 'what is given as your key is no private key in PEM',
    })
    const locked = encodePem({ label: 'ENCRYPTED PRIVATE KEY', der: Uint8Array.of(48, 0) })
    expect(failing({}, Secret.fromText(locked))).toMatchObject({ problem: 'the key is encrypted' })
  })

  test('no certificate yet: it says how to bring it', () => {
    const key = keyOf(alice)
    expect(failing({ auth: { method: 'certificate' }, localId: 'alice' }, key)).toMatchObject({
      kind: 'profileInvalid',
      field: 'auth.certificate',
      problem: 'your certificate is still to come',
    })
    const fault = {
      kind: 'profileInvalid',
      source: 'Office',
      field: 'auth.certificate',
      problem: 'x',
    } as const
    expect(adviceFor(fault).tryThis[0]).toContain('culvert import FILE.p12 --profile "Office"')
    expect(adviceFor(fault, 'window').tryThis[0]).toContain('in Edit')
    expect(key.closed).toBe(true)
  })

  test('no key', () => {
    expect(failing({}, undefined)).toEqual({ kind: 'secretMissing', what: 'key', profile: 'Office' })
  })
})

describe('secrets', () => {
  test('the text of the key is closed as soon as the key is read, the key when the session is over', () => {
    const pemKey = keyOf(alice)
    const made = config({}, { key: pemKey })
    if (made.authentication.method !== 'each' || made.authentication.ours.method !== 'certificate')
      throw new Error()
    const { secret } = made.authentication.ours.key
    expect([pemKey.closed, secret.closed]).toEqual([true, false])
    closeSecrets(made)
    expect(secret.closed).toBe(true)
  })

  test('a key that came along goes to the keychain; one that nobody uses is not kept', () => {
    const key = keyOf(alice).use((octets) => Buffer.from(octets).toString())
    const { profiles, report } = importCulvertJson(json({ ...minimal, secrets: { key, psk: 'x' } }), 'a.json')
    expect([...(profiles[0]?.secrets.keys() ?? [])]).toEqual(['key'])
    expect(report).toContainEqual(expect.objectContaining({ field: 'secrets.psk', outcome: 'ignored' }))
    expect(JSON.stringify(profiles)).not.toContain(key.slice(40, 80))
  })
})

describe('the authorities of the system', () => {
  const [one = ''] = rootCertificates
  const nothing = { read: () => fail(), rootCertificates: [one] }
  const fail = (): never => {
    throw new Error('not there')
  }
  const names = (stores: TrustStores, ...asked: readonly Uint8Array[]) =>
    authoritiesIn(stores)(asked).map(describeCertificate)
  const own = decodeCertificate(splitPem(one)[0]!.der)
  if (!own.ok) throw own.error

  test('those of the operating system, where the runtime can tell; of them those that concern the chain', () => {
    const stores = { ...nothing, getCACertificates: () => [pem(root), pem(middle), one] }
    expect(names(stores, alice.der)).toEqual([middle.subject])
    expect(names(stores, alice.der, middle.der)).toEqual([root.subject, middle.subject])
    expect(names(stores, root.der)).toEqual([root.subject, middle.subject]) // and whom it issued
    expect(names(stores, Uint8Array.of(), Uint8Array.of(48, 0))).toEqual([])
  })

  test('a name inside one that was cut off, and too many certificates, find nobody', () => {
    const stores = { ...nothing, getCACertificates: () => [pem(root)] }
    const nameless = issue({ ...root, subject: '' }, { subject: 'CN=x' })
    expect(names(stores, nameless.der)).toEqual([])
    expect(names(stores, ...Array.from({ length: 16 }, () => nameless.der), middle.der)).toEqual([])
  })

  test.each([
    ['cannot ask', undefined],
    ['fails', fail],
    ['finds none', () => []],
  ])('those in the file of a system whose runtime %s', (_what, getCACertificates) => {
    const read = (path: string) =>
      path === '/etc/ssl/ca-bundle.pem' ? `# CAs\n${pem(middle)}${pem(root)}` : fail()
    expect(names({ ...nothing, getCACertificates, read }, alice.der)).toEqual([middle.subject])
  })

  test('those the runtime was built with, where there is no other', () => {
    expect(names(nothing, own.value.der)).toEqual([describeCertificate(own.value)])
    expect(names(nothing, middle.der)).toEqual([])
  })

  test('this computer has some', () => {
    expect(systemAuthorities([own.value.der]).map(describeCertificate)).toEqual([
      describeCertificate(own.value),
    ])
  })

  test('RFC 7296 §3.7: they are not listed in CERTREQ, and judge a gateway all the same', () => {
    const anchors = authoritiesIn({ ...nothing, getCACertificates: () => [pem(root)] })
    const gateway = issue(root, { subject: 'CN=gw', san: ['dns:gw.test'] })
    const authentication = (ours: OurProof, trust: TheirProof) =>
      ({ method: 'each', ours, theirs: trust }) as const
    const key = (): OurProof & TheirProof => ({ method: 'psk', psk: Secret.fromText('k') })
    const trust: TheirProof = {
      ...{ method: 'certificate', anchors, lists: [], revocation: 'off', weak: {}, commonName: false },
    }
    const proof: OurProof = {
      ...{
        method: 'certificate',
        chain: [gateway.certificate],
        key: gateway.key.signing,
        pss: false,
        weakSha1: false,
      },
    }
    const { client, net } = pair({
      client: { authentication: authentication(key(), trust) },
      gateway: { authentication: authentication(proof, key()) },
    })
    client.command('connect')
    net.settle()
    expect(client.n.state).toBe('connected')
    const request = (client.sent[1]!.payloads as readonly Payload[]).find(({ type }) => type === 'CERTREQ')
    expect(request).toMatchObject({ authorities: new Uint8Array() })
  })
})
