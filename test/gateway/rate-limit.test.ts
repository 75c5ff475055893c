import { expect, test } from 'vitest'
import { asMillis } from '../../core/bytes/brands.ts'
import { RateLimit } from '../../core/gateway/rate-limit.ts'

const at = asMillis

test('a source may come so often at once, and again as time passes; others are not touched', () => {
  const limit = new RateLimit({ burst: 3, perSecond: 2, sources: 100 })
  const tries = (address: string, now: number, count: number) =>
    Array.from({ length: count }, () => limit.allows(address, at(now))).filter(Boolean).length
  expect(tries('192.0.2.1', 0, 10)).toBe(3)
  expect(tries('192.0.2.2', 0, 10)).toBe(3)
  expect(tries('192.0.2.1', 499, 10)).toBe(0)
  expect(tries('192.0.2.1', 1000, 10)).toBe(2)
  expect(tries('192.0.2.1', 1_000_000, 10)).toBe(3)
})

test('one house has one /64', () => {
  const limit = new RateLimit({ burst: 1, perSecond: 1, sources: 100 })
  expect(limit.allows('2001:db8:1:2::1', at(0))).toBe(true)
  expect(limit.allows('2001:db8:1:2:ffff::9', at(0))).toBe(false)
  expect(limit.allows('2001:db8:1:3::1', at(0))).toBe(true)
})

test('a flood of sources costs bounded memory', () => {
  const limit = new RateLimit({ burst: 1, perSecond: 1, sources: 64 })
  for (let i = 0; i < 10_000; i++) limit.allows(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, at(0))
  expect(limit.size).toBe(64)
})
