import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { bundleCulvert } from './culvert.ts'
import { Ground, PSK } from './ground.ts'

beforeAll(bundleCulvert)

let ground: Ground
beforeEach(() => {
  ground = new Ground()
})
afterEach(() => ground.remove())

const profile = (address: string) => ({
  format: 'culvert-profile',
  version: 1,
  id: 'inside',
  name: 'Inside',
  gateway: { host: address },
  localId: 'bob@culvert.test',
  remoteId: 'gateway.culvert.test',
  auth: { method: 'psk' },
})

test("Culvert's own client at the built-in gateway: addresses, ping, pages, and both sides as they were", async () => {
  const before = [ground.state(ground.gatewaySide), ground.state(ground.clientSide)]
  const gateway = await ground.gateway()
  const profiles = join(ground.folder, `home-${ground.clientSide}`, 'profiles')
  mkdirSync(profiles, { recursive: true })
  writeFileSync(join(profiles, 'inside.json'), JSON.stringify(profile(ground.gatewayAddress)))
  const client = ground.culvert(ground.clientSide, ['connect', 'inside', '--secrets-stdin', '--json'])
  client.child.stdin.end(`psk=${PSK}\n`)
  await client.line(/"state":"connected"/)
  await gateway.line(/"event":"connected","identity":"bob@culvert.test"/)
  for (const address of ['10.77.0.1', 'fd77::1']) {
    expect(await ground.onClient('ping', '-c', '3', '-i', '0.2', '-W', '3', address)).toContain(
      ' 0% packet loss',
    )
  }
  expect(await ground.onClient('curl', '-sS', '--max-time', '10', 'http://10.77.0.1/')).toContain(
    'Hello bob@culvert.test',
  )
  expect(await client.end('SIGINT')).toBe(0)
  await gateway.line(/"event":"disconnected"/)
  expect(await gateway.end('SIGINT')).toBe(0)
  expect([ground.state(ground.gatewaySide), ground.state(ground.clientSide)]).toEqual(before)
})

test('two gateways on one machine: the second says that somebody listens there already', async () => {
  await ground.gateway()
  const second = ground.culvert(ground.gatewaySide, ['gateway'])
  expect(await second.exited).toBe(1)
  expect(second.complaints.join('\n')).toMatch(/refused a change|listens there/)
})
