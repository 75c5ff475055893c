import { describe, expect, test } from 'vitest'
import { asEspSpi } from '../../core/bytes/brands.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { SaPayload } from '../../core/wire/ikev2/payload.ts'
import { selector } from '../support/inner-packets.ts'
import {
  connected,
  ECP256,
  encr,
  GCM16,
  type Net,
  type Peer,
  shape,
  sn,
  X25519,
} from '../support/two-peers.ts'

const groupsIn = (sa: unknown): number[] =>
  (sa as SaPayload).proposals.flatMap((p) => p.transforms.filter((t) => t.type === 4).map((t) => t.id))

/** Both ends hold the same SAs, one CHILD_SA, and packets pass both ways. */
function inAgreement(net: Net): void {
  const swapped = net.gateway.children.map((pair) => pair.split('/').reverse().join('/')).sort()
  expect(net.client.children).toEqual(swapped)
  expect(net.client.children).toHaveLength(1)
  expect(net.client.n.current?.localSpi).toEqual(net.gateway.n.current?.remoteSpi)
  expect(net.client.n.current?.remoteSpi).toEqual(net.gateway.n.current?.localSpi)
  expect(net.pings()).toBe(true)
}

/** Two inner packets leave at every moment of a rekey, on the same way as everything else; all must arrive. */
function loseNothing(net: Net, begin: () => void): void {
  const pending: (() => boolean)[] = []
  const ping = () => pending.push(net.client.ping(net.gateway), net.gateway.ping(net.client))
  ping()
  begin()
  ping()
  for (let i = 0; i < 200; i++) {
    if (net.step() === undefined) break
    if (net.flying.some((f) => f.kind === 'ike')) ping()
  }
  ping()
  net.settle()
  expect(pending.length).toBeGreaterThan(8)
  expect(pending.map((arrived) => arrived())).toEqual(pending.map(() => true))
}

describe.each(['client', 'gateway'] as const)('RFC 7296 §1.3.3, §2.8: the %s rekeys the CHILD_SA', (name) => {
  test('a new SA with the same selectors, then the old one is deleted', () => {
    const { client, gateway, net } = connected()
    const asker = net[name]
    const other = net.other(asker)
    const [old] = asker.n.children.values()
    asker.command('rekeyChild')
    net.step() //       --> HDR, SK {N(REKEY_SA), SA, Ni, TSi, TSr}
    expect(asker.sent.at(-1)?.payloads[0]).toMatchObject({
      notify: NotifyType.REKEY_SA.id,
      protocol: 3,
      // Our own inbound SPI names the SA.
      spi: Uint8Array.of(...new Uint8Array(new Uint32Array([old!.inboundSpi]).buffer).reverse()),
    })
    net.step() //       <-- HDR, SK {SA, Nr, TSi, TSr}
    expect(shape(asker.sent.at(-1)!)).toMatch(/^INFORMATIONAL request \d: Delete$/)
    net.step() //       --> HDR, SK {D}
    expect(shape(other.sent.at(-1)!)).toMatch(/^INFORMATIONAL response \d: Delete$/)
    net.step() //       <-- HDR, SK {D}
    const [fresh] = asker.n.children.values()
    expect(fresh?.inboundSpi).not.toBe(old?.inboundSpi)
    expect(fresh?.selectors).toEqual(old?.selectors)
    expect(fresh?.name).toBe(old?.name)
    inAgreement(net)
    expect([client.n.rekeys.child, gateway.n.rekeys.child]).toEqual([1, 1])
  })

  test('sending moves only when the peer can receive, and the old SA is received until it is deleted', () => {
    const { net } = connected()
    const asker = net[name]
    const other = net.other(asker)
    const [old] = asker.n.children.values()
    asker.command('rekeyChild')
    net.step() // the other end is ready to receive, and still sends with the old SA
    expect(other.sendsWith).toBe(old?.inboundSpi)
    expect(asker.sendsWith).toBe(old?.outboundSpi)
    expect(net.pings()).toBe(true)
    net.step() // the asker sends with the new one
    expect(asker.sendsWith).not.toBe(old?.outboundSpi)
    expect(other.sendsWith).toBe(old?.inboundSpi)
    expect(net.pings()).toBe(true)
    net.step() // the Delete tells the other end that it may
    expect(other.sendsWith).not.toBe(old?.inboundSpi)
    expect(asker.engine.inbound(asEspSpi(old!.inboundSpi))).toBeDefined()
    expect(net.pings()).toBe(true)
    net.settle()
    expect(net.pings()).toBe(true)
    net.advance(5_000)
    expect(asker.engine.inbound(asEspSpi(old!.inboundSpi))).toBeUndefined()
    expect(other.engine.inbound(asEspSpi(old!.outboundSpi))).toBeUndefined()
  })

  test('no packet is lost, of rekeys of either phase', () => {
    const { net } = connected()
    for (let i = 0; i < 3; i++) {
      loseNothing(net, () => net[name].command('rekeyChild'))
      loseNothing(net, () => net[name].command('rekeyIke'))
    }
    inAgreement(net)
  })

  test('packets slower than the Delete still arrive', () => {
    const { net } = connected()
    const arrived = [net.client.ping(net.gateway), net.gateway.ping(net.client)]
    const slow = [net.take(), net.take()]
    net[name].command('rekeyChild')
    net.settle()
    for (const flight of slow) net.deliver(flight)
    expect(arrived.map((a) => a())).toEqual([true, true])
  })

  test('every message of it may be lost once', () => {
    for (let lost = 0; lost < 4; lost++) {
      const { net } = connected({ seed: lost + 1 })
      net[name].command('rekeyChild')
      for (let i = 0; i < lost; i++) net.step()
      net.lose()
      expect(net.pings()).toBe(true)
      net.advance(5_000)
      inAgreement(net)
    }
  })

  test('RFC 7296 §1.3.3: with perfect forward secrecy a KE payload goes each way', () => {
    const pfs = { pfsGroups: [X25519, ECP256] }
    const { client, gateway, net } = connected({ client: pfs, gateway: pfs })
    net[name].command('rekeyChild')
    const request = net[name].sent.at(-1)!
    expect(shape(request)).toMatch(/: N\(16393\) SA Nonce KE TSi TSr$/)
    expect(groupsIn(request.payloads[1])).toEqual([X25519, ECP256])
    net.settle()
    for (const peer of [client, gateway])
      expect([...peer.n.children.values()].map((c) => c.suite.keyExchange?.id)).toEqual([X25519])
    inAgreement(net)
  })

  test('without it none does', () => {
    const { net } = connected()
    net[name].command('rekeyChild')
    const request = net[name].sent.at(-1)!
    expect(shape(request)).toMatch(/: N\(16393\) SA Nonce TSi TSr$/)
    expect(groupsIn(request.payloads[1])).toEqual([])
  })

  test('RFC 7296 §1.3.2, §2.18: the IKE SA is rekeyed', () => {
    const { client, net } = connected()
    const asker = net[name]
    const [before, children] = [asker.n.current!, client.children]
    asker.command('rekeyIke') // --> HDR, SK {SA, Ni, KEi}
    expect(shape(asker.sent.at(-1)!)).toMatch(/^CREATE_CHILD_SA request \d: SA Nonce KE$/)
    net.step() //                <-- HDR, SK {SA, Nr, KEr}
    net.step()
    expect(shape(asker.sent.at(-1)!)).toMatch(/^INFORMATIONAL request \d: Delete$/)
    net.settle()
    const after = asker.n.current!
    expect(after.localSpi).not.toEqual(before.localSpi)
    expect(after.initiator).toBe(true) // who rekeys is the original initiator of the new one
    expect(net.other(asker).n.current?.initiator).toBe(false)
    expect([after.nextId, after.expectedId]).toEqual([0, 0])
    expect(client.children).toEqual(children) // inherited
    inAgreement(net)
    asker.command('rekeyChild')
    net.settle()
    net.other(asker).command('rekeyChild')
    net.settle()
    inAgreement(net)
  })

  test('every message of an IKE rekey may be lost once', () => {
    for (let lost = 0; lost < 4; lost++) {
      const { net } = connected({ seed: lost + 1 })
      net[name].command('rekeyIke')
      for (let i = 0; i < lost; i++) net.step()
      net.lose()
      net.advance(5_000)
      inAgreement(net)
      net[name].command('probe')
      net.settle()
      expect(net.peers.every((p) => p.closed === undefined)).toBe(true)
      net.advance(60_000)
      expect(net.peers.map((p) => (p.state as unknown as { sas: unknown[] }).sas.length)).toEqual([1, 1])
    }
  })
})

describe('perfect forward secrecy is not given away', () => {
  const refusal = (peer: Peer) => shape(peer.sent.at(-1)!)

  test('a rekey of the peer without a key exchange is refused by who wants one', () => {
    const { client, gateway, net } = connected({ client: { pfsGroups: [X25519] } })
    gateway.command('rekeyChild')
    net.settle()
    expect(refusal(client)).toBe(`CREATE_CHILD_SA response 0: N(${NotifyType.NO_PROPOSAL_CHOSEN.id})`)
    expect(net.pings()).toBe(true)
  })

  test('a peer that wants it gets it, although we would not have asked', () => {
    const { client, gateway, net } = connected({ gateway: { pfsGroups: [ECP256] } })
    gateway.command('rekeyChild')
    net.settle()
    expect([...client.n.children.values()].map((c) => c.suite.keyExchange?.id)).toEqual([ECP256])
    inAgreement(net)
  })

  test('RFC 7296 §1.3: INVALID_KE_PAYLOAD, and the rekey is asked for again with the group it names', () => {
    const { client, gateway, net } = connected({
      client: { pfsGroups: [X25519, ECP256] },
      gateway: { pfsGroups: [ECP256] },
    })
    client.command('rekeyChild') // --> HDR, SK {N(REKEY_SA), SA, Ni, KEi (x25519), TSi, TSr}
    net.step()
    expect(refusal(gateway)).toBe('CREATE_CHILD_SA response 2: N(17)')
    net.step() //                   <-- HDR, SK {N(INVALID_KE_PAYLOAD, 19)}
    expect(client.sent.at(-1)?.payloads.find((p) => (p as { type: string }).type === 'KE')).toMatchObject({
      group: ECP256,
    })
    net.settle()
    inAgreement(net)
    expect(client.n.rekeys.child).toBe(1)
  })

  test('a group nobody offered is not used, and the tunnel lives on', () => {
    const { client, net } = connected({ client: { pfsGroups: [X25519] }, gateway: { pfsGroups: [ECP256] } })
    client.command('rekeyChild')
    net.settle()
    expect(client.sent.filter((m) => m.exchange === 'CREATE_CHILD_SA')).toHaveLength(1)
    expect(client.closed).toBeUndefined()
    expect(net.pings()).toBe(true)
  })

  test('the same for the IKE SA', () => {
    const prfSha = { type: 2, id: 5 }
    const group = (id: number) => ({ type: 4, id })
    const { client, gateway, net } = connected()
    Object.assign(gateway.n.config, { ikeProposals: [[encr(GCM16, 128), prfSha, group(ECP256)]] })
    client.command('rekeyIke')
    net.settle()
    expect(client.n.current?.suite.keyExchange.id).toBe(ECP256)
    inAgreement(net)
  })
})

describe('RFC 7296 §2.8: when SAs are rekeyed', () => {
  test('by their lifetimes, a little before the end so that both ends do not start at once', () => {
    const { client, net } = connected({
      client: { lifetimes: { ikeRekeySeconds: 1_000, childRekeySeconds: 300 } },
    })
    net.advance(269_000)
    expect(client.n.rekeys).toEqual({ ike: 0, child: 0 })
    net.advance(32_000)
    expect(client.n.rekeys).toEqual({ ike: 0, child: 1 })
    net.advance(1_000_000)
    expect(client.n.rekeys.child).toBeGreaterThanOrEqual(4)
    expect(client.n.rekeys.ike).toBe(1)
    inAgreement(net)
  })

  test('a soft limit rekeys once, however often it is reached', () => {
    const { client, gateway, net } = connected()
    const [child] = client.n.children.values()
    const limit = (reason: 'bytes' | 'packets') => {
      client.feed({ type: 'softLimit', spi: child!.outboundSpi, reason })
      client.feed({ type: 'softLimit', spi: child!.inboundSpi, reason })
    }
    limit('bytes')
    limit('packets')
    net.step()
    limit('bytes')
    net.settle()
    limit('packets')
    net.settle()
    expect([client.n.rekeys.child, gateway.n.rekeys.child]).toEqual([1, 1])
    inAgreement(net)
  })

  test('RFC 7296 §2.25: refused for a moment, it is not asked for again at once, whatever the limits say', () => {
    const { client, net } = connected()
    const [child] = client.n.children.values()
    Object.assign(net.gateway.n.config, { espProposals: [] })
    const asked = () => client.sent.filter((m) => m.exchange === 'CREATE_CHILD_SA').length
    client.command('rekeyChild') // --> N(REKEY_SA) …   <-- N(NO_PROPOSAL_CHOSEN)
    net.settle()
    for (const reason of ['bytes', 'packets', 'sequence'] as const)
      client.feed({ type: 'softLimit', spi: child!.outboundSpi, reason })
    net.settle()
    expect(asked()).toBe(1)
    net.advance(35_000)
    expect(asked()).toBe(2)
    expect(net.pings()).toBe(true)
  })

  test('a peer that refuses fresh keys for minutes is left, so that a fresh connection can be made', () => {
    const { client, net } = connected()
    Object.assign(net.gateway.n.config, { espProposals: [] })
    client.command('rekeyChild')
    net.advance(300_000)
    expect(client.closed?.error).toMatchObject({
      kind: 'closedByGateway',
      reason: 'it refuses fresh keys (NO_PROPOSAL_CHOSEN)',
    })
  })

  test('a rekey of the IKE SA does not swallow one of the CHILD_SA that is due meanwhile', () => {
    const { client, net } = connected()
    client.command('rekeyIke')
    client.command('rekeyChild')
    net.settle()
    expect(client.n.rekeys).toEqual({ ike: 1, child: 1 })
    inAgreement(net)
  })
})

describe('answers to our rekey that can not be used', () => {
  test('RFC 7296 §2.9.2: narrower than what is in use: both ends start over', () => {
    const { client, gateway, net } = connected()
    // The gateway thinks its side of the SA is smaller than it is.
    const [theirs] = gateway.n.children.values()
    Object.assign(theirs!.selectors, { local: [selector('10.77.0.0', '10.77.0.255')] })
    client.command('rekeyChild')
    net.settle()
    expect(client.closed?.error).toMatchObject({ kind: 'badProposalChosen', phase: 2 })
    expect(gateway.closed).toBeDefined()
  })

  test('a suite that was not offered', () => {
    const { client, gateway, net } = connected()
    Object.assign(client.n.config, { espProposals: [[encr(20, 128), encr(20, 256), sn(0)]] })
    client.command('rekeyChild')
    Object.assign(client.n.config, { espProposals: [[encr(20, 256), sn(0)]] })
    net.settle()
    expect(client.closed?.error).toMatchObject({ kind: 'badProposalChosen', phase: 2 })
    expect(gateway.closed).toBeDefined()
  })
})
