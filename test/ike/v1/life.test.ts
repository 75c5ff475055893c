import { describe, expect, test } from 'vitest'
import { asMillis } from '../../../core/bytes/brands.ts'
import { fromHex } from '../../../core/bytes/octets.ts'
import { ExchangeType, NotifyType } from '../../../core/iana/ikev1.ts'
import { configurationRequest } from '../../../core/ike/v1/configuration.ts'
import type { Established } from '../../../core/ike/v1/established.ts'
import { deleteChildren } from '../../../core/ike/v1/exchanges/informational.ts'
import { beginQuick } from '../../../core/ike/v1/exchanges/quick-mode.ts'
import { pullConfiguration } from '../../../core/ike/v1/exchanges/transaction.ts'
import { notify } from '../../../core/ike/v1/payloads.ts'
import { choosePhase1, encodePhase1 } from '../../../core/ike/v1/phase1-suite.ts'
import { encodePhase2, readLife, readPhase2 } from '../../../core/ike/v1/phase2-suite.ts'
import { spiBytes } from '../../../core/ike/v2/payloads.ts'
import { selectorOfAddress } from '../../../core/ike/v2/selectors.ts'
import { connected, line, MODP2048, pair } from '../../support/two-peers-v1.ts'

describe('RFC 2409 §5.5: phase 2 is renewed by a new quick mode for the same traffic', () => {
  test.each(['client', 'gateway'] as const)('by the %s, without losing a packet', (who) => {
    const two = connected()
    const before = two.client.children
    two[who].command('rekeyChild')
    for (let i = 0; i < 20 && two.net.step() !== undefined; i++) expect(two.net.pings()).toBe(true)
    expect(two.client.children).toHaveLength(2)
    two.net.advance(70_000)
    expect(two.client.children).toHaveLength(1)
    expect(two.gateway.children).toHaveLength(1)
    expect(two.client.children).not.toEqual(before)
    expect(two.net.pings()).toBe(true)
    expect([two.client.n.rekeys.child, two.gateway.n.rekeys.child]).toEqual([1, 1])
  })

  test('with perfect forward secrecy, when its time has come', () => {
    const { client, net } = connected({
      client: { pfsGroups: [MODP2048], lifetimes: { ikeRekeySeconds: 0, childRekeySeconds: 600 } },
      gateway: { pfsGroups: [MODP2048] },
    })
    net.advance(620_000)
    expect(client.n.rekeys.child).toBe(1)
    expect(net.pings()).toBe(true)
  })

  test('RFC 2407 §4.5: the shorter lifetime of both counts', () => {
    const { client, net } = connected({
      gateway: { lifetimes: { ikeRekeySeconds: 0, childRekeySeconds: 1_000 } },
    })
    net.advance(1_200_000)
    expect(client.n.rekeys.child).toBeGreaterThanOrEqual(1)
    expect(net.pings()).toBe(true)
  })

  test('both at once: each gets its SA, and in the end one pair is left that works', () => {
    const two = connected()
    two.client.command('rekeyChild')
    two.gateway.command('rekeyChild')
    two.net.settle()
    expect(two.net.pings()).toBe(true)
    two.net.advance(200_000)
    expect(two.net.pings()).toBe(true)
    expect(two.client.children.length).toBe(two.gateway.children.length)
  })

  test('a renewal that nobody answers leaves what stands, and is tried again', () => {
    const two = connected()
    two.net.onSend = (flight) => (flight.kind === 'ike' ? [] : [flight])
    two.client.command('rekeyChild')
    two.net.advance(40_000)
    expect(two.net.pings()).toBe(true)
    two.net.onSend = undefined
    two.net.advance(60_000)
    expect(two.client.n.rekeys.child).toBe(1)
    expect(two.net.pings()).toBe(true)
  })
})

describe('RFC 2408 §4.3: phase 1 is renewed by another main mode', () => {
  test.each(['client', 'gateway'] as const)('by the %s; ESP SAs live on under the new one', (who) => {
    const two = connected()
    const children = two.client.children
    const old = two.client.n.current?.name
    two[who].command('rekeyIke')
    two.net.settle()
    expect(two.client.n.current?.name).not.toBe(old)
    expect(two.client.n.current?.name).toBe(two.gateway.n.current?.name)
    expect(two.client.children).toEqual(children)
    two.net.advance(70_000)
    expect(two.net.pings()).toBe(true)
    two.client.command('rekeyChild')
    two.net.settle()
    expect(two.client.n.rekeys).toEqual({ ike: 1, child: 1 })
    expect(two.net.pings()).toBe(true)
  })

  test('behind a NAT it stays on port 4500', () => {
    const { client, net } = connected({ nat: true })
    client.command('rekeyIke')
    net.settle()
    expect(client.n.rekeys.ike).toBe(1)
    expect(client.n.remote?.port).toBe(4500)
    expect(client.n.facts.nat.us).toBe(true)
  })

  test.each([0, 1, 2, 3, 4, 5])('its datagram %i is lost once', (lost) => {
    const { client, gateway, net } = connected()
    let count = 0
    net.onSend = (flight) => (count++ === lost ? [] : [flight])
    client.command('rekeyIke')
    net.advance(15_000)
    expect([client.n.rekeys.ike, gateway.n.rekeys.ike]).toEqual([1, 1])
    expect(net.pings()).toBe(true)
  })

  test('when its time has come, which is before the lifetime that was agreed', () => {
    const { client, net } = connected({
      client: { lifetimes: { ikeRekeySeconds: 3_600, childRekeySeconds: 0 } },
    })
    net.advance(3_700_000)
    expect(client.n.rekeys.ike).toBe(1)
  })
})

describe('a lifetime of nothing is none: strongSwan writes one where it is told to keep its keys', () => {
  test('phase 1', () => {
    const offer = { encryption: 7, keyBits: 128, hash: 4, group: 19, authentication: 1 }
    expect(choosePhase1([offer], encodePhase1([offer], 0))).toMatchObject({ seconds: undefined })
    expect(choosePhase1([offer], encodePhase1([offer], 60))).toMatchObject({ seconds: 60 })
  })

  test('phase 2, and RESPONDER-LIFETIME', () => {
    const offer = { transform: 12, keyBits: 128, authentication: 5, encapsulation: 1, esn: false }
    const transform = (seconds: number) =>
      encodePhase2([offer], fromHex('01020304'), seconds).proposals[0]!.transforms[0]!
    expect(readPhase2(transform(0))).toMatchObject({ seconds: 28_800 })
    expect(readPhase2(transform(60))).toMatchObject({ seconds: 60 })
    expect(readLife(fromHex('8001000100020004000000008001000200020004000000ff'))).toEqual({ kilobytes: 255 })
  })
})

describe('RFC 3706: dead peer detection', () => {
  const asks = { dpdSeconds: 30 }

  test('§5.3: only who is silent is asked, and answers with the number of the query', () => {
    const { client, gateway, net } = connected({ client: asks })
    net.advance(35_000)
    const query = client.sent.at(-1)!
    const ack = gateway.sent.at(-1)!
    expect([line(query), line(ack)]).toEqual(['INFORMATIONAL* HASH Notify', 'INFORMATIONAL* HASH Notify'])
    const notify = (m: typeof query) => m.payloads[1] as { notify: number; data: Uint8Array }
    expect([notify(query).notify, notify(ack).notify]).toEqual([36136, 36137])
    expect(notify(ack).data).toEqual(notify(query).data)
    expect(client.closed).toBeUndefined()
  })

  test('§5.5: who answers none of four is gone', () => {
    const { client, net } = connected({ client: asks })
    net.onSend = () => []
    net.advance(120_000)
    expect(client.closed?.error).toEqual({ kind: 'noAnswer', exchange: 'dead peer detection', tries: 4 })
    expect(client.children).toEqual([])
  })

  test('packets are life enough', () => {
    const { client, net } = connected({ client: asks })
    const sent = client.sent.length
    for (let i = 0; i < 10; i++) {
      net.advance(10_000)
      client.feed({ type: 'traffic', inbound: true, outbound: false })
    }
    expect(client.sent.length).toBe(sent)
  })
})

describe('RFC 2408 §3.15: the end', () => {
  test.each(['client', 'gateway'] as const)(
    'the %s deletes both phases, and the other forgets them',
    (who) => {
      const two = connected()
      two[who].command('disconnect')
      two.net.settle()
      expect(two[who].closed?.error).toBeUndefined()
      expect(two[who].closed).toBeDefined()
      const other = two.net.other(two[who])
      expect(other.closed?.error).toMatchObject({ kind: 'closedByGateway' })
      expect([two.client.children, two.gateway.children]).toEqual([[], []])
    },
  )

  test('an Informational without HASH(1), or with a wrong one, deletes nothing', () => {
    const two = connected()
    two.net.onSend = (flight) => {
      const bytes = flight.bytes.slice()
      // Inside the first blocks, where the hash is.
      bytes[40]! ^= 1
      return [{ ...flight, bytes }]
    }
    two.client.command('disconnect')
    two.net.settle()
    expect(two.gateway.closed).toBeUndefined()
    expect(two.gateway.children).toHaveLength(1)
  })

  test('a delete for SAs that are gone changes nothing', () => {
    const two = connected()
    two.client.command('rekeyChild')
    two.net.settle()
    const deletes: Parameters<typeof two.net.deliver>[0][] = []
    two.net.onSend = (flight) => {
      deletes.push({ ...flight, bytes: flight.bytes.slice() })
      return [flight]
    }
    two.net.advance(10_000)
    for (const flight of deletes) two.net.deliver(flight)
    expect(two.gateway.children).toHaveLength(1)
    expect(two.net.pings()).toBe(true)
  })
})

describe('draft-beaulieu-ike-xauth: a name and a password after phase 1', async () => {
  const { Secret } = await import('../../../core/bytes/secret.ts')
  const client = (password: string) => ({
    ikev1: { xauth: { role: 'client', user: 'alice', password: Secret.fromText(password) } as const },
  })
  const gateway = () => ({
    ikev1: { xauth: { role: 'gateway', users: new Map([['alice', Secret.fromText('wonder')]]) } as const },
  })

  test('the gateway asks, the client answers, and only then comes mode config', () => {
    const two = connected({ client: client('wonder'), gateway: gateway() })
    expect(two.gateway.sent.map(line).slice(2)).toEqual([
      'MAIN* ID HASH',
      'TRANSACTION* HASH ATTRIBUTES',
      'TRANSACTION* HASH ATTRIBUTES',
      'TRANSACTION* HASH ATTRIBUTES',
      'QUICK* HASH SA Nonce ID ID',
    ])
    expect(two.net.pings()).toBe(true)
  })

  test('a wrong password ends it for both', () => {
    const two = pair({ client: client('glass'), gateway: gateway() })
    two.client.command('connect')
    two.net.settle()
    expect(two.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us', method: 'xauth' })
    expect(two.gateway.closed?.error).toMatchObject({ kind: 'authFailed' })
  })

  test('a client that skips it gets neither an address nor a quick mode', () => {
    const two = pair({ client: client('wonder'), gateway: gateway() })
    two.net.onSend = (flight) => (flight.from === two.gateway && flight.bytes[18] === 6 ? [] : [flight])
    two.client.command('connect')
    two.net.settle()
    const before = two.gateway.sent.length
    const e = two.client.state as Established
    const selectors = {
      local: [selectorOfAddress('10.78.0.5')],
      remote: two.client.n.config.remoteSelectors,
    }
    const nothing = { onDone: () => {}, onFailed: () => {} }
    beginQuick(e, { name: 'net', selectors, ...nothing }, two.net.now)
    pullConfiguration(e, configurationRequest({ ipv4: true, ipv6: false }), two.net.now)
    two.client.feed({ type: 'traffic', inbound: false, outbound: false })
    two.net.settle()
    expect(two.gateway.sent).toHaveLength(before)
    expect([two.gateway.children, two.gateway.n.assigned]).toEqual([[], undefined])
    expect(two.gateway.notes.join()).toContain('does not')
  })

  test('a gateway that demands it lets nobody in who does not offer it', () => {
    const two = pair({ gateway: gateway() })
    two.client.command('connect')
    two.net.advance(5_000)
    expect(two.client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 1 })
  })

  test('§5: a gateway that renews offers the method in which the responder is asked, and our address is confirmed', () => {
    const two = connected({ client: client('wonder'), gateway: gateway() })
    const { children, configuration } = two.client
    two.gateway.command('rekeyIke')
    two.net.settle()
    expect(two.client.n.current?.suite.authentication).toBe(65002)
    expect(two.client.sent.map(line).slice(-3)).toEqual([
      'TRANSACTION* HASH ATTRIBUTES',
      'TRANSACTION* HASH ATTRIBUTES',
      'TRANSACTION* HASH ATTRIBUTES',
    ])
    const request = two.client.sent.at(-1)!.payloads[1] as { readonly attributes: readonly unknown[] }
    expect(request.attributes[0]).toEqual({ type: 1, bytes: Uint8Array.of(10, 8, 0, 2) })
    expect([two.client.children, two.client.configuration]).toEqual([children, configuration])
    expect(two.net.pings()).toBe(true)
  })

  test('a renewed phase 1 asks once more, and the tunnel lives on', () => {
    const two = connected({ client: client('wonder'), gateway: gateway() })
    const children = two.client.children
    two.client.command('rekeyIke')
    two.net.settle()
    expect(two.client.n.rekeys.ike).toBe(1)
    expect(two.client.children).toEqual(children)
    expect(two.client.closed).toBeUndefined()
  })
})

describe('draft-dukes-ike-mode-cfg §3.4: a configuration the gateway gives on its own', () => {
  const push = (two: ReturnType<typeof pair>, now: number) => {
    const e = two.gateway.state as Established
    e.ask(
      e.current,
      {
        label: 'push',
        exchange: 6,
        payloads: [
          {
            type: 'ATTRIBUTES',
            cfgType: 3,
            identifier: 7,
            attributes: [{ type: 1, bytes: Uint8Array.of(10, 8, 0, 2) }],
          },
        ],
        onMessage: (opened) => {
          opened.accept()
          return {}
        },
        onFailed: () => {},
      },
      asMillis(now),
    )
    // What it said goes out with its next event.
    two.gateway.feed({ type: 'pathOpen', local: two.gateway.n.local!, remote: two.gateway.n.remote! })
  }

  test('is taken for the answer that is waited for, which may then come or not', () => {
    const two = pair()
    two.client.command('connect')
    let asked = false
    two.net.onSend = (flight) => {
      const transaction = flight.from === two.client && flight.bytes[18] === 6
      if (!transaction || asked) return [flight]
      asked = true
      return []
    }
    two.net.settle()
    expect(two.client.n.state).toBe('phase2')
    push(two, two.net.now)
    two.net.settle()
    expect(two.client.n.state).toBe('connected')
    expect(two.client.configuration?.addresses).toEqual(['10.8.0.2/32'])
    expect(two.client.sent.map(line)).toContain('TRANSACTION* HASH ATTRIBUTES')
    expect(two.net.pings()).toBe(true)
    two.net.advance(20_000)
    expect(two.client.sent.filter((m) => m.exchange === 'TRANSACTION' && m.retransmission)).toEqual([])
  })

  test('is confirmed and left aside once a tunnel stands', () => {
    const two = connected()
    const { configuration } = two.client
    push(two, two.net.now)
    two.net.settle()
    expect(two.client.sent.map(line).at(-1)).toBe('TRANSACTION* HASH ATTRIBUTES')
    expect(two.client.configuration).toEqual(configuration)
    expect(two.net.pings()).toBe(true)
  })
})

test('a gateway leases one address to one client, however many quick modes it asks for', () => {
  let leases = 0
  const two = connected({
    gateway: {
      assigns: () => {
        leases++
        return { addresses: ['10.8.0.2/32'], dnsServers: [] }
      },
    },
  })
  two.client.command('rekeyChild')
  two.net.settle()
  expect(two.client.n.rekeys.child).toBe(1)
  expect(leases).toBe(1)
})

test('a gateway that never answers our proof has another key, as far as we can know', () => {
  const two = pair()
  two.net.onSend = (flight) => (flight.from === two.client && (flight.bytes[19]! & 1) === 1 ? [] : [flight])
  two.client.command('connect')
  two.net.advance(20_000)
  expect(two.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us', method: 'psk' })
})

describe('RFC 2408 §3.15: the gateway deletes the last pair of ESP SAs', () => {
  const deleteLast = (two: ReturnType<typeof connected>) => {
    const e = two.gateway.state as Established
    const [child] = two.gateway.n.children.values()
    e.children.remove(child!)
    e.inform(e.current, [deleteChildren([spiBytes(child!.inboundSpi)])])
    two.gateway.feed({ type: 'pathOpen', local: two.gateway.n.local!, remote: two.gateway.n.remote! })
  }

  test('after a while of use: it is asked for once more under the same ISAKMP SA', () => {
    const two = connected()
    two.net.advance(15_000)
    const before = two.client.children
    deleteLast(two)
    two.net.settle()
    expect(two.client.closed).toBeUndefined()
    expect(two.client.children).toHaveLength(1)
    expect(two.client.children).not.toEqual(before)
    expect(two.net.pings()).toBe(true)
  })

  test('at once: it does not want us, and we leave', () => {
    const two = connected()
    deleteLast(two)
    two.net.settle()
    expect(two.client.closed?.error).toMatchObject({ kind: 'closedByGateway' })
  })
})

test('RFC 2407 §4.5: what is renewed is offered no longer a life than it had, and renewed as often', () => {
  const two = connected({ gateway: { lifetimes: { ikeRekeySeconds: 0, childRekeySeconds: 60 } } })
  const life = () => [...two.client.n.children.values()].find((c) => c.state === 'installed')?.lifeSeconds
  two.gateway.command('rekeyChild')
  two.net.settle()
  const agreed = life()
  expect(agreed).toBeLessThan(100)
  two.client.command('rekeyChild')
  two.net.settle()
  expect(life()).toBe(agreed)
})

describe('RFC 2407 §4.5, §4.6.3.1: kilobytes', () => {
  const limitOf = (two: ReturnType<typeof connected>) =>
    two.client.actions.flatMap((action) => (action.do === 'limitBytes' ? [action.bytes] : []))

  test('a life in both measures is read from a notify of attributes, in either form', () => {
    expect(readLife(fromHex('80010001800270808001000200020004000f4240'))).toEqual({
      seconds: 28_800,
      kilobytes: 1_000_000,
    })
    expect(readLife(fromHex('8001000200020004'))).toEqual({})
    expect(readLife(fromHex('80010001000200'))).toEqual({})
  })

  test('a gateway that names them has the SAs renewed before they are used up', () => {
    const two = pair()
    // The gateway's quick mode says so; its own hash covers it.
    const e = (): Established => two.gateway.state as Established
    two.net.onSend = (flight) => {
      if (flight.from === two.gateway && flight.bytes[18] === ExchangeType.QUICK.id) {
        const sa = e().current
        const seal = sa.seal.bind(sa)
        sa.seal = (exchange, messageId, payloads, response, ni) =>
          seal(
            exchange,
            messageId,
            [...payloads, notify(NotifyType.RESPONDER_LIFETIME.id, new Uint8Array(4), LIFE, 3)],
            response,
            ni,
          )
      }
      return [flight]
    }
    const LIFE = fromHex('8001000200020004000003e8')
    two.client.command('connect')
    two.net.settle()
    two.client.command('rekeyChild')
    two.net.settle()
    expect(limitOf(two)).toEqual([900_000])
    const child = [...two.client.n.children.values()].find(({ state }) => state === 'installed')!
    two.client.feed({ type: 'softLimit', spi: child.outboundSpi, reason: 'bytes' })
    two.net.settle()
    expect(two.client.n.rekeys.child).toBe(2)
  })
})
