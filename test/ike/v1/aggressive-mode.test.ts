import { describe, expect, test } from 'vitest'
import { Secret } from '../../../core/bytes/secret.ts'
import { decodeMessage, encodeMessage } from '../../../core/wire/ikev1/message.ts'
import { encr, ke, type PairOptions, prf, SHA256 } from '../../support/bench.ts'
import { line, MODP2048, type PairV1, pair } from '../../support/two-peers-v1.ts'

const aggressive = { aggressive: true }

function run(options: PairOptions = {}, ms = 5_000, before: (two: PairV1) => void = () => {}): PairV1 {
  const two = pair({
    ...options,
    client: { ikev1: aggressive, ...options.client },
    gateway: { ikev1: aggressive, ...options.gateway },
  })
  before(two)
  two.client.command('connect')
  two.net.advance(ms)
  return two
}

describe('RFC 2409 §5.4: aggressive mode with a pre-shared key', () => {
  test('three messages; only the last one is encrypted', () => {
    const two = run()
    expect(two.client.sent.slice(0, 2).map(line)).toEqual([
      'AGGRESSIVE SA KE Nonce ID',
      'AGGRESSIVE* HASH NATD NATD Notify',
    ])
    expect(two.gateway.sent.slice(0, 1).map(line)).toEqual(['AGGRESSIVE SA KE Nonce ID HASH NATD NATD'])
    expect(two.net.pings()).toBe(true)
  })

  test('§5: every transform is of the one group whose public value is out already', () => {
    const two = run({
      client: { ikeProposals: [[encr(12, 256), encr(12, 128), prf(SHA256), ke(MODP2048), ke(19)]] },
    })
    const [sa] = two.client.sent[0]!.payloads as readonly {
      proposals: readonly {
        transforms: readonly { attributes: readonly { type: number; value: number }[] }[]
      }[]
    }[]
    const groups = sa!.proposals[0]!.transforms.map((t) => t.attributes.find((a) => a.type === 4)?.value)
    expect(groups).toEqual([MODP2048, MODP2048])
    expect(two.client.n.state).toBe('connected')
  })

  test('RFC 3947 §4: behind a NAT the third message already goes from port 4500', () => {
    const two = run({ nat: true })
    expect(two.client.n.facts.nat).toEqual({ known: true, us: true, gateway: false })
    expect(two.client.n.remote?.port).toBe(4500)
    expect(two.gateway.n.remote?.port).toBe(64_500)
    expect(two.net.pings()).toBe(true)
  })

  test('a gateway that does not take it is silent about it', () => {
    const two = run({ gateway: { ikev1: {} } }, 60_000)
    expect(two.client.closed?.error).toMatchObject({ kind: 'unreachable' })
    expect(two.gateway.sent).toEqual([])
  })

  test('another key is seen in the second message, and nothing is told that could be tried out', () => {
    const two = run({ gateway: { authentication: { method: 'psk', psk: Secret.fromText('else') } } })
    expect(two.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'gateway', method: 'psk' })
    expect(new Set(two.client.sent.map(line))).toEqual(new Set(['AGGRESSIVE SA KE Nonce ID']))
  })

  test.each([0, 1, 2, 3, 4, 5, 6])('datagram %i is lost once', (lost) => {
    let count = 0
    const two = run({}, 15_000, ({ net }) => {
      net.onSend = (flight) => (count++ === lost ? [] : [flight])
    })
    expect([two.client.n.state, two.gateway.n.state]).toEqual(['connected', 'connected'])
    expect(two.net.pings()).toBe(true)
  })

  test('every datagram arrives twice', () => {
    const two = run({}, 15_000, ({ net }) => {
      net.onSend = (flight) => [flight, { ...flight, bytes: flight.bytes.slice() }]
    })
    expect([two.client.children.length, two.gateway.children.length]).toEqual([1, 1])
  })

  test('CVE-2023-30570: an answer without a cookie of the responder is nobody’s', () => {
    const two = run({}, 5_000, ({ net, client }) => {
      net.onSend = (flight) => {
        if (flight.to !== client || flight.bytes[18] !== 4) return [flight]
        const bytes = flight.bytes.slice()
        bytes.fill(0, 8, 16)
        return [{ ...flight, bytes }]
      }
    })
    expect(two.client.n.state).toBe('phase1')
    expect(two.client.notes.join()).toContain('no cookie of its own')
  })

  test('a forged second message before the real one changes nothing', () => {
    const two = run({}, 5_000, ({ net, client }) => {
      let forged = false
      net.onSend = (flight) => {
        if (flight.to !== client || forged) return [flight]
        forged = true
        const message = decodeMessage(flight.bytes)
        if (!message.ok || message.value.sealed) throw new Error('not in the clear')
        const { header, payloads } = message.value
        const changed = payloads.map((p) => (p.type === 'HASH' ? { ...p, data: new Uint8Array(32) } : p))
        const other = { ...header, responderCookie: new Uint8Array(8).fill(7) }
        return [{ ...flight, bytes: encodeMessage(other, changed) }, flight]
      }
    })
    expect(two.client.n.state).toBe('connected')
    expect(two.net.pings()).toBe(true)
  })
})
