import { describe, expect, test } from 'vitest'
import { asMillis } from '../../core/bytes/brands.ts'
import { ExchangeType } from '../../core/iana/ikev2.ts'
import { Reassembly } from '../../core/ike/v2/fragmentation.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { decodeMessage, encodePayloads, type Header } from '../../core/wire/ikev2/message.ts'
import type { SkfPayload } from '../../core/wire/ikev2/payload.ts'
import {
  changed,
  fragmentOf,
  give,
  identity,
  large,
  messageIn,
  outcomes,
  pair,
  request,
  START,
  skfOf,
} from '../support/fragments.ts'

describe('RFC 7383 §2.6: hostile fragments', () => {
  const part = (bytes = 100): Uint8Array => new Uint8Array(bytes).fill(0x5a)

  test('a repeated fragment is dropped, even with other content under the same number', () => {
    const { client, gateway } = pair()
    const [first, second, ...rest] = request(client)
    expect(outcomes(gateway, [first!, second!, first!, second!])).toEqual([
      'waiting',
      'waiting',
      undefined,
      undefined,
    ])
    const { total } = skfOf(second!)
    expect(give(gateway, fragmentOf(client, 2, total, part()))).toBeUndefined()
    expect(messageIn(rest.map((bytes) => give(gateway, bytes)).at(-1))).toEqual(large)
  })

  test('fragment 0, a fragment beyond the total, and a total of 0 are refused before anything is computed', () => {
    const { client, gateway } = pair()
    for (const [number, total] of [
      [0, 3],
      [0, 0],
      [4, 3],
      [1, 0],
    ] as const) {
      const bytes = fragmentOf(client, number, total, part())
      expect(decodeMessage(bytes).ok).toBe(false)
      const skf: SkfPayload = { ...skfOf(request(client)[0]!), fragment: number, total }
      const { header } = (decodeMessage(request(client)[0]!) as { value: { header: Header } }).value
      expect(new Reassembly().refusal(header, skf, START)).toContain(`${number} of ${total}`)
      expect(gateway.open(bytes, { header, payloads: [skf] }, START)).toBeUndefined()
    }
  })

  test('a fragment of fewer is dropped; one of more starts over', () => {
    const { client, gateway } = pair()
    const datagrams = request(client)
    const total = datagrams.length
    expect(outcomes(gateway, datagrams.slice(0, -1)).every((o) => o === 'waiting')).toBe(true)
    expect(give(gateway, fragmentOf(client, 1, total - 1, part()))).toBeUndefined()
    expect(give(gateway, fragmentOf(client, 1, total + 1, part()))?.outcome).toBe('waiting')
    // What was kept is gone, and the old set is now the one of fewer.
    expect(outcomes(gateway, datagrams).every((o) => o === undefined)).toBe(true)
  })

  test('a forged larger total does not start over: its integrity check comes first', () => {
    const { client, gateway } = pair()
    const datagrams = request(client)
    outcomes(gateway, datagrams.slice(0, -1))
    const forged = fragmentOf(client, 1, 60, part())
    expect(give(gateway, changed(forged, forged.length - 1))).toBeUndefined()
    expect(give(gateway, datagrams.at(-1)!)?.outcome).toBe('message')
  })

  test('a message that never ends costs no more than one unfragmented message could hold', () => {
    const { client, gateway } = pair()
    const seen: (string | undefined)[] = []
    for (let number = 1; number <= 100; number++) {
      const opened = give(gateway, fragmentOf(client, number, 200, part(1_000)))
      seen.push(opened?.observed[0]?.problem)
    }
    const refusedAt = seen.findIndex((problem) => problem !== undefined)
    expect(refusedAt).toBe(Math.floor(CHOICE.mostContentBytes / 1_000))
    expect(seen[refusedAt]).toContain('65531 octets')
  })

  test('more fragments than the largest message needs are not begun', () => {
    const { client, gateway } = pair()
    expect(give(gateway, fragmentOf(client, 1, CHOICE.mostFragments + 1, part()))).toBeUndefined()
    expect(give(gateway, fragmentOf(client, 1, 0xffff, part()))).toBeUndefined()
    expect(give(gateway, fragmentOf(client, 1, CHOICE.mostFragments, part()))?.outcome).toBe('waiting')
  })

  test('fragments without content end like any others', () => {
    const { client, gateway } = pair()
    const { bytes } = encodePayloads([identity])
    give(gateway, fragmentOf(client, 1, 3, new Uint8Array(0)))
    give(gateway, fragmentOf(client, 2, 3, bytes))
    expect(messageIn(give(gateway, fragmentOf(client, 3, 3, new Uint8Array(0))))).toEqual([identity])
  })

  test('what cannot be decoded once put together is a complaint, not an exception', () => {
    const { client, gateway } = pair()
    give(gateway, fragmentOf(client, 1, 2, part()))
    const opened = give(gateway, fragmentOf(client, 2, 2, part()))
    expect(opened?.outcome === 'message' && opened.payloads.ok).toBe(false)
    expect(opened?.observed.at(-1)?.problem).toMatch(/RFC 7296/)
  })

  test('fragments of two exchanges do not mix', () => {
    const { client, gateway } = pair()
    const [first, ...rest] = request(client)
    expect(give(gateway, first!)?.outcome).toBe('waiting')
    const other = fragmentOf(client, 2, rest.length + 1, part(), { exchange: ExchangeType.INFORMATIONAL.id })
    expect(give(gateway, other)).toBeUndefined()
  })

  test('fragments outside the window are not kept: other Message IDs, answers to nothing', () => {
    const { client, gateway } = pair()
    for (const messageId of [0, 2, 3, 0xffffffff])
      expect(give(gateway, fragmentOf(client, 1, 2, part(), { messageId }))).toBeUndefined()
    expect(give(gateway, fragmentOf(client, 1, 2, part(), { response: true }))).toBeUndefined()
    expect(give(gateway, fragmentOf(client, 1, 2, part(), { response: true, messageId: 0 }))).toBeUndefined()
  })

  test('an answer we have whole is not put together again', () => {
    const { client, gateway } = pair()
    const [bytes] = request(client, [identity])
    give(gateway, bytes!)
    const { header } = (decodeMessage(bytes!) as { value: { header: Header } }).value
    const answer = gateway.answer(header, large).datagrams.map((d) => d.bytes)
    expect(outcomes(client, answer).at(-1)).toBe('message')
    expect(outcomes(client, answer).every((o) => o === undefined)).toBe(true)
  })

  test('the rest is waited for a while, then all of it is forgotten', () => {
    const { client, gateway } = pair()
    const datagrams = request(client)
    outcomes(gateway, datagrams.slice(0, -1))
    const late = asMillis(CHOICE.reassemblyMs)
    expect(give(gateway, datagrams.at(-1)!, late)?.outcome).toBe('waiting')
    expect(outcomes(gateway, datagrams.slice(0, -1), late).at(-1)).toBe('message')
  })
})
