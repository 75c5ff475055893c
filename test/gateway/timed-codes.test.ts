import { describe, expect, test } from 'vitest'
import { toHex, utf8 } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { readBase32, TimedCodes, timedCode } from '../../core/gateway/timed-codes.ts'

const key = utf8('12345678901234567890')

test.each([
  [59, '94287082'],
  [1_111_111_109, '07081804'],
  [1_111_111_111, '14050471'],
  [1_234_567_890, '89005924'],
  [2_000_000_000, '69279037'],
  [20_000_000_000, '65353130'],
])('RFC 6238 Appendix B: at %i s', (seconds, code) => {
  expect(timedCode(key, Math.floor(seconds / 30), 8)).toBe(code)
})

describe('RFC 6238 §5.2, §6', () => {
  const at = (ms: number) => ({ ms })
  const clock = at(1_111_111_111_000)
  const codes = () => new TimedCodes(new Map([['alice', new Secret(key.slice())]]), () => clock.ms)
  const step = Math.floor(clock.ms / 30_000)
  const code = (offset: number) => utf8(timedCode(key, step + offset))

  test('the code of now, one step late or early, and no other', () => {
    for (const offset of [-1, 0, 1]) expect(codes().take('alice', code(offset))).toBe(true)
    for (const offset of [-2, 2]) expect(codes().take('alice', code(offset))).toBe(false)
    expect(codes().take('alice', new Uint8Array(0))).toBe(false)
    expect(codes().take('mallory', code(0))).toBe(false)
  })

  test('good for one time, and none before it either', () => {
    const one = codes()
    expect([one.take('alice', code(0)), one.take('alice', code(0)), one.take('alice', code(-1))]).toEqual([
      true,
      false,
      false,
    ])
    expect(one.take('alice', code(1))).toBe(true)
  })
})

test('RFC 4648 §6, §10: Base32 as apps take it', () => {
  expect(toHex(readBase32('MZXW6YTB')!)).toBe(toHex(utf8('fooba')))
  expect(toHex(readBase32('mzxw 6ytboi======')!)).toBe(toHex(utf8('foobar')))
  expect([readBase32(''), readBase32('MZ1W')]).toEqual([undefined, undefined])
})
