import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { exportSealed } from '../../core/profile/export/export.ts'
import { Desk, FakeTerminal } from './desk.ts'

const sample = (name: string) => new URL(`../profiles/${name}`, import.meta.url)

let desk: Desk
beforeEach(async () => {
  desk = await Desk.make()
})
afterEach(() => desk.clear())

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(desk.home, name)
  await writeFile(path, content)
  return path
}

const copyOf = async (from: string, name: string, change = (text: string) => text): Promise<string> =>
  file(name, change(await readFile(sample(from), 'utf8')))

const profiles = async () => (await desk.profiles.list()).profiles

describe('importing again', () => {
  test('a file with a lasting name of its own updates its profile', async () => {
    await desk.end('import', await copyOf('mobileconfig/psk.mobileconfig', 'a.mobileconfig'))
    const changed = (text: string) => text.replaceAll('vpn.office.example', 'new.office.example')
    const again = await copyOf('mobileconfig/psk.mobileconfig', 'b.mobileconfig', changed)
    expect((await desk.end('import', again)).code).toBe(0)
    expect((await profiles()).map(({ gateway }) => gateway.host)).toEqual(['new.office.example'])
  })

  test('a connection without one is known by its name and gateway', async () => {
    const path = await copyOf('swanctl/psk.conf', 'a.conf')
    await desk.end('import', path)
    await desk.end('import', path)
    expect((await profiles()).map(({ name }) => name)).toEqual(['eap', 'home'])
  })
})

describe('a file that cannot be imported is told as a file, with its place', () => {
  test('one that is not there', async () => {
    const { code, terminal } = await desk.end('import', join(desk.home, 'nowhere.conf'))
    const error = terminal.complaints.join('\n')
    expect(code).toBe(1)
    expect(error).toMatch(
      /^culvert: This file cannot be imported: \S*nowhere\.conf: there is no such file\.\n/,
    )
    expect(error).toMatch(/nothing of it was kept/)
  })

  test('one with a mistake in it', async () => {
    const { terminal } = await desk.end('import', await copyOf('swanctl/circle.conf', 'a.conf'))
    expect(terminal.complaints.join('\n')).toMatch(
      /This file cannot be imported: a\.conf, line 2: sections inherit from each other in a circle\./,
    )
  })
})

describe('importing a folder or an archive again', () => {
  const names = async () => (await profiles()).map(({ id, gateway }) => `${id} ${gateway.host}`)

  test('updates every profile of it', async () => {
    const folder = join(desk.home, 'sent')
    await mkdir(folder)
    const write = async (host: string) => {
      const psk = await readFile(sample('mobileconfig/psk.mobileconfig'), 'utf8')
      await writeFile(join(folder, 'a.mobileconfig'), psk.replaceAll('vpn.office.example', host))
      await writeFile(join(folder, 'b.conf'), await readFile(sample('swanctl/psk.conf')))
    }
    await write('vpn.office.example')
    await desk.end('import', folder)
    const before = await names()
    expect(before).toHaveLength(3)
    await write('new.office.example')
    await desk.end('import', folder)
    expect(await names()).toEqual(before.map((one) => one.replace('vpn.office', 'new.office')))
  })

  test('so does an archive of them', async () => {
    const path = await file('a.zip', await readFile(sample('containers/bundle.zip')))
    await desk.end('import', path)
    const before = await names()
    expect(before.length).toBeGreaterThan(0)
    await desk.end('import', path)
    expect(await names()).toEqual(before)
  })
})

describe('what a file does not say', () => {
  const noId = () => copyOf('ipsec-conf/no-id.conf', 'no-id.conf')

  test('is asked of a person, and nothing is saved before', async () => {
    const terminal = new FakeTerminal()
    terminal.interactive = true
    terminal.answer = (prompt) => (prompt.startsWith('Who') ? 'alice@example.org' : '')
    const { done } = desk.run(['import', await noId()], terminal)
    expect(await done).toBe(0)
    expect(terminal.asked[0]).toContain('Who are you to the gateway of a?')
    expect((await profiles())[0]?.localId).toBe('alice@example.org')
  })

  test('is told to a script, which gives it with --set', async () => {
    const path = await noId()
    const { terminal, code } = await desk.end('import', path)
    expect(code).toBe(1)
    expect(terminal.complaints[0]).toContain('--set localId=…')
    expect(await profiles()).toEqual([])
    expect((await desk.end('import', '--set', 'localId=alice@example.org', path)).code).toBe(0)
  })
})

describe('everything that is missing', () => {
  const shrewFile = () => copyOf('shrew/office.vpn', 'office.vpn')
  const secretOf = async (name: string) =>
    (await desk.keychain.get((await profiles())[0]?.id ?? '', name))?.use((bytes) =>
      Buffer.from(bytes).toString(),
    )

  test('is one list, in which a secret may be left out', async () => {
    const terminal = new FakeTerminal()
    terminal.interactive = true
    terminal.answer = (prompt) => (prompt.startsWith('User') ? 'alice' : prompt.startsWith('Save') ? 'y' : '')
    const { done } = desk.run(['import', await shrewFile()], terminal)
    expect(await done).toBe(0)
    expect(terminal.asked).toEqual([
      'User name for vpn.office.example',
      'Password for vpn.office.example (empty: asked for when connecting)',
      'Save it all the same? [y/N]',
    ])
    expect((await profiles())[0]?.xauth).toEqual({ user: 'alice' })
    expect(await secretOf('password')).toBeUndefined()
  })

  test('is not asked for where it came on standard input', async () => {
    const terminal = new FakeTerminal()
    terminal.interactive = true
    terminal.input = 'password=correct horse'
    terminal.answer = 'y'
    const { done } = desk.run(
      ['import', '--set', 'user=alice', '--secrets-stdin', await shrewFile()],
      terminal,
    )
    expect(await done).toBe(0)
    expect(terminal.asked).toEqual(['Save it all the same? [y/N]'])
    expect(await secretOf('password')).toBe('correct horse')
  })

  test('is told to a script in one sentence', async () => {
    const conf = `conn a
  keyexchange=ikev1
  left=%defaultroute
  leftsourceip=%config
  leftauth=psk
  leftauth2=xauth
  right=vpn.example.org
`
    const { terminal, code } = await desk.end('import', await file('ipsec.conf', conf))
    expect(code).toBe(1)
    expect(terminal.complaints.join()).toContain('--set localId=… --set user=…')
  })
})

describe('secrets on standard input', () => {
  test.each(['pks=a key', '{"Password": "hunter2"}', '{"psk": 1}', '{"psk": ""}', 'psk'])(
    'have names that are known (%s): the line is named, nothing in it is shown',
    async (input) => {
      const terminal = new FakeTerminal()
      terminal.input = `\n${input}`
      const path = await copyOf('mobileconfig/psk.mobileconfig', 'a.mobileconfig')
      const { done } = desk.run(['import', '--secrets-stdin', path], terminal)
      expect(await done).toBe(1)
      expect(terminal.complaints.join()).toContain('line 2')
      expect(terminal.complaints.join()).not.toMatch(/hunter2|a key|pks|Password/)
      expect(await profiles()).toEqual([])
    },
  )
})

describe('what weakens security', () => {
  const weak = () =>
    file(
      'weak.conf',
      `connections { old { version = 2
        remote_addrs = vpn.example.org
        proposals = 3des-sha1-modp1024
        vips = 0.0.0.0
        local { auth = psk
                id = alice@example.org }
        remote { auth = psk } } }
      secrets { ike { secret = short } }`,
    )

  test('is said before it is saved, and a person may say no', async () => {
    const terminal = new FakeTerminal()
    terminal.interactive = true
    terminal.answer = 'n'
    const { done } = desk.run(['import', await weak()], terminal)
    expect(await done).toBe(1)
    const said = terminal.complaints.join('\n')
    for (const word of ['3des', 'sha1', 'modp1024', '5 characters']) expect(said).toContain(word)
    expect(await profiles()).toEqual([])
  })

  test('is said to a script, and switched on by name', async () => {
    const { terminal, code } = await desk.end('import', await weak())
    expect(code).toBe(0)
    expect(terminal.complaints.join('\n')).toContain('old is weaker than it should be')
    expect((await profiles())[0]?.weak).toEqual(['3des', 'sha1', 'modp1024'])
  })
})

describe('several files', () => {
  test('a sign-in that is not done yet is one sentence, and nothing is saved', async () => {
    const bySim = (text: string) => text.replace('auth = psk', 'auth = eap-sim')
    const { terminal, code } = await desk.end('import', await copyOf('swanctl/psk.conf', 'a.conf', bySim))
    expect(code).toBe(0)
    expect(terminal.complaints.join()).toMatch(/Culvert cannot use home yet: .*signs in by EAP-SIM/)
    expect((await profiles()).map(({ name }) => name)).toEqual(['eap'])
    expect(terminal.written.join('\n')).not.toContain('pass # word')
  })

  test('secrets beside ipsec.conf are found', async () => {
    const conf = await copyOf('ipsec-conf/strongswan.d/ipsec.conf', 'ipsec.conf')
    const secrets = await copyOf('ipsec-conf/strongswan.d/ipsec.secrets', 'ipsec.secrets')
    expect((await desk.end('import', conf, secrets)).code).toBe(0)
    const home = await desk.profiles.find('home')
    const psk = await desk.keychain.get(home.id, 'psk')
    expect(psk?.use((bytes) => Buffer.from(bytes).toString())).toBe('a long key with # and spaces')
  })

  test('a folder is read whole, and no link leads out of it', async () => {
    const folder = join(desk.home, 'sent')
    await mkdir(join(folder, 'conf.d'), { recursive: true })
    await writeFile(join(folder, 'swanctl.conf'), 'connections {\n include conf.d/*.conf\n}\n')
    await writeFile(join(folder, 'conf.d/a.conf'), await readFile(sample('swanctl/folder.d/conf.d/a.conf')))
    const outside = await file('outside.conf', 'evil { remote_addrs = evil.example.org }')
    await symlink(outside, join(folder, 'conf.d/b.conf'))
    expect((await desk.end('import', folder)).code).toBe(0)
    expect((await profiles()).map(({ name }) => name)).toEqual(['site'])
  })

  test('the signer of a file is shown', async () => {
    const path = await file('a', await readFile(sample('containers/signed-rsa.mobileconfig')))
    const { terminal } = await desk.end('import', path)
    expect(terminal.written.join('\n')).toContain(
      'signed   CN=Example Administrator, O=Example, by a certificate of',
    )
  })

  test('--json tells everything in one object, and never a secret', async () => {
    const { terminal } = await desk.end(
      'import',
      '--json',
      await copyOf('mobileconfig/psk.mobileconfig', 'a.mobileconfig'),
    )
    expect(JSON.parse(terminal.written[0] ?? '')).toMatchObject({
      event: 'imported',
      profiles: ['Office (PSK)'],
    })
    expect(terminal.written.join('')).not.toContain('a key of more than twenty')
  })
})

describe('export', () => {
  const office = () =>
    file(
      'office.json',
      JSON.stringify({
        name: 'Office',
        gateway: { host: '192.0.2.1' },
        localId: 'alice@example.org',
        auth: { method: 'psk' },
        mtu: 1300,
        secrets: { psk: 'a key of more than twenty characters' },
      }),
    )

  test.each(['swanctl', 'network-manager'])(
    'as %s, told what it cannot say, and never a secret',
    async (format) => {
      await desk.end('import', await office())
      const { terminal, code } = await desk.end('export', 'office', '--format', format)
      expect(code).toBe(0)
      expect(terminal.written.join('\n')).toContain('192.0.2.1')
      expect(terminal.complaints.join('\n')).toContain('mtu: ')
      expect(terminal.written.join('\n')).not.toContain('twenty characters')
    },
  )

  test('sealed with its secrets', { timeout: 60_000 }, async () => {
    await desk.end('import', await office())
    vi.stubEnv('PASSPHRASE', 'open sesame')
    const { terminal, code } = await desk.end(
      'export',
      'office',
      '--with-secrets',
      '--passphrase-env',
      'PASSPHRASE',
    )
    vi.unstubAllEnvs()
    expect(code).toBe(0)
    expect(terminal.written[0]).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/)
    expect(terminal.written[0]).not.toContain('192.0.2.1')
  })

  test('what was sealed is imported with its passphrase, and its secrets go to the keychain', async () => {
    await desk.end('import', await office())
    const key = new Map([['psk', Secret.fromText('another key of more than twenty')]])
    const { text } = await exportSealed(await desk.profiles.find('office'), key, 'open sesame', 4)
    const sealed = await file('office.age', text)
    expect((await desk.end('import', sealed)).terminal.complaints[0]).toContain('--passphrase-env')
    vi.stubEnv('PASSPHRASE', 'open sesame')
    expect((await desk.end('import', '--passphrase-env', 'PASSPHRASE', sealed)).code).toBe(0)
    vi.unstubAllEnvs()
    const psk = await desk.keychain.get('office', 'psk')
    expect(psk?.use((bytes) => Buffer.from(bytes).toString())).toBe('another key of more than twenty')
  })

  test('a wrong passphrase of a sealed file asks again', async () => {
    await desk.end('import', await office())
    const { text } = await exportSealed(await desk.profiles.find('office'), new Map(), 'open sesame', 4)
    const sealed = await file('office.age', text)
    const terminal = new FakeTerminal()
    terminal.interactive = true
    terminal.answer = () => (terminal.asked.length === 1 ? 'open barley' : 'open sesame')
    expect(await desk.run(['import', sealed], terminal).done).toBe(0)
    expect(terminal.asked).toEqual(['Passphrase of the file', 'Not that one: the passphrase of the file'])
    vi.stubEnv('PASSPHRASE', 'open barley')
    const script = await desk.end('import', '--passphrase-env', 'PASSPHRASE', sealed)
    vi.unstubAllEnvs()
    expect(script.code).toBe(1)
    expect(script.terminal.complaints[0]).toContain('it does not open with this one')
    const damaged = await file('damaged.age', text.replace(/\n(?=[^\n]*\n-----END)/, '\nAAAA'))
    expect((await desk.end('import', damaged)).code).toBe(1)
  })

  test('secrets are never written in the clear', async () => {
    await desk.end('import', await office())
    expect((await desk.end('export', 'office', '--with-secrets')).terminal.complaints[0]).toContain(
      'never written',
    )
    const foreign = await desk.end('export', 'office', '--with-secrets', '--format', 'swanctl')
    expect(foreign.code).toBe(1)
    expect((await desk.end('export', 'office', '--format', 'sswan')).terminal.complaints[0]).toContain(
      'pre-shared key',
    )
  })
})
