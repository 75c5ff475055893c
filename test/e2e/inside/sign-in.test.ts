import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireProfile } from '../../../core/profile/schema.ts'
import { ProfileStore } from '../../../core/profile/store.ts'
import { Lab, type LabEnv, parseEnv, setting } from '../../interop/lab.ts'
import { profileFor } from '../../interop/profile.ts'
import { Desktop, type RunningApp } from '../desktop.ts'
import { disconnect } from '../disconnect.ts'

/** Set by `connect.test.ts`, which started the gateway and this very process in the namespace of its client. */
const SCENARIO = process.env.CULVERT_SCENARIO ?? ''
const lab = new Lab(resolve('.'), SCENARIO, process.env.LAB_PREFIX ?? '')
const isOld = SCENARIO.startsWith('ikev1')
/** What is shown of the sign-in, once it is done. */
const WORDS: Readonly<Record<string, string>> = {
  'ikev2-eap-mschapv2': 'EAP-MSCHAPv2',
  'ikev2-eap-gtc': 'GTC',
  'ikev1-xauth-psk': 'pre-shared key, XAuth',
}

describe(`a password typed in the window: ${SCENARIO}`, () => {
  let env: LabEnv
  let desktop: Desktop
  let running: RunningApp
  let page: Page

  beforeAll(async () => {
    env = parseEnv(await lab.must('env', SCENARIO))
    desktop = await Desktop.open()
    const store = new ProfileStore(desktop.home)
    const profile = profileFor(SCENARIO, env)
    await store.save(requireProfile({ ...profile, id: 'office', name: 'Office' }, 'test'))
    if (SCENARIO === 'ikev2-eap-gtc') {
      // The same gateway takes its password for a code, which is asked for in the middle of the negotiation.
      const { auth: byPassword } = requireProfile(profile, 'test')
      const auth = { ...byPassword, gtc: 'code' }
      await store.save(requireProfile({ ...profile, id: 'codes', name: 'Codes', auth }, 'test'))
    }
    for (const name of ['', ...readdirSync(join(desktop.home), { recursive: true })]) {
      desktop.give(join(desktop.home, String(name)))
    }
    running = await desktop.launch({ permitted: true })
    page = running.page
  })
  afterAll(() => desktop.close())

  const state = (): string =>
    execFileSync('sh', ['-c', 'ip -o addr; ip rule; ip route show table all'], { encoding: 'utf8' })
  const headline = (text: string) =>
    page.getByRole('heading', { level: 2, name: text, exact: true }).waitFor({ timeout: 30_000 })
  const dialog = () => page.getByRole('dialog')
  const asked = (title: string) => dialog().getByRole('heading', { name: title }).waitFor({ timeout: 30_000 })
  async function answer(label: string, text: string): Promise<void> {
    await dialog().getByLabel(label, { exact: true }).fill(text)
    await page.keyboard.press('Enter')
  }
  async function connect(name: string): Promise<void> {
    await page.getByRole('button', { name: new RegExp(`^${name} `) }).click()
    await page.keyboard.press('Control+1')
    await page.getByRole('button', { name: /^(Connect|Try again)$/ }).click()
  }

  test('a wrong one is asked for again, the right one connects; both phases say how one signed in', async () => {
    const before = state()
    await connect('Office')
    if (isOld) {
      await asked('Enter your pre-shared key')
      await answer('Pre-shared key', setting(env, 'LAB_CLIENT_PSK'))
    }
    await asked('Enter your password')
    await dialog()
      .getByText(`You sign in as ${setting(env, 'LAB_USER')}`, { exact: false })
      .waitFor()
    await answer('Password', 'wrong')
    await dialog().getByText('The gateway did not accept the one it was given.', { exact: false }).waitFor({
      timeout: 30_000,
    })
    // Nothing runs while the person thinks.
    expect(state()).toBe(before)
    await answer('Password', setting(env, 'LAB_PASSWORD'))
    await headline('Connected')
    expect(await lab.check()).toBe('')
    const details = page.getByRole('switch', { name: 'Details' })
    if ((await details.getAttribute('aria-checked')) !== 'true') await details.click()
    const phase1 = page.getByRole('region', { name: 'Phase 1' })
    await phase1.getByText(WORDS[SCENARIO]!, { exact: false }).waitFor()
    await phase1
      .getByText(isOld ? 'IKEv1 main mode' : 'IKEv2', { exact: false })
      .first()
      .waitFor()
    await disconnect(page)
    expect(state()).toBe(before)
  })

  test('the one that was taken is used again in this run, without a question', async () => {
    await connect('Office')
    await headline('Connected')
    expect(await dialog().count()).toBe(0)
    await disconnect(page)
  })

  test.runIf(SCENARIO === 'ikev2-eap-gtc')(
    'a code: the negotiation waits for it, and a question that is cancelled ends it with a word',
    async () => {
      const before = state()
      await connect('Codes')
      await asked('Enter your one-time code')
      await dialog()
        .getByText(/\d:\d\d left/)
        .waitFor()
      // The gateway waits meanwhile, with keys agreed.
      expect(await lab.must('sas', SCENARIO)).toMatch(/CONNECTING/)
      await page.getByRole('button', { name: /^Codes Needs an answer/ }).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('alert').getByText('Cancelled').waitFor({ timeout: 20_000 })
      expect(state()).toBe(before)
      await connect('Codes')
      await asked('Enter your one-time code')
      await answer('Code', setting(env, 'LAB_PASSWORD'))
      await headline('Connected')
      await disconnect(page)
      expect(state()).toBe(before)
    },
  )

  test('what was typed lies nowhere in the home folder and in nothing the app has said', () => {
    const password = setting(env, 'LAB_PASSWORD')
    expect(password.length).toBeGreaterThan(5)
    const files = readdirSync(desktop.home, { recursive: true, withFileTypes: true })
    for (const one of files.filter((entry) => entry.isFile())) {
      expect(readFileSync(join(one.parentPath, one.name)).includes(password), one.name).toBe(false)
    }
    expect(running.output()).not.toContain(password)
  })
})
