import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Desktop, type RunningApp } from './desktop.ts'
import { drop } from './drop.ts'

let desktop: Desktop
let running: RunningApp
let page: Page

beforeAll(async () => {
  desktop = await Desktop.open()
  running = await desktop.launch()
  page = running.page
  await page.getByRole('heading', { level: 1 }).waitFor()
})
afterAll(() => desktop.close())

const inHome = (name: string): string => readFileSync(join(desktop.home, name), 'utf8')

const office = {
  name: 'Office',
  gateway: { host: 'vpn.example.org' },
  localId: 'alice@example.org',
  auth: { method: 'psk' },
  colour: 'red',
}

describe('first run', () => {
  test('says what one can do, without a list that is empty', async () => {
    await page.getByRole('heading', { name: 'Culvert carries your traffic safely to a gateway.' }).waitFor()
    expect(await page.getByRole('navigation').count()).toBe(0)
    await page.getByRole('button', { name: 'New connection' }).click()
    await page.getByRole('heading', { level: 1, name: 'New connection' }).waitFor()
  })
})

describe('the editor', () => {
  test('four fields for everyone make a connection; the words rewrite themselves while one types', async () => {
    await page.getByLabel('Gateway', { exact: true }).fill('vpn.lindqvist.example')
    await page.getByText('Culvert calls vpn.lindqvist.example with IKEv2', { exact: false }).waitFor()
    await page.getByLabel('Your ID').fill('ingrid@lindqvist.example')
    await page.getByText('signs in as ingrid@lindqvist.example', { exact: false }).waitFor()
    await page.getByLabel('Pre-shared key', { exact: true }).last().fill('correct horse')
    await page.keyboard.press('Control+s')
    await page.getByRole('heading', { level: 1, name: 'vpn.lindqvist.example' }).waitFor()
    await page.getByRole('button', { name: /vpn.lindqvist.example IKEv2/ }).waitFor()
    const [file = ''] = readdirSync(join(desktop.home, 'profiles')).filter((name) => name.endsWith('.json'))
    expect(JSON.parse(inHome(`profiles/${file}`))).toMatchObject({ localId: 'ingrid@lindqvist.example' })
    // No keychain here: that is a state with words, and the key is nowhere in the files.
    for (const name of readdirSync(desktop.home, { recursive: true, withFileTypes: true })) {
      if (name.isFile())
        expect(readFileSync(join(name.parentPath, name.name)).includes('correct horse')).toBe(false)
    }
  })

  test('what cannot be used is said beside its field and not saved', async () => {
    await page.keyboard.press('Control+4')
    await page.getByText(/Kept in memory until Culvert ends/).waitFor({ timeout: 20_000 })
    await page.getByLabel('Gateway', { exact: true }).fill('not a host')
    await page.getByText('a host name or a numeric address is expected').waitFor()
    await page.getByRole('button', { name: 'Phase 1 ' }).click()
    await page.getByLabel('New keys after, in seconds').fill('3')
    await page.getByText('at least 10 seconds are needed').waitFor()
    await page.keyboard.press('Control+s')
    await page.getByText('Not saved yet').waitFor()
    await page.getByRole('button', { name: 'Discard' }).click()
    await expect
      .poll(() => page.getByLabel('Gateway', { exact: true }).inputValue())
      .toBe('vpn.lindqvist.example')
  })

  test('suites are chosen by name, or typed', async () => {
    const menu = page.getByLabel('Suites by name, phase 1')
    const typed = page.getByLabel('Proposals, in order')
    await menu.selectOption('Compatible: gateways of ten years')
    await expect.poll(() => typed.inputValue()).toBe('compatible')
    await page.getByText('For gateways of ten years', { exact: false }).first().waitFor()
    await typed.fill('aes256gcm16-prfsha384-ecp384')
    await expect.poll(() => menu.inputValue()).toBe('My own, below')
    await page.getByRole('button', { name: 'Discard' }).click()
  })

  test('a gateway is asked what it accepts; the question can be called off', async () => {
    const probe = page.getByRole('group', { name: 'What the gateway accepts' })
    // Nobody answers at an address for documents. RFC 5737
    await page.getByLabel('Gateway', { exact: true }).fill('192.0.2.1')
    await probe.getByRole('button', { name: 'Probe' }).click()
    await probe.getByRole('button', { name: /^(Cancel|Probe)$/ }).click()
    await page.getByLabel('Gateway', { exact: true }).fill('127.0.0.1')
    await probe.getByRole('button', { name: 'Probe' }).click()
    await probe.getByText('no answer').first().waitFor({ timeout: 30_000 })
    await probe.getByText('Nobody answered there.', { exact: false }).waitFor()
    expect(await probe.getByRole('button', { name: 'Use these' }).count()).toBe(0)
    await page.getByRole('button', { name: 'Discard' }).click()
  })

  test('a weak suite says so in words, and is switched on by name', async () => {
    await page.getByLabel('Proposals, in order').fill('aes128-sha1-modp2048')
    await page.getByText('AES-128-CBC; SHA-1; MODP-2048').waitFor()
    await page.getByText('SHA-1 is weak', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Switch it on' }).click()
    await page.keyboard.press('Control+s')
    await page.getByText('Saved. Counts from the next connection on.').waitFor()
    const [file = ''] = readdirSync(join(desktop.home, 'profiles')).filter((name) => name.endsWith('.json'))
    expect(JSON.parse(inHome(`profiles/${file}`))).toMatchObject({ weak: ['sha1'] })
  })
})

describe('how one signs in', () => {
  const saved = () => JSON.parse(inHome('profiles/vpn-harbour-example.json'))

  test('by password; looking at another way or version loses nothing that was typed', async () => {
    await page.keyboard.press('Control+n')
    await page.getByLabel('Gateway', { exact: true }).fill('vpn.harbour.example')
    await page.getByRole('radio', { name: 'Password', exact: true }).check()
    await page.keyboard.press('Control+s')
    await page.getByText('User name: it cannot be empty').waitFor()
    await page.getByLabel('User name').fill('alice')
    await page.getByLabel('Password', { exact: true }).last().fill('hunter two')
    await page.getByText('signs in as alice, by password', { exact: false }).waitFor()
    await page.getByRole('radio', { name: 'Certificate', exact: true }).check()
    await page.getByLabel('Password', { exact: true }).last().waitFor({ state: 'hidden' })
    await page.getByRole('radio', { name: 'Password', exact: true }).check()
    expect(await page.getByLabel('User name').inputValue()).toBe('alice')
    expect(await page.getByLabel('Password', { exact: true }).last().inputValue()).toBe('hunter two')
    await page.getByRole('button', { name: /^Phase 1 / }).click()
    await page.getByRole('radio', { name: 'IKEv1', exact: true }).check()
    await page.getByText('inside the encrypted phase 1 (XAuth)', { exact: false }).waitFor()
    expect(await page.getByLabel('User name').inputValue()).toBe('alice')
    await page.getByRole('radio', { name: 'IKEv2', exact: true }).check()
    await page.getByRole('button', { name: /^Sign-in / }).click()
    await page.getByRole('checkbox', { name: /^PEAP/ }).check()
    await page.getByText('Your user name can be read', { exact: false }).waitFor()
    await page.getByLabel('Name said outside the tunnel').fill('anonymous@harbour.example')
    await page.getByText('you are anonymous@harbour.example', { exact: false }).waitFor()
    await page.keyboard.press('Control+s')
    await page.getByRole('heading', { level: 1, name: 'vpn.harbour.example' }).waitFor()
    expect(saved().auth).toMatchObject({
      method: 'eap',
      methods: ['peap', 'mschapv2'],
      user: 'alice',
      anonymousIdentity: 'anonymous@harbour.example',
    })
  })

  test('by a key in aggressive mode of IKEv1, with XAuth: weak, and switched on by name', async () => {
    await page.keyboard.press('Control+4')
    await page.getByRole('radio', { name: 'Pre-shared key', exact: true }).check()
    await page.getByLabel('Your ID').fill('keyid:harbour')
    await page.getByRole('button', { name: /^Phase 1 / }).click()
    await page.getByRole('radio', { name: 'IKEv1', exact: true }).check()
    await page.getByLabel('Your ID or group name').waitFor()
    await page.getByRole('checkbox', { name: /^The gateway asks for a name/ }).check()
    await page.getByLabel('User name').fill('bob')
    await page.getByRole('radio', { name: 'Aggressive', exact: true }).check()
    await page.keyboard.press('Control+s')
    await page
      .getByText('Exchange of IKEv1: aggressive mode with a pre-shared key', { exact: false })
      .waitFor()
    await page.getByRole('button', { name: 'Switch it on' }).click()
    await page.keyboard.press('Control+s')
    await page.getByText('Saved. Counts from the next connection on.').waitFor()
    expect(saved()).toMatchObject({
      ike: { version: 1, aggressive: true },
      auth: { method: 'psk' },
      xauth: { user: 'bob' },
      weak: ['aggressivepsk'],
    })
    // The password of before is still asked for; the key is a second one.
    await page
      .getByText(/Kept in memory until Culvert ends/)
      .first()
      .waitFor({ timeout: 20_000 })
  })
})

describe('a certificate', () => {
  const bundle = join(import.meta.dirname, '../cert/data/ecdsa-aes.p12')
  const choose = (id: string, path: string) => page.locator(`#${id}-files`).setInputFiles(path)

  test('is chosen with its key from a file, and says whose it is; the key is nowhere on disk', async () => {
    await page.keyboard.press('Control+n')
    await page.getByLabel('Gateway', { exact: true }).fill('vpn.school.example')
    await page.getByRole('radio', { name: 'Certificate', exact: true }).check()
    await choose('own', bundle)
    await page.getByLabel('Passphrase').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('This cannot be used', { exact: false }).waitFor()
    await page.getByLabel('Passphrase').fill('culvert')
    await page.keyboard.press('Enter')
    await page.getByText('Made out to').waitFor()
    await page.getByText('by certificate.', { exact: false }).waitFor()
    await page.getByText('Its key goes to the keychain when you save.').waitFor()
    await page.getByRole('button', { name: 'Trust the gateway by the authority that came along' }).click()
    await page.getByText(/The gateway must show a certificate for vpn.school.example from [A-Z]+=/).waitFor()
    await page.keyboard.press('Control+s')
    await page.getByRole('heading', { level: 1, name: 'vpn.school.example' }).waitFor()
    const saved = JSON.parse(inHome('profiles/vpn-school-example.json'))
    expect(saved.auth.certificate).toContain('BEGIN CERTIFICATE')
    expect(saved.gatewayAuth.ca).toContain('BEGIN CERTIFICATE')
    expect(saved.localId).toBeUndefined()
    for (const name of readdirSync(desktop.home, { recursive: true, withFileTypes: true })) {
      if (name.isFile())
        expect(readFileSync(join(name.parentPath, name.name)).includes('PRIVATE KEY')).toBe(false)
    }
  })

  test('whose key is kept for this run only can be forgotten', async () => {
    await page.keyboard.press('Control+4')
    await page
      .getByText('Its key: the keychain cannot be used', { exact: false })
      .waitFor({ timeout: 20_000 })
    await page.getByRole('button', { name: 'Forget the key' }).click()
    await page.getByRole('button', { name: 'Forget the key' }).waitFor({ state: 'detached' })
  })
})

describe('import by drop', () => {
  test('what became of every field is shown before anything is kept', async () => {
    await drop(page, [{ name: 'office.json', text: JSON.stringify(office) }])
    await page.getByText('This adds Office, to vpn.example.org.').waitFor()
    await page.getByRole('button', { name: '1 ignored' }).click()
    await page.getByRole('cell', { name: 'colour' }).waitFor()
    expect(existsSync(join(desktop.home, 'profiles', 'office.json'))).toBe(false)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('Office is in the list.').waitFor()
    await page.getByRole('button', { name: 'Open', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Office' }).waitFor()
  })

  test('a certificate with its key beside a profile without one is its own', async () => {
    const school = {
      name: 'Academy',
      gateway: { host: 'vpn.academy.example' },
      auth: { method: 'certificate' },
    }
    const base64 = readFileSync(join(import.meta.dirname, '../cert/data/ecdsa-aes.p12')).toString('base64')
    await drop(page, [
      { name: 'academy.json', text: JSON.stringify(school) },
      { name: 'alice.p12', base64 },
    ])
    await page.getByLabel('Passphrase of alice.p12').fill('culvert')
    await page.keyboard.press('Enter')
    await page.getByText('its key goes to the keychain', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('Academy is in the list.').waitFor()
    expect(JSON.parse(inHome('profiles/academy.json')).auth.certificate).toContain('BEGIN CERTIFICATE')
  })

  test('one that is there already is updated or kept beside it, as the person says', async () => {
    await drop(page, [{ name: 'office.json', text: JSON.stringify({ ...office, mtu: 1300 }) }])
    await page.getByText('This updates Office, which you already have.').waitFor()
    await page.getByRole('button', { name: 'Keep both' }).click()
    await page.getByText('Office 2 is in the list.').waitFor()
  })

  test('a malformed file and a large one are a sentence, and the window goes on', async () => {
    await drop(page, [{ name: 'broken.json', text: '{"name": "Off' }])
    await page.getByRole('alert').getByText('broken.json', { exact: false }).waitFor()
    await drop(page, [{ name: 'large.json', text: 'x'.repeat(9 << 20) }])
    await page.getByRole('alert').getByText('It was not read', { exact: false }).waitFor()
    await drop(page, [
      { name: '\u202e<b>港.json', text: JSON.stringify({ ...office, name: '<img src=x> 港' }) },
    ])
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('<img src=x> 港 is in the list.').waitFor()
  })

  test('many at once: those that can be used are listed, the others with their reason', async () => {
    const many = Array.from({ length: 120 }, (_, at) => ({
      name: `${at}.json`,
      text: JSON.stringify({ ...office, name: `Branch ${at}`, folder: 'Branches' }),
    }))
    const nobody = { name: 'nobody.json', text: JSON.stringify({ ...office, localId: 7 }) }
    await drop(page, [...many, nobody, { name: 'notes.txt', text: 'call Bob' }])
    await page.getByText('120 connections. 1 cannot be used.').waitFor()
    await page.getByText('it is no profile, and no profile beside it names it').waitFor()
    await page.getByRole('button', { name: 'Add all' }).click()
    await page.getByText('120 connections are in the list.').waitFor()
    await page.getByRole('navigation', { name: 'Connections' }).getByText('Branches').waitFor()
  })

  test('many take their time: how far it is, and Stop leaves each in the list whole or not at all', async () => {
    const many = Array.from({ length: 400 }, (_, at) => ({
      name: `${at}.json`,
      text: JSON.stringify({ ...office, name: `Depot ${at}`, secrets: { psk: `key ${at}` } }),
    }))
    await drop(page, many)
    await page.getByText('400 connections.').waitFor()
    await page.getByRole('button', { name: 'Add all' }).click()
    await page.getByRole('heading', { name: /^Adding connection \d+ of 400$/ }).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    const told = await page.getByText(/You stopped it: \d+ were not added\./).innerText()
    const left = Number(/(\d+) were not/.exec(told)?.[1])
    const there = readdirSync(join(desktop.home, 'profiles')).filter((name) => name.startsWith('depot-'))
    expect(there).toHaveLength(400 - left)
    expect(there.every((name) => name.endsWith('.json'))).toBe(true)
  })

  test('a file the system opens with Culvert arrives in the running window', async () => {
    const path = join(desktop.home, 'given.json')
    writeFileSync(path, JSON.stringify({ ...office, name: 'Given' }))
    desktop.give(path)
    expect(await desktop.launchAgain(path)).toBe(0)
    await page.getByText('This adds Given, to vpn.example.org.').waitFor()
    truncateSync(path, 100 << 20)
    expect(await desktop.launchAgain(path)).toBe(0)
    await page.getByRole('alert').getByText('which no profile has', { exact: false }).waitFor()
  })

  test('a profile another program writes is in the list at once', async () => {
    const profile = { ...JSON.parse(inHome('profiles/office.json')), id: 'elsewhere', name: 'Elsewhere' }
    const path = join(desktop.home, 'profiles', 'elsewhere.json')
    writeFileSync(path, JSON.stringify(profile))
    desktop.give(path)
    await page.getByRole('searchbox').fill('elsewhere')
    await page.getByRole('button', { name: /^Elsewhere / }).click()
    await page.getByRole('searchbox').fill('')
    await page.getByRole('heading', { level: 1, name: 'Elsewhere' }).waitFor()
  })
})

describe('checks', () => {
  test('run, say what was found on which side, and make a report without names', async () => {
    await page.keyboard.press('Control+3')
    await page.getByText('Not run yet.', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await page.getByRole('heading', { name: /^\d+ of \d+ checks passed$/ }).waitFor({ timeout: 40_000 })
    await page.getByRole('heading', { name: 'This computer' }).waitFor()
    const report = page.locator('.rep')
    await report.getByText('profile-1').first().waitFor()
    expect(await report.innerText()).not.toContain('vpn.example.org')
    await page.getByLabel('Hide names and addresses').uncheck()
    await report.getByText('vpn.example.org', { exact: false }).waitFor()
    await page.getByLabel('Hide names and addresses').check()
    await expect.poll(() => report.innerText()).not.toContain('vpn.example.org')
  })

  test('what is saved and copied is what is shown, to the letter', async () => {
    const path = join(desktop.home, 'report.txt')
    await running.app.evaluate(({ dialog }, filePath) => {
      dialog.showSaveDialog = (async () => ({ canceled: false, filePath })) as never
    }, path)
    await page.getByRole('button', { name: 'Save as…' }).click()
    await page.getByText('Saved.', { exact: true }).waitFor()
    const shown = await page
      .locator('.rep')
      .evaluate((node) => (node as { textContent?: string }).textContent)
    expect(readFileSync(path, 'utf8')).toBe(shown)
    await page.getByRole('button', { name: 'Copy' }).click()
    await page.getByText('Copied.', { exact: true }).waitFor()
    expect(await running.app.evaluate(({ clipboard }) => clipboard.readText())).toBe(shown)
  })
})

describe('settings', () => {
  test('are remembered, and the theme changes at once', async () => {
    await page.keyboard.press('Control+,')
    await page.getByRole('radio', { name: 'Dark' }).check()
    await expect.poll(() => page.evaluate('document.documentElement.dataset.theme')).toBe('dark')
    await expect.poll(() => JSON.parse(inHome('settings.json')).theme).toBe('dark')
    await page.getByRole('radio', { name: 'Like the desktop' }).check()
    await expect.poll(() => page.evaluate('document.documentElement.dataset.theme ?? null')).toBe(null)
  })

  test('start at login is an entry of the desktop that starts Culvert hidden', async () => {
    await page.getByLabel('Start at login').check()
    const entry = join(desktop.home, '.config', 'autostart', 'culvert.desktop')
    await expect
      .poll(() => existsSync(entry) && readFileSync(entry, 'utf8'))
      .toMatch(/^Exec=".+electron" ".+" "--hidden"$/m)
    await page.getByLabel('Start at login').uncheck()
    await expect.poll(() => existsSync(entry)).toBe(false)
  })
})

describe('the small window', () => {
  test('is a remote control, and gives way to the full one', async () => {
    await page.keyboard.press('Control+m')
    await page.getByRole('combobox', { name: 'Connections' }).selectOption('office')
    await page.getByRole('heading', { level: 1, name: 'Not connected' }).waitFor()
    const size = () =>
      running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getContentSize())
    expect(await size()).toEqual([380, 640])
    await page.keyboard.press('Control+m')
    await page.getByRole('heading', { level: 1, name: 'Office' }).waitFor()
    await expect.poll(size).toEqual([1100, 720])
  })
})

describe('removing', () => {
  test('asks once, and takes the profile out of the list and off the disk', async () => {
    await page.keyboard.press('Control+4')
    await page.getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('button', { name: 'Remove it', exact: false }).click()
    await expect.poll(() => existsSync(join(desktop.home, 'profiles', 'office.json'))).toBe(false)
    await page.getByRole('heading', { level: 1, name: 'Office', exact: true }).waitFor({ state: 'detached' })
  })
})
