import { expect, test } from 'vitest'
import { asMillis } from '../../core/bytes/brands.ts'
import { Timers } from '../../core/ike/timers.ts'

/** Timers on a clock of the test, and those that were due. */
function timers() {
  let now = 0
  let waiting: { at: number; work: () => void }[] = []
  const due: string[] = []
  const all = new Timers((timer) => due.push(timer), {
    now: () => asMillis(now),
    after: (ms, work) => {
      const timer = { at: now + ms, work }
      waiting.push(timer)
      return () => (waiting = waiting.filter((one) => one !== timer))
    },
  })
  const pass = (ms: number): void => {
    now += ms
    for (const timer of waiting.filter(({ at }) => at <= now)) {
      waiting = waiting.filter((one) => one !== timer)
      timer.work()
    }
  }
  return { all, due, pass, waiting: () => waiting.length }
}

test('a timer is due once, at its time; one of the same name takes its place', () => {
  const { all, due, pass } = timers()
  all.set('dpd', asMillis(10))
  all.set('rekey', asMillis(20))
  all.set('dpd', asMillis(30))
  pass(20)
  expect(due).toEqual(['rekey'])
  all.clear('rekey')
  pass(10)
  pass(100)
  expect(due).toEqual(['rekey', 'dpd'])
})

test('while the computer sleeps none is due, nor one that is set meanwhile; afterwards those that would have been are', () => {
  const { all, due, pass } = timers()
  all.set('retransmit', asMillis(10))
  all.set('rekey', asMillis(500))
  all.set('dpd', asMillis(20))
  all.pause()
  all.set('keepalive', asMillis(30))
  all.clear('dpd')
  pass(100)
  expect(due).toEqual([])
  all.resume()
  all.resume()
  pass(0)
  expect(due).toEqual(['retransmit', 'keepalive'])
  pass(400)
  expect(due).toEqual(['retransmit', 'keepalive', 'rekey'])
})

test('nothing is due once it is closed', () => {
  const { all, due, pass, waiting } = timers()
  all.set('dpd', asMillis(10))
  all.close()
  expect(waiting()).toBe(0)
  pass(100)
  expect(due).toEqual([])
})
