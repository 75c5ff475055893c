import { execFileSync, spawnSync } from 'node:child_process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TunnelPlan } from '../../core/net/plan.ts'
import { Namespace } from './namespace.ts'

// What a hostile network, or a neighbour in it, tries in order to get at the traffic of a tunnel.

const PLAN: TunnelPlan = {
  device: 'culvert0',
  mtu: 1400,
  addresses: ['10.78.0.10/32', 'fd78::10/128'],
  routes: ['0.0.0.0/0', '::/0'],
  bypass: [],
  unreachable: [],
}
const SPLIT = { ...PLAN, routes: ['10.77.0.0/24', 'fd77::/64'] }

let space: Namespace
/** The other end of the uplink: whoever runs the network. */
let neighbour: string

beforeEach(() => {
  space = new Namespace()
  neighbour = `${space.name}n`
  execFileSync('ip', ['netns', 'add', neighbour])
  space.ip(`link set up1 netns ${neighbour}`)
  for (const command of [
    'link set up1 addrgenmode none',
    'link set up1 up',
    'addr add 192.0.2.1/24 dev up1',
    'addr add 2001:db8::1/64 dev up1 nodad',
    'route add 10.78.0.10 via 192.0.2.2',
    '-6 route add fd78::10 via 2001:db8::2',
  ])
    execFileSync('ip', ['-n', neighbour, ...command.split(' ')])
})
afterEach(async () => {
  await space.remove()
  execFileSync('ip', ['netns', 'del', neighbour])
})

async function tunnel(plan: TunnelPlan) {
  const host = await space.host()
  expect((await host.call('openTun', plan.device)).value).toMatchObject({ device: plan.device })
  const applied = await host.call('apply', plan)
  expect([applied.error, applied.notes]).toEqual([undefined, []])
  return host
}

const deviceTo = (to: string, more = ''): unknown => space.json(`route get ${to}${more}`)[0]?.dev
const answers = (from: string, to: string): boolean =>
  spawnSync('ip', ['netns', 'exec', from, 'ping', '-n', '-q', '-c', '1', '-W', '1', to], { stdio: 'ignore' })
    .status === 0

test('CVE-2024-3661 (TunnelVision): routes that DHCP hands out, however narrow, take nothing out of a full tunnel', async () => {
  await tunnel(PLAN)
  for (const network of ['0.0.0.0/1', '128.0.0.0/1', '198.51.100.0/24', '198.51.100.7/32'])
    space.ip(`route add ${network} via 192.0.2.1 metric 1`)
  space.ip('-6 route add 2001:db8:7::/48 via 2001:db8::1 metric 1')
  expect([deviceTo('198.51.100.7'), deviceTo('9.9.9.9'), deviceTo('200.1.1.1')]).toEqual([
    'culvert0',
    'culvert0',
    'culvert0',
  ])
  expect(space.json('-6 route get 2001:db8:7::7')[0]?.dev).toBe('culvert0')
})

test('CVE-2023-36673 (TunnelCrack): only our own socket goes around the tunnel, whatever address the gateway seems to have', async () => {
  const host = await tunnel(PLAN)
  expect((await host.call('openUdp', { address: '198.51.100.7', port: 500 })).error).toBeUndefined()
  expect(deviceTo('198.51.100.7')).toBe('culvert0')
  expect(deviceTo('198.51.100.7', ' mark 0x43560001')).toBe('up0')
})

test('CVE-2019-14899: who is on the same link gets no answer from the addresses of the tunnel', async () => {
  const host = await tunnel(SPLIT)
  expect(answers(neighbour, '192.0.2.2')).toBe(true)
  expect([answers(neighbour, '10.78.0.10'), answers(neighbour, 'fd78::10')]).toEqual([false, false])
  // This computer itself does, and the neighbour too where nobody guards them: the packets do arrive.
  expect([answers(space.name, '10.78.0.10'), answers(space.name, 'fd78::10')]).toEqual([true, true])
  space.sh('nft delete table inet culvert0_guard')
  expect([answers(neighbour, '10.78.0.10'), answers(neighbour, 'fd78::10')]).toEqual([true, true])

  expect((await host.call('apply', { ...SPLIT, addresses: ['10.78.0.11/32'] })).error).toBeUndefined()
  expect(space.sh('nft list tables')).toBe('table inet culvert0_guard\n')
  await host.call('close')
  expect(space.sh('nft list tables')).toBe('')
})

test('an address this computer has anyway is not guarded', async () => {
  await tunnel({ ...SPLIT, addresses: ['192.0.2.2/32'] })
  expect(answers(neighbour, '192.0.2.2')).toBe(true)
})

test('kill -9 of both: the next start ends the guard', async () => {
  const host = await tunnel(SPLIT)
  const helper = host.helperPid
  await host.kill()
  try {
    process.kill(helper, 'SIGKILL')
  } catch {
    // It was quicker.
  }
  const next = await space.host()
  expect(next.opened.error).toBeUndefined()
  expect(space.sh('nft list tables')).toBe('')
})
