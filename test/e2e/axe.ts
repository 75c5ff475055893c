import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** What axe finds on the page as it is: a sentence for each, none when all is well. */
export async function faultsIn(page: Page): Promise<readonly string[]> {
  await page.evaluate(`window.axe === undefined ? (() => { ${axe.source} })() : undefined`)
  const found = (await page.evaluate(
    `window.axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)`,
  )) as readonly axe.Result[]
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
}
