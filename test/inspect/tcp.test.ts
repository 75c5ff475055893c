import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concat, fromHex } from '../../core/bytes/octets.ts'
import { tcpPacket } from '../../core/capture/ip-packets.ts'
import { frame, STREAM_PREFIX } from '../../core/esp/tcp-encapsulation.ts'
import { Decoder } from '../../core/inspect/decoder.ts'
import { NO_KEYS } from '../../core/inspect/key-tables.ts'
import { Tape } from '../../core/inspect/tape.ts'
import { remarksOf, walk } from '../../core/inspect/tree.ts'
import { wholeRegistry } from '../support/two-peers.ts'
import { vector } from '../support/vectors.ts'
import { expectSound } from './trees.ts'

const registry = wholeRegistry()
const [client, gateway] = [
  { address: '192.0.2.1', port: 50_000 },
  { address: '192.0.2.2', port: 4500 },
]
const request = vector('ikev2/ike-sa-init-req.bin')
const ESP = fromHex(`00001234${'00000001'}${'ab'.repeat(32)}`)
const STREAM = concat(STREAM_PREFIX, frame(concat(new Uint8Array(4), request)), frame(ESP))
const FIRST = 0xffff_ff00

function packets(segments: readonly { readonly at: number; readonly octets: Uint8Array }[]) {
  const decoder = new Decoder(registry, NO_KEYS)
  return segments.map(({ at, octets }, index) => {
    const sequence = (FIRST + at) >>> 0
    const bytes = tcpPacket(
      { source: client, destination: gateway, payload: octets },
      { sequence, acknowledgement: 1 },
    )
    const given = { number: index + 1, atMs: 0, linkType: 101, bytes, wireBytes: bytes.length }
    const tape = new Tape()
    const packet = decoder.frame(given, tape)
    expectSound(packet.tree)
    // Each packet is the same by itself, with what it needed of those before it.
    const alone = new Decoder(registry, NO_KEYS).frame(given, new Tape(tape.text ?? '[]'))
    expect(names(alone)).toEqual(names(packet))
    return packet
  })
}

/** What was found in a packet. */
const names = ({ tree }: ReturnType<Decoder['frame']>): readonly string[] =>
  [...walk(tree.root)].map(({ field }) => field.name)
const messagesIn = (found: readonly ReturnType<Decoder['frame']>[]): readonly string[] =>
  found.flatMap(names).filter((name) => name === 'ESP' || name === 'Message' || name === 'IKEv2 message')

const cut = (...places: readonly number[]) =>
  [0, ...places].map((at, index) => ({ at, octets: STREAM.subarray(at, places[index] ?? STREAM.length) }))

test('RFC 9329 §3, §4: the prefix, IKE behind its marker, and ESP, in one segment', () => {
  const [packet] = packets(cut())
  expect(names(packet!)).toEqual(expect.arrayContaining(['TCP', 'Stream Prefix', 'Message in TCP', 'ESP']))
  expect(packet?.kind).toBe('esp')
  expect(remarksOf(packet!.tree.root).map(({ kind }) => kind)).toEqual(['noKey'])
})

test('RFC 9329 §3: however the stream is cut, across the end of the sequence numbers too, all of it is found', () => {
  const whole = messagesIn(packets(cut()))
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 6, max: STREAM.length - 1 }), { maxLength: 6 }),
      (places) => {
        expect(messagesIn(packets(cut(...places.sort((a, b) => a - b))))).toEqual(whole)
      },
    ),
  )
})

test('RFC 9293 §3.8.1: what is sent again is not read again', () => {
  const [first, second] = cut(STREAM.length - 44)
  const found = packets([first!, first!, second!])
  expect(remarksOf(found[1]!.tree.root).map(({ text }) => text)).toEqual(['these octets were sent before'])
  expect(messagesIn(found)).toEqual(messagesIn(packets(cut())))
})

test('a capture that begins later, or lacks a segment, goes on where a message begins', () => {
  const at = STREAM_PREFIX.length
  expect(messagesIn(packets([{ at, octets: STREAM.subarray(at) }]))).toEqual(messagesIn(packets(cut())))
  const [first, , third] = cut(50, STREAM.length - 42)
  expect(messagesIn(packets([first!, third!]))).toEqual(['ESP'])
})

test('a length that cannot be is remarked, and TCP that is not IKE is left alone', () => {
  const [bad] = packets([{ at: 0, octets: concat(STREAM_PREFIX, fromHex('0001ffff')) }])
  expect(remarksOf(bad!.tree.root).map(({ kind }) => kind)).toContain('badLength')
  const [web] = packets([{ at: 0, octets: new TextEncoder().encode('GET / HTTP/1.1') }])
  expect([web?.kind, remarksOf(web!.tree.root)]).toEqual(['other', []])
})

test('whatever is in the segments, a sound tree comes back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.uint8Array({ maxLength: 60 }))),
      (made) => {
        packets([...cut(40), ...made.map(([at, octets]) => ({ at, octets }))])
      },
    ),
  )
})
