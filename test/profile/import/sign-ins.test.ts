import { describe, expect, test } from 'vitest'
import { importFiles } from '../../../core/profile/import/import-files.ts'

/** One connection of swanctl.conf: what it says of the version, and each round. */
function conf(version: string, rounds: readonly string[], remote: string, more = ''): string {
  const sections = rounds.map(
    (auth, at) => `local-${at} { auth = ${auth}
      id = alice@example.org
      eap_id = alice
      xauth_id = alice }`,
  )
  return `connections { office {
    version = ${version}
    remote_addrs = vpn.example.org
    vips = 0.0.0.0
    ${more}
    ${sections.join('\n')}
    remote { auth = ${remote} } } }
  secrets { ike { secret = "a key of more than twenty characters" } }`
}

const read = async (text: string) => {
  const result = await importFiles([{ name: 'a.conf', bytes: new TextEncoder().encode(text) }])
  return { ...result, profile: result.profiles[0]?.profile, warnings: result.profiles[0]?.warnings ?? [] }
}

describe('the version of IKE', () => {
  test('either is kept, and what that means is said', async () => {
    const { profile, warnings } = await read(conf('0', ['psk'], 'psk'))
    expect(profile?.ike.version).toBe('auto')
    expect(warnings).toEqual([expect.stringContaining('goes on with IKEv1')])
  })

  test.each([
    [['eap-mschapv2'], 'pubkey', 2],
    [['psk', 'xauth'], 'psk', 1],
    [['xauth'], 'pubkey', 1],
  ] as const)('%j has one only: %s', async (rounds, remote, version) => {
    const { profile, report, warnings } = await read(conf('0', rounds, remote))
    expect(profile?.ike.version).toBe(version)
    const row = report.find(({ field }) => field.endsWith('office.version'))
    expect(row).toMatchObject({ outcome: 'changed', reason: expect.stringContaining(`IKEv${version}`) })
    expect(warnings.join()).not.toContain('goes on')
  })
})

describe('aggressive mode', () => {
  test('RFC 2409 §5.4: with a key it needs a switch, and its weakness is said before it is saved', async () => {
    const { profile, warnings } = await read(conf('1', ['psk'], 'psk', 'aggressive = yes'))
    expect(profile).toMatchObject({ ike: { version: 1, aggressive: true }, weak: ['aggressivepsk'] })
    expect(warnings).toEqual([expect.stringContaining('aggressive mode with a pre-shared key')])
  })

  test('with a certificate it needs none', async () => {
    const { profile, warnings } = await read(conf('1', ['pubkey'], 'pubkey', 'aggressive = yes'))
    expect(profile).toMatchObject({ ike: { version: 1, aggressive: true }, weak: [] })
    expect(warnings).toEqual([])
  })

  test('IKEv2 has none', async () => {
    const { profile, report } = await read(conf('2', ['psk'], 'psk', 'aggressive = yes'))
    expect(profile?.ike.aggressive).toBeUndefined()
    expect(report.find(({ field }) => field.endsWith('aggressive'))?.outcome).toBe('ignored')
  })
})

describe('rounds', () => {
  const xauth = { user: 'alice' }
  test.each([
    ['1', ['pubkey', 'xauth'], 'pubkey', { auth: { method: 'certificate' }, xauth }],
    ['1', ['psk', 'xauth'], 'psk', { auth: { method: 'psk' }, xauth }],
    ['1', ['xauth'], 'pubkey', { auth: { method: 'xauth' }, xauth }],
    ['2', ['psk', 'eap-md5'], 'pubkey', { auth: { method: 'psk' }, secondAuth: { methods: ['md5'] } }],
    ['2', ['pubkey', 'eap'], 'pubkey', { auth: { method: 'certificate' }, secondAuth: { user: 'alice' } }],
    ['2', ['eap-tls'], 'eap-tls', { auth: { methods: ['tls'] }, gatewayAuth: { method: 'eap' } }],
  ] as const)('IKEv%s %j', async (version, rounds, remote, wanted) => {
    expect((await read(conf(version, rounds, remote))).profile).toMatchObject(wanted)
  })

  test.each([
    ['2', ['eap-sim'], 'pubkey', 'EAP-SIM'],
    ['2', ['eap', 'pubkey'], 'pubkey', 'these rounds together'],
    ['2', ['pubkey', 'eap-tls'], 'pubkey', 'these rounds together'],
    ['2', ['psk', 'xauth'], 'psk', 'XAuth'],
    ['1', ['eap'], 'pubkey', 'in IKEv1'],
    // RFC 5998 §4: whoever knows nothing of the password can pass for such a gateway.
    ['2', ['eap-mschapv2'], 'eap-mschapv2', 'proves no gateway'],
  ] as const)('IKEv%s %j is refused in one sentence', async (version, rounds, remote, reason) => {
    const { refused, profiles } = await read(conf(version, rounds, remote))
    expect(profiles).toEqual([])
    expect(refused).toMatchObject([{ name: 'office', reason: expect.stringContaining(reason) }])
  })
})

test('Cisco: the file leaves the suites to the program, which offers those of its age', async () => {
  const vpnc = `IPSec gateway vpn.example.org
IPSec ID staff
IPSec secret a key of more than twenty characters
IKE Authmode hybrid
Xauth username alice
`
  const { profile } = await read(vpnc)
  expect(profile).toMatchObject({
    ike: { version: 1, aggressive: true, proposals: expect.arrayContaining(['aes256-sha1-modp1024']) },
    esp: { proposals: expect.arrayContaining(['aes256-sha1', '3des-md5']) },
    auth: { method: 'xauth' },
    gatewayAuth: { method: 'certificate' },
    xauth: { user: 'alice' },
  })
  expect(profile?.weak).not.toContain('aggressivepsk')
})
