import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../core/bytes/octets.ts'
import { Secret } from '../../../core/bytes/secret.ts'
import { createRegistry } from '../../../core/crypto/registry.ts'
import type { Established } from '../../../core/ike/v1/established.ts'
import { deleteSa } from '../../../core/ike/v1/exchanges/informational.ts'
import { pushConfiguration } from '../../../core/ike/v1/exchanges/transaction.ts'
import { idSelector } from '../../../core/ike/v1/identities.ts'
import { phase2Suite } from '../../../core/ike/v1/phase2-suite.ts'
import { decodeMessage, encodeMessage } from '../../../core/wire/ikev1/message.ts'
import { connected, type PairV1, type PeerV1, pair } from '../../support/two-peers-v1.ts'

const UNFIT = 'dropped a message whose hash does not fit'
const of = (peer: PeerV1): Established => peer.state as Established

/** From now on its hashes are made with another SKEYID_a than the one both have: encrypted well, and proving nothing. */
const misHash = (peer: PeerV1): void =>
  void Object.assign(of(peer).current.keys, { a: new Secret(new Uint8Array(32).fill(7)) })

/** What it said goes out with its next event. */
function flush(two: PairV1, peer: PeerV1): void {
  peer.feed({ type: 'traffic', inbound: false, outbound: false })
  two.net.settle()
}

describe('RFC 2409 §5.5, §5.7: a message that decrypts well, with a hash that does not fit', () => {
  test('CVE-2019-10155: an Informational deletes nothing', () => {
    const two = connected()
    misHash(two.gateway)
    of(two.gateway).inform(of(two.gateway).current, [deleteSa(of(two.gateway).current)])
    flush(two, two.gateway)
    expect(two.client.closed).toBeUndefined()
    expect(two.client.notes).toContain(UNFIT)
    expect(two.net.pings()).toBe(true)
  })

  test('a HASH with nothing behind it says nothing, though it fits', () => {
    const two = connected()
    of(two.gateway).inform(of(two.gateway).current, [])
    flush(two, two.gateway)
    expect(two.client.notes).toContain(UNFIT)
  })

  test('HASH(1): a quick mode is not answered', () => {
    const two = connected()
    const before = two.client.children
    misHash(two.gateway)
    two.gateway.command('rekeyChild')
    two.net.settle()
    expect([two.client.children, two.client.notes.includes(UNFIT)]).toEqual([before, true])
  })

  test('HASH(2): an answer makes no SAs', () => {
    const two = connected()
    const before = two.client.children
    two.client.command('rekeyChild')
    misHash(two.client)
    two.net.settle()
    expect([two.client.children, two.client.notes.includes(UNFIT)]).toEqual([before, true])
  })

  test('HASH(3): the gateway does not begin to send', () => {
    const two = connected()
    const before = two.gateway.sendsWith
    two.net.onSend = (flight) => {
      if (flight.from === two.gateway && flight.kind !== 'esp' && flight.bytes[18] === 32)
        of(two.client).current.sealHash3 = (exchange, messageId) =>
          of(two.client).current.seal(exchange, messageId, [], false)
      return [flight]
    }
    two.client.command('rekeyChild')
    two.net.settle()
    expect(two.gateway.notes).toContain(UNFIT)
    expect(two.gateway.sendsWith).toBe(before)
  })

  test('a transaction gives no address', () => {
    const two = pair()
    two.net.onSend = (flight) => (flight.bytes[18] === 6 ? [] : [flight])
    two.client.command('connect')
    two.net.settle()
    two.net.onSend = undefined
    misHash(two.gateway)
    pushConfiguration(of(two.gateway), two.net.now)
    flush(two, two.gateway)
    expect([two.client.configuration, two.client.notes.includes(UNFIT)]).toEqual([undefined, true])
  })
})

test.each([
  ['a mask with holes', 4, '0a000000ff00ff00'],
  ['a mask with holes, IPv6', 6, `${'fd'.repeat(16)}${'ff00'.repeat(8)}`],
  ['a range that ends before it begins', 7, '0a0000090a000001'],
  ['a name', 2, '61'],
])('CVE-2023-38711: %s is no traffic', (_, idType, data) => {
  expect(idSelector({ type: 'ID', idType, protocol: 0, port: 0, data: fromHex(data) })).toBeUndefined()
})

test('RFC 4303 §1: a cipher without integrity is no suite, nor is an AEAD beside one', () => {
  const registry = createRegistry(undefined)
  const offer = { encapsulation: 1, esn: false, keyBits: 128 }
  expect(phase2Suite(registry, { ...offer, transform: 12 })).toBeUndefined()
  expect(phase2Suite(registry, { ...offer, transform: 20, authentication: 5 })).toBeUndefined()
  expect(phase2Suite(registry, { ...offer, transform: 12, authentication: 5 })).toBeDefined()
})

test('CVE-2023-30570: an answer in main mode without a cookie of the responder is nobody’s', () => {
  const two = pair()
  two.net.onSend = (flight) => {
    if (flight.to !== two.client) return [flight]
    const message = decodeMessage(flight.bytes)
    if (!message.ok || message.value.sealed) return [flight]
    const { header, payloads } = message.value
    return [{ ...flight, bytes: encodeMessage({ ...header, responderCookie: new Uint8Array(8) }, payloads) }]
  }
  two.client.command('connect')
  two.net.advance(3_000)
  expect(two.client.notes.join()).toContain('it has no cookie of its own')
  expect(two.client.sent.every(({ payloads }) => payloads.length > 0 && !('KE' in payloads))).toBe(true)
})
