import { expect, test } from 'vitest'
import type { MessageLine } from '../../core/contract/message.ts'
import type { AppSnapshot } from '../../core/contract/snapshot.ts'
import type { History } from '../../core/manager/history.ts'
import { CheckDesk, type CheckDeskNeeds } from '../../electron/check-desk.ts'
import { profileOf } from '../manager/world.ts'

const line = (number: number): MessageLine =>
  ({
    ...{ number, atMs: 0, direction: 'out', exchange: `M${number}`, messageId: 0, response: false },
    ...{ octets: 28, payloads: [], retransmission: false },
  }) as unknown as MessageLine

/** A desk beside a tunnel with so many messages. */
function desk(count: number, change: Partial<CheckDeskNeeds> = {}) {
  const reading: number[] = []
  const needs = {
    find: async () => profileOf('office'),
    snapshot: async () => ({ revision: 1, profiles: [], tunnels: [], prompts: [] }) as AppSnapshot,
    messages: async (_profile: string, after: number, most: number) =>
      Array.from({ length: Math.min(most, count - after) }, (_, at) => line(after + at + 1)),
    history: { list: async () => [] } as unknown as History,
    progress: () => {},
    reading: (messages: number) => reading.push(messages),
    now: () => 0,
    ...change,
  }
  return { desk: new CheckDesk(needs as unknown as CheckDeskNeeds), reading }
}

test('a report of many messages tells how many it has read, and has the last', async () => {
  const { desk: checks, reading } = desk(4_321)
  const { text } = await checks.report('office', true)
  expect(reading).toEqual([2_000, 4_000])
  expect(text).toContain('messages, the last 60')
  expect(text).toMatch(/M4262 [\s\S]*M4321 /)
  expect(text).not.toContain('M4261 ')
  expect(checks.shown).toBe(text)
})

test('it can be called off, whatever it waits for, and what was shown before stays', async () => {
  let stuck = false
  const { desk: checks } = desk(5, {
    snapshot: () =>
      stuck
        ? new Promise(() => {})
        : Promise.resolve({ revision: 1, profiles: [], tunnels: [], prompts: [] } as AppSnapshot),
  })
  const { text } = await checks.report('office', true)
  stuck = true
  const called = checks.report('office', false)
  checks.stopReport()
  await expect(called).rejects.toMatchObject({ error: { kind: 'cancelled' } })
  expect(checks.shown).toBe(text)
})

test('the newest that was asked for is the one that is made', async () => {
  const { desk: checks } = desk(5)
  const [first, second] = await Promise.allSettled([
    checks.report('office', true),
    checks.report('office', false),
  ])
  expect([first?.status, second?.status]).toEqual(['rejected', 'fulfilled'])
  expect(checks.shown).toContain('gateway ')
})
