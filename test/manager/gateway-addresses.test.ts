import { describe, expect, test } from 'vitest'
import { VpnFailure } from '../../core/errors.ts'
import { GatewayAddresses } from '../../core/manager/gateway-addresses.ts'
import { World } from './world.ts'

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'vpn.example.org': ['192.0.2.1', '192.0.2.2'],
  'second.example.org': ['192.0.2.7', '192.0.2.8'],
}
const lookUp = async (host: string): Promise<readonly string[]> => {
  const found = NAMES[host]
  if (found === undefined) throw new VpnFailure({ kind: 'nameNotResolved', host, code: 'ENOTFOUND' })
  return found
}
const taken = async (addresses: GatewayAddresses, count: number): Promise<string[]> => {
  const all: string[] = []
  for (let i = 0; i < count; i++) all.push(await addresses.take())
  return all
}

describe('the addresses of a gateway', () => {
  test('each once, then it is looked up anew', async () => {
    const addresses = new GatewayAddresses('vpn.example.org', lookUp)
    expect(await taken(addresses, 3)).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.1'])
    expect(addresses.all).toEqual(['192.0.2.1', '192.0.2.2'])
    addresses.forget()
    expect([addresses.next, await addresses.take()]).toEqual([undefined, '192.0.2.1'])
  })

  test('those it has named come behind its own, in their order, names that nobody knows left out', async () => {
    const addresses = new GatewayAddresses('192.0.2.1', lookUp)
    addresses.others(['nobody.example.org', 'second.example.org', '192.0.2.9'])
    expect(await taken(addresses, 5)).toEqual([
      '192.0.2.1',
      '192.0.2.7',
      '192.0.2.8',
      '192.0.2.9',
      '192.0.2.1',
    ])
  })

  test('a name nobody knows is told as such, unless another is known', async () => {
    const addresses = new GatewayAddresses('nobody.example.org', lookUp)
    await expect(addresses.take()).rejects.toMatchObject({
      error: { kind: 'nameNotResolved', host: 'nobody.example.org', code: 'ENOTFOUND' },
    })
    addresses.others(['192.0.2.9'])
    expect(await addresses.take()).toBe('192.0.2.9')
  })
})

test('of Cisco: the gateways it has named are tried when it answers no more', async () => {
  const world = new World()
  await world.up()
  const { connection } = world
  connection.establish(['10.78.0.10/32'], ['192.0.2.8', '192.0.2.9'])
  await world.settle()
  connection.end({ kind: 'noAnswer', exchange: 'dead peer detection', tries: 4 })
  await world.settle()
  await world.pass(2_000)
  const unreachable = { kind: 'unreachable', host: 'vpn.example.org', tries: 7 } as const
  const tried: (string | undefined)[] = []
  for (let i = 0; i < 3; i++) {
    tried.push(world.manager.snapshot().tunnels[0]?.gateway.address)
    if (i < 2) world.connection.end(unreachable)
    await world.settle()
  }
  expect(tried.slice(1)).toEqual(['192.0.2.8', '192.0.2.9'])
  world.connection.establish()
  await world.settle()
  expect(world.state()).toBe('connected')
})
