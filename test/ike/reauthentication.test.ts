import { describe, expect, test } from 'vitest'
import { ExchangeType } from '../../core/iana/ikev2.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { Established } from '../../core/ike/v2/established.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { notify } from '../../core/ike/v2/payloads.ts'
import type { CpPayload, Payload } from '../../core/wire/ikev2/payload.ts'
import { selector } from '../support/inner-packets.ts'
import { connected, type Net, type PairOptions, type Peer, shape } from '../support/two-peers.ts'

const stood = (peer: Peer) => peer.sent.filter((m) => m.exchange === 'IKE_AUTH' && !m.retransmission)
const sasOf = (peer: Peer) => (peer.state as Established).sas.length
const host = (address: string) => [selector(address, address)]

/** Two inner packets leave at every moment, on the same way as everything else; all must arrive. */
function loseNothing(net: Net, begin: () => void): void {
  const pending: (() => boolean)[] = []
  const ping = () => {
    const ends = [net.gateway, net.second!]
    pending.push(net.client.ping(...ends))
    // The gateway sends with what it has made last.
    const talking = net.second!.n.children.size > 0 ? net.second! : net.gateway
    pending.push(talking.ping(net.client))
  }
  ping()
  begin()
  for (let i = 0; i < 200 && net.step() !== undefined; i++)
    if (net.flying.some((f) => f.kind === 'ike')) ping()
  ping()
  net.settle()
  expect(pending.length).toBeGreaterThan(10)
  expect(pending.map((arrived) => arrived())).toEqual(pending.map(() => true))
}

/** The client is on the gateway's second end, the first is gone, and nothing is left over. */
function moved(net: Net): void {
  const { client, gateway, second } = net
  net.advance(60_000)
  expect(gateway.closed).toBeDefined()
  expect(client.closed).toBeUndefined()
  expect(client.n.current?.localSpi).toEqual(second!.n.current?.remoteSpi)
  expect(client.children).toEqual(second!.children.map((pair) => pair.split('/').reverse().join('/')).sort())
  expect([sasOf(client), sasOf(second!)]).toEqual([1, 1])
  expect(client.n.lingering.size).toBe(0)
  expect([...client.timers.keys()].filter((t) => t.startsWith('again'))).toEqual([])
  expect(net.pings()).toBe(true)
}

const again = (options: PairOptions = {}) => connected({ second: {}, ...options })

describe('RFC 7296 §2.8.3: authentication once more', () => {
  test('a fresh IKE SA beside the old one, traffic moves over without loss, and the old one is deleted', () => {
    const { client, net } = again()
    loseNothing(net, () => client.command('reauthenticate'))
    expect(client.sent.map(shape).slice(-3)).toEqual([
      'IKE_SA_INIT request 0: SA KE Nonce N(16388) N(16389) N(16430)',
      'IKE_AUTH request 1: IDi IDr AUTH CP SA TSi TSr',
      'INFORMATIONAL request 2: Delete',
    ])
    moved(net)
    client.command('rekeyChild') // and its life goes on
    client.command('rekeyIke')
    net.advance(60_000)
    expect(client.n.rekeys).toEqual({ ike: 1, child: 1 })
    expect(net.pings()).toBe(true)
  })

  test('RFC 7296 §2.4: no INITIAL_CONTACT, for there is another IKE SA; §3.15.1: the same address is asked for', () => {
    const { client } = again()
    client.command('reauthenticate')
    expect(client.closed).toBeUndefined()
    const { net } = again()
    net.client.command('reauthenticate')
    net.settle()
    const [first, second] = stood(net.client)
    expect(shape(first!)).toContain('N(16384)')
    expect(shape(second!)).not.toContain('N(16384)')
    const cp = (second!.payloads as readonly Payload[]).find((p): p is CpPayload => p.type === 'CP')
    expect(cp?.attributes[0]).toEqual({ type: 1, value: Uint8Array.of(10, 8, 0, 2) })
  })

  test('behind a NAT, on the socket that is open', () => {
    const { client, net } = again({ nat: true })
    loseNothing(net, () => client.command('reauthenticate'))
    expect(client.actions.filter((a) => a.do === 'openPath')).toHaveLength(2)
    moved(net)
  })

  test('every message of it may be lost once', () => {
    for (let lost = 0; lost < 6; lost++) {
      const { client, net } = again({ seed: lost + 1 })
      client.command('reauthenticate')
      for (let i = 0; i < lost; i++) net.step()
      net.lose()
      expect(net.pings()).toBe(true)
      net.advance(5_000)
      moved(net)
    }
  })

  test('CHILD_SAs beside the first are made on the fresh IKE SA before the old one goes', () => {
    const { client, net } = again()
    client.command({ type: 'newChild', selectors: { local: host('10.8.0.2'), remote: host('10.77.1.1') } })
    net.settle()
    loseNothing(net, () => client.command('reauthenticate'))
    const last = client.sent.map(shape).slice(-2)
    expect(last).toEqual(['CREATE_CHILD_SA request 2: SA Nonce TSi TSr', 'INFORMATIONAL request 3: Delete'])
    expect([...client.n.children.values()].map((c) => c.name)).toEqual(['net', 'net-2'])
    moved(net)
  })

  test('another address: the connection is established anew with it', () => {
    const { client, net } = again({ second: { assigns: { addresses: ['10.8.0.9/32'], dnsServers: [] } } })
    client.command('reauthenticate')
    net.settle()
    expect(client.actions.filter((a) => a.do === 'established')).toHaveLength(2)
    expect(client.configuration?.addresses).toEqual(['10.8.0.9/32'])
  })

  test('the same terms: nothing is established twice', () => {
    const { client, net } = again()
    client.command('reauthenticate')
    net.settle()
    expect(client.actions.filter((a) => a.do === 'established')).toHaveLength(1)
  })

  test('what is refused leaves the tunnel as it is, and is tried again later', () => {
    const { client, gateway, net } = again({ second: { ikeProposals: [] } })
    client.command('reauthenticate')
    net.advance(20_000)
    expect(client.n.state).toBe('connected')
    expect([sasOf(client), client.n.children.size]).toEqual([1, 1])
    expect(gateway.closed).toBeUndefined()
    expect(net.pings()).toBe(true)
    expect(client.timers.has('reauth')).toBe(true)
  })

  test('a proof that is refused is not shown again and again', () => {
    const { client, net } = again({ second: { remoteIdentity: { type: 2, data: Uint8Array.of(0x78) } } })
    client.command('reauthenticate')
    net.advance(600_000)
    expect(stood(client)).toHaveLength(2)
    expect(client.n.state).toBe('connected')
  })

  test('the person leaves meanwhile: nothing stays of either', () => {
    const { client, net } = again()
    client.command('reauthenticate')
    net.step()
    client.command('disconnect')
    net.advance(10_000)
    expect(client.closed).toEqual({ error: undefined })
    expect(client.timers.size).toBe(0)
  })

  test('a gateway that allows only one drops the old one first: the fresh one carries on all the same', () => {
    const { client, gateway, net } = again()
    client.command('reauthenticate')
    net.step()
    net.step()
    gateway.command('disconnect') // <-- HDR, SK {D} on the old IKE SA, and IKE_AUTH is not answered yet
    net.deliver(net.take((f) => f.from === gateway))
    expect(client.closed).toBeUndefined()
    expect(client.n.state).toBe('phase2')
    net.settle()
    expect(client.n.state).toBe('connected')
    moved(net)
  })

  test('a rekey of the old one that is under way counts no more', () => {
    const { client, gateway, net } = again()
    client.command('reauthenticate')
    client.command('rekeyChild')
    const slow = net.take((f) => f.to === gateway && f.bytes[18] === ExchangeType.CREATE_CHILD_SA.id)
    net.step()
    net.step()
    net.step()
    net.step()
    net.deliver(slow)
    net.settle()
    moved(net)
  })
})

describe('RFC 4478: the gateway limits how long a proof lasts', () => {
  const limited = (seconds: number): PairOptions => ({
    gateway: { lifetimes: { ikeRekeySeconds: 0, childRekeySeconds: 0, reauthSeconds: seconds } },
    second: { lifetimes: { ikeRekeySeconds: 0, childRekeySeconds: 0 } },
  })

  test('§2: AUTH_LIFETIME in the last message of IKE_AUTH, and the client is back in time', () => {
    const { client, gateway, net } = again(limited(600))
    expect(gateway.sent.at(-1)?.payloads.at(-1)).toMatchObject({
      notify: NotifyType.AUTH_LIFETIME.id,
      protocol: 0,
      data: Uint8Array.of(0, 0, 2, 0x58),
    })
    net.advance(400_000)
    expect(stood(client)).toHaveLength(1)
    net.advance(100_000)
    expect(stood(client)).toHaveLength(2)
    moved(net)
  })

  test('§2: a gateway whose client does not come back deletes the IKE SA', () => {
    const { client, gateway, net } = again(limited(600))
    client.timers.delete('reauth')
    net.advance(599_000)
    expect(client.closed).toBeUndefined()
    net.advance(90_000)
    expect(client.closed?.error).toMatchObject({ kind: 'closedByGateway' })
    expect(gateway.closed).toBeDefined()
  })

  test('§2: the time goes on when the IKE SA is rekeyed', () => {
    const { client, net } = again(limited(600))
    net.advance(300_000)
    client.command('rekeyIke')
    net.advance(200_000)
    expect(stood(client)).toHaveLength(2)
    moved(net)
  })

  /** <-- HDR, SK {N(AUTH_LIFETIME)}   --> HDR, SK {} */
  const tell = (net: Net, seconds: number): void => {
    const { gateway } = net
    const data = Uint8Array.of(0, 0, seconds >> 8, seconds & 0xff)
    const e = gateway.state as Established
    e.ask(
      e.current,
      {
        label: 'INFORMATIONAL',
        exchange: ExchangeType.INFORMATIONAL.id,
        build: () => [notify(NotifyType.AUTH_LIFETIME.id, data)],
        onReply: () => {},
      },
      net.now,
    )
    gateway.feed({ type: 'traffic', inbound: false, outbound: false })
    net.settle()
  }

  test('§2: in an INFORMATIONAL at any time; zero means now', () => {
    const { client, net } = again()
    net.advance(60_000)
    tell(net, 0)
    expect(shape(client.sent.findLast((m) => m.response)!)).toBe('INFORMATIONAL response 0:')
    net.advance(1_000)
    expect(stood(client)).toHaveLength(2)
    moved(net)
  })

  test('§5: but a gateway can not keep us busy with it', () => {
    const { client, net } = again()
    tell(net, 0)
    net.advance(CHOICE.reauthLeastMs - 2_000)
    expect(stood(client)).toHaveLength(1)
    net.advance(3_000)
    expect(stood(client)).toHaveLength(2)
  })

  test('§5: our own limit holds where the gateway has none, or a longer one', () => {
    const lifetimes = { ikeRekeySeconds: 0, childRekeySeconds: 0, reauthSeconds: 100 }
    for (const options of [{}, limited(600)]) {
      const { client, net } = again({ ...options, client: { lifetimes } })
      net.advance(85_000)
      expect(stood(client)).toHaveLength(2)
      moved(net)
    }
  })
})
