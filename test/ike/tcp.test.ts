import { describe, expect, test } from 'vitest'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { connected, type Net, type PairOptions, pair, shape } from '../support/two-peers.ts'

const UPDATE = NotifyType.UPDATE_SA_ADDRESSES.id
const fallback = { use: 'fallback', port: 4500 } as const
const always = { use: 'always', port: 443 } as const

/** A network that lets no UDP through, or none any more. */
const blockUdp = (net: Net): void => {
  net.onSend = (flight) => (flight.source.transport === 'tcp' ? [flight] : [])
}
const tcpPair = (more: PairOptions = {}) =>
  connected({ ...more, client: { tcp: always, ...more.client }, gateway: { ...more.gateway } })
const initiatorSpis = (messages: readonly { readonly initiatorSpi: Uint8Array }[]) =>
  new Set(messages.map(({ initiatorSpi }) => Buffer.from(initiatorSpi).toString('hex')))

describe('RFC 9329 §5.1: from UDP to TCP', () => {
  test('UDP comes first, and TCP only after some tries; then it is another negotiation with an SPI of its own', () => {
    const { client, net } = pair({ client: { tcp: fallback } })
    blockUdp(net)
    client.command('connect')
    net.advance(CHOICE.firstMs * 2 ** CHOICE.triesBeforeTcp - CHOICE.firstMs - 1)
    expect([client.sent.length, net.connections]).toEqual([CHOICE.triesBeforeTcp, 0])
    net.advance(1_000)
    expect([net.connections, client.n.state]).toEqual([1, 'connected'])
    const byTcp = client.sent.filter((_, at) => at >= CHOICE.triesBeforeTcp + 1)
    const byUdp = initiatorSpis(client.sent.slice(0, CHOICE.triesBeforeTcp + 1))
    expect([...initiatorSpis(byTcp)].map((spi) => byUdp.has(spi))).toEqual([false])
    expect(net.pings()).toBe(true)
  })

  test('an answer by UDP while the connection is on its way: UDP it stays', () => {
    const { client, net } = pair({ client: { tcp: fallback } })
    net.tcp = 'takes its time'
    blockUdp(net)
    client.command('connect')
    net.advance(4_000)
    net.onSend = undefined
    net.advance(10_000)
    net.tcp = 'opens'
    net.settle()
    expect([client.n.state, net.connections, client.n.remote?.transport]).toEqual(['connected', 0, undefined])
  })

  test('so it does where that answer only asks for something else (COOKIE, RFC 7296 §2.6)', () => {
    const { client, net } = pair({ client: { tcp: fallback }, gateway: { demandCookie: true } })
    net.tcp = 'takes its time'
    blockUdp(net)
    client.command('connect')
    net.advance(4_000)
    net.onSend = undefined
    net.advance(10_000)
    expect([client.n.state, client.n.remote?.transport]).toEqual(['connected', undefined])
    net.tcp = 'opens'
    net.settle()
    expect(net.connections).toBe(0)
  })

  test('where there is no TCP either, UDP has all its tries', () => {
    const { client, net } = pair({ client: { tcp: fallback } })
    net.tcp = 'fails'
    blockUdp(net)
    client.command('connect')
    net.advance(120_000)
    expect(client.closed?.error).toEqual({ kind: 'unreachable', host: 'gw.test', tries: CHOICE.tries })
    expect([client.sent.length, net.connections]).toEqual([CHOICE.tries, 1])
  })

  test('a connection that answers nothing is not waited for as long as UDP', () => {
    const { client, net } = pair({ client: { tcp: fallback } })
    net.onSend = () => []
    client.command('connect')
    net.advance(60_000)
    expect(client.closed?.error?.kind).toBe('unreachable')
  })

  test('never, where the profile does not name it', () => {
    const { client, net } = pair()
    blockUdp(net)
    client.command('connect')
    net.advance(120_000)
    expect([client.closed?.error?.kind, net.connections]).toEqual(['unreachable', 0])
  })
})

describe('RFC 9329 §6: over TCP', () => {
  test('from the first message on, by the port of the profile, whatever NAT there is', () => {
    const { client, net } = tcpPair({ nat: true, client: { tcp: always } })
    expect(client.n.remote).toEqual({ address: '192.0.2.1', port: 443, transport: 'tcp' })
    expect([net.connections, net.pings()]).toEqual([1, true])
  })

  test('§6.2: a request is not sent twice, and its answer not waited for without end', () => {
    const { client, net } = tcpPair()
    net.onSend = (flight) => (flight.from === client ? [] : [flight])
    const before = client.sent.length
    client.command('probe')
    net.advance(120_000)
    expect(client.sent).toHaveLength(before + 1)
    expect(client.closed?.error?.kind).toBe('noAnswer')
  })

  test('§6.2: nor is IKE_AUTH', () => {
    const { client, net } = pair({ client: { tcp: always } })
    client.command('connect')
    net.step()
    net.step()
    net.onSend = () => []
    net.take()
    net.advance(120_000)
    expect(client.sent.map(({ exchange }) => exchange)).toEqual(['IKE_SA_INIT', 'IKE_AUTH'])
    expect(client.closed?.error?.kind).toBe('noAnswer')
  })

  test('§6.4: a refusal of IKE_SA_INIT counts at once', () => {
    const { client, net } = pair({ client: { tcp: always }, gateway: { ikeProposals: [] } })
    client.command('connect')
    net.advance(30)
    expect(client.closed?.error?.kind).toBe('noProposalChosen')
  })

  test('§6.6: no keepalives, behind a NAT neither', () => {
    const { client, net } = tcpPair({ nat: true })
    net.advance(120_000)
    expect([client.n.nat.us, client.actions.filter((one) => one.do === 'keepalive')]).toEqual([true, []])
  })

  test('§7.5: fragmentation is agreed on, and no fragment sent', () => {
    const long = { type: 2, data: new Uint8Array(3000).fill(0x61) }
    const { client, gateway } = tcpPair({
      client: { fragmentation: true, localIdentity: long },
      gateway: { fragmentation: true, remoteIdentity: long },
    })
    expect(client.n.current?.fragments).toBeDefined()
    expect([...client.sent, ...gateway.sent].filter(({ fragment }) => fragment !== undefined)).toEqual([])
  })

  test('§6.1: lost before anything stands, it is over, with the reason', () => {
    const { client, net } = pair({ client: { tcp: always } })
    client.command('connect')
    net.step()
    client.feed({ type: 'pathLost', problem: 'ECONNRESET' })
    expect(client.closed?.error).toMatchObject({ kind: 'unreachable', hint: /ECONNRESET/ })
  })
})

describe('RFC 9329 §6.1: the connection is lost', () => {
  const lose = (net: Net): void => net.client.feed({ type: 'pathLost', problem: 'ECONNRESET' })

  test('who opened it opens another, and the SAs go on', () => {
    const { client, net } = tcpPair()
    const spis = client.children
    lose(net)
    net.advance(100)
    expect([net.connections, client.children, client.closed]).toEqual([2, spis, undefined])
    expect(shape(client.sent.at(-1)!)).toBe('INFORMATIONAL request 2:')
    expect(net.pings()).toBe(true)
  })

  test('with MOBIKE it says UPDATE_SA_ADDRESSES, and the gateway wants no proof of the way back (§7.1)', () => {
    const { client, gateway, net } = tcpPair({ client: { mobike: true }, gateway: { mobike: true } })
    net.clientAddress = '198.51.100.99'
    lose(net)
    net.advance(5_000)
    expect(shape(client.sent.at(-1)!)).toContain(`N(${UPDATE})`)
    expect(gateway.sent.filter(({ response }) => !response)).toEqual([])
    expect([gateway.n.remote?.address, net.pings()]).toEqual(['198.51.100.99', true])
  })

  test('§6.2: what was not answered goes out again by the new one', () => {
    const { client, net } = tcpPair()
    client.command('rekeyChild')
    net.take()
    lose(net)
    net.advance(1_000)
    expect(client.sent.filter(({ exchange }) => exchange === 'CREATE_CHILD_SA')).toHaveLength(2)
    expect([client.n.rekeys.child, net.pings()]).toEqual([1, true])
  })

  test('a gateway that takes every connection and drops it again is not asked without pause, nor for ever', () => {
    const { client, net } = tcpPair()
    net.onSend = () => []
    for (let i = 0; i < 1000 && client.closed === undefined; i++) {
      lose(net)
      net.advance(100)
    }
    expect(client.closed?.error?.kind).toBe('noAnswer')
    expect(net.connections).toBeLessThan(20)
  })

  test('the gateway keeps its SAs and waits', () => {
    const { gateway, net } = tcpPair()
    gateway.feed({ type: 'pathLost', problem: 'EOF' })
    net.settle()
    expect([gateway.closed, net.pings()]).toEqual([undefined, true])
  })
})

describe('RFC 9329 §7.1: MOBIKE changes the transport', () => {
  const mobile = (tcp: typeof fallback | { use: 'always'; port: number }) =>
    connected({ client: { mobike: true, tcp }, gateway: { mobike: true } })
  const move = (net: Net, address: string): void => {
    net.clientAddress = address
    net.client.command('move')
  }

  test('UDP first; where nothing comes back the same exchange goes over TCP', () => {
    const { client, gateway, net } = mobile(fallback)
    move(net, '198.51.100.99')
    blockUdp(net)
    net.advance(10_000)
    expect([client.n.remote?.transport, gateway.n.remote?.transport]).toEqual(['tcp', 'tcp'])
    const updates = client.sent.filter(({ messageId, response }) => messageId === 2 && !response)
    expect(new Set(updates.map(shape)).size).toBe(1)
    expect(net.pings()).toBe(true)
  })

  test('and the next network is tried by UDP again', () => {
    const { client, gateway, net } = mobile(fallback)
    move(net, '198.51.100.99')
    blockUdp(net)
    net.advance(10_000)
    net.onSend = undefined
    move(net, '198.51.100.100')
    net.advance(2_000)
    expect([client.n.remote?.transport, gateway.n.remote?.transport, net.pings()]).toEqual([
      undefined,
      undefined,
      true,
    ])
  })

  test('where UDP is answered meanwhile, the connection is not wanted', () => {
    const { client, net } = mobile(fallback)
    net.tcp = 'takes its time'
    move(net, '198.51.100.99')
    blockUdp(net)
    net.advance(4_000)
    net.onSend = undefined
    net.advance(10_000)
    net.tcp = 'opens'
    net.settle()
    expect([client.n.remote?.transport, net.connections, net.pings()]).toEqual([undefined, 0, true])
  })

  test('no TCP there: UDP goes on being tried', () => {
    const { client, net } = mobile(fallback)
    net.tcp = 'fails'
    move(net, '198.51.100.99')
    blockUdp(net)
    net.advance(5_000)
    net.onSend = undefined
    net.advance(20_000)
    expect([client.closed, client.n.remote?.transport, net.pings()]).toEqual([undefined, undefined, true])
  })
})
