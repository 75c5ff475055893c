import { describe, expect, test } from 'vitest'
import { encr, GCM16, integ, sn } from '../../support/bench.ts'
import { selector } from '../../support/inner-packets.ts'
import { connected, line, MODP2048, pair } from '../../support/two-peers-v1.ts'

describe('RFC 2409 §5.5: quick mode', () => {
  test('with perfect forward secrecy both ends send a public value of the agreed group', () => {
    const { client, gateway, net } = connected({
      client: { pfsGroups: [MODP2048] },
      gateway: { pfsGroups: [MODP2048] },
    })
    expect(client.sent.map(line)).toContain('QUICK* HASH SA Nonce KE ID ID')
    expect(gateway.sent.map(line)).toContain('QUICK* HASH SA Nonce KE ID ID')
    expect([...client.n.children.values()][0]?.suite.keyExchange?.id).toBe(MODP2048)
    expect(net.pings()).toBe(true)
  })

  test('who insists on secrecy refuses to do without, and the other hears why', () => {
    const { client, gateway, net } = pair({ gateway: { pfsGroups: [MODP2048] } })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 2 })
    expect(gateway.children).toEqual([])
  })

  test.each([
    ['AES-GCM', [encr(GCM16, 256), sn(0)]],
    ['AES-CBC with HMAC-SHA-1', [encr(12, 256), integ(2), sn(0)]],
    ['DES with HMAC-MD5', [encr(2), integ(1), sn(0)]],
    ['3DES with HMAC-SHA-512', [encr(3), integ(14), sn(0)]],
    ['Camellia', [encr(23, 128), integ(13), sn(0)]],
    ['AES-CTR', [encr(13, 128), integ(5), sn(0)]],
    ['AES-CCM with 64-bit sequence numbers (RFC 4304)', [encr(16, 128), sn(1)]],
    ['NULL with HMAC-SHA-256', [encr(11), integ(12), sn(0)]],
  ])('%s', (_name, proposal) => {
    const { net, client } = connected({
      client: { espProposals: [proposal] },
      gateway: { espProposals: [proposal] },
    })
    const [child] = client.n.children.values()
    expect(child?.suite).toMatchObject({ esn: proposal.some((t) => t.type === 5 && t.id === 1) })
    expect(net.pings()).toBe(true)
  })

  test('RFC 4304: 64-bit sequence numbers are offered where nothing else will do, for few gateways know them', () => {
    const offered = (...numbers: readonly number[]) => {
      const espProposals = [[encr(12, 128), integ(12), ...numbers.map(sn)]]
      const { client } = connected({ client: { espProposals }, gateway: { espProposals } })
      return [...client.n.children.values()][0]?.suite.esn
    }
    expect([offered(1, 0), offered(0), offered(1), offered()]).toEqual([false, false, true, false])
  })

  test('nothing in common is refused by an Informational that proves itself, and believed at once', () => {
    const { client, net } = pair({ gateway: { espProposals: [[encr(3), integ(2), sn(0)]] } })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 2 })
  })

  test('traffic the gateway does not allow: there is no narrowing, so it is refused', () => {
    const { client, net } = pair({
      client: { remoteSelectors: [selector('10.0.0.0', '10.255.255.255')] },
      gateway: { localSelectors: [selector('10.77.0.0', '10.77.0.255')] },
    })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toEqual({
      kind: 'refused',
      exchange: 'quick mode',
      notify: 'INVALID_ID_INFORMATION',
    })
  })

  test('several networks are several quick modes', () => {
    const { client, gateway, net } = connected({
      client: {
        remoteSelectors: [selector('10.77.0.0', '10.77.0.255'), selector('10.78.0.0', '10.78.255.255')],
      },
    })
    expect([client.children.length, gateway.children.length]).toEqual([2, 2])
    expect([...client.n.children.values()].map((c) => c.name)).toEqual(['net', 'net-2'])
    expect(net.pings()).toBe(true)
  })

  test('a gateway that gives no address ends it', () => {
    const { client, net } = pair({ gateway: { assigns: { addresses: [], dnsServers: [] } } })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toEqual({ kind: 'noAddress' })
  })
})
