import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../core/bytes/octets.ts'
import { Secret } from '../../../core/bytes/secret.ts'
import { createRegistry } from '../../../core/crypto/registry.ts'
import type { Established } from '../../../core/ike/v1/established.ts'
import { deleteSa } from '../../../core/ike/v1/exchanges/informational.ts'
import { pushConfiguration } from '../../../core/ike/v1/exchanges/transaction.ts'
import { idSelector } from '../../../core/ike/v1/identities.ts'
import { checkPhase1, encodePhase1 } from '../../../core/ike/v1/phase1-suite.ts'
import { checkPhase2, encodePhase2, phase2Suite } from '../../../core/ike/v1/phase2-suite.ts'
import { decodeMessage, encodeMessage } from '../../../core/wire/ikev1/message.ts'
import type { Payload } from '../../../core/wire/ikev1/payload.ts'
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
  const suiteOf = (more: { readonly transform: number; readonly authentication?: number }) =>
    phase2Suite(registry, [{ offer: { protocol: 3, encapsulation: 1, esn: false, keyBits: 128, ...more } }])
  expect(suiteOf({ transform: 12 })).toBeUndefined()
  expect(suiteOf({ transform: 20, authentication: 5 })).toBeUndefined()
  expect(suiteOf({ transform: 12, authentication: 5 })).toBeDefined()
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

describe('RFC 2409 §5.5, RFC 2408 §5.1: replayed messages, and message IDs', () => {
  test('no exchange begins again under the ID of one that is over, whatever it says now', () => {
    const two = connected()
    const e = of(two.gateway)
    const spent = two.gateway.got.find(({ exchange }) => exchange === 'QUICK')!.messageId
    const message = e.current.seal(5, spent, [deleteSa(e.current)], false)
    const datagram = { bytes: message.bytes, local: two.client.n.local!, remote: two.client.n.remote! }
    two.client.feed({ type: 'datagram', datagram })
    expect(two.client.notes.at(-1)).toContain('its exchange is over')
    expect(two.client.closed).toBeUndefined()
  })

  test('ID 0 is that of phase 1, and of nothing after it', () => {
    const two = connected()
    const e = of(two.gateway)
    const message = e.current.seal(5, 0, [deleteSa(e.current)], false)
    const datagram = { bytes: message.bytes, local: two.client.n.local!, remote: two.client.n.remote! }
    two.client.feed({ type: 'datagram', datagram })
    expect(two.client.notes.at(-1)).toContain('message ID 0')
    expect(two.client.closed).toBeUndefined()
  })

  test('a peer that begins exchange after exchange and ends none is not heard any more', () => {
    const two = connected()
    two.net.onSend = (flight) => (flight.from === two.gateway ? [] : [flight])
    for (let i = 0; i < 40; i++) {
      for (const child of two.client.n.children.values()) child.state = 'installed'
      two.client.command('rekeyChild')
      two.net.settle()
    }
    // Each that was taken made a pair of SAs, beside the one there was.
    expect(two.gateway.children.length).toBe(33)
    expect(two.gateway.closed).toBeUndefined()
  })
})

describe('RFC 2409 §5: an answer gives what was asked for', () => {
  test('of phase 1: one of our transforms, and none that is merely possible', () => {
    const ours = { encryption: 7, keyBits: 256, hash: 4, group: 19, authentication: 1 }
    expect(checkPhase1([ours], encodePhase1([ours], 60))).toMatchObject({ ok: true })
    for (const change of [
      { keyBits: 128 },
      { hash: 1 },
      { group: 2 },
      { authentication: 3 },
      { encryption: 8 },
    ])
      expect(checkPhase1([ours], encodePhase1([{ ...ours, ...change }], 60)), JSON.stringify(change)).toEqual(
        {
          ok: false,
          problem: 'transform 1 was not offered',
        },
      )
  })

  test('of phase 2 the same', () => {
    const ours = { protocol: 3, transform: 12, keyBits: 256, authentication: 5, encapsulation: 3, esn: false }
    const spis = [{ protocol: 3, spi: fromHex('01020304') }]
    expect(checkPhase2([ours], encodePhase2([ours], spis, 60))).toMatchObject({ ok: true })
    for (const change of [{ keyBits: 128 }, { authentication: 1 }, { encapsulation: 1 }, { group: 2 }])
      expect(
        checkPhase2([ours], encodePhase2([{ ...ours, ...change }], spis, 60)),
        JSON.stringify(change),
      ).toMatchObject({ ok: false })
  })

  test('no more traffic than we asked for', () => {
    const two = connected()
    const before = two.client.children
    const sa = of(two.gateway).current
    const seal = sa.seal.bind(sa)
    const wide = (payload: Payload): Payload =>
      payload.type === 'ID' ? { ...payload, idType: 4, data: new Uint8Array(8) } : payload
    sa.seal = (exchange, messageId, payloads, response, ni) =>
      seal(exchange, messageId, exchange === 32 ? payloads.map(wide) : payloads, response, ni)
    two.client.command('rekeyChild')
    two.net.settle()
    expect(two.client.children).toEqual(before)
    expect(two.client.notes.join()).toContain('selectorsUnacceptable')
  })
})

test('RFC 2408 §4.3: whoever shares the key of a group renews nothing in the name of another', () => {
  const two = connected({ gateway: { remoteIdentity: undefined } })
  const { current } = two.gateway.n
  Object.assign(two.client.n.config, {
    localIdentity: { type: 2, data: new Uint8Array(Buffer.from('mallory')) },
  })
  two.client.command('rekeyIke')
  two.net.settle()
  expect(two.gateway.notes).toContain('somebody else with the same key wanted to renew phase 1')
  expect(two.gateway.n.current).toBe(current)
})

test('RFC 2408 §3.15: a delete for an ISAKMP SA that nobody knows deletes none', () => {
  const two = connected()
  const e = of(two.gateway)
  const other = { ...deleteSa(e.current), spis: [new Uint8Array(16).fill(9)] } as Payload
  e.inform(e.current, [other])
  flush(two, two.gateway)
  expect(two.client.closed).toBeUndefined()
  expect(two.net.pings()).toBe(true)
})
