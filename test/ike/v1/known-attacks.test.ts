import { describe, expect, test } from 'vitest'
import { equal, fromHex, toHex, utf8 } from '../../../core/bytes/octets.ts'
import { Secret } from '../../../core/bytes/secret.ts'
import { ExchangeType, NotifyType } from '../../../core/iana/ikev1.ts'
import type { Established } from '../../../core/ike/v1/established.ts'
import { deleteSa } from '../../../core/ike/v1/exchanges/informational.ts'
import { notify } from '../../../core/ike/v1/payloads.ts'
import { choosePhase1, encodePhase1 } from '../../../core/ike/v1/phase1-suite.ts'
import { viewOf } from '../../../core/ike/v1/view.ts'
import { decodeMessage, encodeMessage } from '../../../core/wire/ikev1/message.ts'
import type { Payload } from '../../../core/wire/ikev1/payload.ts'
import { connected, type PairV1, pair } from '../../support/two-peers-v1.ts'

// Each is named by what broke others. What comes of it here: nothing, or a typed error, and never a change of state.

/** What the gateway sends under its ISAKMP SA, with a HASH(1) that fits. */
function inform(two: PairV1, ...payloads: readonly Payload[]): void {
  const e = two.gateway.state as Established
  e.inform(e.current, payloads)
  // Whatever event: it takes the actions along.
  two.gateway.feed({ type: 'traffic', inbound: false, outbound: false })
  two.net.settle()
}

const spiOf = (two: PairV1): Uint8Array => (two.gateway.state as Established).current.spi
const aliveQuery = (two: PairV1): Payload => notify(NotifyType.R_U_THERE.id, spiOf(two), fromHex('00000007'))

describe('CVE-2023-38712: more payloads behind a delete for the SA they came by', () => {
  test('the end is taken, and what follows it is not read', () => {
    const two = connected()
    inform(two, deleteSa((two.gateway.state as Established).current), aliveQuery(two), aliveQuery(two))
    expect(two.client.closed?.error).toMatchObject({ kind: 'closedByGateway' })
    expect(two.client.sent.at(-1)?.exchange).not.toBe('INFORMATIONAL')
  })

  test('the same for an SA that has been replaced: the one that carries on stays', () => {
    const two = connected()
    const old = (two.gateway.state as Established).current
    two.client.command('rekeyIke')
    two.net.settle()
    const e = two.gateway.state as Established
    e.inform(old, [deleteSa(old), notify(NotifyType.R_U_THERE.id, old.spi, fromHex('00000007'))])
    two.gateway.feed({ type: 'traffic', inbound: false, outbound: false })
    two.net.settle()
    expect(two.client.closed).toBeUndefined()
    expect(two.net.pings()).toBe(true)
  })
})

test('CVE-2009-0790: R-U-THERE in the clear, and without any SA, is answered by nobody', () => {
  const two = connected()
  const [before, told] = [two.client.sent.length, two.client.notes.length]
  const header = {
    ...decodeHeader(two),
    exchange: ExchangeType.INFORMATIONAL.id,
    encrypted: false,
    messageId: 0x1234,
  }
  const bytes = encodeMessage(header, [aliveQuery(two)])
  two.client.feed({
    type: 'datagram',
    datagram: { bytes, local: two.client.n.local!, remote: two.client.n.remote! },
  })
  expect(two.client.sent).toHaveLength(before)
  expect(two.client.notes.length).toBeGreaterThan(told)
})

const decodeHeader = (two: PairV1) => {
  const decoded = decodeMessage(two.client.sent.at(-1)!.bytes)
  if (!decoded.ok) throw decoded.error
  return decoded.value.header
}

describe('Bleichenbacher against RSA-encrypted nonces (2018): those modes do not exist here', () => {
  const offer = { encryption: 7, keyBits: 128, hash: 4, group: 19 }

  test.each([4, 5, 6, 7, 65007, 65008, 65009, 65010])('method %i is never chosen', (authentication) => {
    const asked = encodePhase1([{ ...offer, authentication }], 3600)
    const allowed = [1, 3, 9, 10, 11, 64221, 65001, 65005].map((one) => ({ ...offer, authentication: one }))
    expect(choosePhase1(allowed, asked)).toBeUndefined()
  })
})

describe('CVE-2023-38711: an identity in quick mode that means no traffic', () => {
  test.each([
    ['a name', { idType: 2, data: utf8('host.example') }],
    ['a distinguished name', { idType: 9, data: fromHex('3000') }],
    ['a mask with holes', { idType: 4, data: fromHex('0a000000ff00ff00') }],
    ['a range that ends before it begins', { idType: 7, data: fromHex('0a0000090a000001') }],
    ['a type nobody knows', { idType: 200, data: fromHex('0a000001') }],
  ])('%s is refused in words', (_, { idType, data }) => {
    const two = connected()
    const before = two.gateway.children
    const e = two.client.state as Established
    const id = { type: 'ID', idType, protocol: 0, port: 0, data } as const
    const failed: unknown[] = []
    e.ask(
      e.current,
      {
        label: 'quick mode',
        exchange: ExchangeType.QUICK.id,
        payloads: [esp(12), { type: 'Nonce', nonce: new Uint8Array(32) }, id, id],
        onMessage: () => 'ignored',
        onFailed: (error) => failed.push(error),
      },
      two.net.now,
    )
    two.client.feed({ type: 'traffic', inbound: false, outbound: false })
    two.net.settle()
    expect(failed).toEqual([{ kind: 'refused', exchange: 'quick mode', notify: 'INVALID_ID_INFORMATION' }])
    expect(two.gateway.children).toEqual(before)
    expect(two.net.pings()).toBe(true)
  })
})

/** One proposal for ESP with one transform. */
const esp = (id: number, attributes: readonly { type: number; value: number }[] = []): Payload => ({
  type: 'SA',
  doi: 1,
  situation: 1,
  proposals: [
    { number: 1, protocol: 3, spi: fromHex('00001234'), transforms: [{ number: 1, id, attributes }] },
  ],
})

describe('CVE-2024-3652: transforms that lack what they need, or are of another kind', () => {
  test.each([
    ['AES-GMAC without encryption', esp(23, [{ type: 6, value: 256 }])],
    ['AES-CBC without integrity', esp(12, [{ type: 6, value: 256 }])],
    ['NULL without integrity', esp(11)],
    ['3DES with a key length', esp(3, [{ type: 6, value: 168 }])],
    ['AES of 129 bits', esp(12, [{ type: 6, value: 129 }])],
    ['a reserved number', esp(0)],
    [
      'AH in the place of ESP',
      {
        ...esp(12),
        proposals: [
          {
            number: 1,
            protocol: 2,
            spi: fromHex('00001234'),
            transforms: [{ number: 1, id: 3, attributes: [] }],
          },
        ],
      } as Payload,
    ],
  ])('%s', (_, sa) => {
    const two = connected()
    const e = two.client.state as Established
    const failed: unknown[] = []
    e.ask(
      e.current,
      {
        label: 'quick mode',
        exchange: ExchangeType.QUICK.id,
        payloads: [sa, { type: 'Nonce', nonce: new Uint8Array(32) }, ...idsOf(two)],
        onMessage: () => 'ignored',
        onFailed: (error) => failed.push(error),
      },
      two.net.now,
    )
    two.client.feed({ type: 'traffic', inbound: false, outbound: false })
    two.net.settle()
    expect(failed).toEqual([expect.objectContaining({ kind: 'noProposalChosen', phase: 2 })])
    expect(two.gateway.children).toHaveLength(1)
  })
})

/** The identities of the quick mode that made the tunnel. */
const idsOf = (two: PairV1): Payload[] =>
  (two.client.sent.find((message) => message.exchange === 'QUICK')!.payloads as readonly Payload[]).filter(
    ({ type }) => type === 'ID',
  )

test('CVE-2013-6075, CVE-2013-5018: an identity that is no DER, under the number of one, is a string of octets', () => {
  const localIdentity = { type: 9, data: fromHex('30ff02010000') }
  const two = connected({ client: { localIdentity }, gateway: { remoteIdentity: undefined } })
  const none = { inbound: () => undefined, outbound: () => undefined }
  expect(() => viewOf(two.gateway.n, none, Number)).not.toThrow()
  expect(two.net.pings()).toBe(true)
})

describe('CVE-2020-1763, CVE-2022-23094: events for what is not there any more', () => {
  const events = [
    ...[
      'exchange:7',
      'child-rekey:7',
      'child-linger:7',
      'sa-linger:0011',
      'renewal',
      'retransmit',
      'half-open',
      'question',
      'dpd-wait',
    ].map((timer) => ({ type: 'timer', timer }) as const),
    { type: 'answered', id: 99, answer: undefined } as const,
    { type: 'softLimit', spi: 0x1234 as never, reason: 'bytes' } as const,
    {
      type: 'pathOpen',
      local: { address: '192.0.2.7', port: 1 },
      remote: { address: '192.0.2.1', port: 500 },
    } as const,
  ]

  test.each(events)('$type $timer while a tunnel stands, and after its end', (event) => {
    const two = connected()
    two.client.feed(event)
    two.net.settle()
    expect(two.client.closed).toBeUndefined()
    two.client.command('disconnect')
    expect(() => two.client.feed(event)).not.toThrow()
  })
})

describe('PROTOS ISAKMP (CVE-2005-3671): every octet of every message changed, before the real one', () => {
  /** Lengths, next payloads and all else, one octet of each message at a time. */
  test.each([0, 1, 2, 3, 4, 5, 6, 7])('octet %i of each eight', (start) => {
    const two = pair()
    two.net.onSend = (flight) => {
      if (flight.kind === 'esp') return [flight]
      const damaged = []
      // What stands behind HASH in messages 5 and 6 nobody's hash covers, and the last block is the next IV. RFC 2409 §5.4
      const sealed = flight.bytes[18] === ExchangeType.MAIN.id && (flight.bytes[19]! & 1) === 1
      const end = sealed ? 76 : flight.bytes.length
      for (let at = start; at < end; at += 8) {
        const bytes = flight.bytes.slice()
        bytes[at] = at % 3 === 0 ? 0 : at % 3 === 1 ? 0xff : bytes[at]! ^ 0x10
        damaged.push({ ...flight, bytes })
      }
      return [...damaged.filter(({ bytes }) => touchesNoSecret(bytes, flight.bytes)), flight]
    }
    two.client.command('connect')
    two.net.advance(60_000)
    two.net.onSend = undefined
    expect(two.client.closed).toBeUndefined()
    expect(two.net.pings()).toBe(true)
  })

  /**
   * In the clear somebody on the way can put another offer, public value or nonce in the place of the real one, and another
   * cookie is another negotiation: none survives that, and none is made by it. All but that is changed.
   */
  function touchesNoSecret(damaged: Uint8Array, real: Uint8Array): boolean {
    const decoded = decodeMessage(damaged)
    const before = decodeMessage(real)
    if (!decoded.ok || !before.ok || before.value.sealed || decoded.value.sealed) return true
    if (!equal(damaged.subarray(0, 16), real.subarray(0, 16))) return false
    const made = ({ payloads, bodies }: { payloads: readonly Payload[]; bodies: readonly Uint8Array[] }) =>
      bodies.filter((_, at) => ['SA', 'KE', 'Nonce'].includes(payloads[at]!.type)).map((body) => toHex(body))
    const [after, wanted] = [made(decoded.value), made(before.value)]
    return after.length !== wanted.length || after.join() === wanted.join()
  }
})

test('packets shorter than a header, and a marker with nothing behind it, are dropped', () => {
  const two = connected()
  for (let length = 0; length < 28; length++) {
    for (const fill of [0, 0xff]) {
      const datagram = {
        bytes: new Uint8Array(length).fill(fill),
        local: two.client.n.local!,
        remote: two.client.n.remote!,
      }
      two.client.feed({ type: 'datagram', datagram })
      two.gateway.feed({ type: 'datagram', datagram })
    }
  }
  expect([two.client.closed, two.gateway.closed]).toEqual([undefined, undefined])
  expect(two.net.pings()).toBe(true)
})

describe('CVE-2018-5389: whoever poses as the gateway once can guess the key of main mode afterwards', () => {
  const keyed = (text: string) => ({ authentication: { method: 'psk', psk: Secret.fromText(text) } as const })

  test('a short key is named for what it is, a long one is not', () => {
    const warned = (text: string): boolean => {
      const two = pair({ client: keyed(text), gateway: keyed(text) })
      two.client.command('connect')
      two.net.settle()
      return two.client.notes.some((note) => note.includes('can be guessed'))
    }
    expect([warned('sesame'), warned('nineteen characters')]).toEqual([true, true])
    expect(warned('twenty characters or')).toBe(false)
  })
})
