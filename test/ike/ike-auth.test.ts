import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { ExchangeType } from '../../core/iana/ikev2.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { describeSelector } from '../../core/ike/v2/selectors.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { selector } from '../support/inner-packets.ts'
import { connected, encr, fqdn, pair, shape, sn } from '../support/two-peers.ts'

const psk = (text: string) => ({ method: 'psk', psk: Secret.fromText(text) }) as const
const everything4 = selector('0.0.0.0', '255.255.255.255')
const everything6 = selector('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')

describe('RFC 7296 §2.15, §2.21.2: who can prove what', () => {
  test('a wrong key of ours: the gateway says AUTHENTICATION_FAILED and nothing else', () => {
    const { client, gateway, net } = pair({ client: { authentication: psk('wrong') } })
    client.command('connect')
    net.settle() //                          --> HDR, SK {IDi, AUTH, SAi2, TSi, TSr}
    expect(shape(net.last('gateway'))).toBe(`IKE_AUTH response 1: N(${NotifyType.AUTHENTICATION_FAILED.id})`)
    expect(client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us' })
    expect(gateway.closed?.error).toMatchObject({ kind: 'authFailed' })
    expect([client.children, gateway.children]).toEqual([[], []])
  })

  test('a gateway that takes us but cannot prove itself is told so, and left', () => {
    const { client, gateway, net } = pair()
    // It verifies with our key and signs with another.
    let asked = 0
    const good = Secret.fromText('correct horse battery staple')
    const bad = Secret.fromText('another')
    Object.assign(gateway.n.config.authentication, {
      psk: { use: (lend: (bytes: Uint8Array) => unknown) => (asked++ === 0 ? good : bad).use(lend) },
    })
    client.command('connect')
    net.step()
    net.step()
    net.step()
    net.step()
    expect(shape(net.last('client'))).toBe(
      `INFORMATIONAL request 2: N(${NotifyType.AUTHENTICATION_FAILED.id})`,
    )
    net.settle()
    expect(client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'gateway' })
    expect(gateway.closed?.error).toMatchObject({ kind: 'authFailed' })
    expect(client.actions.some((a) => a.do === 'addInbound')).toBe(false)
  })

  test('a gateway of another name is left, although it knows the key', () => {
    const { client, gateway, net } = pair({ gateway: { localIdentity: fqdn('other.test') } })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toEqual({
      kind: 'gatewayIdMismatch',
      wanted: 'gw.test',
      has: ['other.test'],
    })
    expect(client.actions.some((a) => a.do === 'addInbound')).toBe(false)
    expect(gateway.closed).toBeDefined()
  })

  test('a name the gateway does not expect is refused like a wrong key', () => {
    const { client, net } = pair({ client: { localIdentity: fqdn('mallory.test') } })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us' })
  })

  test('an unprotected refusal of IKE_AUTH is nobody’s word', () => {
    const { client, net } = pair()
    client.command('connect')
    net.step()
    net.step()
    const request = net.take()
    const bytes = request.bytes.slice(0, 28 + 8)
    bytes[16] = 41 // a notify payload follows the header …
    bytes[19] = 0x20 // … of a response
    bytes.set([0, 0, 0, 36, 0, 0, 0, 8, 0, 0, 0, 24], 24)
    net.deliver({ ...request, bytes, to: client, from: request.to })
    expect(client.closed).toBeUndefined()
    net.deliver(request)
    net.settle()
    expect(client.n.state).toBe('connected')
  })

  test('a PSK of 64 octets and more is taken whole', () => {
    const long = psk('k'.repeat(100))
    const { client, net } = connected({ client: { authentication: long }, gateway: { authentication: long } })
    expect(client.n.state).toBe('connected')
    expect(net.pings()).toBe(true)
    const other = pair({ client: { authentication: long }, gateway: { authentication: psk('k'.repeat(64)) } })
    other.client.command('connect')
    other.net.settle()
    expect(other.client.closed?.error?.kind).toBe('authFailed')
  })
})

describe('RFC 7296 §2.21.2: the IKE SA stands, the CHILD_SA does not', () => {
  test('NO_PROPOSAL_CHOSEN beside a good AUTH: phase 2 is named, and the IKE SA is deleted', () => {
    const { client, gateway, net } = pair({ gateway: { espProposals: [[encr(20, 256), sn(0)]] } })
    client.command('connect')
    net.settle()
    expect(gateway.sent.map(shape)).toEqual([
      'IKE_SA_INIT response 0: SA KE Nonce N(16388) N(16389) N(16430)',
      'IKE_AUTH response 1: IDr AUTH N(14)',
      'INFORMATIONAL response 2:',
    ])
    expect(client.closed?.error).toEqual({
      kind: 'noProposalChosen',
      phase: 2,
      offered: ['ENCR_AES_GCM_16_128'],
    })
    expect(gateway.closed).toBeDefined()
  })

  test('TS_UNACCEPTABLE', () => {
    const { client, net } = pair({
      client: { remoteSelectors: [selector('172.16.0.0', '172.16.255.255')] },
      gateway: { localSelectors: [selector('10.77.0.0', '10.77.0.255')] },
    })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toEqual({ kind: 'selectorsUnacceptable', asked: ['172.16.0.0/16'] })
  })

  test('INTERNAL_ADDRESS_FAILURE', () => {
    const { client, net } = pair({ gateway: { assigns: { addresses: [], dnsServers: [] } } })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toEqual({ kind: 'noAddress' })
  })

  test('§2.19: FAILED_CP_REQUIRED to who brings an address instead of asking for one', () => {
    const { client, gateway, net } = pair({
      client: {
        requestAddresses: { ipv4: false, ipv6: false },
        localSelectors: [selector('10.8.0.2', '10.8.0.2')],
      },
    })
    client.command('connect')
    net.settle()
    expect(gateway.sent.map(shape)[1]).toBe(
      `IKE_AUTH response 1: IDr AUTH N(${NotifyType.FAILED_CP_REQUIRED.id})`,
    )
    expect(gateway.children).toEqual([])
    expect(client.closed?.error).toEqual({ kind: 'noAddress', mustAsk: true })
  })

  test('§2.19: only a CFG_REQUEST asks', () => {
    let asked = 0
    const { client, gateway, net } = pair({
      gateway: {
        assigns: () => {
          asked++
          return { addresses: ['10.8.0.2/32'], dnsServers: [] }
        },
      },
    })
    client.command('connect')
    net.step()
    net.step()
    // CFG_SET would change the gateway's configuration.
    net.take()
    const CFG_SET = 3
    const sa = client.n.current!
    const payloads = (client.sent[1]!.payloads as readonly Payload[]).map((p) =>
      p.type === 'CP' ? { ...p, cfgType: CFG_SET } : p,
    )
    const bytes = sa.seal(ExchangeType.IKE_AUTH.id, 1, false, payloads).datagrams[0]!.bytes
    const path = { source: client.n.local!, destination: client.n.remote!, at: net.now }
    net.deliver({ kind: 'ike', from: client, to: gateway, bytes, ...path })
    expect(shape(net.last('gateway'))).toContain(`N(${NotifyType.FAILED_CP_REQUIRED.id})`)
    expect(asked).toBe(0)
  })
})

describe('RFC 7296 §2.9: narrowing', () => {
  test('the gateway gives a part of what was asked, and both ends use that part', () => {
    const { client, gateway, net } = connected({
      gateway: { localSelectors: [selector('10.77.0.0', '10.77.0.255')] },
    })
    const [ours] = client.n.children.values()
    const [theirs] = gateway.n.children.values()
    expect(ours?.selectors.remote.map(describeSelector)).toEqual(['10.77.0.0/24'])
    expect(ours?.selectors.local.map(describeSelector)).toEqual(['10.8.0.2'])
    expect(theirs?.selectors).toEqual({ local: ours?.selectors.remote, remote: ours?.selectors.local })
    expect(net.pings()).toBe(true)
  })

  test('several networks stay several', () => {
    const nets = [selector('10.77.0.0', '10.77.0.255'), selector('10.78.0.0', '10.78.3.255')]
    const { client } = connected({ gateway: { localSelectors: nets } })
    const [child] = client.n.children.values()
    expect(child?.selectors.remote.map(describeSelector)).toEqual(['10.77.0.0/24', '10.78.0.0/22'])
  })
})

describe('RFC 7296 §2.19: configuration', () => {
  test('an IPv4 address and its DNS server', () => {
    const { client } = connected()
    expect(client.configuration).toEqual({
      addresses: ['10.8.0.2/32'],
      dnsServers: ['10.77.0.53'],
      subnets: [],
      dnsDomains: [],
    })
  })

  test('both families, if both are asked for', () => {
    const assigns = {
      addresses: ['10.8.0.2/32', '2001:db8::2/128'],
      dnsServers: ['10.77.0.53', '2001:db8::53'],
    }
    const { client } = connected({
      client: {
        requestAddresses: { ipv4: true, ipv6: true },
        remoteSelectors: [everything4, everything6],
      },
      gateway: { assigns, localSelectors: [everything4, everything6] },
    })
    expect(client.configuration?.addresses).toEqual(['10.8.0.2/32', '2001:db8::2/128'])
    expect(client.configuration?.dnsServers).toEqual(['10.77.0.53', '2001:db8::53'])
    const [child] = client.n.children.values()
    expect(child?.selectors.local.map(describeSelector)).toEqual(['10.8.0.2', '2001:db8::2'])
  })

  test('only what was asked for', () => {
    const assigns = { addresses: ['10.8.0.2/32', '2001:db8::2/128'], dnsServers: ['2001:db8::53'] }
    const { client } = connected({ gateway: { assigns } })
    expect(client.configuration?.addresses).toEqual(['10.8.0.2/32'])
    expect(client.configuration?.dnsServers).toEqual([])
  })

  test('without a request there is none, and our own addresses are the selectors', () => {
    const { client, gateway, net } = connected({
      client: {
        requestAddresses: { ipv4: false, ipv6: false },
        localSelectors: [selector('10.8.0.0', '10.8.0.255')],
      },
      gateway: { remoteSelectors: [selector('10.8.0.0', '10.8.255.255')] },
    })
    expect(client.sent.map(shape)[1]).toBe('IKE_AUTH request 1: IDi IDr AUTH N(16384) SA TSi TSr')
    const [child] = gateway.n.children.values()
    expect(child?.selectors.remote.map(describeSelector)).toEqual(['10.8.0.0/24'])
    expect(net.pings()).toBe(true)
  })
})

describe('RFC 7296 §2.1: retransmission of IKE_AUTH', () => {
  test('a lost request is sent again, the same octets', () => {
    const { client, net } = pair()
    client.command('connect')
    net.step()
    net.step()
    net.lose()
    net.advance(600)
    expect(client.n.state).toBe('connected')
    expect(client.sent[1]?.bytes).toEqual(client.sent[2]?.bytes)
    expect(client.sent[2]?.retransmission).toBe(true)
  })

  test('a lost answer is repeated bit for bit, and nothing is made twice', () => {
    const { client, gateway, net } = pair()
    client.command('connect')
    net.step()
    net.step()
    net.step()
    net.lose()
    net.advance(600)
    expect(client.n.state).toBe('connected')
    expect(gateway.sent[1]?.bytes).toEqual(gateway.sent[2]?.bytes)
    expect(gateway.children).toHaveLength(1)
    expect(net.pings()).toBe(true)
  })

  test('silence ends it', () => {
    const { client, net } = pair()
    client.command('connect')
    net.step()
    net.step()
    net.onSend = () => []
    net.lose()
    net.advance(60_000)
    expect(client.closed?.error).toEqual({ kind: 'noAnswer', exchange: 'IKE_AUTH', tries: 7 })
  })

  test('a gateway forgets who began and never came back', () => {
    const { client, gateway, net } = pair()
    client.command('connect')
    net.step()
    net.onSend = () => []
    net.lose()
    net.advance(31_000)
    expect(gateway.closed?.error?.kind).toBe('noAnswer')
  })
})
