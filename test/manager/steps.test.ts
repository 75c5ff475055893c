import { describe, expect, test } from 'vitest'
import { Steps } from '../../core/manager/steps.ts'
import { Totals } from '../../core/manager/totals.ts'
import { PHASE2 } from '../support/snapshots.ts'

describe('the steps of a connection', () => {
  const states = (steps: Steps) => steps.list.map(({ what, state, tookMs }) => [what, state, tookMs])

  test('each takes from its beginning to the beginning of the next', () => {
    const steps = new Steps()
    steps.restart(1000)
    steps.reach('prepare', 1004)
    steps.reach('agree', 1010)
    steps.sentAgain()
    expect(steps.list[2]).toEqual({ what: 'agree', state: 'now', sinceMs: 1010, tookMs: undefined, again: 1 })
    steps.reach('prove', 1030)
    expect(states(steps)).toEqual([
      ['find', 'done', 4],
      ['prepare', 'done', 6],
      ['agree', 'done', 20],
      ['prove', 'now', undefined],
      ['open', 'todo', undefined],
    ])
    steps.reach('open', 1040)
    steps.finish(1050)
    expect(states(steps).at(-1)).toEqual(['open', 'done', 10])
  })

  test('nothing goes back, and nothing moves once it stands', () => {
    const steps = new Steps()
    steps.restart(0)
    steps.reach('prove', 5)
    steps.reach('agree', 6)
    expect(states(steps).map(([, state]) => state)).toEqual(['done', 'done', 'done', 'now', 'todo'])
    steps.finish(9)
    steps.reach('open', 10)
    expect(states(steps).map(([, state]) => state)).toEqual(['done', 'done', 'done', 'done', 'todo'])
    steps.restart(20)
    expect(states(steps).map(([, state]) => state)).toEqual(['now', 'todo', 'todo', 'todo', 'todo'])
  })
})

test('octets are summed over all keys a connection had, because fresh keys count from nothing', () => {
  const totals = new Totals()
  const child = (inboundSpi: string, inBytes: number, outBytes: number) => ({
    ...PHASE2,
    inboundSpi,
    traffic: { ...PHASE2.traffic, inBytes, outBytes },
  })
  totals.look([child('a', 10, 1)])
  totals.look([child('a', 100, 10)])
  totals.look([child('b', 5, 2)])
  expect(totals.take()).toEqual({ inBytes: 105, outBytes: 12 })
  expect(totals.take()).toEqual({ inBytes: 0, outBytes: 0 })
})
