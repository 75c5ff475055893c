import { describe, expect, test } from 'vitest'
import { parseIkeSuite } from '../../core/profile/suites.ts'
import { probedSuites } from '../../electron/probed-suites.ts'

const NOTHING2 = { state: 'refuses', encryption: [], integrity: [], prf: [], groups: [] } as const
const NOTHING1 = {
  ...({
    state: 'silent',
    authentication: [],
    encryption: [],
    hash: [],
    groups: [],
    aggressive: false,
  } as const),
}
const context = (weak: readonly string[] = []) => ({ source: 'test', field: 'ike.proposals', weak })

describe('what a gateway accepts, as suites of a profile', () => {
  test('ciphers with an integrity of their own stand in a suite of their own (RFC 7296 §3.3)', () => {
    const { ikev2 } = probedSuites({
      ikev2: {
        state: 'accepts',
        encryption: ['ENCR_AES_GCM_16_256', 'ENCR_CHACHA20_POLY1305', 'ENCR_AES_CBC_128'],
        integrity: ['AUTH_HMAC_SHA2_256_128'],
        prf: ['PRF_HMAC_SHA2_256', 'PRF_HMAC_SHA2_384'],
        groups: ['CURVE25519', 'ECP_384', 'ML_KEM_768'],
      },
      ikev1: NOTHING1,
    })
    expect(ikev2).toEqual([
      'aes256gcm16-chacha20poly1305-prfsha256-prfsha384-curve25519-ecp384-mlkem768',
      'aes128-sha256-prfsha256-prfsha384-curve25519-ecp384-mlkem768',
    ])
    for (const suite of ikev2) expect(() => parseIkeSuite(suite, context())).not.toThrow()
  })

  test('what is weak is left out where there is something else, of each kind by itself', () => {
    const found = {
      state: 'accepts' as const,
      encryption: ['ENCR_AES_CBC_256', 'ENCR_3DES'],
      integrity: ['AUTH_HMAC_SHA2_256_128', 'AUTH_HMAC_SHA1_96'],
      prf: ['PRF_HMAC_SHA2_256', 'PRF_HMAC_SHA1'],
      groups: ['MODP_2048', 'MODP_1024'],
    }
    expect(probedSuites({ ikev2: found, ikev1: NOTHING1 }).ikev2).toEqual([
      'aes256-sha256-prfsha256-modp2048',
    ])
    const old = { ...found, groups: ['MODP_1024'] }
    const [suite = ''] = probedSuites({ ikev2: old, ikev1: NOTHING1 }).ikev2
    expect(suite).toBe('aes256-sha256-prfsha256-modp1024')
    // Nobody is made weak without a switch.
    expect(() => parseIkeSuite(suite, context())).toThrow()
    expect(() => parseIkeSuite(suite, context(['modp1024']))).not.toThrow()
  })

  test('a weak suite is of no use beside one that is not', () => {
    const { ikev2 } = probedSuites({
      ikev2: {
        state: 'accepts',
        encryption: ['ENCR_AES_GCM_16_128', 'ENCR_AES_CBC_128'],
        integrity: ['AUTH_HMAC_MD5_96'],
        prf: ['PRF_HMAC_SHA2_256'],
        groups: ['ECP_256'],
      },
      ikev1: NOTHING1,
    })
    expect(ikev2).toEqual(['aes128gcm16-prfsha256-ecp256'])
  })

  test('RFC 2409 appendix A: IKEv1 calls the same ciphers and hashes by other names', () => {
    const { ikev1 } = probedSuites({
      ikev2: NOTHING2,
      ikev1: {
        state: 'accepts',
        authentication: ['PRE_SHARED_KEY'],
        encryption: ['AES_CBC_256', 'CAMELLIA_CBC_256', '3DES_CBC'],
        hash: ['SHA2_512', 'SHA1'],
        groups: ['MODP_2048', 'ECP_256'],
        aggressive: false,
      },
    })
    expect(ikev1).toEqual(['aes256-camellia256-sha512-modp2048-ecp256'])
    expect(() => parseIkeSuite(ikev1[0] ?? '', context())).not.toThrow()
  })

  test('a gateway that takes nothing, or something Culvert has no word for, gives none', () => {
    expect(probedSuites({ ikev2: NOTHING2, ikev1: NOTHING1 })).toEqual({ ikev2: [], ikev1: [] })
    const strange = {
      ...NOTHING2,
      encryption: ['ENCR(999)'],
      prf: ['PRF_HMAC_SHA2_256'],
      groups: ['ECP_256'],
    }
    expect(probedSuites({ ikev2: strange, ikev1: NOTHING1 }).ikev2).toEqual([])
  })
})
