import { resolve } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Lab, run, setting } from '../interop/lab.ts'

const PREFIX = `win${process.pid}`

/**
 * The app has to live in the namespace of the gateway's client, and what drives it has to be where it is. So the tests
 * themselves stand in `inside/` and run there.
 */
describe.runIf(process.getuid?.() === 0 && process.platform === 'linux')('with a real gateway', () => {
  let lab: Lab | undefined
  afterEach(() => lab?.down(), 60_000)

  test.each([
    ['connects by a click, shows it, says what is wrong, and leaves nothing behind', 'connect', 'ikev2-psk'],
    ['needs no mouse: a connection is made, opened, looked at and closed', 'keyboard', 'ikev2-psk'],
    ['asks for a password again that was refused', 'sign-in', 'ikev2-eap-mschapv2'],
    ['asks for a code in the middle of the negotiation', 'sign-in', 'ikev2-eap-gtc'],
    ['signs in by XAuth in IKEv1', 'sign-in', 'ikev1-xauth-psk'],
    ['holds traffic back when the gateway dies, and asks before it quits', 'kill-switch', 'ikev2-psk'],
  ])(
    'the app %s',
    async (_, file, scenario) => {
      lab = new Lab(resolve('.'), scenario, PREFIX)
      const env = await lab.up(true)
      const vitest = [
        process.execPath,
        resolve('node_modules/vitest/vitest.mjs'),
        ...['run', '--project', 'window inside', `test/e2e/inside/${file}.test.ts`],
      ]
      const { code, stdout, stderr } = await run(
        'ip',
        ['netns', 'exec', setting(env, 'LAB_NS_CLIENT'), ...vitest],
        {
          env: { ...process.env, CULVERT_SCENARIO: scenario, LAB_PREFIX: PREFIX },
        },
      )
      expect(code, `${stdout}\n${stderr}`).toBe(0)
    },
    300_000,
  )
})
