import { expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import type { Probe } from '../../core/contract/snapshot.ts'
import type { Demo } from '../../core/gateway/demo/demo.ts'
import { withDemo } from '../../core/manager/demo.ts'
import { Manager } from '../../core/manager/manager.ts'
import { demoProfile } from '../../core/profile/demo.ts'
import { World } from './world.ts'

const probe: Probe = { what: 'ping', target: '10.77.0.1', ok: true, ms: 1, detail: 'answered' }

/** The world of the other tests with the demo beside it. */
function worldWithDemo() {
  const world = new World()
  world.profiles = [...world.profiles, demoProfile()]
  const done: string[] = []
  let edges = 0
  const openDemo = async (): Promise<Demo> => {
    edges += 1
    done.push('open demo')
    return {
      edge: {
        openUdp: async () => ({ fd: 3, local: { address: '192.0.2.2', port: 1 } }),
        openRaw: async () => ({ fd: 4, local: '192.0.2.2' }),
        openTun: async (device: string) => ({ fd: 100, device }),
        apply: async () => void done.push('apply'),
        restore: async () => void done.push('restore'),
        close: async () => {},
      },
      secret: () => Secret.fromText('made for this run'),
      probe: async function* () {
        yield probe
      },
      close: async () => void done.push('close demo'),
    } as unknown as Demo
  }
  const manager = new Manager(withDemo(world.needs, openDemo))
  return { world, manager, done, edges: () => edges }
}

async function connect(manager: Manager, world: World, name: string): Promise<void> {
  const before = world.connections.length
  const connected = manager.connect(name)
  for (let i = 0; i < 50 && world.connections.length === before; i++) await Promise.resolve()
  world.connections.at(-1)!.establish()
  await connected
}

test("the demo's profile goes to the gateway inside the program, with a key nobody is asked for", async () => {
  const { world, manager, done } = worldWithDemo()
  await connect(manager, world, 'demo')
  const { config } = world.connections[0]!
  expect(config.gatewayAddress).toBe('192.0.2.1')
  const { authentication } = config
  if (authentication.method !== 'psk') return expect.fail(authentication.method)
  expect(authentication.psk.use((bytes) => Buffer.from(bytes).toString())).toBe('made for this run')
  expect(done).toEqual(['open demo', 'apply'])
  expect(world.done).not.toContain('open edge')
  const probes: Probe[] = []
  for await (const one of manager.probe('demo')) probes.push(one)
  expect(probes).toEqual([probe])
})

test('other profiles are as before, and have nobody to try out', async () => {
  const { world, manager, done } = worldWithDemo()
  await connect(manager, world, 'Office')
  expect(world.done).toContain('open edge')
  expect(done).toEqual([])
  for await (const one of manager.probe('office')) expect.fail(JSON.stringify(one))
})

test('disconnecting gives the demo up; the next connection makes a new one; the machine keeps its helper', async () => {
  const { world, manager, done, edges } = worldWithDemo()
  await connect(manager, world, 'Office')
  await connect(manager, world, 'demo')
  await manager.disconnect('demo')
  expect(done).toEqual(['open demo', 'apply', 'restore', 'close demo'])
  expect(world.done).not.toContain('close edge')
  await connect(manager, world, 'demo')
  expect(edges()).toBe(2)
  await manager.close()
  expect(done.at(-1)).toBe('close demo')
  expect(world.done.at(-1)).toBe('close edge')
})
