import { execFileSync, spawnSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { HoldPlan, TunnelPlan } from '../../core/net/plan.ts'
import { Namespace } from './namespace.ts'

/** As the helper sets it on every socket of Culvert. */
const MARK = String(0x43560001)

const EVERYTHING: HoldPlan = {
  device: 'culvert0',
  networks: ['0.0.0.0/0', '::/0'],
  except: ['192.0.2.128/25'],
}

const TUNNEL: TunnelPlan = {
  device: 'culvert0',
  mtu: 1400,
  addresses: ['10.78.0.10/32'],
  routes: ['10.77.0.0/24'],
  bypass: [],
  unreachable: [],
}

/** The other side of the uplink: a computer of the local network, a gateway, a server on the internet, in both families. */
class World {
  readonly name: string

  constructor(space: Namespace) {
    this.name = `${space.name}w`
    execFileSync('ip', ['netns', 'add', this.name])
    space.ip(`link set up1 netns ${this.name}`)
    this.#ip('link set lo up')
    this.#ip('link set up1 up')
    for (const address of ['192.0.2.1/24', '192.0.2.130/24', '198.51.100.1/32', '10.77.0.1/32'])
      this.#ip(`addr add ${address} dev up1`)
    for (const address of ['2001:db8::1/64', '2001:db8:1::1/128'])
      this.#ip(`addr add ${address} dev up1 nodad`)
    space.ip('link set up0 down')
    space.ip('link set up0 up')
    space.ip('route replace default via 192.0.2.1')
    space.ip('-6 addr replace 2001:db8::2/64 dev up0 nodad')
    space.ip('-6 route replace default via 2001:db8::1')
  }

  #ip(command: string): void {
    execFileSync('ip', ['-n', this.name, ...command.split(' ')])
  }

  remove(): void {
    execFileSync('ip', ['netns', 'del', this.name])
  }
}

let space: Namespace
let world: World
let before: string

const state = (): string => `${space.state()}\n${space.sh('nft list ruleset')}`

beforeEach(async () => {
  space = new Namespace()
  world = new World(space)
  await vi.waitFor(() => expect([reached('198.51.100.1'), reached('2001:db8:1::1')]).toEqual([true, true]), {
    timeout: 10_000,
  })
  before = state()
})
afterEach(async () => {
  await space.remove()
  world.remove()
})

/** Whether a packet gets there and back. `more`: `-m` for a mark, `-I` for a device. */
function reached(to: string, ...more: string[]): boolean {
  const ping = ['ping', '-n', '-q', '-c', '1', '-W', '1', ...more, to]
  return spawnSync('ip', ['netns', 'exec', space.name, ...ping], { stdio: 'ignore' }).status === 0
}

/** Whether the kernel takes a datagram at all. */
function taken(to: string): boolean {
  const write = ['bash', '-c', `echo hello > /dev/udp/${to}/9`]
  return spawnSync('ip', ['netns', 'exec', space.name, ...write], { stdio: 'ignore' }).status === 0
}

describe('a hold', () => {
  test('nothing leaves but what goes to the gateway from Culvert itself, to the local network, and to loopback', async () => {
    const host = await space.host()
    expect((await host.call('hold', EVERYTHING)).error).toBeUndefined()
    expect(reached('198.51.100.1'), 'IPv4').toBe(false)
    expect(reached('2001:db8:1::1'), 'IPv6').toBe(false)
    expect(reached('198.51.100.1', '-I', 'up0'), 'bound to the uplink').toBe(false)
    expect(reached('198.51.100.1', '-m', MARK), 'a socket of Culvert, IPv4').toBe(true)
    expect(reached('2001:db8:1::1', '-m', MARK), 'a socket of Culvert, IPv6').toBe(true)
    expect(reached('192.0.2.130'), 'local network').toBe(true)
    expect(reached('192.0.2.1'), 'not of the local network by choice').toBe(false)
    expect([reached('127.0.0.1'), reached('::1')]).toEqual([true, true])
    expect((await host.call('letOut', 'culvert0')).error).toBeUndefined()
    expect([reached('198.51.100.1'), reached('2001:db8:1::1')]).toEqual([true, true])
    await host.call('close')
    expect(state()).toBe(before)
  })

  test('of some networks: everything else goes out as usual; another hold takes its place in one step', async () => {
    const host = await space.host()
    const some = { device: 'culvert0', networks: ['10.77.0.0/24', '10.0.0.0/8'], except: [] }
    await host.call('hold', EVERYTHING)
    expect((await host.call('hold', some)).error).toBeUndefined()
    expect(reached('10.77.0.1')).toBe(false)
    expect([reached('198.51.100.1'), reached('2001:db8:1::1')]).toEqual([true, true])
    expect(space.sh('nft list tables').trim()).toBe('table inet culvert0')
    for (let i = 0; i < 2; i++) expect((await host.call('letOut', 'culvert0')).error).toBeUndefined()
    expect(reached('10.77.0.1')).toBe(true)
    expect(state()).toBe(before)
  })

  test('what belongs into a tunnel goes there while it stands, and nowhere when it is lost', async () => {
    const host = await space.host()
    const hold = { device: 'culvert0', networks: TUNNEL.routes, except: [] }
    await host.call('hold', hold)
    await host.call('openTun', 'culvert0')
    expect((await host.call('apply', TUNNEL)).error).toBeUndefined()
    expect(taken('10.77.0.1'), 'into the tunnel, where nobody answers').toBe(true)
    expect(reached('10.77.0.1', '-I', 'up0'), 'around it').toBe(false)
    await host.call('restore', 'culvert0')
    expect(taken('10.77.0.1')).toBe(false)
    await host.call('letOut', 'culvert0')
    expect(reached('10.77.0.1')).toBe(true)
  })

  test('it asks for an address and looks for its neighbours: DHCP and neighbour discovery get through', async () => {
    const host = await space.host()
    await host.call('hold', { ...EVERYTHING, except: [] })
    const rules = space.sh('nft list table inet culvert0')
    for (const rule of [/udp sport 68 udp dport 67 accept/, /udp sport 546 udp dport 547 accept/]) {
      expect(rules).toMatch(rule)
    }
    space.ip('neigh flush dev up0')
    expect(reached('2001:db8::1', '-m', MARK)).toBe(true)
    await host.call('letOut', 'culvert0')
  })
})

describe('a hold outlives', () => {
  test('the end of its owner, and the next one can lift it', async () => {
    const host = await space.host()
    await host.call('hold', EVERYTHING)
    const helper = host.helperPid
    await host.kill()
    await vi.waitFor(() => expect(() => process.kill(helper, 0)).toThrow(), { timeout: 10_000 })
    expect(reached('198.51.100.1')).toBe(false)
    const next = await space.host()
    expect(next.opened.notes.join()).toContain('the kill switch of culvert0 still holds traffic back')
    expect(reached('198.51.100.1')).toBe(false)
    await next.call('letOut', 'culvert0')
    await next.call('close')
    expect(state()).toBe(before)
  })

  test('kill -9 of both in the middle of a tunnel: that is undone, the hold stays, and is gone when it is lifted', async () => {
    const host = await space.host()
    await host.call('hold', EVERYTHING)
    await host.call('openTun', 'culvert0')
    await host.call('apply', TUNNEL)
    process.kill(host.helperPid, 'SIGKILL')
    await host.kill()
    expect(reached('198.51.100.1')).toBe(false)
    // Two more that die before anybody lifts it: it is not forgotten on the way.
    for (let lives = 0; lives < 2; lives++) {
      const next = await space.host()
      process.kill(next.helperPid, 'SIGKILL')
      await next.kill()
    }
    expect(reached('198.51.100.1')).toBe(false)
    const last = await space.host()
    expect((await last.call('letOut', 'culvert0')).error).toBeUndefined()
    expect(state()).toBe(before)
    expect(space.sh(`ls ${space.folder}/run`)).not.toMatch(/journal/)
  })
})

test('two programs: one cannot take the hold of the other', async () => {
  const first = await space.host()
  await first.call('hold', EVERYTHING)
  const second = await space.host()
  expect((await second.call('hold', { ...EVERYTHING, networks: ['10.0.0.0/8'] })).error).toMatchObject({
    kind: 'systemRefused',
    problem: expect.stringContaining('another Culvert'),
  })
  expect(reached('198.51.100.1')).toBe(false)
  await first.call('letOut', 'culvert0')
})

test.each([
  ['a device that is not ours', { ...EVERYTHING, device: 'eth0' }],
  ['nothing to hold', { ...EVERYTHING, networks: [] }],
  ['host bits', { ...EVERYTHING, networks: ['10.0.0.1/8'] }],
  [
    'more networks than the bound',
    { ...EVERYTHING, except: Array.from({ length: 513 }, () => '10.0.0.0/8') },
  ],
])('the helper itself refuses %s', async (_, plan) => {
  const host = await space.host()
  expect((await host.call('hold', plan)).error?.kind).toBe('systemRefused')
  expect(state()).toBe(before)
})
