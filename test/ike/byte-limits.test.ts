import { expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { ByteLimits } from '../../core/ike/byte-limits.ts'
import type { IkeAction } from '../../core/ike/session.ts'
import type { Counters } from '../../core/ike/view.ts'
import { encr, integ, sn } from '../support/bench.ts'
import { connected } from '../support/two-peers.ts'
import { connected as connected1 } from '../support/two-peers-v1.ts'

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

test('the least of several limits counts', () => {
  const limits = new ByteLimits()
  for (const bytes of [2_000, 1_000, 3_000]) limits.add({ do: 'limitBytes', inbound, outbound, bytes })
  expect(limits.reached(carried(1_000, 0))).toHaveLength(1)
})

test.each([
  ['IKEv1', connected1],
  ['IKEv2', connected],
])('CVE-2016-2183: %s renews keys of a cipher with blocks of 64 bits within 1 GiB', (_version, connect) => {
  const limitsWith = (cipher: number, keyBits?: number) => {
    const espProposals = [[encr(cipher, keyBits), integ(2), sn(0)]]
    const { client, gateway } = connect({ client: { espProposals }, gateway: { espProposals } })
    return [client, gateway].map(({ actions }) =>
      (actions as readonly IkeAction[]).flatMap((one) => (one.do === 'limitBytes' ? [one.bytes] : [])),
    )
  }
  expect(limitsWith(3)).toEqual([[2 ** 30], [2 ** 30]])
  expect(limitsWith(12, 128)).toEqual([[], []])
})
