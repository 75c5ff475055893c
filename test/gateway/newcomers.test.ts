import { expect, test } from 'vitest'
import { asMillis } from '../../core/bytes/brands.ts'
import { DEFAULT_LIMITS, Newcomers } from '../../core/gateway/newcomers.ts'
import { ExchangeType } from '../../core/iana/ikev2.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { pair } from '../support/two-peers.ts'

const crowded = { halfOpen: DEFAULT_LIMITS.cookiesFrom, sessions: 0 }
const first = (): Uint8Array => {
  const { client, net } = pair()
  client.command('connect')
  return net.take().bytes
}

test('RFC 9329 §6.3: whoever has a TCP connection is asked for no cookie', () => {
  const newcomers = new Newcomers(DEFAULT_LIMITS, new SeededRandom(1))
  const from = { address: '198.51.100.7', port: 40_000 }
  const bytes = first()
  expect(newcomers.judge(bytes, from, crowded, asMillis(0))).toHaveProperty('cookieDemand')
  expect(newcomers.judge(bytes, { ...from, transport: 'tcp' }, crowded, asMillis(0))).toEqual({ begin: true })
})

test('RFC 5723 §4.3.2: a COOKIE is asked for in the exchange that was begun', () => {
  const newcomers = new Newcomers(DEFAULT_LIMITS, new SeededRandom(1))
  const from = { address: '198.51.100.7', port: 40_000 }
  const bytes = first()
  bytes[18] = ExchangeType.IKE_SESSION_RESUME.id
  const verdict = newcomers.judge(bytes, from, crowded, asMillis(0))
  expect('cookieDemand' in verdict && verdict.cookieDemand[18]).toBe(ExchangeType.IKE_SESSION_RESUME.id)
})
