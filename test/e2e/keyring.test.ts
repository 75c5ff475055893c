import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Desktop, type RunningApp } from './desktop.ts'

let desktop: Desktop
let running: RunningApp

const OFFICE = {
  format: 'culvert-profile',
  version: 1,
  id: 'office',
  name: 'Office',
  gateway: { host: '127.0.0.1' },
  localId: 'alice@example.org',
  auth: { method: 'psk' },
}

/** A home with one profile, on this desktop. */
async function open(): Promise<void> {
  const folder = join(desktop.home, 'profiles')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, 'office.json'), JSON.stringify(OFFICE))
  for (const path of [folder, join(folder, 'office.json')]) desktop.give(path)
  running = await desktop.launch({ permitted: true })
  await running.page.getByRole('heading', { level: 1, name: 'Office' }).waitFor()
}

/** The way on: the person is asked, and the window says why. */
async function asks(why: RegExp): Promise<void> {
  const { page } = running
  await page.getByRole('button', { name: /^(Connect|Try again)$/ }).click()
  await page.getByRole('dialog').getByLabel('Pre-shared key', { exact: true }).waitFor({ timeout: 45_000 })
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+4')
  const said = page.getByText(/^The keychain cannot be used \(.+\)\. Culvert asks each time instead\.$/)
  await said.waitFor({ timeout: 45_000 })
  expect(await said.innerText()).toMatch(why)
}

/** A key saved for Office, as in an earlier run. */
function save(): void {
  const words = ['store', '--label=x', 'service', 'Culvert', 'username', 'office/psk']
  desktop.ask('secret-tool', words, 'correct horse battery')
}

/** The app ends, whatever still waits. */
async function quits(): Promise<void> {
  const child = running.app.process()
  const ended = new Promise((resolve) => child.once('exit', resolve))
  // It may be gone before it can say that it goes.
  await running.app.evaluate(({ app }) => setTimeout(() => app.quit(), 0)).catch(() => {})
  await ended
}

describe('no keychain at all', () => {
  beforeAll(async () => {
    desktop = await Desktop.open()
    await open()
  })
  afterAll(() => desktop.close())

  test('is a state with words, and a way on', async () => {
    await asks(/no keychain of a desktop is running here/)
  })
})

describe('a keychain that is locked', () => {
  beforeAll(async () => {
    desktop = await Desktop.open()
  })
  afterAll(() => desktop.close())

  test('and cannot be unlocked here is a state with words, and a way on', async () => {
    await desktop.openKeyring({ canAsk: false })
    save()
    await desktop.lockKeyring()
    await open()
    await asks(/it is locked, and was not unlocked/)
  })
})

describe('a keychain that asks for its password, and nobody types it', () => {
  beforeAll(async () => {
    desktop = await Desktop.open()
    await desktop.openKeyring()
    save()
    await desktop.lockKeyring()
    await open()
  })
  afterAll(() => desktop.close())

  test('holds nothing up for long: the person is asked by the window instead', async () => {
    const { page } = running
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    // Meanwhile everything else goes on, files and all.
    await page.keyboard.press('Control+n')
    await page.getByLabel('Gateway', { exact: true }).waitFor()
    await page.getByRole('button', { name: /^Office / }).click()
    const asked = page.getByRole('dialog').getByLabel('Pre-shared key', { exact: true })
    await asked.waitFor({ timeout: 45_000 })
    await asked.press('Escape')
    await asked.waitFor({ state: 'detached' })
    await page.keyboard.press('Control+1')
    await asks(/it still waits to be unlocked/)
  })

  test('and does not keep the app from quitting', quits)
})

describe('a keychain that does not answer', () => {
  beforeAll(async () => {
    desktop = await Desktop.open()
    await desktop.openKeyring()
    save()
    await open()
  })
  afterAll(() => desktop.close())

  test('is passed over, and used again once it answers', async () => {
    const { page } = running
    desktop.freezeKeyring(true)
    await asks(/it does not answer/)
    desktop.freezeKeyring(false)
    await page.reload()
    await page.keyboard.press('Control+4')
    await page.getByText('In the keychain of this computer.').waitFor()
  })
})
