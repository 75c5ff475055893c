import { resolve } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Lab, type LabEnv, parseEnv, setting } from '../../interop/lab.ts'
import { Desktop } from '../desktop.ts'

/** Set by `connect.test.ts`, which started the gateway and this very process in the namespace of its client. */
const SCENARIO = process.env.CULVERT_SCENARIO ?? ''
const lab = new Lab(resolve('.'), SCENARIO, process.env.LAB_PREFIX ?? '')

describe('the main job by keyboard alone', () => {
  let env: LabEnv
  let desktop: Desktop
  let page: Page

  beforeAll(async () => {
    env = parseEnv(await lab.must('env', SCENARIO))
    desktop = await Desktop.open()
    ;({ page } = await desktop.launch({ permitted: true }))
    await page.getByRole('heading', { level: 1 }).waitFor()
  })
  afterAll(() => desktop.close())

  const headline = (text: string) =>
    page.getByRole('heading', { level: 2, name: text, exact: true }).waitFor({ timeout: 20_000 })
  const button = (name: string) => page.getByRole('button', { name, exact: true })

  /** Goes on by Tab until it is there, as somebody without a mouse does. */
  async function tabTo(wanted: Locator): Promise<void> {
    await wanted.waitFor()
    for (let presses = 0; presses < 60; presses += 1) {
      if (await wanted.evaluate((node) => node.matches(':focus'))) return
      await page.keyboard.press('Tab')
    }
    throw new Error(`Tab does not lead to ${wanted}`)
  }

  async function type(field: Locator, text: string): Promise<void> {
    await tabTo(field)
    await page.keyboard.type(text)
  }

  test('a connection is made and saved', async () => {
    await page.keyboard.press('Control+n')
    await page.getByRole('heading', { level: 1, name: 'New connection' }).waitFor()
    await type(page.getByLabel('Gateway', { exact: true }), setting(env, 'LAB_GW4'))
    await type(page.getByLabel('Your ID'), `${setting(env, 'LAB_USER')}@lab.test`)
    await type(
      page.getByLabel('Pre-shared key', { exact: true }).and(page.locator('input[type=password]')),
      setting(env, 'LAB_CLIENT_PSK'),
    )
    await tabTo(page.getByRole('button', { name: /^Identity / }))
    await page.keyboard.press('Enter')
    await type(page.getByLabel('The gateway must be'), setting(env, 'LAB_GW_ID'))
    await page.keyboard.press('Control+s')
    await page.getByRole('heading', { level: 1, name: setting(env, 'LAB_GW4') }).waitFor()
    await headline('Not connected')
  })

  test('it is opened, and phase 1 and phase 2 are seen', async () => {
    await tabTo(button('Connect'))
    await page.keyboard.press('Enter')
    await headline('Connected')
    await page.keyboard.press('Control+d')
    const sas = await lab.must('sas', SCENARIO)
    const [, initiator, responder] = /([0-9a-f]{16})_i\*? ([0-9a-f]{16})_r/.exec(sas) ?? []
    await page.getByRole('region', { name: 'Phase 1' }).getByText(`${initiator} ${responder}`).waitFor()
    const phase2 = page.getByRole('region', { name: 'Phase 2' })
    const spis = [...sas.matchAll(/(?:in|out) +([0-9a-f]{8})/g)]
    expect(spis).toHaveLength(2)
    for (const [, spi = ''] of spis) await phase2.getByText(spi).waitFor()
  })

  test('its messages are read', async () => {
    await page.keyboard.press('Control+2')
    const list = page.getByRole('list', { name: /^Messages/ })
    await tabTo(list.getByRole('button', { name: /^IKE_SA_INIT request/ }).first())
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: 'IKE_SA_INIT request' }).waitFor()
    await tabTo(page.getByRole('tree', { name: 'Fields' }))
    await page.keyboard.press('ArrowDown')
    await page.locator('[role=treeitem][aria-selected=true]').waitFor()
    await page.keyboard.press('Control+1')
  })

  test('it is closed', async () => {
    await tabTo(button('Disconnect'))
    await page.keyboard.press('Enter')
    const anyway = button('Disconnect anyway')
    const idle = page.getByRole('heading', { level: 2, name: 'Not connected', exact: true })
    await anyway.or(idle).first().waitFor({ timeout: 20_000 })
    // Where traffic flowed a moment ago it is asked whether that is meant.
    if (await anyway.isVisible()) {
      await tabTo(anyway)
      await page.keyboard.press('Enter')
    }
    await idle.waitFor({ timeout: 20_000 })
    expect(await lab.must('sas', SCENARIO)).not.toMatch(/ESTABLISHED/)
  })
})
