import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { VpnFailure } from '../../core/errors.ts'
import { closeSecrets } from '../../core/ike/config.ts'
import { encodePhase1, phase1Offers } from '../../core/ike/v1/phase1-suite.ts'
import { connectionConfig } from '../../core/profile/config.ts'
import { culvertHome } from '../../core/profile/home.ts'
import { formatIdentity, parseIdentity } from '../../core/profile/identity.ts'
import { importCulvertJson } from '../../core/profile/import/culvert-json.ts'
import { selectorOf } from '../../core/profile/networks.ts'
import { requireProfile, secretNames } from '../../core/profile/schema.ts'
import { ProfileStore, slug } from '../../core/profile/store.ts'
import { encodeBody } from '../../core/wire/ikev1/message.ts'
import { wholeRegistry } from '../support/bench.ts'

const minimal = {
  format: 'culvert-profile',
  version: 1,
  id: 'office',
  name: 'Office',
  gateway: { host: 'vpn.example.org' },
  localId: 'alice@example.org',
  auth: { method: 'psk' },
}
const json = (value: unknown) => new Uint8Array(Buffer.from(JSON.stringify(value)))
const errorOf = (work: () => unknown) => {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return thrown.error
    throw thrown
  }
  return undefined
}

describe('schema', () => {
  test('a minimal profile gets strong defaults', () => {
    const profile = requireProfile(minimal, 'test')
    expect(profile.requestAddresses).toEqual({ ipv4: true, ipv6: true })
    expect(profile.ike.proposals[0]).toContain('aes256gcm16')
    expect(profile.weak).toEqual([])
  })

  test.each([
    [{ gateway: { host: '' } }, 'gateway.host'],
    [{ gateway: { host: 'not a host' } }, 'gateway.host'],
    [{ gateway: { host: 'a..b' } }, 'gateway.host'],
    [{ gateway: { host: '-a.example' } }, 'gateway.host'],
    // Long names are judged as fast as short ones.
    [{ gateway: { host: `${'ab.'.repeat(80)}=` } }, 'gateway.host'],
    [{ gateway: undefined }, 'gateway'],
    [{ version: 2 }, 'version'],
    [{ id: '../etc' }, 'id'],
    [{ ike: { rekeySeconds: 1 } }, 'ike.rekeySeconds'],
    [{ ike: { proposals: [] } }, 'ike.proposals'],
    [{ esp: { proposals: ['aes128gcm16', 7] } }, 'esp.proposals.1'],
    [{ remoteSubnets: ['10.0.0.0/33'] }, 'remoteSubnets.0'],
    [{ localId: 'ip:nonsense' }, 'localId'],
    [{ colour: 'red' }, 'colour'],
    [{ requestAddresses: { ipv4: false, ipv6: false } }, 'localSubnets'],
    [{ xauth: { user: 'alice' } }, 'xauth'],
    [{ ike: { version: 1 }, xauth: {} }, 'xauth.user'],
    [{ ike: { aggressive: true } }, 'ike.aggressive'],
    [{ ike: { version: 3 } }, 'ike.version'],
    [{ ike: { version: 'auto' }, ppk: { id: 'office' } }, 'ppk.required'],
    [{ ike: { version: 1 }, auth: { method: 'xauth' } }, 'xauth'],
    [{ ike: { version: 'auto' }, auth: { method: 'xauth' }, xauth: { user: 'a' } }, 'auth.method'],
    [{ ike: { version: 1 }, gatewayAuth: { method: 'certificate' } }, 'gatewayAuth.method'],
  ])('%j is refused by field', (change, field) => {
    expect(errorOf(() => requireProfile({ ...minimal, ...change }, 'file.json'))).toMatchObject({
      kind: 'profileInvalid',
      source: 'file.json',
      field,
    })
  })
})

describe('identities and networks', () => {
  test.each([
    ['vpn.example.org', 2, 'vpn.example.org'],
    ['alice@example.org', 3, 'alice@example.org'],
    ['fqdn:alice@example.org', 2, 'alice@example.org'],
    ['192.0.2.1', 1, '192.0.2.1'],
    ['keyid:group one', 11, 'keyid:group one'],
    ['keyid:0x00ff', 11, 'keyid:0x00ff'],
  ])('RFC 7296 §3.5: %s is ID type %i', (text, type, printed) => {
    const identity = parseIdentity(text)
    if ('problem' in identity) throw new Error(identity.problem)
    expect(identity.type).toBe(type)
    expect(formatIdentity(identity)).toBe(printed)
  })

  test('RFC 7296 §3.5: an IPv6 identity has 16 octets', () => {
    const identity = parseIdentity('2001:db8::1')
    expect(identity).toMatchObject({ type: 5 })
    expect('data' in identity && Buffer.from(identity.data).toString('hex')).toBe(
      '20010db8000000000000000000000001',
    )
  })

  test('RFC 7296 §3.13.1: a network is the range of its addresses', () => {
    expect(selectorOf('10.77.0.9/20')).toEqual({
      type: 7,
      protocol: 0,
      startPort: 0,
      endPort: 65535,
      startAddress: Uint8Array.of(10, 77, 0, 0),
      endAddress: Uint8Array.of(10, 77, 15, 255),
    })
    const all = selectorOf('::/0')
    expect(all?.type).toBe(8)
    expect(all?.endAddress).toEqual(new Uint8Array(16).fill(255))
    expect(selectorOf('::ffff:192.0.2.1')?.startAddress.slice(10)).toEqual(
      Uint8Array.of(255, 255, 192, 0, 2, 1),
    )
    for (const bad of ['10.0.0/8', '10.0.0.0/-1', '10.0.0.0/8/8', 'x', 'fe80::1%eth0']) {
      expect(selectorOf(bad)).toBeUndefined()
    }
  })
})

describe('connectionConfig', () => {
  const config = (change: object) =>
    connectionConfig(
      requireProfile({ ...minimal, ...change }, 'test'),
      new Map([['psk', Secret.fromText('k')]]),
      '192.0.2.1',
    )

  test('RFC 7296 §2.9: everything of the requested families is asked for', () => {
    expect(config({}).remoteSelectors.map(({ type }) => type)).toEqual([7, 8])
    const one = config({ requestAddresses: { ipv4: true, ipv6: false } })
    expect(one.remoteSelectors.map(({ type }) => type)).toEqual([7])
  })

  test('RFC 7383 §2.3: fragmentation is offered unless the profile switches it off', () => {
    expect(config({}).fragmentation).toBe(true)
    expect(config({ ike: { fragmentation: false } }).fragmentation).toBe(false)
  })

  test('RFC 7296 §1.2: groups of the ESP suites are for rekeys, never in the first CHILD_SA', () => {
    const named = config({ esp: { proposals: ['aes128gcm16-ecp256'] } })
    expect(named.pfsGroups).toEqual([19])
    expect(named.espProposals.flat().some(({ type }) => type === 4)).toBe(false)
    expect(config({}).pfsGroups).toEqual([])
    expect(config({ esp: { pfs: true } }).pfsGroups[0]).toBe(31)
    expect(config({ esp: { proposals: ['aes128gcm16-ecp256'], pfs: false } }).pfsGroups).toEqual([])
  })

  test('RFC 2409 Appendix A: IKEv1 is offered what it has numbers for, few enough for one datagram', () => {
    const { version, ikev1 } = config({ ike: { version: 1 } })
    expect(version).toBe(1)
    const offers = phase1Offers(wholeRegistry(), ikev1?.ikeProposals ?? [], 1)
    expect(offers.length).toBeGreaterThan(4)
    expect(encodeBody(encodePhase1(offers, 86_400)).length).toBeLessThan(1_000)
    const named = config({ ike: { version: 1, proposals: ['aes128-sha256-modp2048'] } })
    expect(named.ikev1?.ikeProposals).toBeUndefined()
    expect(config({}).version).toBe(2)
  })

  test('RFC 2409 §5.4: aggressive mode with a key needs a switch that names the weakness; with certificates it does not', () => {
    const aggressive = { version: 1, aggressive: true }
    const bare = { ...minimal, ike: aggressive }
    expect(errorOf(() => requireProfile(bare, 'test'))).toMatchObject({
      kind: 'weakAlgorithm',
      switch: '"weak": ["aggressivepsk"]',
    })
    const allowed = config({ ike: aggressive, weak: ['aggressivepsk'] })
    expect(allowed.ikev1?.aggressive).toBe(true)
    const offers = phase1Offers(wholeRegistry(), allowed.ikev1?.ikeProposals ?? [], 1)
    expect(new Set(offers.map(({ group }) => group)).size).toBe(1)
    const hybrid = { ...bare, auth: { method: 'xauth' }, xauth: { user: 'alice' }, localId: undefined }
    expect(errorOf(() => requireProfile(hybrid, 'test'))).toBeUndefined()
  })

  test('draft-beaulieu-ike-xauth: the password of XAuth is a secret like the key', () => {
    const profile = requireProfile({ ...minimal, ike: { version: 1 }, xauth: { user: 'alice' } }, 'test')
    expect(secretNames(profile)).toEqual(['psk', 'password'])
    const secrets = new Map(['psk', 'password'].map((name) => [name, Secret.fromText(name)]))
    const made = connectionConfig(profile, secrets, '192.0.2.1')
    expect(made.ikev1?.xauth).toMatchObject({ role: 'client', user: 'alice' })
    closeSecrets(made)
    expect([...secrets.values()].every(({ closed }) => closed)).toBe(true)
    const missing = new Map([['psk', Secret.fromText('k')]])
    expect(errorOf(() => connectionConfig(profile, missing, '192.0.2.1'))).toMatchObject({ what: 'password' })
    expect(missing.get('psk')?.closed).toBe(true)
  })

  test('RFC 4555 §3.3: a tunnel that may move goes through UDP', () => {
    expect(config({})).toMatchObject({ mobike: true, forceEncapsulation: true })
    expect(config({ forceEncapsulation: false })).toMatchObject({ mobike: false, forceEncapsulation: false })
  })

  test('without a request the own subnets are the local side', () => {
    const own = config({ requestAddresses: { ipv4: false, ipv6: false }, localSubnets: ['10.80.0.1/32'] })
    expect(own.localSelectors[0]?.startAddress).toEqual(Uint8Array.of(10, 80, 0, 1))
    expect(own.remoteSelectors.map(({ type }) => type)).toEqual([7])
  })
})

describe('store', () => {
  let home = ''
  let store: ProfileStore
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'culvert-store-'))
    store = new ProfileStore(home)
  })
  afterEach(() => rm(home, { recursive: true }))

  test('a profile is written whole, for its owner only, and found by name whatever the capitals', async () => {
    await store.save(requireProfile(minimal, 'test'))
    const path = join(home, 'profiles', 'office.json')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(home, 'profiles'))).mode & 0o777).toBe(0o700)
    expect(await readdir(join(home, 'profiles'))).toEqual(['office.json'])
    expect((await store.find('OFFICE')).id).toBe('office')
  })

  test('a damaged file is named with its field, and the others stay usable', async () => {
    await store.save(requireProfile(minimal, 'test'))
    const bad = join(home, 'profiles', 'bad.json')
    await writeFile(bad, JSON.stringify({ ...minimal, id: 'bad', gateway: { host: 7 } }))
    await writeFile(join(home, 'profiles', 'worse.json'), '{"id":')
    const { profiles, damaged } = await store.list()
    expect(profiles.map(({ id }) => id)).toEqual(['office'])
    expect(damaged).toMatchObject([
      { kind: 'profileInvalid', source: bad, field: 'gateway.host' },
      { kind: 'profileInvalid', field: '' },
    ])
    await expect(store.find('bad')).rejects.toMatchObject({ error: { field: 'gateway.host' } })
  })

  test('a file is read again when it changed, and only then; one that is gone is forgotten', async () => {
    await store.save(requireProfile(minimal, 'test'))
    const [first] = (await store.list()).profiles
    expect((await store.list()).profiles[0]).toBe(first)
    expect(await store.find('office')).toBe(first)
    // Another program writes it, as long as before.
    const path = join(home, 'profiles', 'office.json')
    await writeFile(`${path}.new`, (await readFile(path, 'utf8')).replace('Office', 'Oxford'))
    await rename(`${path}.new`, path)
    expect((await store.list()).profiles).toMatchObject([{ name: 'Oxford' }])
    expect(await store.find('office')).toMatchObject({ name: 'Oxford' })
    await store.remove('office')
    expect((await store.list()).profiles).toEqual([])
  })

  test('five thousand are listed, and one of them is found without the others', async () => {
    const folder = join(home, 'profiles')
    await mkdir(folder)
    const text = JSON.stringify({ ...minimal, id: 'ID', name: 'NAME' })
    for (let at = 0; at < 5000; at += 1) {
      const name = at === 4999 ? '東京 \u202e<b>🚰' : `Branch ${at}`
      writeFileSync(join(folder, `p${at}.json`), text.replace('"ID"', `"p${at}"`).replace('NAME', name))
    }
    expect((await store.find('p4999')).name).toBe('東京 \u202e<b>🚰')
    expect((await store.list()).profiles).toHaveLength(5000)
    expect((await store.find('branch 17')).id).toBe('p17')
  }, 60_000)

  test('an unknown name lists the nearest first', async () => {
    await store.save(requireProfile({ ...minimal, id: 'home', name: 'Home' }, 'test'))
    await store.save(requireProfile(minimal, 'test'))
    await expect(store.find('ofice')).rejects.toMatchObject({
      error: { kind: 'profileUnknown', known: ['Office', 'Home'] },
    })
  })

  test('ids are made of names and never taken twice', async () => {
    await store.save(requireProfile(minimal, 'test'))
    expect(await store.freshId('Office!')).toBe('office-2')
    expect(slug('Büro München')).toBe('bu-ro-mu-nchen')
    expect(slug('東京')).toBe('profile')
  })

  test('CULVERT_HOME moves all state', () => {
    expect(culvertHome({ CULVERT_HOME: '/x' }, 'linux')).toBe('/x')
    expect(culvertHome({ XDG_CONFIG_HOME: '/y' }, 'linux')).toBe('/y/culvert')
  })

  test('no secret reaches the file', async () => {
    const { profiles } = importCulvertJson(json({ ...minimal, secrets: { psk: 'hush-hush' } }), 'a.json')
    for (const { profile } of profiles) await store.save(profile)
    expect(await readFile(join(home, 'profiles', 'office.json'), 'utf8')).not.toContain('hush-hush')
  })
})

describe('import of our own JSON', () => {
  test('what a person leaves out is filled in and reported', () => {
    const { format: _f, version: _v, id: _i, ...rest } = minimal
    const result = importCulvertJson(json({ ...rest, colour: 'red', ike: { speed: 9 } }), 'a.json')
    expect(result.profiles[0]?.profile.id).toBe('office')
    expect(result.report).toContainEqual(expect.objectContaining({ field: 'id', outcome: 'changed' }))
    expect(result.report).toContainEqual(expect.objectContaining({ field: 'colour', outcome: 'ignored' }))
    expect(result.report).toContainEqual(expect.objectContaining({ field: 'ike.speed', outcome: 'ignored' }))
    expect(result.report).toContainEqual({ field: 'gateway', outcome: 'kept' })
  })

  test('fields whose names look like paths, or like nothing, are ignored like any other', () => {
    const odd = { ...minimal, '../ns': 1, '': { x: 1 }, 'ike.version': 9, ike: { 'a.b': 1 } }
    const { report } = importCulvertJson(json(odd), 'a.json')
    expect(report.filter(({ outcome }) => outcome === 'ignored').map(({ field }) => field)).toEqual([
      '../ns',
      '',
      'ike.version',
      'ike.a.b',
    ])
  })

  test('a key that came along goes to the keychain', () => {
    const [one] = importCulvertJson(json({ ...minimal, secrets: { psk: 'abc' } }), 'a.json').profiles
    expect(one?.secrets.get('psk')?.use((bytes) => Buffer.from(bytes).toString())).toBe('abc')
  })

  test('a long host name with a port behind it is refused at once, not after years', () => {
    const host = `${'a'.repeat(60)}.example.org:4500`
    expect(errorOf(() => importCulvertJson(json({ ...minimal, gateway: { host } }), 'a.json'))).toMatchObject(
      {
        kind: 'profileInvalid',
        field: 'gateway.host',
      },
    )
  })

  test.each(['a.b', '', '__proto__x', 'ike.speed.more'])(
    'an unknown field called "%s" is passed over',
    (name) => {
      const { report } = importCulvertJson(json({ ...minimal, [name]: 1 }), 'a.json')
      expect(report).toContainEqual(expect.objectContaining({ field: name, outcome: 'ignored' }))
    },
  )

  test.each([['not json'], ['[]'], ['7'], ['{"name":"x"}']])('%s is refused, naming the file', (content) => {
    expect(errorOf(() => importCulvertJson(new Uint8Array(Buffer.from(content)), 'a.json'))).toMatchObject({
      kind: 'profileInvalid',
      source: 'a.json',
    })
  })
})
