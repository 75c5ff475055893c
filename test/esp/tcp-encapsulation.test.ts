import { describe, expect, test } from 'vitest'
import { concat, fromHex, toHex } from '../../core/bytes/octets.ts'
import { Deframer, frame, MOST_FRAME_BYTES, STREAM_PREFIX } from '../../core/esp/tcp-encapsulation.ts'

const hexes = (messages: readonly Uint8Array[]) => messages.map(toHex)

describe('RFC 9329 §4: the stream prefix', () => {
  test('is IKETCP in ASCII', () => expect(toHex(STREAM_PREFIX)).toBe('494b45544350'))

  test('nothing counts before all of it is there, in however many pieces it comes', () => {
    const deframer = new Deframer(true)
    const stream = concat(STREAM_PREFIX, frame(fromHex('aabb')))
    expect(hexes([...stream].flatMap((octet) => deframer.push(Uint8Array.of(octet))))).toEqual(['aabb'])
  })

  test('a stream that begins otherwise is given up at the first octet that differs', () => {
    const deframer = new Deframer(true)
    expect(deframer.push(fromHex('494b46'))).toEqual([])
    expect(deframer.fault).toBe('no stream prefix')
    expect(deframer.push(concat(STREAM_PREFIX, frame(fromHex('aabb'))))).toEqual([])
  })

  test('whoever was called sends none', () =>
    expect(hexes(new Deframer(false).push(frame(fromHex('aabb'))))).toEqual(['aabb']))
})

describe('RFC 9329 §3: the length counts itself', () => {
  test('two octets before each message', () => expect(toHex(frame(fromHex('aabbcc')))).toBe('0005aabbcc'))

  test('several messages in one piece, and one in several', () => {
    const deframer = new Deframer(false)
    expect(hexes(deframer.push(fromHex('0003ff0004aabb0006cc')))).toEqual(['ff', 'aabb'])
    expect(deframer.push(fromHex('dd'))).toEqual([])
    expect(hexes(deframer.push(fromHex('eeff0003ff')))).toEqual(['ccddeeff', 'ff'])
  })

  test('an empty message means nothing', () =>
    expect(hexes(new Deframer(false).push(fromHex('00020004aabb')))).toEqual(['aabb']))

  test.each(['0000', '0001'])('%s cannot be: what came before it counts, nothing after it', (length) => {
    const deframer = new Deframer(false)
    expect(hexes(deframer.push(fromHex(`0004aabb${length}0004ccdd`)))).toEqual(['aabb'])
    expect(deframer.fault).toBe('a length shorter than itself')
    expect(deframer.push(fromHex('0004ccdd'))).toEqual([])
  })

  test('the longest message has 65533 octets', () => {
    const longest = new Uint8Array(MOST_FRAME_BYTES).fill(7)
    const [whole] = new Deframer(false).push(frame(longest))
    expect(Buffer.compare(whole!, longest)).toBe(0)
    expect(() => frame(new Uint8Array(MOST_FRAME_BYTES + 1))).toThrow(RangeError)
  })

  test('messages are copies: what is read next overwrites none', () => {
    const piece = fromHex('0004aabb')
    const [message] = new Deframer(false).push(piece)
    piece.fill(0)
    expect(toHex(message!)).toBe('aabb')
  })
})
