import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { encodePem } from '../core/cert/pem.ts'
import { requireProfile } from '../core/profile/schema.ts'
import { lostPings } from './interop/checks.ts'
import { FORMATS } from './interop/formats/index.ts'
import { GUEST_SCENARIOS, guestEnv } from './interop/guest-lab.ts'
import { parseEnv } from './interop/lab.ts'
import { canonical, differences } from './interop/machine-state.ts'
import { profileFor, secretsFor } from './interop/profile.ts'
import { judgeFault } from './interop/scenario-run.ts'
import {
  EXPECTED_FAULTS,
  EXTRA_CHECKS,
  parseScenarios,
  REPRESENTATIVE,
  unsupportedReason,
} from './interop/scenarios.ts'
import { silenceIn, streamIn } from './interop/stream.ts'
import { type Issued, issue, makeAuthority, makeRoot } from './support/pki.ts'

const scenarios = parseScenarios(readFileSync(new URL('./lab/scenarios.tab', import.meta.url), 'utf8'))

const lab = (settings: Record<string, string>) =>
  new Map(
    Object.entries({
      LAB_IKE_VERSION: '2',
      LAB_AGGRESSIVE: 'no',
      LAB_GROUP: 'labgroup',
      LAB_SELECTORS: '10.77.0.0/24',
      LAB_POOL: '4',
      LAB_OUTER: '4',
      LAB_GW4: '198.18.0.1',
      LAB_GW6: 'fd18:0::1',
      LAB_OWN4: '10.80.0.1',
      LAB_GW_ID: 'gw.lab.test',
      LAB_USER: 'alice',
      LAB_CLIENT_IKE_PROPOSALS: 'default',
      LAB_CLIENT_ESP_PROPOSALS: 'default',
      LAB_AUTH_CLIENT: 'psk',
      LAB_AUTH_GATEWAY: 'psk',
      LAB_CLIENT_PSK: 'sesame',
      LAB_CLIENT_PASSWORD: 'open',
      LAB_CLIENT_PPK: '',
      LAB_CHILDLESS: 'allow',
      LAB_DPD: '0',
      LAB_PPK_ID: 'lab-ppk',
      LAB_CLIENT_CERT: 'alice.crt',
      LAB_CLIENT_KEY: 'alice.key',
      LAB_CLIENT_CHAIN: '',
      LAB_CA: 'ca.crt',
      LAB_SIM_USER: '1232010000000001@lab.test',
      LAB_SIM_TRIPLETS: 'triplets.dat',
      LAB_AKA_USER: '0232010000000001@lab.test',
      LAB_AKA_K: '11'.repeat(16),
      LAB_AKA_OPC: '22'.repeat(16),
      LAB_SIGAUTH: 'yes',
      LAB_PSS: 'no',
      LAB_PHASE2: 'mschapv2',
      ...settings,
    }),
  )

const root = makeRoot()
const pem = (one: Issued): string => encodePem({ label: 'CERTIFICATE', der: one.der })
const FILES: Readonly<Record<string, string>> = {
  'ca.crt': pem(root),
  'sub.crt': pem(makeAuthority(root, 'CN=Sub')),
  'alice.crt': pem(issue(root, { subject: 'CN=alice', san: ['email:alice@lab.test'] })),
  'alice.key': 'a key',
}
const read = (path: string): string => FILES[path] ?? ''

describe('a profile for a scenario', () => {
  test('defaults: no suites are named, no weak ones are switched on', () => {
    expect(profileFor('ikev2-psk', lab({}))).toMatchObject({
      gateway: { host: '198.18.0.1' },
      ike: {},
      esp: {},
      localId: 'alice@lab.test',
      remoteId: 'gw.lab.test',
      requestAddresses: { ipv4: true, ipv6: false },
      localSubnets: [],
      weak: [],
    })
  })

  test('suites go through as they are spelled, their weak words switched on by name', () => {
    const profile = profileFor(
      'ikev2-alg-3des',
      lab({
        LAB_CLIENT_IKE_PROPOSALS: '3des-sha1-modp1024',
        LAB_CLIENT_ESP_PROPOSALS: '3des-sha1,null-sha256',
      }),
    )
    expect(profile.ike).toEqual({ proposals: ['3des-sha1-modp1024'] })
    expect(profile.esp).toEqual({ proposals: ['3des-sha1', 'null-sha256'] })
    expect(profile.weak).toEqual(['3des', 'sha1', 'modp1024', 'null'])
  })

  test('pools become the families asked for; without one the own inner address is named', () => {
    expect(profileFor('x', lab({ LAB_POOL: '6' })).requestAddresses).toEqual({ ipv4: false, ipv6: true })
    expect(profileFor('x', lab({ LAB_POOL: '46' })).requestAddresses).toEqual({ ipv4: true, ipv6: true })
    expect(profileFor('x', lab({ LAB_POOL: 'none' }))).toMatchObject({
      requestAddresses: { ipv4: false, ipv6: false },
      localSubnets: ['10.80.0.1/32'],
    })
  })

  test('XAuth: a name in the profile, a password beside the key', () => {
    const env = lab({ LAB_IKE_VERSION: '1', LAB_AUTH_CLIENT: 'psk+xauth' })
    const profile = profileFor('ikev1-xauth-psk', env)
    expect(profile).toMatchObject({ ike: { version: 1 }, xauth: { user: 'alice' }, auth: { method: 'psk' } })
    expect(profile).toMatchObject({ remoteSubnets: ['10.77.0.0/24'] })
    expect(secretsFor(env)).toEqual({ psk: 'sesame', password: 'open' })
  })

  test('every supported scenario gives a profile Culvert accepts', () => {
    for (const scenario of scenarios) {
      if (unsupportedReason(scenario) !== undefined) continue
      const get = (key: string): string => scenario.settings.get(key) ?? 'default'
      const env = lab({
        LAB_CLIENT_IKE_PROPOSALS: scenario.settings.get('cike') ?? get('ike'),
        LAB_CLIENT_ESP_PROPOSALS: scenario.settings.get('cesp') ?? get('esp'),
        LAB_IKE_VERSION: scenario.settings.get('v') ?? '2',
        LAB_AGGRESSIVE: scenario.settings.get('aggr') ?? 'no',
        LAB_POOL: scenario.settings.get('pool') ?? '4',
        LAB_AUTH_CLIENT: get('cl'),
        LAB_PHASE2: scenario.settings.get('phase2') ?? 'md5',
        LAB_AUTH_GATEWAY: scenario.settings.get('gw') ?? 'pubkey',
      })
      expect(() => requireProfile(profileFor(scenario.name, env, read), scenario.name)).not.toThrow()
    }
  })

  test('every gateway in a guest gives a profile Culvert accepts', () => {
    for (const name of GUEST_SCENARIOS) {
      const env = guestEnv(name, 'guest')
      expect(() => requireProfile(profileFor(name, env, read), name)).not.toThrow()
      const xauth = env.get('LAB_AUTH_CLIENT')?.includes('xauth') ? { password: 'alice-pass-88' } : {}
      expect(secretsFor(env)).toEqual({ psk: 'vmlab-psk-88', ...xauth })
    }
    expect(profileFor('x', guestEnv('guest-ikev1-aggressive', 'guest'))).toMatchObject({
      ike: { version: 1, aggressive: true },
      localId: 'fqdn:vmlgroup',
      weak: ['aggressivepsk'],
    })
  })

  test('by certificate: the files of the lab, the key as a secret, and nothing weak but by its name', () => {
    const env = lab({ LAB_AUTH_CLIENT: 'pubkey', LAB_AUTH_GATEWAY: 'pubkey', LAB_CLIENT_CHAIN: 'sub.crt' })
    const profile = profileFor('ikev2-cert-rsa', env, read)
    expect(profile).toMatchObject({
      auth: { method: 'certificate', certificate: read('alice.crt') + read('sub.crt'), rsaPss: false },
      gatewayAuth: { method: 'certificate', ca: read('ca.crt') },
      remoteId: 'gw.lab.test',
      weak: [],
    })
    expect('localId' in profile).toBe(false)
    expect('remoteId' in profileFor('ikev2-outer6-cert', env, read)).toBe(false)
    expect(profileFor('x', lab({ LAB_SIGAUTH: 'no' })).weak).toEqual(['sha1signature'])
    expect(secretsFor(env, read)).toEqual({ key: 'a key' })
    expect(secretsFor(lab({}))).toEqual({ psk: 'sesame' })
  })

  test('a post-quantum key is named in the profile and is a secret', () => {
    const env = lab({ LAB_CLIENT_PPK: 'open wide' })
    expect(profileFor('x', env)).toMatchObject({ ppk: { id: 'lab-ppk' } })
    expect(secretsFor(env)).toEqual({ psk: 'sesame', ppk: 'open wide' })
    expect('ppk' in profileFor('x', lab({}))).toBe(false)
  })

  test('an outer IPv6 scenario names the IPv6 gateway', () => {
    expect(profileFor('x', lab({ LAB_OUTER: '6' })).gateway.host).toBe('fd18:0::1')
  })
})

describe('verdicts', () => {
  test('a fault is right only with kind, fields and exit code', () => {
    const fault = { error: { kind: 'authFailed', who: 'us' }, exitCode: 1 }
    expect(judgeFault('ikev2-bad-psk', fault)).toEqual([])
    expect(judgeFault('ikev2-bad-psk', { ...fault, exitCode: 0 })).toHaveLength(1)
    expect(
      judgeFault('ikev2-bad-psk', { ...fault, error: { kind: 'authFailed', who: 'gateway' } }),
    ).toHaveLength(1)
    expect(judgeFault('ikev2-bad-psk', { ...fault, error: { kind: 'noAnswer', who: 'us' } })).toHaveLength(1)
    expect(judgeFault('ikev2-psk', fault)).toHaveLength(1)
  })

  test('lost pings are counted from the summary', () => {
    expect(lostPings('475 packets transmitted, 473 received, 0.4% packet loss, time 1ms')).toEqual({
      sent: 475,
      lost: 2,
    })
    expect(lostPings('ping: unknown host')).toBeUndefined()
  })
})

describe('the scenario table', () => {
  test('a line is a name, settings and a description', () => {
    expect(parseScenarios('# comment\nikev2-x gw=psk hook=a:b=c # what it is\n')).toEqual([
      {
        name: 'ikev2-x',
        settings: new Map([
          ['gw', 'psk'],
          ['hook', 'a:b=c'],
        ]),
        description: 'what it is',
      },
    ])
  })

  test('a format that is run names a scenario that there is', () => {
    for (const name of REPRESENTATIVE.formats) expect([...FORMATS.keys()]).toContain(name)
    for (const { scenario } of FORMATS.values()) expect(scenarios.map(({ name }) => name)).toContain(scenario)
  })

  test('what this runner names exists and is supported', () => {
    const supported = scenarios
      .filter((each) => unsupportedReason(each) === undefined)
      .map((each) => each.name)
    for (const name of [
      ...REPRESENTATIVE.direct,
      ...REPRESENTATIVE.nat,
      ...Object.keys(EXPECTED_FAULTS),
      ...Object.keys(EXTRA_CHECKS),
    ]) {
      expect([...supported, ...GUEST_SCENARIOS]).toContain(name)
    }
    expect(supported.filter((name) => name.startsWith('ikev2-alg-'))).toHaveLength(16)
  })

  test('a supported scenario that must fail says how', () => {
    for (const each of scenarios) {
      if (unsupportedReason(each) !== undefined) continue
      // A number that was not offered, which strongSwan's client does not look at.
      const stricter = each.name === 'ike-misbehave-proposal-number'
      expect(each.name in EXPECTED_FAULTS, each.name).toBe(each.settings.get('expect') === 'fail' || stricter)
    }
  })

  test('an unsupported one says why', () => {
    const reason = (name: string): string | undefined =>
      unsupportedReason(scenarios.find((each) => each.name === name)!)
    expect(reason('ikev1-raw-esp')).toBeUndefined()
    expect(reason('ikev1-main-psk')).toBeUndefined()
    expect(reason('ikev2-eap-mschapv2')).toBeUndefined()
    expect(reason('ikev2-multi-cert-eap')).toBeUndefined()
    expect(reason('ikev2-eap-peap')).toBeUndefined()
    expect(reason('ikev2-mlkem768')).toBeUndefined()
    expect(reason('ikev2-psk')).toBeUndefined()
  })
})

describe('what a run leaves behind', () => {
  test('lab settings are read with and without quotes', () => {
    expect(parseEnv("A_B=1\nC='x y'\nnoise\n")).toEqual(
      new Map([
        ['A_B', '1'],
        ['C', 'x y'],
      ]),
    )
  })

  test('order and remaining lifetimes do not count as a change', () => {
    expect(canonical('[{"b":1,"valid_life_time":9},{"a":1}]')).toBe(
      canonical('[{"a":1},{"b":1,"valid_life_time":8}]'),
    )
  })

  test('a difference names view and line', () => {
    expect(differences(new Map([['routes', 'a\nb']]), new Map([['routes', 'b\nc']]))).toEqual([
      'routes: +c -a',
    ])
  })
})

describe('the longest time without traffic', () => {
  const stream = (...lines: readonly string[]) => silenceIn(streamIn(`${lines.join('\n')}\n`))

  test('from when the first lost packet left until the first that is answered again, by their own times', () => {
    expect(stream('0 0.0 1.5', '1 20.0 -', '2 40.0 -', '3 61.0 63.0', '4 80.0 -', '5 100.0 101.0')).toEqual({
      packets: 2,
      ms: 41,
      stoodMs: 21,
    })
  })

  test('a stream that never comes back is silent to its end', () => {
    expect(stream('0 0.0 1.5', '1 20.0 -', '2 500.0 -')).toEqual({ packets: 2, ms: 480, stoodMs: 480 })
  })

  test('nothing where all came back', () => {
    expect(stream('0 0.0 1.5', '1 20.0 900.0')).toEqual({ packets: 0, ms: 0, stoodMs: 20 })
    expect(streamIn('stream.py: no such host')).toEqual([])
  })
})
