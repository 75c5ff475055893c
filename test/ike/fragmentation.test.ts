import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asMillis } from '../../core/bytes/brands.ts'
import { concat } from '../../core/bytes/octets.ts'
import { ExchangeType, PayloadNumber } from '../../core/iana/ikev2.ts'
import { fragmentSizes, Reassembly, split } from '../../core/ike/v2/fragmentation.ts'
import type { IkeSa, Opened } from '../../core/ike/v2/ike-sa.ts'
import { CHOICE, waitAfter } from '../../core/ike/v2/numbers.ts'
import { fragmentRoom, seal } from '../../core/ike/v2/protect.ts'
import { Transmission } from '../../core/ike/v2/transmission.ts'
import { decodeMessage, encodePayloads, type Header } from '../../core/wire/ikev2/message.ts'
import type { Payload, SkfPayload } from '../../core/wire/ikev2/payload.ts'
import { SUITES, saPair } from '../support/sa-pair.ts'
import { SeededRandom } from '../support/seeded-random.ts'

const IKE_AUTH = ExchangeType.IKE_AUTH.id
const START = asMillis(0)
const IPV4 = '192.0.2.1'

/** Something of the size of a certificate. */
const certificate = (bytes: number): Payload => ({
  type: 'CERT',
  encoding: 4,
  data: Uint8Array.from({ length: bytes }, (_, i) => (i * 31) & 0xff),
})
const identity: Payload = { type: 'IDi', idType: 2, data: new TextEncoder().encode('alice.example.org') }
const large: readonly Payload[] = [identity, certificate(1_800)]

/** Two ends that both said IKEV2_FRAGMENTATION_SUPPORTED, with small fragments so that there are several. */
function pair(proposal?: Parameters<typeof saPair>[0]) {
  const ends = saPair(proposal)
  ends.client.fragments = fragmentSizes(IPV4, CHOICE.smallDatagramBytes)
  ends.gateway.fragments = fragmentSizes(IPV4, CHOICE.smallDatagramBytes)
  return ends
}

const request = (sa: IkeSa, payloads = large, messageId = 1): Uint8Array[] =>
  sa.seal(IKE_AUTH, messageId, false, payloads).datagrams.map((d) => d.bytes)

function give(sa: IkeSa, bytes: Uint8Array, now = START): Opened | undefined {
  const decoded = decodeMessage(bytes)
  return decoded.ok ? sa.open(bytes, decoded.value, now) : undefined
}

const outcomes = (sa: IkeSa, datagrams: readonly Uint8Array[], now = START) =>
  datagrams.map((bytes) => give(sa, bytes, now)?.outcome)

function messageIn(opened: Opened | undefined): readonly Payload[] {
  if (opened?.outcome !== 'message' || !opened.payloads.ok) throw new Error(`got ${opened?.outcome}`)
  return opened.payloads.value
}

const skfOf = (bytes: Uint8Array): SkfPayload => {
  const decoded = decodeMessage(bytes)
  const skf = decoded.ok ? decoded.value.payloads.at(-1) : undefined
  if (skf?.type !== 'SKF') throw new Error('no SKF payload')
  return skf
}

const changed = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice()
  copy[at]! ^= 1
  return copy
}

/** A fragment the client could have made, with numbers of the test's choice. */
function fragmentOf(
  client: IkeSa,
  number: number,
  total: number,
  content: Uint8Array,
  header: Partial<Header> = {},
): Uint8Array {
  return seal(
    client.suite,
    { encryption: client.keys.ei, integrity: client.keys.ai },
    {
      initiatorSpi: client.initiatorSpi,
      responderSpi: client.responderSpi,
      majorVersion: 2,
      minorVersion: 0,
      exchange: IKE_AUTH,
      initiator: true,
      higherVersion: false,
      response: false,
      messageId: 1,
      ...header,
    },
    { first: number === 1 ? PayloadNumber.IDi.id : 0, bytes: content, fragment: { number, total } },
    BigInt(1000 + number),
    new SeededRandom(3),
  )
}

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
    expect(fragmentSizes('192.0.2.1')).toEqual({ messageBytes: 1248, smallestBytes: 544 })
    expect(fragmentSizes('2001:db8::1')).toEqual({ messageBytes: 1228, smallestBytes: 524 })
    expect(fragmentSizes('192.0.2.1', 100).messageBytes).toBe(544)
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
    gateway.fragments = fragmentSizes(IPV4)
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
    client.fragments = fragmentSizes(IPV4)
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
    client.fragments = fragmentSizes(IPV4)
    expect(tries(client, [certificate(900)]).map((t) => t.pieces)).toEqual([1, 1, 1, 2, 2, 2, 2, 2, 2, 2])
    const datagrams = request(client, [certificate(900)])
    expect(messageIn(datagrams.map((bytes) => give(gateway, bytes)).at(-1))).toEqual([certificate(900)])
  })

  test('a small message is sent as it was, and so is a large one where fragments were not agreed', () => {
    const { client } = pair()
    client.fragments = fragmentSizes(IPV4)
    expect(tries(client, [identity])).toHaveLength(CHOICE.tries)
    expect(client.fragments.messageBytes).toBe(1248)
    client.fragments = undefined
    expect(tries(client, large).every((t) => t.pieces === 1)).toBe(true)
  })

  test('the receiver takes up the smaller ones', () => {
    const { client, gateway } = pair()
    client.fragments = fragmentSizes(IPV4)
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
