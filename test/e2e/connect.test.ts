import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Lab, type LabEnv, run, setting } from '../interop/lab.ts'

const SCENARIO = 'ikev2-psk'
const PREFIX = `win${process.pid}`

/**
 * The app has to live in the namespace of the gateway's client, and what drives it has to be where it is. So the tests
 * themselves stand in `inside/` and run there.
 */
describe.runIf(process.getuid?.() === 0 && process.platform === 'linux')('with a real gateway', () => {
  const lab = new Lab(resolve('.'), SCENARIO, PREFIX)
  let env: LabEnv

  beforeAll(async () => {
    env = await lab.up(true)
  }, 120_000)
  afterAll(() => lab.down(), 60_000)

  test('the app connects by a click, shows it, says what is wrong, and leaves nothing behind', async () => {
    const vitest = [
      process.execPath,
      resolve('node_modules/vitest/vitest.mjs'),
      'run',
      '--project',
      'window inside',
    ]
    const { code, stdout, stderr } = await run(
      'ip',
      ['netns', 'exec', setting(env, 'LAB_NS_CLIENT'), ...vitest],
      {
        env: { ...process.env, CULVERT_SCENARIO: SCENARIO, LAB_PREFIX: PREFIX },
      },
    )
    expect(code, `${stdout}\n${stderr}`).toBe(0)
  }, 180_000)
})
