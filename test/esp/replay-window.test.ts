import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReplayWindow } from '../../core/esp/replay-window.ts'

/** The window as the standard describes it, without any cleverness. */
class Model {
  seen = new Set<bigint>()
  top = 0n
  readonly size: number
  constructor(size: number) {
    this.size = size
  }
  check(n: bigint): boolean {
    return n > 0n && n > this.top - BigInt(this.size) && !this.seen.has(n)
  }
  accept(n: bigint): void {
    this.seen.add(n)
    if (n > this.top) this.top = n
  }
}

test.each([32, 33, 63, 64, 100, 1024, 4096])(
  'RFC 6479: a ring of %i places decides like a set of all numbers seen',
  (size) => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: -size - 40, max: 40 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 * size }) },
    )
    const starts = fc.constantFrom(0n, 1n, 2n ** 32n - 20n, 2n ** 53n - 3n, 2n ** 63n)
    fc.assert(
      fc.property(starts, fc.array(step, { maxLength: 150 }), (start, steps) => {
        const window = new ReplayWindow(size)
        const model = new Model(size)
        if (start > 0n) {
          window.accept(start)
          model.accept(start)
        }
        for (const distance of steps) {
          const n = model.top + BigInt(distance)
          expect(window.check(n)).toBe(model.check(n))
          if (!model.check(n)) continue
          window.accept(n)
          model.accept(n)
          expect(window.top).toBe(model.top)
        }
      }),
      { numRuns: 60 },
    )
  },
)

test('RFC 4303 §2.2: number 0 is never a packet', () => {
  expect(new ReplayWindow(64).check(0n)).toBe(false)
})

test('RFC 4303 §3.4.3: the left edge is the top less the size, both sides exact', () => {
  const window = new ReplayWindow(64)
  window.accept(1000n)
  expect(window.check(937n)).toBe(true)
  expect(window.check(936n)).toBe(false)
  expect(window.check(1000n)).toBe(false)
})

test('RFC 4303 §3.4.3: asking does not move the window, accepting does', () => {
  const window = new ReplayWindow(64)
  expect(window.check(500n)).toBe(true)
  expect(window.check(1n)).toBe(true)
  window.accept(500n)
  expect(window.check(1n)).toBe(false)
})

test('RFC 6479 §2: a jump over the whole ring forgets everything in it', () => {
  const window = new ReplayWindow(64)
  for (let n = 1n; n <= 128n; n++) window.accept(n)
  window.accept(100_000n)
  for (let n = 99_937n; n < 100_000n; n++) expect(window.check(n)).toBe(true)
})

test('RFC 4303 §3.4.3: fewer than 32 places are refused', () => {
  expect(() => new ReplayWindow(31)).toThrow(RangeError)
})
