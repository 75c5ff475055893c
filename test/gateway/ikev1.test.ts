import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import type { ConnectionConfig, IkeV1Config } from '../../core/ike/config.ts'
import { everything, selectorOfAddress } from '../../core/ike/v2/selectors.ts'
import { parseEspSuite, parseIkeSuite } from '../../core/profile/suites.ts'
import { ENGINES } from '../support/esp-engines.ts'
import { udp4 } from '../support/inner-packets.ts'
import { DAY, makeGateway, makeKey, makeRoot } from '../support/pki.ts'
import { gatewayConfig, World } from './world.ts'

const context = { source: 'test', field: 'suite', weak: [] }
const offers = {
  ikeProposals: [parseIkeSuite('aes128-sha256-ecp256', context)],
  espProposals: [parseEspSuite('aes128gcm16', context)],
}

const gatewayV1 = (more: Partial<ConnectionConfig> = {}) => ({ ...gatewayConfig(), ...offers, ...more })
const worldV1 = (more: Partial<ConnectionConfig> = {}, engine?: Parameters<typeof newWorld>[1]) =>
  newWorld({ configV1: gatewayV1(more) }, engine)
const newWorld = (...given: ConstructorParameters<typeof World>) => new World(...given)

const clientV1 = (more: Partial<ConnectionConfig> = {}): Partial<ConnectionConfig> => ({
  version: 1,
  ...offers,
  requestAddresses: { ipv4: true, ipv6: false },
  remoteSelectors: gatewayConfig().localSelectors.slice(0, 1),
  ...more,
})

const users = (): IkeV1Config => ({
  xauth: { role: 'gateway', users: new Map([['alice', Secret.fromText('open sesame')]]) },
})
const signIn = (user: string, password: string): IkeV1Config => ({
  xauth: { role: 'client', user, password: Secret.fromText(password) },
})

const ask = (from: string) => udp4(from, '10.77.0.1', 5000, 53, 'hello')
const answer = (to: string) => udp4('10.77.0.1', to, 53, 5000, 'hello yourself')

describe.each(ENGINES)('a client that speaks IKEv1, %s engine', (engine) => {
  test.each([false, true])('RFC 2409 §5: pre-shared key; aggressive mode: %s', (aggressive) => {
    const world = worldV1({ ikev1: { aggressive } }, engine)
    const alice = world.client('198.51.100.1', { config: clientV1({ ikev1: { aggressive } }) }).connect()
    world.negotiate()
    expect(alice.ended).toBeUndefined()
    expect(alice.configuration).toMatchObject({ addresses: ['10.78.0.10/32'], dnsServers: ['10.77.0.1'] })
    alice.send(ask('10.78.0.10'))
    alice.send(ask('10.78.0.11'))
    expect(world.inside).toEqual([ask('10.78.0.10')])
    world.gateway.fromInside(answer('10.78.0.10'))
    world.settle()
    expect(alice.received).toEqual([answer('10.78.0.10')])
    const [view] = world.gateway.clients()
    expect(view?.connection.phase1?.version).toBe(`IKEv1 ${aggressive ? 'aggressive' : 'main'} mode`)
    alice.command('disconnect')
    expect([world.gateway.sessions, world.clock.pending]).toEqual([0, 0])
  })
})

test('where IKEv1 is not asked for, nothing is answered to it', () => {
  const world = newWorld()
  world.client('198.51.100.1', { config: clientV1() }).connect()
  expect([world.gateway.sessions, world.gateway.drops.noSession, world.nowhere.length]).toEqual([0, 1, 0])
})

test('RFC 2409 §5.4: aggressive mode is answered nothing where it is not switched on', () => {
  const world = worldV1()
  const alice = world.client('198.51.100.1', { config: clientV1({ ikev1: { aggressive: true } }) }).connect()
  world.negotiate()
  expect([world.gateway.sessions, alice.connected]).toEqual([0, false])
})

test('a wrong key: the client is told, and nothing is kept', () => {
  const world = worldV1()
  const eve = world.client('198.51.100.1', { psk: 'guessed', config: clientV1() }).connect()
  world.clock.pass(120_000)
  expect(eve.ended).toMatchObject({ kind: 'authFailed', who: 'us' })
  expect([world.gateway.sessions, world.gateway.halfOpen, world.events]).toEqual([0, 0, []])
})

describe('draft-beaulieu-ike-xauth: a name and a password after phase 1', () => {
  test('the client is known by the name', () => {
    const world = worldV1({ ikev1: users() })
    const alice = world.client('198.51.100.1', {
      name: 'a group of many',
      config: clientV1({ ikev1: signIn('alice', 'open sesame') }),
    })
    alice.connect()
    world.negotiate()
    expect(alice.configuration?.addresses).toEqual(['10.78.0.10/32'])
    expect(world.gateway.clients()).toMatchObject([{ identity: 'alice' }])
  })

  test.each([
    ['alice', 'open barley'],
    ['mallory', 'open sesame'],
    ['', ''],
  ])('%s with %s is not let in', (user, password) => {
    const world = worldV1({ ikev1: users() })
    const one = world.client('198.51.100.1', { config: clientV1({ ikev1: signIn(user, password) }) })
    one.connect()
    world.negotiate()
    expect(one.ended).toEqual({ kind: 'authFailed', who: 'us', method: 'xauth' })
    expect([world.gateway.sessions, world.events]).toEqual([0, []])
  })

  test('who cannot sign in is not even offered phase 1 without it', () => {
    const world = worldV1({ ikev1: users() })
    const one = world.client('198.51.100.1', { config: clientV1() }).connect()
    world.negotiate()
    world.clock.pass(5_000)
    expect(one.ended).toMatchObject({ kind: 'noProposalChosen', phase: 1 })
  })
})

test('draft-ietf-ipsec-isakmp-hybrid-auth: only the gateway has a certificate', () => {
  const today = { notBefore: Date.now() - DAY, notAfter: Date.now() + DAY }
  const root = makeRoot('CN=Root', today, makeKey('rsa'))
  const own = makeGateway(root, { ...today, san: ['dns:gateway.culvert.test'] }, makeKey('rsa'))
  const world = worldV1({
    authentication: {
      method: 'each',
      ours: {
        method: 'certificate',
        chain: [own.certificate],
        key: own.key.signing,
        pss: false,
        weakSha1: false,
      },
      theirs: { method: 'xauth' },
    },
    ikev1: users(),
  })
  const alice = world.client('198.51.100.1', {
    config: clientV1({
      authentication: {
        method: 'each',
        ours: { method: 'xauth' },
        theirs: {
          method: 'certificate',
          anchors: [root.certificate],
          lists: [],
          revocation: 'off',
          weak: { sha1: false, shortRsa: false },
          commonName: false,
        },
      },
      ikev1: signIn('alice', 'open sesame'),
    }),
  })
  alice.connect()
  world.negotiate()
  expect(alice.configuration?.addresses).toEqual(['10.78.0.10/32'])
})

test('who asks for everything gets what is there, and is told what that is', () => {
  const world = worldV1({ ikev1: users() })
  const alice = world.client('198.51.100.1', {
    config: clientV1({ ikev1: signIn('alice', 'open sesame'), remoteSelectors: [everything(4)] }),
  })
  alice.connect()
  world.negotiate()
  expect(alice.configuration).toMatchObject({ subnets: ['10.77.0.1/32'] })
  expect(alice.routes).toEqual([selectorOfAddress('10.77.0.1')])
  alice.send(ask('10.78.0.10'))
  alice.send(udp4('10.78.0.10', '203.0.113.5', 5000, 53, 'anywhere else'))
  expect(world.inside).toEqual([ask('10.78.0.10')])
  world.gateway.rekey('rekeyChild')
  world.negotiate()
  world.clock.pass(70_000)
  expect(world.gateway.clients()[0]?.connection.phase2).toHaveLength(1)
  alice.send(ask('10.78.0.10'))
  expect(world.inside).toHaveLength(2)
})

describe('RFC 2408 §4.3: phase 1 anew', () => {
  test.each(['client', 'gateway'])('by the %s: the same session goes on, and no packet is lost', (who) => {
    const world = worldV1()
    const alice = world.client('198.51.100.1', { config: clientV1() }).connect()
    world.negotiate()
    const before = alice.v1?.current?.name
    if (who === 'client') alice.command('rekeyIke')
    else world.gateway.rekey('rekeyIke')
    world.negotiate()
    expect(alice.v1?.current?.name).not.toBe(before)
    world.clock.pass(70_000)
    expect([world.gateway.sessions, world.events.length]).toEqual([1, 1])
    alice.send(ask('10.78.0.10'))
    expect(world.inside).toHaveLength(1)
    alice.command('rekeyChild')
    world.negotiate()
    alice.send(ask('10.78.0.10'))
    expect(world.inside).toHaveLength(2)
    expect(alice.v1?.rekeys).toEqual({ ike: 1, child: 1 })
  })

  test('RFC 2407 §4.6.3.3: INITIAL-CONTACT from elsewhere ends what the gateway still has of this identity', () => {
    const world = worldV1()
    world.client('198.51.100.1', { config: clientV1() }).connect()
    world.negotiate()
    const again = world.client('198.51.100.2', { config: clientV1() }).connect()
    world.negotiate()
    expect(again.configuration?.addresses).toEqual(['10.78.0.10/32'])
    expect(world.gateway.sessions).toBe(1)
  })

  test('RFC 2407 §4.6.3.3: and from where it was: what stood is forgotten, and the tunnel works', () => {
    const world = worldV1()
    const first = world.client('198.51.100.1', { config: clientV1() }).connect()
    world.negotiate()
    const port = first.v1?.local?.port ?? 0
    const again = world.client('198.51.100.1', { config: clientV1() })
    again.move('198.51.100.1', port)
    again.connect()
    world.negotiate()
    expect(again.configuration?.addresses).toEqual(['10.78.0.10/32'])
    expect(world.gateway.sessions).toBe(1)
    expect(world.gateway.clients()[0]?.connection.phase2).toHaveLength(1)
    again.send(ask('10.78.0.10'))
    expect(world.inside).toHaveLength(1)
  })
})

test('many beginnings from one place cost no more than the limits allow', () => {
  const world = worldV1()
  for (let i = 0; i < 200; i++) world.client('198.51.100.1', { config: clientV1() }).connect()
  expect(world.gateway.halfOpen).toBeLessThanOrEqual(20)
  expect(world.gateway.drops.rateLimited).toBeGreaterThan(150)
  world.clock.pass(120_000)
  // Only the last of them is there to hear the answer.
  expect(world.gateway.sessions).toBe(1)
})
