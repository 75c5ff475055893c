import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../core/bytes/octets.ts'
import { ExchangeType, NotifyType } from '../../../core/iana/ikev1.ts'
import type { Established } from '../../../core/ike/v1/established.ts'
import { notify } from '../../../core/ike/v1/payloads.ts'
import { choosePhase1, encodePhase1 } from '../../../core/ike/v1/phase1-suite.ts'
import { encodePhase2, readLife, readPhase2 } from '../../../core/ike/v1/phase2-suite.ts'
import { connected, MODP2048, pair } from '../../support/two-peers-v1.ts'

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
    const child = [...two.client.n.children.values()].find(({ state }) => state === 'installed')!
    two.client.feed({ type: 'softLimit', spi: child.outboundSpi, reason: 'bytes' })
    two.net.settle()
    expect(two.client.n.rekeys.child).toBe(2)
  })
})
