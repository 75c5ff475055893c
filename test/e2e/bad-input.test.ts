import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { contract } from '../../core/contract/contract.ts'
import { Desktop, type RunningApp } from './desktop.ts'
import { drop } from './drop.ts'

let desktop: Desktop
let running: RunningApp
let page: Page

beforeAll(async () => {
  desktop = await Desktop.open()
  running = await desktop.launch()
  page = running.page
  await page.getByRole('main').waitFor()
  await running.app.evaluate(() => {
    const seen = globalThis as unknown as { thrown: string[] }
    seen.thrown = []
    for (const event of ['uncaughtExceptionMonitor', 'unhandledRejection'] as const)
      process.on(event, (thrown: unknown) => void seen.thrown.push(`${event}: ${String(thrown)}`))
  })
  page.on('pageerror', (error) => pageErrors.push(String(error)))
})
afterAll(() => desktop.close())

const pageErrors: string[] = []
const thrown = () => running.app.evaluate(() => (globalThis as unknown as { thrown: string[] }).thrown)
beforeEach(() => void pageErrors.splice(0))

/** The window answers to a key, and nobody has thrown. */
async function goesOn(): Promise<void> {
  await page.keyboard.press('Control+,')
  await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor()
  expect(pageErrors).toEqual([])
  expect(await thrown()).toEqual([])
}

const office = { gateway: { host: 'vpn.example.org' }, localId: 'alice@example.org', auth: { method: 'psk' } }

describe('a page that sends rubbish', () => {
  const calls = Object.entries(contract).flatMap(([area, rows]) =>
    Object.entries(rows)
      .filter(([, row]) => row.kind === 'call')
      .map(([name]) => [area, name] as const),
  )
  /** As source: what a page can say and JSON cannot. */
  const RUBBISH = [
    ...['null', '0', '-1', 'NaN', '"x"', 'true', '[]', '[[]]', '{ more: 1 }', 'new Date(0)', 'new Map()'],
    ...['10n', 'new Uint8Array(9)', '{ profile: {} }', '{ profile: "" }', '{ id: 1.5, values: 7 }'],
    ...['{ token: -1 }', '{ files: [] }', '{ files: [{ name: "a", bytes: "b" }] }', '{ document: 7 }'],
    ...['{ theme: "loud" }', '{ on: 1 }', '{ after: Infinity }', '{ key: "x" }', '{ hide: "yes" }'],
    '{ document: (() => { const it = {}; it.it = it; return it })() }',
    '{ profile: "a", secrets: { __proto__: 1, "not a name": "x" } }',
    '{ profile: "x".repeat(1 << 20) }',
  ]

  test.each(calls)('%s.%s refuses every kind of it as a value', async (area, name) => {
    const outcomes = (await page.evaluate(`(async () => {
      const outcomes = []
      for (const make of [${RUBBISH.map((one) => `() => (${one})`).join(', ')}]) {
        outcomes.push(await window.culvert.${area}.${name}(make()).catch((error) => ({ thrown: String(error) })))
      }
      return outcomes
    })()`)) as readonly { ok?: boolean; error?: { kind: string; title: string }; thrown?: string }[]
    expect(outcomes).toHaveLength(RUBBISH.length)
    for (const [at, outcome] of outcomes.entries()) {
      // A few say something to the one or other call: no connection, no question, no file of that name.
      if (outcome.ok === true) continue
      expect(outcome.thrown, RUBBISH[at]).toBeUndefined()
      expect(outcome.error?.kind, RUBBISH[at]).toMatch(/^\w+$/)
      expect(outcome.error?.title, RUBBISH[at]).not.toBe('')
    }
    expect(outcomes.filter(({ ok }) => ok === false).length).toBeGreaterThan(RUBBISH.length - 5)
    expect(await thrown()).toEqual([])
  })

  test('and the window goes on', goesOn)
})

describe('names of any kind', () => {
  const NAMES = [
    ['turned', 'Office \u202egnp.exe'],
    ['from the right', 'مكتب שלום Office'],
    ['emoji of many parts', '👩🏽‍💻 🏴󠁧󠁢󠁳󠁣󠁴󠁿 👨‍👩‍👧‍👦'],
    ['zero width', 'Off\u200bice\u200d\ufeff'],
    ['stacked marks', `O${'\u0336\u0489\u0300'.repeat(20)}ffice`],
    ['one long word', 'W'.repeat(80)],
    ['markup', '<img src=x onerror="document.title=1">&amp;'],
    ['half a pair', 'Half \ud83d'],
  ] as const

  test.each(NAMES)('%s: kept as it is, and nothing around it moves', async (_, name) => {
    await drop(page, [{ name: `${name.slice(0, 20)}.json`, text: JSON.stringify({ ...office, name }) }])
    await page.getByRole('button', { name: /^(Add|Keep both)$/ }).click()
    await page.getByRole('button', { name: 'Open', exact: true }).click()
    await page.getByText('Your traffic goes out as usual.', { exact: false }).first().waitFor()
    const measured = (await page.evaluate(`(() => {
      const box = (selector) => [...document.querySelectorAll(selector)].map((node) => node.getBoundingClientRect())
      const words = document.querySelector('h2.display + p')
      const range = document.createRange()
      const text = words.firstChild
      const at = (piece) => {
        range.setStart(text, text.data.indexOf(piece))
        range.setEnd(text, text.data.indexOf(piece) + piece.length)
        return range.getBoundingClientRect().left
      }
      return {
        wide: document.documentElement.scrollWidth - innerWidth,
        rows: box('.conn').map(({ right, height }) => [right, height]),
        head: box('h1')[0].height,
        order: text.data.length > 110 || at('Nothing') < at('Your traffic'),
      }
    })()`)) as { wide: number; rows: [number, number][]; head: number; order: boolean }
    expect(measured.wide).toBeLessThanOrEqual(0)
    expect(measured.order).toBe(true)
    for (const [right, height] of measured.rows) {
      expect(right).toBeLessThanOrEqual(236)
      expect(height).toBeLessThanOrEqual(52)
    }
    expect(measured.head).toBeLessThanOrEqual(52)
    const files = readdirSync(join(desktop.home, 'profiles')).filter((one) => one.endsWith('.json'))
    const names = files.map(
      (one) => JSON.parse(readFileSync(join(desktop.home, 'profiles', one), 'utf8')).name,
    )
    // The second of a name has its number behind it.
    expect(names.some((one: string) => one.startsWith(name.trim()))).toBe(true)
    await goesOn()
  })

  test('200 characters are too many, and it says so at its field', async () => {
    await page.keyboard.press('Control+n')
    await page.getByLabel('Gateway', { exact: true }).fill('vpn.example.org')
    await page.getByLabel('Your ID').fill('alice@example.org')
    await page.getByRole('button', { name: 'Name and folder' }).click()
    await page.getByLabel('Name', { exact: true }).fill('港'.repeat(200))
    await page.keyboard.press('Control+s')
    await page.getByText(/^Name: it is too long/).waitFor()
    await goesOn()
  })
})

describe('files of any kind', () => {
  test('100 MB are not even read', async () => {
    const transfer = await page.evaluateHandle(`(() => {
      const made = new DataTransfer()
      made.items.add(new File([new Uint8Array(100 << 20)], 'large.mobileconfig'))
      return made
    })()`)
    await page.dispatchEvent('body', 'drop', { dataTransfer: transfer })
    await page.getByRole('alert').getByText('It was not read', { exact: false }).waitFor()
    await goesOn()
  })

  test('whatever is in them, each gets a sentence', async () => {
    const noise = (length: number, seed: number): string =>
      Buffer.from(Array.from({ length }, (_, at) => (at * 167 + seed * 89 + (at >> 3)) % 256)).toString(
        'base64',
      )
    const endings = [
      'json',
      'p12',
      'mobileconfig',
      'conf',
      'pcf',
      'xml',
      'onc',
      'zip',
      'ps1',
      'sswan',
      'pbk',
      '',
    ]
    const files = endings.flatMap((ending, at) => [
      { name: `noise-${at}.${ending}`, base64: noise(400 + 31 * at, at) },
      { name: `empty-${at}.${ending}`, text: '' },
      { name: `half-${at}.${ending}`, text: '{"name": "Off' },
      { name: `deep-${at}.${ending}`, text: '['.repeat(20_000) },
    ])
    for (const file of files.filter((_, at) => at % 3 === 0)) {
      await drop(page, [file])
      await page
        .getByRole('alert')
        .or(page.getByText(/cannot be used|no profile|not a profile/))
        .first()
        .waitFor()
    }
    await drop(page, files)
    await page
      .getByText(/cannot be used|No connection|no profile/)
      .first()
      .waitFor()
    await goesOn()
  })
})
