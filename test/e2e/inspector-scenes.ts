import { expect } from 'vitest'
import { run } from '../support/eap-peers.ts'
import { recorded } from '../support/recorded.ts'
import { TUNNEL } from '../support/snapshots.ts'
import { connected as connectedV1 } from '../support/two-peers-v1.ts'
import { QUIET, type Scene, tab } from './scene.ts'

const START = Date.now() - 60_000
/** Real negotiations between two peers of ours. */
const MESSAGES = recorded(run({ methods: ['mschapv2'] }).client, START)
const REFUSED = [
  ...MESSAGES,
  ...recorded(
    run({ methods: ['md5'], server: { lookUp: () => undefined } }).client,
    START + 30_000,
    MESSAGES.length + 1,
  ),
]
const MAIN_MODE = recorded(connectedV1().client, START)

const WRONG_PASSWORD = {
  kind: 'authFailed',
  title: 'The gateway did not accept your sign-in',
  detail: 'It wants another user name or password by EAP-MSCHAPv2.',
  tryThis: ['Enter the password again', 'Ask your administrator whether it has changed'],
}

/** Each goes on from the one before. */
export const INSPECTOR_SCENES: readonly Scene[] = [
  {
    name: 'inspector',
    docs: true,
    go: async (page, culvert) => {
      culvert.prompts([])
      // The window keeps what it has seen.
      if (!culvert.messages.has('marine')) culvert.messages.set('marine', MESSAGES)
      culvert.say(TUNNEL)
      await tab('2')(page)
      await page
        .getByRole('button', { name: /^IKE_SA_INIT request/ })
        .first()
        .click()
      const fields = page.getByRole('tree', { name: 'Fields' })
      for (const name of [/^Security Association/, /^Proposal 1/, /^Transform ENCR/, /^KEY_LENGTH/]) {
        await fields.getByRole('treeitem', { name }).first().click()
        await page.keyboard.press('ArrowRight')
      }
      await page.getByRole('heading', { name: /^KEY_LENGTH/ }).waitFor()
    },
  },
  {
    name: 'inspector-agreement',
    docs: true,
    go: async (page) => {
      await page
        .getByRole('button', { name: /^IKE_SA_INIT response/ })
        .first()
        .click()
      await page.getByRole('radio', { name: 'Offered and taken' }).click()
      await page.getByRole('region', { name: 'Proposal 1' }).waitFor()
    },
  },
  {
    name: 'inspector-decrypted',
    go: async (page) => {
      await page.getByRole('radio', { name: 'Fields' }).click()
      await page
        .getByRole('button', { name: /^IKE_AUTH request/ })
        .first()
        .click()
      await page.getByRole('treeitem', { name: /^Identification – Initiator/ }).click()
      await page.getByRole('heading', { name: /^Identification – Initiator/ }).waitFor()
    },
  },
  {
    name: 'inspector-filter',
    go: async (page) => {
      await page.getByRole('searchbox', { name: 'Find a field or value' }).fill('isakmp.exchangetype == 34')
      await expect
        .poll(async () =>
          (await page.locator('.msg .nm').allInnerTexts()).filter((name) => !name.startsWith('IKE_SA_INIT')),
        )
        .toEqual([])
    },
  },
  {
    name: 'inspector-misspelt',
    go: async (page) => {
      await page.getByRole('searchbox', { name: 'Find a field or value' }).fill('isakmp.exchangetype ==')
      await page.getByText('Not understood at character', { exact: false }).waitFor()
    },
  },
  {
    name: 'inspector-why',
    docs: true,
    go: async (page, culvert) => {
      await page.getByRole('searchbox', { name: 'Find a field or value' }).press('Escape')
      culvert.messages.set('marine', REFUSED)
      culvert.say({ ...TUNNEL, ...QUIET, state: 'failed', error: WRONG_PASSWORD })
      await page.getByText('The gateway refuses here', { exact: false }).waitFor()
    },
  },
  {
    name: 'inspector-main-mode',
    go: async (page, culvert) => {
      culvert.messages.set('harbour', MAIN_MODE)
      culvert.say(TUNNEL)
      await page
        .getByRole('button', { name: /^Harbour/ })
        .first()
        .click()
      await page.keyboard.press('Control+2')
      await page
        .getByRole('button', { name: /^Main mode/ })
        .first()
        .click()
    },
  },
]
