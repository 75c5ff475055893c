import { describe, expect, test } from 'vitest'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { additionalAddresses } from '../../core/ike/v2/mobility.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { notify } from '../../core/ike/v2/payloads.ts'
import { connected, type Net, type PairOptions, shape } from '../support/two-peers.ts'

const { MOBIKE_SUPPORTED, UPDATE_SA_ADDRESSES, COOKIE2 } = NotifyType
const SOURCE = NotifyType.NAT_DETECTION_SOURCE_IP.id
const DESTINATION = NotifyType.NAT_DETECTION_DESTINATION_IP.id
const UPDATE = `N(${UPDATE_SA_ADDRESSES.id}) N(${SOURCE}) N(${DESTINATION})`

const mobile = (more: PairOptions = {}) =>
  connected({
    ...more,
    client: { mobike: true, ...more.client },
    gateway: { mobike: true, ...more.gateway },
  })
/** The client's computer is somewhere else, and it knows. */
function move(net: Net, address: string): void {
  net.clientAddress = address
  net.client.command('move')
}
const since = (peer: { readonly sent: readonly Parameters<typeof shape>[0][] }, from: number) =>
  peer.sent.slice(from).map(shape)

describe('RFC 4555 §3.1: agreed in IKE_AUTH', () => {
  test('MOBIKE_SUPPORTED beside the first SA and beside its answer', () => {
    const { client, gateway } = mobile()
    const notified = `N(${MOBIKE_SUPPORTED.id})`
    expect([shape(client.sent[1]!).includes(notified), shape(gateway.sent[1]!).includes(notified)]).toEqual([
      true,
      true,
    ])
    expect([client.n.mobike, gateway.n.mobike]).toEqual([true, true])
  })

  test('not where one side does not say so', () => {
    const { client, gateway } = mobile({ gateway: { mobike: false } })
    expect([client.n.mobike, gateway.n.mobike]).toEqual([false, false])
    expect(shape(gateway.sent[1]!)).not.toContain(`${MOBIKE_SUPPORTED.id}`)
  })
})

describe('RFC 4555 §3.5: the client moves', () => {
  test('UPDATE_SA_ADDRESSES from the new address; traffic both ways after one exchange', () => {
    const { client, gateway, net } = mobile()
    const from = client.sent.length
    move(net, '198.51.100.99')
    expect(net.pingsFrom(gateway)).toBe(false)
    net.step()
    expect(since(client, from)).toEqual([`INFORMATIONAL request 2: ${UPDATE}`])
    expect(gateway.n.remote?.address).toBe('198.51.100.99')
    expect(net.pings()).toBe(true)
    net.settle()
    expect(client.closed ?? gateway.closed).toBeUndefined()
    expect(client.n.local?.address).toBe('198.51.100.99')
  })

  test('RFC 4555 §3.7: the gateway makes sure that it is there, by a COOKIE2 that comes back', () => {
    const { client, gateway, net } = mobile()
    const from = gateway.sent.length
    move(net, '198.51.100.99')
    net.settle()
    expect(since(gateway, from)).toEqual([
      `INFORMATIONAL response 2: N(${SOURCE}) N(${DESTINATION})`,
      `INFORMATIONAL request 0: N(${COOKIE2.id})`,
    ])
    expect(shape(client.sent.at(-1)!)).toBe(`INFORMATIONAL response 0: N(${COOKIE2.id})`)
    expect(client.sent.at(-1)!.payloads).toEqual(gateway.sent.at(-1)!.payloads)
  })

  test('security: whoever does not get the COOKIE2 keeps nothing: the gateway ends it', () => {
    const { gateway, net } = mobile()
    net.onSend = (flight) => (flight.from === gateway && flight.at > net.now ? [] : [flight])
    move(net, '198.51.100.99')
    net.advance(120_000)
    expect(gateway.closed?.error?.kind).toBe('noAnswer')
  })

  test('RFC 4555 §3.7: a COOKIE2 that comes back changed is none', () => {
    const { client, gateway, net } = mobile()
    const sa = client.n.current!
    const seal = sa.seal.bind(sa)
    sa.seal = (exchange, id, response, payloads) =>
      seal(
        exchange,
        id,
        response,
        payloads.map((one) =>
          one.type === 'Notify' && one.notify === COOKIE2.id ? { ...one, data: new Uint8Array(16) } : one,
        ),
      )
    move(net, '198.51.100.99')
    net.settle()
    expect(gateway.closed?.error).toMatchObject({ kind: 'protocol', reference: 'RFC 4555 §3.7' })
  })

  test('what waited for an answer goes out again from there first', () => {
    const { client, net } = mobile()
    client.command('rekeyChild')
    net.lose()
    const from = client.sent.length
    move(net, '198.51.100.99')
    net.settle()
    expect(since(client, from).map((m) => m.split(':')[0])).toEqual([
      'CREATE_CHILD_SA request 2',
      'INFORMATIONAL request 3',
      'INFORMATIONAL request 4',
      'INFORMATIONAL response 0',
    ])
    expect(client.n.rekeys.child).toBe(1)
    expect(net.pings()).toBe(true)
  })

  test('moved again before the answer: asked again, and the last place counts', () => {
    const { client, gateway, net } = mobile()
    move(net, '198.51.100.98')
    move(net, '198.51.100.99')
    net.settle()
    net.advance(5_000)
    expect(gateway.n.remote?.address).toBe('198.51.100.99')
    expect(client.closed ?? gateway.closed).toBeUndefined()
    expect(net.pings()).toBe(true)
  })

  test('a change of several steps is one move: no answer goes to a socket that is gone again', () => {
    const { client, gateway, net } = mobile()
    const [from, sockets] = [client.sent.length, net.reached.length]
    net.clientAddress = '198.51.100.99'
    client.command({ type: 'move', addresses: [] })
    client.command({ type: 'move', addresses: ['198.51.100.99'] })
    net.settle()
    expect(net.reached.length - sockets).toBe(1)
    expect(since(client, from).filter((m) => m.includes(`N(${UPDATE_SA_ADDRESSES.id})`))).toHaveLength(1)
    expect(gateway.n.remote?.address).toBe('198.51.100.99')
    expect(net.pings()).toBe(true)
  })

  test('a socket from an address that went meanwhile is not used: another is opened', () => {
    const { client, gateway, net } = mobile()
    const from = client.sent.length
    client.command({ type: 'move', addresses: ['198.51.100.7', '198.51.100.99'] })
    client.command({ type: 'move', addresses: ['198.51.100.99'] })
    // What was on its way is still from the address of before.
    client.feed({ type: 'pathOpen', local: client.n.local!, remote: client.n.remote! })
    expect(since(client, from)).toEqual([])
    net.clientAddress = '198.51.100.99'
    net.settle()
    expect(gateway.n.remote?.address).toBe('198.51.100.99')
    expect(net.pings()).toBe(true)
  })

  test('changed again while there was no way out: tried at once, and not after a wait', () => {
    const { client, net } = mobile()
    move(net, '198.51.100.99')
    client.command({ type: 'move', addresses: ['198.51.100.99'] })
    client.feed({ type: 'failed', error: { kind: 'unreachable', host: '192.0.2.1', tries: 0 } })
    expect(client.timers.has('move')).toBe(false)
    net.settle()
    expect(client.n.local?.address).toBe('198.51.100.99')
  })

  test('every later IKE SA knows of it', () => {
    const { client, gateway, net } = mobile()
    client.command('rekeyIke')
    net.settle()
    move(net, '198.51.100.99')
    net.settle()
    expect(gateway.n.remote?.address).toBe('198.51.100.99')
    expect(net.pings()).toBe(true)
  })

  test('a network that takes a moment to come up is waited for', () => {
    const { client, net } = mobile()
    net.offline = true
    move(net, '198.51.100.99')
    net.advance(3_000)
    net.offline = false
    net.advance(1_000)
    expect(client.closed).toBeUndefined()
    expect(net.pings()).toBe(true)
  })

  test.each([40, 140, 900])(
    'one that comes up after %i ms is in use within as much time again, and half a second',
    (ms) => {
      const { client, net } = mobile()
      net.offline = true
      move(net, '198.51.100.99')
      net.advance(ms)
      net.offline = false
      net.advance(Math.min(ms + 20, 500))
      expect(client.n.local?.address).toBe('198.51.100.99')
      expect(net.pings()).toBe(true)
    },
  )

  test('one that never comes up ends the connection, with a reason that passes', () => {
    const { client, net } = mobile()
    net.offline = true
    move(net, '198.51.100.99')
    net.advance(CHOICE.moveMs + 2_000)
    expect(client.closed?.error).toEqual({
      kind: 'unreachable',
      host: 'gw.test',
      tries: 0,
      hint: 'ENETUNREACH',
    })
  })

  test('a network that takes a moment is not taken for a gateway that is elsewhere', () => {
    const { client, net } = mobile()
    // Listed, but nothing a client could reach: an address behind the gateway.
    client.n.peerAddresses = ['10.77.0.1']
    net.offline = true
    move(net, '198.51.100.99')
    net.advance(120)
    net.offline = false
    net.advance(300)
    expect(new Set(net.reached.slice(2))).toEqual(new Set(['192.0.2.1']))
    expect(net.pings()).toBe(true)
  })

  test('RFC 4555 §3.6: the other addresses of the gateway are tried too, once that of now has had its time', () => {
    const { client, net } = mobile()
    client.n.peerAddresses = ['192.0.2.77']
    net.offline = true
    move(net, '198.51.100.99')
    net.advance(900)
    expect(net.reached).not.toContain('192.0.2.77')
    net.advance(2_000)
    expect(net.reached.slice(-4)).toContain('192.0.2.77')
    expect(net.reached.slice(-4)).toContain('192.0.2.1')
  })

  test('RFC 4555 §3.6: where the new network does not reach the gateway by the address of now, another is used', () => {
    const { client, gateway, net } = mobile()
    client.n.peerAddresses = ['192.0.2.66', '192.0.2.77']
    net.onSend = (flight) =>
      flight.from === client && flight.destination.address !== '192.0.2.77' ? [] : [flight]
    move(net, '198.51.100.99')
    net.advance(5_000)
    expect(client.n.remote?.address).toBe('192.0.2.77')
    expect([client.closed, gateway.closed]).toEqual([undefined, undefined])
    expect(net.pings()).toBe(true)
  })

  test('one that reaches it by none of them ends the connection', () => {
    const { client, net } = mobile()
    client.n.peerAddresses = ['192.0.2.66', '192.0.2.77']
    net.onSend = (flight) => (flight.from === client ? [] : [flight])
    move(net, '198.51.100.99')
    net.advance(2 * CHOICE.moveMs)
    expect(client.closed?.error?.kind).toBe('noAnswer')
  })

  test('without MOBIKE a network that was left is the end, which the manager mends', () => {
    const { client, net } = mobile({ gateway: { mobike: false } })
    move(net, '198.51.100.99')
    expect(client.closed?.error).toMatchObject({ kind: 'unreachable', hint: 'this network was left' })
  })

  test('UPDATE_SA_ADDRESSES is the client’s alone: from the gateway it changes nothing', () => {
    const { client, gateway, net } = mobile()
    const before = client.n.remote
    gateway.command('move')
    net.settle()
    expect([client.n.remote, gateway.closed]).toEqual([before, undefined])
  })
})

describe('RFC 4555 §3.8: behind a NAT', () => {
  test('a changed mapping is noticed by a sign of life, and the gateway is told', () => {
    const { client, gateway, net } = mobile({ nat: true, client: { dpdSeconds: 5 } })
    net.mapping = { address: '203.0.113.77', shift: 59_000 }
    expect(net.pingsFrom(gateway)).toBe(false)
    const from = client.sent.length
    net.advance(6_000)
    expect(since(client, from)).toEqual([
      `INFORMATIONAL request 2: N(${SOURCE}) N(${DESTINATION})`,
      `INFORMATIONAL request 3: ${UPDATE}`,
      `INFORMATIONAL response 0: N(${COOKIE2.id})`,
    ])
    expect(net.pings()).toBe(true)
  })

  test('traffic that is answered no more has it noticed at once: two exchanges, and no timer is waited for', () => {
    const { client, gateway, net } = mobile({ nat: true, client: { dpdSeconds: 0 } })
    net.mapping = { address: '203.0.113.77', shift: 59_000 }
    expect(net.pingsFrom(gateway)).toBe(false)
    const from = client.sent.length
    const at = net.now
    client.feed({ type: 'traffic', inbound: false, outbound: true, unanswered: true })
    net.settle()
    expect(since(client, from).slice(0, 2)).toEqual([
      `INFORMATIONAL request 2: N(${SOURCE}) N(${DESTINATION})`,
      `INFORMATIONAL request 3: ${UPDATE}`,
    ])
    expect(net.pings()).toBe(true)
    expect(net.pingsFrom(gateway)).toBe(true)
    // As long as its messages are on their way: each takes ten milliseconds or less.
    expect(net.now - at).toBeLessThan(100)
  })

  test('with no NAT before us nothing is asked for that: whoever is silent may have nothing to say', () => {
    const { client, net } = mobile({ client: { dpdSeconds: 0 } })
    const from = client.sent.length
    client.feed({ type: 'traffic', inbound: false, outbound: true, unanswered: true })
    net.settle()
    expect(since(client, from)).toEqual([])
  })

  test('an unchanged one costs nothing more', () => {
    const { client, net } = mobile({ nat: true, client: { dpdSeconds: 5 } })
    const from = client.sent.length
    net.advance(11_000)
    expect(since(client, from).every((m) => m.endsWith(`N(${SOURCE}) N(${DESTINATION})`))).toBe(true)
    expect(since(client, from).length).toBeGreaterThan(1)
  })

  test('a move into a NAT begins keepalives', () => {
    const { client, net } = mobile({ nat: true })
    expect(client.timers.has('keepalive')).toBe(true)
    net.clientAddress = '192.168.7.7'
    client.command('move')
    net.settle()
    expect([client.n.nat.us, client.timers.has('keepalive')]).toEqual([true, true])
  })
})

test('RFC 4555 §3.6: a list of addresses takes the place of the one before; hostile ones are bounded', () => {
  const ip4 = (last: number) => notify(NotifyType.ADDITIONAL_IP4_ADDRESS.id, Uint8Array.of(192, 0, 2, last))
  expect(
    additionalAddresses([ip4(1), notify(NotifyType.ADDITIONAL_IP6_ADDRESS.id, new Uint8Array(16))]),
  ).toEqual(['192.0.2.1', '::'])
  expect(additionalAddresses([])).toBeUndefined()
  expect(additionalAddresses([notify(NotifyType.NO_ADDITIONAL_ADDRESSES.id)])).toEqual([])
  expect(
    additionalAddresses([notify(NotifyType.ADDITIONAL_IP4_ADDRESS.id, Uint8Array.of(1))]),
  ).toBeUndefined()
  const many = Array.from({ length: 200 }, (_, at) => ip4(at))
  expect(additionalAddresses(many)).toHaveLength(CHOICE.mostAddresses)
})
