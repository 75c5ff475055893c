import { describe, expect, test } from 'vitest'
import type { Established } from '../../../core/ike/v1/established.ts'
import { deleteChildren } from '../../../core/ike/v1/exchanges/informational.ts'
import { connected, line, pair } from '../../support/two-peers-v1.ts'

describe('RFC 3706: dead peer detection', () => {
  const asks = { dpdSeconds: 30 }

  test('§5.3: only who is silent is asked, and answers with the number of the query', () => {
    const { client, gateway, net } = connected({ client: asks })
    net.advance(35_000)
    const query = client.sent.at(-1)!
    const ack = gateway.sent.at(-1)!
    expect([line(query), line(ack)]).toEqual(['INFORMATIONAL* HASH Notify', 'INFORMATIONAL* HASH Notify'])
    const notify = (m: typeof query) => m.payloads[1] as { notify: number; data: Uint8Array }
    expect([notify(query).notify, notify(ack).notify]).toEqual([36136, 36137])
    expect(notify(ack).data).toEqual(notify(query).data)
    expect(client.closed).toBeUndefined()
  })

  test('§5.5: who answers none of four is gone', () => {
    const { client, net } = connected({ client: asks })
    net.onSend = () => []
    net.advance(120_000)
    expect(client.closed?.error).toEqual({ kind: 'noAnswer', exchange: 'dead peer detection', tries: 4 })
    expect(client.children).toEqual([])
  })

  test('after a sleep of this computer it is asked at once, and has all its answers before it', () => {
    const { client, net } = connected({ client: asks })
    net.onSend = () => []
    net.advance(40_000)
    const sent = client.sent.length
    client.command('wake')
    expect(client.sent.length).toBe(sent + 1)
    net.onSend = undefined
    net.advance(30_000)
    expect(client.closed).toBeUndefined()
  })

  test('packets are life enough', () => {
    const { client, net } = connected({ client: asks })
    const sent = client.sent.length
    for (let i = 0; i < 10; i++) {
      net.advance(10_000)
      client.feed({ type: 'traffic', inbound: true, outbound: false })
    }
    expect(client.sent.length).toBe(sent)
  })
})

describe('RFC 2408 §3.15: the end', () => {
  test.each(['client', 'gateway'] as const)(
    'the %s deletes both phases, and the other forgets them',
    (who) => {
      const two = connected()
      two[who].command('disconnect')
      two.net.settle()
      expect(two[who].closed?.error).toBeUndefined()
      expect(two[who].closed).toBeDefined()
      const other = two.net.other(two[who])
      expect(other.closed?.error).toMatchObject({ kind: 'closedByGateway' })
      expect([two.client.children, two.gateway.children]).toEqual([[], []])
    },
  )

  test('an Informational without HASH(1), or with a wrong one, deletes nothing', () => {
    const two = connected()
    two.net.onSend = (flight) => {
      const bytes = flight.bytes.slice()
      // Inside the first blocks, where the hash is.
      bytes[40]! ^= 1
      return [{ ...flight, bytes }]
    }
    two.client.command('disconnect')
    two.net.settle()
    expect(two.gateway.closed).toBeUndefined()
    expect(two.gateway.children).toHaveLength(1)
  })

  test('a delete for SAs that are gone changes nothing', () => {
    const two = connected()
    two.client.command('rekeyChild')
    two.net.settle()
    expect(two.net.pings()).toBe(true)
    const deletes: Parameters<typeof two.net.deliver>[0][] = []
    two.net.onSend = (flight) => {
      deletes.push({ ...flight, bytes: flight.bytes.slice() })
      return [flight]
    }
    two.net.advance(10_000)
    for (const flight of deletes) two.net.deliver(flight)
    expect(two.gateway.children).toHaveLength(1)
    expect(two.net.pings()).toBe(true)
  })
})

test('a gateway that never answers our proof has another key, as far as we can know', () => {
  const two = pair()
  two.net.onSend = (flight) => (flight.from === two.client && (flight.bytes[19]! & 1) === 1 ? [] : [flight])
  two.client.command('connect')
  two.net.advance(20_000)
  expect(two.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us', method: 'psk' })
})

describe('RFC 2408 §3.15: the gateway deletes the last pair of ESP SAs', () => {
  const deleteLast = (two: ReturnType<typeof connected>) => {
    const e = two.gateway.state as Established
    const [child] = two.gateway.n.children.values()
    e.children.remove(child!, two.net.now)
    e.inform(e.current, deleteChildren([child!]))
    two.gateway.feed({ type: 'pathOpen', local: two.gateway.n.local!, remote: two.gateway.n.remote! })
  }

  test('after a while of use: it is asked for once more under the same ISAKMP SA', () => {
    const two = connected()
    two.net.advance(15_000)
    const before = two.client.children
    deleteLast(two)
    two.net.settle()
    expect(two.client.closed).toBeUndefined()
    expect(two.client.children).toHaveLength(1)
    expect(two.client.children).not.toEqual(before)
    expect(two.net.pings()).toBe(true)
  })

  test('at once: it does not want us, and we leave', () => {
    const two = connected()
    deleteLast(two)
    two.net.settle()
    expect(two.client.closed?.error).toMatchObject({ kind: 'closedByGateway' })
  })
})
