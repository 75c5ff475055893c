import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { TunnelPlan } from '../../core/net/plan.ts'
import { Namespace } from './namespace.ts'

const MARK = '0x43560001'

const FULL: TunnelPlan = {
  device: 'culvert0',
  mtu: 1400,
  addresses: ['10.78.0.10/32'],
  routes: ['0.0.0.0/0'],
  bypass: ['192.168.0.0/16'],
  unreachable: ['::/0'],
  dns: { servers: ['10.78.0.1'], search: ['corp.example'], only: [] },
}

let space: Namespace
let before: string

beforeEach(() => {
  space = new Namespace()
  before = space.state()
})
afterEach(() => space.remove())

async function tunnel(plan: TunnelPlan = FULL) {
  const host = await space.host()
  expect(host.opened.error).toBeUndefined()
  expect((await host.call('openTun', plan.device)).value).toMatchObject({ device: plan.device })
  expect((await host.call('apply', plan)).error).toBeUndefined()
  return host
}

const deviceTo = (to: string, more = ''): unknown => space.json(`route get ${to}${more}`)[0]?.dev

describe('RFC 9464: name servers that are asked through TLS', () => {
  const encrypted = [
    { address: '10.78.0.2', port: 853, name: 'dns.corp.example' },
    { address: 'fd78::2', port: 8853, name: 'dns.corp.example' },
  ]
  const plan: TunnelPlan = { ...FULL, dns: { ...FULL.dns!, encrypted } }

  test('without systemd-resolved the plain ones are asked, and that is said', async () => {
    const host = await tunnel()
    const { notes } = await host.call('apply', plan)
    expect(notes.join()).toMatch(/encrypted name servers: the plain ones are asked/)
    expect(space.resolv()).toContain('nameserver 10.78.0.1\n')
    const alone = { ...plan, dns: { ...plan.dns!, servers: [] } }
    expect((await host.call('apply', alone)).notes.join()).toMatch(/the gateway's are not used/)
    expect(space.resolv()).not.toContain('10.78.0.1')
    await host.call('restore', 'culvert0')
    expect(space.state()).toBe(before)
  })

  test('systemd-resolved asks them strictly by name, and nothing of that stays', async () => {
    const said = join(space.folder, 'said')
    mkdirSync(join(space.folder, 'bin'))
    writeFileSync(join(space.folder, 'bin/resolvectl'), `#!/bin/sh\necho "$*" >> ${said}\n`, { mode: 0o755 })
    writeFileSync(space.resolvConf, 'nameserver 127.0.0.53\n')
    const overlay = `mount -t overlay overlay -o lowerdir=${space.folder}/bin:/usr/bin /usr/bin`
    const host = await space.host(overlay)
    const calls = (): readonly string[] => readFileSync(said, 'utf8').trim().split('\n')
    await host.call('openTun', 'culvert0')
    expect((await host.call('apply', plan)).error).toBeUndefined()
    expect(calls()).toContain('dnsovertls culvert0 yes')
    expect(calls()).toContain('dns culvert0 10.78.0.2#dns.corp.example [fd78::2]:8853#dns.corp.example')
    writeFileSync(said, '')
    expect((await host.call('apply', FULL)).error).toBeUndefined()
    expect(calls().slice(0, 2)).toEqual(['revert culvert0', 'dns culvert0 10.78.0.1'])
    await host.call('restore', 'culvert0')
    expect(calls().at(-1)).toBe('revert culvert0')
  })
})

describe('a plan', () => {
  test('a full tunnel takes everything but marked packets, what is bypassed, and IPv6', async () => {
    await tunnel()
    expect(deviceTo('198.51.100.1')).toBe('culvert0')
    expect(space.json('route get 198.51.100.1')[0]?.prefsrc).toBe('10.78.0.10')
    expect(deviceTo('198.51.100.1', ` mark ${MARK}`)).toBe('up0')
    expect(deviceTo('192.168.7.7')).toBe('up0')
    expect(() => space.ip('-6 route get 2001:db8:1::1')).toThrow(/No route to host/)
    expect(space.json(`-6 route get 2001:db8:1::1 mark ${MARK}`)[0]?.dev).toBe('up0')
    expect(space.json('link show culvert0')[0]).toMatchObject({ mtu: 1400 })
    expect(space.resolv()).toContain('nameserver 10.78.0.1\nsearch corp.example\n')
    expect(space.sh('cat /proc/sys/net/ipv4/conf/up0/rp_filter')).toBe('2\n')
  })

  test('both families: each route prefers the address of its family', async () => {
    await tunnel({
      ...FULL,
      addresses: ['10.78.0.10/32', 'fd78::10/128'],
      routes: ['10.1.0.0/16', 'fd01::/16'],
      unreachable: [],
    })
    expect(space.json('-6 route get fd01::1')[0]).toMatchObject({ dev: 'culvert0', prefsrc: 'fd78::10' })
    expect(deviceTo('10.1.2.3')).toBe('culvert0')
    expect(deviceTo('10.2.0.1')).toBe('up0')
  })

  test('another plan for the same device applies the difference', async () => {
    const host = await tunnel()
    const next = {
      ...FULL,
      addresses: ['10.78.0.11/32'],
      routes: ['10.1.0.0/16'],
      bypass: [],
      unreachable: [],
    }
    expect((await host.call('apply', next)).error).toBeUndefined()
    expect(space.json('addr show culvert0')[0]?.addr_info).toMatchObject([{ local: '10.78.0.11' }])
    expect(space.json('route show table 51000')).toMatchObject([
      { dst: '10.1.0.0/16', prefsrc: '10.78.0.11' },
    ])
    expect(space.json('-6 rule').some((rule) => rule.table === '51000')).toBe(false)
    await host.call('restore', 'culvert0')
    expect(space.state()).toBe(before)
  })
})

describe('the way back', () => {
  test('restore leaves the machine as it was, and may be repeated', async () => {
    const host = await tunnel()
    expect(space.state()).not.toBe(before)
    for (let i = 0; i < 2; i++) expect((await host.call('restore', 'culvert0')).error).toBeUndefined()
    expect(space.state()).toBe(before)
  })

  test('close undoes everything and ends the helper', async () => {
    const host = await tunnel()
    const helper = host.helperPid
    await host.call('close')
    expect(space.state()).toBe(before)
    expect(() => process.kill(helper, 0)).toThrow()
  })

  test('the death of its owner is enough for the helper to undo everything', async () => {
    const host = await tunnel()
    await host.kill()
    await vi.waitFor(() => expect(space.state()).toBe(before), { timeout: 10_000 })
  })

  test('kill -9 of both: the next start undoes what they left', async () => {
    const host = await tunnel()
    process.kill(host.helperPid, 'SIGKILL')
    await host.kill()
    expect(space.state()).not.toBe(before)
    await space.host()
    expect(space.state()).toBe(before)
  })

  test('a resolv.conf that somebody else wrote meanwhile is left alone, and that is said', async () => {
    const host = await tunnel()
    space.sh('echo "nameserver 192.0.2.99" > /etc/resolv.conf')
    const { notes } = await host.call('restore', 'culvert0')
    expect(space.resolv()).toBe('nameserver 192.0.2.99\n')
    expect(notes.join()).toMatch(/left as it is/)
  })

  test('two programs with a tunnel each: the last one to end brings the original back', async () => {
    const first = await tunnel()
    const second = await tunnel({ ...FULL, device: 'culvert1', routes: ['10.1.0.0/16'], unreachable: [] })
    await first.call('close')
    expect(space.resolv()).toContain('10.78.0.1')
    expect(space.sh('cat /proc/sys/net/ipv4/conf/up0/rp_filter')).toBe('2\n')
    await second.call('close')
    expect(space.state()).toBe(before)
  })
})

describe('bad arguments are refused by the helper itself', () => {
  test.each([
    ['a device that is not ours', { ...FULL, device: 'eth0' }],
    ['a device it did not open', { ...FULL, device: 'culvert7' }],
    ['host bits in a route', { ...FULL, routes: ['10.1.2.3/8'] }],
    ['an MTU too small', { ...FULL, mtu: 100 }],
    ['an MTU too small for IPv6', { ...FULL, mtu: 1279, addresses: ['fd78::1/128'] }],
    ['a multicast address', { ...FULL, addresses: ['224.0.0.1/32'] }],
    [
      'a search domain with a newline',
      { ...FULL, dns: { servers: ['10.0.0.1'], search: ['a\nb'], only: [] } },
    ],
    [
      'more routes than the bound',
      { ...FULL, routes: Array.from({ length: 513 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`) },
    ],
  ])('%s', async (_, plan) => {
    const host = await space.host()
    await host.call('openTun', 'culvert0')
    expect((await host.call('apply', plan)).error?.kind).toBe('systemRefused')
    await host.call('restore', 'culvert0')
    expect(space.state()).toBe(before)
  })

  test('a port that is not of IKE, a protocol that is not of IPsec, a device name of somebody else', async () => {
    const host = await space.host()
    expect((await host.call('openUdp', { address: '192.0.2.1', port: 53 })).error?.kind).toBe('systemRefused')
    const other = { address: '192.0.2.1', protocol: 1 as 50 }
    expect((await host.call('openRaw', other)).error?.kind).toBe('systemRefused')
    expect((await host.call('openRaw', { address: '192.0.2.1', protocol: 50 })).value).toMatchObject({
      local: '192.0.2.2',
    })
    expect((await host.call('openTun', '../etc')).error?.kind).toBe('systemRefused')
    expect((await host.call('openUdp', { address: '192.0.2.1', port: 500 })).value).toMatchObject({
      local: { address: '192.0.2.2' },
    })
  })
})
