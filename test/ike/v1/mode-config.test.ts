import { describe, expect, test } from 'vitest'
import { asMillis } from '../../../core/bytes/brands.ts'
import type { Established } from '../../../core/ike/v1/established.ts'
import { connected, line, pair } from '../../support/two-peers-v1.ts'

describe('draft-dukes-ike-mode-cfg §3.4: a configuration the gateway gives on its own', () => {
  const push = (two: ReturnType<typeof pair>, now: number) => {
    const e = two.gateway.state as Established
    e.ask(
      e.current,
      {
        label: 'push',
        exchange: 6,
        payloads: [
          {
            type: 'ATTRIBUTES',
            cfgType: 3,
            identifier: 7,
            attributes: [{ type: 1, bytes: Uint8Array.of(10, 8, 0, 2) }],
          },
        ],
        onMessage: (opened) => {
          opened.accept()
          return {}
        },
        onFailed: () => {},
      },
      asMillis(now),
    )
    // What it said goes out with its next event.
    two.gateway.feed({ type: 'pathOpen', local: two.gateway.n.local!, remote: two.gateway.n.remote! })
  }

  test('is taken for the answer that is waited for, which may then come or not', () => {
    const two = pair()
    two.client.command('connect')
    let asked = false
    two.net.onSend = (flight) => {
      const transaction = flight.from === two.client && flight.bytes[18] === 6
      if (!transaction || asked) return [flight]
      asked = true
      return []
    }
    two.net.settle()
    expect(two.client.n.state).toBe('phase2')
    push(two, two.net.now)
    two.net.settle()
    expect(two.client.n.state).toBe('connected')
    expect(two.client.configuration?.addresses).toEqual(['10.8.0.2/32'])
    expect(two.client.sent.map(line)).toContain('TRANSACTION* HASH ATTRIBUTES')
    expect(two.net.pings()).toBe(true)
    two.net.advance(20_000)
    expect(two.client.sent.filter((m) => m.exchange === 'TRANSACTION' && m.retransmission)).toEqual([])
  })

  test('is confirmed and left aside once a tunnel stands', () => {
    const two = connected()
    const { configuration } = two.client
    push(two, two.net.now)
    two.net.settle()
    expect(two.client.sent.map(line).at(-1)).toBe('TRANSACTION* HASH ATTRIBUTES')
    expect(two.client.configuration).toEqual(configuration)
    expect(two.net.pings()).toBe(true)
  })
})

describe('draft-dukes-ike-mode-cfg §3.4: a gateway of ours that gives unasked', () => {
  test('the client confirms by types, and asks for nothing itself', () => {
    const two = pair({ gateway: { ikev1: { push: true } } })
    two.client.command('connect')
    // A client that waits to be given: its own question is lost.
    two.net.onSend = (flight) => {
      const ack = two.client.sent.at(-1)?.payloads[1] as { readonly cfgType?: number } | undefined
      return flight.from === two.client && flight.bytes[18] === 6 && ack?.cfgType === 1 ? [] : [flight]
    }
    two.net.settle()
    expect(two.client.n.state).toBe('connected')
    expect(two.client.configuration).toMatchObject({ addresses: ['10.8.0.2/32'], dnsServers: ['10.77.0.53'] })
    const set = two.gateway.sent.find(({ exchange }) => exchange === 'TRANSACTION')
    expect(set?.payloads[1]).toMatchObject({ cfgType: 3 })
    expect(two.net.pings()).toBe(true)
  })

  test('a client that never confirms is served all the same, and renewal gives nothing again', () => {
    const two = connected({ gateway: { ikev1: { push: true } } })
    const transactions = () => two.gateway.sent.filter(({ exchange }) => exchange === 'TRANSACTION').length
    const before = transactions()
    two.client.command('rekeyIke')
    two.net.settle()
    two.net.advance(60_000)
    expect([two.client.n.rekeys.ike, transactions(), two.gateway.closed]).toEqual([1, before, undefined])
  })
})

test('a gateway leases one address to one client, however many quick modes it asks for', () => {
  let leases = 0
  const two = connected({
    gateway: {
      assigns: () => {
        leases++
        return { addresses: ['10.8.0.2/32'], dnsServers: [] }
      },
    },
  })
  two.client.command('rekeyChild')
  two.net.settle()
  expect(two.client.n.rekeys.child).toBe(1)
  expect(leases).toBe(1)
})
