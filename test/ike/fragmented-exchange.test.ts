import { describe, expect, test } from 'vitest'
import { ExchangeType, PayloadNumber } from '../../core/iana/ikev2.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { Identity } from '../../core/ike/config.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { findNotify } from '../../core/ike/v2/payloads.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { SUITES } from './sa-pair.ts'
import { type End, TwoEnds } from './two-ends.ts'

/** A name as long as a certificate: KEY_ID takes anything. */
const longName = (bytes: number): Identity => ({ type: 11, data: new Uint8Array(bytes).fill(0x61) })
const small = { fragmentDatagramBytes: CHOICE.smallDatagramBytes }
const isFragment = (bytes: Uint8Array): boolean => bytes[16] === PayloadNumber.SKF.id
const connected = (end: End): boolean => end.done.includes('established') && end.state.name === 'Established'

const saysFragmentation = (end: End, direction: 'in' | 'out'): boolean => {
  const init = end.messages.find((m) => m.exchange === 'IKE_SA_INIT' && m.direction === direction)
  const said = findNotify(init!.payloads as readonly Payload[], NotifyType.IKEV2_FRAGMENTATION_SUPPORTED.id)
  if (said !== undefined) expect(said).toMatchObject({ protocol: 0, data: new Uint8Array(0) })
  return said !== undefined
}

describe('RFC 7383 §2.3: negotiation', () => {
  test.each([
    { client: true, gateway: true },
    { client: true, gateway: false },
    { client: false, gateway: true },
  ])('client says $client, gateway can $gateway', ({ client, gateway }) => {
    const net = new TwoEnds({
      client: { fragmentation: client, localIdentity: longName(2_000), ...small },
      gateway: { fragmentation: gateway, localIdentity: longName(2_000), ...small },
    }).connect()
    expect(saysFragmentation(net.gateway, 'in')).toBe(client)
    expect(saysFragmentation(net.client, 'in')).toBe(client && gateway)
    expect(connected(net.client) && connected(net.gateway)).toBe(true)
    const inPieces = net.client.messages.some((m) => m.fragment !== undefined)
    expect(inPieces).toBe(client && gateway)
    // IKE_SA_INIT itself never is. RFC 7383 §2.4
    expect(net.client.seen('IKE_SA_INIT')).toEqual(['out', 'in'])
  })
})

describe.each(Object.entries(SUITES))('IKE_AUTH in fragments, %s', (_, suite) => {
  test('RFC 7383 §2.5: request and answer, each shown with the message they carry', () => {
    const net = new TwoEnds({
      client: { ikeProposals: [suite], localIdentity: longName(1_600), ...small },
      gateway: { ikeProposals: [suite], localIdentity: longName(1_000), ...small },
    }).connect()
    expect(connected(net.client) && connected(net.gateway)).toBe(true)
    expect(net.client.seen('IKE_AUTH')).toEqual([
      ...['out of 4', 'out 1/4', 'out 2/4', 'out 3/4', 'out 4/4'],
      ...['in 1/3', 'in 2/3', 'in 3/3', 'in of 3'],
    ])
    expect(net.gateway.seen('IKE_AUTH')).toEqual([
      ...['in 1/4', 'in 2/4', 'in 3/4', 'in 4/4', 'in of 4'],
      ...['out of 3', 'out 1/3', 'out 2/3', 'out 3/3'],
    ])
  })
})

describe('a network that loses fragments', () => {
  const large = () =>
    new TwoEnds({
      client: { localIdentity: longName(1_600), ...small },
      gateway: { localIdentity: longName(1_600), ...small },
    })

  test('RFC 7383 §2.6.1: a lost piece of the answer comes again after the first fragment of the request does', () => {
    const net = large()
    let answers = 0
    net.path = (bytes, from) => {
      const lost = from === net.gateway && bytes[18] === ExchangeType.IKE_AUTH.id && ++answers === 2
      return lost ? [] : [bytes]
    }
    net.connect()
    expect(connected(net.gateway)).toBe(true)
    expect(net.client.state.name).toBe('AwaitAuthReply')
    net.tick()
    expect(connected(net.client)).toBe(true)
    // One answer for four repeated fragments.
    expect(net.gateway.seen('IKE_AUTH').slice(10)).toEqual([
      'in 1/4 again',
      ...['out 1/4 again', 'out 2/4 again', 'out 3/4 again', 'out 4/4 again'],
    ])
  })

  test('RFC 7383 §2.5.2: a path that drops large datagrams is found out, and the rest goes in small ones', () => {
    const net = new TwoEnds({
      client: { localIdentity: longName(2_000) },
      gateway: { localIdentity: longName(2_000) },
    })
    net.path = (bytes) => (bytes.length > 1_000 ? [] : [bytes])
    net.connect()
    for (let i = 0; i < 3; i++) {
      expect(connected(net.client)).toBe(false)
      net.tick()
    }
    expect(connected(net.client) && connected(net.gateway)).toBe(true)
    expect(net.gateway.n.current!.fragments!.messageBytes).toBe(544)
  })

  test('RFC 7383 §2.6: a responder that never gets the rest forgets the request', () => {
    const net = large()
    net.path = (bytes, from) => (from === net.client && isFragment(bytes) && bytes[33] === 2 ? [] : [bytes])
    net.connect()
    for (let i = 0; i < 40 && net.gateway.state.name !== 'Closed'; i++) net.tick()
    expect(net.gateway.state.name).toBe('Closed')
    expect(net.client.done).not.toContain('established')
  })
})

describe('RFC 7383 §2.6: somebody on the way', () => {
  test('who adds forged fragments, repeats and reorders them changes nothing', () => {
    const net = new TwoEnds({
      client: { localIdentity: longName(1_600), ...small },
      gateway: { localIdentity: longName(1_600), ...small },
    })
    net.path = (bytes) => {
      if (!isFragment(bytes)) return [bytes]
      const forged = (at: number, value: number): Uint8Array => {
        const copy = bytes.slice()
        copy[at] = value
        return copy
      }
      const [number, total] = [33, 35]
      return [
        ...[
          forged(60, bytes[60]! ^ 1),
          forged(number, 9),
          forged(total, 9),
          forged(total, 1),
          forged(number, 0),
        ],
        ...[bytes, bytes],
      ]
    }
    net.connect()
    expect(connected(net.client) && connected(net.gateway)).toBe(true)
  })

  test('who tampers with every fragment only makes us wait', () => {
    const net = new TwoEnds({ client: { localIdentity: longName(1_600), ...small } })
    net.path = (bytes) =>
      isFragment(bytes) ? [bytes.map((octet, i) => (i === 60 ? octet ^ 1 : octet))] : [bytes]
    net.connect()
    for (let i = 0; i < 40 && net.client.state.name !== 'Closed'; i++) net.tick()
    expect(net.client.state.name).toBe('Closed')
    expect(net.gateway.done).not.toContain('established')
  })
})

test('RFC 7383 §2.4: what was agreed holds for the IKE SA that replaces this one', () => {
  for (const initiator of ['client', 'gateway'] as const) {
    const net = new TwoEnds().connect()
    net[initiator].feed({ type: 'command', command: { type: 'rekeyIke' } }, net.now)
    net.settle()
    for (const end of [net.client, net.gateway]) {
      expect(end.n.rekeys.ike).toBe(1)
      expect(end.n.current!.fragments).toEqual({ messageBytes: 1248, smallestBytes: 544 })
    }
  }
})

test('RFC 7383 §2.4: what is small, such as a sign of life, goes whole', () => {
  const net = new TwoEnds({ client: small, gateway: small }).connect()
  net.client.feed({ type: 'command', command: { type: 'probe' } }, net.now)
  net.settle()
  expect(net.client.seen('INFORMATIONAL')).toEqual(['out', 'in'])
})
