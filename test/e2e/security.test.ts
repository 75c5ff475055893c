import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contract } from '../../core/contract/contract.ts'
import { Desktop, type RunningApp } from './desktop.ts'

let desktop: Desktop
let running: RunningApp

beforeAll(async () => {
  desktop = await Desktop.open()
  running = await desktop.launch()
  await running.page.getByRole('main').waitFor()
})
afterAll(() => desktop.close())

const inPage = (script: string): Promise<unknown> => running.page.evaluate(script)

describe('the window in real Electron', () => {
  test('the operating system keeps the page in a sandbox', async () => {
    const found = await running.app.evaluate(({ app, BrowserWindow }) => {
      const window = BrowserWindow.getAllWindows()[0]
      const pid = window?.webContents.getOSProcessId()
      return {
        uid: process.getuid?.(),
        arguments: process.argv,
        switches: ['no-sandbox', 'disable-setuid-sandbox', 'disable-namespace-sandbox'].filter((name) =>
          app.commandLine.hasSwitch(name),
        ),
        status: process.getBuiltinModule('node:fs').readFileSync(`/proc/${pid}/status`, 'utf8'),
      }
    })
    expect(found.uid).not.toBe(0)
    expect(found.switches).toEqual([])
    expect(found.arguments).not.toContain('--no-sandbox')
    expect(found.status).toMatch(/^Seccomp:\s+2$/m)
    expect(found.status).toMatch(/^NoNewPrivs:\s+1$/m)
  })

  test('the page has no Node and sees nothing but the contract', async () => {
    expect(
      await inPage(`({
        require: typeof require, process: typeof process, module: typeof module, Buffer: typeof Buffer,
        calls: Object.fromEntries(Object.entries(window.culvert).map(([area, calls]) => [area, Object.keys(calls)])),
      })`),
    ).toEqual({
      require: 'undefined',
      process: 'undefined',
      module: 'undefined',
      Buffer: 'undefined',
      calls: Object.fromEntries(Object.entries(contract).map(([area, calls]) => [area, Object.keys(calls)])),
    })
  })

  test('contextIsolation: the page cannot change what the preload script made', async () => {
    await expect(
      inPage(
        `window.culvert.session.connect = () => 'mine'; window.culvert.session.connect.toString().includes('mine')`,
      ),
    ).resolves.toBe(false)
    await expect(
      inPage(`'culvert' in window && Object.getOwnPropertyDescriptor(window, 'culvert').configurable`),
    ).resolves.toBe(false)
  })

  test('the preferences are those that were asked for', async () => {
    const preferences = await running.app.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
        getLastWebPreferences(): Record<string, unknown>
      }
      return contents.getLastWebPreferences()
    })
    expect(preferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
    })
  })

  test('CSP: no inline script, no eval, no connection', async () => {
    // In a timer: what the inspector itself evaluates is exempt from the policy.
    const { directives, ran } = (await inPage(`new Promise((resolve) => setTimeout(() => {
      const directives = new Set()
      const ran = []
      document.addEventListener('securitypolicyviolation', (event) => directives.add(event.effectiveDirective))
      const attempt = (name, work) => { try { work(); ran.push(name) } catch {} }
      attempt('Function', () => new Function('return 1')())
      attempt('eval', () => (0, eval)('1'))
      attempt('script text', () => { document.createElement('script').textContent = 'window.inline = true' })
      attempt('HTML', () => { document.createElement('p').innerHTML = '<img src=x onerror="window.inline = true">' })
      const style = document.createElement('style')
      style.textContent = 'body { display: none }'
      document.head.append(style)
      fetch('https://example.org/').catch(() => {})
      new Image().src = 'https://example.org/x.png'
      document.body.append(Object.assign(document.createElement('iframe'), { src: 'https://example.org/' }))
      setTimeout(() => resolve({ directives: [...directives], ran: [...ran, ...(window.inline ? ['inline'] : [])] }), 500)
    }))`)) as { directives: string[]; ran: string[] }
    expect(ran).toEqual([])
    expect(directives).toEqual(
      expect.arrayContaining([
        'require-trusted-types-for',
        'style-src-elem',
        'connect-src',
        'img-src',
        'frame-src',
      ]),
    )
  })

  test('main refuses every address that is not the app itself, whatever the policy of a page', async () => {
    const answers = await running.app.evaluate(async ({ session }) => {
      const load = (address: string): Promise<string> =>
        session.defaultSession.fetch(address).then(
          (response) => String(response.status),
          () => 'refused',
        )
      return Promise.all([
        load('https://example.org/'),
        load('http://127.0.0.1:9/'),
        load('file:///etc/passwd'),
        load('culvert://app/../electron/main.mjs'),
        load('culvert://app/%2e%2e/electron/main.mjs'),
        load('culvert://elsewhere/index.html'),
      ])
    })
    for (const answer of answers) expect(['404', 'refused']).toContain(answer)
  })

  test('the window stays where it is: no navigation, no other window, no frame', async () => {
    await inPage(`location.href = 'https://example.org/'`)
    await inPage(`location.href = 'file:///etc/passwd'`)
    expect(await inPage(`window.open('https://example.org/') === null`)).toBe(true)
    await running.page.waitForTimeout(300)
    expect(running.page.url()).toBe('culvert://app/index.html')
    expect(running.app.windows()).toHaveLength(1)
  })

  test('permissions are denied', async () => {
    const states =
      await inPage(`Promise.all(['geolocation', 'notifications', 'camera', 'microphone', 'clipboard-read']
      .map((name) => navigator.permissions.query({ name }).then(({ state }) => state)))`)
    expect(new Set(states as string[])).toEqual(new Set(['denied']))
    expect(
      await inPage(
        `navigator.mediaDevices.getUserMedia({ audio: true }).then(() => 'given', (error) => error.name)`,
      ),
    ).toMatch(/NotAllowed|NotFound/)
  })

  test('rubbish from the page comes back as a value and names no content', async () => {
    for (const rubbish of [
      'undefined',
      'null',
      '42',
      '[]',
      '{}',
      '{profile: 7}',
      `{profile: ''}`,
      `{profile: 'x'.repeat(1e6)}`,
      `{profile: 'a', extra: 1}`,
      `{profile: 'a', secrets: {psk: {}}}`,
      `{profile: 'a', secrets: {psk: 'hunter2'.repeat(9999)}}`,
    ]) {
      const outcome = (await inPage(`window.culvert.session.connect(${rubbish})`)) as {
        ok: boolean
        error: { kind: string }
      }
      expect(outcome, rubbish).toMatchObject({ ok: false, error: { kind: 'internal' } })
      expect(JSON.stringify(outcome)).not.toContain('hunter2')
    }
    await expect(running.page.getByRole('main').isVisible()).resolves.toBe(true)
  })

  test('a second start shows the first window and ends', async () => {
    await running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide())
    expect(await desktop.launchAgain()).toBe(0)
    await expect
      .poll(() => running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible()))
      .toBe(true)
    expect(running.app.windows()).toHaveLength(1)
  })
})
