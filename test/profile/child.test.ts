import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { VpnFailure } from '../../core/errors.ts'
import { closeSecrets } from '../../core/ike/config.ts'
import { connectionConfig } from '../../core/profile/config.ts'
import { toSwanctl } from '../../core/profile/export/swanctl.ts'
import { requireProfile } from '../../core/profile/schema.ts'

const profileOf = (parts: object) =>
  requireProfile(
    {
      format: 'culvert-profile',
      version: 1,
      id: 'office',
      name: 'Office',
      gateway: { host: '192.0.2.1' },
      localId: 'alice@example.org',
      auth: { method: 'psk' },
      ...parts,
    },
    'test',
  )

function configOf(parts: object) {
  const config = connectionConfig(
    profileOf(parts),
    new Map([['psk', Secret.fromText('key of the tests')]]),
    '192.0.2.1',
  )
  closeSecrets(config)
  return config
}

function faultOf(parts: object) {
  try {
    profileOf(parts)
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return thrown.error
    throw thrown
  }
  return undefined
}

describe('what protects packets', () => {
  test('ESP in tunnel mode where nothing is said', () => {
    expect(configOf({})).not.toHaveProperty('protection')
    expect(configOf({ child: {} }).protection).toEqual({ protocol: 'esp', mode: 'tunnel' })
  })

  test('RFC 4302, RFC 8221 §6: AH with HMAC-SHA-2, both kinds of sequence numbers, the longer first', () => {
    const config = configOf({ child: { protocol: 'ah' } })
    expect(config.ahProposals).toEqual([
      [
        { type: 3, id: 12 },
        { type: 3, id: 13 },
        { type: 3, id: 14 },
        { type: 5, id: 1 },
        { type: 5, id: 0 },
      ],
    ])
  })

  test('RFC 3948 §1: AH is not put into UDP, even where that is forced, and RFC 4555 §3.1: it does not move', () => {
    const on = { ike: { mobike: true }, forceEncapsulation: true }
    expect(configOf(on)).toMatchObject({ forceEncapsulation: true, mobike: true })
    const ah = configOf({ ...on, child: { protocol: 'ah' } })
    expect(ah).toMatchObject({ forceEncapsulation: false, mobike: false })
  })

  test('groups of its suites are for fresh secrecy, as those of ESP are', () => {
    const config = configOf({ child: { protocol: 'ah', ahProposals: ['sha384-ecp384'] } })
    expect(config.pfsGroups).toEqual([20])
    expect(config.ahProposals?.flat().some(({ type }) => type === 4)).toBe(false)
  })

  test('transport mode asks for no addresses and names no networks', () => {
    const config = configOf({ child: { mode: 'transport' } })
    expect(config).toMatchObject({
      requestAddresses: { ipv4: false, ipv6: false },
      localSelectors: [],
      remoteSelectors: [],
      mobike: false,
    })
  })

  test('IKEv1 may have both on one packet', () => {
    const config = configOf({ ike: { version: 1 }, child: { protocol: 'ah+esp', mode: 'transport' } })
    expect(config.protection).toEqual({ protocol: 'ah+esp', mode: 'transport' })
  })
})

describe('faults', () => {
  test.each([
    [{ child: { protocol: 'gre' } }, 'child.protocol', /"esp", "ah" or "ah\+esp" is expected/],
    [{ child: { mode: 'beet' } }, 'child.mode', /"tunnel", "transport"/],
    [{ child: { ahProposals: [] } }, 'child.ahProposals', /at least one suite/],
    [{ child: { ahProposals: ['aes128gcm16'] } }, 'child.ahProposals', /neither encryption nor a PRF/],
    [{ child: { ahProposals: ['ecp256'] } }, 'child.ahProposals', /names no integrity/],
    [{ child: { protocol: 'ah+esp' } }, 'child.protocol', /only IKEv1 can agree/],
    [{ ike: { version: 'auto' }, child: { protocol: 'ah+esp' } }, 'child.protocol', /only IKEv1/],
    [{ child: { mode: 'transport' }, localSubnets: ['10.0.0.0/8'] }, 'localSubnets', /alone: leave it out/],
    [{ child: { mode: 'transport' }, remoteSubnets: ['10.0.0.0/8'] }, 'remoteSubnets', /alone: leave it out/],
    [{ child: { mode: 'transportOrTunnel' }, killSwitch: true }, 'killSwitch', /the way to the gateway/],
  ])('%j', (parts, field, problem) => {
    expect(faultOf(parts)).toMatchObject({ kind: 'profileInvalid', field })
    expect(faultOf(parts)).toMatchObject({ problem: expect.stringMatching(problem) })
  })

  test('what is weak needs its switch', () => {
    const parts = { child: { protocol: 'ah', ahProposals: ['sha1'] } }
    expect(faultOf(parts)).toMatchObject({ kind: 'weakAlgorithm', algorithm: 'sha1' })
    expect(faultOf({ ...parts, weak: ['sha1'] })).toBeUndefined()
  })
})

describe('swanctl.conf', () => {
  test('has AH proposals in the place of those of ESP, and the mode', () => {
    const { text } = toSwanctl(profileOf({ child: { protocol: 'ah', mode: 'transport' } }))
    expect(text).toContain('ah_proposals = sha256-sha384-sha512')
    expect(text).toContain('mode = transport')
    expect(text).not.toContain('esp_proposals')
    expect(text).not.toContain('remote_ts')
    expect(text).not.toContain('vips')
    expect(text).toContain('encap = no')
  })

  test('strongSwan has no words for both at once, nor for a mode that may be either', () => {
    const both = toSwanctl(
      profileOf({ ike: { version: 1 }, child: { protocol: 'ah+esp', mode: 'transportOrTunnel' } }),
    )
    expect(both.losses.join(' ')).toMatch(/AH and ESP/)
    expect(both.losses.join(' ')).toMatch(/takes a tunnel where the gateway wants/)
  })
})
