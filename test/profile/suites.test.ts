import { describe, expect, test } from 'vitest'
import { VpnFailure } from '../../core/errors.ts'
import {
  DEFAULT_ESP_SUITES,
  DEFAULT_IKE_SUITES,
  formatSuite,
  parseEspSuite,
  parseIkeSuite,
  suiteWords,
  withoutOptional,
} from '../../core/profile/suites.ts'

const ike = { source: 'test', field: 'ike.proposals', weak: [] }
const esp = { source: 'test', field: 'esp.proposals', weak: [] }
const errorOf = (work: () => unknown) => {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof VpnFailure) return thrown.error
    throw thrown
  }
  return undefined
}

describe('suite strings', () => {
  test('RFC 7296 §3.3.2: an AEAD suite names encryption with key length, PRF and group', () => {
    expect(parseIkeSuite('aes256gcm16-prfsha384-ecp384', ike)).toEqual([
      { type: 1, id: 20, keyBits: 256 },
      { type: 2, id: 6 },
      { type: 4, id: 20 },
    ])
  })

  test('RFC 7296 §3.3: an integrity algorithm brings its PRF along, unless one is named', () => {
    expect(parseIkeSuite('aes128-sha256-modp2048', ike)).toContainEqual({ type: 2, id: 5 })
    const cmac = parseIkeSuite('aes128-sha256-prfaescmac-modp2048', ike)
    expect(cmac.filter(({ type }) => type === 2)).toEqual([{ type: 2, id: 8 }])
  })

  test('RFC 4303 §2.2.1: ESP prefers extended sequence numbers and accepts plain ones', () => {
    expect(parseEspSuite('aes128gcm16', esp)).toEqual([
      { type: 1, id: 20, keyBits: 128 },
      { type: 5, id: 1 },
      { type: 5, id: 0 },
    ])
    expect(parseEspSuite('aes128gcm16-noesn', esp).filter(({ type }) => type === 5)).toEqual([
      { type: 5, id: 0 },
    ])
  })

  test('the defaults parse with nothing weak switched on', () => {
    for (const suite of DEFAULT_IKE_SUITES) expect(parseIkeSuite(suite, ike).length).toBeGreaterThan(3)
    for (const suite of DEFAULT_ESP_SUITES) expect(parseEspSuite(suite, esp).length).toBeGreaterThan(2)
  })

  test('what is parsed prints the same again', () => {
    expect(formatSuite(parseIkeSuite('aes256-aes128-prfsha256-sha256-ecp256', ike))).toBe(
      'aes256-aes128-prfsha256-sha256-ecp256',
    )
    expect(formatSuite(parseEspSuite('chacha20poly1305-curve25519-esn', esp))).toBe(
      'chacha20poly1305-curve25519-esn',
    )
    expect(formatSuite([{ type: 4, id: 33 }])).toBe('4:33')
  })

  test('RFC 9370 §2.2.1: additional key exchanges, as strongSwan spells them', () => {
    const suite = 'aes256gcm16-prfsha384-curve25519-ke1_mlkem768-ke1_none-ke2_ecp384'
    const proposal = parseIkeSuite(suite, ike)
    expect(formatSuite(proposal)).toBe(suite)
    expect(proposal.filter(({ type }) => type >= 6)).toEqual([
      { type: 6, id: 36 },
      { type: 6, id: 0 },
      { type: 7, id: 20 },
    ])
    expect(() => parseIkeSuite('aes256gcm16-prfsha384-ke1_mlkem768', ike)).toThrow(VpnFailure)
    expect(() => parseIkeSuite('aes256gcm16-prfsha384-curve25519-ke1_sha256', ike)).toThrow(VpnFailure)
    expect(() => parseIkeSuite('aes256gcm16-prfsha384-curve25519-ke8_ecp384', ike)).toThrow(VpnFailure)
    expect(() => parseIkeSuite('aes256gcm16-prfsha384-none', ike)).toThrow(VpnFailure)
  })

  test('where all of them may be left out, a proposal without goes along for those who know none', () => {
    const parsed = (suite: string) => withoutOptional(parseIkeSuite(suite, ike)).map(formatSuite)
    const base = 'aes256gcm16-prfsha384-curve25519'
    expect(parsed(`${base}-ke1_mlkem768-ke1_none`)).toEqual([`${base}-ke1_mlkem768-ke1_none`, base])
    expect(parsed(`${base}-ke1_mlkem768`)).toEqual([`${base}-ke1_mlkem768`])
    expect(parsed(base)).toEqual([base])
  })

  test('no two words stand for the same transform', () => {
    const keys = suiteWords().map(({ type, id, keyBits }) => `${type}:${id}:${keyBits}`)
    expect(new Set(keys).size).toBe(keys.length)
  })

  test.each(['des', '3des', 'sha1', 'md5', 'modp768', 'modp1024', 'modp1536'])(
    '%s needs the switch that names it',
    (word) => {
      const parts = {
        des: 'des-sha256-modp2048',
        '3des': '3des-sha256-modp2048',
        sha1: 'aes128-sha1-modp2048',
        md5: 'aes128-md5-modp2048',
      }
      const suite = parts[word as keyof typeof parts] ?? `aes128-sha256-${word}`
      const error = errorOf(() => parseIkeSuite(suite, ike))
      expect(error).toMatchObject({ kind: 'weakAlgorithm', algorithm: word, switch: `"weak": ["${word}"]` })
      expect(parseIkeSuite(suite, { ...ike, weak: [word] }).length).toBe(4)
    },
  )

  test('ESP without encryption needs the switch', () => {
    expect(errorOf(() => parseEspSuite('null-sha256', esp))).toMatchObject({ algorithm: 'null' })
  })

  test.each([
    ['aes256gcm16-ecp256', 'no PRF'],
    ['aes256gcm16-prfsha256', 'no key exchange'],
    ['prfsha256-ecp256', 'no encryption'],
    ['aes128-prfsha256-ecp256', 'no integrity'],
    ['aes128gcm16-sha256-ecp256', 'brings its own'],
    ['aes128gcm16-aes128-sha256-ecp256', 'mixes'],
    ['aes129-sha256-ecp256', 'not an algorithm'],
    ['', 'not an algorithm'],
  ])('"%s" is refused: %s', (suite, problem) => {
    const error = errorOf(() => parseIkeSuite(suite, ike))
    expect(error).toMatchObject({ kind: 'profileInvalid', field: 'ike.proposals' })
    expect(error?.kind === 'profileInvalid' && error.problem).toContain(problem)
  })
})
