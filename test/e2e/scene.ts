import type { Page } from 'playwright-core'
import type { ScriptedCulvert } from './scripted-culvert.ts'

/** A view or state of the window, and how to get there from any other. */
export interface Scene {
  readonly name: string
  /** It takes its time and shows nothing else that could be wrong: for pictures alone. */
  readonly picture?: true
  /** `docs/` has this picture. */
  readonly docs?: true
  go(page: Page, culvert: ScriptedCulvert): Promise<void>
}

/** Nothing stands. */
export const QUIET = { phase1: undefined, phase2: [], network: undefined }

/** A tab of the connection that most scenes are about, by its key. */
export const tab = (key: string) => async (page: Page) => {
  await page
    .getByRole('button', { name: /^Lindqvist Marine/ })
    .first()
    .click()
  await page.keyboard.press(`Control+${key}`)
}
