import { expect, test } from 'vitest'
import type { IkeSpi } from '../../core/bytes/brands.ts'
import type { VpnError } from '../../core/errors.ts'
import { backoffMs } from '../../core/manager/backoff.ts'
import { profileOf, World } from './world.ts'

const unreachable: VpnError = { kind: 'unreachable', host: '192.0.2.1', tries: 6 }

test('connecting goes through phase 1 and phase 2, and packets flow only after the plan is applied', async () => {
  const world = new World()
  const connected = world.manager.connect('office')
  await world.settle()
  expect(world.state()).toBe('phase1')
  expect(world.connection.commands).toEqual(['connect'])
  world.connection.state = 'phase2'
  expect(world.state()).toBe('phase2')
  world.connection.establish()
  expect(world.connection.tun).toBeUndefined()
  await connected
  expect(world.state()).toBe('connected')
  expect(world.done).toEqual(['open edge', 'open culvert0', 'apply culvert0'])
  expect(world.connection.tun).toBe(11)
  expect(world.manager.snapshot().tunnels[0]?.network).toMatchObject({ device: 'culvert0', engine: 'native' })
})

test.each([
  ['IKEv2', 'IKE_AUTH', 0x20],
  ['IKEv1', 'MAIN', 0x10],
])('%s: the step of proving begins with the first encrypted message', async (_, exchange, version) => {
  const world = new World()
  const ended = expect(world.manager.connect('office')).rejects.toThrow('cancelled')
  await world.settle()
  const now = (): string | undefined =>
    world.manager.snapshot().tunnels[0]?.steps.find(({ state }) => state === 'now')?.what
  const bytes = new Uint8Array(28)
  bytes[17] = version
  const spi = new Uint8Array(8)
  const message = {
    ...({ direction: 'out', bytes, exchange: 'MAIN', messageId: 0, response: false } as const),
    ...{ initiatorSpi: spi as IkeSpi, responderSpi: spi, payloads: [], retransmission: false },
  }
  world.connection.listener.message(message, undefined)
  expect(now()).toBe('agree')
  world.connection.listener.message({ ...message, exchange, plaintext: new Uint8Array(8) }, undefined)
  expect(now()).toBe('prove')
  await world.manager.disconnect('office')
  await ended
})

test('disconnecting tells the gateway, restores the machine and closes the device', async () => {
  const world = new World()
  await world.up()
  world.done.length = 0
  expect(await world.manager.disconnect('Office')).toBe(1)
  expect(world.connection.commands).toEqual(['connect', 'disconnect'])
  expect(world.done).toEqual(['restore culvert0', 'close fd 11'])
  expect(world.state()).toBe('idle')
})

test('a gateway that does not answer the farewell is left after a while', async () => {
  const world = new World()
  await world.up()
  world.connection.answersFarewell = false
  const gone = world.manager.disconnect()
  await world.settle()
  expect(world.state()).toBe('disconnecting')
  await world.pass(5_000)
  await gone
  expect(world.connection.closed).toBe(true)
  expect(world.done).toContain('restore culvert0')
})

test('a first connection that fails is an answer, not a reason to try again', async () => {
  const world = new World()
  const connected = world.manager.connect('Office')
  await world.settle()
  world.connection.end(unreachable)
  await expect(connected).rejects.toMatchObject({ error: unreachable })
  await world.pass(300_000)
  expect(world.connections.length).toBe(1)
  expect(world.manager.snapshot().tunnels[0]).toMatchObject({
    state: 'failed',
    error: { kind: 'unreachable', title: 'The gateway does not answer' },
  })
})

test('other terms after a later authentication bring the machine to a new plan, and the device stays', async () => {
  const world = new World()
  await world.up()
  world.connection.tun = undefined
  const configuration = { addresses: ['10.78.0.11/32'], dnsServers: [], subnets: [], dnsDomains: [] }
  world.connection.listener.established(configuration, [], [])
  await world.settle()
  expect(world.done.filter((what) => what === 'apply culvert0')).toHaveLength(2)
  expect(world.manager.snapshot().tunnels[0]?.network?.addresses).toEqual(['10.78.0.11/32'])
  expect(world.connection.tun).toBeUndefined()
  expect(world.state()).toBe('connected')
})

test('a tunnel whose phase 2 the gateway has closed does not claim to be connected', async () => {
  const world = new World()
  await world.up()
  world.connection.state = 'phase2'
  expect(world.manager.snapshot().tunnels[0]).toMatchObject({ state: 'phase2', step: 'step' })
  world.connection.state = 'connected'
  expect(world.state()).toBe('connected')
})

test('a tunnel that stood comes back with growing pauses', async () => {
  const world = new World()
  await world.up()
  world.connection.end({ kind: 'noAnswer', exchange: 'INFORMATIONAL', tries: 5 })
  await world.settle()
  expect(world.state()).toBe('reconnecting')
  expect(world.done.at(-2)).toBe('restore culvert0')
  const pauses: number[] = []
  for (let round = 0; round < 8; round += 1) {
    const { retryAtMs = 0 } = world.manager.snapshot().tunnels[0] ?? {}
    pauses.push(Math.round((retryAtMs - world.now) / 1000))
    await world.pass(retryAtMs - world.now)
    world.connection.end(unreachable)
    await world.settle()
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
  await world.pass(70_000)
  world.connection.establish()
  await world.settle()
  expect(world.state()).toBe('connected')
  expect(world.manager.snapshot().tunnels[0]?.error).toBeUndefined()
})

test('a wrong key ends a reconnecting tunnel: trying again would lock the account', async () => {
  const world = new World()
  await world.up()
  world.connection.end({ kind: 'closedByGateway', reason: 'DELETE' })
  await world.settle()
  await world.pass(2_000)
  world.connection.end({ kind: 'authFailed', who: 'us', method: 'psk' })
  await world.settle()
  expect(world.state()).toBe('failed')
  await world.pass(300_000)
  expect(world.connections.length).toBe(2)
})

test('disconnecting while waiting for the next try ends it', async () => {
  const world = new World()
  await world.up()
  world.connection.end({ kind: 'closedByGateway', reason: 'DELETE' })
  await world.settle()
  await world.manager.disconnect()
  await world.pass(300_000)
  expect(world.connections.length).toBe(1)
  expect(world.state()).toBe('idle')
})

test('disconnecting while still connecting cancels, and leaves nothing behind', async () => {
  const world = new World()
  const connected = world.manager.connect('Office')
  const refused = expect(connected).rejects.toMatchObject({ error: { kind: 'cancelled' } })
  while (world.state() === undefined) await Promise.resolve()
  await world.manager.disconnect()
  await refused
  await world.settle()
  expect(world.connections.length).toBe(0)
  expect(world.state()).toBe('idle')
})

test('without a device the gateway is not troubled at all', async () => {
  const world = new World()
  world.failures.openTun = { kind: 'noTun', problem: 'there is no /dev/net/tun' }
  await expect(world.manager.connect('Office')).rejects.toMatchObject({ error: { kind: 'noTun' } })
  expect(world.connections).toEqual([])
  expect(world.done).toEqual(['open edge', 'open culvert0', 'restore culvert0'])
})

test('when the plan is refused the gateway is told and all is undone', async () => {
  const world = new World()
  world.failures.apply = { kind: 'systemRefused', what: 'add a route', problem: 'EPERM' }
  const connected = world.manager.connect('Office')
  const refused = expect(connected).rejects.toMatchObject({ error: { kind: 'systemRefused' } })
  await world.settle()
  world.connection.establish()
  await refused
  expect(world.connection.commands).toContain('disconnect')
  expect(world.connection.closed).toBe(true)
  expect(world.done.slice(-2)).toEqual(['restore culvert0', 'close fd 11'])
  expect(world.connection.tun).toBeUndefined()
})

test('disconnected while the device is being opened: it is given back when it comes', async () => {
  const world = new World()
  const connected = world.manager.connect('Office')
  const refused = expect(connected).rejects.toMatchObject({ error: { kind: 'cancelled' } })
  while (!world.done.includes('open culvert0')) await Promise.resolve()
  await world.manager.disconnect()
  await refused
  await world.settle()
  expect(world.connections).toEqual([])
  expect(world.done).toContain('close fd 11')
  expect(world.state()).toBe('idle')
})

test('a connection lost while the device is being opened is cleaned up after it', async () => {
  const world = new World()
  const connected = world.manager.connect('Office')
  const refused = expect(connected).rejects.toMatchObject({ error: unreachable })
  await world.settle()
  world.connection.establish()
  world.connection.end(unreachable)
  await refused
  expect(world.done).toEqual([
    'open edge',
    'open culvert0',
    'apply culvert0',
    'restore culvert0',
    'close fd 11',
  ])
  expect(world.connection.tun).toBeUndefined()
})

test('no permission is asked for again at the next try', async () => {
  const world = new World()
  world.failures.openEdge = { kind: 'noPermission', what: 'start the helper' }
  await expect(world.manager.connect('Office')).rejects.toMatchObject({ error: { kind: 'noPermission' } })
  delete world.failures.openEdge
  await world.up()
  expect(world.state()).toBe('connected')
})

test('a name without an address says so', async () => {
  const world = new World()
  world.profiles = [profileOf('Office', { gateway: { host: 'vpn.example.org' } })]
  await expect(world.manager.connect('Office')).rejects.toMatchObject({
    error: { kind: 'nameNotResolved', host: 'vpn.example.org' },
  })
})

test('every address of a name is tried before it is unreachable', async () => {
  const world = new World()
  world.profiles = [profileOf('Office', { gateway: { host: 'vpn.example.org' } })]
  world.addresses = ['2001:db8::1', '192.0.2.9']
  const connected = world.manager.connect('Office')
  await world.settle()
  expect(world.connection.config.gatewayAddress).toBe('2001:db8::1')
  world.connection.end(unreachable)
  await world.settle()
  expect(world.connection.config.gatewayAddress).toBe('192.0.2.9')
  world.connection.establish()
  await connected
})

test('several tunnels stand side by side on devices of their own', async () => {
  const world = new World()
  await world.up()
  const second = world.manager.connect('Home')
  await world.settle()
  world.connection.establish()
  await second
  expect(world.manager.snapshot().tunnels.map(({ network }) => network?.device)).toEqual([
    'culvert0',
    'culvert1',
  ])
  expect(world.done.filter((what) => what === 'open edge').length).toBe(1)
  await expect(world.manager.connect('Home')).rejects.toMatchObject({ error: { kind: 'alreadyRunning' } })
  await world.manager.close()
  expect(world.done.at(-1)).toBe('close edge')
  expect(world.manager.snapshot().tunnels.map(({ state }) => state)).toEqual(['idle', 'idle'])
})

test('every change has a higher revision', async () => {
  const world = new World()
  const seen: number[] = []
  world.manager.subscribe({ changed: () => seen.push(world.manager.snapshot().revision) })
  await world.up()
  await world.manager.disconnect()
  expect(seen.length).toBeGreaterThan(4)
  expect(seen).toEqual([...seen].sort((a, b) => a - b))
  expect(new Set(seen).size).toBe(seen.length)
})

test('pauses differ between clients by a fifth at most', () => {
  const least = backoffMs(0, { bytes: (count) => new Uint8Array(count) })
  const most = backoffMs(0, { bytes: (count) => new Uint8Array(count).fill(255) })
  expect([least, most]).toEqual([800, 1200])
  expect(backoffMs(1_000, { bytes: (count) => new Uint8Array(count).fill(255) })).toBe(72_000)
})
