import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Desktop } from './desktop.ts'

/** Set by `npm test`, which made the packages: the folder they lie in. */
const PACKAGES = process.env.CULVERT_PACKAGES ?? ''
const unpacked = join(PACKAGES, 'linux-unpacked')

describe.runIf(PACKAGES !== '')('the Debian package', () => {
  const deb = (): string => {
    const name = readdirSync(PACKAGES).find((one) => one.endsWith('.deb'))
    if (name === undefined) throw new Error('there is none')
    return join(PACKAGES, name)
  }
  const POLICY = './usr/share/polkit-1/actions/org.culvert.helper.policy'
  const ENTRY = './usr/share/applications/culvert.desktop'
  const TYPES = './usr/share/mime/packages/culvert.xml'
  const folder = mkdtempSync(join(tmpdir(), 'culvert-deb-'))
  const inside = (path: string): string => readFileSync(join(folder, path), 'utf8')

  beforeAll(() => {
    const script = 'dpkg-deb --fsys-tarfile "$0" | tar -x -C "$@"'
    execFileSync('sh', ['-c', script, deb(), folder, POLICY, ENTRY, TYPES])
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('brings the app, the helper, what polkit and the desktop need to know, owned by root', () => {
    const list = execFileSync('dpkg-deb', ['-c', deb()], { encoding: 'utf8', maxBuffer: 1 << 24 })
    const entries = new Map(
      list
        .trim()
        .split('\n')
        .map((line) => [line.split(/\s+/)[5] ?? '', line]),
    )
    for (const [path, mode] of [
      ['./opt/Culvert/culvert', '-rwxr-xr-x'],
      ['./opt/Culvert/resources/app.asar', '-rw-r--r--'],
      ['./opt/Culvert/resources/native/culvert-helper', '-rwxr-xr-x'],
      ['./opt/Culvert/resources/native/culvert-space', '-rwxr-xr-x'],
      ['./opt/Culvert/resources/native/culvert-captures', '-rwxr-xr-x'],
      ['./opt/Culvert/resources/native/culvert.node', '-rwxr-xr-x'],
      ['./opt/Culvert/resources/notices.txt', '-rw-r--r--'],
      ['./usr/share/applications/culvert.desktop', '-rw-r--r--'],
      ['./usr/share/icons/hicolor/256x256/apps/culvert.png', '-rw-r--r--'],
      ['./usr/share/mime/packages/culvert.xml', '-rw-r--r--'],
      ['./usr/share/polkit-1/actions/org.culvert.helper.policy', '-rw-r--r--'],
    ] as const) {
      expect(entries.get(path), path).toMatch(new RegExp(`^${mode} root/root `))
    }
    // Nobody but root may write anything of what runs as root, on the whole way there.
    expect([...entries.values()].filter((line) => /^.....w|^........w/.test(line))).toEqual([])
    expect(list).not.toMatch(/resources\/app\/|default_app|\.map$/m)
  })

  test('polkit knows the helper by the place the package gives it', () => {
    const policy = inside(POLICY)
    const [, path = ''] = /exec\.path">([^<]+)</.exec(policy) ?? []
    expect(path).toBe('/opt/Culvert/resources/native/culvert-helper')
    expect(policy).toContain('<allow_active>auth_admin_keep</allow_active>')
  })

  test('the desktop opens profiles with it', () => {
    const [, type = ''] = /MimeType=([^;]+);/.exec(inside(ENTRY)) ?? []
    const types = inside(TYPES)
    expect(types).toContain(`type="${type}"`)
    expect(types).toContain('*.culvert.json')
  })

  test('captures can be opened', () => {
    const file = readFileSync(join(import.meta.dirname, '../../docs/lessons/captures/ikev2/ikev2.pcapng'))
    const { status, stdout } = spawnSync(join(unpacked, 'resources', 'native', 'culvert-captures'), {
      input: file,
    })
    expect(status).toBe(0)
    expect(stdout.length).toBeGreaterThan(1000)
  })

  test('the licences of what is inside come along', () => {
    const notices = readFileSync(join(unpacked, 'resources', 'notices.txt'), 'utf8')
    for (const name of ['@noble/curves', 'asn1js', 'svelte', 'valibot', 'Atkinson Hyperlegible', 'OpenSSL']) {
      expect(notices).toContain(name)
    }
  })

  test('a package with the trial runtime says so in its name and lies elsewhere', () => {
    const trial = readFileSync(join(unpacked, 'culvert')).includes('Electron/33.2.1')
    expect(deb().includes('ONLY-FOR-TESTS')).toBe(trial)
    expect(PACKAGES.endsWith('packages-for-tests')).toBe(trial)
  })
})

describe.runIf(PACKAGES !== '')('the packaged app', () => {
  let desktop: Desktop
  let page: Page
  let output: () => string

  beforeAll(async () => {
    desktop = await Desktop.open()
    ;({ page, output } = await desktop.launchPackaged(unpacked))
  })
  afterAll(() => desktop.close())

  const headline = (text: string) =>
    page.getByRole('heading', { level: 2, name: text, exact: true }).waitFor({ timeout: 60_000 })

  test('connects the demo by a click, shows phase 1, phase 2 and traffic, and disconnects', async () => {
    await page.getByRole('button', { name: 'Start the demo' }).click()
    await headline('Connected')
    await page.getByRole('switch', { name: 'Details' }).click()
    await page.getByRole('region', { name: 'Phase 1' }).getByText('gateway.culvert.test').waitFor()
    await page.getByRole('region', { name: 'Phase 2' }).getByText('ESP tunnel', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Try it out' }).click()
    await page.getByRole('region', { name: 'Tried through the tunnel' }).getByText('Page').first().waitFor()
    await page.getByRole('button', { name: 'Disconnect' }).click()
    // Asked only where its traffic was noticed already.
    const sure = page.getByRole('button', { name: 'Disconnect anyway' })
    const idle = page.getByRole('heading', { level: 2, name: 'Not connected', exact: true })
    await sure.or(idle).waitFor()
    if (await sure.isVisible()) await sure.click()
    await headline('Not connected')
  })

  test('has its switches as they should be', () => {
    const bytes = readFileSync(join(unpacked, 'culvert'))
    const at = bytes.indexOf(Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX', 'latin1')) + 32
    // RunAsNode, CookieEncryption, NodeOptions, NodeCliInspect, AsarIntegrity, OnlyAppFromAsar, OwnSnapshot, FilePrivileges
    expect(bytes.subarray(at + 2, at + 10).toString('latin1')).toBe('00001100')
  })

  test('cannot be made a Node of, nor be told what to run', () => {
    const env = { ...desktop.environment, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '--inspect=0' }
    const started = spawnSync(
      join(desktop.folder, 'start'),
      ['-e', 'process.stdout.write("ran".repeat(3))'],
      {
        env,
        encoding: 'utf8',
        timeout: 60_000,
      },
    )
    // It is the app, which finds itself running and hands over.
    expect(started.status).toBe(0)
    expect(`${started.stdout}${started.stderr}`).not.toMatch(/ranranran|Debugger listening/)
    expect(output()).not.toMatch(/Debugger listening/)
  })
})
