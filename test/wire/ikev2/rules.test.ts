import { describe, expect, test } from 'vitest'
import { asNonce } from '../../../core/bytes/brands.ts'
import { fromHex, NO_OCTETS } from '../../../core/bytes/octets.ts'
import { NotifyType } from '../../../core/iana/ikev2.ts'
import { decodeMessage } from '../../../core/wire/ikev2/message.ts'
import type { NotifyPayload, Payload } from '../../../core/wire/ikev2/payload.ts'
import * as rules from '../../../core/wire/ikev2/rules.ts'
import { vector } from '../../support/vectors.ts'

function payloadsOf(name: string): readonly Payload[] {
  const result = decodeMessage(vector(name))
  if (!result.ok) throw result.error
  return result.value.payloads
}

const notify = (type: number): NotifyPayload => ({
  type: 'Notify',
  protocol: 0,
  spi: NO_OCTETS,
  notify: type,
  data: NO_OCTETS,
})
const nonce: Payload = { type: 'Nonce', nonce: asNonce(new Uint8Array(16)) }
const sa: Payload = { type: 'SA', proposals: [] }
const ke: Payload = { type: 'KE', group: 19, data: new Uint8Array(64) }
const tsi: Payload = { type: 'TSi', selectors: [] }
const tsr: Payload = { type: 'TSr', selectors: [] }
const idr: Payload = { type: 'IDr', idType: 2, data: fromHex('67') }
const auth: Payload = { type: 'AUTH', method: 2, data: new Uint8Array(32) }
const unknown: Payload = { type: 'Unknown', payload: 200, body: NO_OCTETS }

describe('payloads of a message', () => {
  test('RFC 7296 §1.2: a captured IKE_SA_INIT keeps the rules of its own direction', () => {
    const request = payloadsOf('ikev2/ike-sa-init-req.bin')
    const reply = payloadsOf('ikev2/ike-sa-init-resp.bin')
    expect(rules.checkRules(rules.IKE_SA_INIT_REQUEST, request)).toBeUndefined()
    expect(rules.checkRules(rules.IKE_SA_INIT_REPLY, reply)).toBeUndefined()
    expect(rules.checkRules(rules.IKE_SA_INIT_REQUEST, reply)?.message).toBe(
      'CERTREQ: has no place here at octet 0 (RFC 7296 Appendix C)',
    )
  })

  test('RFC 7296 §1.2: one KE, neither none nor two', () => {
    expect(rules.checkRules(rules.IKE_SA_INIT_REPLY, [sa, nonce])?.problem).toBe('0 present, 1 wanted')
    expect(rules.checkRules(rules.IKE_SA_INIT_REPLY, [sa, ke, ke, nonce])?.problem).toBe(
      '2 present, 1 wanted',
    )
  })

  test('RFC 7296 §2.5: order means nothing, and unknown payloads may be there', () => {
    expect(rules.checkRules(rules.IKE_SA_INIT_REPLY, [unknown, nonce, ke, notify(16404), sa])).toBeUndefined()
  })

  test('RFC 7296 §1.2: an IKE_AUTH reply with or without its child, never with half of one', () => {
    for (const payloads of [
      [idr, auth, sa, tsi, tsr],
      [idr, auth, notify(38)],
    ]) {
      expect(rules.checkRules(rules.IKE_AUTH_REPLY, payloads)).toBeUndefined()
      expect(rules.checkTogether(['SA', 'TSi', 'TSr'], payloads)).toBeUndefined()
    }
    const half = rules.checkTogether(['SA', 'TSi', 'TSr'], [idr, auth, sa, tsi])
    expect(half?.message).toBe('TSr: missing beside SA, TSi at octet 0 (RFC 7296 Appendix C)')
    expect(rules.checkRules(rules.IKE_AUTH_REPLY, [idr, sa, tsi, tsr])?.path).toEqual(['AUTH'])
  })

  test('RFC 7296 §1.3: KE is optional for a child and required for an IKE SA', () => {
    expect(rules.checkRules(rules.CREATE_CHILD_SA_NEW_CHILD, [sa, nonce, tsi, tsr])).toBeUndefined()
    expect(rules.checkRules(rules.CREATE_CHILD_SA_REKEY_CHILD, [sa, nonce, ke, tsi, tsr])).toBeUndefined()
    expect(rules.checkRules(rules.CREATE_CHILD_SA_REKEY_IKE, [sa, nonce, ke])).toBeUndefined()
    expect(rules.checkRules(rules.CREATE_CHILD_SA_REKEY_IKE, [sa, nonce])?.path).toEqual(['KE'])
    expect(rules.checkRules(rules.CREATE_CHILD_SA_REKEY_IKE, [sa, nonce, ke, tsi, tsr])?.path).toEqual([
      'TSi',
    ])
  })

  test('RFC 7296 §1.4: an INFORMATIONAL may be empty', () => {
    expect(rules.checkRules(rules.INFORMATIONAL, [])).toBeUndefined()
    expect(rules.checkRules(rules.INFORMATIONAL, [sa])?.problem).toBe('has no place here')
  })

  test('more notifies than anybody needs are refused', () => {
    const flood = Array.from({ length: 41 }, () => notify(16384))
    expect(rules.checkRules(rules.INFORMATIONAL, flood)?.problem).toBe('41 present, 0 … 40 wanted')
  })
})

test('RFC 7296 §2.5: an unknown payload is a reason to refuse only when its sender insists', () => {
  expect(rules.unknownCritical([sa, unknown])).toBeUndefined()
  expect(rules.unknownCritical([sa, { ...unknown, critical: true }])).toBe(200)
  // §3.2: the bit says nothing on payloads we know.
  expect(rules.unknownCritical([{ ...sa, critical: true }])).toBeUndefined()
})

test('RFC 7296 §3.10.1: error types are found among status types, known or not', () => {
  const refusal = notify(NotifyType.NO_PROPOSAL_CHOSEN.id)
  expect(rules.errorNotify([notify(NotifyType.COOKIE.id), refusal])).toBe(refusal)
  expect(rules.errorNotify([notify(16383)])?.notify).toBe(16383)
  expect(rules.errorNotify([notify(16384), sa])).toBeUndefined()
})
