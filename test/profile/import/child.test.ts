import { expect, test } from 'vitest'
import { importFiles } from '../../../core/profile/import/import-files.ts'

const read = async (child: string) => {
  const text = `connections { office {
    version = 2
    remote_addrs = vpn.example.org
    local { auth = psk
      id = alice@example.org }
    remote { auth = psk
    }
    vips = 0.0.0.0
    children { net { ${child}
    } } } }
  secrets { ike { secret = "a key of more than twenty characters" } }`
  const result = await importFiles([{ name: 'a.conf', bytes: new TextEncoder().encode(text) }])
  return { ...result, profile: result.profiles[0]?.profile }
}

test('transport mode is taken over, as strongSwan means it: a tunnel will do', async () => {
  const { profile, report } = await read('mode = transport\n remote_ts = 192.0.2.1/32')
  expect(profile?.child).toMatchObject({ protocol: 'esp', mode: 'transportOrTunnel' })
  expect(profile?.remoteSubnets).toBeUndefined()
  expect(report.find(({ field }) => field?.endsWith('remote_ts'))).toMatchObject({
    outcome: 'ignored',
    reason: expect.stringContaining('alone'),
  })
})

test('AH with its suites; what is weak in them is switched on by name', async () => {
  const { profile } = await read('ah_proposals = sha256-ecp256, sha1')
  expect(profile?.child).toMatchObject({ protocol: 'ah', ahProposals: ['sha256-ecp256', 'sha1'] })
  expect(profile?.weak).toContain('sha1')
})

test('AH by default, and a list of which nothing can be used', async () => {
  expect((await read('ah_proposals = default')).profile?.child?.ahProposals).toEqual(['sha256-sha384-sha512'])
  const none = await read('ah_proposals = whirlpool')
  expect(none.profile).toBeUndefined()
  expect(JSON.stringify(none)).toMatch(/none of its AH suites can be used/)
})

test('an idle time is kept', async () => {
  expect((await read('inactivity = 10m')).profile?.idleSeconds).toBe(600)
})

test('a trap is kept: the first packet opens the tunnel; to start it is for the person', async () => {
  expect((await read('start_action = trap')).profile?.onDemand).toBe(true)
  expect((await read('start_action = trap|start')).profile?.onDemand).toBe(true)
  const { profile, report } = await read('start_action = start')
  expect(profile?.onDemand).toBeUndefined()
  expect(report.find(({ field }) => field?.endsWith('start_action'))).toMatchObject({ outcome: 'ignored' })
})

test('auto=route of ipsec.conf is a trap, and ondemand of Libreswan too', async () => {
  const conn = async (auto: string) => {
    const text = `conn office\n  keyexchange=ikev2\n  right=vpn.example.org\n  leftid=alice@example.org\n  authby=secret\n  leftsourceip=%config\n  auto=${auto}\n`
    const { profiles } = await importFiles([{ name: 'ipsec.conf', bytes: new TextEncoder().encode(text) }])
    return profiles[0]?.profile
  }
  expect((await conn('route'))?.onDemand).toBe(true)
  expect((await conn('ondemand'))?.onDemand).toBe(true)
  const started = await conn('start')
  expect(started).toBeDefined()
  expect(started?.onDemand).toBeUndefined()
})
