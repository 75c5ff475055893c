import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { encodePem } from '../../core/cert/pem.ts'
import { encodeKeyPem } from '../../core/cert/private-key.ts'
import { VpnFailure } from '../../core/errors.ts'
import { type Authentication, closeSecrets, type OurEap } from '../../core/ike/config.ts'
import { requireCertificate } from '../../core/profile/authentication.ts'
import { connectionConfig } from '../../core/profile/config.ts'
import { formatIdentity } from '../../core/profile/identity.ts'
import { authWords, requireProfile, sessionSecrets } from '../../core/profile/schema.ts'
import { revealed } from '../support/eap-pair.ts'
import { issue, makeRoot } from '../support/pki.ts'

const root = makeRoot()
const alice = issue(root, { subject: 'CN=alice', san: ['email:alice@example.org'] })
const pem = (der: Uint8Array): string => encodePem({ label: 'CERTIFICATE', der })

const profile = (auth: object, change: object = {}) =>
  requireProfile(
    {
      format: 'culvert-profile',
      version: 1,
      id: 'office',
      name: 'Office',
      gateway: { host: 'vpn.example.org' },
      auth: { method: 'eap', user: 'alice', ...auth },
      gatewayAuth: { method: 'certificate', ca: pem(root.der) },
      ...change,
    },
    'test',
  )
const errorOf = (work: () => unknown) => {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return thrown.error
    throw thrown
  }
  return undefined
}
const config = (made: ReturnType<typeof profile>, secrets: Readonly<Record<string, Secret>>) =>
  connectionConfig(made, new Map(Object.entries(secrets)), '192.0.2.1', () => [])
const password = () => Secret.fromText('hunter2')
const eapOf = (authentication: Authentication): OurEap => {
  if (authentication.method !== 'each' || authentication.ours.method !== 'eap') throw new Error('not by EAP')
  return authentication.ours
}

describe('what a profile says of EAP', () => {
  test('the least: MSCHAPv2, with the password of the user', () => {
    const made = profile({})
    expect([authWords(made.auth), sessionSecrets(made)]).toEqual(['EAP-MSCHAPv2', ['password']])
    const { authentication, localIdentity } = config(made, { password: password() })
    const { peer } = eapOf(authentication)
    expect([peer.user, peer.methods, revealed(peer.password)]).toEqual(['alice', ['mschapv2'], 'hunter2'])
    expect([localIdentity.type, formatIdentity(localIdentity)]).toEqual([2, 'alice'])
  })

  test('is IKEv2 alone: IKEv1 has none, and nothing to fall back to', () => {
    for (const version of [1, 'auto'])
      expect(errorOf(() => profile({}, { ike: { version } }))).toMatchObject({
        kind: 'profileInvalid',
        field: 'auth.method',
      })
  })

  test('its secrets are wiped with the connection', () => {
    const given = password()
    const made = config(profile({}), { password: given })
    closeSecrets(made)
    expect(given.closed).toBe(true)
  })

  test.each([
    ['alice@example.org', 3],
    ['EXAMPLE\\alice', 11],
    ['alice müller', 11],
  ])('IKE knows the user %s by ID type %i', (user, type) => {
    expect(config(profile({ user }), { password: password() }).localIdentity.type).toBe(type)
  })

  test('localId is what IKE is told, and the user where there is no other', () => {
    const made = profile({ user: undefined }, { localId: 'keyid:staff-7' })
    const { authentication, localIdentity } = config(made, { password: password() })
    expect([localIdentity.type, eapOf(authentication).peer.user]).toEqual([11, 'staff-7'])
    expect(errorOf(() => profile({ user: undefined }))).toMatchObject({
      kind: 'profileInvalid',
      field: 'localId',
    })
  })

  test('a password that is missing is named', () => {
    expect(errorOf(() => config(profile({}), {}))).toEqual({
      kind: 'secretMissing',
      what: 'password',
      profile: 'Office',
    })
  })

  test.each([
    [{ methods: ['gtc'] }, ['password']],
    [{ methods: ['gtc'], gtc: 'code' }, []],
    [{ methods: ['otp'] }, []],
    [{ methods: ['ttls'] }, ['password']],
    [{ methods: ['ttls'], ttls: 'eap', inner: ['otp'] }, []],
    [{ methods: ['peap'], inner: ['gtc'], gtc: 'code' }, []],
    [{ methods: ['tls'] }, ['key']],
    [{ methods: ['sim'] }, ['card']],
    [{ methods: ['aka-prime', 'mschapv2'], networkName: 'WLAN' }, ['password', 'card']],
    [{ methods: ['tls', 'mschapv2'] }, ['password']],
    [{ methods: ['tls', 'mschapv2'], certificate: pem(alice.der) }, ['key', 'password']],
  ])('what has to be known before %o', (auth, names) => {
    expect(sessionSecrets(profile(auth))).toEqual(names)
  })

  test('SIM and AKA: the card that is written down, wiped with the connection', () => {
    const card = Secret.fromText(`k=${'11'.repeat(16)} opc=${'22'.repeat(16)}`)
    const made = config(profile({ methods: ['aka'] }), { card })
    const { peer, secrets } = eapOf(made.authentication)
    expect([peer.sim?.card.umts !== undefined, card.closed, secrets.length]).toEqual([true, true, 2])
    closeSecrets(made)
    expect(secrets.every(({ closed }) => closed)).toBe(true)
    expect(
      errorOf(() => config(profile({ methods: ['sim'] }), { card: Secret.fromText('k=1') })),
    ).toMatchObject({
      kind: 'authFailed',
      who: 'us',
      problem: 'k of a card has 32 hex digits',
    })
  })

  test('EAP-TLS: certificate and key, and the name they give', () => {
    const made = profile({ user: undefined, methods: ['tls'], certificate: pem(alice.der) })
    const key = encodeKeyPem(alice.key.signing)
    const { authentication, localIdentity } = config(made, { key })
    const { peer } = eapOf(authentication)
    expect([peer.user, localIdentity.type]).toEqual(['alice@example.org', 3])
    expect(peer.tls?.certificate?.chain).toEqual([alice.certificate.der])
    expect(key.closed).toBe(true)
    const held = peer.tls!.certificate!.key
    closeSecrets({ authentication })
    expect(held.closed).toBe(true)
  })

  test('whom TLS may talk to: the gateway by its authority, unless a server of its own is named', () => {
    const { server } = eapOf(config(profile({ methods: ['ttls'] }), { password: password() }).authentication)
    expect([server?.anchors, formatIdentity(server!.identity)]).toEqual([
      [root.certificate],
      'vpn.example.org',
    ])
    const other = profile({ methods: ['ttls'], server: { id: 'radius.example.org', ca: pem(alice.der) } })
    const named = eapOf(config(other, { password: password() }).authentication).server
    expect([named?.anchors, formatIdentity(named!.identity)]).toEqual([
      [alice.certificate],
      'radius.example.org',
    ])
  })

  test('RFC 5998 §4: a method alone proves the gateway only where it proves both and nothing can be guessed', () => {
    const alone = { gatewayAuth: { method: 'eap' } }
    expect(profile({ methods: ['tls', 'ttls', 'peap'] }, alone).gatewayAuth).toEqual({ method: 'eap' })
    for (const weak of ['mschapv2', 'gtc', 'otp', 'md5'])
      expect(errorOf(() => profile({ methods: ['tls', weak] }, alone))).toMatchObject({
        kind: 'profileInvalid',
        field: 'gatewayAuth.method',
      })
    const psk = { auth: { method: 'psk' }, localId: 'a' }
    expect(errorOf(() => profile({}, { ...psk, ...alone }))).toMatchObject({ field: 'gatewayAuth.method' })
  })
})

describe('RFC 4739: a second proof', () => {
  const second = { method: 'eap', user: 'alice' }
  const twice = (auth: object, change: object = {}) => profile({}, { auth, secondAuth: second, ...change })

  test('after a key: both secrets are needed, and the second goes under the name of the user', () => {
    const made = twice({ method: 'psk' }, { localId: 'laptop.example.org' })
    expect(sessionSecrets(made)).toEqual(['psk', 'password'])
    const { authentication } = config(made, { psk: Secret.fromText('k'), password: password() })
    if (authentication.method !== 'each') throw new Error('one proof')
    expect(authentication.ours.method).toBe('psk')
    expect(formatIdentity(authentication.oursThen!.identity!)).toBe('alice')
    expect(revealed(authentication.oursThen!.proof.peer.password)).toBe('hunter2')
  })

  test('after a certificate, whose key is not that of the second', () => {
    const made = twice({ method: 'certificate', certificate: pem(alice.der) })
    const { authentication } = config(made, { key: encodeKeyPem(alice.key.signing), password: password() })
    if (authentication.method !== 'each') throw new Error('one proof')
    expect([authentication.ours.method, authentication.oursThen?.proof.peer.tls]).toEqual([
      'certificate',
      undefined,
    ])
    closeSecrets({ authentication })
  })

  test('what is wrong with it is said of it, and not of what comes first', () => {
    const by = (secondAuth: object) =>
      profile({}, { auth: { method: 'psk' }, localId: 'a', secondAuth: { ...second, ...secondAuth } })
    const fault = (made: ReturnType<typeof by>) => {
      const secrets = {
        psk: Secret.fromText('k'),
        password: password(),
        key: encodeKeyPem(alice.key.signing),
      }
      const thrown = errorOf(() => config(made, secrets))
      for (const secret of Object.values(secrets)) secret.close()
      return thrown
    }
    expect(fault(by({ methods: ['tls'] }))).toMatchObject({ field: 'secondAuth.certificate' })
    const server = { methods: ['ttls'], server: { ca: 'system', id: '' } }
    expect(errorOf(() => by(server))).toMatchObject({ field: 'secondAuth.server.id' })
    const withCertificate = by({ methods: ['tls'], certificate: pem(alice.der) })
    expect(errorOf(() => requireCertificate(withCertificate))).toBeUndefined()
    expect(fault(withCertificate)).toBeUndefined()
  })

  test('EAP cannot come first, nor two certificates one after the other', () => {
    expect(errorOf(() => twice({ method: 'eap', user: 'bob' }))).toMatchObject({ field: 'secondAuth' })
    const byCertificate = { method: 'certificate', certificate: pem(alice.der) }
    const tls = { secondAuth: { ...second, methods: ['tls'] } }
    expect(errorOf(() => twice(byCertificate, tls))).toMatchObject({ field: 'secondAuth.methods' })
  })
})
