import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { columnsOf } from '../../core/cli/columns.ts'
import { SECRET_NAMES } from '../../core/profile/sign-in.ts'
import { Desk, FakeTerminal, lockedKeychain } from './desk.ts'

const OFFICE = {
  name: 'Office',
  gateway: { host: '192.0.2.1' },
  localId: 'alice@example.org',
  auth: { method: 'psk' },
}

let desk: Desk
beforeEach(async () => {
  desk = await Desk.make()
})
afterEach(() => desk.clear())

async function file(name: string, content: unknown): Promise<string> {
  const path = join(desk.home, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

async function importOffice(): Promise<void> {
  expect((await desk.end('import', await file('office.json', OFFICE))).code).toBe(0)
}

/** Starts `connect` with a key on standard input and plays the gateway until it stands. */
async function connectOffice(...more: string[]) {
  const terminal = new FakeTerminal()
  terminal.input = 'psk=sesame\n'
  const running = desk.run(['connect', 'office', '--secrets-stdin', ...more], terminal)
  await vi.waitFor(() => expect(desk.world?.connections.length).toBe(1))
  desk.world?.connection.establish()
  await vi.waitFor(() => expect(terminal.written.join('\n')).toContain('connected'))
  return running
}

test('import tells what it kept, and profiles lists it', async () => {
  const { terminal, code } = await desk.end('import', await file('office.json', { ...OFFICE, colour: 'red' }))
  expect(code).toBe(0)
  expect(terminal.written.join('\n')).toContain('ignored  colour: this field is not known')
  expect((await desk.end('profiles')).terminal.written).toEqual(['Office  192.0.2.1  as alice@example.org'])
})

test('a key in the file goes to the keychain and nowhere on the disk', async () => {
  await desk.end('import', await file('office.json', { ...OFFICE, secrets: { psk: 'sesame' } }))
  const saved = await desk.keychain.get('office', 'psk')
  expect(saved?.use((bytes) => Buffer.from(bytes).toString())).toBe('sesame')
  for (const name of await readdir(join(desk.home, 'profiles'))) {
    expect(await readFile(join(desk.home, 'profiles', name), 'utf8')).not.toContain('sesame')
  }
})

test('JSON of something else is no profile of a wrong version', async () => {
  const path = await file('package.json', { name: 'left-pad', version: '1.3.0', main: 'index.js' })
  const { terminal, code } = await desk.end('import', path)
  expect(code).toBe(1)
  expect(terminal.complaints[0]).toContain('it is JSON, but no profile')
  expect(terminal.complaints[0]).not.toContain('version')
})

test('a keychain that is locked does not keep the profile out', async () => {
  desk.keychain = lockedKeychain
  const { terminal, code } = await desk.end(
    'import',
    await file('office.json', { ...OFFICE, secrets: { psk: 'sesame' } }),
  )
  expect(code).toBe(0)
  expect(terminal.complaints.join('\n')).toContain('its secret was not saved, so connect will ask for it')
  expect((await desk.profiles.list()).profiles).toHaveLength(1)
})

test('an import never overwrites an edited profile unless asked', async () => {
  await importOffice()
  const other = { ...OFFICE, gateway: { host: '198.51.100.9' } }
  const second = await desk.end('import', await file('again.json', other))
  expect(second.terminal.written.join('\n')).toContain('this one is called Office 2')
  expect((await desk.profiles.find('office')).gateway.host).toBe('192.0.2.1')
  await desk.end('import', '--replace', await file('again.json', other))
  expect((await desk.profiles.find('office')).gateway.host).toBe('198.51.100.9')
})

test('one damaged file of several is named, and the others are imported', async () => {
  const { terminal, code } = await desk.end(
    'import',
    await file('broken.json', '{"name": "Bro'),
    await file('office.json', OFFICE),
  )
  expect(code).toBe(1)
  expect(terminal.complaints[0]).toContain('broken.json: it is not JSON')
  expect((await desk.profiles.list()).profiles.map(({ name }) => name)).toEqual(['Office'])
})

test('a damaged profile on the disk is named and the exit code says so', async () => {
  await importOffice()
  await writeFile(join(desk.home, 'profiles', 'broken.json'), '{')
  const { terminal, code } = await desk.end('profiles')
  expect(code).toBe(1)
  expect(terminal.written).toEqual(['Office  192.0.2.1  as alice@example.org'])
  expect(terminal.complaints[0]).toContain('broken.json')
})

test('connect stays in the foreground, serves status, and Ctrl-C ends it with 0', async () => {
  await importOffice()
  const { done, terminal } = await connectOffice()
  expect(desk.used).toEqual(['sesame'])
  expect((await desk.end('status')).terminal.written[0]).toMatch(/^Office: connected/)
  desk.interrupt()
  expect(await done).toBe(0)
  expect(terminal.written.at(-1)).toBe('Office: disconnected')
  expect(desk.world?.done.slice(-3)).toEqual(['restore culvert0', 'close fd 11', 'close edge'])
  expect((await desk.end('status')).terminal.written).toEqual(['Nothing is connected.'])
})

test('disconnect from another terminal ends the one that carries the tunnel', async () => {
  await importOffice()
  const { done } = await connectOffice()
  expect((await desk.end('disconnect', 'Office')).terminal.written).toEqual(['Disconnected.'])
  expect(await done).toBe(0)
})

test('a second connect asks the Culvert that runs', async () => {
  await importOffice()
  await desk.end('import', await file('home.json', { ...OFFICE, name: 'Home' }))
  const first = await connectOffice()
  const terminal = new FakeTerminal()
  terminal.input = '{"psk":"open"}'
  const second = desk.run(['connect', 'Home', '--secrets-stdin'], terminal)
  await vi.waitFor(() => expect(desk.world?.connections.length).toBe(2))
  desk.world?.connection.establish()
  expect(await second.done).toBe(0)
  expect(desk.used).toEqual(['sesame', 'open'])
  expect(terminal.written.join('\n')).toContain('Home: connected')
  expect(terminal.written.join('\n')).not.toContain('Office:')
  const again = await desk.end('connect', 'Office')
  expect(again.code).toBe(1)
  desk.interrupt()
  expect(await first.done).toBe(0)
})

test('a refused sign-in is a sentence, advice, a kind for machines and exit code 1', async () => {
  await importOffice()
  const terminal = new FakeTerminal()
  terminal.input = 'psk=wrong'
  const { done } = desk.run(['connect', 'office', '--secrets-stdin', '--json'], terminal)
  await vi.waitFor(() => expect(desk.world?.connections.length).toBe(1))
  desk.world?.connection.end({ kind: 'authFailed', who: 'us', method: 'pre-shared key' })
  expect(await done).toBe(1)
  expect(terminal.complaints[0]).toBe(
    'culvert: The gateway did not accept your sign-in: It refused your pre-shared key.',
  )
  expect(JSON.parse(terminal.written.at(-1) ?? '')).toMatchObject({
    event: 'failed',
    error: { kind: 'authFailed', who: 'us' },
  })
  expect(desk.told).toEqual([
    { ok: false, error: { kind: 'authFailed', who: 'us', method: 'pre-shared key' } },
  ])
})

test('nobody to ask and nothing saved: the secret is missing', async () => {
  await importOffice()
  const { terminal, code } = await desk.end('connect', 'Office')
  expect(code).toBe(1)
  expect(terminal.complaints.join('\n')).toContain('--secrets-stdin')
})

test('a person is asked for the key; giving up is a cancellation', async () => {
  await importOffice()
  const terminal = new FakeTerminal()
  terminal.interactive = true
  expect(await desk.run(['connect', 'Office'], terminal).done).toBe(1)
  expect(terminal.asked).toEqual(['Pre-shared key for Office'])
  expect(terminal.complaints[0]).toContain('Cancelled')
})

test('a saved key is used without asking', async () => {
  await importOffice()
  await desk.keychain.set('office', 'psk', Secret.fromText('saved'))
  const { done } = desk.run(['connect', 'Office'])
  await vi.waitFor(() => expect(desk.world?.connections.length).toBe(1))
  expect(desk.used).toEqual(['saved'])
  desk.interrupt()
  expect(await done).toBe(1)
})

test('--detach hands the key to the process in the background on its standard input only', async () => {
  await importOffice()
  const terminal = new FakeTerminal()
  terminal.input = 'psk=sesame'
  expect(await desk.run(['connect', 'Office', '--detach', '--secrets-stdin'], terminal).done).toBe(0)
  expect(desk.started).toEqual([
    { args: ['connect', 'office', '--secrets-stdin'], input: '{"psk":"sesame"}\n' },
  ])
  expect(terminal.written).toEqual(['Office is connected, in process 4711.'])
})

test('status --json without a Culvert is an empty snapshot', async () => {
  const { terminal } = await desk.end('status', '--json')
  expect(JSON.parse(terminal.written[0] ?? '')).toEqual({
    revision: 0,
    profiles: [],
    tunnels: [],
    prompts: [],
  })
})

test('status --watch ends when the Culvert it watches ends', async () => {
  await importOffice()
  const { done } = await connectOffice()
  const watch = desk.run(['status', '--watch'])
  await vi.waitFor(() => expect(watch.terminal.written[0]).toMatch(/^Office: connected/))
  await desk.end('disconnect')
  expect(await done).toBe(0)
  expect(await watch.done).toBe(0)
})

test('edit saves what can be used and nothing else', async () => {
  await importOffice()
  desk.edited = (text) => text.replace('192.0.2.1', '192.0.2.2')
  expect((await desk.end('edit', 'Office')).code).toBe(0)
  desk.edited = (text) => text.replace('192.0.2.2', 'not a host')
  expect((await desk.end('edit', 'Office')).code).toBe(1)
  desk.edited = (text) => text.replace('"office"', '"other"')
  expect((await desk.end('edit', 'Office')).code).toBe(1)
  expect((await desk.profiles.find('Office')).gateway.host).toBe('192.0.2.2')
})

test('remove forgets what an earlier sign-in of the profile has left in the keychain, too', async () => {
  await importOffice()
  for (const name of ['key', 'password']) await desk.keychain.set('office', name, Secret.fromText('old'))
  expect((await desk.end('remove', 'Office')).code).toBe(0)
  for (const name of SECRET_NAMES) expect(await desk.keychain.get('office', name)).toBeUndefined()
})

test('remove forgets the profile and its key, but not while it runs', async () => {
  await importOffice()
  await desk.keychain.set('office', 'psk', Secret.fromText('saved'))
  const { done } = await connectOffice()
  expect((await desk.end('remove', 'Office')).code).toBe(1)
  desk.interrupt()
  await done
  expect((await desk.end('remove', 'Office')).code).toBe(0)
  expect(await desk.keychain.get('office', 'psk')).toBeUndefined()
  expect((await desk.profiles.list()).profiles).toEqual([])
})

test('doctor fails when something needed is missing, and says what to do', async () => {
  desk.findings = [
    { name: 'helper', state: 'ok', detail: 'there', tryThis: [] },
    { name: 'TUN device', state: 'missing', detail: 'there is none', tryThis: ['Load the module'] },
  ]
  const { terminal, code } = await desk.end('doctor')
  expect(code).toBe(1)
  expect(terminal.written).toEqual([
    'ok    helper      there',
    'NO    TUN device  there is none',
    '                  - Load the module',
  ])
})

test('doctor shows on a screen how far it is, and then what it found in its place', async () => {
  desk.findings = ['helper', 'demo'].map((name) => ({ name, state: 'ok', detail: 'there', tryThis: [] }))
  const terminal = new FakeTerminal()
  terminal.screen = true
  expect(await desk.run(['doctor'], terminal).done).toBe(0)
  expect(terminal.written).toEqual([
    'Looked at 1 of 2 things. Ctrl-C ends it.',
    'Looked at 2 of 2 things. Ctrl-C ends it.',
    'ok    helper  there\nok    demo    there',
  ])
})

test('an unknown profile, command or option is named; usage errors exit with 2', async () => {
  await importOffice()
  const wrong = await desk.end('connect', 'ofice')
  expect(wrong.code).toBe(1)
  expect(wrong.terminal.complaints.join('\n')).toContain('Did you mean Office?')
  expect((await desk.end('conect', 'office')).code).toBe(2)
  expect((await desk.end('connect', 'office', '--psk', 'x')).code).toBe(2)
})

test('a secret the sign-in does not use is refused by name, never by content', async () => {
  await importOffice()
  const terminal = new FakeTerminal()
  terminal.input = 'password=sesame'
  expect(await desk.run(['connect', 'office', '--secrets-stdin'], terminal).done).toBe(1)
  expect(terminal.complaints.join('\n')).toContain('Office signs in with psk')
  expect(terminal.complaints.join('\n')).not.toContain('sesame')
})

test('start says how to connect and to import, in columns whatever the names are, and Ctrl-C ends it', async () => {
  await importOffice()
  expect((await desk.end('import', await file('東京.json', { ...OFFICE, name: '東京' }))).code).toBe(0)
  const { terminal, done } = desk.run(['start'])
  await vi.waitFor(() => expect(terminal.written.join('\n')).toContain('import FILE'))
  const rows = terminal.written.filter((line) => line.startsWith('  npm run culvert -- '))
  const columns = rows.map((row) => columnsOf(row.slice(0, row.search(/(?<=\s{5})\S+[^"]*$/))))
  expect(rows).toHaveLength(3)
  expect(new Set(columns).size).toBe(1)
  desk.interrupt()
  expect(await done).toBe(0)
})

test('what a kill switch holds back is said and lifted, also when the Culvert that did so is gone', async () => {
  desk.holds.put({
    device: 'culvert0',
    profile: 'office',
    name: 'Office',
    host: '192.0.2.1',
    networks: ['0.0.0.0/0', '::/0'],
    addresses: ['192.0.2.1'],
    sinceMs: 0,
  })
  const told = (await desk.end('status')).terminal.written.join('\n')
  expect(told).toContain('Office: blocked by the kill switch')
  expect(told).toContain('Held back: all traffic. `culvert unblock` lets it out.')
  const { terminal, code } = await desk.end('unblock')
  expect([code, terminal.written]).toEqual([0, ['Traffic of Office goes out as usual again.']])
  expect(desk.world?.done).toEqual(['open edge', 'let out culvert0', 'close edge'])
  expect((await desk.end('unblock')).terminal.written).toEqual(['Nothing was held back.'])
  expect((await desk.end('status')).terminal.written).toEqual(['Nothing is connected.'])
})

test('a tunnel that ends by a fault leaves its traffic held back, says so, and is lifted by another command', async () => {
  await desk.end('import', await file('office.json', { ...OFFICE, killSwitch: true }))
  const { terminal, done } = await connectOffice()
  desk.world?.connection.end({ kind: 'authFailed', who: 'us', method: 'psk' })
  expect(await done).toBe(1)
  expect(terminal.written.join('\n')).toContain('traffic for 10.77.0.0/24 is held back by the kill switch')
  expect(desk.world?.done).not.toContain('let out culvert0')
  expect((await desk.end('unblock', 'office')).terminal.written).toEqual([
    'Traffic of Office goes out as usual again.',
  ])
})

test('Ctrl-C ends an import between two connections and says what was left out', async () => {
  const files = await Promise.all(
    ['One', 'Two', 'Three'].map((name) => file(`${name}.json`, { ...OFFICE, name })),
  )
  const terminal = new FakeTerminal()
  const said = terminal.out.bind(terminal)
  terminal.out = (line) => {
    said(line)
    desk.interrupt()
  }
  const { done } = desk.run(['import', ...files], terminal)
  expect(await done).toBe(1)
  expect(terminal.complaints).toEqual(['culvert: stopped: 2 of 3 were not imported'])
  const listed = (await desk.end('profiles')).terminal.written
  expect(listed).toHaveLength(1)
  expect(listed[0]).toMatch(/^One /)
})
