import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireProfile } from '../../../core/profile/schema.ts'
import { ProfileStore } from '../../../core/profile/store.ts'
import { Lab, type LabEnv, parseEnv, setting } from '../../interop/lab.ts'
import { profileFor } from '../../interop/profile.ts'
import { Desktop, type RunningApp } from '../desktop.ts'

/** Set by `connect.test.ts`, which started the gateway and this very process in the namespace of its client. */
const SCENARIO = process.env.CULVERT_SCENARIO ?? ''
const lab = new Lab(resolve('.'), SCENARIO, process.env.LAB_PREFIX ?? '')

/**
 * A request nobody answers is given up after 32 seconds, and between two such tries what is blocked stands in the window
 * for a second or two: who misses it once sees it the next time.
 */
const PATIENT = { timeout: 100_000 }

describe('a kill switch and a gateway that dies', () => {
  let env: LabEnv
  let desktop: Desktop
  let running: RunningApp
  let page: Page
  let inner: string

  beforeAll(async () => {
    env = parseEnv(await lab.must('env', SCENARIO))
    desktop = await Desktop.open()
    const found = requireProfile(profileFor(SCENARIO, env), 'test')
    const profile = {
      ...found,
      id: 'office',
      name: 'Office',
      killSwitch: true,
      ike: { ...found.ike, dpdSeconds: 2 },
    }
    inner = setting(env, 'LAB_INNER4')
    // Where no tunnel is, a packet for the office would leave like any other.
    const way = execFileSync('ip', ['route', 'get', setting(env, 'LAB_GW4')], { encoding: 'utf8' })
    const hop = (/ (?:via \S+ )?dev \S+/.exec(way)?.[0] ?? '').trim().split(' ')
    execFileSync('ip', ['route', 'replace', '10.77.0.0/24', ...hop])
    await new ProfileStore(desktop.home).save(requireProfile(profile, 'test'))
    for (const name of ['', ...readdirSync(desktop.home, { recursive: true })]) {
      desktop.give(join(desktop.home, String(name)))
    }
    running = await desktop.launch({ permitted: true })
    page = running.page
  })
  afterAll(() => desktop.close())

  const headline = (text: string) =>
    page.getByRole('heading', { level: 2, name: text, exact: true }).waitFor(PATIENT)
  /** Whether the kernel takes a datagram for the office at all. */
  const taken = (): boolean =>
    spawnSync('bash', ['-c', `echo hello > /dev/udp/${inner}/9`], { stdio: 'ignore' }).status === 0
  const rules = (): string => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' })
  const connect = (psk: string): Promise<unknown> =>
    page.evaluate(`window.culvert.session.connect({ profile: 'office', secrets: { psk: '${psk}' } })`)

  test('what belongs into the tunnel waits when the gateway dies, and the window says so', async () => {
    expect(await connect(setting(env, 'LAB_CLIENT_PSK'))).toEqual({ ok: true, value: undefined })
    await headline('Connected')
    expect(await lab.check()).toBe('')
    for (const pid of execFileSync('ip', ['netns', 'pids', setting(env, 'LAB_NS_GATEWAY')], {
      encoding: 'utf8',
    })
      .trim()
      .split(/\s+/)) {
      // No farewell, and nobody answers any more.
      process.kill(Number(pid), 'SIGKILL')
    }
    await headline('Blocked by the kill switch')
    await page.getByText('Traffic for 10.77.0.0/24 waits here', { exact: false }).first().waitFor(PATIENT)
    expect(taken()).toBe(false)
    await page.getByRole('button', { name: 'Try now' }).click(PATIENT)
    // A try takes half a minute: what waits is said meanwhile, and may be let out. All at one moment, or it is of the next pause.
    const seen = () => page.evaluate("document.querySelector('.head')?.innerText ?? ''")
    await expect
      .poll(seen, { timeout: 20_000, interval: 100 })
      .toMatch(/^Connecting\n[\s\S]*Traffic for 10\.77\.0\.0\/24 waits here[\s\S]*Let traffic out/)
    expect(taken()).toBe(false)
    await headline('Blocked by the kill switch')
    expect(taken()).toBe(false)
  }, 240_000)

  test('until the person lets it out', async () => {
    await page.getByRole('button', { name: 'Let traffic out' }).click(PATIENT)
    await expect.poll(taken, { timeout: 10_000 }).toBe(true)
    await headline('Reconnecting')
    await page.getByRole('button', { name: 'Disconnect', exact: true }).click(PATIENT)
    await headline('Not connected')
    expect(rules()).not.toContain('culvert')
  }, 240_000)

  test('quitting asks what becomes of what is held back: who stays keeps it, who lets it out has a network', async () => {
    // The gateway is gone: a first connection that finds nobody is blocked, because it held back before it asked.
    const failed = connect('whatever')
    expect(await failed).toMatchObject({ ok: false, error: { kind: 'unreachable' } })
    await headline('Blocked by the kill switch')
    expect(taken()).toBe(false)
    await running.app.evaluate(({ dialog }) => {
      const seen = globalThis as unknown as { asked: string[] }
      seen.asked = []
      dialog.showMessageBox = (async (_window: unknown, { message }: { message: string }) => {
        // The first time the person stays, then traffic is let out.
        return { response: seen.asked.push(message) === 1 ? 0 : 1, checkboxChecked: false }
      }) as never
    })
    const asked = () => running.app.evaluate(() => (globalThis as unknown as { asked: string[] }).asked)
    await running.app.evaluate(({ app }) => app.quit())
    await expect.poll(asked).toEqual(['Office is blocked by the kill switch. Quit?'])
    expect(taken()).toBe(false)
    const child = running.app.process()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await running.app.evaluate(({ app }) => setTimeout(() => app.quit(), 0)).catch(() => {})
    await ended
    expect(taken()).toBe(true)
    expect(rules()).not.toContain('culvert')
  }, 240_000)
})
