import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ProfileStore } from '../../core/profile/store.ts'
import { profileOf } from '../manager/world.ts'
import { Desktop, USER } from './desktop.ts'
import { SCENES } from './scenes.ts'
import { PROFILES, ScriptedCulvert } from './scripted-culvert.ts'

/** Set by `npm run shots`: a picture of every scene goes there, or of those that `docs/` has. */
const SHOTS = process.env.CULVERT_SHOTS
const FOR_DOCS = process.env.CULVERT_SHOTS_FOR_DOCS === 'true'
const SEEN = SCENES.filter(({ picture }) => SHOTS !== undefined || picture !== true)

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

let desktop: Desktop
let culvert: ScriptedCulvert
let page: Page

beforeAll(async () => {
  desktop = await Desktop.open()
  // What the checks look at, and Edit shows.
  const stored = profileOf('Marine', { name: 'Lindqvist Marine', gateway: { host: '203.0.113.40' } })
  await new ProfileStore(desktop.home).save(stored)
  for (const name of ['profiles', join('profiles', `${stored.id}.json`)])
    desktop.give(join(desktop.home, name))
  culvert = new ScriptedCulvert()
  await culvert.serve(desktop.home, USER)
  // A hostile name is for the tests; a picture shows what people have.
  if (SHOTS !== undefined)
    culvert.profiles(
      PROFILES.map((one) => (one.id === 'harbour' ? { ...one, name: 'Harbour Authority' } : one)),
    )
  ;({ page } = await desktop.launch())
  await page.getByRole('navigation', { name: 'Connections' }).waitFor()
  await page.emulateMedia({ reducedMotion: 'reduce' })
})
afterAll(async () => {
  await desktop.close()
  await culvert.close()
})

/** What axe finds on the page as it is: contrast, names, roles, order. The dark window differs in colours alone. */
async function violations(theme: 'light' | 'dark'): Promise<readonly string[]> {
  const rules = theme === 'light' ? '' : ', runOnly: ["color-contrast"]'
  await page.evaluate(`window.axe === undefined ? (() => { ${axe.source} })() : undefined`)
  const found = (await page.evaluate(
    `window.axe.run(document, { resultTypes: ["violations"]${rules} }).then(({ violations }) => violations)`,
  )) as readonly Violation[]
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
  )
}

describe.each(['light', 'dark'] as const)('every view and state, %s', (theme) => {
  test('the theme', async () => {
    await page.evaluate(`window.culvert.app.change({ theme: '${theme}' })`)
    await expect.poll(() => page.evaluate('document.documentElement.dataset.theme')).toBe(theme)
  })

  test.each(SEEN.map((scene) => [scene.name, scene] as const))('%s', async (name, { go, docs }) => {
    await page.mouse.move(600, 2)
    await go(page, culvert)
    // The newest snapshot is drawn a moment later.
    await page.waitForTimeout(150)
    if (SHOTS !== undefined) {
      if (FOR_DOCS && docs !== true) return
      mkdirSync(SHOTS, { recursive: true })
      await page.screenshot({ path: join(SHOTS, `${name}.${theme}.png`) })
    } else {
      expect(await violations(theme)).toEqual([])
    }
    // At most one filled button, so that it is plain what to do.
    expect(await page.locator('.btn.primary:visible').count()).toBeLessThanOrEqual(1)
  })
})

/** What can be seen of the page in forced colours: how far text and strokes stand out from what is behind them. */
const FAINT = `(() => {
  const canvas = document.createElement('div')
  canvas.style.cssText = 'background: Canvas; color: CanvasText'
  document.body.append(canvas)
  const { backgroundColor } = getComputedStyle(canvas)
  canvas.remove()
  const parts = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number)
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((part) => (part / 255 <= 0.03928 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const contrast = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y)
    return (high + 0.05) / (low + 0.05)
  }
  const behind = (node) => {
    for (let at = node; at !== null; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor
      if (parts(colour)[3] !== 0) return colour
    }
    return backgroundColor
  }
  const seen = (node) => node.getClientRects().length > 0
  const faint = []
  for (const node of document.querySelectorAll('button, input, select, textarea, h1, h2, h3, p, dt, dd, label, li, td, text')) {
    if (!seen(node) || node.disabled || node.closest('[inert]') || node.textContent.trim() === '') continue
    const style = getComputedStyle(node)
    const colour = node instanceof SVGElement ? style.fill : style.color
    if (contrast(colour, behind(node)) < 4.5) faint.push('text ' + node.textContent.trim().slice(0, 40) + ' ' + colour)
  }
  for (const node of document.querySelectorAll('.section .wall, .section .surf, .section .headwall, .section .break, .section .road, .d-ring')) {
    const { stroke } = getComputedStyle(node)
    if (stroke === 'none' || contrast(stroke, behind(node.closest('svg').parentElement)) < 3) faint.push('stroke ' + node.getAttribute('class') + ' ' + stroke)
  }
  for (const node of document.querySelectorAll('input.input, textarea, .btn')) {
    if (seen(node) && !node.classList.contains('quiet') && !node.classList.contains('icon') && parseFloat(getComputedStyle(node).borderTopWidth) < 1) faint.push('border ' + node.outerHTML.slice(0, 60))
  }
  return faint
})()`

describe.runIf(SHOTS === undefined)('forced colours: nothing that can be done or read is lost', () => {
  const NAMES = [
    'idle',
    'phase1',
    'connected-details',
    'connected-plain',
    'blocked',
    'waiting',
    'error',
    'prompt',
    'lesson-esp',
    'capture',
    'edit-new',
    'edit-phase1',
    'edit-probed',
    'edit-password',
    'edit-ikev1',
    'edit-mend',
    'settings',
  ]
  beforeAll(async () => {
    culvert.profiles(PROFILES)
    await page.emulateMedia({ forcedColors: 'active' })
  })
  afterAll(() => page.emulateMedia({ forcedColors: 'none' }))

  test.each(SCENES.filter(({ name }) => NAMES.includes(name)).map((scene) => [scene.name, scene] as const))(
    '%s',
    async (_name, { go }) => {
      await go(page, culvert)
      await page.waitForTimeout(150)
      expect(await page.evaluate(FAINT)).toEqual([])
    },
  )
})
