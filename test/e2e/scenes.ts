import type { Page } from 'playwright-core'
import type { PromptSnapshot, TunnelSnapshot } from '../../core/contract/snapshot.ts'
import { TUNNEL } from '../support/snapshots.ts'
import { drop } from './drop.ts'
import { INSPECTOR_SCENES } from './inspector-scenes.ts'
import { LESSON_SCENES } from './lesson-scenes.ts'
import { QUIET, type Scene, tab } from './scene.ts'
import { PROFILES, type ScriptedCulvert } from './scripted-culvert.ts'

const FAULT = {
  kind: 'gatewayIdMismatch',
  title: 'This is not the gateway you named',
  detail:
    'You asked for vpn.lindqvist.example; it says it is gw2.lindqvist.example. Nothing of yours was sent.',
  tryThis: [
    'Use gw2.lindqvist.example as the remote ID, if your administrator confirms it',
    'Send this message to the administrator of the gateway',
  ],
}
const SILENT = {
  kind: 'noAnswer',
  title: 'The gateway fell silent',
  detail: 'It answered before, but not INFORMATIONAL, sent 5 times.',
  tryThis: ['Check that this computer is online', 'Try another network'],
}

const STEPS = TUNNEL.steps.map((step, at) =>
  at < 3
    ? step
    : at === 3
      ? { ...step, state: 'now' as const, tookMs: undefined, sinceMs: Date.now() - 7000 }
      : { ...step, state: 'todo' as const, tookMs: undefined, sinceMs: undefined },
)

/** What the steps are called where nobody answered IKEv2, and a name and a password are asked for. */
const CALLED = {
  find: [],
  prepare: [],
  agree: ['IKE_SA_INIT', 'Main mode'],
  prove: ['Main mode', 'XAuth'],
  open: ['Mode Config', 'Quick mode'],
} as const
const STEPS_V1 = STEPS.map((step) => ({ ...step, exchanges: CALLED[step.what] }))

const BY_CERTIFICATE = {
  remoteAuthentication: 'certificate, ECDSA with SHA2-256',
  certificate: 'CN=vpn.lindqvist.example, from CN=Lindqvist CA, until 7 Jan 2028',
}
const BOTH = { localAuthentication: 'certificate, then EAP-MSCHAPv2' }
const IKEV1 = {
  version: 'IKEv1 main mode, for the gateway answers nothing to IKEv2',
  suite: ['ENCR_AES_CBC_256', 'PRF_HMAC_SHA2_256', 'MODP_2048'],
  localIdentity: 'keyid:harbour',
  localAuthentication: 'pre-shared key, XAuth',
  remoteAuthentication: 'pre-shared key',
}

export const PROMPT: PromptSnapshot = {
  id: 1,
  profile: 'marine',
  kind: 'code',
  fields: ['code'],
  canSave: false,
  identity: 'ingrid@lindqvist.example',
  message: 'Enter the 6-digit code from your authenticator app.',
  untilMs: Date.now() + 3_600_000,
  certificate: undefined,
}

const OFFICE = {
  name: 'Lindqvist office',
  gateway: { host: 'vpn2.lindqvist.example' },
  localId: 'ingrid@lindqvist.example',
  auth: { method: 'psk' },
  remoteSubnets: ['10.20.0.0/16'],
  mtu: 1380,
  splitTunnel: true,
  notes: 'for the harbour',
}

/** The connection asks something while it is made. */
const ask = (name: string, question: Partial<PromptSnapshot>): Scene => ({
  name,
  go: async (page, culvert) => {
    culvert.prompts([])
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    culvert.prompts([{ ...PROMPT, id: 100 + name.length, ...question }])
    await page.getByRole('dialog').waitFor()
  },
})

/** Status with every figure, or in plain words. */
async function details(page: Page, on: boolean): Promise<void> {
  const turn = page.getByRole('switch', { name: 'Details' })
  if ((await turn.getAttribute('aria-checked')) !== String(on)) await turn.click()
}

/** A section of the editor, whatever an earlier scene left. */
async function open(page: Page, title: string): Promise<void> {
  const head = page.locator('.adv-h', { hasText: title })
  if ((await head.getAttribute('aria-expanded')) === 'false') await head.click()
}

async function speak(page: Page, version: string): Promise<void> {
  await open(page, 'Phase 1')
  await page.getByRole('radio', { name: version, exact: true }).check()
}

/** A minute of traffic, told faster than it would pass. */
async function flow(page: Page, culvert: ScriptedCulvert): Promise<void> {
  let [inBytes, outBytes] = [TUNNEL.phase2[0]?.traffic.inBytes ?? 0, TUNNEL.phase2[0]?.traffic.outBytes ?? 0]
  for (let second = 0; second < 60; second += 1) {
    inBytes += 1e6 * (3.2 + 1.4 * Math.sin(second / 7) + 0.5 * Math.sin(second / 2.3))
    outBytes += 1e6 * (0.5 + 0.2 * Math.sin(second / 5))
    await page.evaluate('Date.now = ((before) => () => before() + 1000)(Date.now)')
    const phase2 = TUNNEL.phase2.map((child) => ({
      ...child,
      traffic: { ...child.traffic, inBytes, outBytes },
    }))
    culvert.say({ ...TUNNEL, phase2 })
    await page.waitForTimeout(70)
  }
}

const status = tab('1')

/** States whose picture `docs/` has. */
const IN_DOCS = ['idle', 'phase1', 'error']

/** Status with one tunnel as it is said here. */
const state = (name: string, ...said: readonly TunnelSnapshot[]): Scene => ({
  name,
  ...(IN_DOCS.includes(name) ? { docs: true } : {}),
  go: async (page, culvert) => {
    culvert.prompts([])
    culvert.profiles(PROFILES)
    culvert.say(...said)
    await status(page)
  },
})

/** All views and states. Those that need files of the home, or a mouse, stand in their own tests. */
export const SCENES: readonly Scene[] = [
  state('idle'),
  state('phase1', {
    ...TUNNEL,
    ...QUIET,
    state: 'phase1',
    steps: STEPS,
    step: 'waiting for the answer to IKE_AUTH',
  }),
  state('phase1-ikev1', {
    ...TUNNEL,
    ...QUIET,
    state: 'phase1',
    steps: STEPS_V1,
    step: 'waiting for the answer to XAuth',
  }),
  state('phase2', { ...TUNNEL, phase2: [], network: undefined, state: 'phase2', step: 'opening the tunnel' }),
  state('connected', TUNNEL),
  {
    name: 'connected-details',
    go: async (page, culvert) => {
      culvert.say(TUNNEL)
      await status(page)
      await details(page, true)
    },
  },
  {
    name: 'connected-eap',
    go: async (page, culvert) => {
      culvert.say({ ...TUNNEL, phase1: { ...TUNNEL.phase1!, ...BY_CERTIFICATE, ...BOTH } })
      await page.getByText('certificate, then EAP-MSCHAPv2', { exact: false }).waitFor()
    },
  },
  {
    name: 'connected-ikev1',
    go: async (page, culvert) => {
      culvert.say({ ...TUNNEL, phase1: { ...TUNNEL.phase1!, ...IKEV1 } })
      await page.getByText('Cookies').waitFor()
    },
  },
  {
    name: 'connected-plain',
    go: (page) => details(page, false),
  },
  {
    name: 'flowing',
    picture: true,
    docs: true,
    go: async (page, culvert) => {
      await details(page, true)
      await flow(page, culvert)
    },
  },
  state('reconnecting', {
    ...TUNNEL,
    ...QUIET,
    state: 'reconnecting',
    error: SILENT,
    retryAtMs: Date.now() + 3_000_000,
  }),
  state('blocked', {
    ...TUNNEL,
    ...QUIET,
    state: 'reconnecting',
    error: SILENT,
    held: ['10.20.0.0/16', '10.44.8.0/22'],
    retryAtMs: Date.now() + 3_000_000,
  }),
  state('blocked-crash', { ...TUNNEL, ...QUIET, state: 'blocked', held: ['0.0.0.0/0', '::/0'] }),
  state('waiting', { ...TUNNEL, phase1: undefined, phase2: [], state: 'waiting' }),
  state('disconnecting', { ...TUNNEL, state: 'disconnecting' }),
  state('error', { ...TUNNEL, phase2: [], network: undefined, state: 'failed', error: FAULT }),
  {
    name: 'prompt',
    go: async (page, culvert) => {
      culvert.say({ ...TUNNEL, ...QUIET, state: 'phase1', steps: STEPS })
      await status(page)
      culvert.prompts([PROMPT])
      await page.getByRole('dialog').waitFor()
    },
  },
  ask('prompt-password', {
    kind: 'secret',
    fields: ['password'],
    canSave: true,
    message: undefined,
    untilMs: undefined,
  }),
  ask('prompt-new-pin', { kind: 'newPin', fields: ['newPin'], message: 'Your PIN has expired.' }),
  ask('prompt-certificate', {
    kind: 'certificate',
    fields: [],
    message: undefined,
    untilMs: undefined,
    certificate: {
      subject: 'CN=vpn.lindqvist.example',
      issuer: 'O=Lindqvist, CN=Lindqvist CA',
      validFromMs: Date.UTC(2026, 0, 7),
      validUntilMs: Date.UTC(2028, 0, 7),
      fingerprint: '5d41f0b2a98c'.repeat(5).slice(0, 64),
      problem: 'its authority is not one this computer trusts',
    },
  }),
  ...INSPECTOR_SCENES,
  ...LESSON_SCENES,
  { name: 'checks', go: tab('3') },
  {
    name: 'checks-done',
    docs: true,
    go: async (page) => {
      await tab('3')(page)
      await page
        .getByRole('button', { name: 'Run', exact: true })
        .or(page.getByRole('button', { name: 'Run again' }))
        .click()
      await page.getByRole('button', { name: 'Run again' }).waitFor({ timeout: 30_000 })
    },
  },
  {
    name: 'edit-new',
    go: async (page) => {
      await page.keyboard.press('Control+n')
      await page.getByLabel('Gateway', { exact: true }).fill('vpn.lindqvist.example')
      await page.getByRole('radio', { name: 'Pre-shared key', exact: true }).check()
      await open(page, 'Phase 1')
      await open(page, 'Networks')
    },
  },
  {
    name: 'edit-phase1',
    go: async (page) => {
      await page.keyboard.press('Control+n')
      await speak(page, 'IKEv2')
      // Nobody answers at an address for documents. RFC 5737
      await page.getByLabel('Gateway', { exact: true }).fill('192.0.2.1')
      await page.getByLabel('Suites by name, phase 1').selectOption('Legacy: gateways of twenty years, weak')
      await page.getByLabel('Port of the gateway for TCP').fill('443')
      await page.getByRole('checkbox', { name: /^Take up an interrupted connection/ }).waitFor()
      await page.getByRole('button', { name: 'Probe' }).click()
      // It asks for a minute, or not at all where there is no way to there.
      await page
        .getByRole('group', { name: 'What the gateway accepts' })
        .getByRole('button', { name: /^(Cancel|Probe)$/ })
        .scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'edit-probed',
    go: async (page) => {
      // Who goes elsewhere calls off what was asked.
      await page.keyboard.press('Control+,')
      await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor()
      await page.keyboard.press('Control+n')
      await open(page, 'Phase 1')
      const probe = page.getByRole('group', { name: 'What the gateway accepts' })
      await page.getByLabel('Gateway', { exact: true }).fill('127.0.0.1')
      await probe.getByRole('button', { name: 'Probe' }).click()
      await probe.getByText('Nobody answered there', { exact: false }).waitFor({ timeout: 40_000 })
    },
  },
  {
    name: 'edit-password',
    docs: true,
    go: async (page) => {
      await page.keyboard.press('Control+n')
      await page.getByLabel('Gateway', { exact: true }).fill('vpn.lindqvist.example')
      await speak(page, 'IKEv2')
      await page.getByRole('radio', { name: 'Password', exact: true }).check()
      await page.getByLabel('User name').fill('ingrid.solberg')
      await open(page, 'Sign-in')
      await page.getByRole('checkbox', { name: /^PEAP/ }).check()
    },
  },
  {
    name: 'edit-password-server',
    go: async (page) => {
      await page.getByRole('checkbox', { name: /^TTLS/ }).check()
      await page.getByRole('checkbox', { name: /^Another server/ }).check()
      await page.getByLabel('That server must be').fill('radius.lindqvist.example')
      await page.getByLabel('That server must be').scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'edit-weak',
    go: async (page) => {
      await page.keyboard.press('Control+n')
      await page.getByRole('radio', { name: 'Pre-shared key', exact: true }).check()
      await speak(page, 'IKEv1')
      await page.getByLabel('Proposals, in order').fill('des-md5-modp768\naes128-sha1-modp1024')
      const sentence = page.getByRole('complementary').getByText('DES is weak')
      await sentence.waitFor()
      await sentence.scrollIntoViewIfNeeded()
      // Brings it into view, also where what was typed is just being looked at once more and its row is made anew.
      await page.getByRole('button', { name: 'Switch it on' }).last().click({ trial: true })
    },
  },
  {
    name: 'edit-ikev1',
    docs: true,
    go: async (page) => {
      await page.keyboard.press('Control+n')
      await page.getByRole('radio', { name: 'Pre-shared key', exact: true }).check()
      await speak(page, 'IKEv1')
      await page.getByLabel(/^Your ID/).fill('keyid:harbour')
      await page.getByRole('radio', { name: 'Aggressive', exact: true }).check()
      await page.getByRole('checkbox', { name: /^The gateway asks for a name/ }).check()
      await page.getByLabel('User name').fill('ingrid')
      await page.getByRole('complementary').getByText('Aggressive mode with a key is weak').waitFor()
      await page.getByRole('group', { name: 'Exchange of IKEv1' }).scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'edit-mend',
    go: async (page) => {
      await page.keyboard.press('Control+n')
      await page.getByLabel('Gateway', { exact: true }).fill('not a host')
      await page.keyboard.press('Control+s')
      await page.getByText('Not saved. Mend this first:').waitFor()
      await page.getByText('Not saved. Mend this first:').scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'edit-certificate',
    docs: true,
    go: async (page) => {
      await page.keyboard.press('Control+n')
      await page.getByLabel('Gateway', { exact: true }).fill('vpn.lindqvist.example')
      await speak(page, 'IKEv2')
      await page.getByRole('radio', { name: 'Certificate', exact: true }).check()
      await page.locator('#own-files').setInputFiles('test/cert/data/ecdsa-aes.p12')
      await page.getByLabel('Passphrase').fill('culvert')
      await page.keyboard.press('Enter')
      await page.getByText('Made out to').waitFor()
      await open(page, 'Identity')
      await page.getByText('Authorities its certificate may come from').waitFor()
    },
  },
  {
    name: 'import',
    go: async (page) => {
      await page.getByRole('button', { name: 'Import a file' }).first().click()
    },
  },
  {
    name: 'import-report',
    docs: true,
    go: async (page) => {
      await drop(page, [{ name: 'office.json', text: JSON.stringify(OFFICE) }])
      await page.getByText('This adds Lindqvist office').waitFor()
    },
  },
  { name: 'settings', go: async (page) => page.keyboard.press('Control+,') },
  {
    name: 'folded',
    go: async (page, culvert) => {
      culvert.say(TUNNEL)
      await status(page)
      await page.keyboard.press('Control+\\')
    },
  },
  {
    name: 'compact-connected',
    docs: true,
    go: async (page) => {
      await page.keyboard.press('Control+\\')
      await page.keyboard.press('Control+m')
      await page.getByRole('combobox').waitFor()
    },
  },
  {
    name: 'compact-idle',
    go: async (page, culvert) => {
      culvert.say()
      await page.getByRole('heading', { name: 'Not connected' }).waitFor()
    },
  },
  {
    name: 'compact-left',
    go: async (page) => {
      await page.keyboard.press('Control+m')
      await page.getByRole('navigation', { name: 'Connections' }).waitFor()
    },
  },
  {
    name: 'first-run',
    docs: true,
    go: async (page, culvert) => {
      culvert.profiles([])
      await page.getByRole('button', { name: 'Start the demo' }).waitFor()
    },
  },
]
