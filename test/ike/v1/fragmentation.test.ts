import { describe, expect, test } from 'vitest'
import { asMillis } from '../../../core/bytes/brands.ts'
import { fragmentsOf, Reassembly } from '../../../core/ike/v1/fragmentation.ts'
import { decodeMessage, encodeMessage, type Header } from '../../../core/wire/ikev1/message.ts'
import type { FragmentPayload } from '../../../core/wire/ikev1/payload.ts'
import { both, by, clientOf, gatewayOf, root } from '../../support/certificate-pair.ts'
import { makeKey } from '../../support/pki.ts'
import { pair } from '../../support/two-peers-v1.ts'

const header: Header = {
  initiatorCookie: new Uint8Array(8).fill(1),
  responderCookie: new Uint8Array(8).fill(2),
  majorVersion: 1,
  minorVersion: 0,
  exchange: 2,
  encrypted: true,
  commit: false,
  authenticationOnly: false,
  messageId: 0,
}
const message = new Uint8Array(3_000).map((_, at) => at * 7)
const pieces = (): FragmentPayload[] => fragmentsOf(message, header, 600)!.map(({ payload }) => payload)
const now = asMillis(0)
const join = (parts: readonly FragmentPayload[], at = now): Uint8Array | undefined => {
  const reassembly = new Reassembly()
  return parts.map((part) => reassembly.add(header, part, at)).find((whole) => whole !== undefined)
}

describe('fragments of Cisco and Microsoft', () => {
  test('no piece is longer than allowed, each is a message that can be read, and together they are the message', () => {
    const sent = fragmentsOf(message, header, 600)!
    expect(sent.every(({ bytes }) => bytes.length <= 600)).toBe(true)
    const read = sent.map(({ bytes }) => decodeMessage(bytes))
    expect(read.every((r) => r.ok && !r.value.sealed)).toBe(true)
    expect(sent.map(({ payload: { number, flags } }) => [number, flags])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 0],
      [5, 0],
      [6, 1],
    ])
    expect(join(pieces())).toEqual(message)
  })

  test('what fits goes whole', () => {
    expect(fragmentsOf(message, header, 3_000)).toBeUndefined()
  })

  test('any order, and the same one twice', () => {
    const parts = pieces()
    expect(join([...parts].reverse())).toEqual(message)
    expect(join(parts.flatMap((part) => [part, part]))).toEqual(message)
  })

  test('CVE-2013-6076, CVE-2016-10396: a missing one, one beyond the last, too many and too large ones lead to nothing', () => {
    const parts = pieces()
    expect(join(parts.slice(1))).toBeUndefined()
    expect(join([...parts.slice(1), { ...parts[0]!, number: 7 }])).toBeUndefined()
    const many = Array.from({ length: 255 }, (_, at) => ({
      ...parts[0]!,
      number: at + 1,
      flags: at === 254 ? 1 : 0,
    }))
    expect(join(many)).toBeUndefined()
    expect(join(many.map((one) => ({ ...one, data: new Uint8Array(1) })))).toBeUndefined()
    const large = Array.from({ length: 100 }, (_, at) => ({
      ...parts[0]!,
      number: at + 1,
      flags: at === 99 ? 1 : 0,
      data: new Uint8Array(1_000),
    }))
    expect(join(large)).toBeUndefined()
  })

  test('another message with the same number begins anew; pieces of different ages do not mix', () => {
    const reassembly = new Reassembly()
    const [first, ...rest] = pieces()
    reassembly.add(header, { ...first!, data: new Uint8Array(500) }, now)
    reassembly.add(header, first!, now)
    expect(rest.map((part) => reassembly.add(header, part, now)).at(-1)).toEqual(message)
    reassembly.add(header, first!, now)
    expect(rest.map((part) => reassembly.add(header, part, asMillis(31_000))).at(-1)).toBeUndefined()
  })

  test('certificates go in pieces where both ends can do it, in both directions, and lost ones are sent again', () => {
    const options = both({
      client: by(clientOf({}, root, makeKey('rsa'))),
      gateway: by(gatewayOf({}, root, makeKey('rsa'))),
      more: { client: { fragmentDatagramBytes: 576 }, gateway: { fragmentDatagramBytes: 576 } },
    })
    const two = pair(options)
    let lost = false
    two.net.onSend = (flight) => {
      if (flight.kind === 'ike') expect(flight.bytes.length).toBeLessThanOrEqual(524)
      const piece = flight.bytes[16] === 132 && !lost
      lost ||= piece
      return piece ? [] : [flight]
    }
    two.client.command('connect')
    two.net.advance(5_000)
    two.net.onSend = undefined
    expect([two.client.n.state, two.gateway.n.state]).toEqual(['connected', 'connected'])
    expect(two.client.sent.some(({ fragment }) => fragment?.number === 2)).toBe(true)
    expect(two.gateway.sent.some(({ fragment }) => fragment?.number === 2)).toBe(true)
    expect(two.net.pings()).toBe(true)
  })

  test('who switches it off sends and takes none', () => {
    const two = pair(both({ more: { client: { fragmentDatagramBytes: 576, fragmentation: false } } }))
    two.client.command('connect')
    two.net.advance(5_000)
    expect(two.client.n.state).toBe('connected')
    expect([...two.client.sent, ...two.gateway.sent].filter(({ fragment }) => fragment)).toEqual([])
  })
})

describe('CVE-2026-12413: what stands beside pieces, or inside them', () => {
  const [piece] = fragmentsOf(message, header, 600)!
  const said = (bytes: Uint8Array): string | undefined => {
    const two = pair()
    two.client.command('connect')
    two.net.settle()
    const { local, remote } = two.client.n
    two.client.feed({ type: 'datagram', datagram: { bytes, local: local!, remote: remote! } })
    return two.client.notes.at(-1)
  }

  test('a payload nobody protects makes it no piece', () => {
    const both = [piece!.payload, { type: 'VendorID', data: new Uint8Array(8) } as const]
    expect(said(encodeMessage({ ...header, encrypted: false }, both))).toContain('where none belongs')
  })

  test('pieces make a message, never another piece', () => {
    const whole: FragmentPayload = { ...piece!.payload, number: 1, flags: 1, data: piece!.bytes }
    expect(said(encodeMessage({ ...header, encrypted: false }, [whole]))).toContain('pieces inside of pieces')
  })
})
