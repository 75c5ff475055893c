import { describe, expect, test } from 'vitest'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { ConnectionConfig, OfferedProposal } from '../../core/ike/config.ts'
import { describeSelector } from '../../core/ike/v2/selectors.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { integ } from '../support/bench.ts'
import { lastSent, lastTaken } from '../support/child-keys.ts'
import { connected, ECP256, type Net, type Pair, type PairOptions, pair, sn } from '../support/two-peers.ts'

const SHA256_128 = 12
const AH: readonly OfferedProposal[] = [[integ(SHA256_128), sn(0)]]
const NO_ADDRESSES = { ipv4: false, ipv6: false } as const
const END = { client: '198.51.100.7', gateway: '192.0.2.1' }

const PFS = { pfsGroups: [ECP256] } as const

/** Both ends may do this; the client asks for it. */
const between = (
  protocol: 'esp' | 'ah',
  mode: 'tunnel' | 'transport' | 'transportOrTunnel',
  options: PairOptions = {},
): PairOptions => ({
  ...options,
  client: {
    protection: { protocol, mode },
    ahProposals: AH,
    ...(mode === 'tunnel' ? {} : { requestAddresses: NO_ADDRESSES }),
    ...options.client,
  },
  gateway: {
    protection: { protocol, mode: mode === 'tunnel' ? 'tunnel' : 'transportOrTunnel' },
    ahProposals: AH,
    ...options.gateway,
  },
})

const tunnelOnly: Pick<ConnectionConfig, 'protection' | 'remoteSelectors'> = {
  protection: { protocol: 'esp', mode: 'tunnel' },
  remoteSelectors: [],
}

function ask(options: PairOptions): Pair {
  const made = pair(options)
  made.client.command('connect')
  made.net.settle()
  return made
}

const notifies = (payloads: readonly unknown[]): number[] =>
  (payloads as readonly Payload[]).flatMap((p) => (p.type === 'Notify' ? [p.notify] : []))
const USE_TRANSPORT_MODE = NotifyType.USE_TRANSPORT_MODE.id

/** Each end takes what the other sends, with the same keys. */
function inAgreement({ client, gateway }: Pick<Net, 'client' | 'gateway'>): void {
  expect(lastSent(client)).toEqual(lastTaken(gateway))
  expect(lastSent(gateway)).toEqual(lastTaken(client))
  expect(lastSent(client).spi).not.toBe(lastSent(gateway).spi)
}

const selectorsOf = ({ n }: Net['client']): string[] =>
  [...n.children.values()].flatMap((c) =>
    [c.selectors.local, c.selectors.remote].map((side) => side.map(describeSelector).join(' ')),
  )

describe('RFC 7296 §3.3.1, §3.3.3: AH', () => {
  test('its proposals are of protocol 2 and have an integrity algorithm and sequence numbers', () => {
    const { client, gateway, net } = connected(between('ah', 'tunnel'))
    const request = client.sent.find((m) => m.exchange === 'IKE_AUTH')!
    const [proposal] = (request.payloads as readonly Payload[]).flatMap((p) =>
      p.type === 'SA' ? p.proposals : [],
    )
    expect(proposal).toMatchObject({ protocol: 2 })
    expect(proposal?.transforms.map(({ type, id }) => [type, id])).toEqual([
      [3, SHA256_128],
      [5, 0],
    ])
    inAgreement(net)
    expect(lastSent(client)).toMatchObject({ mode: 'tunnel', esp: undefined, ah: { integrity: SHA256_128 } })
    expect(lastSent(client).ah?.integrityKey).toHaveLength(32)
    expect([...gateway.n.children.values()][0]?.suite).toMatchObject({ encryption: undefined })
  })

  test('a gateway without AH refuses it, and is not believed to have taken ESP instead', () => {
    const { client } = ask(between('ah', 'tunnel', { gateway: { ahProposals: [] } }))
    expect(client.closed?.error).toEqual({
      kind: 'noProposalChosen',
      phase: 2,
      offered: ['AUTH_HMAC_SHA2_256_128'],
    })
  })

  test('a gateway that may do both takes what comes first', () => {
    const { gateway } = connected(between('esp', 'tunnel'))
    expect(lastTaken(gateway)).toMatchObject({ ah: undefined, esp: { encryption: { id: 20 } } })
  })

  test('a proposal for AH with encryption in it, or without integrity, is no suite', () => {
    const bad = between('ah', 'tunnel', { client: { ahProposals: [[sn(0)]] } })
    expect(ask(bad).client.closed?.error).toMatchObject({ kind: 'noProposalChosen' })
  })

  test.each(['client', 'gateway'] as const)(
    '§2.8: the %s rekeys it, and the name on the wire is of AH',
    (name) => {
      const { net } = connected(between('ah', 'tunnel', { client: PFS, gateway: PFS }))
      const asker = net[name]
      const before = lastSent(asker).spi
      asker.command('rekeyChild')
      net.settle()
      const [request] = asker.sent.filter((m) => m.exchange === 'CREATE_CHILD_SA' && !m.response)
      expect(request?.payloads[0]).toMatchObject({ notify: NotifyType.REKEY_SA.id, protocol: 2 })
      const [goodbye] = asker.sent.filter((m) => m.exchange === 'INFORMATIONAL' && !m.response)
      expect(goodbye?.payloads).toMatchObject([{ type: 'Delete', protocol: 2, spiBytes: 4 }])
      const [answer] = net.other(asker).sent.filter((m) => m.exchange === 'INFORMATIONAL' && m.response)
      expect(answer?.payloads).toMatchObject([{ type: 'Delete', protocol: 2 }])
      expect(lastSent(asker).spi).not.toBe(before)
      inAgreement(net)
      expect([net.client.n.children.size, net.gateway.n.children.size]).toEqual([1, 1])
    },
  )

  test('RFC 3715 §2.1: behind a NAT it ends before anybody says who they are', () => {
    const { client, gateway } = ask(between('ah', 'tunnel', { nat: true }))
    expect(client.closed?.error).toEqual({ kind: 'ahBehindNat', who: 'us' })
    expect(client.sent.map(({ exchange }) => exchange)).toEqual(['IKE_SA_INIT'])
    expect(gateway.n.children.size).toBe(0)
  })
})

describe('RFC 7296 §1.3.1: transport mode', () => {
  test.each(['esp', 'ah'] as const)('%s between the two ends of the path and nobody else', (protocol) => {
    const { client, gateway, net } = connected(between(protocol, 'transport'))
    const [request, answer] = [client, gateway].map((end) => end.sent.find((m) => m.exchange === 'IKE_AUTH')!)
    expect(notifies(request!.payloads)).toContain(USE_TRANSPORT_MODE)
    expect(notifies(answer!.payloads)).toContain(USE_TRANSPORT_MODE)
    expect(selectorsOf(client)).toEqual([END.client, END.gateway])
    expect(selectorsOf(gateway)).toEqual([END.gateway, END.client])
    inAgreement(net)
    expect(lastSent(client).mode).toBe('transport')
  })

  test('who insists on it does without a tunnel, and says so', () => {
    const { client, gateway } = ask(between('esp', 'transport', { gateway: withNets(tunnelOnly) }))
    expect(client.closed?.error).toEqual({ kind: 'transportRefused' })
    expect(gateway.n.children.size).toBe(0)
  })

  test('who merely prefers it takes the tunnel', () => {
    const { client, net } = connected(between('esp', 'transportOrTunnel', { gateway: withNets(tunnelOnly) }))
    expect(lastSent(client).mode).toBe('tunnel')
    expect(selectorsOf(client)).toEqual([END.client, END.gateway])
    inAgreement(net)
  })

  test('a gateway for transport mode alone makes no tunnels', () => {
    const only = { protection: { protocol: 'esp', mode: 'transport' } } as const
    const { client } = ask(between('esp', 'tunnel', { gateway: only }))
    expect(client.closed?.error).toMatchObject({ kind: 'noProposalChosen' })
  })

  test.each(['client', 'gateway'] as const)('§2.8: the %s rekeys it in the same mode', (name) => {
    const { net } = connected(between('esp', 'transport'))
    const asker = net[name]
    asker.command('rekeyChild')
    net.settle()
    const [request] = asker.sent.filter((m) => m.exchange === 'CREATE_CHILD_SA' && !m.response)
    expect(notifies(request!.payloads)).toContain(USE_TRANSPORT_MODE)
    expect(lastSent(asker).mode).toBe('transport')
    inAgreement(net)
  })

  test('RFC 6023: also by CREATE_CHILD_SA, where the IKE SA comes first', () => {
    const own = { childless: true } as const
    const { client, net } = connected(between('esp', 'transport', { client: own, gateway: own }))
    expect(client.sent.some((m) => m.exchange === 'CREATE_CHILD_SA')).toBe(true)
    expect(lastSent(client).mode).toBe('transport')
    expect(selectorsOf(client)).toEqual([END.client, END.gateway])
    inAgreement(net)
  })

  test('RFC 6023: there too it is that or nothing', () => {
    const own = { childless: true } as const
    const { client, gateway } = ask(
      between('esp', 'transport', { client: own, gateway: { ...withNets(tunnelOnly), ...own } }),
    )
    expect(client.closed?.error).toEqual({ kind: 'transportRefused' })
    expect(gateway.n.children.size).toBe(0)
  })
})

/** It has nothing against the addresses of the two ends. */
const withNets = (config: typeof tunnelOnly) => ({
  ...config,
  remoteSelectors: [{ ...EVERYTHING }],
})
const EVERYTHING = {
  type: 7,
  protocol: 0,
  startPort: 0,
  endPort: 65535,
  startAddress: new Uint8Array(4),
  endAddress: new Uint8Array(4).fill(255),
} as const

describe('RFC 7296 §2.23.1: transport mode through a NAT', () => {
  const through = () => connected(between('esp', 'transport', { nat: true }))

  test('each end has the addresses that it sees itself', () => {
    const { client, gateway, net } = through()
    expect(selectorsOf(client)).toEqual(['192.168.1.2', END.gateway])
    expect(selectorsOf(gateway)).toEqual([END.gateway, net.mapping.address])
    inAgreement(net)
  })

  test('the answer has the addresses of the gateway, and the client puts its own in their place', () => {
    const { gateway, net } = through()
    const answer = gateway.sent.find((m) => m.exchange === 'IKE_AUTH')!
    const tsi = (answer.payloads as readonly Payload[]).find((p) => p.type === 'TSi')
    expect(tsi?.type === 'TSi' ? tsi.selectors.map((s) => describeSelector(s as never)) : []).toEqual([
      net.mapping.address,
    ])
  })

  test.each(['client', 'gateway'] as const)('the %s rekeys it, and they are the same', (name) => {
    const { client, gateway, net } = through()
    const before = [selectorsOf(client), selectorsOf(gateway)]
    net[name].command('rekeyChild')
    net.settle()
    expect([client.n.rekeys.child, gateway.n.rekeys.child]).toEqual([1, 1])
    expect([selectorsOf(client), selectorsOf(gateway)]).toEqual(before)
    inAgreement(net)
  })
})
