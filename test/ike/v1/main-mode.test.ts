import { describe, expect, test } from 'vitest'
import { Secret } from '../../../core/bytes/secret.ts'
import { decodeMessage, encodeMessage } from '../../../core/wire/ikev1/message.ts'
import type { Payload } from '../../../core/wire/ikev1/payload.ts'
import { encr, ke, prf, SHA256 } from '../../support/bench.ts'
import { connected, line, MODP2048, type PairV1, pair } from '../../support/two-peers-v1.ts'

const AES_CBC = 12

/** Everything both ends said, in order of sending. */
const ladder = ({ client, gateway }: PairV1) => [client.sent.map(line), gateway.sent.map(line)]

describe('RFC 2409 §5.4: main mode with a pre-shared key', () => {
  test('six messages of phase 1, two of mode config, three of quick mode; then packets pass both ways', () => {
    const two = connected()
    expect(ladder(two)).toEqual([
      [
        'MAIN SA',
        'MAIN KE Nonce NATD NATD',
        'MAIN* ID HASH Notify',
        'TRANSACTION* HASH ATTRIBUTES',
        'QUICK* HASH SA Nonce ID ID',
        'QUICK* HASH',
      ],
      [
        'MAIN SA',
        'MAIN KE Nonce NATD NATD',
        'MAIN* ID HASH',
        'TRANSACTION* HASH ATTRIBUTES',
        'QUICK* HASH SA Nonce ID ID',
      ],
    ])
    expect(two.client.configuration).toMatchObject({ addresses: ['10.8.0.2/32'], dnsServers: ['10.77.0.53'] })
    expect(two.net.pings()).toBe(true)
    expect(two.client.n.state).toBe('connected')
    expect(two.gateway.n.state).toBe('connected')
  })

  test('every cipher, hash and group that IKEv1 has a number for', () => {
    const aes = [128, 192, 256].map((bits) => encr(AES_CBC, bits))
    const ciphers = [encr(2), encr(3), ...aes, encr(23, 256)]
    for (const [i, cipher] of ciphers.entries()) {
      const proposal = [[cipher, prf([1, 2, 5, 6, 7, 5][i]!), ke([1, 2, 19, 20, 21, 5][i]!)]]
      const { net, client } = connected({
        client: { ikeProposals: proposal },
        gateway: { ikeProposals: proposal },
      })
      expect(client.n.current?.suite.encryption.id).toBe(cipher.id)
      expect(net.pings()).toBe(true)
    }
  })

  test('the initiator offers in its order, and the responder takes the first it allows', () => {
    const { client } = connected({
      gateway: { ikeProposals: [[encr(AES_CBC, 128), prf(SHA256), ke(MODP2048)]] },
    })
    expect(client.n.current?.suite).toMatchObject({ keyBits: 128, keyExchange: { id: MODP2048 } })
  })

  test('§5: nothing in common is refused in the clear, which is believed after a moment', () => {
    const { client, gateway, net } = pair({
      gateway: { ikeProposals: [[encr(3), prf(SHA256), ke(MODP2048)]] },
    })
    client.command('connect')
    net.settle()
    expect(client.closed).toBeUndefined()
    net.advance(2_000)
    expect(client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 1 })
    expect(gateway.closed).toBeUndefined()
  })

  test('a key that differs is named as such at both ends, and nothing is set up', () => {
    const { client, gateway, net } = pair({
      gateway: { authentication: { method: 'psk', psk: Secret.fromText('something else') } },
    })
    client.command('connect')
    net.advance(40_000)
    expect(client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us', method: 'psk' })
    expect(gateway.closed?.error).toMatchObject({ kind: 'authFailed' })
    expect([client.children, gateway.children]).toEqual([[], []])
  })

  test('a gateway with another name is told apart from the one we asked for', () => {
    const { client, net } = pair({
      client: { remoteIdentity: { type: 2, data: new Uint8Array(Buffer.from('other.test')) } },
    })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toEqual({
      kind: 'gatewayIdMismatch',
      wanted: 'other.test',
      has: ['gw.test'],
    })
  })

  test('nobody there: the same message seven times, then one clear end', () => {
    const { client, net } = pair()
    net.onSend = () => []
    client.command('connect')
    net.advance(60_000)
    expect(client.closed?.error).toEqual({ kind: 'unreachable', host: 'gw.test', tries: 7 })
    expect(new Set(client.sent.map((m) => Buffer.from(m.bytes).toString('hex'))).size).toBe(1)
  })

  test('with certificates alone there is no main mode here, and that is said before anything is sent', () => {
    const { client, net } = pair({
      client: {
        authentication: {
          method: 'each',
          ours: { method: 'psk', psk: Secret.fromText('a') },
          theirs: { method: 'psk', psk: Secret.fromText('a') },
        },
      },
    })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toMatchObject({ kind: 'algorithmUnavailable' })
    expect(client.sent).toEqual([])
  })
})

describe('RFC 2408 §5.1: a network that loses, repeats and reorders', () => {
  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])('datagram %i of the negotiation is lost once', (lost) => {
    const { client, gateway, net } = pair()
    let count = 0
    net.onSend = (flight) => (count++ === lost ? [] : [flight])
    client.command('connect')
    net.advance(10_000)
    expect(client.n.state).toBe('connected')
    expect(gateway.n.state).toBe('connected')
    expect(net.pings()).toBe(true)
  })

  test('every datagram arrives twice', () => {
    const { client, gateway, net } = pair()
    net.onSend = (flight) => [flight, { ...flight, bytes: flight.bytes.slice() }]
    client.command('connect')
    net.advance(10_000)
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
    expect([client.children.length, gateway.children.length]).toEqual([1, 1])
    net.onSend = undefined
    expect(net.pings()).toBe(true)
  })

  test('whatever is replayed later changes nothing', () => {
    const two = pair()
    const { client, gateway, net } = two
    const flights: Parameters<typeof net.deliver>[0][] = []
    net.onSend = (flight) => {
      flights.push({ ...flight, bytes: flight.bytes.slice() })
      return [flight]
    }
    client.command('connect')
    net.settle()
    net.onSend = undefined
    const before = [client.children, gateway.children, client.timers.size]
    for (const flight of flights) net.deliver(flight)
    net.settle()
    expect([client.children, gateway.children, client.timers.size]).toEqual(before)
    expect(net.pings()).toBe(true)
  })
})

describe('what a stranger on the way can do before phase 1 is proved', () => {
  /** The next datagram to the client is read, changed and delivered before the real one. */
  function forged(at: number, change: (payloads: readonly Payload[]) => readonly Payload[]) {
    const two = pair()
    let count = 0
    two.net.onSend = (flight) => {
      if (flight.to.name !== 'client' || count++ !== at) return [flight]
      const message = decodeMessage(flight.bytes)
      if (!message.ok || message.value.sealed) throw new Error('not in the clear')
      const bytes = encodeMessage(message.value.header, change(message.value.payloads))
      return [{ ...flight, bytes }, flight]
    }
    two.client.command('connect')
    two.net.settle()
    two.net.advance(10_000)
    return two
  }

  test('a refusal before the real answer is only a hint', () => {
    const { client } = forged(0, () => [
      { type: 'Notify', doi: 1, protocol: 1, spi: new Uint8Array(0), notify: 14, data: new Uint8Array(0) },
    ])
    expect(client.n.state).toBe('connected')
  })

  test('an answer with a transform nobody offered is only a hint', () => {
    const { client } = forged(0, ([sa]) => {
      if (sa?.type !== 'SA') throw new Error('no SA')
      const [proposal] = sa.proposals
      const [transform] = proposal!.transforms
      const weak = {
        ...transform!,
        attributes: transform!.attributes.map((a) => (a.type === 1 ? { type: 1, value: 1 } : a)),
      }
      return [{ ...sa, proposals: [{ ...proposal!, transforms: [weak] }] }]
    })
    expect(client.n.state).toBe('connected')
  })

  test('RFC 2409 §5: a public value changed on the way keeps both ends from agreeing', () => {
    const { client } = forged(1, (payloads) =>
      payloads.map((p) => (p.type === 'Nonce' ? { ...p, nonce: new Uint8Array(32) } : p)),
    )
    expect(client.n.state).not.toBe('connected')
    expect(client.closed?.error).toMatchObject({ kind: 'authFailed' })
  })
})
