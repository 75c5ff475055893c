import { describe, expect, test } from 'vitest'
import { Unanswered } from '../../core/ike/unanswered.ts'

/** A look for each letter: `i` something came, `o` something went, `b` both, `-` nothing. → the looks at which silence was told of. */
function told(looks: string): readonly number[] {
  const watch = new Unanswered()
  const counts = { inbound: 0, outbound: 0 }
  return [...looks].flatMap((look, at) => {
    if (look === 'i' || look === 'b') counts.inbound += 7
    if (look === 'o' || look === 'b') counts.outbound += 5
    return watch.look({ ...counts }).unanswered ? [at] : []
  })
}

describe('RFC 7296 §2.4: traffic that is answered no more is noticed', () => {
  test('after the second look in which we only sent', () => {
    expect(told('bboo')).toEqual([3])
    expect(told('bo-o')).toEqual([3])
  })

  test('once, until something has come again', () => {
    expect(told('boooooooo')).toEqual([2])
    expect(told('booobooo')).toEqual([2, 6])
  })

  test('what came look after look has stopped, though we had nothing to send but answers', () => {
    expect(told('bbb--')).toEqual([4])
    expect(told('iiii------')).toEqual([5])
  })

  test('a question a second is no stream: nothing is asked after each', () => {
    expect(told('b----b----b----b----')).toEqual([])
    expect(told('oi---oi---oi---')).toEqual([])
  })

  test('nothing where nothing was ever answered, nor where nothing happens', () => {
    expect(told('oooooo')).toEqual([])
    expect(told('------')).toEqual([])
  })

  test('whether anything moved since the last look', () => {
    const watch = new Unanswered()
    const moved = [
      { inbound: 0, outbound: 0 },
      { inbound: 1, outbound: 0 },
      { inbound: 1, outbound: 0 },
      { inbound: 1, outbound: 2 },
    ].map((counts) => watch.look(counts).moved)
    expect(moved).toEqual([false, true, false, true])
  })
})
