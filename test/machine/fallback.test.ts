import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { Lab, type LabEnv, setting } from '../interop/lab.ts'
import { profileFor, secretsFor } from '../interop/profile.ts'
import { bundleCulvert } from './gateway/culvert.ts'
import { Program } from './program.ts'

beforeAll(bundleCulvert)

const folder = mkdtempSync(join(tmpdir(), 'culvert-fallback-'))
const programs: Program[] = []
let lab: Lab | undefined

afterEach(async () => {
  for (const program of programs.splice(0)) await program.end('SIGTERM')
  await lab?.down()
  rmSync(folder, { recursive: true, force: true })
})

/** A real gateway of the lab, and a table in the client's namespace that counts the packets of each IKE version. */
async function gateway(scenario: string): Promise<LabEnv> {
  lab = new Lab(resolve('.'), scenario, `fb${process.pid.toString(36)}`)
  const env = await lab.up(false)
  nft(env, 'add table inet seen')
  nft(env, 'add chain inet seen out { type filter hook output priority 0 ; }')
  // The octet of the version stands behind both SPIs; on port 4500 four octets of zeros come first. RFC 7296 §3.1, RFC 3948 §2.2
  for (const version of [1, 2]) {
    nft(env, `add rule inet seen out udp dport 500 @th,200,8 ${version * 16} counter comment "ike${version}"`)
    nft(
      env,
      `add rule inet seen out udp dport 4500 @th,64,32 0 @th,232,8 ${version * 16} counter comment "ike${version}"`,
    )
  }
  return env
}

const nft = (env: LabEnv, line: string): string =>
  execFileSync('ip', ['netns', 'exec', setting(env, 'LAB_NS_CLIENT'), 'nft', line], { encoding: 'utf8' })

const sent = (env: LabEnv, version: 1 | 2): number =>
  [...nft(env, 'list table inet seen').matchAll(/packets (\d+) bytes \d+ comment "ike(\d)"/g)]
    .filter(([, , of]) => Number(of) === version)
    .reduce((sum, [, packets]) => sum + Number(packets), 0)

/** `culvert connect` with the profile of the scenario, but for the version of IKE. */
function connect(env: LabEnv, scenario: string, host?: string): Program {
  const profile = profileFor(scenario, env)
  const home = join(folder, 'home')
  mkdirSync(join(home, 'profiles'), { recursive: true })
  const auto = {
    ...profile,
    ike: { ...profile.ike, version: 'auto' },
    ...(host === undefined ? {} : { gateway: { host } }),
  }
  writeFileSync(join(home, 'profiles', `${scenario}.json`), JSON.stringify(auto))
  const command = [process.execPath, resolve('dist/culvert.mjs'), 'connect', scenario]
  const program = new Program(
    'ip',
    ['netns', 'exec', setting(env, 'LAB_NS_CLIENT'), ...command, '--secrets-stdin', '--json'],
    { ...process.env, CULVERT_HOME: home, CULVERT_RUN_DIR: join(folder, 'run') },
  )
  programs.push(program)
  const secrets = Object.entries(secretsFor(env)).map(([name, value]) => `${name}=${value}\n`)
  program.child.stdin.end(secrets.join(''))
  return program
}

test('a gateway that has nothing but IKEv1 is reached by it, and that is said with the reason', async () => {
  const env = await gateway('ikev1-main-psk-modecfg')
  const client = connect(env, 'ikev1-main-psk-modecfg')
  const line = await client.line(/"state":"connected"/, 60_000)
  expect(line).toMatch(/"version":"IKEv1 main mode, for the gateway has no IKEv2 for us"/)
  expect(await lab!.check()).toBe('')
  expect(sent(env, 2)).toBeGreaterThan(0)
  expect(sent(env, 1)).toBeGreaterThan(0)
  expect(await client.end('SIGINT')).toBe(0)
})

test('a gateway that speaks IKEv2 is not sent a single packet of IKEv1', async () => {
  const env = await gateway('ikev2-psk')
  const client = connect(env, 'ikev2-psk')
  const line = await client.line(/"state":"connected"/, 60_000)
  expect(line).toMatch(/"version":"IKEv2"/)
  expect(await lab!.check()).toBe('')
  expect(await client.end('SIGINT')).toBe(0)
  // IKE_SA_INIT, IKE_AUTH and the farewell.
  expect(sent(env, 2)).toBeGreaterThanOrEqual(3)
  expect(sent(env, 1)).toBe(0)
})

test('a host that answers nothing fails once, and says which host', async () => {
  const env = await gateway('ikev2-psk')
  // Nothing that the gateway says arrives.
  nft(env, 'add chain inet seen in { type filter hook input priority 0 ; }')
  nft(env, 'add rule inet seen in udp sport { 500, 4500 } drop')
  const client = connect(env, 'ikev2-psk')
  expect(await client.exited).not.toBe(0)
  const faults = [...client.lines, ...client.complaints].filter((line) => line.includes('"event":"failed"'))
  expect(faults).toHaveLength(1)
  expect(faults[0]).toContain('"kind":"unreachable"')
  expect([sent(env, 2) > 0, sent(env, 1) > 0]).toEqual([true, true])
}, 150_000)
