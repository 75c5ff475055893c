import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { encodePem, splitPem } from '../../core/cert/pem.ts'
import type { Profile } from '../../core/profile/schema.ts'
import { type Issued, issue, makeRoot, pkcs8Of } from '../support/pki.ts'
import { Desk, FakeTerminal, lockedKeychain } from './desk.ts'

/** A key, its certificate, an authority in between and a root; `culvert` opens it. */
const BUNDLE = fileURLToPath(new URL('../cert/data/ecdsa-aes.p12', import.meta.url))
const OFFICE = { name: 'Office', gateway: { host: '192.0.2.1' }, auth: { method: 'certificate' } }
const HOME = { name: 'Home', gateway: { host: '192.0.2.2' }, localId: 'alice', auth: { method: 'psk' } }

const root = makeRoot('CN=Root')
const alice = issue(root, { subject: 'CN=alice', san: ['email:alice@example.org'] })
const pemOf = (one: Issued) => encodePem({ label: 'CERTIFICATE', der: one.der })
const keyPem = encodePem({ label: 'PRIVATE KEY', der: pkcs8Of(alice.key) })

let desk: Desk
beforeEach(async () => {
  desk = await Desk.make()
  vi.stubEnv('P12_PASSWORD', 'culvert')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await desk.clear()
})

async function file(name: string, content: unknown): Promise<string> {
  const path = join(desk.home, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}
const saved = async (id: string): Promise<Profile> =>
  JSON.parse(await readFile(join(desk.home, 'profiles', `${id}.json`), 'utf8'))
const certificates = (pem: unknown): number => splitPem(String(pem)).length
const keyOf = async (id: string) =>
  (await desk.keychain.get(id, 'key'))?.use((bytes) => Buffer.from(bytes).toString())

describe('culvert import with a certificate beside the profile', () => {
  test('the certificate goes into the profile, the key to the keychain, the root nowhere', async () => {
    const office = await file('office.json', OFFICE)
    const { terminal, code } = await desk.end('import', office, BUNDLE, '--passphrase-env', 'P12_PASSWORD')
    expect([code, terminal.complaints]).toEqual([0, []])
    const { auth, gatewayAuth } = await saved('office')
    expect(auth.method === 'certificate' && certificates(auth.certificate)).toBe(2)
    expect(gatewayAuth).toBeUndefined()
    expect(await keyOf('office')).toMatch(/^-----BEGIN PRIVATE KEY-----/)
    expect(JSON.stringify(await saved('office'))).not.toContain('PRIVATE')
    expect(terminal.written.join('\n')).toContain(
      'ignored  gatewayAuth.ca: CN=Test EC root came along; --ca FILE trusts the gateway by it',
    )
    expect(terminal.written.at(-1)).toBe('Connect with: culvert connect "Office"')
  })

  test('--ca trusts it: the bundle itself, or certificates in files', async () => {
    const office = await file('office.json', OFFICE)
    const more = [
      '--passphrase-env',
      'P12_PASSWORD',
      '--ca',
      BUNDLE,
      '--ca',
      await file('ca.pem', pemOf(root)),
    ]
    expect((await desk.end('import', office, BUNDLE, ...more)).code).toBe(0)
    const { gatewayAuth } = await saved('office')
    expect(gatewayAuth?.method === 'certificate' && certificates(gatewayAuth.ca)).toBe(2)
  })

  test('certificate and key in files of their own', async () => {
    const files = [
      await file('office.json', OFFICE),
      await file('alice.crt', pemOf(alice)),
      await file('alice.key', keyPem),
    ]
    expect((await desk.end('import', ...files)).code).toBe(0)
    expect(await keyOf('office')).toBe(keyPem)
    expect((await desk.end('profiles')).terminal.written).toEqual(['Office  192.0.2.1  as alice@example.org'])
  })

  test('a profile with its own PEM inside is a profile', async () => {
    const office = {
      ...OFFICE,
      auth: { method: 'certificate', certificate: pemOf(alice) },
      secrets: { key: keyPem },
    }
    expect((await desk.end('import', await file('office.json', office))).code).toBe(0)
    expect(await keyOf('office')).toBe(keyPem)
  })

  test('a profile by pre-shared key is left as it is, and told', async () => {
    const both = [await file('office.json', OFFICE), await file('home.json', HOME)]
    const { terminal, code } = await desk.end('import', ...both, BUNDLE, '--passphrase-env', 'P12_PASSWORD')
    expect(code).toBe(0)
    expect((await saved('home')).auth).toEqual({ method: 'psk' })
    expect(terminal.written.join('\n')).toContain(
      'ignored  auth.certificate: Home signs in by pre-shared key',
    )
    expect(await desk.keychain.get('home', 'key')).toBeUndefined()
  })

  test('without a certificate it says what is missing', async () => {
    const { terminal } = await desk.end('import', await file('office.json', OFFICE))
    expect(terminal.written.at(-1)).toBe(
      'Your certificate is still to come: culvert import FILE.p12 --profile "Office"',
    )
  })

  test('a keychain that is locked: the key is for --secrets-stdin', async () => {
    desk.keychain = lockedKeychain
    const office = await file('office.json', OFFICE)
    const { terminal, code } = await desk.end('import', office, BUNDLE, '--passphrase-env', 'P12_PASSWORD')
    expect(code).toBe(0)
    expect(terminal.complaints.join('\n')).toContain('connect takes it with --secrets-stdin')
  })
})

describe('the passphrase', () => {
  test('is asked for where there is a person', async () => {
    const terminal = new FakeTerminal()
    terminal.interactive = true
    terminal.answer = 'culvert'
    const office = await file('office.json', OFFICE)
    expect(await desk.run(['import', office, BUNDLE], terminal).done).toBe(0)
    expect(terminal.asked).toEqual(['Passphrase of ecdsa-aes.p12'])
  })

  test.each([
    [[], 'the file is encrypted; give its passphrase with --passphrase-env VARIABLE'],
    [['--passphrase-env', 'WRONG'], 'the passphrase does not open the file'],
    [['--passphrase-env', 'NOT_THERE'], 'there is no variable NOT_THERE'],
  ])('%j: nothing is imported', async (more, problem) => {
    vi.stubEnv('WRONG', 'sesame')
    const { terminal, code } = await desk.end('import', await file('office.json', OFFICE), BUNDLE, ...more)
    expect(code).toBe(1)
    expect(terminal.complaints.join('\n')).toContain(problem)
    expect((await desk.profiles.list()).profiles).toEqual([])
  })
})

describe('culvert import --profile', () => {
  test('a certificate that takes the place of another', async () => {
    const first = [await file('a.crt', pemOf(alice)), await file('a.key', keyPem)]
    await desk.end('import', await file('office.json', { ...OFFICE, mtu: 1300 }), ...first)
    const { terminal, code } = await desk.end(
      ...['import', BUNDLE, '--profile', 'office', '--passphrase-env', 'P12_PASSWORD'],
    )
    expect([code, terminal.written[0]]).toEqual([0, 'Updated Office.'])
    const { auth, mtu } = await saved('office')
    expect([auth.method === 'certificate' && certificates(auth.certificate), mtu]).toEqual([2, 1300])
    expect(await keyOf('office')).not.toBe(keyPem)
  })

  test.each([
    [
      'office',
      'Office, field auth.method: it signs in by pre-shared key; culvert edit can make it "certificate"',
    ],
    ['nobody', 'There is no profile "nobody"'],
  ])('%s is refused', async (name, problem) => {
    await desk.end('import', await file('office.json', { ...HOME, name: 'Office' }))
    const { terminal, code } = await desk.end(
      ...['import', BUNDLE, '--profile', name, '--passphrase-env', 'P12_PASSWORD'],
    )
    expect([code, terminal.complaints.join('\n')]).toEqual([1, expect.stringContaining(problem)])
    expect(await desk.keychain.get('office', 'key')).toBeUndefined()
  })

  test('a bundle alone is no profile, and says what to do', async () => {
    const { terminal, code } = await desk.end('import', BUNDLE, '--passphrase-env', 'P12_PASSWORD')
    expect(code).toBe(1)
    expect(terminal.complaints.join('\n')).toContain(
      'give it beside a profile, or name one you have with --profile',
    )
  })
})

describe('culvert connect by certificate', () => {
  const office = { ...OFFICE, auth: { method: 'certificate', certificate: pemOf(alice) } }

  test('the key comes from standard input, in JSON', async () => {
    await desk.end('import', await file('office.json', office))
    const terminal = new FakeTerminal()
    terminal.input = JSON.stringify({ key: keyPem })
    const { done } = desk.run(['connect', 'office', '--secrets-stdin'], terminal)
    await vi.waitFor(() => expect(desk.world?.connections.length).toBe(1))
    expect(desk.used).toEqual([keyPem])
    expect(desk.world?.connection.config.authentication).toMatchObject({ ours: { method: 'certificate' } })
    desk.interrupt()
    await done
  })

  test('nobody is asked to type a key', async () => {
    await desk.end('import', await file('office.json', office))
    const terminal = new FakeTerminal()
    terminal.interactive = true
    terminal.answer = 'hm'
    expect(await desk.run(['connect', 'office'], terminal).done).toBe(1)
    expect(terminal.asked).toEqual([])
    expect(terminal.complaints.join('\n')).toContain(
      'Import it with your certificate: culvert import FILE.p12 --profile "Office"',
    )
  })
})
