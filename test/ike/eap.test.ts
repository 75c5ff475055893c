import { describe, expect, test } from 'vitest'
import type { Authentication, OurEap, ProvenClient } from '../../core/ike/config.ts'
import type { ObservedMessage } from '../../core/ike/session.ts'
import { viewOf } from '../../core/ike/v2/view.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { by, clientOf, gatewayOf, key, trusting } from '../support/certificate-pair.ts'
import { secret, users } from '../support/eap-pair.ts'
import {
  ANOTHER,
  EAP_ONLY,
  each,
  eapPair,
  FAILED,
  identityRequest,
  MULTIPLE,
  PASSWORD,
  run,
  runTls,
  scripted,
  shapes,
  states,
  theirs,
  tlsOf,
  type Wanted,
} from '../support/eap-peers.ts'
import { makeRoot, NOW } from '../support/pki.ts'
import { fqdn, type PairOptions, pair, shape } from '../support/two-peers.ts'

describe('RFC 7296 §2.16: the client signs in by EAP', () => {
  test('the whole exchange: no AUTH in the first request, the gateway proven in the first answer, AUTH of both at the end', () => {
    const made = run()
    const { client, gateway, net } = made
    expect(shapes(client.sent).slice(1)).toEqual([
      'IKE_AUTH request 1: IDi CERTREQ IDr N(16384) CP SA TSi TSr',
      'IKE_AUTH request 2: EAP',
      'IKE_AUTH request 3: EAP',
      'IKE_AUTH request 4: EAP',
      'IKE_AUTH request 5: AUTH',
    ])
    expect(shapes(gateway.sent).slice(1)).toEqual([
      'IKE_AUTH response 1: IDr CERT AUTH EAP',
      'IKE_AUTH response 2: EAP',
      'IKE_AUTH response 3: EAP',
      'IKE_AUTH response 4: EAP',
      'IKE_AUTH response 5: AUTH CP SA TSi TSr',
    ])
    expect(states(made)).toEqual(['connected', 'connected'])
    expect([client.n.eapMethod, gateway.n.eapMethod]).toEqual(['EAP-MSCHAPv2', 'EAP-MSCHAPv2'])
    expect(net.pings()).toBe(true)
  })

  test.each(['md5', 'gtc'] as const)('%s has no key: AUTH is made with SK_pi and SK_pr', (method) => {
    const made = run({ methods: [method] })
    expect(states(made)).toEqual(['connected', 'connected'])
    expect(made.net.pings()).toBe(true)
  })

  test('an EAP method that the client declines makes way for one it allows', () => {
    const { client } = run({ methods: ['mschapv2'], server: { methods: ['md5', 'mschapv2'] } })
    expect(client.n.eapMethod).toBe('EAP-MSCHAPv2')
  })

  test('no method in common: both say which', () => {
    const { client, gateway } = run({ server: { methods: ['gtc'] } })
    expect(client.closed?.error).toEqual({
      kind: 'noSignInMethod',
      wanted: ['GTC'],
      allowed: ['EAP-MSCHAPv2'],
    })
    expect(gateway.closed?.error).toMatchObject({ kind: 'noSignInMethod' })
  })

  test('who is in is who EAP says, whatever IDi said', () => {
    const proven: ProvenClient[] = []
    const assigns = (client: ProvenClient) => {
      proven.push(client)
      return { addresses: ['10.8.0.2/32'], dnsServers: [] }
    }
    const { client } = run({ more: { gateway: { assigns }, client: { localIdentity: fqdn('boss.test') } } })
    expect(client.n.state).toBe('connected')
    expect(proven.map(({ identity }) => [identity.type, Buffer.from(identity.data).toString()])).toEqual([
      [11, 'alice'],
    ])
  })

  test('every message of it lost once, and then the answer to it: it comes to the same end', () => {
    for (const direction of ['client', 'gateway'] as const)
      for (let id = 1; id <= 5; id++) {
        const made = eapPair()
        let lost = false
        made.net.onSend = (flight) => {
          const message = flight.bytes[23]
          const hit = !lost && flight.from.name === direction && flight.bytes[18] === 35 && message === id
          if (hit) lost = true
          return hit ? [] : [flight]
        }
        made.net.advance(5_000)
        expect([direction, id, lost, ...states(made)]).toEqual([
          direction,
          id,
          true,
          'connected',
          'connected',
        ])
      }
  })

  test('RFC 7296 §2.8.3: proving it all once more, beside the IKE SA that stands', () => {
    const { client, gateway, net } = eapPair({ second: {} })
    net.settle()
    client.command('reauthenticate')
    net.settle()
    expect(client.n.state).toBe('connected')
    expect(net.second?.n.eapMethod).toBe('EAP-MSCHAPv2')
    expect(gateway.closed).toBeDefined()
    expect(net.pings()).toBe(true)
  })
})

describe('order of trust: the gateway first', () => {
  const nothingOfOurs = (wanted: Wanted) => {
    const { client } = run(wanted)
    expect(shapes(client.sent).filter((text) => text.includes('EAP'))).toEqual([])
    expect(shapes(client.sent).at(-1)).toBe(`INFORMATIONAL request 2: N(${FAILED})`)
    return client.closed?.error
  }

  test('a certificate of another authority', () => {
    const gateway = by(gatewayOf({}, makeRoot()))
    expect(nothingOfOurs({ gateway })).toMatchObject({ kind: 'certificateRefused' })
  })

  test('a certificate that has run out', () => {
    const gateway = by(gatewayOf({ notAfter: NOW - 1_000 }))
    expect(nothingOfOurs({ gateway })).toMatchObject({ kind: 'certificateRefused', rule: 'expired' })
  })

  test('a certificate for another name', () => {
    const gateway = by(gatewayOf({ san: ['dns:other.test'] }))
    expect(nothingOfOurs({ gateway })).toMatchObject({ kind: 'gatewayIdMismatch' })
  })

  test('a gateway that has only a key where a certificate was agreed on', () => {
    expect(nothingOfOurs({ gateway: key() })).toMatchObject({ kind: 'authFailed', who: 'gateway' })
  })

  test('RFC 5998 §3: a gateway that leaves its AUTH out although nobody offered it that', () => {
    const made = scripted({ first: (idr) => [idr, identityRequest(1)] })
    expect(shapes(made.client.sent).filter((text) => text.includes('EAP'))).toEqual([])
    expect(made.client.closed?.error).toMatchObject({ kind: 'protocol', exchange: 'IKE_AUTH' })
  })
})

describe('people in between', () => {
  test('a wrong password: asked for again, with the right one it goes on', () => {
    const made = eapPair({ client: { password: secret('wrong') }, server: { retries: 2 } })
    made.client.person.push(PASSWORD)
    made.net.settle()
    expect(made.client.questions).toMatchObject([{ what: 'password', user: 'alice', retry: true }])
    expect(states(made)).toEqual(['connected', 'connected'])
  })

  test('nobody there to ask: the refusal of the gateway is the reason', () => {
    const made = eapPair({ client: { password: secret('wrong') }, server: { retries: 2 } })
    made.client.person.push({ kind: 'secretMissing', what: 'password', profile: 'Office' })
    made.net.settle()
    expect(made.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us', method: 'EAP-MSCHAPv2' })
  })

  test('a password that has run out is changed, in the same negotiation', () => {
    const changed: string[] = []
    const made = eapPair({
      server: {
        lookUp: () => ({ password: secret(PASSWORD), expired: true }),
        changePassword: (name, fresh) =>
          void changed.push(`${name} ${fresh.use((octets) => Buffer.from(octets).toString())}`),
      },
    })
    made.client.person.push('fresh one')
    made.net.settle()
    expect(made.client.questions).toMatchObject([{ what: 'newPassword' }])
    expect([...states(made), ...changed]).toEqual(['connected', 'connected', 'alice fresh one'])
  })

  test('a code is asked for with the words of the gateway, twice where it was mistyped', () => {
    const made = eapPair({
      methods: ['otp'],
      server: { lookUp: users({ alice: '755224' }), retries: 1 },
    })
    made.client.person.push('000000', '755224')
    made.net.settle()
    expect(made.client.questions.map(({ what }) => what)).toEqual(['code', 'code'])
    expect(states(made)).toEqual(['connected', 'connected'])
  })

  test('who cancels ends it', () => {
    const made = eapPair({ methods: ['otp'] })
    made.client.person.push(undefined)
    made.net.settle()
    expect(made.client.closed?.error).toEqual({ kind: 'cancelled' })
  })

  test('who does not answer is not waited for any longer, and neither is the client', () => {
    const made = eapPair({ methods: ['otp'] })
    made.net.settle()
    expect(made.client.n.step).toBe('waiting for your answer')
    made.net.advance(119_000)
    expect(made.client.closed).toBeUndefined()
    made.net.advance(2_000)
    expect(made.client.closed?.error).toEqual({ kind: 'notAnswered', what: 'code', seconds: 120 })
    made.net.advance(60_000)
    expect(made.gateway.closed?.error).toMatchObject({ kind: 'noAnswer' })
  })

  test('a disconnect while somebody is asked ends at once', () => {
    const made = eapPair({ methods: ['otp'] })
    made.net.settle()
    made.client.command('disconnect')
    expect(made.client.closed?.error).toEqual({ kind: 'cancelled' })
    expect(made.client.actions.at(-1)).toMatchObject({ do: 'closed' })
  })
})

describe('what is typed stays out of what is shown', () => {
  const CODE = 'sesame-755224'
  const shown = (messages: readonly ObservedMessage[]) =>
    messages.map(({ payloads, plaintext, bytes }) =>
      Buffer.concat([
        ...payloads.flatMap((p) =>
          (p as Payload).type === 'EAP' ? [(p as { packet: Uint8Array }).packet] : [],
        ),
        plaintext ?? new Uint8Array(0),
        bytes,
      ]).toString('latin1'),
    )

  test.each(['gtc', 'otp'] as const)('RFC 3748 §5.5, §5.6: %s, at both ends', (method) => {
    const made = eapPair({
      methods: [method],
      client: { gtcIsCode: true },
      server: { lookUp: users({ alice: CODE }) },
    })
    made.client.person.push(CODE)
    made.net.settle()
    expect(states(made)).toEqual(['connected', 'connected'])
    const all = [...shown(made.client.sent), ...shown(made.gateway.got)]
    expect(all.filter((text) => text.includes(CODE))).toEqual([])
    expect(all.filter((text) => text.includes('*'.repeat(CODE.length))).length).toBeGreaterThan(1)
  })

  test('and what is shown as sent is not what travelled: keys beside a capture give nothing away', () => {
    const made = eapPair({ methods: ['otp'], server: { lookUp: users({ alice: CODE }) } })
    made.client.person.push(CODE)
    const flown: string[] = []
    made.net.onSend = (flight) => {
      if (flight.from === made.client) flown.push(Buffer.from(flight.bytes).toString('hex'))
      return [flight]
    }
    made.net.settle()
    const different = made.client.sent.filter(
      ({ bytes }) => !flown.includes(Buffer.from(bytes).toString('hex')),
    )
    expect(shapes(different)).toEqual(['IKE_AUTH request 3: EAP'])
  })
})

describe('EAP with TLS inside IKE_AUTH', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('RFC 5216, RFC 9190: EAP-TLS with %s', async (version) => {
    const made = await runTls({
      methods: ['tls'],
      client: { user: 'client.test', tls: { certificate: tlsOf(clientOf()), versions: [version] } },
    })
    expect([made.client.closed, ...states(made)]).toEqual([undefined, 'connected', 'connected'])
    expect(made.net.pings()).toBe(true)
  })

  test('a certificate of another authority: the gateway refuses it', async () => {
    const made = await runTls({
      methods: ['tls'],
      client: { user: 'client.test', tls: { certificate: tlsOf(clientOf({}, makeRoot())) } },
    })
    expect(made.client.n.state).toBe('closed')
    expect(made.gateway.closed?.error).toMatchObject({ kind: 'certificateRefused' })
  })

  test('a certificate for somebody else than EAP said: refused', async () => {
    const made = await runTls({
      methods: ['tls'],
      client: { user: 'boss.test', tls: { certificate: tlsOf(clientOf()) } },
    })
    expect(made.client.n.state).toBe('closed')
    expect(made.gateway.closed?.error).toMatchObject({ kind: 'gatewayIdMismatch' })
  })

  test.each(['ttls', 'peap'] as const)('%s: the name said inside is who is in', async (method) => {
    const proven: string[] = []
    const assigns = ({ identity }: ProvenClient) => {
      proven.push(Buffer.from(identity.data).toString())
      return { addresses: ['10.8.0.2/32'], dnsServers: [] }
    }
    const made = await runTls({
      methods: [method],
      client: { anonymousIdentity: 'anonymous@test' },
      more: { gateway: { assigns } },
    })
    expect([...states(made), ...proven]).toEqual(['connected', 'connected', 'alice'])
  })

  test('a server of TLS that is somebody else gets neither name nor password', async () => {
    const made = await runTls({
      methods: ['ttls'],
      client: { anonymousIdentity: 'anonymous@test' },
      server: { tls: { certificate: tlsOf(gatewayOf({ san: ['dns:other.test'] })) } },
    })
    expect(made.client.closed?.error).toMatchObject({ kind: 'gatewayIdMismatch' })
    expect(made.client.actions.some((action) => action.do === 'endTls')).toBe(true)
  })
})

describe('RFC 5998: EAP alone proves both', () => {
  const alone = { method: 'eapAlone' } as const
  const tls = { user: 'client.test', tls: { certificate: tlsOf(clientOf()) } }

  test('the client offers it, the gateway leaves its AUTH out, and the key of the method binds it all', async () => {
    const made = await runTls({ methods: ['tls'], client: tls, clientTrusts: alone, gateway: alone })
    expect(shapes(made.client.sent)[1]).toBe(
      `IKE_AUTH request 1: IDi IDr N(${EAP_ONLY}) N(16384) CP SA TSi TSr`,
    )
    expect(shapes(made.gateway.sent)[1]).toBe('IKE_AUTH response 1: IDr EAP')
    expect(states(made)).toEqual(['connected', 'connected'])
  })

  test('a gateway that shows its certificate all the same is not believed for that: EAP still has to prove it', async () => {
    const made = await runTls({
      methods: ['tls'],
      client: tls,
      clientTrusts: alone,
      gateway: by(gatewayOf({}, makeRoot())),
    })
    expect(states(made)).toEqual(['connected', 'connected'])
  })

  test('§4: methods that can be guessed at, or prove only one, are not used for it', () => {
    const { client } = run({ methods: ['mschapv2'], clientTrusts: alone, gateway: alone })
    expect(client.closed?.error).toMatchObject({ kind: 'noSignInMethod', allowed: [] })
  })

  test('a gateway that wants to be proven by EAP alone refuses a client that does not offer it', () => {
    const { client } = run({ methods: ['mschapv2'], gateway: alone })
    expect(client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us' })
  })
})

const NO_COUNTERS = { inbound: () => undefined, outbound: () => undefined }

describe('RFC 4739: a second proof', () => {
  const second = { user: 'alice', password: secret(PASSWORD), methods: ['mschapv2'] as const }
  const twice = (first: 'psk' | 'certificate'): PairOptions => ({
    client: {
      authentication: {
        method: 'each',
        ours: first === 'psk' ? key() : by(clientOf()),
        theirs: trusting(),
        oursThen: { proof: { method: 'eap', peer: second, secrets: [] }, identity: fqdn('alice.test') },
      },
    },
    gateway: {
      authentication: {
        method: 'each',
        ours: by(gatewayOf()),
        theirs: first === 'psk' ? key() : trusting(),
        theirsThen: theirs(['mschapv2']),
      },
    },
  })
  const go = (options: PairOptions) => {
    const made = pair(options)
    made.client.command('connect')
    made.net.settle()
    return made
  }

  test.each(['psk', 'certificate'] as const)('by %s, then by EAP', (first) => {
    const made = go(twice(first))
    expect(shape(made.gateway.sent[0]!)).toContain(`N(${MULTIPLE})`)
    const [, one, two] = shapes(made.client.sent)
    expect(one).toContain(`AUTH N(${MULTIPLE}) N(${ANOTHER})`)
    expect(two).toBe('IKE_AUTH request 2: IDi')
    expect(shapes(made.gateway.sent).slice(1, 3)).toEqual([
      'IKE_AUTH response 1: IDr CERT AUTH',
      'IKE_AUTH response 2: EAP',
    ])
    expect(shape(made.gateway.sent.at(-1)!)).toContain('AUTH CP SA TSi TSr')
    expect(states(made)).toEqual(['connected', 'connected'])
    const { phase1 } = viewOf(made.client.n, NO_COUNTERS, (at) => at)
    expect(phase1?.localAuthentication).toMatch(/^(pre-shared key|certificate), then EAP-MSCHAPv2$/)
    expect(made.net.pings()).toBe(true)
  })

  test('a gateway that wants two does not let in who brings one', () => {
    const { client, gateway } = twice('psk')
    const made = go({ client: { authentication: each(key(), trusting()) }, gateway: gateway! })
    expect(client).toBeDefined()
    expect(made.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us' })
    expect(made.gateway.children).toEqual([])
  })

  test('a gateway that does not know of it is not asked', () => {
    const { client } = twice('psk')
    const made = go({ client: client!, gateway: { authentication: each(by(gatewayOf()), key()) } })
    expect(made.client.closed?.error).toMatchObject({ kind: 'noSignInMethod' })
    expect(made.client.sent).toHaveLength(1)
  })

  test('the second proof fails: nothing stands', () => {
    const options = twice('psk')
    const wrong: OurEap = { method: 'eap', peer: { ...second, password: secret('wrong') }, secrets: [] }
    const authentication = {
      ...options.client!.authentication!,
      oursThen: { proof: wrong },
    } as Authentication
    const made = go({ ...options, client: { authentication } })
    expect(made.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us' })
    expect(made.gateway.children).toEqual([])
  })
})
