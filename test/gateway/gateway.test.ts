import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { AddressPool } from '../../core/gateway/pool.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { decodeMessage } from '../../core/wire/ikev2/message.ts'
import { ENGINES } from '../support/esp-engines.ts'
import { udp4, udp6 } from '../support/inner-packets.ts'
import { DAY, type Issued, issue, makeGateway, makeRoot } from '../support/pki.ts'
import { fqdn, GATEWAY4, gatewayConfig, seededRandom, World } from './world.ts'

const ask = (from: string, text = 'hello') => udp4(from, '10.77.0.1', 5000, 53, text)
const answer = (to: string, text = 'hello yourself') => udp4('10.77.0.1', to, 53, 5000, text)

describe.each(ENGINES)('one client, %s engine', (engine) => {
  test('RFC 7296 §2.19: it is given addresses of both families and the name servers', () => {
    const world = new World({}, engine)
    const alice = world.client('198.51.100.1').connect()
    expect(alice.configuration).toMatchObject({
      addresses: ['10.78.0.10/32', 'fd78::10/128'],
      dnsServers: ['10.77.0.1', 'fd77::1'],
    })
    expect(world.events).toEqual(['alice.culvert.test has 10.78.0.10 fd78::10'])
    expect(world.gateway.clients()).toMatchObject([
      { identity: 'alice.culvert.test', connection: { state: 'connected' } },
    ])
  })

  test('packets go both ways, of both families, and only with the addresses given', () => {
    const world = new World({}, engine)
    const alice = world.client('198.51.100.1').connect()
    alice.send(ask('10.78.0.10'))
    alice.send(udp6('fd78::10', 'fd77::1', 5000, 53, 'hello'))
    alice.send(ask('10.78.0.11'))
    expect(world.inside).toHaveLength(2)
    world.gateway.fromInside(answer('10.78.0.10'))
    world.gateway.fromInside(answer('10.78.0.11'))
    world.settle()
    expect(alice.received).toEqual([answer('10.78.0.10')])
    expect(world.gateway.drops.noClient).toBe(1)
  })

  test('RFC 7296 §2.1: a lost answer to IKE_SA_INIT is sent again, for the same session', () => {
    const world = new World({}, engine)
    let answers = 0
    world.lose = ({ to }) => to.address !== GATEWAY4 && ++answers === 1
    const alice = world.client('198.51.100.1').connect()
    expect(alice.connected).toBe(false)
    world.clock.pass(1_000)
    expect(alice.connected).toBe(true)
    expect(world.gateway.sessions).toBe(1)
  })

  test('a wrong key: the client is told, and nothing is kept', () => {
    const world = new World({}, engine)
    const eve = world.client('198.51.100.1', { psk: 'guessed' }).connect()
    expect(eve.ended).toMatchObject({ kind: 'authFailed', who: 'us' })
    expect([world.gateway.sessions, world.gateway.halfOpen]).toEqual([0, 0])
    expect(world.events).toEqual([])
  })

  test('RFC 7296 §1.4.1: the client leaves; its addresses are free again', () => {
    const pool = new AddressPool([{ first: '10.78.0.10', last: '10.78.0.10' }])
    const world = new World({ pool })
    const alice = world.client('198.51.100.1').connect()
    expect(pool.inUse).toBe(1)
    alice.command('disconnect')
    expect(alice.ended).toBe('orderly')
    expect([pool.inUse, world.gateway.sessions]).toEqual([0, 0])
    expect(world.clock.pending).toBe(0)
  })

  test('RFC 7296 §3.15.4: no address left is INTERNAL_ADDRESS_FAILURE, and the client ends the IKE SA', () => {
    const world = new World({ pool: new AddressPool([{ first: '10.78.0.10', last: '10.78.0.10' }]) })
    world.client('198.51.100.1').connect()
    const bob = world.client('198.51.100.2', { name: 'bob.culvert.test' }).connect()
    expect(bob.ended).toMatchObject({ kind: 'noAddress' })
    expect(world.gateway.sessions).toBe(1)
  })

  test('RFC 7296 §2.4: INITIAL_CONTACT ends what the gateway still has of this identity', () => {
    const world = new World({}, engine)
    world.client('198.51.100.1').connect()
    const again = world.client('198.51.100.9').connect()
    expect(again.connected).toBe(true)
    expect(world.gateway.sessions).toBe(1)
    expect(again.configuration?.addresses).toContain('10.78.0.10/32')
    again.send(ask('10.78.0.10'))
    world.gateway.fromInside(answer('10.78.0.10'))
    world.settle()
    expect(again.received).toHaveLength(1)
  })

  test('the gateway ends: the client is told', () => {
    const world = new World({}, engine)
    const alice = world.client('198.51.100.1').connect()
    world.gateway.close()
    world.settle()
    expect(alice.ended).toMatchObject({ kind: 'closedByGateway' })
    expect(world.gateway.sessions).toBe(0)
  })

  test('an IKE SA without a CHILD_SA does not stay', () => {
    const world = new World({ pool: new AddressPool([{ first: '10.78.0.10', last: '10.78.0.10' }]) })
    world.client('198.51.100.1').connect()
    const bob = world.client('198.51.100.2', { name: 'bob.culvert.test' })
    // It hears that there is no address for it, and its Delete is lost on the way.
    world.lose = ({ from, bytes }) => from.address === bob.address && bytes[4 + 18] === 37
    bob.connect()
    expect(world.gateway.sessions).toBe(2)
    world.clock.pass(120_000)
    world.settle()
    expect(world.gateway.sessions).toBe(1)
  })
})

describe('RFC 7296 §2.1: the last answer of a session is repeated, when nothing else is left of it', () => {
  const loseAnswers = (world: World, count: number) => {
    let lost = 0
    world.lose = ({ from }) => from.address === GATEWAY4 && from.port === 4500 && lost++ < count
  }

  test('a client whose refusal is lost hears it when it asks again', () => {
    const world = new World()
    loseAnswers(world, 2)
    const eve = world.client('198.51.100.1', { psk: 'guessed' }).connect()
    expect(eve.ended).toBeUndefined()
    expect([world.gateway.sessions, world.gateway.halfOpen]).toEqual([0, 0])
    world.clock.pass(5_000)
    expect(eve.ended).toMatchObject({ kind: 'authFailed', who: 'us' })
    expect(world.gateway.lastWordsRepeated).toBe(2)
  })

  test('so does one that leaves: its Delete is answered again', () => {
    const world = new World()
    const alice = world.client('198.51.100.1').connect()
    loseAnswers(world, 1)
    alice.command('disconnect')
    expect(world.gateway.sessions).toBe(0)
    world.clock.pass(1_000)
    expect(alice.ended).toBe('orderly')
    expect(world.gateway.lastWordsRepeated).toBe(1)
  })

  test('in fragments too: the first one asks (RFC 7383 §2.6.1)', () => {
    const world = new World()
    loseAnswers(world, 1)
    const long = fqdn(`${'a-long-name.'.repeat(60)}test`)
    const eve = world.client('198.51.100.1', {
      psk: 'guessed',
      config: { localIdentity: long, fragmentDatagramBytes: 576 },
    })
    eve.connect()
    expect(eve.sent.length).toBeGreaterThan(2)
    world.clock.pass(2_000)
    expect(eve.ended).toMatchObject({ kind: 'authFailed', who: 'us' })
    expect(world.gateway.lastWordsRepeated).toBe(1)
  })

  test('only the very same octets are answered, to where they came from, and not for ever', () => {
    const world = new World()
    const eve = world.client('198.51.100.1', { psk: 'guessed' }).connect()
    const request = eve.sent.at(-1)!
    const local = { address: GATEWAY4, port: 4500 }
    const remote = { address: '203.0.113.66', port: 4500 }
    const bent = request.slice()
    bent[bent.length - 1]! ^= 1
    world.gateway.receive(local, remote, bent)
    world.settle()
    expect(world.nowhere).toEqual([])
    world.gateway.receive(local, remote, request)
    world.settle()
    expect(world.nowhere).toMatchObject([{ from: local, to: remote }])
    world.clock.pass(120_000)
    world.gateway.receive(local, remote, request)
    world.settle()
    expect(world.nowhere).toHaveLength(1)
  })

  test('of so many sessions, and no more', () => {
    const world = new World({ limits: { cookiesFrom: 1000, halfOpen: 2, sessions: 2 } })
    const refused = Array.from({ length: 5 }, (_, i) =>
      world.client(`198.51.100.${i + 1}`, { psk: 'guessed' }).connect(),
    )
    const local = { address: GATEWAY4, port: 4500 }
    for (const { sent } of refused)
      world.gateway.receive(local, { address: '203.0.113.1', port: 4500 }, sent.at(-1)!)
    world.settle()
    expect(world.nowhere).toHaveLength(2)
  })
})

describe('RFC 7296 §2.15: each client proves itself in its own way', () => {
  const today = { notBefore: Date.now() - DAY, notAfter: Date.now() + DAY }
  const root = makeRoot('C=CH, O=Test, CN=Root', today)
  const gateway = makeGateway(root, { ...today, san: ['dns:gateway.culvert.test'] })
  const alice = issue(root, { ...today, subject: 'C=CH, CN=alice', san: ['dns:alice.culvert.test'] })
  const stranger = issue(makeRoot('C=CH, CN=Stranger', today), {
    ...today,
    subject: 'C=CH, CN=alice',
    san: ['dns:alice.culvert.test'],
  })
  const ours = ({ certificate, key }: Issued) =>
    ({ method: 'certificate', chain: [certificate], key: key.signing, pss: false, weakSha1: false }) as const
  const theirs = {
    method: 'certificate',
    anchors: [root.certificate],
    lists: [],
    revocation: 'off',
    weak: {},
    commonName: false,
  } as const
  const byCertificate = (issued: Issued) => ({ method: 'each', ours: ours(issued), theirs }) as const
  const byKey = { method: 'psk', psk: Secret.fromText('of bob alone') } as const
  const world = () =>
    new World({
      config: {
        ...gatewayConfig(),
        authentication: byCertificate(gateway),
        authenticationOf: ({ data }) =>
          Buffer.from(data).toString() === 'bob.culvert.test' ? byKey : byCertificate(gateway),
      },
    })

  test('by certificate or by key, and it is shown by which', () => {
    const net = world()
    net.client('198.51.100.1', { config: { authentication: byCertificate(alice) } }).connect()
    net.client('198.51.100.2', { name: 'bob.culvert.test', config: { authentication: byKey } }).connect()
    net.negotiate()
    const said = net.gateway
      .clients()
      .map(({ identity, connection: { phase1 } }) => [
        identity,
        phase1?.remoteAuthentication,
        phase1?.localAuthentication,
      ])
    expect(said.sort()).toEqual([
      ['alice.culvert.test', 'certificate, ECDSA with SHA-256', 'certificate'],
      ['bob.culvert.test', 'pre-shared key', 'pre-shared key'],
    ])
  })

  test.each([
    ['the key of somebody else where a certificate is due', 'alice.culvert.test', byKey],
    ['a certificate where the key is due', 'bob.culvert.test', byCertificate(alice)],
    ['a certificate for another name', 'carol.culvert.test', byCertificate(alice)],
    ['a certificate of another authority', 'alice.culvert.test', byCertificate(stranger)],
  ])('%s: refused, and nothing is kept', (_, name, authentication) => {
    const net = world()
    const client = net.client('198.51.100.1', { name, config: { authentication } }).connect()
    net.negotiate()
    expect(client.ended).toMatchObject({ kind: 'authFailed', who: 'us' })
    expect([net.gateway.sessions, net.gateway.halfOpen]).toEqual([0, 0])
  })
})

describe.each(ENGINES)('many clients, %s engine', (engine) => {
  test('every packet finds its session, and every answer its client', () => {
    const world = new World({}, engine)
    const clients = Array.from({ length: 8 }, (_, i) =>
      world.client(`198.51.100.${i + 1}`, { name: `client${i}.culvert.test` }).connect(),
    )
    expect(clients.every((client) => client.connected)).toBe(true)
    for (const [i, client] of clients.entries()) client.send(ask(`10.78.0.${10 + i}`, `from ${i}`))
    expect(world.inside).toHaveLength(8)
    for (let i = 7; i >= 0; i--) world.gateway.fromInside(answer(`10.78.0.${10 + i}`, `to ${i}`))
    world.settle()
    expect(clients.map((client) => client.received)).toEqual(
      clients.map((_, i) => [answer(`10.78.0.${10 + i}`, `to ${i}`)]),
    )
  })

  test.each([
    ['rekeyChild', 'client'],
    ['rekeyChild', 'gateway'],
    ['rekeyIke', 'client'],
    ['rekeyIke', 'gateway'],
  ] as const)('RFC 7296 §2.8: %s by the %s, and packets still find their way', (what, who) => {
    const world = new World({}, engine)
    const alice = world.client('198.51.100.1').connect()
    const bob = world.client('198.51.100.2', { name: 'bob.culvert.test' }).connect()
    for (let round = 1; round <= 3; round++) {
      if (who === 'client') alice.command(what)
      else {
        world.gateway.rekey(what)
        world.settle()
      }
      for (const [client, address] of [
        [alice, '10.78.0.10'],
        [bob, '10.78.0.11'],
      ] as const) {
        client.send(ask(address))
        world.gateway.fromInside(answer(address))
        world.settle()
        expect(client.received).toHaveLength(round)
      }
    }
    const kind = what === 'rekeyIke' ? 'ike' : 'child'
    expect(world.gateway.clients()[0]?.connection.rekeys[kind]).toBe(3)
    alice.command('disconnect')
    expect(alice.ended).toBe('orderly')
    expect(world.gateway.sessions).toBe(1)
  })
})

describe.each(ENGINES)('RFC 7296 §2.23: a NAT gives the client another address, %s engine', (engine) => {
  test('what the client proves it sent tells where it is, ESP or IKE', () => {
    const world = new World({}, engine)
    const alice = world.client('198.51.100.1').connect()
    alice.move('198.51.100.77', 61_000)
    alice.send(ask('10.78.0.10'))
    world.gateway.fromInside(answer('10.78.0.10'))
    world.settle()
    expect(alice.received).toHaveLength(1)
    alice.move('198.51.100.78', 62_000)
    alice.command('probe')
    world.gateway.fromInside(answer('10.78.0.10'))
    world.settle()
    expect(alice.received).toHaveLength(2)
  })

  test('what somebody else repeats or makes up moves nothing', () => {
    const world = new World({}, engine)
    const alice = world.client('198.51.100.1').connect()
    alice.send(ask('10.78.0.10'))
    alice.command('probe')
    const local = { address: GATEWAY4, port: 4500 }
    const eve = { address: '203.0.113.66', port: 4500 }
    for (const bytes of alice.sent) {
      world.gateway.receive(local, eve, bytes)
      const bent = bytes.slice()
      bent[bent.length - 1]! ^= 1
      world.gateway.receive(local, eve, bent)
    }
    expect(world.gateway.clients()[0]?.remote?.address).toBe('198.51.100.1')
  })
})

describe('hostile load', () => {
  const flood = (world: World, count: number, from: (i: number) => string) => {
    const model = new World().client('198.51.100.250')
    model.command('connect')
    const first = model.sent[0]!
    for (let i = 0; i < count; i++) {
      const bytes = first.slice()
      bytes.set(seededRandom(i + 1).bytes(8), 0)
      world.gateway.receive({ address: GATEWAY4, port: 500 }, { address: from(i), port: 500 }, bytes)
    }
    world.settle()
  }
  const spoofed = (i: number) => `203.${i >> 16}.${(i >> 8) & 255}.${i & 255}`

  test('RFC 7296 §2.6: 10,000 spoofed IKE_SA_INITs leave little behind, and a real client still gets in', {
    timeout: 60_000,
  }, () => {
    const world = new World()
    flood(world, 10_000, spoofed)
    expect(world.gateway.halfOpen).toBe(16)
    expect(world.gateway.sessions).toBe(16)
    expect(world.gateway.cookiesDemanded).toBe(10_000 - 16)
    const reply = decodeMessage(world.nowhere.at(-1)!.bytes)
    expect(reply.ok && reply.value.payloads).toMatchObject([{ type: 'Notify', notify: NotifyType.COOKIE.id }])
    const alice = world.client('198.51.100.1').connect()
    expect(alice.connected).toBe(true)
    world.clock.pass(60_000)
    expect([world.gateway.halfOpen, world.gateway.sessions]).toEqual([0, 1])
  })

  test('one source gets no more than its share, cookies or not', () => {
    const world = new World({ limits: { cookiesFrom: 1000, burst: 5, perSecond: 1 } })
    flood(world, 1000, () => '203.0.113.5')
    expect(world.gateway.halfOpen).toBe(5)
    expect(world.gateway.drops.rateLimited).toBe(995)
    expect(world.client('198.51.100.1').connect().connected).toBe(true)
  })

  test('there is a bound for all together', () => {
    const world = new World({ limits: { cookiesFrom: 1000, halfOpen: 10 } })
    flood(world, 50, spoofed)
    expect(world.gateway.halfOpen).toBe(10)
    expect(world.gateway.drops.full).toBe(40)
  })

  test('garbage on either port never throws and leaves nothing', () => {
    const world = new World()
    const alice = world.client('198.51.100.1').connect()
    const random = seededRandom(7)
    for (let i = 0; i < 5_000; i++) {
      const length = (random.bytes(1)[0]! * 3) >> 1
      const bytes = random.bytes(length)
      if (i % 3 === 0) bytes.set(alice.sent[i % alice.sent.length]!.subarray(0, Math.min(length, 24)))
      const port = i % 2 === 0 ? 500 : 4500
      world.gateway.receive({ address: GATEWAY4, port }, { address: '203.0.113.9', port: 500 }, bytes)
      world.gateway.fromInside(bytes)
    }
    for (const message of alice.sent) {
      for (let at = 0; at < message.length; at++) {
        const bent = message.slice()
        bent[at]! ^= 1 << (at % 8)
        world.gateway.receive(
          { address: GATEWAY4, port: 4500 },
          { address: '198.51.100.1', port: 40001 },
          bent,
        )
        world.gateway.receive(
          { address: GATEWAY4, port: 500 },
          { address: '198.51.100.1', port: 40001 },
          message.subarray(0, at),
        )
      }
    }
    world.settle()
    alice.send(ask('10.78.0.10'))
    expect(world.inside.at(-1)).toEqual(ask('10.78.0.10'))
  })
})
