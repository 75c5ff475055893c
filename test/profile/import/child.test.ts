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
