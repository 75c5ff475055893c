import { expect, test } from 'vitest'
import { AddressPool } from '../../core/gateway/pool.ts'

const pool = (last4 = '10.78.0.12', last6 = 'fd78::12') =>
  new AddressPool([
    { first: '10.78.0.10', last: last4 },
    { first: 'fd78::10', last: last6 },
  ])

test('everybody gets an address of each family, and nobody one that is in use', () => {
  const leases = ['alice', 'bob', 'carol'].map((who) => pool().lease(who).addresses)
  expect(leases[0]).toEqual(['10.78.0.10', 'fd78::10'])
  const one = pool()
  const all = ['alice', 'bob', 'carol'].flatMap((who) => one.lease(who).addresses)
  expect(new Set(all).size).toBe(6)
  expect(one.inUse).toBe(6)
})

test('a second connection of the same identity gets other addresses while the first stands', () => {
  const one = pool()
  const first = one.lease('alice')
  expect(one.lease('alice').addresses).toEqual(['10.78.0.11', 'fd78::11'])
  first.release()
})

test('who comes back gets what they had; an address given back is given to others last', () => {
  const one = pool()
  one.lease('alice').release()
  expect(one.lease('bob').addresses).toEqual(['10.78.0.11', 'fd78::11'])
  expect(one.lease('alice').addresses).toEqual(['10.78.0.10', 'fd78::10'])
})

test('what somebody else has meanwhile is not given twice', () => {
  const one = pool('10.78.0.10', 'fd78::10')
  one.lease('alice').release()
  expect(one.lease('bob').addresses).toEqual(['10.78.0.10', 'fd78::10'])
  expect(one.lease('alice').addresses).toEqual([])
})

test('RFC 7296 §3.15.4: a used-up range gives nothing, the other goes on; release is idempotent', () => {
  const one = pool('10.78.0.10', 'fd78::11')
  const first = one.lease('alice')
  const second = one.lease('bob')
  expect(second.addresses).toEqual(['fd78::11'])
  first.release()
  first.release()
  expect(one.inUse).toBe(1)
  expect(one.lease('carol').addresses).toEqual(['10.78.0.10', 'fd78::10'])
})

test('a range that holds nothing is refused', () => {
  expect(() => new AddressPool([{ first: '10.0.0.2', last: '10.0.0.1' }])).toThrow(RangeError)
  expect(() => new AddressPool([{ first: '10.0.0.2', last: 'fd00::1' }])).toThrow(RangeError)
})
