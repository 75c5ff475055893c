import { describe, expect, test } from 'vitest'
import { ExchangeType } from '../../core/iana/ikev2.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { SeededRandom } from '../support/seeded-random.ts'
import { connected, pair, shape } from '../support/two-peers.ts'

const INFORMATIONAL = ExchangeType.INFORMATIONAL.id

describe('RFC 7296 §2.1, §2.3: Message IDs and the window', () => {
  test('one request at a time: the next waits for the answer', () => {
    const { client, net } = connected()
    const before = client.sent.length
    client.command('rekeyChild')
    client.command('rekeyIke')
    expect(client.sent.slice(before).map(shape)).toEqual([
      'CREATE_CHILD_SA request 2: N(16393) SA Nonce TSi TSr',
    ])
    net.settle()
    expect(client.sent.slice(before).map((m) => `${m.exchange} ${m.messageId}`)).toEqual([
      'CREATE_CHILD_SA 2',
      'CREATE_CHILD_SA 3',
      'INFORMATIONAL 0', // of the CHILD_SA, whose IKE SA by now is the new one
      'INFORMATIONAL 4', // of the old IKE SA, the last on it
    ])
  })

  test('a repeated request is answered bit for bit, and acted upon once', () => {
    const { client, gateway, net } = connected()
    client.command('rekeyChild')
    const request = net.take()
    net.deliver(request)
    const children = gateway.children
    net.deliver(request)
    net.deliver(request)
    expect(gateway.children).toEqual(children)
    const answers = gateway.sent.slice(-3)
    expect(answers[1]?.bytes).toEqual(answers[0]?.bytes)
    expect(answers[2]?.bytes).toEqual(answers[0]?.bytes)
    expect(answers.map((m) => m.retransmission)).toEqual([false, true, true])
    net.settle()
    expect(net.pings()).toBe(true)
  })

  test('§2.11: the answer goes to where the repeated request came from, and nothing else does', () => {
    const { client, gateway, net } = connected()
    client.command('probe')
    const request = net.take()
    net.deliver(request)
    net.settle()
    const elsewhere = { address: '203.0.113.66', port: 12_345 }
    const answer = gateway.sent.at(-1)!.bytes
    net.deliver({ ...request, source: elsewhere })
    const again = net.take()
    expect(again).toMatchObject({ source: request.destination, destination: elsewhere })
    expect(again.bytes).toEqual(answer)
    expect(gateway.n.remote).toEqual(request.source)
  })

  test('requests from before and from beyond the window are dropped', () => {
    const { client, gateway, net } = connected()
    const sa = client.n.current!
    const send = (id: number) => {
      const bytes = sa.seal(INFORMATIONAL, id, false, []).datagrams[0]!.bytes
      const path = { source: client.n.local!, destination: client.n.remote!, at: net.now }
      net.deliver({ kind: 'ike', from: client, to: gateway, bytes, ...path })
    }
    const answers = () => gateway.sent.filter((m) => m.exchange === 'INFORMATIONAL').map((m) => m.messageId)
    send(3)
    send(0)
    expect(answers()).toEqual([])
    send(2)
    send(3)
    expect(answers()).toEqual([2, 3])
    send(2)
    expect(answers()).toEqual([2, 3])
  })

  test('an answer nobody waits for changes nothing', () => {
    const { client, gateway, net } = connected()
    const bytes = gateway.n.current!.seal(INFORMATIONAL, 2, true, []).datagrams[0]!.bytes
    const path = { source: gateway.n.local!, destination: gateway.n.remote!, at: net.now }
    net.deliver({ kind: 'ike', from: gateway, to: client, bytes, ...path })
    expect(client.closed).toBeUndefined()
    client.command('probe')
    net.settle()
    expect(net.pings()).toBe(true)
  })
})

describe('RFC 7296 §2.4: liveness', () => {
  const dpd = { client: { dpdSeconds: 30 } }
  const probes = (messages: readonly { exchange: string }[]) =>
    messages.filter((m) => m.exchange === 'INFORMATIONAL').length

  test('after silence an empty INFORMATIONAL asks, and an empty one answers', () => {
    const { client, gateway, net } = connected(dpd)
    net.advance(29_000)
    expect(probes(client.sent)).toBe(0)
    net.advance(2_000) //                                            --> HDR, SK {}
    expect(shape(net.last('client'))).toBe('INFORMATIONAL request 2:')
    expect(shape(net.last('gateway'))).toBe('INFORMATIONAL response 2:') // <-- HDR, SK {}
    expect(gateway.closed).toBeUndefined()
  })

  test('traffic that arrives is a sign of life; traffic that leaves is none', () => {
    const { client, net } = connected(dpd)
    for (let i = 0; i < 10; i++) {
      net.advance(10_000)
      client.feed({ type: 'traffic', inbound: true, outbound: true })
    }
    expect(probes(client.sent)).toBe(0)
    for (let i = 0; i < 4; i++) {
      net.advance(10_000)
      client.feed({ type: 'traffic', inbound: false, outbound: true })
    }
    expect(probes(client.sent)).toBe(1)
  })

  test('a message seen before is none either: anybody can send it again', () => {
    const { client, gateway, net } = connected(dpd)
    gateway.command('probe')
    const old = net.take()
    net.deliver(old)
    net.settle()
    for (let i = 0; i < 4; i++) {
      net.advance(10_000)
      net.deliver(old)
      net.settle()
    }
    expect(client.sent.filter((m) => m.exchange === 'INFORMATIONAL' && !m.response)).toHaveLength(1)
  })

  test('a dead peer: the request is repeated until the last try, and then the connection ends', () => {
    const { client, net } = connected(dpd)
    net.onSend = () => []
    net.advance(30_000)
    expect(client.closed).toBeUndefined()
    net.advance(35_000)
    expect(client.closed?.error).toEqual({ kind: 'noAnswer', exchange: 'INFORMATIONAL liveness', tries: 7 })
    expect(client.engine.inbound([...client.n.children.keys()][0] as never)).toBeUndefined()
  })

  test('after a sleep of this computer what was lost before does not count: all tries are before it', () => {
    const { client, net } = connected(dpd)
    net.onSend = () => []
    net.advance(30_000 + 31_000) // the last of seven tries is under way
    client.command('wake')
    net.advance(20_000)
    expect(client.closed).toBeUndefined()
    net.onSend = undefined
    net.advance(10_000)
    expect(shape(net.last('gateway'))).toBe('INFORMATIONAL response 2:')
    expect(client.closed).toBeUndefined()
  })

  test('after a sleep the gateway is asked at once', () => {
    const { client, net } = connected(dpd)
    client.command('wake')
    net.settle()
    expect(shape(net.last('gateway'))).toBe('INFORMATIONAL response 2:')
  })

  test('RFC 7296 §2.21.4: INVALID_IKE_SPI without protection changes nothing', () => {
    const { client, gateway, net } = connected()
    client.command('probe')
    const request = net.take()
    const bytes = request.bytes.slice(0, 36)
    bytes.set([41, 0x20, INFORMATIONAL, 0x20], 16)
    bytes.set([0, 0, 0, 36, 0, 0, 0, 8, 0, 0, 0, 4], 24)
    net.deliver({ ...request, bytes, from: gateway, to: client })
    expect(client.closed).toBeUndefined()
    net.deliver(request)
    net.settle()
    expect(net.pings()).toBe(true)
  })
})

describe('RFC 7296 §2.5, §2.21.3: requests that cannot be answered', () => {
  const ask = (
    peer: ReturnType<typeof connected>['client'],
    exchange: number,
    payloads: readonly Payload[],
  ) => {
    const sa = peer.n.current!
    const bytes = sa.seal(exchange, sa.nextId, false, payloads).datagrams[0]!.bytes
    const path = { source: peer.n.local!, destination: peer.n.remote!, at: 0 as never }
    return { kind: 'ike', from: peer, bytes, ...path } as const
  }

  test('an unknown critical payload: UNSUPPORTED_CRITICAL_PAYLOAD with its number, and the SA stays', () => {
    const { client, gateway, net } = connected()
    const unknown: Payload = { type: 'Unknown', payload: 201, critical: true, body: new Uint8Array(4) }
    net.deliver({ ...ask(gateway, INFORMATIONAL, [unknown]), to: client })
    expect(net.last('client').payloads).toEqual([
      expect.objectContaining({
        notify: NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD.id,
        data: Uint8Array.of(201),
      }),
    ])
    expect(client.closed).toBeUndefined()
    expect(net.pings()).toBe(true)
  })

  test('a malformed request: INVALID_SYNTAX, and the IKE SA is over', () => {
    const { client, gateway, net } = connected()
    // CREATE_CHILD_SA without SA and Nonce
    net.deliver({ ...ask(gateway, ExchangeType.CREATE_CHILD_SA.id, []), to: client })
    expect(shape(net.last('client'))).toBe('CREATE_CHILD_SA response 0: N(7)')
    expect(client.closed?.error).toMatchObject({ kind: 'protocol', exchange: 'CREATE_CHILD_SA' })
  })

  test('INVALID_SYNTAX as an answer ends it on this side too', () => {
    const { client, gateway, net } = connected()
    client.command('probe')
    net.lose()
    const sa = gateway.n.current!
    const invalid: Payload = {
      type: 'Notify',
      protocol: 0,
      spi: new Uint8Array(0),
      notify: NotifyType.INVALID_SYNTAX.id,
      data: new Uint8Array(0),
    }
    const bytes = sa.seal(INFORMATIONAL, 2, true, [invalid]).datagrams[0]!.bytes
    const path = { source: gateway.n.local!, destination: gateway.n.remote!, at: net.now }
    net.deliver({ kind: 'ike', from: gateway, to: client, bytes, ...path })
    expect(client.closed?.error).toMatchObject({ kind: 'refused', notify: 'INVALID_SYNTAX' })
  })
})

describe('what a network can do to octets', () => {
  test('a flipped bit anywhere in any message: dropped, and the retransmission carries on', () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = new SeededRandom(seed)
      const { client, net } = pair({ seed })
      net.onSend = (flight) => {
        if (!random.oneIn(3)) return [flight]
        const bytes = flight.bytes.slice()
        bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
        return [{ ...flight, bytes }]
      }
      client.command('connect')
      net.advance(10_000)
      for (const command of ['rekeyChild', 'rekeyIke', 'probe'] as const) {
        client.command(command)
        net.advance(5_000)
      }
      // IKE_SA_INIT is protected only by AUTH: a flipped bit there may end the attempt, never more than that.
      if (client.n.state !== 'connected') {
        net.advance(40_000)
        expect(client.closed?.error?.kind, `seed ${seed}`).toMatch(
          /authFailed|badProposal|noProposal|refused|versionUnsupported|unreachable|noAnswer|protocol/,
        )
        continue
      }
      net.onSend = undefined
      net.advance(40_000)
      expect(net.pings(), `seed ${seed}`).toBe(true)
    }
  })

  test('truncated messages and random octets change nothing in any state', () => {
    const random = new SeededRandom(7)
    const { client, gateway, net } = pair()
    const noise = (): void => {
      for (const to of net.peers) {
        const from = net.other(to)
        const path = {
          source: { address: '192.0.2.66', port: 500 },
          destination: { address: '192.0.2.1', port: 500 },
          at: net.now,
        }
        const last = from.sent.at(-1)?.bytes ?? random.bytes(40)
        for (const bytes of [
          random.bytes(random.below(200)),
          last.slice(0, random.below(last.length)),
          Uint8Array.of(...last, 0),
          Uint8Array.of(...last.slice(0, 28), ...random.bytes(random.below(100))),
        ])
          net.deliver({ kind: 'ike', from, to, bytes, ...path })
      }
    }
    noise()
    client.command('connect')
    for (let i = 0; i < 4; i++) {
      noise()
      net.step()
    }
    noise()
    expect(client.n.state).toBe('connected')
    client.command('rekeyChild')
    noise()
    net.settle()
    gateway.command('rekeyIke')
    noise()
    net.settle()
    noise()
    expect(net.pings()).toBe(true)
    expect(client.n.rekeys).toEqual({ ike: 1, child: 1 })
  })
})
