import { expect, test } from 'vitest'
import type { Figures } from './bench/datapath/measure.ts'
import { holds, NAMES, targets } from './bench/datapath/targets.ts'

const results = (rows: Readonly<Record<string, Figures>>) =>
  new Map(Object.entries(rows).map(([name, figures]) => [name, [figures]]))

const verdict = (rows: Readonly<Record<string, Figures>>, text: string) => {
  const found = targets(results(rows)).find((target) => target.text === text)
  if (!found) throw new Error(`there is no target ${text}`)
  return holds(found)
}

test('a ratio holds at its bound and falls short below it', () => {
  const text = 'one stream : plain veth'
  expect(verdict({ [NAMES.ours]: { up: 5 }, [NAMES.veth]: { up: 10 } }, text)).toBe(true)
  expect(verdict({ [NAMES.ours]: { up: 4.9 }, [NAMES.veth]: { up: 10 } }, text)).toBe(false)
})

test('the best other peer is the fastest of those that ran', () => {
  const text = 'one stream : best other peer'
  const others = { [NAMES.openvpn]: { up: 1 }, [NAMES.wireguard]: { up: 2.1 } }
  expect(verdict({ [NAMES.ours]: { up: 6 }, ...others }, text)).toBe(false)
  expect(verdict({ [NAMES.ours]: { up: 6.3 }, ...others }, text)).toBe(true)
})

test('what was not measured is neither met nor missed', () => {
  expect(verdict({ [NAMES.ours]: { up: 6 } }, 'one stream : libipsec')).toBeUndefined()
  expect(targets(new Map()).every((target) => holds(target) === undefined)).toBe(true)
})
