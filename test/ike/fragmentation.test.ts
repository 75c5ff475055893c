import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat } from '../../core/bytes/octets.ts'
import { PayloadNumber } from '../../core/iana/ikev2.ts'
import { fragmentSizes, split } from '../../core/ike/v2/fragmentation.ts'
import type { IkeSa } from '../../core/ike/v2/ike-sa.ts'
import { CHOICE, waitAfter } from '../../core/ike/v2/numbers.ts'
import { fragmentRoom } from '../../core/ike/v2/protect.ts'
import { Transmission } from '../../core/ike/v2/transmission.ts'
import { decodeMessage, encodePayloads, type Header } from '../../core/wire/ikev2/message.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import {
  certificate,
  changed,
  fragmentOf,
  give,
  IKE_AUTH,
  IPV4,
  identity,
  large,
  messageIn,
  outcomes,
  pair,
  request,
  skfOf,
} from '../support/fragments.ts'
import { SUITES, saPair } from '../support/sa-pair.ts'

describe.each(Object.entries(SUITES))('%s', (_, proposal) => {
  test('RFC 7383 §2.5: the content of SK is split, each piece sealed on its own, and put together again', () => {
    const { client, gateway } = pair(proposal)
    const datagrams = request(client)
    expect(datagrams.length).toBeGreaterThan(3)
    const opened = datagrams.map((bytes) => give(gateway, bytes))
    expect(opened.slice(0, -1).every((o) => o?.outcome === 'waiting')).toBe(true)
    expect(messageIn(opened.at(-1))).toEqual(large)
  })

  test('RFC 7383 §2.5: the first fragment names the first inner payload, the others none; numbers count from 1', () => {
    const { client } = pair(proposal)
    const datagrams = request(client)
    const skfs = datagrams.map(skfOf)
    expect(skfs.map((p) => p.first)).toEqual([PayloadNumber.IDi.id, ...skfs.slice(1).map(() => 0)])
    expect(skfs.map((p) => p.fragment)).toEqual(skfs.map((_p, i) => i + 1))
    expect(new Set(skfs.map((p) => p.total))).toEqual(new Set([datagrams.length]))
  })

  test('RFC 7383 §2.5.1: no fragment is larger than the datagram allows, and all but the last are full', () => {
    const { client } = pair(proposal)
    const most = CHOICE.smallDatagramBytes - 20 - 8 - 4
    const block = client.suite.encryption.blockBytes
    const sizes = request(client).map((bytes) => bytes.length)
    for (const size of sizes) expect(size).toBeLessThanOrEqual(most)
    for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThan(most - block)
  })

  test('RFC 7383 §2.5.1: a message that just fits goes whole, one octet more and it is split', () => {
    const { client } = pair(proposal)
    const most = client.fragments!.messageBytes
    const lengths = Array.from({ length: 600 }, (_unused, bytes) => bytes)
    for (const bytes of lengths) {
      const { datagrams } = client.seal(IKE_AUTH, 1, false, [certificate(bytes)])
      if (datagrams.length > 1) {
        const whole = saPair(proposal).client.seal(IKE_AUTH, 1, false, [certificate(bytes)]).datagrams[0]!
        expect(whole.bytes.length).toBeGreaterThan(most)
        return
      }
      expect(datagrams[0]!.bytes.length).toBeLessThanOrEqual(most)
    }
    throw new Error('nothing was ever split')
  })

  test('RFC 7383 §2.6: fragments come in any order', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (keys) => {
        const { client, gateway } = pair(proposal)
        const order = request(client)
          .map((bytes) => ({ bytes, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ bytes }) => bytes)
        expect(messageIn(order.map((bytes) => give(gateway, bytes)).at(-1))).toEqual(large)
      }),
      { numRuns: 20 },
    )
  })

  test('RFC 7383 §2.6: one changed octet anywhere and the fragment is as if it never came', () => {
    const { client, gateway } = pair(proposal)
    const [first, ...rest] = request(client)
    for (let at = 0; at < first!.length; at += 3) {
      expect(give(gateway, changed(first!, at))?.outcome, `octet ${at}`).toBeUndefined()
    }
    expect(outcomes(gateway, [first!, ...rest]).at(-1)).toBe('message')
  })

  test('RFC 7383 §2.6: both directions, with the keys of whoever sends', () => {
    const { client, gateway } = pair(proposal)
    const [datagram] = request(client, [identity])
    expect(messageIn(give(gateway, datagram!))).toEqual([identity])
    const { header } = (decodeMessage(datagram!) as { value: { header: Header } }).value
    const answer = gateway.answer(header, large).datagrams.map((d) => d.bytes)
    expect(answer.length).toBeGreaterThan(3)
    expect(messageIn(answer.map((bytes) => give(client, bytes)).at(-1))).toEqual(large)
  })
})

describe('what may be fragmented', () => {
  test('RFC 7383 §2.4: nothing, unless both ends said so', () => {
    const { client, gateway } = pair()
    const datagrams = request(client)
    gateway.fragments = undefined
    expect(outcomes(gateway, datagrams).every((o) => o === undefined)).toBe(true)
    client.fragments = undefined
    expect(request(client)).toHaveLength(1)
  })

  test('RFC 7383 §2.5.1: 1280 octets for the IP datagram at first, over IPv6 as over IPv4; 576 at least', () => {
    expect(fragmentSizes({ address: '192.0.2.1', port: 4500 })).toEqual({
      messageBytes: 1248,
      smallestBytes: 544,
    })
    expect(fragmentSizes({ address: '2001:db8::1', port: 4500 })).toEqual({
      messageBytes: 1228,
      smallestBytes: 524,
    })
    expect(fragmentSizes({ address: '192.0.2.1', port: 4500 }, 100).messageBytes).toBe(544)
  })

  test('RFC 7383 §2.5: a content is cut wherever the size says, and nothing is lost', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 60 }), (content, room) => {
        const pieces = split(content, room)
        expect(concat(...pieces)).toEqual(content)
        expect(pieces).toHaveLength(Math.max(1, Math.ceil(content.length / room)))
      }),
    )
  })

  test('no fragment fits a message smaller than its own headers', () => {
    expect(() => fragmentRoom(saPair().client.suite, 60)).toThrow(RangeError)
  })

  test('RFC 7383 §2.5.1: who is sent small fragments answers in small ones', () => {
    const { client, gateway } = pair()
    gateway.fragments = fragmentSizes({ address: IPV4, port: 4500 })
    for (const bytes of request(client)) give(gateway, bytes)
    expect(gateway.fragments.messageBytes).toBe(544)
  })

  test('RFC 7383 §2.5.1: tiny fragments do not make us send tiny ones', () => {
    const { client, gateway } = pair()
    const { bytes } = encodePayloads([identity])
    const half = bytes.length >> 1
    give(gateway, fragmentOf(client, 1, 2, bytes.subarray(0, half)))
    expect(messageIn(give(gateway, fragmentOf(client, 2, 2, bytes.subarray(half))))).toEqual([identity])
    expect(gateway.fragments!.messageBytes).toBe(544)
  })
})

describe('RFC 7383 §2.6.1: repeated requests', () => {
  test('of an answered request only the first fragment brings the answer again, and only if it is genuine', () => {
    const { client, gateway } = pair()
    const datagrams = request(client)
    outcomes(gateway, datagrams)
    const { header } = (decodeMessage(datagrams[0]!) as { value: { header: Header } }).value
    gateway.answer(header, [identity])
    expect(outcomes(gateway, datagrams)).toEqual(['repeated', ...datagrams.slice(1).map(() => undefined)])
    expect(give(gateway, changed(datagrams[0]!, datagrams[0]!.length - 1))).toBeUndefined()
    // In smaller pieces it is the same request.
    expect(give(gateway, fragmentOf(client, 1, 40, new Uint8Array(9)))?.outcome).toBe('repeated')
    expect(give(gateway, fragmentOf(client, 2, 40, new Uint8Array(9)))).toBeUndefined()
  })

  test('lost fragments are made up for by those of the next try', () => {
    const { client, gateway } = pair()
    const transmission = new Transmission(client, client.seal(IKE_AUTH, 1, false, large))
    const first = transmission.outgoing.datagrams.map((d) => d.bytes)
    expect(outcomes(gateway, first.slice(1)).every((o) => o === 'waiting')).toBe(true)
    const again = transmission.again()!.datagrams.map((d) => d.bytes)
    expect(again).toEqual(first)
    expect(give(gateway, again[0]!)?.outcome).toBe('message')
  })
})

describe('RFC 7383 §2.5.2: smaller fragments when nothing comes back', () => {
  /** All tries until it gives up: datagrams and wait of each. */
  function tries(sa: IkeSa, payloads: readonly Payload[]) {
    const transmission = new Transmission(sa, sa.seal(IKE_AUTH, 1, false, payloads))
    const all: { pieces: number; largest: number; waitMs: number }[] = []
    for (
      let outgoing: typeof transmission.outgoing | undefined = transmission.outgoing;
      outgoing !== undefined;
      outgoing = transmission.again()
    ) {
      const sizes = outgoing.datagrams.map((d) => d.bytes.length)
      all.push({ pieces: sizes.length, largest: Math.max(...sizes), waitMs: transmission.waitMs })
    }
    expect(transmission.tries).toBe(all.length)
    return all
  }

  test('after three tries, with a larger Total Fragments and the waits from their beginning, to the last try', () => {
    const { client } = pair()
    client.fragments = fragmentSizes({ address: IPV4, port: 4500 })
    const all = tries(client, large)
    expect(all.slice(0, 3).map((t) => t.pieces)).toEqual([2, 2, 2])
    expect(all).toHaveLength(3 + CHOICE.tries)
    for (const { pieces, largest } of all.slice(3)) {
      expect(pieces).toBe(4)
      expect(largest).toBeLessThanOrEqual(544)
    }
    expect(all.map((t) => t.waitMs)).toEqual([
      ...[1, 2, 3].map(waitAfter),
      ...Array.from({ length: CHOICE.tries }, (_, i) => waitAfter(i + 1)),
    ])
    // The next exchange begins with what seemed to get through.
    expect(client.fragments.messageBytes).toBe(544)
  })

  test('a message that went whole and got lost goes in fragments', () => {
    const { client, gateway } = pair()
    client.fragments = fragmentSizes({ address: IPV4, port: 4500 })
    expect(tries(client, [certificate(900)]).map((t) => t.pieces)).toEqual([1, 1, 1, 2, 2, 2, 2, 2, 2, 2])
    const datagrams = request(client, [certificate(900)])
    expect(messageIn(datagrams.map((bytes) => give(gateway, bytes)).at(-1))).toEqual([certificate(900)])
  })

  test('a small message is sent as it was, and so is a large one where fragments were not agreed', () => {
    const { client } = pair()
    client.fragments = fragmentSizes({ address: IPV4, port: 4500 })
    expect(tries(client, [identity])).toHaveLength(CHOICE.tries)
    expect(client.fragments.messageBytes).toBe(1248)
    client.fragments = undefined
    expect(tries(client, large).every((t) => t.pieces === 1)).toBe(true)
  })

  test('the receiver takes up the smaller ones', () => {
    const { client, gateway } = pair()
    client.fragments = fragmentSizes({ address: IPV4, port: 4500 })
    const sent = client.seal(IKE_AUTH, 1, false, large)
    expect(give(gateway, sent.datagrams[0]!.bytes)?.outcome).toBe('waiting')
    const smaller = client.refragment(sent)!.datagrams.map((d) => d.bytes)
    expect(messageIn(smaller.map((bytes) => give(gateway, bytes)).at(-1))).toEqual(large)
    expect(client.refragment(sent)).toBeUndefined()
  })
})

describe('the inspector', () => {
  test('sees each fragment with its part, and once the message they carry as it would be without fragments', () => {
    const { client, gateway } = pair()
    const sent = client.seal(IKE_AUTH, 1, false, large)
    const total = sent.datagrams.length
    expect(sent.datagrams.map((d) => d.fragment)).toEqual(
      sent.datagrams.map((_, i) => ({ number: i + 1, total })),
    )
    expect(concat(...sent.datagrams.map((d) => d.plaintext!))).toEqual(sent.whole?.plaintext)
    expect(sent.whole).toMatchObject({ fragments: total, payloads: large, direction: 'out' })

    const observed = sent.datagrams.flatMap((d) => give(gateway, d.bytes)?.observed ?? [])
    expect(observed.slice(0, -1).map((m) => m.fragment?.number)).toEqual(sent.datagrams.map((_, i) => i + 1))
    const whole = observed.at(-1)!
    expect(whole).toMatchObject({ fragments: total, payloads: large, direction: 'in', retransmission: false })
    // RFC 9242 §3.3.2: header and header of SK with lengths as if the inner payloads followed in the clear.
    expect(whole.bytes).toHaveLength(32)
    expect(whole.bytes).toEqual(sent.whole?.bytes)
    const decoded = decodeMessage(concat(whole.bytes, whole.plaintext!))
    expect(decoded.ok && decoded.value.payloads).toMatchObject([
      { type: 'SK', first: PayloadNumber.IDi.id, body: whole.plaintext },
    ])
  })
})
