import { describe, expect, test } from 'vitest'
import type { TunnelSnapshot } from '../../core/contract/snapshot.ts'
import { fullPipe, SECONDS, Traffic } from '../../renderer/state/traffic.ts'
import { grown, viewOf } from '../../renderer/state/view.ts'
import { amount, countdown, duration, octets, thousands } from '../../renderer/text/figures.ts'
import { body, surface } from '../../renderer/ui/water.ts'

describe('the water level', () => {
  test('a rate is the difference of two readings, over the time between them', () => {
    const traffic = new Traffic()
    traffic.add(0, 1000, 0)
    traffic.add(2000, 5000, 200)
    expect(traffic.samples).toHaveLength(SECONDS)
    expect(traffic.samples.slice(-3)).toEqual([
      { received: 0, sent: 0 },
      { received: 2000, sent: 100 },
      { received: 2000, sent: 100 },
    ])
  })

  test('readings in quick succession wait, and counters that start again are never a negative rate', () => {
    const traffic = new Traffic()
    traffic.add(0, 0, 0)
    traffic.add(1000, 1000, 0)
    traffic.add(1100, 9000, 0)
    expect(traffic.samples.at(-1)?.received).toBe(1000)
    traffic.add(2000, 10, 0)
    expect(traffic.samples.at(-1)?.received).toBe(0)
  })

  test('a full pipe is 1, 2 or 5 times a power of ten', () => {
    expect(fullPipe([])).toBe(10_000)
    expect(fullPipe([{ received: 3_100_000, sent: 10 }])).toBe(5_000_000)
    expect(fullPipe([{ received: 1, sent: 5_100_000 }])).toBe(10_000_000)
  })

  test('the surface spans the drawing and stays inside the pipe', () => {
    const path = surface([0, 1, 0.5, 7])
    expect(path.startsWith('M0 142.0C')).toBe(true)
    const levels = [...path.matchAll(/ (\d+\.\d)(?=C|$)/g)].map((match) => Number(match[1]))
    expect(Math.min(...levels)).toBe(88)
    expect(body([0]).endsWith('V150H0Z')).toBe(true)
  })
})

describe('how a connection is drawn', () => {
  const tunnel = (change: object) =>
    ({ state: 'phase1', gateway: { host: 'h' }, ...change }) as TunnelSnapshot
  const error = { kind: 'noAddress', title: '', detail: '', tryThis: [] }

  test('a fault counts when nothing runs; a missing key is a question and no fault', () => {
    expect(viewOf(undefined, undefined)).toBe('idle')
    expect(viewOf(undefined, error)).toBe('error')
    expect(viewOf(tunnel({ state: 'connected' }), error)).toBe('connected')
    expect(viewOf(tunnel({ state: 'failed', error }), undefined)).toBe('error')
    expect(viewOf(undefined, { ...error, kind: 'secretMissing' })).toBe('asking')
  })

  test('the wall grows with the step reached', () => {
    const steps = [
      tunnel({}),
      tunnel({ gateway: { address: '192.0.2.1' } }),
      tunnel({ gateway: { address: 'a' }, phase1: {} }),
    ]
    const walls = steps.map(grown)
    expect(walls).toEqual([...walls].sort((a, b) => a - b))
    expect(new Set(walls).size).toBe(3)
  })
})

test('figures read as the design says', () => {
  expect(thousands(671340)).toBe('671\u2009340')
  expect(octets(864_000_000)).toBe('864 MB')
  expect(amount(4_210_000)).toEqual({ figure: '4.2', unit: 'MB' })
  expect(duration(8_040_000)).toBe('2 h 14 min')
  expect(countdown(6_352_000)).toBe('1:45:52')
  expect(countdown(7_500)).toBe('0:08')
})
