import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { Lab, setting } from '../interop/lab.ts'
import { profileFor, secretsFor } from '../interop/profile.ts'
import { bundleCulvert } from './gateway/culvert.ts'
import { Program } from './program.ts'

beforeAll(bundleCulvert)

const SCENARIO = 'ikev2-psk'
const folder = mkdtempSync(join(tmpdir(), 'culvert-on-demand-'))
let program: Program | undefined
let lab: Lab | undefined

afterEach(async () => {
  await program?.end('SIGTERM')
  await lab?.down()
  rmSync(folder, { recursive: true, force: true })
})

test('a tunnel that nobody uses closes, and one single packet opens it again and is answered', async () => {
  lab = new Lab(resolve('.'), SCENARIO, `od${process.pid.toString(36)}`)
  const env = await lab.up(false)
  const home = join(folder, 'home')
  mkdirSync(join(home, 'profiles'), { recursive: true })
  const profile = { ...profileFor(SCENARIO, env), onDemand: true, idleSeconds: 2 }
  writeFileSync(join(home, 'profiles', `${SCENARIO}.json`), JSON.stringify(profile))
  const inClient = ['netns', 'exec', setting(env, 'LAB_NS_CLIENT')]
  const command = [process.execPath, resolve('dist/culvert.mjs'), 'connect', SCENARIO]
  program = new Program('ip', [...inClient, ...command, '--secrets-stdin', '--json'], {
    ...process.env,
    CULVERT_HOME: home,
    CULVERT_RUN_DIR: join(folder, 'run'),
  })
  const secrets = Object.entries(secretsFor(env)).map(([name, value]) => `${name}=${value}\n`)
  program.child.stdin.end(secrets.join(''))

  await program.line(/"state":"connected"/, 60_000)
  await program.line(/"state":"waiting"/, 60_000)
  const inside = setting(env, 'LAB_INNER4')
  const answer = execFileSync('ip', [...inClient, 'ping', '-c', '1', '-W', '20', inside], {
    encoding: 'utf8',
  })
  expect(answer).toMatch(/1 packets transmitted, 1 received/)
  expect(await program.end('SIGINT')).toBe(0)
}, 200_000)
