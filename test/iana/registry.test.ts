import { describe, expect, test } from 'vitest'
import * as ikev1 from '../../core/iana/ikev1.ts'
import * as ikev2 from '../../core/iana/ikev2.ts'
import { isRegistered, nameOf, type Registry } from '../../core/iana/registry.ts'

const registriesOf = (version: string, module: Readonly<Record<string, unknown>>) =>
  Object.entries(module).flatMap(([name, registry]): [string, Registry][] =>
    typeof registry === 'object' ? [[`${version} ${name}`, registry as Registry]] : [],
  )
const registries = [...registriesOf('IKEv1', ikev1), ...registriesOf('IKEv2', ikev2)]

describe('names', () => {
  test('a registered number has the name IANA gives it', () => {
    expect(nameOf(ikev2.NotifyType, 14)).toBe('NO_PROPOSAL_CHOSEN')
    expect(nameOf(ikev2.NotifyType, 16390)).toBe('COOKIE')
    expect(nameOf(ikev2.EncryptionAlgorithm, 20)).toBe('ENCR_AES_GCM_16')
    expect(nameOf(ikev2.ExchangeType, 34)).toBe('IKE_SA_INIT')
  })

  test('an unknown number is printed inside what it would be', () => {
    expect(nameOf(ikev2.NotifyType, 40123)).toBe('NOTIFY(40123)')
    expect(nameOf(ikev2.PayloadNumber, 200)).toBe('PAYLOAD(200)')
    expect(isRegistered(ikev2.PayloadNumber, 200)).toBe(false)
  })

  test('names of a Transform ID depend on the type; additional key exchanges use those of type 4, RFC 9370', () => {
    expect(ikev2.transformIds(1)).toBe(ikev2.EncryptionAlgorithm)
    expect(ikev2.transformIds(6)).toBe(ikev2.KeyExchangeMethod)
    expect(ikev2.transformIds(12)).toBe(ikev2.KeyExchangeMethod)
    expect(ikev2.transformIds(200)).toBeUndefined()
  })
})

test.each(registries)('%s: no number twice, every row with its document', (_name, registry) => {
  const rows = Object.values(registry)
  expect(rows.length).toBeGreaterThan(0)
  expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length)
  for (const row of rows)
    expect(row.reference).toMatch(/^(RFC \d{4}|draft-|3GPP TS |FIPS |of Cisco|\[MS-IKEE\] §\d)/)
})

test('RFC 7296 §3.10.1: errors below 16384, status types from there on', () => {
  for (const row of Object.values(ikev2.NotifyError)) expect(ikev2.isErrorType(row.id)).toBe(true)
  for (const row of Object.values(ikev2.NotifyStatus)) expect(ikev2.isErrorType(row.id)).toBe(false)
})

test('RFC 2408 §3.14.1: the same in IKEv1, whose status types IPsec and vendors continue', () => {
  expect(nameOf(ikev1.NotifyType, 14)).toBe('NO_PROPOSAL_CHOSEN')
  expect(nameOf(ikev1.NotifyType, 40123)).toBe('NOTIFY(40123)')
  expect([1, 30, 16383].every(ikev1.isErrorType)).toBe(true)
  expect([16384, 24576, 36136].some(ikev1.isErrorType)).toBe(false)
})
