import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import type { ImportProgress } from '../../core/contract/import.ts'
import { History } from '../../core/manager/history.ts'
import { readFileNamed, readNamed } from '../../core/manager/named-files.ts'
import { Prompts } from '../../core/manager/prompts.ts'
import { ProfileStore } from '../../core/profile/store.ts'
import { MemorySecrets } from '../../core/secrets/memory.ts'
import type { SecretStore } from '../../core/secrets/store.ts'
import { ImportDesk } from '../../electron/import-desk.ts'
import { ProfileDesk } from '../../electron/profile-desk.ts'
import { secretSource } from '../../electron/secret-source.ts'
import { SettingsFile } from '../../electron/settings.ts'
import { lockedKeychain } from '../cli/desk.ts'
import { profileOf } from '../manager/world.ts'

let home = ''
let profiles: ProfileStore
let keychain: MemorySecrets
let given: MemorySecrets
let changes = 0
let busy = false
let progress: ImportProgress[] = []
let onProgress: (one: ImportProgress) => unknown = () => {}
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'culvert-desk-'))
  profiles = new ProfileStore(home)
  keychain = new MemorySecrets()
  given = new MemorySecrets()
  changes = 0
  busy = false
  progress = []
  onProgress = () => {}
})
afterEach(() => rm(home, { recursive: true }))

const changed = async (): Promise<void> => {
  changes += 1
}
const desk = (store: SecretStore = keychain) =>
  new ProfileDesk({
    profiles,
    keychain: store,
    given,
    history: new History(home),
    busy: async () => busy,
    changed,
  })
const secrets = (psk: string) => new Map([['psk', Secret.fromText(psk)]])
const text = (secret: Secret | undefined) => secret?.use((bytes) => Buffer.from(bytes).toString())
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

describe('the editor', () => {
  test('a new profile starts with everything by default, and says what only the person knows', () => {
    const blank = desk().blank()
    expect(blank.ike.proposals.length).toBeGreaterThan(0)
    const { issues, ike } = desk().check(blank)
    expect(issues.map(({ field }) => field).sort()).toEqual(['gateway.host', 'localId', 'name'])
    expect(ike[0]?.words).toContain('AES-256-GCM')
    expect(ike[0]?.weak).toEqual([])
  })

  test('nothing is saved that could not be used; every problem is told at once', async () => {
    const document = { ...desk().blank(), name: 'Office', mtu: 12, gateway: { host: 'not a host' } }
    const { issues } = await desk().save(document, secrets('k'), true)
    expect(issues.map(({ field }) => field).sort()).toEqual(['gateway.host', 'localId', 'mtu'])
    expect((await profiles.list()).profiles).toEqual([])
    expect(changes).toBe(0)
  })

  test('a weak algorithm needs its switch, and the words say why', () => {
    const document = {
      ...profileOf('Office'),
      ike: { ...profileOf('Office').ike, proposals: ['aes128-sha1-modp1024'] },
    }
    const { issues, ike } = desk().check(document)
    expect(issues).toMatchObject([{ field: 'weak' }])
    expect(ike[0]?.words).toBe('AES-128-CBC; SHA-1; MODP-1024')
    expect(ike[0]?.weak.map(({ word }) => word)).toEqual(['sha1', 'modp1024'])
    expect(desk().check({ ...document, weak: ['sha1', 'modp1024'] }).issues).toEqual([])
  })

  test('what is saved is a profile under an id of its own, and its key is in the keychain alone', async () => {
    const document = { ...profileOf('Office'), id: 'new-1', folder: 'Work' }
    const { id, secrets: state } = await desk().save(document, secrets('hunter2'), true)
    expect(id).toBe('office')
    expect(state).toEqual({ problem: undefined, saved: ['psk'], inMemory: [], wanted: ['psk'] })
    expect(text(await keychain.get('office', 'psk'))).toBe('hunter2')
    expect(await readFile(join(home, 'profiles', 'office.json'), 'utf8')).not.toContain('hunter2')
    expect((await desk().save({ ...document, id: 'x' }, new Map(), true)).id).toBe('office-2')
    expect((await profiles.find('office')).folder).toBe('Work')
    expect(changes).toBe(2)
  })

  test('fields the editor does not know are kept as they are', async () => {
    await profiles.save(profileOf('Office', { mtu: 1300, dns: { servers: ['192.0.2.53'] } }))
    const read = await desk().read('office')
    await desk().save({ ...read, name: 'Head office' }, new Map(), false)
    expect(await profiles.find('office')).toMatchObject({
      name: 'Head office',
      mtu: 1300,
      dns: { servers: ['192.0.2.53'] },
    })
  })

  test('a locked keychain is a state with words: the key is kept for this run', async () => {
    const { secrets: state } = await desk(lockedKeychain).save(profileOf('Office'), secrets('k'), false)
    expect(state).toEqual({ problem: 'it is locked', saved: [], inMemory: ['psk'], wanted: ['psk'] })
    await expect(desk(lockedKeychain).forget('office', 'psk')).rejects.toMatchObject({
      error: { kind: 'keychainUnavailable' },
    })
  })

  test('a forgotten key is gone from keychain and memory', async () => {
    await desk().save(profileOf('Office'), secrets('k'), false)
    expect(await desk().forget('office', 'psk')).toMatchObject({ saved: [], inMemory: [] })
    expect(await keychain.get('office', 'psk')).toBeUndefined()
  })

  test('removing takes the key and the history along, and waits for the tunnel to end', async () => {
    await desk().save(profileOf('Office'), secrets('k'), false)
    busy = true
    await expect(desk().remove('office')).rejects.toMatchObject({ error: { kind: 'alreadyRunning' } })
    busy = false
    await desk().remove('office')
    expect(await keychain.get('office', 'psk')).toBeUndefined()
    expect((await profiles.list()).profiles).toEqual([])
  })
})

describe('files that wait for a yes', () => {
  const importDesk = (store: SecretStore = keychain) =>
    new ImportDesk({
      profiles,
      keychain: store,
      changed,
      progress: (one) => {
        progress.push(one)
        onProgress(one)
      },
    })
  const file = (name: string, value: unknown) => ({ name, bytes: json(value) })
  const office = { ...profileOf('Office'), secrets: { psk: 'hunter2' }, colour: 'red' }

  test('what became of every field is told before anything is kept, and no secret is', async () => {
    const preview = await importDesk().read([file('office.json', office)])
    expect(preview).toMatchObject({
      files: [{ name: 'office.json' }],
      profiles: [{ id: 'office', name: 'Office', updates: undefined, same: false, secrets: ['psk'] }],
    })
    expect(preview.rows.find(({ field }) => field === 'colour')).toMatchObject({ outcome: 'ignored' })
    expect(JSON.stringify(preview)).not.toContain('hunter2')
    expect((await profiles.list()).profiles).toEqual([])
  })

  test('kept, it is a profile, and its key is in the keychain', async () => {
    const importer = importDesk()
    const { token } = await importer.read([file('office.json', office)])
    expect(await importer.keep(token, 'update')).toEqual({
      kept: [{ id: 'office', name: 'Office' }],
      left: 0,
      problem: undefined,
    })
    expect(text(await keychain.get('office', 'psk'))).toBe('hunter2')
    // Once only: the secrets are wiped.
    await expect(importer.keep(token, 'update')).rejects.toMatchObject({ error: { kind: 'internal' } })
  })

  test('one that is there already is updated or lies beside it, as the person says', async () => {
    await profiles.save(profileOf('Office', { mtu: 1300 }))
    const importer = importDesk()
    const first = await importer.read([file('office.json', office)])
    expect(first.profiles).toMatchObject([{ updates: 'Office', same: false }])
    expect(await importer.keep(first.token, 'both')).toMatchObject({
      kept: [{ id: 'office-2', name: 'Office 2' }],
      left: 0,
    })
    expect((await profiles.find('office')).mtu).toBe(1300)
    const second = await importer.read([file('office.json', office)])
    await importer.keep(second.token, 'update')
    expect((await profiles.find('office')).mtu).toBeUndefined()
    expect((await importer.read([file('office.json', office)])).profiles).toMatchObject([{ same: true }])
  })

  test('a file that says nothing of a kill switch leaves the one that is there on, and says so', async () => {
    await profiles.save(profileOf('Office', { killSwitch: true }))
    const importer = importDesk()
    const first = await importer.read([file('office.json', office)])
    expect(first.profiles[0]?.warnings).toContain('its kill switch stays on: the file says nothing of one')
    await importer.keep(first.token, 'update')
    expect((await profiles.find('office')).killSwitch).toBe(true)
    const off = await importer.read([file('office.json', { ...office, killSwitch: false })])
    expect(off.profiles[0]?.warnings.join()).not.toContain('kill switch')
    await importer.keep(off.token, 'update')
    expect((await profiles.find('office')).killSwitch).toBe(false)
  })

  describe('a certificate with its key that lies beside a profile', () => {
    const bundle = { name: 'alice.p12', bytes: new Uint8Array(readFileSync('test/cert/data/ecdsa-aes.p12')) }
    const school = { name: 'School', gateway: { host: 'vpn.example.org' }, auth: { method: 'certificate' } }

    test('is the own one of a profile that has none, once its passphrase is given', async () => {
      const importer = importDesk()
      const first = await importer.read([file('school.json', school), bundle])
      expect(first.questions).toMatchObject([
        { prompt: 'Passphrase of alice.p12', secret: true, needed: false },
      ])
      const [asked] = first.questions
      const wrong = await importer.again(first.token, new Map([[asked!.key, 'wrong']]))
      expect(wrong.questions).toMatchObject([{ prompt: 'Not that one: the passphrase of alice.p12' }])
      const read = await importer.again(wrong.token, new Map([[asked!.key, 'culvert']]))
      expect(read).toMatchObject({ questions: [], profiles: [{ name: 'School', secrets: ['key'] }] })
      const rows = read.rows.filter((row) => row.file === 'alice.p12')
      expect(rows).toMatchObject([
        { field: 'auth.certificate', outcome: 'changed' },
        { field: 'gatewayAuth.ca', outcome: 'ignored', reason: expect.stringContaining('Edit') },
      ])
      expect(JSON.stringify(read)).not.toMatch(/PRIVATE KEY|culvert"/)
      await importer.keep(read.token, 'update')
      expect(await profiles.find('school')).toMatchObject({
        auth: { certificate: expect.stringContaining('BEGIN CERTIFICATE') },
      })
      expect(text(await keychain.get('school', 'key'))).toContain('PRIVATE KEY')
    })

    test('is left alone by profiles that sign in otherwise', async () => {
      const preview = await importDesk().read([file('office.json', office), bundle])
      expect(preview.questions).toEqual([])
      expect(preview.rows.filter((row) => row.file === 'alice.p12')).toMatchObject([{ outcome: 'ignored' }])
    })

    test('a broken one is refused with the reason', async () => {
      const half = { name: 'alice.p12', bytes: bundle.bytes.subarray(0, 200) }
      const preview = await importDesk().read([file('school.json', school), half])
      expect(preview.profiles).toHaveLength(1)
      expect(preview.rows.filter((row) => row.file === 'alice.p12')).toMatchObject([
        { outcome: expect.stringMatching(/refused|ignored/) },
      ])
    })
  })

  test('what a person answers is kept until all is answered', async () => {
    const importer = importDesk()
    const conf = `conn home
  keyexchange=ikev2
  left=%defaultroute
  leftsourceip=%config
  authby=secret
  right=vpn.example.org
`
    const first = await importer.read([{ name: 'ipsec.conf', bytes: new TextEncoder().encode(conf) }])
    expect(first.profiles).toEqual([])
    expect(first.questions).toMatchObject([{ key: 'home.localId' }, { key: 'home.psk' }])
    const second = await importer.again(first.token, new Map([['home.localId', 'alice@example.org']]))
    expect(second.questions).toMatchObject([{ key: 'home.psk', needed: false }])
    const third = await importer.again(second.token, new Map([['home.psk', 'hunter2']]))
    expect(third).toMatchObject({ questions: [], profiles: [{ name: 'home', secrets: ['psk'] }] })
    expect(JSON.stringify(third)).not.toContain('hunter2')
    const { kept } = await importer.keep(third.token, 'update')
    expect(text(await keychain.get(kept[0]?.id ?? '', 'psk'))).toBe('hunter2')
  })

  test('of many it says how far it is; stopped while they are read it keeps none', async () => {
    const importer = importDesk()
    const many = Array.from({ length: 40 }, (_, at) => file(`${at}.json`, profileOf(`Office${at}`)))
    onProgress = ({ done }) => done === 5 && importer.stop()
    await expect(importer.read(many)).rejects.toMatchObject({ error: { kind: 'cancelled' } })
    expect(progress.map(({ done }) => done)).toEqual([1, 2, 3, 4, 5])
    onProgress = () => {}
    // The next ones are not stopped with it.
    expect((await importer.read(many)).profiles).toHaveLength(40)
    expect(progress.at(-1)).toEqual({ what: 'read', done: 40, total: 40 })
  })

  test('stopped while they are kept, each is there with its secret or not at all', async () => {
    const importer = importDesk()
    const many = Array.from({ length: 40 }, (_, at) =>
      file(`${at}.json`, { ...profileOf(`Office${at}`), secrets: { psk: `key ${at}` } }),
    )
    const { token } = await importer.read(many)
    onProgress = ({ done }) => done === 5 && importer.stop()
    const { kept, left } = await importer.keep(token, 'update')
    expect([kept.length, left]).toEqual([5, 35])
    const there = (await profiles.list()).profiles.map(({ id }) => id)
    expect([...there].sort()).toEqual(kept.map(({ id }) => id).sort())
    for (let at = 0; at < 40; at += 1) {
      const saved = await keychain.get(`office${at}`, 'psk')
      expect(saved !== undefined).toBe(there.includes(`office${at}`))
    }
  })

  test('among several one that cannot be used does not keep the others out', async () => {
    const many = Array.from({ length: 60 }, (_, at) => file(`${at}.json`, profileOf(`Office${at}`)))
    const preview = await importDesk().read([...many, { name: 'bad', bytes: new Uint8Array([0xff, 0]) }])
    expect(preview.profiles).toHaveLength(60)
    expect(preview.rows.filter(({ file }) => file === 'bad')).toMatchObject([{ outcome: 'ignored' }])
    const half = { name: 'half', bytes: new TextEncoder().encode('{"name": "O') }
    const two = await importDesk().read([...many, half])
    expect(two.profiles).toHaveLength(60)
    expect(two.refused).toMatchObject([{ name: 'half' }])
  })

  test.each([
    ['nothing', new Uint8Array()],
    ['octets', new Uint8Array([0, 1, 2, 0xff])],
    ['half', new TextEncoder().encode('{"name": "Off')],
    ['a number', new TextEncoder().encode('42')],
    ['deep', new TextEncoder().encode('['.repeat(100_000))],
  ])('a single file that cannot be used is a sentence (%s)', async (_name, bytes) => {
    await expect(importDesk().read([{ name: 'x.json', bytes }])).rejects.toMatchObject({
      error: { kind: 'profileInvalid' },
    })
  })

  test('a file of 100 MB is not even read', async () => {
    const path = join(home, 'large.json')
    await writeFile(path, '')
    await truncate(path, 100 << 20)
    await expect(readNamed(path)).rejects.toMatchObject({ error: { kind: 'profileInvalid' } })
    await expect(readFileNamed(home)).rejects.toMatchObject({ error: { problem: 'it is not a file' } })
    await expect(readNamed(join(home, 'none'))).rejects.toMatchObject({ error: { kind: 'profileInvalid' } })
  })
})

describe('where a secret comes from', () => {
  const office = profileOf('Office')
  const places = (store: SecretStore = keychain, noted: string[] = []) => {
    const prompts = new Prompts(() => {})
    const asked = new Set<string>()
    const note = (line: string) => noted.push(line)
    const find = secretSource({ given, keychain: store, prompts, asked, note: (line) => void note(line) })
    return { prompts, asked, find }
  }
  const soon = () => new Promise((done) => setTimeout(done, 5))

  test('saved: nobody is asked', async () => {
    await keychain.set('office', 'psk', Secret.fromText('saved'))
    const { find, prompts } = places()
    expect(text(await find(office, 'psk'))).toBe('saved')
    expect(prompts.open).toEqual([])
  })

  test('asked for while the connection waits; kept for reconnecting, and in the keychain only on request', async () => {
    for (const save of [false, true]) {
      given.close()
      const { find, prompts } = places()
      const found = find(office, 'psk')
      await soon()
      expect(prompts.open).toMatchObject([
        { kind: 'secret', profile: 'office', fields: ['psk'], canSave: true },
      ])
      prompts.answer(prompts.open[0]?.id ?? 0, { values: secrets('typed'), save })
      expect(text(await found)).toBe('typed')
      expect(text(await given.get('office', 'psk'))).toBe('typed')
      expect(text(await keychain.get('office', 'psk'))).toBe(save ? 'typed' : undefined)
    }
  })

  test('asked for again although it is saved, when the person wants that: once', async () => {
    await keychain.set('office', 'psk', Secret.fromText('saved'))
    const { find, prompts, asked } = places()
    asked.add('office')
    const found = find(office, 'psk')
    await soon()
    prompts.answer(prompts.open[0]?.id ?? 0, { values: secrets('new'), save: false })
    expect(text(await found)).toBe('new')
    expect(text(await keychain.get('office', 'psk'))).toBe('saved')
    expect(asked.size).toBe(0)
  })

  test('a keychain that cannot be used is told, and the person asked', async () => {
    const noted: string[] = []
    const { find, prompts } = places(lockedKeychain, noted)
    const found = find(office, 'psk')
    await soon()
    expect(noted).toEqual(['keychain: keychainUnavailable'])
    prompts.cancel(prompts.open[0]?.id ?? 0)
    await expect(found).rejects.toMatchObject({ error: { kind: 'cancelled' } })
  })
})

describe('the settings', () => {
  test('what is chosen is there at the next start; what cannot be read is as by default', async () => {
    await new SettingsFile(home).change({ theme: 'dark', keepInTray: true })
    expect(new SettingsFile(home).now).toMatchObject({ theme: 'dark', keepInTray: true, notifications: true })
    await writeFile(join(home, 'settings.json'), '{"theme": "pink", "notifications": false}')
    expect(new SettingsFile(home).now).toMatchObject({ theme: 'system', notifications: false })
    await writeFile(join(home, 'settings.json'), '{{{')
    expect(new SettingsFile(home).now.theme).toBe('system')
  })
})
