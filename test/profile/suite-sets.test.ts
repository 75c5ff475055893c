import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { VpnFailure } from '../../core/errors.ts'
import { connectionConfig } from '../../core/profile/config.ts'
import { exportProfileAs } from '../../core/profile/export/export.ts'
import { requireProfile } from '../../core/profile/schema.ts'
import { SUITE_SETS, type SuiteSetName } from '../../core/profile/suite-sets.ts'
import { suiteInWords, weakWords } from '../../core/profile/suite-words.ts'
import { formatSuite } from '../../core/profile/suites.ts'

const profile = (change: object = {}) =>
  requireProfile(
    {
      ...{ format: 'culvert-profile', version: 1, id: 'office', name: 'Office', localId: 'alice' },
      ...{ gateway: { host: 'vpn.example.org' }, auth: { method: 'psk' } },
      ...change,
    },
    'test',
  )
const offered = (change: object) => {
  const psk = Secret.fromText('key')
  const { ikeProposals, espProposals } = connectionConfig(
    profile(change),
    new Map([['psk', psk]]),
    '192.0.2.1',
  )
  psk.close()
  return { ike: ikeProposals.map(formatSuite), esp: espProposals.map(formatSuite) }
}
const named = (name: string) => ({ ike: { proposals: [name] }, esp: { proposals: [name] } })
const faultOf = (work: () => unknown) => {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return thrown.error
    throw thrown
  }
  return undefined
}
const names = Object.keys(SUITE_SETS) as SuiteSetName[]

describe('suites under one name', () => {
  test.each(names)('%s stands for suites that are whole, without a switch of its own', (name) => {
    const { ike, esp } = offered(named(name))
    expect([ike.length, esp.length].every((count) => count > 0)).toBe(true)
  })

  test('default is what is offered where nothing is said', () => {
    expect(offered(named('default'))).toEqual(offered({}))
  })

  test('CNSA 2: strict is AES-256, SHA-384 and ML-KEM-1024, and none of it may be left out', () => {
    const { ike, esp } = offered(named('strict'))
    expect(ike).toEqual(['aes256gcm16-prfsha384-ecp384-ke1_mlkem1024'])
    expect(esp.map((suite) => suite.split('-').sort())).toEqual([
      ['aes256gcm16', 'esn', 'ke1_mlkem1024', 'noesn'],
    ])
  })

  test('a name beside suites of one’s own, in their order', () => {
    const { ike } = offered({ ike: { proposals: ['aes128gcm16-prfsha256-ecp256', 'strict'] } })
    expect(ike).toEqual(['aes128gcm16-prfsha256-ecp256', 'aes256gcm16-prfsha384-ecp384-ke1_mlkem1024'])
  })

  test('what is weak is switched on by the name alone, and not for the suites of the other phase', () => {
    expect(offered(named('legacy')).ike.join()).toContain('modp1024')
    expect(
      faultOf(() => profile({ ike: { proposals: ['legacy'] }, esp: { proposals: ['3des-sha1'] } })),
    ).toMatchObject({
      kind: 'weakAlgorithm',
      algorithm: '3des',
    })
  })

  test('only legacy has what can be broken; compatible has SHA-1 besides', () => {
    const weakIn = (name: SuiteSetName) =>
      [...SUITE_SETS[name].ike, ...SUITE_SETS[name].esp].flatMap((suite) =>
        weakWords(suite).map(({ word }) => word),
      )
    for (const name of names)
      expect([...new Set(weakIn(name))].sort()).toEqual([...SUITE_SETS[name].weak].sort())
    expect([weakIn('strict'), weakIn('default'), [...new Set(weakIn('compatible'))]]).toEqual([
      [],
      [],
      ['sha1'],
    ])
  })

  test('in words, with what is weak about them', () => {
    expect(suiteInWords('strict')).toContain('ML-KEM-1024')
    expect(weakWords('legacy').map(({ word }) => word)).toEqual(['sha1', '3des', 'modp1536', 'modp1024'])
  })

  test('for other programs they are spelled out', () => {
    const exported = JSON.stringify(exportProfileAs(profile(named('strict')), 'swanctl'))
    expect(exported).toContain('ke1_mlkem1024')
    expect(exported).not.toContain('strict')
  })
})

describe('RFC 9370: key exchanges that are insisted on', () => {
  test.each([1, 'auto'])('are nothing for IKE version %s, which would be a way around them', (version) => {
    for (const suite of ['strict', 'aes256gcm16-prfsha384-ecp384-ke1_mlkem768'])
      expect(faultOf(() => profile({ ike: { version, proposals: [suite] } }))).toMatchObject({
        kind: 'profileInvalid',
        field: 'ike.version',
      })
  })

  test('those that may be left out may be', () => {
    expect(() =>
      profile({
        ike: { version: 'auto', proposals: ['aes256gcm16-prfsha384-ecp384-ke1_mlkem768-ke1_none'] },
      }),
    ).not.toThrow()
  })
})
