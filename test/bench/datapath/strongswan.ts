import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { culvertClient } from '../../interop/culvert-client.ts'
import { Lab, type LabEnv, run, setting } from '../../interop/lab.ts'
import type { Contender } from './contender.ts'
import { NAMES } from './targets.ts'

const SCENARIO = 'ikev2-alg-aes128gcm'

const pidOf = (env: LabEnv, end: 'gw' | 'cl'): number =>
  Number(readFileSync(join(dirname(dirname(setting(env, 'LAB_GW_LOG'))), end, 'pid'), 'utf8'))

/** strongSwan with libipsec at both ends. */
export function libipsec(root: string): Contender {
  return {
    name: NAMES.libipsec,
    async open() {
      const lab = new Lab(root, SCENARIO, `d${process.pid.toString(36)}`)
      const env = await lab.up(false)
      try {
        await lab.must('connect', SCENARIO)
      } catch (problem) {
        await lab.down()
        throw problem
      }
      return {
        client: setting(env, 'LAB_NS_CLIENT'),
        server: setting(env, 'LAB_NS_GATEWAY'),
        to: setting(env, 'LAB_INNER_GW4'),
        carriers: { client: pidOf(env, 'cl'), server: pidOf(env, 'gw') },
        close: () => lab.down(),
      }
    },
  }
}

/** Culvert as installed, with all it does, and a strongSwan gateway. */
export function culvertToStrongswan(root: string): Contender {
  return {
    name: NAMES.toStrongswan,
    async open() {
      const lab = new Lab(root, SCENARIO, `e${process.pid.toString(36)}`)
      const env = await lab.up(false)
      const folder = await mkdtemp(join(tmpdir(), 'culvert-bench-'))
      const { stderr } = await run(process.execPath, [
        join(root, 'build/run.mjs'),
        'core/cli/main.ts',
        '--version',
      ])
      const client = await culvertClient(join(root, 'dist/culvert.mjs'), SCENARIO, env, folder)
      const attempt = await client.connect()
      const close = async () => {
        await client.disconnect()
        await lab.down()
        await rm(folder, { recursive: true, force: true })
      }
      if (!attempt.ok) {
        await close()
        throw new Error(`no connection: ${JSON.stringify(attempt.fault.error)} ${stderr}`)
      }
      return {
        client: setting(env, 'LAB_NS_CLIENT'),
        server: setting(env, 'LAB_NS_GATEWAY'),
        to: setting(env, 'LAB_INNER_GW4'),
        carriers: { client: client.pid()!, server: pidOf(env, 'gw') },
        unlike: true,
        close,
      }
    },
  }
}
