import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Secret } from '../../../core/bytes/secret.ts'
import { readCredential } from '../../../core/cert/own-key.ts'
import { certificatesPem } from '../../../core/profile/import/credential.ts'
import { requireProfile } from '../../../core/profile/schema.ts'
import { ProfileStore } from '../../../core/profile/store.ts'
import { Lab, type LabEnv, parseEnv, setting } from '../../interop/lab.ts'
import { profileFor } from '../../interop/profile.ts'
import { Desktop, type RunningApp } from '../desktop.ts'
import { disconnect } from '../disconnect.ts'

/** Set by `connect.test.ts`, which started the gateway and this very process in the namespace of its client. */
const SCENARIO = process.env.CULVERT_SCENARIO ?? ''
const lab = new Lab(resolve('.'), SCENARIO, process.env.LAB_PREFIX ?? '')

/** A key, its certificate, an authority in between and a root; `culvert` opens it. */
const BUNDLE = resolve('test/cert/data/ecdsa-aes.p12')
const SCHOOL = { name: 'School', auth: { method: 'certificate', certificate: certificateIn(BUNDLE) } }

function certificateIn(path: string): string {
  const read = readCredential([readFileSync(path)], 'culvert')
  if (!read.ok) throw new Error(read.problem.problem)
  read.credential.key.secret.close()
  return certificatesPem([read.credential.certificate])
}

describe('the window and a real gateway', () => {
  let env: LabEnv
  let desktop: Desktop
  let page: Page
  let output: () => string
  let running: RunningApp

  beforeAll(async () => {
    env = parseEnv(await lab.must('env', SCENARIO))
    desktop = await Desktop.open()
    const store = new ProfileStore(desktop.home)
    await store.save(requireProfile({ ...profileFor(SCENARIO, env), name: 'Lindqvist Marine' }, 'test'))
    await store.save(requireProfile({ ...profileFor(SCENARIO, env), id: 'school', ...SCHOOL }, 'test'))
    for (const name of ['', ...readdirSync(join(desktop.home), { recursive: true })]) {
      desktop.give(join(desktop.home, String(name)))
    }
    running = await desktop.launch({ permitted: true })
    ;({ page, output } = running)
  })
  afterAll(() => desktop.close())

  const state = (): string =>
    execFileSync('sh', ['-c', 'ip -o addr; ip rule; ip route show table all; cat /etc/resolv.conf'], {
      encoding: 'utf8',
    })
  const headline = (text: string) =>
    page.getByRole('heading', { level: 2, name: text, exact: true }).waitFor({ timeout: 20_000 })

  async function connectWith(key: string): Promise<void> {
    await page.getByLabel('Pre-shared key', { exact: true }).fill(key)
    await page.keyboard.press('Enter')
  }

  test('a key nobody has kept is asked for by its file, and goes into the negotiation', async () => {
    await page.getByRole('button', { name: /^School / }).click()
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog
      .getByRole('heading', { name: 'Give the key of your certificate' })
      .waitFor({ timeout: 20_000 })
    expect(await dialog.locator('input[type=password]').count()).toBe(0)
    expect(await dialog.getByRole('button', { name: 'Continue' }).isDisabled()).toBe(true)
    await page.locator('#prompt-key-files').setInputFiles(BUNDLE)
    await dialog.getByLabel('Passphrase').fill('culvert')
    await page.keyboard.press('Enter')
    await dialog.getByText('The key fits your certificate.').waitFor()
    await dialog.getByRole('button', { name: 'Continue' }).click()
    // This gateway knows keys only, and says so.
    await page.getByRole('alert').getByText('did not accept your sign-in', { exact: false }).waitFor({
      timeout: 20_000,
    })
    await page.getByRole('button', { name: /^Lindqvist Marine/ }).click()
  })

  test('the editor asks the gateway what it accepts', async () => {
    await page.keyboard.press('Control+4')
    await page.getByRole('button', { name: /^Phase 1 / }).click()
    await page.getByRole('button', { name: 'Probe' }).click()
    const probe = page.getByRole('group', { name: 'What the gateway accepts' })
    await probe
      .getByText(/ENCR_AES_CBC_256/)
      .first()
      .waitFor({ timeout: 55_000 })
    await probe.getByRole('button', { name: 'Use these' }).click()
    await probe.getByText('These are the proposals of phase 1 now.', { exact: false }).waitFor()
    const proposals = await page.getByLabel('Proposals, in order').first().inputValue()
    expect(proposals).toMatch(/aes256/)
    expect(proposals).not.toMatch(/3des|md5|sha1|modp1024/)
    // What follows connects with them.
    await page.keyboard.press('Control+s')
    await page.getByText('Saved. Counts from the next connection on.').waitFor()
    await page.keyboard.press('Control+1')
  })

  test('a click asks for the key, connects, and shows phase 1, phase 2 and the traffic', async () => {
    const before = state()
    await headline('Not connected')
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await connectWith(setting(env, 'LAB_CLIENT_PSK'))
    await headline('Connected')
    await page.getByRole('switch', { name: 'Details' }).click()
    const sas = await lab.must('sas', SCENARIO)
    const phase1 = page.getByRole('region', { name: 'Phase 1' })
    const phase2 = page.getByRole('region', { name: 'Phase 2' })
    const [, initiator, responder] = /([0-9a-f]{16})_i\*? ([0-9a-f]{16})_r/.exec(sas) ?? []
    // What the gateway calls itself and the SAs is what the window shows.
    await phase1.getByText(`${initiator} ${responder}`).waitFor()
    await phase1.getByText(setting(env, 'LAB_GW_ID')).waitFor()
    await phase1.getByText(/^On (your side|both sides)/).waitFor()
    for (const [, spi] of sas.matchAll(/(?:in|out) +([0-9a-f]{8})/g)) await phase2.getByText(spi!).waitFor()
    const packets = async (row: string): Promise<number> =>
      Number(
        /([\d\u2009]+) packets/
          .exec((await phase2.innerText()).split(`${row}\n`)[1] ?? '')?.[1]
          ?.replaceAll('\u2009', '') ?? -1,
      )
    const [received, sent] = [await packets('Received'), await packets('Sent')]
    expect(await lab.check()).toBe('')
    await expect.poll(() => packets('Received'), { timeout: 5000 }).toBeGreaterThan(received)
    expect(await packets('Sent')).toBeGreaterThan(sent)

    await disconnect(page)
    expect(state()).toBe(before)
    expect(await lab.must('sas', SCENARIO)).not.toMatch(/ESTABLISHED/)
  })

  test('a wrong key: the window says whose fault it is, and nothing is left behind', async () => {
    const before = state()
    await page.reload()
    // The key of this run is still in memory; a wrong one takes its place.
    await page.evaluate(
      `window.culvert.session.connect({ profile: '${SCENARIO}', secrets: { psk: 'wrong' } })`,
    )
    await page
      .getByRole('alert')
      .getByText('The gateway did not accept your sign-in')
      .waitFor({ timeout: 20_000 })
    expect(state()).toBe(before)
  })

  test('RFC 7296 §2.21.2: why it failed, in the inspector, and the message that says it', async () => {
    await page.keyboard.press('Control+2')
    const why = page.locator('p.note').filter({ hasText: 'The gateway refuses here' })
    await why.waitFor({ timeout: 20_000 })
    const list = page.getByRole('list', { name: /^Messages/ })
    await list
      .getByRole('button', { name: /IKE_SA_INIT request/ })
      .last()
      .click()
    await why.getByRole('button', { name: 'IKE_AUTH response' }).click()
    await page.locator('.middle .pane-h b').getByText('IKE_AUTH response', { exact: true }).waitFor()
    const fields = page.getByRole('tree', { name: 'Fields' })
    await fields.getByText('AUTHENTICATION_FAILED', { exact: false }).first().waitFor()
    // One stands before the message now: there is nothing left to lead to.
    expect(await why.getByRole('button').count()).toBe(0)
    await page.keyboard.press('Control+1')
  })

  test('the key lies nowhere in the home folder and in nothing the app has said', async () => {
    const key = setting(env, 'LAB_CLIENT_PSK')
    expect(key.length).toBeGreaterThan(7)
    const files = readdirSync(desktop.home, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    expect(files.length).toBeGreaterThan(3)
    for (const { parentPath, name } of files) {
      expect(readFileSync(join(parentPath, name)).includes(key), name).toBe(false)
    }
    expect(output()).not.toContain(key)
    expect(String(Secret.fromText(key))).toBe('[secret]')
  })

  test('closing the window asks while traffic flows, and ends the tunnel in order', async () => {
    const before = state()
    const connected = page.evaluate(
      `window.culvert.session.connect({ profile: '${SCENARIO}', secrets: { psk: '${setting(env, 'LAB_CLIENT_PSK')}' } })`,
    )
    expect(await connected).toEqual({ ok: true, value: undefined })
    expect(state()).not.toBe(before)
    await running.app.evaluate(({ dialog }) => {
      const seen = globalThis as unknown as { asked: string[] }
      seen.asked = []
      dialog.showMessageBox = (async (_window: unknown, { message }: { message: string }) => {
        // The first time the person stays.
        return { response: seen.asked.push(message) === 1 ? 0 : 1, checkboxChecked: false }
      }) as never
    })
    const asked = () => running.app.evaluate(() => (globalThis as unknown as { asked: string[] }).asked)
    expect(await lab.check()).toBe('')
    // Counters are looked at every two seconds.
    await page.waitForTimeout(2500)
    await running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())
    await expect.poll(asked).toEqual(['Disconnect Lindqvist Marine and quit?'])
    expect(await lab.must('sas', SCENARIO)).toMatch(/ESTABLISHED/)
    await desktop.quit()
    expect(state()).toBe(before)
    expect(await lab.must('sas', SCENARIO)).not.toMatch(/ESTABLISHED/)
  })
})
