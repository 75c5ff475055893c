import fc from 'fast-check'
import { expect, test } from 'vitest'
import { highHalf, inferSequence } from '../../core/esp/esn.ts'

const G4 = 2n ** 32n

test.each([
  { name: 'the first packet', top: 0n, low: 1, is: 1n },
  { name: 'inside the window', top: 1000n, low: 990, is: 990n },
  { name: 'ahead of the window', top: 1000n, low: 5000, is: 5000n },
  { name: 'below the window: the next subspace', top: 1000n, low: 1, is: G4 + 1n },
  { name: 'wrap to the next subspace', top: G4 - 1n, low: 0, is: G4 },
  { name: 'late, from before the wrap', top: G4 + 3n, low: 0xffff_fffe, is: G4 - 2n },
  { name: 'just below a window that spans two', top: G4 + 3n, low: 0xffff_ffc3, is: 2n * G4 - 61n },
  { name: 'its lowest number', top: G4 + 3n, low: 0xffff_ffc4, is: G4 - 60n },
  { name: 'before number 0', top: 5n, low: 0xffff_ffff, is: undefined },
  { name: 'after the last number', top: 2n ** 64n - 1n, low: 0, is: undefined },
  { name: 'the last number', top: 2n ** 64n - 2n, low: 0xffff_ffff, is: 2n ** 64n - 1n },
])('RFC 4303 appendix A2: $name', ({ top, low, is }) => {
  expect(inferSequence(top, 64, low)).toBe(is)
})

test('RFC 4303 appendix A2: a number within the window or less than 2³² − W ahead is found again', () => {
  const tops = fc.oneof(
    fc.bigInt({ min: 64n, max: 2n ** 63n }),
    fc.integer({ min: -70, max: 70 }).map((d) => 7n * G4 + BigInt(d)),
  )
  fc.assert(
    fc.property(tops, fc.bigInt({ min: -63n, max: G4 - 64n }), (top, distance) => {
      const sequence = top + distance
      expect(inferSequence(top, 64, Number(sequence % G4))).toBe(sequence)
    }),
  )
})

test('RFC 4303 §2.2.1: the half that is not sent', () => {
  expect(highHalf(5n * G4 + 7n)).toBe(5)
  expect(highHalf(G4 - 1n)).toBe(0)
})
