import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { VpnFailure } from '../../core/errors.ts'
import { PHASE2, TUNNEL } from '../support/snapshots.ts'
import { Desktop, USER } from './desktop.ts'
import { ScriptedCulvert } from './scripted-culvert.ts'

let desktop: Desktop
let page: Page
let running: Awaited<ReturnType<Desktop['launch']>>
let culvert: ScriptedCulvert

beforeAll(async () => {
  desktop = await Desktop.open()
  culvert = new ScriptedCulvert()
  await culvert.serve(desktop.home, USER)
  running = await desktop.launch()
  page = running.page
  await page.getByRole('navigation', { name: 'Connections' }).waitFor()
})
afterAll(async () => {
  await desktop.close()
  await culvert.close()
})
beforeEach(() => {
  culvert.refuse = undefined
  culvert.asked.length = 0
  culvert.say()
})

const headline = (text: string) => page.getByRole('heading', { level: 2, name: text, exact: true }).waitFor()
const picture = async (name: string): Promise<void> => {
  const folder = process.env.CULVERT_PICTURES
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}

describe('the window shows what the snapshot says', () => {
  test('idle: one filled button, and where traffic goes', async () => {
    await headline('Not connected')
    await page.getByText('Nothing goes through Lindqvist Marine. Your traffic goes out as usual.').waitFor()
    expect(await page.locator('.btn.primary').count()).toBe(1)
    await picture('idle')
  })

  test('names are text whatever they hold', async () => {
    await page.getByRole('button', { name: /Harbour Authority 港/ }).waitFor()
    expect(await page.locator('.conn b b').count()).toBe(0)
  })

  test('every step with its message and how long it took', async () => {
    const steps = TUNNEL.steps.map((step, at) =>
      at < 3
        ? step
        : at === 3
          ? { ...step, state: 'now' as const, tookMs: undefined, sinceMs: Date.now() - 7000, again: 1 }
          : { ...step, state: 'todo' as const, tookMs: undefined, sinceMs: undefined },
    )
    culvert.say({ ...TUNNEL, state: 'phase1', phase2: [], network: undefined, steps })
    const row = (text: string) => page.getByRole('listitem').filter({ hasText: text })
    await row('Phase 1: agree on encryption').getByText('IKE_SA_INIT').waitFor()
    await row('Phase 1: agree on encryption').getByText('19 ms').waitFor()
    await row('Phase 1: prove who is who').getByText('sent 2 times').waitFor()
    expect(await page.locator('[aria-current="step"]').innerText()).toContain('IKE_AUTH')
    await picture('steps')
  })

  test('the steps are called as the version that is spoken calls them', async () => {
    const called = (what: string): readonly string[] =>
      ({ agree: ['Aggressive mode'], prove: ['XAuth'], open: ['Mode Config', 'Quick mode'] })[what] ?? []
    const steps = TUNNEL.steps.map((step) => ({ ...step, exchanges: called(step.what) }))
    culvert.say({ ...TUNNEL, state: 'phase1', phase2: [], network: undefined, steps })
    const row = (text: string) => page.getByRole('listitem').filter({ hasText: text })
    await row('Phase 1: agree on encryption').getByText('Aggressive mode', { exact: true }).waitFor()
    await row('Phase 1: prove who is who').getByText('XAuth', { exact: true }).waitFor()
    await row('Phase 2: open the tunnel').getByText('Mode Config, Quick mode', { exact: true }).waitFor()
  })

  test('phase 1 and phase 2 while connecting, with the step', async () => {
    culvert.say({
      ...TUNNEL,
      state: 'phase1',
      phase1: undefined,
      phase2: [],
      network: undefined,
      step: 'waiting for the answer to IKE_SA_INIT (try 2)',
    })
    await headline('Connecting')
    await page.getByText('Phase 1 of 2. Agreeing on keys.').waitFor()
    await page.getByText('waiting for the answer to IKE_SA_INIT (try 2)').waitFor()
    await page.getByRole('button', { name: /Lindqvist Marine Connecting, phase 1/ }).waitFor()
    await picture('phase1')
    culvert.say({ ...TUNNEL, state: 'phase2', phase2: [], network: undefined, step: 'opening the tunnel' })
    await page.getByText('Phase 2 of 2. The gateway is proven. Opening the tunnel.').waitFor()
    await picture('phase2')
    await page.keyboard.press('Escape')
    await expect.poll(() => culvert.asked).toEqual(['disconnect marine'])
  })

  test('connected: the plain words, then every figure of both phases', async () => {
    culvert.say(TUNNEL)
    await headline('Connected')
    await page
      .getByText('Two networks go through Lindqvist Marine. Everything else goes out as usual.')
      .waitFor()
    const [phase1, phase2] = [
      page.getByRole('region', { name: 'Phase 1' }),
      page.getByRole('region', { name: 'Phase 2' }),
    ]
    await phase1
      .getByText('It is vpn.lindqvist.example and proved it by pre-shared key.', { exact: false })
      .waitFor()
    await picture('connected-plain')
    await page.getByRole('switch', { name: 'Details' }).click()
    for (const text of [
      '8f3a61c2d95e047b c41d09be7732a8f6',
      'PRF HMAC-SHA2-384',
      'ingrid@lindqvist.example',
      'On your side',
      'new keys in 1:45:',
    ]) {
      await phase1.getByText(text, { exact: false }).waitFor()
    }
    for (const text of [
      'c3a1f04e',
      '5be2907d',
      '10.20.0.0/16, 10.44.8.0/22',
      '864 MB, 671\u2009340 packets',
      'ESP tunnel, ESN',
      '3 dropped',
    ]) {
      await phase2.getByText(text, { exact: false }).waitFor()
    }
    await page.getByText('10.20.0.53').waitFor()
    await picture('connected')
    await page.getByRole('switch', { name: 'Details' }).click()
  })

  test('counters go on by themselves', async () => {
    culvert.say(TUNNEL)
    await headline('Connected')
    const receiving = page.locator('.figs div').filter({ hasText: 'Receiving' })
    let bytes = PHASE2.traffic.inBytes
    // The second reading is a rate; each comes with the next pulse of main, without a word from the tunnel.
    await expect
      .poll(
        async () => {
          bytes += 1_000_000
          culvert.quietly({
            ...TUNNEL,
            phase2: [{ ...PHASE2, traffic: { ...PHASE2.traffic, inBytes: bytes } }],
          })
          return receiving.textContent()
        },
        { timeout: 8000, interval: 250 },
      )
      .toMatch(/[1-9][\d.]* MB\/s/)
  })

  test('reconnecting says why and when', async () => {
    const error = {
      kind: 'noAnswer',
      title: 'The gateway fell silent',
      detail: 'It answered before.',
      tryThis: ['Wait'],
    }
    culvert.say({
      ...TUNNEL,
      state: 'reconnecting',
      phase1: undefined,
      phase2: [],
      network: undefined,
      error,
      retryAtMs: Date.now() + 42_000,
    })
    await headline('Reconnecting')
    await page.getByRole('button', { name: /next try in 0:4\d/ }).waitFor()
    await picture('reconnecting')
  })

  test('blocked: the gate is down, and the next try need not be waited for', async () => {
    const error = { kind: 'noAnswer', title: 'The gateway fell silent', detail: 'x.', tryThis: ['Wait'] }
    const retryAtMs = Date.now() + 8000
    const held = ['10.20.0.0/16']
    culvert.say({
      ...TUNNEL,
      state: 'reconnecting',
      phase1: undefined,
      phase2: [],
      network: undefined,
      error,
      retryAtMs,
      held,
    })
    await page.getByRole('alert').getByText('Blocked by the kill switch').waitFor()
    await page.getByText('Traffic for 10.20.0.0/16 waits here', { exact: false }).waitFor()
    await page.getByRole('button', { name: /Blocked, next try in 0:0/ }).waitFor()
    await picture('blocked')
    await page.getByRole('button', { name: 'Try now' }).click()
    await expect.poll(() => culvert.asked).toEqual(['retry marine'])
    await page.getByRole('button', { name: 'Let traffic out' }).click()
    await expect.poll(() => culvert.asked).toEqual(['retry marine', 'let out marine'])
  })

  test('blocked, while the next try is under way: what waits is said, and can be let out', async () => {
    const error = { kind: 'noAnswer', title: 'The gateway fell silent', detail: 'x.', tryThis: ['Wait'] }
    const trying = { ...TUNNEL, state: 'phase1' as const, phase1: undefined, phase2: [], network: undefined }
    culvert.say({ ...trying, error, held: ['10.20.0.0/16'] })
    await headline('Connecting')
    await page.getByText('Traffic for 10.20.0.0/16 waits here', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Let traffic out' }).click()
    await expect.poll(() => culvert.asked).toEqual(['let out marine'])
    // On the first try nothing is amiss.
    culvert.say({ ...trying, held: ['10.20.0.0/16'] })
    await page.getByRole('button', { name: 'Let traffic out' }).waitFor({ state: 'detached' })
  })

  test('blocked after a crash: it says so, and offers to connect again or to let traffic out', async () => {
    culvert.say({
      ...TUNNEL,
      state: 'blocked',
      phase1: undefined,
      phase2: [],
      network: undefined,
      held: ['0.0.0.0/0', '::/0'],
    })
    await page.getByRole('alert').getByText('Blocked by the kill switch').waitFor()
    await page
      .getByText('Culvert had ended in the middle of it. All your traffic waits here.', { exact: true })
      .waitFor()
    await page.getByRole('button', { name: 'Let traffic out' }).click()
    await page.getByRole('button', { name: 'Try again' }).click()
    await expect.poll(() => culvert.asked).toEqual(['let out marine', 'connect marine'])
    await picture('blocked-crash')
  })

  test('disconnecting asks while traffic flows, and only then', async () => {
    let bytes = PHASE2.traffic.inBytes
    const moving = setInterval(() => {
      bytes += 100_000
      culvert.quietly({ ...TUNNEL, phase2: [{ ...PHASE2, traffic: { ...PHASE2.traffic, inBytes: bytes } }] })
    }, 200)
    culvert.say(TUNNEL)
    await expect.poll(() => page.locator('.figs').innerText(), { timeout: 8000 }).toMatch(/kB\/s/)
    await page.keyboard.press('Control+Enter')
    await page.getByText('Traffic is flowing right now.').waitFor()
    await page.keyboard.press('Escape')
    expect(culvert.asked).toEqual([])
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('button', { name: 'Disconnect anyway' }).click()
    await expect.poll(() => culvert.asked).toEqual(['disconnect marine'])
    clearInterval(moving)
  })

  test('a fault: whose it is, exactly what, and what to try', async () => {
    const error = {
      kind: 'gatewayIdMismatch',
      title: 'This is not the gateway you named',
      detail: 'You asked for vpn.example.org; it says it is gw.example.org.',
      tryThis: ['Ask your administrator which name is right', 'Leave the network you are on'],
    }
    culvert.say({ ...TUNNEL, state: 'failed', network: undefined, phase2: [], error })
    await page.getByRole('alert').getByText('This is not the gateway you named').waitFor()
    await page.getByText('Leave the network you are on').waitFor()
    await page.getByText('gatewayIdMismatch').waitFor()
    await picture('error')
    await page.getByRole('button', { name: 'Copy message' }).click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    expect(await running.app.evaluate(({ clipboard }) => clipboard.readText())).toBe(
      `Culvert, Lindqvist Marine (vpn.lindqvist.example): ${error.title}. ${error.detail} Code ${error.kind}.`,
    )
    await page.getByRole('button', { name: 'Try again' }).click()
    await expect.poll(() => culvert.asked).toEqual(['connect marine'])
  })

  test('a secret nobody saved is asked for, sent inwards once and kept nowhere', async () => {
    culvert.refuse = new VpnFailure({ kind: 'secretMissing', what: 'psk', profile: 'Lindqvist Marine' })
    await page.keyboard.press('Control+Enter')
    const field = page.getByLabel('Pre-shared key')
    await field.waitFor()
    await page.getByText('Lindqvist Marine needs something from you.').waitFor()
    await picture('secret')
    culvert.refuse = undefined
    await field.fill('correct horse battery')
    await page.keyboard.press('Enter')
    await expect.poll(() => culvert.secrets.psk).toBe('correct horse battery')
    expect(
      await page.evaluate('document.documentElement.outerHTML + JSON.stringify(localStorage)'),
    ).not.toContain('correct horse')
    await field.waitFor({ state: 'detached' })
  })

  test('a storm of 1,000 changes leaves the window responsive and at the newest', async () => {
    for (let change = 0; change < 1000; change += 1) {
      culvert.say({ ...TUNNEL, step: `${change}`, state: change % 2 === 0 ? 'phase1' : 'connected' })
      if (change % 50 === 0) await new Promise((soon) => setImmediate(soon))
    }
    await headline('Connected')
    await page.getByRole('button', { name: /Harbour/ }).click()
    await headline('Not connected')
    await page.getByRole('button', { name: /Lindqvist/ }).click()
  })

  test('5,000 connections are listed, and the first answers to a click', async () => {
    const many = Array.from({ length: 5000 }, (_, at) => ({
      id: `p${at}`,
      name: `Office ${at}`,
      folder: undefined,
      gateway: '192.0.2.1',
      signIn: 'IKEv2',
      saved: [],
    }))
    culvert.profiles(many)
    await page.getByRole('button', { name: /^Office 7 / }).click()
    await page.getByRole('heading', { level: 1, name: 'Office 7', exact: true }).waitFor()
    await page.keyboard.press('Control+K')
    await page.keyboard.type('OFFICE 4321')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Office 4321', exact: true }).waitFor()
    await page.keyboard.press('Control+K')
    await page.keyboard.type('office 1234')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Office 1234', exact: true }).waitFor()
    await page.getByRole('searchbox').fill('nowhere')
    await page.getByText('Nothing named “nowhere”.').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('navigation', { name: 'Connections' }).hover()
    await page.mouse.wheel(0, 1e6)
    await page.getByRole('button', { name: /^Office 4999 / }).click()
    await page.getByRole('heading', { level: 1, name: 'Office 4999', exact: true }).waitFor()
    expect(await page.locator('.conn').count()).toBeLessThan(100)
  })
})

test('when the other Culvert ends, the app carries on by itself', async () => {
  await culvert.close()
  await page
    .getByRole('heading', { level: 1, name: 'Culvert carries your traffic safely to a gateway.' })
    .waitFor()
})
