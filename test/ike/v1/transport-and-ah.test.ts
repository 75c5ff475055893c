import { describe, expect, test } from 'vitest'
import type { OfferedProposal, Protection } from '../../../core/ike/config.ts'
import { deletes } from '../../../core/ike/v1/exchanges/informational.ts'
import { describeSelector } from '../../../core/ike/v2/selectors.ts'
import type { Payload, Proposal, SaPayload } from '../../../core/wire/ikev1/payload.ts'
import { integ, type PairOptions, sn } from '../../support/bench.ts'
import { lastSent, lastTaken } from '../../support/child-keys.ts'
import { connected, line, MODP2048, type PairV1, type PeerV1, pair } from '../../support/two-peers-v1.ts'

const GATEWAY = '192.0.2.1'
const CLIENT = '198.51.100.7'
const AH: readonly OfferedProposal[] = [[integ(12), sn(0)]]
const EVERYTHING = {
  type: 7,
  protocol: 0,
  startPort: 0,
  endPort: 65535,
  startAddress: new Uint8Array(4),
  endAddress: new Uint8Array(4).fill(255),
} as const

/** The client asks for this, and a gateway with everything switched on answers. */
const asking = (protocol: Protection['protocol'], mode: Protection['mode'], more: PairOptions = {}) => ({
  ...more,
  client: {
    protection: { protocol, mode },
    ahProposals: AH,
    ...(mode === 'tunnel' ? {} : { requestAddresses: { ipv4: false, ipv6: false } }),
    ...more.client,
  },
  gateway: {
    protection: { protocol, mode: 'transportOrTunnel' },
    ahProposals: AH,
    remoteSelectors: [EVERYTHING],
    ...more.gateway,
  } as const,
})

function ask(options: PairOptions): PairV1 {
  const made = pair(options)
  made.client.command('connect')
  made.net.settle()
  return made
}

function inAgreement({ client, gateway }: PairV1): void {
  expect(lastSent(client)).toEqual(lastTaken(gateway))
  expect(lastSent(gateway)).toEqual(lastTaken(client))
}

const proposalsIn = (peer: PeerV1): readonly Proposal[] =>
  peer.sent
    .filter((m) => m.exchange === 'QUICK')
    .flatMap((m) => m.payloads as readonly Payload[])
    .flatMap((p) => (p.type === 'SA' ? (p as SaPayload).proposals : []))

const attributes = ({ transforms }: Proposal) =>
  transforms.map(({ id, attributes: all }) => [
    id,
    ...all.filter(({ type }) => type === 4 || type === 5).map((a) => ('value' in a ? a.value : undefined)),
  ])

const selectorsOf = ({ n }: PeerV1): string[] =>
  [...n.children.values()].flatMap((c) =>
    [c.selectors.local, c.selectors.remote].map((side) => side.map(describeSelector).join(' ')),
  )

const deletesIn = (peer: PeerV1): readonly (readonly [number, number])[] =>
  peer.sent
    .flatMap((m) => m.payloads as readonly Payload[])
    .flatMap((p) => (p.type === 'Delete' && p.protocol !== 1 ? [[p.protocol, p.spis.length] as const] : []))

describe('RFC 2407 §4.4.3: AH', () => {
  test('a transform, an Authentication attribute that says the same, and keys by its own protocol number', () => {
    const made = connected(asking('ah', 'tunnel'))
    const [proposal] = proposalsIn(made.client)
    expect(proposal).toMatchObject({ protocol: 2 })
    // AH_SHA2_256; tunnel, HMAC-SHA2-256.
    expect(attributes(proposal!)).toEqual([[5, 5, 1]].map(([id, auth, mode]) => [id, auth, mode]))
    expect(lastSent(made.client)).toMatchObject({ mode: 'tunnel', esp: undefined, ah: { integrity: 12 } })
    expect(lastSent(made.client).ah?.integrityKey).toHaveLength(32)
    inAgreement(made)
  })

  test('RFC 3715 §2.1: behind a NAT it is given up, with the reason', () => {
    const { client, gateway } = ask(asking('ah', 'tunnel', { nat: true }))
    expect(client.closed?.error).toEqual({ kind: 'ahBehindNat', who: 'us' })
    expect(gateway.n.children.size).toBe(0)
  })

  test('a gateway without AH refuses it', () => {
    const { client } = ask(asking('ah', 'tunnel', { gateway: { ahProposals: [] } }))
    expect(client.closed?.error).toEqual({
      kind: 'noProposalChosen',
      phase: 2,
      offered: ['AUTH_HMAC_SHA2_256_128'],
    })
  })

  test.each(['client', 'gateway'] as const)(
    'renewed by the %s, and the old ones are deleted as AH',
    (name) => {
      const made = connected(asking('ah', 'tunnel'))
      const before = lastSent(made[name]).spi
      made[name].command('rekeyChild')
      made.net.advance(120_000)
      expect(lastSent(made[name]).spi).not.toBe(before)
      inAgreement(made)
      expect(deletesIn(made[name])).toContainEqual([2, 1])
      expect([made.client.n.children.size, made.gateway.n.children.size]).toEqual([1, 1])
    },
  )
})

describe('RFC 2408 §4.2: AH and ESP for the same packets are two proposals of one number', () => {
  test.each(['tunnel', 'transport'] as const)('in %s mode, each with an SPI and keys of its own', (mode) => {
    const made = connected(asking('ah+esp', mode))
    const offered = proposalsIn(made.client)
    expect(offered.map(({ number, protocol }) => [number, protocol])).toEqual([
      [1, 2],
      [1, 3],
    ])
    expect(proposalsIn(made.gateway).map(({ number, protocol }) => [number, protocol])).toEqual([
      [1, 2],
      [1, 3],
    ])
    const sent = lastSent(made.client)
    expect(sent).toMatchObject({ mode, ah: { integrity: 12 }, esp: { encryption: { id: 12 } } })
    expect(sent.ah?.spi).not.toBe(sent.esp?.spi)
    expect(sent.ah?.integrityKey).not.toEqual(sent.esp?.integrityKey)
    inAgreement(made)
  })

  test('with perfect forward secrecy for both', () => {
    const pfs = { pfsGroups: [MODP2048] } as const
    const made = connected(asking('ah+esp', 'transport', { client: pfs, gateway: pfs }))
    expect([...made.client.n.children.values()][0]?.suite.keyExchange?.id).toBe(MODP2048)
    inAgreement(made)
  })

  test('both are deleted, and one Delete takes both away', () => {
    const made = connected(asking('ah+esp', 'transport'))
    const [child] = made.gateway.n.children.values()
    const e = made.gateway.state as unknown as {
      inform(sa: unknown, payloads: readonly Payload[]): void
      current: unknown
      n: PeerV1['n']
    }
    e.inform(
      e.current,
      deletes([
        { protocol: 2, spi: new Uint8Array(new Uint32Array([child!.spis.ah!.inbound]).buffer).reverse() },
      ]),
    )
    const before = made.client.actions.length
    for (const action of e.n.take())
      if (action.do === 'send')
        made.client.feed({
          type: 'datagram',
          datagram: {
            bytes: action.datagram.bytes,
            local: made.client.n.local!,
            remote: made.client.n.remote!,
          },
        })
    const gone = made.client.actions
      .slice(before)
      .filter((a) => a.do === 'removeInbound' || a.do === 'removeOutbound')
    expect(gone).toHaveLength(2)
    made.client.command('disconnect')
    made.net.settle()
  })

  test('at the end both are named', () => {
    const made = connected(asking('ah+esp', 'transport'))
    made.client.command('disconnect')
    made.net.settle()
    expect(deletesIn(made.client)).toEqual([
      [2, 1],
      [3, 1],
    ])
  })

  test('a gateway that can only do one of them refuses both', () => {
    const { client, gateway } = ask(asking('ah+esp', 'tunnel', { gateway: { ahProposals: [] } }))
    expect(client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 2 })
    expect(gateway.n.children.size).toBe(0)
  })
})

describe('RFC 2407 §4.5: encapsulation modes', () => {
  test.each(['esp', 'ah'] as const)('%s in transport mode, between the two ends', (protocol) => {
    const made = connected(asking(protocol, 'transport'))
    expect(lastSent(made.client).mode).toBe('transport')
    expect(selectorsOf(made.client)).toEqual([CLIENT, GATEWAY])
    expect(selectorsOf(made.gateway)).toEqual([GATEWAY, CLIENT])
    inAgreement(made)
  })

  test('who insists on transport mode is refused by a gateway that makes tunnels only', () => {
    const gateway = { protection: { protocol: 'esp', mode: 'tunnel' } } as const
    const { client } = ask(asking('esp', 'transport', { gateway }))
    expect(client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 2 })
  })

  test('who takes either offers both, transport mode first', () => {
    const assigns = { addresses: [`${CLIENT}/32`], dnsServers: [] }
    const gateway = { protection: { protocol: 'esp', mode: 'tunnel' }, assigns } as const
    const made = connected(asking('esp', 'transportOrTunnel', { gateway }))
    // Class 4: transport, then tunnel.
    expect(
      proposalsIn(made.client)
        .flatMap(attributes)
        .map((a) => a.at(-1)),
    ).toEqual([2, 1])
    expect(lastSent(made.client).mode).toBe('tunnel')
    inAgreement(made)
  })

  test('RFC 3947 §5: through a NAT in UDP, with the addresses that each end sees', () => {
    const made = connected(asking('esp', 'transport', { nat: true }))
    expect(proposalsIn(made.client).flatMap(attributes)[0]?.at(-1)).toBe(4)
    expect(made.client.sent.map(line)).toContain('QUICK* HASH SA Nonce ID ID NATOA NATOA')
    expect(made.gateway.sent.map(line)).toContain('QUICK* HASH SA Nonce ID ID NATOA NATOA')
    expect(selectorsOf(made.client)).toEqual(['192.168.1.2', GATEWAY])
    expect(selectorsOf(made.gateway)).toEqual([GATEWAY, made.net.mapping.address])
    inAgreement(made)
    made.client.command('rekeyChild')
    made.net.settle()
    expect(made.client.n.rekeys.child).toBe(1)
    made.net.advance(10_000)
    inAgreement(made)
  })
})
