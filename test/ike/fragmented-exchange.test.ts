import { describe, expect, test } from 'vitest'
import { ExchangeType, PayloadNumber } from '../../core/iana/ikev2.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { ConnectionConfig } from '../../core/ike/config.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { findNotify } from '../../core/ike/v2/payloads.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { SUITES } from '../support/sa-pair.ts'
import { connected, type Flight, type Net, type Peer, pair } from '../support/two-peers.ts'

/** A name as long as a certificate: KEY_ID takes anything. */
const longName = (bytes: number, letter = 0x61): Partial<ConnectionConfig> => ({
  localIdentity: { type: 11, data: new Uint8Array(bytes).fill(letter) },
  remoteIdentity: undefined,
})
const small = { fragmentDatagramBytes: CHOICE.smallDatagramBytes }
const isFragment = ({ bytes }: Flight): boolean => bytes[16] === PayloadNumber.SKF.id
const isAuth = ({ bytes }: Flight): boolean => bytes[18] === ExchangeType.IKE_AUTH.id
const FRAGMENT_NUMBER = 33
const TOTAL_FRAGMENTS = 35

const bothConnected = (net: Net): boolean => net.peers.every((peer) => peer.n.state === 'connected')

/** A negotiation with names of these lengths; `network` does with each datagram what it says. */
function begun(
  clientBytes: number,
  gatewayBytes: number,
  change: Partial<ConnectionConfig>,
  network?: (flight: Flight) => readonly Flight[],
) {
  const made = pair({
    client: { ...longName(clientBytes), ...change },
    gateway: { ...longName(gatewayBytes, 0x62), ...change },
  })
  made.net.onSend = network
  made.client.command('connect')
  made.net.settle()
  return made
}

/** Messages of an exchange as the inspector of `peer` sees them, in short words: `in 2/4`, `out`, `in of 4`. */
function seen(peer: Peer, exchange: string): string[] {
  return peer.actions
    .flatMap((action) => (action.do === 'send' || action.do === 'observe' ? [action.message] : []))
    .filter((m) => m.exchange === exchange)
    .map((m) => {
      const part = m.fragment === undefined ? '' : ` ${m.fragment.number}/${m.fragment.total}`
      const again = m.retransmission ? ' again' : ''
      return `${m.direction}${part}${m.fragments === undefined ? '' : ` of ${m.fragments}`}${again}`
    })
}

const saysFragmentation = (peer: Peer): boolean => {
  const init = peer.sent.find((m) => m.exchange === 'IKE_SA_INIT')
  const said = findNotify(init!.payloads as readonly Payload[], NotifyType.IKEV2_FRAGMENTATION_SUPPORTED.id)
  if (said !== undefined) expect(said).toMatchObject({ protocol: 0, data: new Uint8Array(0) })
  return said !== undefined
}

describe('RFC 7383 §2.3: negotiation', () => {
  test.each([
    { client: true, gateway: true },
    { client: true, gateway: false },
    { client: false, gateway: true },
  ])('client says $client, gateway can $gateway', (can) => {
    const { client, gateway } = connected({
      client: { fragmentation: can.client, ...longName(2_000), ...small },
      gateway: { fragmentation: can.gateway, ...longName(2_000, 0x62), ...small },
    })
    expect(saysFragmentation(client)).toBe(can.client)
    expect(saysFragmentation(gateway)).toBe(can.client && can.gateway)
    const inPieces = client.sent.some((m) => m.fragment !== undefined)
    expect(inPieces).toBe(can.client && can.gateway)
    // IKE_SA_INIT itself never is. RFC 7383 §2.4
    expect(seen(client, 'IKE_SA_INIT')).toEqual(['out', 'in'])
  })
})

describe.each(Object.entries(SUITES))('IKE_AUTH in fragments, %s', (_, suite) => {
  test('RFC 7383 §2.5: request and answer, each shown with the message they carry', () => {
    const { client, gateway, net } = begun(1_600, 1_000, { ikeProposals: [suite], ...small })
    expect(bothConnected(net)).toBe(true)
    expect(seen(client, 'IKE_AUTH')).toEqual([
      ...['out of 4', 'out 1/4', 'out 2/4', 'out 3/4', 'out 4/4'],
      ...['in 1/3', 'in 2/3', 'in 3/3', 'in of 3'],
    ])
    expect(seen(gateway, 'IKE_AUTH')).toEqual([
      ...['in 1/4', 'in 2/4', 'in 3/4', 'in 4/4', 'in of 4'],
      ...['out of 3', 'out 1/3', 'out 2/3', 'out 3/3'],
    ])
  })
})

describe('a network that loses fragments', () => {
  test('RFC 7383 §2.6.1: a lost piece of the answer comes again after the first fragment of the request does', () => {
    let answers = 0
    const { client, gateway, net } = begun(1_600, 1_600, small, (flight) =>
      flight.from.name === 'gateway' && isAuth(flight) && ++answers === 2 ? [] : [flight],
    )
    expect(gateway.n.state).toBe('connected')
    expect(client.state.name).toBe('AwaitAuthReply')
    net.advance(CHOICE.firstMs)
    net.settle()
    expect(client.n.state).toBe('connected')
    // One answer for four repeated fragments.
    expect(seen(gateway, 'IKE_AUTH').slice(10)).toEqual([
      'in 1/4 again',
      ...['out 1/4 again', 'out 2/4 again', 'out 3/4 again', 'out 4/4 again'],
    ])
  })

  test('RFC 7383 §2.5.2: a path that drops large datagrams is found out, and the rest goes in small ones', () => {
    const { client, gateway, net } = begun(2_000, 2_000, {}, (flight) =>
      flight.bytes.length > 1_000 ? [] : [flight],
    )
    net.advance(3_400)
    expect(client.n.state).not.toBe('connected')
    net.advance(200)
    expect(bothConnected(net)).toBe(true)
    expect(gateway.n.current!.fragments!.messageBytes).toBe(544)
  })

  test('RFC 7383 §2.6: a responder that never gets the rest forgets the request', () => {
    const { client, gateway, net } = begun(1_600, 1_600, small, (flight) =>
      flight.from.name === 'client' && isFragment(flight) && flight.bytes[FRAGMENT_NUMBER] === 2
        ? []
        : [flight],
    )
    net.advance(120_000)
    expect(gateway.closed?.error).toMatchObject({ kind: 'noAnswer' })
    expect(client.closed?.error).toMatchObject({ kind: 'noAnswer', exchange: 'IKE_AUTH' })
  })
})

describe('RFC 7383 §2.6: somebody on the way', () => {
  test('who adds forged fragments, repeats and reorders them changes nothing', () => {
    const { net } = begun(1_600, 1_600, small, (flight) => {
      if (!isFragment(flight)) return [flight]
      const forged = (at: number, value: number): Flight => ({
        ...flight,
        bytes: flight.bytes.map((octet, i) => (i === at ? value : octet)),
      })
      return [
        forged(60, flight.bytes[60]! ^ 1),
        forged(FRAGMENT_NUMBER, 9),
        forged(TOTAL_FRAGMENTS, 9),
        forged(TOTAL_FRAGMENTS, 1),
        forged(FRAGMENT_NUMBER, 0),
        ...[flight, flight],
      ]
    })
    expect(bothConnected(net)).toBe(true)
  })

  test('who tampers with every fragment only makes us wait', () => {
    const { client, gateway, net } = begun(1_600, 1_600, small, (flight) =>
      isFragment(flight)
        ? [{ ...flight, bytes: flight.bytes.map((octet, i) => (i === 60 ? octet ^ 1 : octet)) }]
        : [flight],
    )
    net.advance(120_000)
    expect(client.closed?.error).toMatchObject({ kind: 'noAnswer' })
    expect(gateway.configuration).toBeUndefined()
  })
})

test('RFC 7383 §2.4: what was agreed holds for the IKE SA that replaces this one', () => {
  for (const initiator of ['client', 'gateway'] as const) {
    const { net } = connected()
    net[initiator].command('rekeyIke')
    net.settle()
    for (const peer of net.peers) {
      expect(peer.n.rekeys.ike).toBe(1)
      expect(peer.n.current!.fragments).toEqual({ messageBytes: 1248, smallestBytes: 544 })
    }
  }
})

test('RFC 7383 §2.4: what is small, such as a sign of life, goes whole', () => {
  const { client, net } = connected({ client: small, gateway: small })
  client.command('probe')
  net.settle()
  expect(seen(client, 'INFORMATIONAL')).toEqual(['out', 'in'])
})
