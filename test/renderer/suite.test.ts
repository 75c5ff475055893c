import { expect, test } from 'vitest'
import {
  EncryptionAlgorithm,
  IntegrityAlgorithm,
  KeyExchangeMethod,
  PseudorandomFunction,
} from '../../core/iana/ikev2-transforms.ts'
import { algorithmName, suiteNames } from '../../renderer/text/suite.ts'

test.each([
  ['ENCR_AES_GCM_16 256', 'AES-256-GCM'],
  ['ENCR_AES_GCM_16_128', 'AES-128-GCM'],
  ['ENCR_AES_CCM_8_256', 'AES-256-CCM, ICV of 8 octets'],
  ['ENCR_AES_CBC_128', 'AES-128-CBC'],
  ['ENCR_CAMELLIA_CBC 192', 'Camellia-192-CBC'],
  ['ENCR_CHACHA20_POLY1305', 'ChaCha20-Poly1305'],
  ['ENCR_DES', 'DES'],
  ['ENCR_3DES', '3DES'],
  ['ENCR_NULL', 'no encryption'],
  ['PRF_HMAC_SHA2_384', 'PRF HMAC-SHA2-384'],
  ['AUTH_HMAC_SHA2_256_128', 'HMAC-SHA2-256-128'],
  ['CURVE25519', 'X25519'],
  ['MODP_2048', 'MODP-2048'],
  ['ENCR(40123)', 'ENCR(40123)'],
])('%s is %s', (iana, name) => {
  expect(algorithmName(iana)).toBe(name)
})

test('a suite is its names in a row', () => {
  expect(suiteNames(['ENCR_AES_GCM_16_256', 'PRF_HMAC_SHA2_256'])).toBe('AES-256-GCM, PRF HMAC-SHA2-256')
})

test('no name of the registry comes out empty or half', () => {
  for (const registry of [EncryptionAlgorithm, PseudorandomFunction, IntegrityAlgorithm, KeyExchangeMethod]) {
    for (const iana of Object.keys(registry)) expect(algorithmName(iana)).not.toMatch(/\$|^$|^-|-$/)
  }
})
