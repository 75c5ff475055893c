import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Desktop, type RunningApp } from './desktop.ts'

let desktop: Desktop
let running: RunningApp
let page: Page

beforeAll(async () => {
  desktop = await Desktop.open()
  await desktop.openKeyring()
  running = await desktop.launch()
  page = running.page
  await page.getByRole('heading', { level: 1 }).waitFor()
  // The menus of the tray and its pictures are the system's; what is put into them is seen here.
  await running.app.evaluate(({ Menu }) => {
    const build = Menu.buildFromTemplate
    Menu.buildFromTemplate = (template) => {
      ;(globalThis as unknown as { trayTemplate: unknown }).trayTemplate = template
      return build(template)
    }
  })
})
afterAll(() => desktop.close())

const headline = (text: string) =>
  page.getByRole('heading', { level: 2, name: text, exact: true }).waitFor({ timeout: 20_000 })

/** Chooses an item of the tray's menu; its labels. */
const tray = (choice?: string): Promise<readonly string[]> =>
  running.app.evaluate((_electron, wanted) => {
    const items =
      (globalThis as unknown as { trayTemplate?: { label?: string; click?: () => void }[] }).trayTemplate ??
      []
    items.find(({ label }) => label === wanted)?.click?.()
    return items.map(({ label }) => label ?? '')
  }, choice)

describe('the demo, by keyboard alone', () => {
  test('connects through a real tunnel and shows phase 1, phase 2 and traffic', async () => {
    const button = page.getByRole('button', { name: 'Start the demo' })
    for (
      let presses = 0;
      presses < 10 && !(await button.evaluate((node) => node.matches(':focus')));
      presses += 1
    ) {
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await headline('Connected')
    await page.keyboard.press('Control+d')
    await page.getByRole('region', { name: 'Phase 1' }).getByText('gateway.culvert.test').waitFor()
    await page.getByRole('region', { name: 'Phase 2' }).getByText('ESP tunnel', { exact: false }).waitFor()
  })

  test('traffic goes through it', async () => {
    await page.getByRole('button', { name: 'Try it out' }).click()
    const tried = page.getByRole('region', { name: 'Tried through the tunnel' })
    await tried.getByText('Page').first().waitFor()
    const phase2 = page.getByRole('region', { name: 'Phase 2' })
    await expect.poll(() => phase2.innerText(), { timeout: 8000 }).toMatch(/Received\n.*, [1-9]\d* packets/)
  })

  test('every message of it stands in the inspector', async () => {
    await page.keyboard.press('Control+2')
    const list = page.getByRole('list', { name: /^Messages/ })
    await list.getByRole('button', { name: /IKE_SA_INIT request\s*, to the gateway, \d+ octets/ }).waitFor()
    await list.getByRole('button', { name: /IKE_AUTH response\s*, from the gateway/ }).click()
    const first = () => page.locator('.middle .pane-h b').innerText()
    expect(await first()).toBe('IKE_AUTH response')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press('[')
    await page.keyboard.press('[')
    await expect.poll(first).toBe('IKE_SA_INIT request')
    await page.getByRole('region', { name: /octets$/ }).waitFor()
    await page.keyboard.press('Control+1')
  })

  test('a message is taken apart: a field and its octets point at each other, and what was encrypted is open', async () => {
    await page.keyboard.press('Control+2')
    const list = page.getByRole('list', { name: /^Messages/ })
    await list.getByRole('button', { name: /IKE_AUTH request\s*, to the gateway/ }).click()
    const fields = page.getByRole('tree', { name: 'Fields' })
    await fields.getByRole('treeitem', { name: /Identification – Initiator/ }).click()
    await page.getByText('Who the initiator says it is', { exact: false }).waitFor()
    await fields.getByRole('treeitem', { name: /^\S*\s*Encrypted and Authenticated/ }).click()
    const marked = page.locator('.hex i.sel[data-b]')
    await expect.poll(() => marked.first().getAttribute('data-b')).toBe('28')
    await page.locator('.hex i[data-b="18"]').first().click()
    await fields.locator('[aria-selected="true"]').getByText('Exchange Type').waitFor()
    await page.keyboard.press('Control+1')
  })

  test('its messages are saved for Wireshark, and the keys only after a question', async () => {
    const folder = join(desktop.home, 'saved')
    const answer = (response: number) =>
      running.app.evaluate(
        ({ dialog }, [response, folder]) => {
          dialog.showMessageBox = (async () => ({ response })) as never
          dialog.showOpenDialog = (async () => ({ canceled: false, filePaths: [folder] })) as never
        },
        [response, folder] as const,
      )
    await page.keyboard.press('Control+2')
    const save = page.getByRole('button', { name: 'Save…' })
    await answer(2)
    await save.click()
    await page.getByText(/^Saved: .*\.pcapng, .*ikev2_decryption_table, .*esp_sa$/).waitFor()
    expect(readdirSync(folder).sort()).toEqual(['demo.pcapng', 'esp_sa', 'ikev2_decryption_table'])
    expect(readFileSync(join(folder, 'demo.pcapng')).subarray(0, 4).toString('hex')).toBe('0a0d0d0a')
    // What is there is not overwritten, and who cancels has nothing saved.
    await answer(1)
    await save.click()
    await page.getByText('nothing is overwritten', { exact: false }).waitFor()
    await answer(0)
    await save.click()
    await page.getByText('nothing is overwritten', { exact: false }).waitFor({ state: 'detached' })
    await page.keyboard.press('Control+1')
  })

  test('survives the sleep of the computer, because the gateway is asked', async () => {
    await running.app.evaluate(({ powerMonitor }) => {
      powerMonitor.emit('suspend')
      powerMonitor.emit('resume')
    })
    await page.keyboard.press('Control+2')
    await page
      .getByRole('button', { name: /INFORMATIONAL response\s*, from the gateway/ })
      .first()
      .waitFor()
    await page.keyboard.press('Control+1')
    await headline('Connected')
  })

  test('the tray shows it and ends it', async () => {
    await expect.poll(() => tray()).toContain('Disconnect Demo')
    expect((await tray())[0]).toBe('Demo: Connected')
    await tray('Disconnect Demo')
    await headline('Not connected')
    await expect.poll(() => tray()).toContain('Connect Demo')
    await page.getByRole('cell', { name: 'you', exact: true }).waitFor()
  })

  test('the tray begins it, and the keyboard ends it', async () => {
    await tray('Connect Demo')
    await headline('Connected')
    await page.keyboard.press('Control+Enter')
    // Traffic of the last seconds would be asked about.
    const sure = page.getByRole('button', { name: 'Disconnect anyway' })
    await page
      .getByRole('heading', { level: 2, name: /^(Not connected|Disconnecting)$/ })
      .or(sure)
      .first()
      .waitFor()
    if (await sure.isVisible()) await sure.click()
    await headline('Not connected')
  })
})

describe('a real keyring', () => {
  const stored = (name = 'psk') => {
    try {
      return desktop.ask('secret-tool', ['lookup', 'service', 'Culvert', 'username', `office/${name}`])
    } catch {
      return undefined
    }
  }

  test('a key typed into the editor is in the keyring and nowhere on disk', async () => {
    await page.keyboard.press('Control+n')
    await page.getByLabel('Gateway', { exact: true }).fill('192.0.2.1')
    await page.getByLabel('Your ID').fill('alice@example.org')
    await page.getByLabel('Pre-shared key', { exact: true }).last().fill('correct horse battery')
    await page.getByRole('button', { name: 'Name and folder' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Office')
    await page.keyboard.press('Control+s')
    await page.getByRole('heading', { level: 1, name: 'Office' }).waitFor()
    expect(stored()).toBe('correct horse battery')
    // Everything of this person: Chromium's own folder, the keyring's and those of this run.
    const files = ['home', 'runtime'].flatMap((folder) =>
      readdirSync(join(desktop.folder, folder), { recursive: true, withFileTypes: true }).filter((one) =>
        one.isFile(),
      ),
    )
    const places = files.map(({ parentPath }) => parentPath)
    for (const folder of ['profiles', 'window', 'keyrings'])
      expect(
        places.some((place) => place.includes(`/${folder}`)),
        folder,
      ).toBe(true)
    const typed = 'correct horse battery'
    const forms = [
      Buffer.from(typed),
      Buffer.from(typed, 'utf16le'),
      Buffer.from(Buffer.from(typed).toString('base64')),
    ]
    for (const { parentPath, name } of files) {
      const octets = readFileSync(join(parentPath, name))
      expect(
        forms.some((form) => octets.includes(form)),
        name,
      ).toBe(false)
    }
    expect(running.output()).not.toContain('correct horse')
  })

  test('it is replaced, and forgotten, from the editor', async () => {
    await page.keyboard.press('Control+4')
    await page.getByText('In the keychain of this computer.').waitFor()
    await page.getByLabel('Pre-shared key', { exact: true }).last().fill('another')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(stored).toBe('another')
    await page.getByRole('button', { name: 'Forget' }).click()
    await page.getByText('Not saved: Culvert asks when you connect.').waitFor()
    expect(stored()).toBeUndefined()
  })

  test('so is a password; one that nothing asks for any more is shown, to be forgotten', async () => {
    await page.getByRole('radio', { name: 'Password', exact: true }).check()
    await page.getByLabel('User name').fill('alice')
    await page.getByLabel('Password', { exact: true }).last().fill('open sesame')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(() => stored('password')).toBe('open sesame')
    await page.getByLabel('Password', { exact: true }).last().fill('open barley')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect.poll(() => stored('password')).toBe('open barley')
    await page.getByRole('radio', { name: 'Pre-shared key', exact: true }).check()
    await page.getByText('Password: kept from an earlier way to sign in.').waitFor()
    await page.getByRole('button', { name: 'Forget' }).click()
    await page.getByText('Password: kept from an earlier').waitFor({ state: 'detached' })
    expect(stored('password')).toBeUndefined()
    await page.getByRole('button', { name: 'Discard' }).click()
  })
})

describe('quitting', () => {
  /** Answers every question of the system; tells what was asked. */
  const answer = (button: number): Promise<void> =>
    running.app.evaluate(({ dialog }, response) => {
      const asked: string[] = []
      ;(globalThis as unknown as { asked: string[] }).asked = asked
      dialog.showMessageBox = (async (_window: unknown, { message }: { message: string }) => {
        asked.push(message)
        return { response, checkboxChecked: false }
      }) as never
    }, button)
  const asked = (): Promise<readonly string[]> =>
    running.app.evaluate(() => (globalThis as unknown as { asked: string[] }).asked)

  test('asks while traffic flows, also where nobody sees the window, and whoever stays stays connected', async () => {
    await page.getByRole('button', { name: /^Demo / }).click()
    await page.keyboard.press('Control+1')
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await headline('Connected')
    await answer(0)
    await running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide())
    // Traffic goes on until somebody says so.
    const flow = page.evaluate(`(async () => {
      globalThis.flows = true
      while (globalThis.flows) await window.culvert.session.tryOut({ profile: 'demo' })
    })()`)
    await running.app.evaluate(({ app }) => app.quit())
    await expect.poll(asked, { timeout: 20_000 }).toEqual(['Disconnect Demo and quit?'])
    await page.evaluate('globalThis.flows = false')
    await flow
    await headline('Connected')
  })

  test('ends an idle tunnel without asking', async () => {
    await running.app.evaluate(({ BrowserWindow, dialog }) => {
      BrowserWindow.getAllWindows()[0]?.show()
      dialog.showMessageBox = (() => Promise.reject(new Error('nobody should be asked'))) as never
    })
    // Traffic of a moment ago is traffic now.
    await expect
      .poll(() => page.locator('.figs').innerText(), { timeout: 20_000, interval: 500 })
      .toMatch(/0 B\/s[\s\S]*0 B\/s/)
    await new Promise((later) => setTimeout(later, 6000))
    await desktop.quit()
  })
})
