import { describe, expect, test } from 'vitest'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { Established } from '../../core/ike/v2/established.ts'
import { deleteChild } from '../../core/ike/v2/exchanges/delete-child.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { deaf, disagreement } from '../support/agreement.ts'
import { selector } from '../support/inner-packets.ts'
import {
  connected,
  ECP256,
  type Net,
  type PairOptions,
  type Peer,
  shape,
  X25519,
} from '../support/two-peers.ts'

const host = (address: string) => [selector(address, address)]
const another = {
  type: 'newChild',
  selectors: { local: host('10.8.0.2'), remote: host('10.77.1.1') },
} as const
const theirs = {
  type: 'newChild',
  selectors: { local: host('10.77.1.2'), remote: host('10.8.0.2') },
} as const
const notifyOf = (peer: Peer) => (peer.sent.at(-1)!.payloads[0] as { notify?: number }).notify
const asked = (peer: Peer) => peer.sent.filter((m) => /CREATE_CHILD_SA request \d+: SA/.test(shape(m)))

describe('RFC 7296 §1.3.1: another CHILD_SA', () => {
  test('one exchange, and both stand side by side', () => {
    const { client, gateway, net } = connected()
    client.command(another)
    expect(shape(net.last('client'))).toBe('CREATE_CHILD_SA request 2: SA Nonce TSi TSr')
    net.step()
    expect(shape(net.last('gateway'))).toBe('CREATE_CHILD_SA response 2: SA Nonce TSi TSr')
    net.settle()
    for (const peer of [client, gateway])
      expect([...peer.n.children.values()].map((c) => c.name)).toEqual(['net', 'net-2'])
    expect(deaf(net)).toBeUndefined()
    client.command('rekeyIke') // inherits both
    net.settle()
    gateway.command('rekeyChild') // and both can be rekeyed
    net.advance(60_000)
    expect(client.n.rekeys).toEqual({ ike: 1, child: 2 })
    expect(disagreement(net)).toBeUndefined()
  })

  test('with perfect forward secrecy, and the group the peer wants', () => {
    const { client, net } = connected({
      client: { pfsGroups: [X25519, ECP256] },
      gateway: { pfsGroups: [ECP256] },
    })
    client.command(another) // --> HDR, SK {SA, Ni, KEi (x25519), TSi, TSr}   <-- N(INVALID_KE_PAYLOAD)
    net.settle()
    expect([...client.n.children.values()].at(-1)?.suite.keyExchange?.id).toBe(ECP256)
    net.advance(60_000)
    expect(disagreement(net)).toBeUndefined()
  })

  test('RFC 7296 §2.9: the responder narrows it to what the connection is for', () => {
    const { client, net } = connected({ gateway: { localSelectors: [selector('10.77.0.0', '10.77.1.255')] } })
    client.command({
      type: 'newChild',
      selectors: { local: host('10.8.0.2'), remote: [selector('10.77.1.0', '10.99.0.0')] },
    })
    net.settle()
    expect([...client.n.children.values()].at(-1)?.selectors.remote).toEqual([
      selector('10.77.1.0', '10.77.1.255'),
    ])
    client.command({ type: 'newChild', selectors: { local: host('10.8.0.2'), remote: host('10.99.0.1') } })
    net.settle()
    expect(notifyOf(net.gateway)).toBe(NotifyType.TS_UNACCEPTABLE.id)
    expect(client.n.children.size).toBe(2)
    expect(client.closed).toBeUndefined()
  })

  test('nobody gets the traffic of somebody else', () => {
    const { client, net } = connected()
    client.command({ type: 'newChild', selectors: { local: host('10.8.0.3'), remote: host('10.77.1.1') } })
    net.settle()
    expect(notifyOf(net.gateway)).toBe(NotifyType.TS_UNACCEPTABLE.id)
  })

  test('a responder keeps a bounded number: NO_ADDITIONAL_SAS', () => {
    const { client, gateway, net } = connected()
    for (let i = 1; i <= CHOICE.mostChildren; i++) {
      client.command({
        type: 'newChild',
        selectors: { local: host('10.8.0.2'), remote: host(`10.77.1.${i}`) },
      })
      net.settle()
    }
    expect(notifyOf(gateway)).toBe(NotifyType.NO_ADDITIONAL_SAS.id)
    expect(gateway.n.children.size).toBe(CHOICE.mostChildren)
    expect(client.n.state).toBe('connected')
    net.advance(60_000)
    expect(disagreement(net)).toBeUndefined()
  })

  test('a client that has its own takes none from the gateway', () => {
    const { client, gateway, net } = connected()
    gateway.command(theirs)
    net.settle()
    expect(notifyOf(client)).toBe(NotifyType.NO_ADDITIONAL_SAS.id)
    expect([client.n.children.size, gateway.n.children.size]).toEqual([1, 1])
  })

  test('an answer outside what was asked for is taken back', () => {
    const { client, gateway, net } = connected()
    const wanted = { local: host('10.8.0.2'), remote: host('10.77.1.1') }
    client.command({ type: 'newChild', selectors: wanted })
    Object.assign(wanted, { remote: host('10.77.1.9') }) // what the client remembers of its request
    net.settle() // <-- HDR, SK {SA, Nr, TSi, TSr}   --> HDR, SK {D}
    expect(shape(net.last('client'))).toBe('INFORMATIONAL request 3: Delete')
    expect([client.n.children.size, gateway.n.children.size]).toEqual([1, 1])
    expect(disagreement(net)).toBeUndefined()
  })
})

/** The gateway closes the only CHILD_SA after the given silence. */
function closedAfter(silentMs: number, options: PairOptions = {}): { client: Peer; gateway: Peer; net: Net } {
  const made = connected(options)
  const { gateway, net } = made
  net.advance(silentMs)
  const [child] = gateway.n.children.values()
  deleteChild(gateway.state as Established, child!, net.now)
  gateway.feed({ type: 'traffic', inbound: false, outbound: false }) // <-- HDR, SK {D}
  return made
}

describe('RFC 7296 §2.25: a CHILD_SA that the gateway closed', () => {
  test('while packets flow it is asked for again at once', () => {
    const { client, net } = closedAfter(1_000)
    net.step() //  --> HDR, SK {D}   --> HDR, SK {SA, Ni, TSi, TSr}
    expect(client.n.state).toBe('phase2') // and not connected
    expect(asked(client)).toHaveLength(1)
    net.settle()
    expect(client.n.state).toBe('connected')
    expect([...client.n.children.values()].map((c) => c.name)).toEqual(['net'])
    net.advance(60_000)
    expect(disagreement(net)).toBeUndefined()
  })

  test('after a time without traffic it sleeps, and the first packet that needs it wakes it', () => {
    const { client, net } = closedAfter(60_000)
    net.settle()
    expect(client.n.state).toBe('phase2')
    expect(client.n.step).toMatch(/^asleep/)
    net.advance(600_000)
    expect(asked(client)).toEqual([])
    client.feed({ type: 'traffic', inbound: false, outbound: false, unserved: true })
    net.settle()
    expect(client.n.state).toBe('connected')
    net.advance(60_000)
    expect(disagreement(net)).toBeUndefined()
  })

  test('the gateway may be the one that makes it again', () => {
    const { client, gateway, net } = closedAfter(60_000)
    net.settle()
    gateway.command(theirs) // <-- HDR, SK {SA, Ni, TSi, TSr}
    net.settle()
    expect([...client.n.children.values()].map((c) => c.name)).toEqual(['net'])
    expect(client.n.state).toBe('connected')
    client.feed({ type: 'traffic', inbound: false, outbound: false, unserved: true })
    expect(asked(client)).toEqual([])
    net.advance(60_000)
    expect(disagreement(net)).toBeUndefined()
  })

  test('both make it again at once: the client refuses the second', () => {
    const { client, gateway, net } = closedAfter(1_000)
    net.step()
    gateway.command(theirs)
    net.advance(60_000)
    expect(client.n.children.size).toBe(1)
    expect(disagreement(net)).toBeUndefined()
  })

  test('TEMPORARY_FAILURE: asked again later', () => {
    const { client, gateway, net } = closedAfter(1_000)
    net.step()
    const request = net.take((f) => f.from === client && f !== net.flying[0]) // HDR, SK {SA, Ni, TSi, TSr}
    net.settle()
    gateway.command('rekeyIke')
    net.deliver(request) // <-- N(TEMPORARY_FAILURE)
    net.advance(60_000)
    expect(asked(client)).toHaveLength(2)
    expect(client.n.state).toBe('connected')
    expect(disagreement(net)).toBeUndefined()
  })

  test('a gateway that does not open it again is left, with its reason', () => {
    const { client, gateway, net } = closedAfter(1_000)
    Object.assign(gateway.n.config, { espProposals: [] })
    net.settle()
    expect(client.closed?.error).toEqual({
      kind: 'closedByGateway',
      reason: 'it closed the tunnel and does not open it again (NO_PROPOSAL_CHOSEN)',
    })
    expect(gateway.closed).toBeDefined()
  })

  test('nor is one begged that closes what it has just made', () => {
    const { client, gateway, net } = closedAfter(1_000)
    net.settle()
    client.command('probe')
    net.settle()
    const [again] = gateway.n.children.values()
    net.advance(CHOICE.shortLifeMs - 2_000)
    deleteChild(gateway.state as Established, again!, net.now)
    gateway.feed({ type: 'traffic', inbound: false, outbound: false })
    net.settle()
    expect(client.closed?.error).toMatchObject({ kind: 'closedByGateway' })
  })

  test('one of several: the others go on meanwhile', () => {
    const { client, gateway, net } = connected()
    client.command(another)
    net.settle()
    gateway.command({ type: 'closeChild', child: 'net' })
    net.step()
    expect(client.n.state).toBe('connected')
    net.advance(60_000)
    expect([...client.n.children.values()].map((c) => c.name)).toEqual(['net-2', 'net'])
    expect(disagreement(net)).toBeUndefined()
  })

  test('the responder leaves it to the client to ask', () => {
    const { client, gateway, net } = connected()
    client.command(another)
    net.settle()
    client.command({ type: 'closeChild', child: 'net' })
    net.advance(60_000)
    expect(asked(gateway)).toEqual([])
    expect([...gateway.n.children.values()].map((c) => c.name)).toEqual(['net-2'])
  })

  test('the last two closed by the person are the end, though the gateway may not know the one of its own making', () => {
    const { client, gateway, net } = connected({ client: { mostChildren: 2 } })
    gateway.command(theirs)
    net.step() // the answer that makes it is on its way
    client.command({ type: 'closeChild', child: 'net-2' })
    client.command({ type: 'closeChild', child: 'net' })
    net.settle()
    expect(client.closed).toEqual({ error: undefined })
    expect(gateway.closed).toBeDefined()
  })

  test('the last one closed by the person is the end', () => {
    const { client, gateway, net } = connected()
    client.command({ type: 'closeChild', child: 'net' })
    net.settle()
    expect(client.closed).toEqual({ error: undefined })
    expect(gateway.closed).toBeDefined()
  })
})
