import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseEnv } from './interop/lab.ts'
import { canonical, differences } from './interop/machine-state.ts'
import {
  EXPECTED_FAULTS,
  EXTRA_CHECKS,
  parseScenarios,
  REPRESENTATIVE,
  unsupportedReason,
} from './interop/scenarios.ts'
import { parseProposal, parseProposals } from './interop/suites.ts'

const scenarios = parseScenarios(readFileSync(new URL('./lab/scenarios.tab', import.meta.url), 'utf8'))

describe('proposals in the notation of the gateways', () => {
  test('AEAD: encryption with key length, PRF, group, no integrity', () => {
    expect(parseProposal('aes256gcm16-prfsha384-ecp384', 'IKE')).toEqual({
      encryption: [{ name: 'ENCR_AES_GCM_16', keyBits: 256 }],
      prf: ['PRF_HMAC_SHA2_384'],
      integrity: [],
      keyExchange: ['ECP_384'],
    })
  })

  test('an IKE proposal without a PRF takes the one of its integrity algorithm', () => {
    expect(parseProposal('aes128-aesxcbc-modp2048', 'IKE').prf).toEqual(['PRF_AES128_XCBC'])
    expect(parseProposal('aes128-sha256-prfaescmac-modp2048', 'IKE').prf).toEqual(['PRF_AES128_CMAC'])
  })

  test('ESP has no PRF', () => {
    expect(parseProposal('aes128-aescmac', 'ESP')).toEqual({
      encryption: [{ name: 'ENCR_AES_CBC', keyBits: 128 }],
      prf: [],
      integrity: ['AUTH_AES_CMAC_96'],
      keyExchange: [],
    })
  })

  test('ciphers of one key length carry none', () => {
    expect(parseProposal('3des-sha1', 'ESP').encryption).toEqual([{ name: 'ENCR_3DES' }])
    expect(parseProposal('chacha20poly1305', 'ESP').encryption).toEqual([{ name: 'ENCR_CHACHA20_POLY1305' }])
  })

  test('several alternatives of one type keep their order', () => {
    expect(parseProposal('aes256gcm16-prfsha384-ecp256-ecp384', 'IKE').keyExchange).toEqual([
      'ECP_256',
      'ECP_384',
    ])
  })

  test('`default` is no proposal, an unknown word is an error', () => {
    expect(parseProposals('default', 'IKE')).toEqual([])
    expect(() => parseProposals('aes128-rot13', 'ESP')).toThrow('rot13')
  })

  test('every PSK scenario of the table can be read', () => {
    for (const { name, settings } of scenarios) {
      if (unsupportedReason({ name, settings, description: '' })) continue
      for (const key of ['ike', 'cike']) parseProposals(settings.get(key) ?? 'default', 'IKE')
      for (const key of ['esp', 'cesp']) parseProposals(settings.get(key) ?? 'default', 'ESP')
    }
  })
})

describe('the scenario table', () => {
  test('a line is a name, settings and a description', () => {
    expect(parseScenarios('# comment\nikev2-x gw=psk hook=a:b=c # what it is\n')).toEqual([
      {
        name: 'ikev2-x',
        settings: new Map([
          ['gw', 'psk'],
          ['hook', 'a:b=c'],
        ]),
        description: 'what it is',
      },
    ])
  })

  test('what this runner names exists and is supported', () => {
    const supported = scenarios
      .filter((each) => unsupportedReason(each) === undefined)
      .map((each) => each.name)
    for (const name of [
      ...REPRESENTATIVE.direct,
      ...REPRESENTATIVE.nat,
      ...Object.keys(EXPECTED_FAULTS),
      ...Object.keys(EXTRA_CHECKS),
    ]) {
      expect(supported).toContain(name)
    }
    expect(supported.filter((name) => name.startsWith('ikev2-alg-'))).toHaveLength(16)
  })

  test('a supported scenario that must fail says how', () => {
    for (const each of scenarios) {
      if (unsupportedReason(each) !== undefined) continue
      expect(each.name in EXPECTED_FAULTS).toBe(each.settings.get('expect') === 'fail')
    }
  })

  test('an unsupported one says why', () => {
    const reason = (name: string): string | undefined =>
      unsupportedReason(scenarios.find((each) => each.name === name)!)
    expect(reason('ikev1-main-psk')).toContain('IKEv1')
    expect(reason('ikev2-eap-mschapv2')).toContain('eap-mschapv2')
    expect(reason('ikev2-mlkem768')).toContain('ML-KEM')
    expect(reason('ikev2-psk')).toBeUndefined()
  })
})

describe('what a run leaves behind', () => {
  test('lab settings are read with and without quotes', () => {
    expect(parseEnv("A_B=1\nC='x y'\nnoise\n")).toEqual(
      new Map([
        ['A_B', '1'],
        ['C', 'x y'],
      ]),
    )
  })

  test('order and remaining lifetimes do not count as a change', () => {
    expect(canonical('[{"b":1,"valid_life_time":9},{"a":1}]')).toBe(
      canonical('[{"a":1},{"b":1,"valid_life_time":8}]'),
    )
  })

  test('a difference names view and line', () => {
    expect(differences(new Map([['routes', 'a\nb']]), new Map([['routes', 'b\nc']]))).toEqual([
      'routes: +c -a',
    ])
  })
})
