import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { encodePem } from '../../core/cert/pem.ts'
import { VpnFailure } from '../../core/errors.ts'
import { poolRanges, readGatewaySettings, sessionConfig, sessionConfigV1 } from '../../core/gateway/config.ts'
import { type GatewaySecrets, needsPsk } from '../../core/gateway/proofs.ts'
import { parseIdentity } from '../../core/profile/identity.ts'
import { type Issued, makeGateway, makeRoot, pkcs8Of } from '../support/pki.ts'

const read = (value: unknown) => readGatewaySettings(value, 'gateway.json')
const secrets = (more: Partial<GatewaySecrets> = {}): GatewaySecrets => ({
  psk: Secret.fromText('key'),
  key: undefined,
  clients: new Map(),
  users: new Map(),
  totp: new Map(),
  ...more,
})

test('it works without being told anything', () => {
  const settings = read({})
  expect(settings.id).toBe('gateway.culvert.test')
  const config = sessionConfig(settings, secrets(), 'gateway.json')
  expect(config.ikeProposals.length).toBeGreaterThan(0)
  expect(config.remoteSelectors).toEqual([])
})

test('neither the name of a network nor its broadcast address is given out', () => {
  expect(poolRanges(read({ pool: { ipv4: '10.9.0.0/30', ipv6: 'fd09::/126' } }))).toEqual([
    { first: '10.9.0.1', last: '10.9.0.2' },
    { first: 'fd09::1', last: 'fd09::2' },
  ])
  expect(poolRanges(read({ pool: { ipv4: '10.9.0.7/32' } }))[0]).toEqual({
    first: '10.9.0.7',
    last: '10.9.0.7',
  })
})

test.each([
  [{ listen: ['example.org'] }, 'listen.0'],
  [{ listen: [] }, 'listen'],
  [{ pool: { ipv4: '10.0.0.0/99' } }, 'pool.ipv4'],
  [{ inside: { ipv4: 'fd77::1' } }, 'inside.ipv4'],
  [{ limits: { halfOpen: 0 } }, 'limits.halfOpen'],
  [{ psk: 'secrets do not belong into this file' }, 'psk'],
])('%j is refused, and the field is named', (value, field) => {
  expect(() => read(value)).toThrow(VpnFailure)
  try {
    read(value)
  } catch (thrown) {
    expect((thrown as VpnFailure).error).toMatchObject({
      kind: 'profileInvalid',
      source: 'gateway.json',
      field,
    })
  }
})

test('RFC 2409 §5.4: aggressive mode with a key needs a switch of its own', () => {
  const made = (more: object) => {
    const settings = read({ ikev1: { aggressive: true }, ...more })
    const kept = secrets()
    return sessionConfigV1(settings, kept, 'gateway.json', sessionConfig(settings, kept, 'gateway.json'))
  }
  expect(() => made({})).toThrow(VpnFailure)
  expect(made({ weak: ['aggressivepsk'] })?.ikev1).toMatchObject({ aggressive: true })
})

test('a weak algorithm needs its switch here too', () => {
  const weak = { ike: { proposals: ['3des-sha1-modp1024'] } }
  expect(() => sessionConfig(read(weak), secrets(), 'gateway.json')).toThrow(VpnFailure)
  const allowed = { ...weak, weak: ['3des', 'sha1', 'modp1024'] }
  expect(sessionConfig(read(allowed), secrets(), 'gateway.json').ikeProposals).toHaveLength(1)
})

describe('certificates', () => {
  const root = makeRoot()
  const own = makeGateway(root, { san: ['dns:gateway.culvert.test'] })
  const clients = makeRoot('C=CH, O=Test, CN=Clients')
  const pem = (...issued: readonly Issued[]) =>
    issued.map(({ der }) => encodePem({ label: 'CERTIFICATE', der })).join('')
  const keyOf = ({ key }: Issued) =>
    new Secret(new Uint8Array(Buffer.from(encodePem({ label: 'PRIVATE KEY', der: pkcs8Of(key) }))))
  const byCertificate = {
    auth: { method: 'certificate', certificate: pem(own) },
    clientAuth: { method: 'certificate', ca: pem(clients) },
  }
  const config = (value: object, more: Partial<GatewaySecrets> = {}) =>
    sessionConfig(read(value), secrets({ key: keyOf(own), ...more }), 'gateway.json')
  const identity = (text: string) => {
    const parsed = parseIdentity(text)
    if ('problem' in parsed) throw new Error(parsed.problem)
    return parsed
  }

  test('its own with its key, and authorities for those of clients; then no pre-shared key is needed', () => {
    const { authentication } = config(byCertificate, { psk: undefined })
    expect(authentication).toMatchObject({
      ours: { method: 'certificate', chain: [own.certificate] },
      theirs: { method: 'certificate', anchors: [clients.certificate] },
    })
    expect(needsPsk(read(byCertificate))).toBe(false)
    expect(needsPsk(read({}))).toBe(true)
    expect(needsPsk(read({ ...byCertificate, clients: [{ id: 'a', clientAuth: { method: 'psk' } }] }))).toBe(
      true,
    )
  })

  test('certificate and key may stand in one file', () => {
    const both = Buffer.concat([Buffer.from(pem(own)), keyOf(own).use((octets) => Buffer.from(octets))])
    const { authentication } = config(
      { auth: { method: 'certificate' } },
      { key: new Secret(new Uint8Array(both)) },
    )
    expect(authentication).toMatchObject({ ours: { chain: [own.certificate] }, theirs: { method: 'psk' } })
  })

  test('a client may be treated otherwise, by whatever type it says its name', () => {
    const bob = Secret.fromText('of bob alone')
    const { authenticationOf } = config(
      {
        ...byCertificate,
        clients: [{ id: 'bob@culvert.test', auth: { method: 'psk' }, clientAuth: { method: 'psk' } }],
      },
      { clients: new Map([[0, bob]]) },
    )
    const expected = { ours: { method: 'psk', psk: bob }, theirs: { method: 'psk', psk: bob } }
    expect(authenticationOf?.(identity('bob@culvert.test'))).toMatchObject(expected)
    expect(authenticationOf?.(identity('fqdn:BOB@culvert.test'))).toMatchObject(expected)
    expect(authenticationOf?.(identity('keyid:bob@culvert.test'))).toMatchObject(expected)
    expect(authenticationOf?.(identity('eve@culvert.test'))).toMatchObject({
      theirs: { method: 'certificate' },
    })
  })

  test.each<[string, object, Partial<GatewaySecrets>, string, RegExp]>([
    [
      'a name it does not have',
      { id: 'other.test' },
      {},
      'id',
      /not for other\.test but for gateway\.culvert\.test/,
    ],
    ['no key', {}, { key: undefined }, 'keyFile', /missing/],
    ['the key of another', {}, { key: keyOf(clients) }, 'keyFile', /belongs to none/],
    ['no authorities', { clientAuth: { method: 'certificate' } }, {}, 'clientAuth.ca', /authorities/],
    ['twice the same client', { clients: [{ id: 'a.test' }, { id: 'A.test' }] }, {}, 'clients.1.id', /twice/],
  ])('%s is refused, and the field is named', (_, change, more, field, problem) => {
    try {
      config({ ...byCertificate, ...change }, more)
      expect.unreachable()
    } catch (thrown) {
      expect((thrown as VpnFailure).error).toMatchObject({
        kind: 'profileInvalid',
        source: 'gateway.json',
        field,
        problem: expect.stringMatching(problem),
      })
    }
  })
})
