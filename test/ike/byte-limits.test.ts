import { expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { ByteLimits } from '../../core/ike/byte-limits.ts'
import type { Counters } from '../../core/ike/view.ts'

const [inbound, outbound] = [asEspSpi(0x1001), asEspSpi(0x2002)]
const carried = (into: number, out: number): Counters => ({
  inbound: () => ({ bytes: into }) as never,
  outbound: () => ({ bytes: out }) as never,
})

test('RFC 2407 §4.5: what both ways carry together counts, and it is said once', () => {
  const limits = new ByteLimits()
  limits.add({ do: 'limitBytes', inbound, outbound, bytes: 1_000 })
  expect(limits.reached(carried(400, 599))).toEqual([])
  expect(limits.reached(carried(400, 600))).toEqual([{ type: 'softLimit', spi: outbound, reason: 'bytes' }])
  expect(limits.reached(carried(9_000, 0))).toEqual([])
})

test('what is gone has no limit', () => {
  const limits = new ByteLimits()
  limits.add({ do: 'limitBytes', inbound, outbound, bytes: 1_000 })
  limits.remove(inbound)
  expect(limits.reached(carried(9_000, 0))).toEqual([])
})
