import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
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
async function asks(): Promise<void> {
  const { page } = running
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await page.getByRole('dialog').getByLabel('Pre-shared key', { exact: true }).waitFor({ timeout: 45_000 })
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+4')
  await page
    .getByText(/The keychain cannot be used \(.+\)\. Culvert asks each time instead\./)
    .waitFor({ timeout: 45_000 })
}

describe('no keychain at all', () => {
  beforeAll(async () => {
    desktop = await Desktop.open()
    await open()
  })
  afterAll(() => desktop.close())

  test('is a state with words, and a way on', async () => {
    await asks()
  })
})
