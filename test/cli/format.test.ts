import { expect, test } from 'vitest'
import { formatMessage } from '../../core/cli/format.ts'

const line = {
  number: 1,
  atMs: Date.UTC(2026, 0, 1, 12),
  direction: 'out',
  exchange: 'IKE_AUTH',
  messageId: 1,
  response: false,
  retransmission: false,
  problem: undefined,
  payloads: ['IDi', 'AUTH'],
  octets: 240,
  sa: '00'.repeat(8),
} as const

test('a message is one line: which way, what, how large, and what is in it', () => {
  expect(formatMessage(line)).toBe('1  12:00:00.000 --> IKE_AUTH request 1, 240 octets: IDi, AUTH')
  expect(
    formatMessage({ ...line, direction: 'in', response: true, retransmission: true, payloads: [] }),
  ).toBe('1  12:00:00.000 <-- IKE_AUTH response 1 (again), 240 octets')
})

test('RFC 7383: a fragment says which it is, and the message they carry that it never travelled whole', () => {
  const part = { ...line, fragment: { number: 2, total: 3 }, payloads: ['SKF'] }
  expect(formatMessage(part)).toBe(
    '1  12:00:00.000 --> IKE_AUTH request 1 (fragment 2 of 3), 240 octets: SKF',
  )
  expect(formatMessage({ ...line, fragments: 3 })).toBe(
    '1  12:00:00.000 --> IKE_AUTH request 1, in 3 fragments: IDi, AUTH',
  )
})
