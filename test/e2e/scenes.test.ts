import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Desktop, USER } from './desktop.ts'
import { SCENES } from './scenes.ts'
import { ScriptedCulvert } from './scripted-culvert.ts'

/** Set by `npm run shots`: a picture of every scene goes there. */
const SHOTS = process.env.CULVERT_SHOTS

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

let desktop: Desktop
let culvert: ScriptedCulvert
let page: Page

beforeAll(async () => {
  desktop = await Desktop.open()
  culvert = new ScriptedCulvert()
  await culvert.serve(desktop.home, USER)
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

  test.each(SCENES.map((scene) => [scene.name, scene] as const))('%s', async (name, { go }) => {
    await go(page, culvert)
    // The newest snapshot is drawn a moment later.
    await page.waitForTimeout(150)
    if (SHOTS !== undefined) {
      mkdirSync(SHOTS, { recursive: true })
      await page.screenshot({ path: join(SHOTS, `${name}.${theme}.png`) })
    } else {
      expect(await violations(theme)).toEqual([])
    }
    // At most one filled button, so that it is plain what to do.
    expect(await page.locator('.btn.primary:visible').count()).toBeLessThanOrEqual(1)
  })
})

test('forced colours: nothing that can be done or read is lost', async () => {
  await page.emulateMedia({ forcedColors: 'active' })
  culvert.say()
  await page.getByRole('button', { name: 'Connect', exact: true }).waitFor()
  await page.emulateMedia({ forcedColors: 'none' })
})
