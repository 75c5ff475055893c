import { describe, expect, test } from 'vitest'
import type { Phase2Snapshot } from '../../core/contract/snapshot.ts'
import { Kept, networkOf } from '../../core/manager/on-demand.ts'
import { udp4 } from '../support/inner-packets.ts'
import { PHASE2 } from '../support/snapshots.ts'
import { profileOf, World } from './world.ts'

const OWN = '10.8.0.2'
const onDemand = {
  onDemand: true,
  idleSeconds: 60,
  requestAddresses: { ipv4: false, ipv6: false },
  localSubnets: [`${OWN}/32`],
  remoteSubnets: ['10.77.0.0/24'],
}
const towards = (address: string, text = 'hello'): Uint8Array => udp4(OWN, address, 1000, 2000, text)
const moved = (packets: number, inboundSpi = PHASE2.inboundSpi): Phase2Snapshot => ({
  ...PHASE2,
  inboundSpi,
  traffic: { ...PHASE2.traffic, inPackets: packets, outPackets: 0 },
})

function worldOf(change: object): World {
  const world = new World({
    planFor: ({ device }) => ({
      ...{ device, mtu: 1400, addresses: [`${OWN}/32`], routes: ['10.77.0.0/24'] },
      ...{ bypass: [], unreachable: [] },
    }),
  })
  world.profiles = [profileOf('Office', change)]
  return world
}

/** Connects it: with an address of its own it waits at once. */
async function armed(change: object = onDemand): Promise<World> {
  const world = worldOf(change)
  await world.manager.connect('Office')
  return world
}

describe('a tunnel that its first packet opens', () => {
  test('device and routes are there, and the gateway hears nothing', async () => {
    const world = await armed()
    expect(world.state()).toBe('waiting')
    expect(world.connections).toHaveLength(0)
    expect(world.done).toEqual(['open edge', 'open culvert0', 'apply culvert0', 'watch 11'])
    expect(world.manager.snapshot().tunnels[0]?.network?.routes).toEqual(['10.77.0.0/24'])
  })

  test('what is for somebody else opens nothing', async () => {
    const world = await armed()
    for (const address of ['10.78.0.1', '224.0.0.251', '255.255.255.255', '169.254.1.1'])
      world.intoDevice?.(towards(address))
    world.intoDevice?.(udp4('192.168.1.5', '10.77.0.1', 1, 2, 'not ours'))
    world.intoDevice?.(Uint8Array.of(0x45, 0))
    await world.settle()
    expect([world.state(), world.connections.length]).toEqual(['waiting', 0])
  })

  test('the first packet opens it, and all that came meanwhile is delivered, in order, once', async () => {
    const world = await armed()
    world.intoDevice?.(towards('10.77.0.1', 'first'))
    world.intoDevice?.(towards('10.77.0.1', 'second'))
    await world.settle()
    expect([world.state(), world.connections.length]).toEqual(['phase1', 1])
    world.intoDevice?.(towards('10.77.0.9', 'third'))
    world.connection.establish([])
    await world.settle()
    expect(world.state()).toBe('connected')
    expect(world.connection.tun).toBe(11)
    expect(world.connection.kept.map((packet) => Buffer.from(packet).subarray(28).toString())).toEqual([
      'first',
      'second',
      'third',
    ])
    // The same device all along.
    expect(world.done.filter((what) => what.startsWith('open culvert'))).toHaveLength(1)
    expect(world.intoDevice).toBeUndefined()
  })

  test('what is kept has a bound', () => {
    const kept = new Kept({ addresses: [], routes: ['10.77.0.0/24'], bypass: [] })
    for (let at = 0; at < 100; at++) expect(kept.offer(towards('10.77.0.1'))).toBe(true)
    expect([kept.take().length, kept.dropped]).toEqual([64, 36])
    expect(kept.take()).toEqual([])
  })

  test('a person can end the waiting, and nothing is left', async () => {
    const world = await armed()
    await world.manager.disconnect('Office')
    expect(world.state()).toBe('idle')
    expect(world.done.slice(-2)).toEqual(['restore culvert0', 'close fd 11'])
    expect(world.intoDevice).toBeUndefined()
  })

  test('a gateway that does not let us in ends it with the reason', async () => {
    const world = await armed()
    world.intoDevice?.(towards('10.77.0.1'))
    await world.settle()
    world.connection.end({ kind: 'noProposalChosen', phase: 1, offered: [] })
    await world.settle()
    expect(world.state()).toBe('failed')
    expect(world.done.slice(-2)).toEqual(['restore culvert0', 'close fd 11'])
  })

  test('not together with a kill switch', () => {
    expect(() => profileOf('Office', { ...onDemand, killSwitch: true })).toThrow('profileInvalid')
  })
})

describe('a tunnel that nobody uses', () => {
  async function opened(change: object): Promise<World> {
    const world = worldOf(change)
    const connected = world.manager.connect('Office')
    await world.settle()
    world.intoDevice?.(towards('10.77.0.1'))
    await world.settle()
    world.connection.establish()
    await connected
    await world.settle()
    return world
  }

  test('is closed after its idle time, and the next packet opens it once more', async () => {
    const world = await opened(onDemand)
    await world.pass(59_000)
    expect(world.state()).toBe('connected')
    await world.pass(9_000)
    expect(world.connection.commands.at(-1)).toBe('disconnect')
    expect(world.state()).toBe('waiting')
    world.intoDevice?.(towards('10.77.0.7', 'again'))
    await world.settle()
    expect(world.connections).toHaveLength(2)
    // What waits has the address of before.
    expect(world.connection.config.requestAddresses.preferred).toEqual(['10.78.0.10/32'])
    world.connection.establish()
    await world.settle()
    expect(world.state()).toBe('connected')
    expect(world.connection.kept).toHaveLength(1)
    expect(world.done.filter((what) => what.startsWith('restore'))).toEqual([])
  })

  test('traffic of either way keeps it, fresh keys do not', async () => {
    const world = await opened(onDemand)
    for (let at = 1; at <= 5; at++) {
      await world.pass(40_000)
      world.connection.phase2 = [moved(at)]
    }
    expect(world.state()).toBe('connected')
    await world.pass(8_000)
    world.connection.phase2 = [moved(0, 'aaaaaaaa')]
    await world.pass(68_000)
    expect(world.state()).toBe('waiting')
  })

  test('without onDemand it ends there, and is written down as that', async () => {
    const ended: string[] = []
    const world = new World({ record: (_, past) => void ended.push(past.ended) })
    world.profiles = [profileOf('Office', { idleSeconds: 60 })]
    await world.up()
    await world.pass(70_000)
    expect(world.state()).toBe('idle')
    expect(ended).toEqual(['idle'])
    expect(world.connections).toHaveLength(1)
  })

  test('a gateway that does not answer the farewell keeps nobody waiting', async () => {
    const world = await opened(onDemand)
    world.connection.answersFarewell = false
    await world.pass(75_000)
    expect(world.state()).toBe('waiting')
    expect(world.connection.closed).toBe(true)
  })

  test('where the gateway gives the address it is made once, and waits after that', async () => {
    const world = worldOf({ onDemand: true, idleSeconds: 60 })
    const connected = world.manager.connect('Office')
    await world.settle()
    expect(world.connections).toHaveLength(1)
    world.connection.establish([`${OWN}/32`])
    await connected
    await world.pass(70_000)
    expect(world.state()).toBe('waiting')
  })
})

test('RFC 4301 §3.3: a packet of a network behind this computer opens the tunnel too', () => {
  const plan = { addresses: ['10.1.0.1/32'], behind: ['10.1.0.0/24'], routes: ['10.77.0.0/24'], bypass: [] }
  expect(new Kept(plan).offer(udp4('10.1.0.9', '10.77.0.1', 1, 2, 'hello'))).toBe(true)
  expect(new Kept(plan).offer(udp4('10.3.0.9', '10.77.0.1', 1, 2, 'hello'))).toBe(false)
})

test('networks behind a computer that does not pass packets on: it is said, with the command that would', () => {
  const plan = {
    ...{ device: 'culvert0', mtu: 1400, addresses: [], routes: [], bypass: [], unreachable: [] },
    behind: ['10.1.0.0/24', 'fd01::/64'],
  }
  expect(networkOf(plan, {}, (family) => family === 6).hint).toBe(
    'This computer does not pass packets on, so 10.1.0.0/24 cannot use the tunnel. Who may switches it on with: sysctl -w net.ipv4.ip_forward=1',
  )
  expect(networkOf(plan, {}, () => false).hint).toContain('sysctl -w net.ipv6.conf.all.forwarding=1')
  expect(networkOf(plan, {}, () => true).hint).toBeUndefined()
  expect(networkOf(plan, {}, () => undefined).hint).toBeUndefined()
  expect(networkOf({ ...plan, behind: [] }, {}, () => false).hint).toBeUndefined()
})
