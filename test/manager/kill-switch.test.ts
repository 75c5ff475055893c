import { writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Hold } from '../../core/manager/hold.ts'
import { HoldFile } from '../../core/manager/hold-file.ts'
import { Manager } from '../../core/manager/manager.ts'
import { MemoryHolds, profileOf, World } from './world.ts'

const SILENCE = { kind: 'noAnswer', exchange: 'INFORMATIONAL', tries: 5 } as const
const REFUSED = { kind: 'authFailed', who: 'us', method: 'psk' } as const
const EVERYTHING = ['0.0.0.0/0', '::/0']

function guarded(change: object = {}, other: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(other)
  world.profiles = [profileOf('Office', { killSwitch: true, ...change }), profileOf('Home')]
  return world
}

const held = (world: World): readonly string[] | undefined => world.manager.snapshot().tunnels[0]?.held
const done = (world: World, ...about: string[]): readonly string[] =>
  world.done.filter((text) => about.some((word) => text.startsWith(word)))

async function fail(world: World, error: Parameters<World['connection']['end']>[0]): Promise<void> {
  world.connection.end(error)
  await world.settle()
}

describe('a connection with a kill switch', () => {
  test('holds everything back before the first message, then what belongs into the tunnel, until the person disconnects', async () => {
    const world = guarded()
    const connected = world.manager.connect('Office')
    await world.settle()
    expect(world.done).toEqual(['open edge', 'hold 0.0.0.0/0 ::/0 for culvert0', 'open culvert0'])
    expect([world.state(), held(world)]).toEqual(['phase1', EVERYTHING])
    world.connection.establish()
    await connected
    expect(world.done.slice(3)).toEqual(['hold 10.77.0.0/24 for culvert0', 'apply culvert0'])
    expect([world.state(), held(world)]).toEqual(['connected', undefined])
    await world.manager.disconnect('Office')
    expect(world.done.slice(5)).toEqual(['restore culvert0', 'close fd 11', 'let out culvert0'])
    expect([world.state(), held(world)]).toEqual(['idle', undefined])
  })

  test('where the profile says what lies behind the gateway, only that', async () => {
    const world = guarded({ remoteSubnets: ['10.0.0.0/8'] })
    void world.manager.connect('Office').catch(() => {})
    await world.settle()
    expect(done(world, 'hold')).toEqual(['hold 10.0.0.0/8 for culvert0'])
  })

  test('without one nothing is held', async () => {
    const world = new World()
    await world.up()
    await world.manager.disconnect()
    expect(done(world, 'hold', 'let out')).toEqual([])
  })

  test('the local network keeps its way where the profile says so', async () => {
    const excepts: (readonly string[])[] = []
    for (const allowLan of [true, false]) {
      const world = guarded({ allowLan }, { nearby: () => ['192.168.7.0/24'] })
      const openEdge = world.needs.openEdge
      const manager = new Manager({
        ...world.needs,
        openEdge: async (place) => ({
          ...(await openEdge(place)),
          hold: async ({ except }) => void excepts.push(except),
        }),
      })
      void manager.connect('Office').catch(() => {})
      await world.settle()
    }
    expect(excepts[0]).toEqual(expect.arrayContaining(['192.168.7.0/24', 'fe80::/10']))
    expect(excepts[1]).toEqual([])
  })

  test('a tunnel that is lost stays held while it is made again', async () => {
    const world = guarded()
    await world.up()
    await fail(world, SILENCE)
    expect([world.state(), held(world)]).toEqual(['reconnecting', ['10.77.0.0/24']])
    expect(done(world, 'let out')).toEqual([])
    await world.pass(2000)
    // A new try may take half a minute: why traffic waits stays said.
    expect(world.manager.snapshot().tunnels[0]).toMatchObject({
      state: 'phase1',
      held: ['10.77.0.0/24'],
      error: { kind: SILENCE.kind },
    })
    world.connection.establish()
    await world.settle()
    expect(world.state()).toBe('connected')
    expect(world.manager.snapshot().tunnels[0]?.error).toBeUndefined()
    expect(done(world, 'let out')).toEqual([])
  })

  test('a fault that needs a person leaves it held: the state is blocked, with the reason', async () => {
    const world = guarded()
    await world.up()
    await fail(world, REFUSED)
    const [tunnel] = world.manager.snapshot().tunnels
    expect(tunnel).toMatchObject({ state: 'blocked', held: ['10.77.0.0/24'], error: { kind: 'authFailed' } })
    expect(await world.manager.letOut('Office')).toEqual(['Office'])
    expect(world.manager.snapshot().tunnels[0]).toMatchObject({
      state: 'failed',
      error: { kind: 'authFailed' },
    })
    expect(held(world)).toBeUndefined()
  })

  test('a first connection that fails is blocked too; connecting again keeps its device and never lets go', async () => {
    const world = guarded()
    const first = world.manager.connect('Office')
    await world.settle()
    world.connection.end(REFUSED)
    await expect(first).rejects.toThrow()
    expect([world.state(), held(world)]).toEqual(['blocked', EVERYTHING])
    // Another connection gets another device.
    const home = world.manager.connect('Home')
    await world.settle()
    expect(world.done.at(-1)).toBe('open culvert1')
    world.connection.establish()
    await home
    await world.up()
    expect(done(world, 'let out')).toEqual([])
    expect(done(world, 'hold').every((text) => text.endsWith('culvert0'))).toBe(true)
  })

  test('the person who dismisses the first question is not left without a network', async () => {
    const world = guarded()
    const first = world.manager.connect('Office')
    await world.settle()
    world.connection.end({ kind: 'cancelled' })
    await expect(first).rejects.toThrow()
    expect(held(world)).toBeUndefined()
    expect(done(world, 'let out')).toEqual(['let out culvert0'])
  })

  test('let out on the way: it goes on, and holds back again once it stands', async () => {
    const world = guarded()
    await world.up()
    await fail(world, SILENCE)
    expect(await world.manager.letOut()).toEqual(['Office'])
    expect([world.state(), held(world)]).toEqual(['reconnecting', undefined])
    await world.pass(2000)
    expect(done(world, 'hold')).toHaveLength(2)
    world.connection.establish()
    await world.settle()
    expect(done(world, 'hold').at(-1)).toBe('hold 10.77.0.0/24 for culvert0')
    await fail(world, SILENCE)
    expect(held(world)).toEqual(['10.77.0.0/24'])
  })

  test('a computer that cannot hold anything back does not connect', async () => {
    const world = guarded()
    world.failures.hold = {
      kind: 'systemRefused',
      what: 'hold traffic back',
      problem: 'nftables is not installed',
    }
    await expect(world.manager.connect('Office')).rejects.toThrow()
    expect(world.connections).toEqual([])
    expect([world.state(), held(world)]).toEqual(['failed', undefined])
  })

  test('what cannot be let out stays said', async () => {
    const world = guarded()
    await world.up()
    world.failures.letOut = { kind: 'noPermission', what: 'let traffic out' }
    await expect(world.manager.disconnect('Office')).rejects.toThrow()
    expect(world.manager.snapshot().tunnels[0]).toMatchObject({
      state: 'blocked',
      held: ['10.77.0.0/24'],
      error: { kind: 'noPermission' },
    })
    delete world.failures.letOut
    expect(await world.manager.disconnect('Office')).toBe(1)
    expect(held(world)).toBeUndefined()
  })

  test('switched off in the profile meanwhile: the next connection lets go', async () => {
    const world = guarded()
    await world.up()
    await fail(world, REFUSED)
    world.profiles = [profileOf('Office')]
    await world.up()
    expect(done(world, 'let out')).toEqual(['let out culvert0'])
    await fail(world, REFUSED)
    expect([world.state(), held(world)]).toEqual(['failed', undefined])
  })

  test('the end of the program is no wish to let traffic out', async () => {
    const world = guarded()
    await world.up()
    await fail(world, REFUSED)
    await world.manager.close()
    expect(done(world, 'let out')).toEqual([])
  })

  test('but it is the end of the tunnels that stand', async () => {
    const world = guarded()
    await world.up()
    await world.manager.close()
    expect(done(world, 'let out')).toEqual(['let out culvert0'])
  })
})

describe('while everything is held back no name server can be asked', () => {
  const NAMED = { gateway: { host: 'vpn.example.org' } }

  test('the gateway is where it was', async () => {
    let asked = 0
    const world = guarded(NAMED, {
      resolve: async () => {
        asked += 1
        return ['192.0.2.7', '192.0.2.8']
      },
    })
    const first = world.manager.connect('Office')
    await world.settle()
    await fail(world, REFUSED)
    await expect(first).rejects.toThrow()
    expect(asked).toBe(1)
    const second = world.manager.connect('Office')
    await world.settle()
    expect(asked).toBe(1)
    expect(world.manager.snapshot().tunnels[0]?.gateway.address).toBe('192.0.2.7')
    world.connection.end({ kind: 'unreachable', host: '192.0.2.7', tries: 3 })
    await world.settle()
    expect(world.manager.snapshot().tunnels[0]?.gateway.address).toBe('192.0.2.8')
    world.connection.establish()
    await second
  })

  test('a tunnel for some networks asks, and makes do with what it knew where nobody answers', async () => {
    const answers: (readonly string[] | undefined)[] = [['192.0.2.7'], ['192.0.2.9'], undefined]
    const world = guarded(NAMED, {
      resolve: async () => {
        const answer = answers.shift()
        if (answer === undefined) throw new Error('nobody answers')
        return answer
      },
    })
    await world.up()
    for (const address of ['192.0.2.9', '192.0.2.9']) {
      await fail(world, SILENCE)
      await world.pass(5000)
      expect(world.manager.snapshot().tunnels[0]?.gateway.address).toBe(address)
      world.connection.establish()
      await world.settle()
    }
  })
})

describe('after a crash', () => {
  /** A world in which an earlier run held traffic of Office back. */
  async function crashed(): Promise<{ readonly world: World; readonly holds: MemoryHolds }> {
    const holds = new MemoryHolds()
    const before = guarded({}, { holds })
    await before.up()
    const world = guarded({}, { holds })
    return { world, holds }
  }

  test('the hold is said at once, and can be lifted', async () => {
    const { world, holds } = await crashed()
    expect(world.manager.snapshot().tunnels).toMatchObject([
      { profile: 'office', name: 'Office', state: 'blocked', held: ['10.77.0.0/24'], error: undefined },
    ])
    expect(world.done).toEqual([])
    expect(await world.manager.letOut('Home')).toEqual([])
    await expect(world.manager.letOut('Nobody')).rejects.toThrow()
    expect(await world.manager.letOut('office')).toEqual(['Office'])
    expect(world.done).toEqual(['open edge', 'let out culvert0'])
    expect(world.manager.snapshot().tunnels).toEqual([])
    expect(holds.list()).toEqual([])
  })

  test('connecting takes it over, with its device', async () => {
    const { world, holds } = await crashed()
    await world.up()
    expect(world.done).toEqual([
      'open edge',
      'hold 10.77.0.0/24 for culvert0',
      'open culvert0',
      'hold 10.77.0.0/24 for culvert0',
      'apply culvert0',
    ])
    expect(world.manager.snapshot().tunnels).toHaveLength(1)
    await world.manager.disconnect()
    expect(holds.list()).toEqual([])
  })

  test('disconnect lifts it as well', async () => {
    const { world } = await crashed()
    expect(await world.manager.disconnect()).toBe(1)
    expect(world.manager.snapshot().tunnels).toEqual([])
  })
})

test('a helper that was killed is asked no more: a new one is started', async () => {
  const world = guarded()
  let ended = false
  const openEdge = world.needs.openEdge
  let opened = 0
  const manager = new Manager({
    ...world.needs,
    openEdge: async (place) => {
      opened += 1
      const edge = await openEdge(place)
      const first = opened === 1
      return {
        ...edge,
        get ended() {
          return first && ended
        },
      }
    },
  })
  const connected = manager.connect('Office')
  await world.settle()
  world.connection.establish()
  await connected
  ended = true
  await manager.disconnect()
  expect(opened).toBe(2)
  expect(done(world, 'let out')).toEqual(['let out culvert0'])
})

describe('holds as they are written down', () => {
  let home = ''
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'culvert-holds-'))
  })
  afterEach(() => rm(home, { recursive: true }))

  const one = {
    device: 'culvert0',
    profile: 'office',
    name: 'Büro 港',
    host: 'vpn.example.org',
    networks: EVERYTHING,
    addresses: ['192.0.2.1'],
    sinceMs: 5,
  }

  test('are there for the next run, of this boot and this network alone', () => {
    new HoldFile(home, 'boot 1').put(one)
    new HoldFile(home, 'boot 1').put({ ...one, device: 'culvert1', profile: 'home' })
    expect(new HoldFile(home, 'boot 1').list()).toEqual([
      one,
      { ...one, device: 'culvert1', profile: 'home' },
    ])
    expect(new HoldFile(home, 'boot 2').list()).toEqual([])
    new HoldFile(home, 'boot 1').drop('culvert1')
    expect(new HoldFile(home, 'boot 1').list()).toEqual([one])
    new HoldFile(home, 'boot 1').drop('culvert0')
    new HoldFile(home, 'boot 1').drop('culvert0')
    expect(new HoldFile(home, 'boot 1').list()).toEqual([])
  })

  test('rubbish in the file is no hold', async () => {
    const file = new HoldFile(home, 'here')
    file.put(one)
    const path = join(home, 'run', 'held.json')
    const good = await readFile(path, 'utf8')
    for (const bad of [
      '',
      '{',
      '[]',
      good.replace('culvert0', '../eth0'),
      good.replace('"sinceMs":5', '"sinceMs":"5"'),
    ]) {
      await writeFile(path, bad)
      expect(file.list(), bad).toEqual([])
    }
  })

  test('nothing is held that could not be written down', async () => {
    const world = guarded()
    const hold = new Hold('culvert0', {
      list: () => [],
      put: () => {
        throw new Error('the disk is full')
      },
      drop: () => {},
    })
    const edge = await world.needs.openEdge('')
    await expect(hold.on(edge, one, [])).rejects.toThrow('full')
    expect([hold.held, done(world, 'hold')]).toEqual([undefined, []])
  })

  describe('a disk that is full', () => {
    let full = false
    const disk = () =>
      new HoldFile(home, 'here', (path, text) => {
        if (full) throw new Error('ENOSPC: no space left on device, write')
        writeFileSync(path, text)
      })
    beforeEach(() => {
      full = false
    })

    test('is a fault with words, before anything is held; what was written down stays', () => {
      disk().put(one)
      full = true
      const second = { ...one, device: 'culvert1', profile: 'home' }
      expect(() => disk().put(second)).toThrow(
        expect.objectContaining({
          error: {
            kind: 'systemRefused',
            what: 'write down what is held back',
            problem: 'ENOSPC: no space left on device, write',
          },
        }),
      )
      expect(disk().list()).toEqual([one])
    })

    test('a hold on it can be lifted, and what belongs to others stays written down', async () => {
      const world = guarded()
      const edge = await world.needs.openEdge('')
      const holds = ['culvert0', 'culvert1'].map((device) => new Hold(device, disk()))
      for (const hold of holds) await hold.on(edge, one, [])
      full = true
      await holds[0]?.lift(edge)
      expect([holds[0]?.held, done(world, 'let out')]).toEqual([undefined, ['let out culvert0']])
      expect(
        disk()
          .list()
          .map(({ device }) => device),
      ).toContain('culvert1')
      // The last one needs no room to be forgotten.
      full = false
      disk().drop('culvert0')
      full = true
      await holds[1]?.lift(edge)
      expect(disk().list()).toEqual([])
    })

    test('what could not be changed is as it was', async () => {
      const world = guarded()
      const hold = new Hold('culvert0', disk())
      await hold.on(await world.needs.openEdge(''), one, [])
      full = true
      const more = { ...one, networks: ['10.0.0.0/8'] }
      await expect(hold.on(await world.needs.openEdge(''), more, [])).rejects.toThrow()
      expect(hold.held?.networks).toEqual(EVERYTHING)
      expect(done(world, 'hold')).toHaveLength(1)
    })
  })
})
