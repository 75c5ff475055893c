import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../core/bytes/octets.ts'
import { Secret } from '../../../core/bytes/secret.ts'
import { NotifyType } from '../../../core/iana/ikev1.ts'
import type { Established } from '../../../core/ike/v1/established.ts'
import { notify } from '../../../core/ike/v1/payloads.ts'
import { encodePhase1, readPhase1 } from '../../../core/ike/v1/phase1-suite.ts'
import { lifeNotice, readLife } from '../../../core/ike/v1/phase2-suite.ts'
import { spiBytes } from '../../../core/ike/v2/payloads.ts'
import type { NotifyPayload } from '../../../core/wire/ikev1/payload.ts'
import { connected, type PairV1, type PeerV1, pair } from '../../support/two-peers-v1.ts'

/** An Informational under the current ISAKMP SA, as the peer would say it. */
function says(two: PairV1, who: PeerV1, payload: NotifyPayload): void {
  const e = who.state as Established
  e.inform(e.current, [payload])
  // What it said goes out with its next event.
  who.feed({ type: 'pathOpen', local: who.n.local!, remote: who.n.remote! })
  two.net.settle()
}

const sentOn = (address: string): NotifyPayload =>
  notify(NotifyType.UNITY_LOAD_BALANCE.id, new Uint8Array(16), fromHex(address))

/** Phase 1 stands, and the gateway has not asked yet who we are. */
function signingIn(more: object = {}): PairV1 {
  const users = new Map([['alice', Secret.fromText('wonder')]])
  const two = pair({
    client: {
      ikev1: { xauth: { role: 'client', user: 'alice', password: Secret.fromText('wonder') } },
      ...more,
    },
    gateway: { ikev1: { xauth: { role: 'gateway', users } } },
  })
  two.net.onSend = (flight) => (flight.bytes[18] === 6 ? [] : [flight])
  two.client.command('connect')
  two.net.settle()
  expect(two.client.n.state).toBe('phase2')
  return two
}

describe('of Cisco: a gateway that is busy names another', () => {
  const openedAt = ({ client }: PairV1) =>
    client.actions.flatMap((action) => (action.do === 'openPath' ? [action.remoteAddress ?? 'home'] : []))

  test('phase 1 begins anew there, from port 500, and the old one is deleted', () => {
    const two = signingIn({ redirect: true })
    two.net.onSend = undefined
    says(two, two.gateway, sentOn('c0000263'))
    expect(openedAt(two).slice(0, 1)).toEqual(['home'])
    expect(openedAt(two)).toContain('192.0.2.99')
    expect(two.gateway.closed).toBeDefined()
    expect(two.client.notes).toContain('the gateway sends us to 192.0.2.99')
    expect(two.client.closed).toBeUndefined()
    const first = two.client.sent.filter(({ exchange }) => exchange === 'MAIN').at(-1)
    expect(first?.responderSpi.every((octet) => octet === 0)).toBe(true)
    // Nothing of the old phase 1 rings any more.
    expect([...two.client.timers.keys()]).toEqual(['retransmit'])
  })

  test('a profile may forbid it', () => {
    const two = signingIn()
    says(two, two.gateway, sentOn('c0000263'))
    expect(openedAt(two)).toEqual(expect.not.arrayContaining(['192.0.2.99']))
    expect(two.client.notes.join()).toContain('the profile forbids it')
  })

  test('a tunnel that stands is not sent anywhere', () => {
    const two = connected({ client: { redirect: true } })
    says(two, two.gateway, sentOn('c0000263'))
    expect(openedAt(two)).not.toContain('192.0.2.99')
    expect(two.net.pings()).toBe(true)
  })

  test('five times at most', () => {
    const two = signingIn({ redirect: true })
    two.client.n.redirects = 5
    says(two, two.gateway, sentOn('c0000263'))
    expect(two.client.closed?.error).toMatchObject({
      kind: 'protocol',
      problem: expect.stringContaining('5'),
    })
  })

  test.each(['', 'c00002', '00000000'])('an address of %s is none', (address) => {
    const two = signingIn({ redirect: true })
    says(two, two.gateway, sentOn(address))
    expect(openedAt(two).filter((one) => one !== 'home')).toEqual([])
    expect(two.client.closed).toBeUndefined()
  })
})

describe('RFC 2407 §4.6.3.1: RESPONDER-LIFETIME', () => {
  test('its attributes are those of the phase it speaks of', () => {
    const data = (phase: 1 | 2) => lifeNotice(phase, new Uint8Array(4), 600).data
    expect([readLife(data(1), 1), readLife(data(2), 2)]).toEqual([{ seconds: 600 }, { seconds: 600 }])
    expect([readLife(data(1), 2), readLife(data(2), 1)]).toEqual([{}, {}])
  })

  test('a responder says so where it keeps either SA for less, and both renew in time', () => {
    const lifetimes = { ikeRekeySeconds: 900, childRekeySeconds: 450 }
    const two = connected({ gateway: { lifetimes } })
    const notices = two.gateway.sent.flatMap(({ payloads }) =>
      (payloads as readonly NotifyPayload[]).filter(({ notify: type }) => type === 24576),
    )
    expect(notices.map(({ protocol }) => protocol)).toEqual([1, 3])
    expect(two.client.n.current?.lifeSeconds).toBe(1000)
    expect([...two.client.n.children.values()][0]?.lifeSeconds).toBe(500)
  })

  test('in an Informational later: renewed sooner, never later', () => {
    const two = connected()
    const [child] = two.client.n.children.values()
    const { rekeyAt } = child!
    says(two, two.gateway, lifeNotice(1, two.gateway.n.current!.spi, 100))
    says(two, two.gateway, lifeNotice(2, spiBytes(child!.outboundSpi), 100))
    expect([two.client.n.current?.lifeSeconds, child?.lifeSeconds]).toEqual([100, 100])
    expect(child!.rekeyAt).toBeLessThan(rekeyAt)
    says(two, two.gateway, lifeNotice(1, two.gateway.n.current!.spi, 1_000_000))
    says(two, two.gateway, lifeNotice(2, spiBytes(child!.outboundSpi), 1_000_000))
    expect([two.client.n.current?.lifeSeconds, child?.lifeSeconds]).toEqual([100, 100])
    two.net.advance(100_000)
    expect([two.client.n.rekeys.ike > 0, two.client.n.rekeys.child > 0]).toEqual([true, true])
    expect(two.net.pings()).toBe(true)
  })
})

describe('RFC 2409 Appendix A: kilobytes of phase 1', () => {
  test('are read beside the seconds, in either order', () => {
    const offer = { encryption: 7, keyBits: 128, hash: 4, group: 19, authentication: 1 }
    const [transform] = encodePhase1([offer], 60).proposals[0]!.transforms
    const kilobytes = [
      { type: 11, value: 2 },
      { type: 12, value: 500 },
    ]
    const { attributes } = transform!
    for (const both of [
      [...attributes, ...kilobytes],
      [...kilobytes, ...attributes],
    ])
      expect(readPhase1({ ...transform!, attributes: both })).toMatchObject({ seconds: 60, kilobytes: 500 })
  })

  test('an ISAKMP SA that has encrypted nearly all of them is renewed, once', () => {
    const two = connected()
    two.client.n.current!.shorten({ kilobytes: 2 })
    const probes = () => {
      for (let i = 0; i < 12; i++) {
        two.client.command('probe')
        two.net.settle()
      }
    }
    probes()
    expect(two.client.n.rekeys.ike).toBe(1)
    probes()
    expect(two.client.n.rekeys.ike).toBe(1)
    expect(two.net.pings()).toBe(true)
  })
})

describe('RFC 2407 §4.6.3.3: INITIAL-CONTACT', () => {
  test('in an Informational after phase 1 it counts as in the message of the proof', () => {
    const two = signingIn()
    two.gateway.n.facts.initialContact = false
    says(two, two.client, notify(NotifyType.INITIAL_CONTACT.id, two.client.n.current!.spi))
    expect(two.gateway.n.facts.initialContact).toBe(true)
  })

  test('a gateway does not make a client forget anything', () => {
    const two = connected()
    says(two, two.gateway, notify(NotifyType.INITIAL_CONTACT.id, two.gateway.n.current!.spi))
    expect(two.client.children).toHaveLength(1)
    expect(two.client.n.facts.initialContact).toBe(false)
  })
})
