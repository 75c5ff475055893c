import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ElectronApplication, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TUNNEL } from '../support/snapshots.ts'
import { Desktop, USER } from './desktop.ts'
import { ScriptedCulvert } from './scripted-culvert.ts'

let desktop: Desktop
let culvert: ScriptedCulvert
let app: ElectronApplication
let page: Page

/** What of the system was asked for in main since {@link watch}. */
interface Seen {
  pictures: { path: string; empty: boolean }[]
  notices: { title: string; body: string; click(): void }[]
}

/** Writes down which pictures are loaded and which notifications are shown: where they go is the system's. */
const watch = (): Promise<void> =>
  app.evaluate(({ nativeImage, Notification }) => {
    const seen: Seen = { pictures: [], notices: [] }
    ;(globalThis as unknown as { seen: Seen }).seen = seen
    const load = nativeImage.createFromPath
    nativeImage.createFromPath = (path) => {
      const image = load(path)
      seen.pictures.push({ path, empty: image.isEmpty() })
      return image
    }
    Notification.isSupported = () => true
    Notification.prototype.show = function (this: Electron.Notification) {
      const { title, body } = this
      seen.notices.push({ title, body, click: () => void this.emit('click') })
    }
  })
const picture = (): Promise<Seen['pictures'][number] | undefined> =>
  app.evaluate(() => (globalThis as unknown as { seen: Seen }).seen.pictures.at(-1))
const notices = (): Promise<string[]> =>
  app.evaluate(() =>
    (globalThis as unknown as { seen: Seen }).seen.notices.map(({ title, body }) => `${title}: ${body}`),
  )
const bounds = () => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getBounds())
const shown = () => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible())

const ERROR = { kind: 'noAnswer', title: 'The gateway fell silent', detail: 'x.', tryThis: ['Wait'] }
const LOST = { ...TUNNEL, phase1: undefined, phase2: [], network: undefined }

beforeAll(async () => {
  desktop = await Desktop.open()
  culvert = new ScriptedCulvert()
  await culvert.serve(desktop.home, USER)
  ;({ app, page } = await desktop.launch())
  await page.getByRole('heading', { level: 1 }).waitFor()
  await watch()
})
afterAll(async () => {
  await desktop.close()
  await culvert.close()
})

describe('the tray', () => {
  test.each([
    ['connecting', { ...LOST, state: 'phase1' as const }],
    ['connected', TUNNEL],
    ['reconnecting', { ...LOST, state: 'reconnecting' as const, error: ERROR }],
    ['blocked', { ...LOST, state: 'reconnecting' as const, error: ERROR, held: ['0.0.0.0/0'] }],
    ['error', { ...LOST, state: 'failed' as const, error: ERROR }],
    ['idle', { ...LOST, state: 'idle' as const }],
  ])('has a picture for %s', async (name, tunnel) => {
    culvert.say(tunnel)
    await expect
      .poll(picture)
      .toEqual({ path: expect.stringMatching(new RegExp(`/${name}-(black|white)\\.png$`)), empty: false })
  })
})

describe('notifications', () => {
  test('are for who does not look, and a click shows the connection', async () => {
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide())
    culvert.say(TUNNEL)
    await expect.poll(notices).toEqual([expect.stringMatching(/^Lindqvist Marine connected: /)])
    culvert.say({ ...LOST, state: 'reconnecting', error: ERROR, held: ['0.0.0.0/0'] })
    await expect
      .poll(async () => (await notices()).at(-1))
      .toBe(
        'Lindqvist Marine is blocked by the kill switch: The gateway fell silent. Its traffic waits; nothing leaks.',
      )
    expect(await shown()).toBe(false)
    await app.evaluate(() => (globalThis as unknown as { seen: Seen }).seen.notices.at(-1)?.click())
    await expect.poll(shown).toBe(true)
    await page.getByText('Blocked by the kill switch').first().waitFor()
  })

  test('can be switched off', async () => {
    await page.evaluate('window.culvert.app.change({ notifications: false })')
    const before = (await notices()).length
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide())
    culvert.say(TUNNEL)
    await expect.poll(picture).toMatchObject({ path: expect.stringContaining('/connected-') })
    expect(await notices()).toHaveLength(before)
    await page.evaluate('window.culvert.app.change({ notifications: true })')
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.show())
  })
})

describe('start at login', () => {
  const entry = () => join(desktop.home, '.config', 'autostart', 'culvert.desktop')

  test('is an entry the desktop reads, hidden where that is wanted, and gone when it is switched off', async () => {
    await page.evaluate('window.culvert.app.change({ startAtLogin: true })')
    expect(readFileSync(entry(), 'utf8')).toMatch(/^Exec="[^"]+" "[^"]+" "--hidden"$/m)
    await page.evaluate('window.culvert.app.change({ startHidden: false })')
    expect(readFileSync(entry(), 'utf8')).not.toContain('--hidden')
    await page.evaluate('window.culvert.app.change({ startAtLogin: false })')
    expect(existsSync(entry())).toBe(false)
  })
})

describe('the window', () => {
  test('small it has one size; large again it is as it was', async () => {
    await app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.setBounds({ x: 60, y: 40, width: 960, height: 640 }),
    )
    await expect.poll(bounds).toEqual({ x: 60, y: 40, width: 960, height: 640 })
    await page.keyboard.press('Control+m')
    await expect.poll(bounds).toMatchObject({ width: 380, height: 640 })
    expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isResizable())).toBe(
      false,
    )
    await page.keyboard.press('Control+m')
    await expect.poll(bounds).toMatchObject({ width: 960, height: 640 })
  })

  test('comes back where it was', async () => {
    await app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.setBounds({ x: 100, y: 80, width: 1000, height: 700 }),
    )
    await expect.poll(bounds).toEqual({ x: 100, y: 80, width: 1000, height: 700 })
    await desktop.quit()
    ;({ app, page } = await desktop.launch())
    expect(await bounds()).toEqual({ x: 100, y: 80, width: 1000, height: 700 })
  })

  test('started hidden there is none until somebody wants it', async () => {
    await desktop.quit()
    app = await desktop.start({ args: ['--hidden'] })
    await app.evaluate(({ app }) => app.whenReady())
    const count = () => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)
    expect(await count()).toBe(0)
    expect(await desktop.launchAgain()).toBe(0)
    await expect.poll(count).toBe(1)
    page = app.windows()[0] ?? (await app.waitForEvent('window'))
    await page.getByRole('heading', { level: 1 }).waitFor()
  })
})
