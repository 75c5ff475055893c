import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Secret } from '../../../core/bytes/secret.ts'
import { encodePem } from '../../../core/cert/pem.ts'
import { VpnFailure } from '../../../core/errors.ts'
import { type ExportFormat, exportProfileAs, exportSealed } from '../../../core/profile/export/export.ts'
import { parseIdentity } from '../../../core/profile/identity.ts'
import { importFiles } from '../../../core/profile/import/import-files.ts'
import { type Profile, requireProfile } from '../../../core/profile/schema.ts'
import { makeRoot } from '../../support/pki.ts'

const profile = (change: object = {}): Profile =>
  requireProfile(
    {
      format: 'culvert-profile',
      version: 1,
      id: 'office',
      name: 'office',
      gateway: { host: 'vpn.example.org' },
      localId: 'alice@example.org',
      auth: { method: 'psk' },
      ...change,
    },
    'test',
  )

async function back(format: ExportFormat, from: Profile): Promise<Profile> {
  const { text } = exportProfileAs(from, format)
  const { profiles, refused } = await importFiles([{ name: 'x', bytes: new Uint8Array(Buffer.from(text)) }])
  expect(refused).toEqual([])
  return profiles[0]?.profile as Profile
}

const id = fc.constantFrom(
  ...['alice@example.org', 'vpn.example.org', '192.0.2.7', 'fqdn:a@b', 'email:x', 'ip:2001:db8::1'],
  ...['keyid:group "one" # {two}', 'keyid:0x00ff10', 'keyid:back\\slash'],
)

/** Profiles whose every field both formats can say. */
const anyProfile = fc
  .record({
    localId: id,
    remoteId: fc.option(id, { nil: undefined }),
    ike: fc.record({
      proposals: fc.constantFrom(
        ['aes256-sha256-modp2048'],
        ['aes128gcm16-prfsha256-ecp256', 'aes256-sha512-curve25519'],
      ),
    }),
    esp: fc.record({
      proposals: fc.constantFrom(['aes256gcm16'], ['aes128-sha256-ecp256', 'chacha20poly1305']),
    }),
    remoteSubnets: fc.constantFrom(['10.0.0.0/8'], ['10.1.0.0/16', '2001:db8::/32']),
    forceEncapsulation: fc.boolean(),
  })
  .map((change) => profile(JSON.parse(JSON.stringify(change))))

const comparable = ({ id: _, ike, esp, dns, localId, remoteId, gatewayAuth, ...rest }: Profile) => ({
  ...rest,
  gatewayAuth: gatewayAuth ?? { method: 'psk' },
  localId: localId === undefined ? undefined : parseIdentity(localId),
  remoteId: remoteId === undefined ? undefined : parseIdentity(remoteId),
  ike: { proposals: ike.proposals },
  esp: { proposals: esp.proposals },
  dns,
})

describe.each(['swanctl', 'network-manager'] as const)('%s', (format) => {
  test('what it says is what was meant', async () => {
    await fc.assert(
      fc.asyncProperty(anyProfile, async (one) => {
        expect(comparable(await back(format, one))).toEqual(comparable(one))
      }),
      { numRuns: 60 },
    )
  })

  test('what it cannot say is told', () => {
    const { losses } = exportProfileAs(profile({ mtu: 1300, allowLan: false, killSwitch: true }), format)
    expect(losses.join('\n')).toMatch(/killSwitch: .* goes out as usual/)
    expect(exportProfileAs(profile({}), format).losses.join('\n')).not.toMatch(/killSwitch/)
    expect(losses.join('\n')).toMatch(/mtu: /)
    expect(losses.join('\n')).toMatch(/allowLan: /)
  })

  test('own inner networks, and everything behind the gateway', async () => {
    const own = profile({ requestAddresses: { ipv4: false, ipv6: false }, localSubnets: ['10.80.0.1/32'] })
    expect(await back(format, own)).toMatchObject({
      requestAddresses: { ipv4: false, ipv6: false },
      localSubnets: ['10.80.0.1/32'],
      remoteSubnets: ['0.0.0.0/0'],
    })
  })
})

describe('swanctl', () => {
  test('times go along, and pfs is said by groups', async () => {
    const from = profile({
      ike: { proposals: ['aes256-sha256-ecp256'], rekeySeconds: 7200, dpdSeconds: 15, fragmentation: false },
      esp: { proposals: ['aes256gcm16'], rekeySeconds: 900, pfs: true },
    })
    const to = await back('swanctl', from)
    expect(to.ike).toMatchObject({ rekeySeconds: 7200, dpdSeconds: 15, fragmentation: false })
    expect(to.esp).toMatchObject({ rekeySeconds: 900, proposals: ['aes256gcm16-ecp256'] })
  })
})

describe('network-manager', () => {
  test('name servers and domains go along, and the UUID stays the same', async () => {
    const from = profile({
      name: 'Büro = eins',
      dns: { servers: ['10.0.0.53', 'fd00::53'], search: ['example.org'] },
    })
    const to = await back('network-manager', from)
    expect(to).toMatchObject({ name: from.name, dns: from.dns })
    expect((await back('network-manager', to)).id).toBe(to.id)
  })
})

describe('sswan', () => {
  const root = makeRoot('CN=Root')
  const ca = encodePem({ label: 'CERTIFICATE', der: root.der })
  const office = () =>
    profile({
      remoteId: 'vpn.example.org',
      auth: { method: 'certificate', rsaPss: true },
      gatewayAuth: { method: 'certificate', ca },
      ike: { proposals: ['aes256-sha256-modp2048'] },
      esp: { proposals: ['aes256gcm16'] },
      remoteSubnets: ['10.0.0.0/8'],
      mtu: 1300,
    })

  test('a profile by certificate comes back, but for the certificate itself', async () => {
    const to = await back('sswan', office())
    expect(comparable(to)).toEqual({ ...comparable(office()), gatewayAuth: to.gatewayAuth })
    expect(to.gatewayAuth).toMatchObject({ method: 'certificate', ca })
  })

  test('swanctl.conf names the files that must be written', async () => {
    const { text, losses } = exportProfileAs(office(), 'swanctl')
    expect(text).toContain('auth = pubkey')
    expect(text).not.toContain('secrets')
    expect(losses.join('\n')).toContain('x509ca/office-ca.pem')
  })

  test('a keyfile cannot carry certificates', () => {
    expect(() => exportProfileAs(office(), 'network-manager')).toThrow(VpnFailure)
  })
})

describe('every sign-in', () => {
  const name = { localId: undefined }
  const eap = (change: object = {}) => ({
    ...name,
    auth: { method: 'eap', methods: ['mschapv2'], user: 'alice', ...change },
  })
  const byKey = { ike: { version: 1 }, xauth: { user: 'alice' } }
  const aggressive = { ike: { version: 1, aggressive: true }, weak: ['aggressivepsk'] }
  const trust = { gatewayAuth: { method: 'certificate' } }

  test.each<readonly [string, object]>([
    ['EAP', eap()],
    ['EAP alone', { ...eap({ methods: ['tls'] }), gatewayAuth: { method: 'eap' } }],
    ['EAP with a server of its own', eap({ methods: ['peap'], server: { id: 'dn:CN=radius' } })],
    ['a key, then EAP', { secondAuth: eap().auth, ...trust }],
    ['a certificate, then EAP', { auth: { method: 'certificate' }, secondAuth: eap().auth, ...trust }],
    ['either version', { ike: { version: 'auto' } }],
    ['aggressive mode', aggressive],
    ['a key and XAuth', byKey],
    ['a certificate and XAuth', { ...byKey, auth: { method: 'certificate' }, ...trust }],
    ['hybrid', { ...byKey, ...name, auth: { method: 'xauth' }, ...trust }],
  ])('swanctl.conf: %s', async (_, change) => {
    const from = profile(change)
    const to = await back('swanctl', from)
    expect(to).toMatchObject({
      auth: from.auth,
      ike: { version: from.ike.version },
      ...(from.xauth === undefined ? {} : { xauth: from.xauth }),
      ...(from.secondAuth === undefined ? {} : { secondAuth: from.secondAuth }),
      ...(from.gatewayAuth === undefined ? {} : { gatewayAuth: { method: from.gatewayAuth.method } }),
      weak: from.weak,
    })
    expect(to.ike.aggressive ?? false).toBe(from.ike.aggressive ?? false)
    expect(to.xauth).toEqual(from.xauth)
  })

  test.each<readonly [string, object]>([
    ['ikev2-eap', eap({ methods: ['mschapv2', 'gtc', 'md5'] })],
    ['ikev2-eap-tls', eap({ methods: ['tls'] })],
    ['ikev2-byod-eap', eap({ methods: ['ttls'] })],
    [
      'ikev2-cert-eap',
      {
        auth: { method: 'certificate' },
        secondAuth: { ...eap().auth, methods: ['mschapv2', 'gtc', 'md5'] },
      },
    ],
  ])('.sswan: %s', async (type, change) => {
    const from = profile(change)
    expect(JSON.parse(exportProfileAs(from, 'sswan').text)).toMatchObject({ type })
    const to = await back('sswan', from)
    expect([to.auth, to.secondAuth]).toEqual([from.auth, from.secondAuth])
  })

  test('a keyfile says EAP, where nothing on a disk belongs to it', async () => {
    const methods = ['mschapv2', 'gtc', 'md5']
    const from = profile({ ...eap({ methods }), localId: 'alice@example.org' })
    expect((await back('network-manager', from)).auth).toEqual(from.auth)
    for (const change of [eap({ methods: ['tls'] }), { secondAuth: eap().auth, ...trust }, byKey]) {
      expect(() => exportProfileAs(profile(change), 'network-manager')).toThrow(VpnFailure)
    }
  })
})

test('a .sswan file cannot say a pre-shared key', () => {
  expect(() => exportProfileAs(profile(), 'sswan')).toThrow(VpnFailure)
})

test('sealed with its secrets, it comes back whole', async () => {
  const from = profile({ mtu: 1300, weak: ['3des'] })
  const key = 'ein Schlüssel'
  const { text } = await exportSealed(from, new Map([['psk', Secret.fromText(key)]]), 'open sesame', 4)
  expect(text).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----\n/)
  const file = { name: 'x', bytes: new Uint8Array(Buffer.from(text)) }
  const { profiles } = await importFiles([file], new Map([['passphrase', 'open sesame']]))
  expect(profiles[0]?.profile).toEqual(from)
  expect(profiles[0]?.secrets.get('psk')?.use((bytes) => Buffer.from(bytes).toString())).toBe(key)
})
