import { describe, expect, test } from 'vitest'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { decodeHeader, decodeMessage, encodeMessage, type Header } from '../../core/wire/ikev2/message.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import {
  connected,
  ECP256,
  encr,
  type Flight,
  GCM16,
  ke,
  pair,
  prf,
  SHA256,
  shape,
  X25519,
} from '../support/two-peers.ts'

const onlyEcp = [[encr(GCM16, 128), prf(SHA256), ke(ECP256)]]
const notify = (type: number, data = new Uint8Array(0)): Payload => ({
  type: 'Notify',
  protocol: 0,
  spi: new Uint8Array(0),
  notify: type,
  data,
})

/** The message in flight, with other payloads or another header. */
function rewrite(
  flight: Flight,
  change: (header: Header, payloads: readonly Payload[]) => Uint8Array,
): Flight {
  const decoded = decodeMessage(flight.bytes)
  if (!decoded.ok) throw decoded.error
  return { ...flight, bytes: change(decoded.value.header, decoded.value.payloads) }
}

/** What anybody on the way could answer to an IKE_SA_INIT request. */
const forged = (request: Flight, payloads: readonly Payload[]): Flight =>
  rewrite(
    {
      ...request,
      from: request.to,
      to: request.from,
      source: request.destination,
      destination: request.source,
    },
    (header) => encodeMessage({ ...header, initiator: false, response: true }, payloads),
  )

describe('RFC 7296 §1.2: IKE_SA_INIT and IKE_AUTH', () => {
  test('four messages, and both phases stand', () => {
    const { client, gateway, net } = connected()
    expect([...client.sent, ...gateway.sent].map(shape)).toEqual([
      'IKE_SA_INIT request 0: SA KE Nonce N(16388) N(16389) N(16430)',
      'IKE_AUTH request 1: IDi IDr AUTH N(16384) CP SA TSi TSr',
      'IKE_SA_INIT response 0: SA KE Nonce N(16388) N(16389) N(16430)',
      'IKE_AUTH response 1: IDr AUTH CP SA TSi TSr',
    ])
    expect(client.n.state).toBe('connected')
    expect(gateway.n.state).toBe('connected')
    expect(net.pings()).toBe(true)
  })
})

describe('RFC 7296 §2.6: cookies', () => {
  test('a COOKIE notify is returned first, the rest of the request unchanged', () => {
    const { client, gateway, net } = pair({ gateway: { demandCookie: true } })
    client.command('connect') //                   --> HDR(A,0), SAi1, KEi, Ni
    net.step()
    const first = net.last('client')
    const cookie = net.last('gateway').payloads[0] // <-- HDR(A,0), N(COOKIE)
    expect(cookie).toMatchObject({ type: 'Notify', notify: NotifyType.COOKIE.id })
    expect(gateway.state.name).toBe('AwaitInitRequest')
    net.step() //                                  --> HDR(A,0), N(COOKIE), SAi1, KEi, Ni
    expect(net.last('client').payloads).toEqual([cookie, ...first.payloads])
    expect(net.last('client').initiatorSpi).toEqual(first.initiatorSpi)
    net.settle()
    expect(net.pings()).toBe(true)
  })

  test('a wrong cookie is as good as none', () => {
    const { client, gateway, net } = pair({ gateway: { demandCookie: true } })
    client.command('connect')
    net.step()
    net.step()
    const answer = rewrite(net.take(), (header, [, ...rest]) =>
      encodeMessage(header, [notify(NotifyType.COOKIE.id, new Uint8Array(32)), ...rest]),
    )
    net.deliver(answer)
    expect(shape(net.last('gateway'))).toBe('IKE_SA_INIT response 0: N(16390)')
    expect(gateway.state.name).toBe('AwaitInitRequest')
  })

  test('a cookie of more than 64 octets is ignored', () => {
    const { client, net } = pair()
    client.command('connect')
    const request = net.take()
    net.deliver(forged(request, [notify(NotifyType.COOKIE.id, new Uint8Array(65))]))
    expect(client.sent).toHaveLength(1)
    net.deliver(request)
    net.settle()
    expect(client.n.state).toBe('connected')
  })

  test('whoever keeps asking for cookies is not obeyed for ever', () => {
    const { client, net } = pair()
    client.command('connect')
    const request = net.take()
    for (let i = 0; i < 50; i++) {
      net.deliver(forged(request, [notify(NotifyType.COOKIE.id, Uint8Array.of(i))]))
    }
    expect(client.sent.length).toBeLessThan(10)
  })
})

describe('RFC 7296 §1.2, §2.7: another group is wanted', () => {
  test('INVALID_KE_PAYLOAD names it: the same offer with a value of that group', () => {
    const { client, net } = pair({ gateway: { ikeProposals: onlyEcp } })
    client.command('connect') //          --> HDR(A,0), SAi1, KEi (x25519), Ni
    net.step() //                         <-- HDR(A,0), N(INVALID_KE_PAYLOAD, 19)
    expect(net.last('gateway').payloads).toEqual([
      notify(NotifyType.INVALID_KE_PAYLOAD.id, Uint8Array.of(0, 19)),
    ])
    net.step() //                         --> HDR(A,0), SAi1, KEi (ECP-256), Ni
    const [first, second] = client.sent
    expect(second?.payloads[0]).toEqual(first?.payloads[0])
    expect(second?.payloads[1]).toMatchObject({ type: 'KE', group: ECP256 })
    net.settle()
    expect(client.n.current?.suite.keyExchange.id).toBe(ECP256)
    expect(net.pings()).toBe(true)
  })

  test('RFC 7296 §2.6.1: the cookie stays in the request when the group changes', () => {
    const { client, net } = pair({ gateway: { ikeProposals: onlyEcp, demandCookie: true } })
    client.command('connect')
    net.settle()
    expect(client.sent.slice(0, 3).map(shape)).toEqual([
      'IKE_SA_INIT request 0: SA KE Nonce N(16388) N(16389) N(16430)',
      'IKE_SA_INIT request 0: N(16390) SA KE Nonce N(16388) N(16389) N(16430)',
      'IKE_SA_INIT request 0: N(16390) SA KE Nonce N(16388) N(16389) N(16430)',
    ])
    expect(client.n.state).toBe('connected')
  })

  test('a group that was not offered, or the one just sent, is not believed', () => {
    const { client, net } = pair()
    client.command('connect')
    const request = net.take()
    for (const group of [2, X25519])
      net.deliver(forged(request, [notify(NotifyType.INVALID_KE_PAYLOAD.id, Uint8Array.of(0, group))]))
    expect(client.sent).toHaveLength(1)
  })
})

describe('RFC 7296 §2.7: proposals', () => {
  test('NO_PROPOSAL_CHOSEN in phase 1 names what was offered', () => {
    const { client, net } = pair({ gateway: { ikeProposals: [[encr(12, 256), prf(7), ke(X25519)]] } })
    client.command('connect') // --> HDR, SAi1, KEi, Ni
    net.advance(10_000) //       <-- HDR, N(NO_PROPOSAL_CHOSEN)
    expect(client.closed?.error).toEqual({
      kind: 'noProposalChosen',
      phase: 1,
      offered: ['ENCR_AES_GCM_16_128 PRF_HMAC_SHA2_256 CURVE25519 ECP_256'],
    })
  })

  test('an answer that was not offered is not taken', () => {
    const { client, gateway, net } = pair()
    client.command('connect')
    net.step()
    const answer = rewrite(net.take(), (header, payloads) =>
      encodeMessage(
        header,
        payloads.map((p) =>
          p.type === 'SA'
            ? { ...p, proposals: p.proposals.map((one) => ({ ...one, transforms: one.transforms.slice(1) })) }
            : p,
        ),
      ),
    )
    net.deliver(answer)
    expect(client.state.name).toBe('AwaitInitReply')
    expect(gateway.state.name).toBe('AwaitAuthRequest')
    net.onSend = () => []
    net.advance(2_000)
    expect(client.closed?.error).toMatchObject({ kind: 'badProposalChosen', phase: 1 })
  })

  test('our own values that come back are nobody’s answer', () => {
    const { client, net } = pair()
    client.command('connect')
    const request = net.take()
    net.deliver(
      rewrite(forged(request, []), (header) => {
        const decoded = decodeMessage(request.bytes)
        if (!decoded.ok) throw decoded.error
        return encodeMessage({ ...header, responderSpi: new Uint8Array(8).fill(1) }, decoded.value.payloads)
      }),
    )
    expect(client.state.name).toBe('AwaitInitReply')
  })
})

describe('RFC 7296 §2.21.1: nobody signs an error in IKE_SA_INIT', () => {
  test.each(['NO_PROPOSAL_CHOSEN', 'AUTHENTICATION_FAILED', 'INVALID_SYNTAX'] as const)(
    'a forged %s changes nothing when the true answer comes',
    (name) => {
      const { client, net } = pair()
      client.command('connect')
      const request = net.take()
      net.deliver(forged(request, [notify(NotifyType[name].id)]))
      expect(client.closed).toBeUndefined()
      net.advance(1_000)
      expect(client.closed).toBeUndefined()
      net.deliver(request)
      net.settle()
      net.advance(5_000)
      expect(client.n.state).toBe('connected')
    },
  )
})

describe('RFC 7296 §2.5: versions and critical payloads', () => {
  test('a higher minor version is ignored', () => {
    const { client, net } = pair()
    client.command('connect')
    net.step()
    net.deliver(rewrite(net.take(), (header, p) => encodeMessage({ ...header, minorVersion: 7 }, p)))
    expect(client.state.name).toBe('AwaitAuthReply')
  })

  test('a request of major version 3 is answered INVALID_MAJOR_VERSION in version 2', () => {
    const { client, gateway, net } = pair()
    client.command('connect')
    net.deliver(rewrite(net.take(), (header, p) => encodeMessage({ ...header, majorVersion: 3 }, p)))
    const answer = net.take()
    expect(shape(net.last('gateway'))).toBe('IKE_SA_INIT response 0: N(5)')
    const header = decodeHeader(answer.bytes)
    expect(header.ok && header.value.majorVersion).toBe(2)
    expect(gateway.state.name).toBe('AwaitInitRequest')
  })

  test('a gateway that answers in version 1 is named, if nothing better comes', () => {
    const { client, net } = pair()
    client.command('connect')
    const request = net.take()
    net.deliver(
      rewrite(forged(request, []), (header) =>
        encodeMessage({ ...header, majorVersion: 1, minorVersion: 0 }, []),
      ),
    )
    expect(client.closed).toBeUndefined()
    net.onSend = () => []
    net.advance(2_000)
    expect(client.closed?.error).toEqual({ kind: 'versionUnsupported', theirs: '1.0' })
  })

  test('INVALID_MAJOR_VERSION says the same', () => {
    const { client, net } = pair()
    client.command('connect')
    net.deliver(forged(net.take(), [notify(NotifyType.INVALID_MAJOR_VERSION.id)]))
    net.onSend = () => []
    net.advance(2_000)
    expect(client.closed?.error?.kind).toBe('versionUnsupported')
  })

  const unknown = (critical: boolean): Payload => ({
    type: 'Unknown',
    payload: 200,
    critical,
    body: Uint8Array.of(1, 2, 3),
  })

  test('an unknown critical payload in a request is refused by its number', () => {
    const { client, gateway, net } = pair()
    client.command('connect')
    net.deliver(rewrite(net.take(), (header, p) => encodeMessage(header, [...p, unknown(true)])))
    expect(net.last('gateway').payloads).toEqual([
      notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD.id, Uint8Array.of(200)),
    ])
    expect(gateway.state.name).toBe('AwaitInitRequest')
  })

  test('without the critical bit it is passed over', () => {
    const { client, gateway, net } = pair()
    client.command('connect')
    net.deliver(rewrite(net.take(), (header, p) => encodeMessage(header, [unknown(false), ...p])))
    expect(gateway.state.name).toBe('AwaitAuthRequest')
  })
})

describe('RFC 7296 §2.23: NAT detection', () => {
  test('no NAT: everything stays on port 500', () => {
    const { client } = connected()
    expect(client.n.nat).toEqual({ known: true, us: false, gateway: false })
    expect(client.n.remote?.port).toBe(500)
    expect(client.timers.has('keepalive')).toBe(false)
  })

  test('a NAT before the client: both see it, and IKE_AUTH goes from port 4500 to port 4500', () => {
    const { client, gateway, net } = connected({ nat: true })
    expect(client.n.nat).toEqual({ known: true, us: true, gateway: false })
    expect(gateway.n.nat).toEqual({ known: true, us: false, gateway: true })
    expect(client.n.remote?.port).toBe(4500)
    expect(gateway.n.remote).toEqual({ address: '203.0.113.9', port: 64_500 })
    expect(net.pings()).toBe(true)
  })

  test('forced encapsulation looks like a NAT', () => {
    const { client, gateway } = connected({ client: { forceEncapsulation: true } })
    expect(gateway.n.nat.gateway).toBe(true)
    expect(client.n.remote?.port).toBe(4500)
  })

  test('RFC 3948 §4: who sits behind the NAT sends a keepalive every 20 seconds, nobody else', () => {
    const { client, gateway, net } = connected({ nat: true })
    net.advance(61_000)
    const keepalives = (peer: typeof client) => peer.actions.filter((a) => a.do === 'keepalive').length
    expect([keepalives(client), keepalives(gateway)]).toEqual([3, 0])
  })
})

describe('RFC 7296 §2.1: retransmission of IKE_SA_INIT', () => {
  test('§2.11: the answer goes to where the repeated request came from', () => {
    const { client, net } = pair()
    client.command('connect')
    const request = net.take()
    net.deliver(request)
    net.take()
    const elsewhere = { address: '203.0.113.66', port: 12_345 }
    net.deliver({ ...request, source: elsewhere })
    expect(net.take()).toMatchObject({ source: request.destination, destination: elsewhere })
  })

  test('the same octets again, each time after twice as long, until the gateway counts as unreachable', () => {
    // Nothing in it is so new that a shorter offer would be tried.
    const { client, net } = pair({ client: { ikeProposals: onlyEcp } })
    const seen: { at: number; bytes: Uint8Array }[] = []
    net.onSend = (flight) => {
      seen.push({ at: net.now, bytes: flight.bytes })
      return []
    }
    client.command('connect')
    net.advance(120_000)
    const waits = seen.slice(1).map(({ at }, i) => at - seen[i]!.at)
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000])
    for (const { bytes } of seen) expect(bytes).toEqual(seen[0]?.bytes)
    expect(client.closed?.error).toEqual({ kind: 'unreachable', host: 'gw.test', tries: 7 })
  })

  test('a repeated request gets the same answer, bit for bit', () => {
    const { client, gateway, net } = pair()
    client.command('connect')
    const request = net.take()
    net.deliver(request)
    net.deliver(request)
    expect(gateway.sent).toHaveLength(2)
    expect(gateway.sent[0]?.bytes).toEqual(gateway.sent[1]?.bytes)
    net.settle()
    expect(net.pings()).toBe(true)
  })

  test('answers that come twice are taken once', () => {
    const { client, net } = pair()
    net.onSend = (flight) => [flight, flight]
    client.command('connect')
    net.settle()
    expect(client.n.state).toBe('connected')
    expect(net.pings()).toBe(true)
  })
})
