import { describe, expect, test } from 'vitest'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { run } from '../support/certificate-pair.ts'
import { connected, encr, GCM16, type PairOptions, pair, shape, sn, X25519 } from '../support/two-peers.ts'

const CHILDLESS = NotifyType.CHILDLESS_IKEV2_SUPPORTED.id
const both = (client: PairOptions['client'] = {}, gateway: PairOptions['gateway'] = {}): PairOptions => ({
  client: { childless: true, ...client },
  gateway: { childless: true, ...gateway },
})

describe('RFC 6023 §3: an IKE SA without a CHILD_SA', () => {
  test('IKE_AUTH without SA and traffic selectors, then CREATE_CHILD_SA', () => {
    const { client, gateway, net } = run(both())
    expect([...client.sent, ...gateway.sent].map(shape)).toEqual([
      'IKE_SA_INIT request 0: SA KE Nonce N(16388) N(16389) N(16430)',
      'IKE_AUTH request 1: IDi IDr AUTH N(16384) CP',
      'CREATE_CHILD_SA request 2: SA Nonce TSi TSr',
      `IKE_SA_INIT response 0: SA KE Nonce N(16388) N(16389) N(16430) N(${CHILDLESS})`,
      'IKE_AUTH response 1: IDr AUTH CP',
      'CREATE_CHILD_SA response 2: SA Nonce TSi TSr',
    ])
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
    expect(client.configuration?.addresses).toEqual(['10.8.0.2/32'])
    expect(net.pings()).toBe(true)
  })

  test('phase 2 is told once, when it stands, with the address of IKE_AUTH', () => {
    const { client, gateway } = run(both())
    for (const peer of [client, gateway]) {
      const told = peer.actions.filter((a) => a.do === 'established')
      expect(told).toHaveLength(1)
      expect(peer.actions.findIndex((a) => a.do === 'useOutbound')).toBeLessThan(
        peer.actions.indexOf(told[0]!),
      )
      expect([...peer.n.children.values()].map((c) => c.name)).toEqual(['net'])
    }
  })

  test('with perfect forward secrecy the first CHILD_SA has a key exchange of its own', () => {
    const { client, net } = run(both({ pfsGroups: [X25519] }, { pfsGroups: [X25519] }))
    expect(shape(client.sent[2]!)).toBe('CREATE_CHILD_SA request 2: SA Nonce KE TSi TSr')
    expect([...client.n.children.values()][0]?.suite.keyExchange?.id).toBe(X25519)
    expect(net.pings()).toBe(true)
  })

  test('only a gateway that announces it is asked so', () => {
    const { client } = run(both({}, { childless: false }))
    expect(shape(client.sent[1]!)).toContain('SA TSi TSr')
    expect(client.n.state).toBe('connected')
  })

  test('who asks for a CHILD_SA in IKE_AUTH gets one all the same', () => {
    expect(run(both({ childless: false })).net.pings()).toBe(true)
  })

  test('RFC 7296 §2.9: the address given in IKE_AUTH bounds what CREATE_CHILD_SA may ask for', () => {
    const { gateway } = run(both())
    expect(gateway.n.assigned).toHaveLength(1)
    expect([...gateway.n.children.values()][0]?.selectors.remote).toEqual(gateway.n.assigned)
  })

  test('a CHILD_SA refused ends the connection with the reason', () => {
    const { client, net } = run(both({}, { espProposals: [[encr(GCM16, 256), sn(0)]] }))
    net.advance(10_000)
    expect(client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 2 })
  })

  test('an answer without an address, where one was asked for, ends it', () => {
    const { client, net } = run(both({}, { assigns: { addresses: [], dnsServers: [] } }))
    net.advance(10_000)
    expect(client.closed?.error).toEqual({ kind: 'noAddress' })
  })

  test('disconnecting while the CHILD_SA is awaited', () => {
    const { client, gateway, net } = pair(both())
    client.command('connect')
    for (let i = 0; i < 4; i++) net.step()
    expect([client.n.state, client.children]).toEqual(['phase2', []])
    client.command('disconnect')
    net.settle()
    expect([client.closed, gateway.closed?.error?.kind]).toEqual([{ error: undefined }, 'closedByGateway'])
  })

  test('RFC 7296 §2.8.3: authentication once more, childless as the first time', () => {
    const options = both()
    const { client, net } = connected({ ...options, second: {} })
    const [before] = client.children
    client.command('reauthenticate')
    net.settle()
    net.advance(5_000)
    expect(client.closed).toBeUndefined()
    expect(client.children).toHaveLength(1)
    expect(client.children[0]).not.toBe(before)
    expect(net.pings()).toBe(true)
  })
})
