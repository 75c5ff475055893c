import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OWN_CAPTURES } from '../support/own-captures.ts'
import { pcapOf } from '../support/pcap-file.ts'
import { faultsIn } from './axe.ts'
import { Desktop, type RunningApp } from './desktop.ts'

let desktop: Desktop
let running: RunningApp
let page: Page
let folder = ''

beforeAll(async () => {
  desktop = await Desktop.open()
  folder = join(desktop.folder, 'captures')
  mkdirSync(folder)
  chmodSync(folder, 0o755)
  running = await desktop.launch()
  page = running.page
  await page.getByRole('heading', { level: 1 }).waitFor()
})
afterAll(() => desktop.close())

function put(name: string, content: Uint8Array | string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  desktop.give(path)
  return path
}

/** Drops files of this machine on the window, as a person does. */
async function dropFiles(...files: readonly string[]): Promise<void> {
  const chromium = await page.context().newCDPSession(page)
  const data = { items: [], files: [...files], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await chromium.send('Input.dispatchDragEvent', { type, x: 400, y: 300, data })
  await chromium.detach()
}

const heading = (name: string) => page.getByRole('heading', { level: 1, name }).waitFor()
const ladder = () => page.getByRole('list', { name: /^Messages/ })

describe('a capture that is dropped on the window', () => {
  test('with its table of keys: what was encrypted is open, message by message, by keyboard too', async () => {
    const { file, tables } = OWN_CAPTURES.IKEv2()
    const paths = [put('office.pcapng', file)]
    for (const [name, text] of Object.entries(tables)) paths.push(put(name, text))
    await dropFiles(...paths)
    await heading('office.pcapng')
    await page.getByText('4 messages in 4 packets, one table of keys').waitFor()
    await ladder()
      .getByRole('button', { name: /^IKE_AUTH request/ })
      .click()
    await page
      .getByRole('treeitem', { name: /^Identification – Initiator/ })
      .first()
      .waitFor()
    await page.keyboard.press('[')
    await page.getByRole('region', { name: 'IKE_SA_INIT response' }).waitFor()
    await page.getByRole('radio', { name: 'Offered and taken' }).click()
    await page.getByRole('region', { name: 'Proposal 1' }).waitFor()
    await page.getByRole('radio', { name: 'Fields' }).click()
    await page.getByRole('searchbox', { name: 'Find a field or value' }).fill('isakmp.exchangetype == 35')
    await expect.poll(() => ladder().getByRole('button').count()).toBe(2)
    await page.getByRole('searchbox', { name: 'Find a field or value' }).press('Escape')
    expect(await faultsIn(page)).toEqual([])
  })

  test('gzipped, and the keys come later', async () => {
    const { file, tables } = OWN_CAPTURES.IKEv1()
    await dropFiles(put('old.pcapng.gz', gzipSync(file)))
    await heading('old.pcapng.gz')
    await page.getByText('without keys').waitFor()
    const quick = () =>
      ladder()
        .getByRole('button', { name: /^Quick mode/ })
        .first()
    await quick().click()
    await page.getByText('there is no key for this cookie', { exact: false }).first().waitFor()
    await dropFiles(put('ikev1_decryption_table', tables.ikev1_decryption_table ?? ''))
    await page.getByText('one table of keys').waitFor()
    await quick().click()
    await page.getByRole('treeitem', { name: /^Decrypted payloads/ }).waitFor()
  })

  test.each([
    ['no capture at all', 'letter.pcap', 'Dear Sir or Madam', /it is no capture/],
    ['one that breaks off', 'cut.pcapng', OWN_CAPTURES.IKEv2().file.subarray(0, -9), /it breaks off/],
    [
      'one that cannot be unpacked',
      'bad.pcap.gz',
      gzipSync(OWN_CAPTURES.IKEv2().file).subarray(0, 150),
      /unpacked/,
    ],
  ])('%s: a sentence, and the window goes on', async (_what, name, content, words) => {
    await dropFiles(put(name, content))
    await heading(name)
    await page.getByText(words).waitFor()
    await page.keyboard.press('Control+,')
    await heading('Settings')
  })

  test('a table that is none: a sentence', async () => {
    await dropFiles(put('office.pcapng', OWN_CAPTURES.IKEv2().file), put('esp_sa', 'no, table, at all'))
    await page.getByRole('alert').getByText('3 columns are in none of the tables', { exact: false }).waitFor()
  })

  test('100 MB are read in bounded memory, and the list scrolls meanwhile', async () => {
    const packet = new Uint8Array(1_400)
    packet.set([0x45, 0, 1_400 >> 8, 1_400 & 0xff, 0, 1, 0, 0, 64, 50])
    packet.set([192, 0, 2, 1, 192, 0, 2, 2], 12)
    const packets = Array.from({ length: 75_000 }, (_, at) => {
      const one = packet.slice()
      new DataView(one.buffer).setUint32(20, 1 + (at % 40))
      new DataView(one.buffer).setUint32(24, at)
      return one
    })
    await dropFiles(put('large.pcap', pcapOf(packets)))
    await heading('large.pcap')
    await page.getByText(/^40.000 messages in 75.000 packets/).waitFor({ timeout: 120_000 })
    await page.getByText(/35.000 more went the same way/).waitFor()
    const kilobytes = await running.app.evaluate(async () => (await process.getProcessMemoryInfo()).private)
    expect(kilobytes).toBeLessThan(400_000)
  }, 180_000)

  test('of a lesson: read its page, open its capture', async () => {
    await page.getByRole('button', { name: 'Lessons' }).first().click()
    await heading('Lessons')
    await page.getByRole('button', { name: /ESP$/ }).first().click()
    await page.getByRole('heading', { level: 2, name: 'ESP', exact: true }).waitFor()
    expect(await faultsIn(page)).toEqual([])
    await page.getByRole('button', { name: 'Open the capture: ESP tunnel' }).click()
    await heading('esp-tunnel.pcapng')
    await page.getByText('4 messages in 4 packets, one table of keys').waitFor()
    await ladder().getByRole('button', { name: /^ESP/ }).first().click()
    await page.getByRole('radio', { name: 'Decrypted' }).waitFor()
    expect(await faultsIn(page)).toEqual([])
  })

  test('the page cannot name a file itself', async () => {
    const outcome = await page.evaluate(() => {
      const { culvert } = globalThis as unknown as {
        culvert: { captures: { open(argument: unknown): Promise<{ ok: boolean }> } }
      }
      return culvert.captures.open({ files: ['/etc/passwd'] })
    })
    expect(outcome.ok).toBe(false)
  })

  test('a capture the system opens with Culvert arrives in the running window', async () => {
    const path = put('from-outside.pcapng', OWN_CAPTURES.IKEv2().file)
    await desktop.launchAgain(path)
    await heading('from-outside.pcapng')
    await page.getByRole('button', { name: 'Close it' }).click()
    await page.getByRole('button', { name: 'Start the demo' }).waitFor()
  })
})
