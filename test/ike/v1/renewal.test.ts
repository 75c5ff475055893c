import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../core/bytes/octets.ts'
import { ExchangeType, NotifyType } from '../../../core/iana/ikev1.ts'
import type { Established } from '../../../core/ike/v1/established.ts'
import { deleteChildren } from '../../../core/ike/v1/exchanges/informational.ts'
import { notify } from '../../../core/ike/v1/payloads.ts'
import { choosePhase1, encodePhase1 } from '../../../core/ike/v1/phase1-suite.ts'
import { encodePhase2, readLife, readPhase2 } from '../../../core/ike/v1/phase2-suite.ts'
import type { Flight } from '../../support/bench.ts'
import { connected, line, MODP2048, type PeerV1, pair } from '../../support/two-peers-v1.ts'

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

describe('RFC 2409 §5.5: the third message of quick mode has no answer', () => {
  /** A renewal by the gateway whose third message never comes, however often it is said. */
  const lost = () => {
    const two = connected()
    two.net.onSend = (flight) => (isThird(two, flight) ? [] : [flight])
    two.gateway.command('rekeyChild')
    two.net.advance(500)
    return two
  }
  type Two = ReturnType<typeof connected>
  const isThird = ({ gateway }: Two, { kind, from }: Flight<PeerV1>): boolean =>
    kind === 'ike' && from === gateway && line(gateway.sent.at(-1)!) === 'QUICK* HASH'
  /** Sends with what is oldest, as old kernels of BSD do. */
  const preferOld = (engine: Two['client']['engine']): void => {
    const later: Parameters<typeof engine.useOutbound>[] = []
    const [use, remove] = [engine.useOutbound, engine.removeOutbound]
    engine.useOutbound = (...args) => void later.push(args)
    engine.removeOutbound = (spi) => {
      const at = later.findIndex(([, sa]) => sa.spi === spi)
      if (at >= 0) later.splice(at, 1)
      else for (const args of later.splice(0, 1)) use.apply(engine, args)
      remove.call(engine, spi)
    }
  }
  const heals = (two: ReturnType<typeof lost>): void => {
    two.net.onSend = undefined
    two.net.advance(2_000)
    for (let i = 0; i < 3; i++) {
      expect(two.net.pings()).toBe(true)
      two.net.advance(1_000)
    }
    two.net.advance(100_000)
    expect(two.net.pings()).toBe(true)
    expect(two.client.children).toHaveLength(1)
    expect(two.gateway.children).toHaveLength(1)
  }

  test('while the peer may not have the new pair, the old one carries on', () => {
    const two = lost()
    for (let i = 0; i < 100; i++) {
      expect(two.net.pings()).toBe(true)
      two.net.advance(100)
    }
    expect(two.gateway.notes.join()).toContain('they are asked for once more')
    heals(two)
  })

  test('a pair that was given up is not said to be there when the peer asks for the message again', () => {
    const two = connected()
    const seconds: Parameters<typeof two.net.deliver>[0][] = []
    two.net.onSend = (flight) => {
      if (flight.from === two.client && flight.kind === 'ike')
        seconds.push({ ...flight, bytes: flight.bytes.slice() })
      return isThird(two, flight) ? [] : [flight]
    }
    two.gateway.command('rekeyChild')
    for (let i = 0; i < 80; i++) {
      expect(two.net.pings()).toBe(true)
      two.net.advance(100)
    }
    two.net.onSend = undefined
    for (const flight of seconds) two.net.deliver(flight)
    heals(two)
  })

  test('the peer uses the new one, and so do we from then on', () => {
    const two = connected()
    const [old] = two.gateway.n.children.values()
    two.gateway.command('rekeyChild')
    two.net.settle()
    expect(two.gateway.sendsWith).toBe(old?.outboundSpi)
    expect(two.net.pingsFrom(two.client)).toBe(true)
    expect(two.gateway.sendsWith).not.toBe(old?.outboundSpi)
    two.net.advance(6_000)
    expect(two.gateway.children).toHaveLength(1)
  })

  test('the peer deletes the old one, and we use the new one', () => {
    const two = connected()
    two.gateway.command('rekeyChild')
    two.net.settle()
    const client = two.client.state as Established
    const [old] = two.client.n.children.values()
    client.inform(client.current, deleteChildren([old!]))
    client.children.remove(old!, two.net.now)
    two.client.feed({ type: 'traffic', inbound: false, outbound: true })
    two.net.settle()
    expect(two.net.pingsFrom(two.gateway)).toBe(true)
  })

  test('the peer deletes the new one: the old one stays, and is renewed later', () => {
    const two = connected()
    two.gateway.command('rekeyChild')
    two.net.settle()
    const client = two.client.state as Established
    const fresh = [...two.client.n.children.values()].at(-1)!
    client.inform(client.current, deleteChildren([fresh]))
    client.children.remove(fresh, two.net.now)
    two.client.feed({ type: 'traffic', inbound: false, outbound: true })
    two.net.settle()
    expect(two.net.pingsFrom(two.gateway)).toBe(true)
    two.net.advance(31_000)
    expect(two.gateway.n.rekeys.child).toBe(2)
  })

  test('traffic in one direction only goes over to the new one all the same', () => {
    const two = connected()
    const [old] = two.gateway.n.children.values()
    two.gateway.command('rekeyChild')
    for (let i = 0; i < 100; i++) {
      expect(two.net.pingsFrom(two.gateway)).toBe(true)
      two.net.advance(100)
    }
    expect(two.gateway.sendsWith).not.toBe(old?.outboundSpi)
  })

  test('after a silence the first packet on the old one tells, and new ones are asked for', () => {
    const two = lost()
    two.net.advance(8_000)
    two.net.onSend = undefined
    expect(two.net.pingsFrom(two.client)).toBe(true)
    two.net.settle()
    expect(two.gateway.notes.join()).toContain('still sends with the old keys')
    heals(two)
  })

  test('a peer that sends with the old one until it is deleted is not asked for ever', () => {
    const two = connected()
    preferOld(two.client.engine)
    two.gateway.command('rekeyChild')
    for (let i = 0; i < 600; i++) {
      expect(two.net.pings()).toBe(true)
      two.net.advance(100)
    }
    expect(two.gateway.n.rekeys.child).toBe(2)
  })

  test('phase 1 is replaced before the third message comes: the old pair carries on, and new keys follow', () => {
    const two = lost()
    two.client.command('rekeyIke')
    for (let i = 0; i < 100; i++) {
      expect(two.net.pings()).toBe(true)
      two.net.advance(100)
    }
    expect(two.gateway.n.rekeys.ike).toBe(1)
    heals(two)
  })
})

describe('RFC 2409 §5.5, RFC 2408 §4.3: both phases at once', () => {
  test('a quick mode that the peer has not answered is begun again under the new ISAKMP SA', () => {
    const two = connected()
    const isFirst = ({ kind, from }: Flight<PeerV1>): boolean =>
      kind === 'ike' && from === two.gateway && line(two.gateway.sent.at(-1)!).startsWith('QUICK* HASH SA')
    two.net.onSend = (flight) => (isFirst(flight) ? [] : [flight])
    two.gateway.command('rekeyChild')
    two.client.command('rekeyIke')
    while (two.gateway.n.rekeys.ike === 0) two.net.advance(5)
    two.net.onSend = undefined
    two.net.advance(1_000)
    expect(two.gateway.n.rekeys.child).toBe(1)
    expect(two.net.pings()).toBe(true)
  })

  test('no quick mode of ours begins while phase 1 is renewed, and then it does', () => {
    const two = connected()
    two.client.command('rekeyIke')
    two.net.step()
    two.gateway.command('rekeyChild')
    two.net.settle()
    expect([two.gateway.n.rekeys.ike, two.gateway.n.rekeys.child]).toEqual([1, 0])
    two.net.advance(1_500)
    expect(two.gateway.n.rekeys.child).toBe(1)
  })

  test('a phase 1 that somebody begins and never ends holds up neither', () => {
    const two = connected({ gateway: { lifetimes: { ikeRekeySeconds: 20, childRekeySeconds: 0 } } })
    let said = 0
    two.net.onSend = (flight) => {
      const ofPhase1 = flight.from === two.client && line(two.client.sent.at(-1)!).startsWith('MAIN')
      return flight.kind === 'ike' && ofPhase1 && said++ > 0 ? [] : [flight]
    }
    two.client.command('rekeyIke')
    two.net.step()
    two.gateway.command('rekeyChild')
    two.net.advance(6_000)
    expect(two.net.pings()).toBe(true)
    expect(two.gateway.n.rekeys.child).toBe(1)
    two.net.advance(40_000)
    two.net.onSend = undefined
    two.net.advance(30_000)
    expect(two.gateway.n.rekeys.ike).toBeGreaterThanOrEqual(1)
  })
})

describe('RFC 2407 §4.6.3.3: INITIAL-CONTACT with a new phase 1', () => {
  const renewed = () => {
    const two = connected()
    const { adopt } = two.gateway.state as Established
    ;(two.gateway.state as Established).adopt = function (sa, facts, now) {
      adopt.call(this, sa, { ...facts, initialContact: true }, now)
    }
    two.client.command('rekeyIke')
    two.net.settle()
    return two
  }

  test('ESP SAs that the client goes on using stay', () => {
    const two = renewed()
    expect(two.net.pings()).toBe(true)
    two.net.advance(60_000)
    expect(two.net.pings()).toBe(true)
    expect(two.gateway.children).toHaveLength(1)
  })

  test('those it does not use are forgotten, and it is told', () => {
    const two = renewed()
    two.client.n.children.clear()
    two.net.advance(6_000)
    expect(two.gateway.children).toHaveLength(0)
    expect(line(two.gateway.sent.at(-1)!)).toBe('INFORMATIONAL* HASH Delete')
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
    const offer = {
      protocol: 3,
      transform: 12,
      keyBits: 128,
      authentication: 5,
      encapsulation: 1,
      esn: false,
    }
    const transform = (seconds: number) =>
      encodePhase2([offer], [{ protocol: 3, spi: fromHex('01020304') }], seconds).proposals[0]!.transforms[0]!
    expect(readPhase2(3, transform(0))).toMatchObject({ seconds: 28_800 })
    expect(readPhase2(3, transform(60))).toMatchObject({ seconds: 60 })
    expect(readLife(fromHex('8001000100020004000000008001000200020004000000ff'))).toEqual({ kilobytes: 255 })
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
    expect(two.net.pings()).toBe(true)
    const child = [...two.client.n.children.values()].find(({ state }) => state === 'installed')!
    two.client.feed({ type: 'softLimit', spi: child.outboundSpi, reason: 'bytes' })
    two.net.settle()
    expect(two.client.n.rekeys.child).toBe(2)
  })
})
