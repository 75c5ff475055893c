import { describe, expect, test } from 'vitest'
import { usableSuites } from '../../../core/profile/import/suite-words.ts'

describe('broken words of a suite', () => {
  test('go where the suite has better of their kind', () => {
    expect(usableSuites(['aes256-3des-sha256-modp1024-modp2048'], 'ike')).toEqual({
      suites: ['aes256-sha256-modp2048'],
      weak: [],
      changes: ['left out 3des, modp1024, which is broken'],
    })
  })

  test.each([
    ['ike', 'aes256-sha256-modp1024', ['modp1024']],
    ['ike', 'aes256-sha1-modp2048', ['sha1']],
    ['esp', 'aes256gcm16-modp1024', ['modp1024']],
    ['esp', '3des-sha1', ['3des', 'sha1']],
  ] as const)('stay where a gateway is said to have nothing else: %s %s', (protocol, suite, weak) => {
    expect(usableSuites([suite], protocol)).toEqual({ suites: [suite], weak, changes: [] })
  })

  test('a suite that keeps one goes where there is a better suite', () => {
    const { suites, weak, changes } = usableSuites(['aes128-sha1-modp1024', 'aes256-sha256-modp2048'], 'ike')
    expect([suites, weak]).toEqual([['aes256-sha256-modp2048'], []])
    expect(changes).toEqual(['left out aes128-sha1-modp1024: broken, and there is better'])
  })
})

test('words of other programs are put into ours, unknown ones are left out', () => {
  expect(
    usableSuites(['AES_GCM-aes128gcm128-sha2_256-twofish-x25519', 'blowfish-sha256'], 'esp'),
  ).toMatchObject({
    suites: [],
    changes: expect.arrayContaining(['left out blowfish-sha256, which is no whole suite']),
  })
  expect(usableSuites(['aes128gcm128-modpnone', 'camellia-sha2-512'], 'esp').suites).toEqual(['aes128gcm16'])
})
