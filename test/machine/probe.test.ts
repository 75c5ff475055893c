import { resolve } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import type { ProbeReport } from '../../core/probe/probe.ts'
import { Lab, type LabEnv, run, setting } from '../interop/lab.ts'
import { bundleCulvert } from './gateway/culvert.ts'

beforeAll(bundleCulvert)

let lab: Lab | undefined
afterEach(() => lab?.down())

async function gateway(scenario: string): Promise<LabEnv> {
  lab = new Lab(resolve('.'), scenario, `pr${process.pid.toString(36)}`)
  return lab.up(false)
}
const onClient = (env: LabEnv, ...command: readonly string[]) =>
  run('ip', ['netns', 'exec', setting(env, 'LAB_NS_CLIENT'), ...command])

async function probe(env: LabEnv): Promise<ProbeReport> {
  const program = [process.execPath, resolve('dist/culvert.mjs'), 'probe', setting(env, 'LAB_GW4'), '--json']
  const { stdout, code } = await onClient(env, ...program)
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

/** What ike-scan hears to one transform in main mode: `1=cipher,14=bits,2=hash,3=authentication,4=group`. */
async function scan(env: LabEnv, transform: string): Promise<string> {
  const { stdout } = await onClient(
    env,
    'ike-scan',
    '--sport=0',
    `--trans=(${transform})`,
    setting(env, 'LAB_GW4'),
  )
  return stdout
}

test('strongSwan in IKEv1: ike-scan sees the same of each kind of algorithm', async () => {
  const env = await gateway('ikev1-xauth-psk')
  const { ikev1, ikev2, packets } = await probe(env)
  expect(packets).toBeLessThanOrEqual(120)
  expect(ikev2.state).not.toBe('accepts')
  expect(ikev1.state).toBe('accepts')
  expect(ikev1.authentication).toContain('XAUTH_INITIATOR_PRE_SHARED_KEY')
  expect(ikev1.aggressive).toBe(false)
  const XAUTH = 65001
  const takes = async (transform: string): Promise<boolean> => {
    const said = await scan(env, transform)
    expect(said).toMatch(/Main Mode Handshake returned|NO-PROPOSAL-CHOSEN/)
    return said.includes('Main Mode Handshake returned')
  }
  for (const [name, value] of [
    ['SHA2_256', 4],
    ['SHA1', 2],
    ['MD5', 1],
  ] as const)
    expect([name, await takes(`1=7,14=256,2=${value},3=${XAUTH},4=14`)]).toEqual([
      name,
      ikev1.hash.includes(name),
    ])
  for (const [name, transform] of [
    ['AES_CBC_256', '1=7,14=256'],
    ['3DES_CBC', '1=5'],
    ['DES_CBC', '1=1'],
  ] as const)
    expect([name, await takes(`${transform},2=4,3=${XAUTH},4=14`)]).toEqual([
      name,
      ikev1.encryption.includes(name),
    ])
  // strongSwan looks at who signs in how only once it knows who that is.
  expect(await takes('1=7,14=256,2=4,3=1,4=14')).toBe(ikev1.authentication.includes('PRE_SHARED_KEY'))
}, 180_000)

test('strongSwan in IKEv2: what the lab told it to take, and it does not speak IKEv1', async () => {
  const env = await gateway('ikev2-alg-cbc-sha256')
  const { ikev1, ikev2 } = await probe(env)
  expect(setting(env, 'LAB_CLIENT_IKE_PROPOSALS')).toBe('aes128-sha256-modp2048')
  expect(ikev2).toEqual({
    state: 'accepts',
    encryption: ['ENCR_AES_CBC_128'],
    integrity: ['AUTH_HMAC_SHA2_256_128'],
    prf: ['PRF_HMAC_SHA2_256'],
    groups: ['MODP_2048'],
    cookie: false,
    says: ['NO_PROPOSAL_CHOSEN'],
  })
  expect(ikev1.state).not.toBe('accepts')
}, 120_000)
