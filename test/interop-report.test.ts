import { expect, test } from 'vitest'
import { inLanes } from './interop/lanes.ts'
import { markdown, rowsIn, rowsOf, textTable } from './interop/report.ts'
import type { Scenario } from './interop/scenarios.ts'

const SCENARIOS: readonly Scenario[] = ['ikev2-psk', 'ikev2-bad-psk', 'ikev1-push'].map((name) => ({
  name,
  settings: new Map(),
  description: `what ${name} is | and more`,
}))
const seen = (scenario: string, nat: boolean, ok = true) => ({ scenario, nat, ok })

test('both ways to a gateway stand in one row, and a refusal that must be is named', () => {
  const rows = rowsOf([
    seen('ikev2-psk', false),
    seen('ikev2-bad-psk', false),
    seen('ikev2-psk', true, false),
  ])
  expect(textTable(rows)).toEqual([
    'scenario       direct               behind a NAT',
    'ikev2-psk      connects             FAILS',
    'ikev2-bad-psk  refused: authFailed  –',
    '2 scenarios, 1 not as expected',
  ])
})

test('one gateway by two formats is two rows', () => {
  const rows = rowsOf([
    { ...seen('ikev2-psk', false), format: 'sswan' },
    { ...seen('ikev2-psk', false, false), format: 'pcf' },
  ])
  expect(rows.map(({ scenario }) => scenario)).toEqual(['ikev2-psk (sswan)', 'ikev2-psk (pcf)'])
})

test('a page takes up what is seen later, and keeps what was seen before', () => {
  const first = markdown(rowsOf([seen('ikev2-psk', false), seen('ikev1-push', false)]), SCENARIOS)
  const page = markdown(
    rowsOf([seen('ikev2-psk', true), seen('ikev1-push', false, false)], rowsIn(first)),
    SCENARIOS,
  )
  expect(page.split('\n').filter((line) => line.startsWith('| `'))).toEqual([
    '| `ikev2-psk` | what ikev2-psk is / and more | connects | connects |',
    '| `ikev1-push` | what ikev1-push is / and more | FAILS | – |',
  ])
})

test('what was measured stands beside it, and stays', () => {
  const remark = 'at most 180 ms without traffic'
  const page = markdown(rowsOf([{ ...seen('ikev2-psk', false), remark }]), SCENARIOS)
  const again = markdown(rowsOf([seen('ikev2-psk', true)], rowsIn(page)), SCENARIOS)
  expect(again).toContain(`| connects; ${remark} | connects |`)
})

test('no more at a time than there are lanes, and the results in order', async () => {
  const running = { heavy: 0, waiting: 0 }
  const most = { heavy: 0, waiting: 0 }
  const jobs = Array.from({ length: 20 }, (_, at) => at)
  const waits = (job: number): boolean => job % 2 === 0
  const results = await inLanes(
    jobs,
    { heavy: 2, waiting: 3 },
    waits,
    () => false,
    async (job) => {
      const kind = waits(job) ? 'waiting' : 'heavy'
      most[kind] = Math.max(most[kind], ++running[kind])
      await new Promise((resolve) => setImmediate(resolve))
      running[kind]--
      return -job
    },
  )
  expect(results).toEqual(jobs.map((job) => -job))
  expect(most).toEqual({ heavy: 2, waiting: 3 })
})

test('who is told to stop begins nothing more', async () => {
  let begun = 0
  const results = await inLanes(
    [1, 2, 3],
    { heavy: 1, waiting: 1 },
    () => false,
    () => begun > 0,
    async (job) => {
      begun++
      return job
    },
  )
  expect(results).toEqual([1])
})
