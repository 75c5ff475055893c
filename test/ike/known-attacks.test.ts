import { describe, expect, test } from 'vitest'
import { CertificateEncoding, ExchangeType } from '../../core/iana/ikev2.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { decodeMessage, encodeMessage } from '../../core/wire/ikev2/message.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { both, run } from '../support/certificate-pair.ts'
import { selector } from '../support/inner-packets.ts'
import { connected, type Flight, type Pair, type Peer, pair, shape } from '../support/two-peers.ts'

// What other implementations of IKEv2 have fallen for.

type Seal = NonNullable<Peer['n']['current']>['seal']
/** Changes the payloads of what a peer seals with the IKE SA it has now. */
function tamper(
  peer: Peer,
  change: (payloads: readonly Payload[], exchange: number) => readonly Payload[],
): void {
  const sa = peer.n.current!
  const seal = sa.seal.bind(sa) as Seal
  sa.seal = (exchange, id, response, payloads) => seal(exchange, id, response, change(payloads, exchange))
}

const unknown = (critical: boolean): Payload => ({
  ...{ type: 'Unknown', payload: 200, body: new Uint8Array(8) },
  ...(critical ? { critical } : {}),
})

describe('CVE-2023-38710: REKEY_SA for something that is neither ESP nor AH', () => {
  const attempts: [string, Partial<Extract<Payload, { type: 'Notify' }>>][] = [
    ['protocol 0', { protocol: 0 }],
    ['protocol 1', { protocol: 1 }],
    ['no SPI', { spi: new Uint8Array(0) }],
  ]
  test.each(attempts)('%s', (_, wrong) => {
    const { client, gateway, net } = connected()
    tamper(client, (payloads) =>
      payloads.map((one) =>
        one.type === 'Notify' && one.notify === NotifyType.REKEY_SA.id ? { ...one, ...wrong } : one,
      ),
    )
    client.command('rekeyChild')
    net.settle()
    // Nothing is rekeyed; the client believes that its CHILD_SA is gone there, and asks for another.
    const answers = gateway.sent.map(shape).filter((text) => text.startsWith('CREATE_CHILD_SA response'))
    expect(answers[0]).toContain(`: N(${NotifyType.CHILD_SA_NOT_FOUND.id})`)
    expect([gateway.closed, gateway.n.rekeys.child]).toEqual([undefined, 0])
    expect(net.pingsFrom(client)).toBe(true)
  })
})

test('CVE-2023-38710: REKEY_SA with an SPI of 8 octets is malformed, and said to be', () => {
  const { client, gateway, net } = connected()
  tamper(client, (payloads) =>
    payloads.map((one) =>
      one.type === 'Notify' && one.notify === NotifyType.REKEY_SA.id
        ? { ...one, spi: new Uint8Array(8).fill(7) }
        : one,
    ),
  )
  client.command('rekeyChild')
  net.settle()
  expect(gateway.closed?.error).toMatchObject({ kind: 'protocol', reference: 'RFC 7296 §3.10' })
  expect(client.closed?.error).toMatchObject({ kind: 'refused', notify: 'INVALID_SYNTAX' })
})

/** Both have keys, and nobody has proven anything: IKE_AUTH is held back. */
function halfWay(): Pair & { auth: Flight } {
  const made = pair()
  made.client.command('connect')
  made.net.step()
  made.net.step()
  return { ...made, auth: made.net.take() as Flight }
}
const forged: [string, number, readonly Payload[]][] = [
  ['CVE-2014-2338: CREATE_CHILD_SA', ExchangeType.CREATE_CHILD_SA.id, []],
  ['CVE-2019-12312: INFORMATIONAL', ExchangeType.INFORMATIONAL.id, []],
  [
    'a Delete of the IKE SA',
    ExchangeType.INFORMATIONAL.id,
    [{ type: 'Delete', protocol: 1, spiBytes: 0, spis: [] }],
  ],
]

describe('before both have proven who they are, only the next message of IKE_AUTH counts', () => {
  test.each(forged)('%s from the client', (_, exchange, payloads) => {
    const { client, gateway, net, auth } = halfWay()
    const before = gateway.sent.length
    const sa = client.n.current!
    client.n.transmit(sa.seal(exchange, 1, false, payloads))
    client.feed({ type: 'command', command: { type: 'probe' } })
    net.settle()
    // A goodbye may be heard, and is nothing that anybody needs to prove.
    if (payloads.length === 0) expect([gateway.sent.length, gateway.closed]).toEqual([before, undefined])
    net.deliver(auth)
    net.settle()
    if (payloads.length === 0) expect(client.n.state).toBe('connected')
  })

  test.each(forged)('%s from the gateway', (_, exchange, payloads) => {
    const { client, gateway, net, auth } = halfWay()
    const before = client.sent.length
    gateway.n.transmit(gateway.n.current!.seal(exchange, 0, false, payloads))
    gateway.feed({ type: 'traffic', inbound: false, outbound: false })
    net.settle()
    expect([client.sent.length, client.closed]).toEqual([before, undefined])
    net.deliver(auth)
    net.settle()
    expect([client.n.state, net.pings()]).toEqual(['connected', true])
  })
})

test('CVE-2015-3991: payload types of IKEv1 mean nothing here, and stand in nobody’s way', () => {
  const { client, gateway, net } = connected()
  const old = Array.from(
    { length: 13 },
    (_, at): Payload => ({
      ...{ type: 'Unknown', payload: at + 1, critical: false },
      body: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]),
    }),
  )
  tamper(client, (payloads) => [...old, ...payloads])
  client.command('rekeyChild')
  net.settle()
  expect([client.closed, gateway.closed, gateway.n.rekeys.child]).toEqual([undefined, undefined, 1])
  expect(net.pings()).toBe(true)
})

test('RFC 7296 §3.6: a certificate that is only a URL is not fetched: it is none', () => {
  const made = pair(both())
  made.client.command('connect')
  made.net.step()
  made.net.step()
  tamper(made.gateway, (payloads) =>
    payloads.map((one) =>
      one.type === 'CERT'
        ? { ...one, encoding: CertificateEncoding.HASH_AND_URL_OF_X509.id, data: new Uint8Array(64) }
        : one,
    ),
  )
  made.net.settle()
  expect(made.client.closed?.error).toMatchObject({ kind: 'certificateRefused', rule: 'missing' })
  expect(run(both()).client.n.state).toBe('connected')
  expect(made.client.sent.map(shape).join()).not.toContain(`N(${NotifyType.HTTP_CERT_LOOKUP_SUPPORTED.id})`)
})

describe('RFC 7296 §2.9: a gateway that answers with more than it was asked for', () => {
  const own = {
    requestAddresses: { ipv4: false, ipv6: false },
    localSelectors: [selector('10.8.0.2', '10.8.0.2')],
    remoteSelectors: [selector('10.77.0.0', '10.77.0.255')],
  }
  const opposite = { remoteSelectors: [selector('10.8.0.0', '10.8.255.255')] }
  const whole = { startAddress: new Uint8Array(4), endAddress: new Uint8Array(4).fill(0xff) }
  const widen = (type: 'TSi' | 'TSr', payloads: readonly Payload[]): readonly Payload[] =>
    payloads.map((one) =>
      one.type === type
        ? { ...one, selectors: one.selectors.map((ts) => ('body' in ts ? ts : { ...ts, ...whole })) }
        : one,
    )

  test.each(['TSi', 'TSr'] as const)('%s in IKE_AUTH: there is no tunnel', (type) => {
    const { client, gateway, net } = pair({ client: own, gateway: opposite })
    client.command('connect')
    net.step()
    net.step()
    tamper(gateway, (payloads) => widen(type, payloads))
    net.settle()
    expect(client.closed?.error).toMatchObject({ kind: 'selectorsUnacceptable' })
    expect(client.configuration).toBeUndefined()
  })

  test.each(['TSi', 'TSr'] as const)(
    '%s when keys are renewed: the tunnel stays for what it was for',
    (type) => {
      const { client, gateway, net } = connected({ client: own, gateway: opposite })
      const before = [...client.n.children.values()].map(({ selectors }) => selectors)
      tamper(gateway, (payloads) => widen(type, payloads))
      client.command('rekeyChild')
      net.settle()
      expect([...client.n.children.values()].map(({ selectors }) => selectors)).toEqual(before)
    },
  )
})

describe('CVE-2026-12413: payloads that nobody has protected, before the one that is', () => {
  const OUTER: readonly [string, readonly Payload[]][] = [
    ['unknown ones, a hundred', Array.from({ length: 100 }, () => unknown(false))],
    ['one that is critical and unknown', [unknown(true)]],
    ['a Delete of the IKE SA', [{ type: 'Delete', protocol: 1, spiBytes: 0, spis: [] }]],
    [
      'AUTHENTICATION_FAILED',
      [
        {
          ...{ type: 'Notify', protocol: 0, spi: new Uint8Array(0), data: new Uint8Array(0) },
          notify: NotifyType.AUTHENTICATION_FAILED.id,
        },
      ],
    ],
  ]

  test.each(OUTER)('%s: the message is dropped, and the real one still counts', (_, outer) => {
    const { client, gateway, net } = connected()
    client.command('probe')
    const request = net.take() as Flight
    const read = decodeMessage(request.bytes)
    if (!read.ok) throw read.error
    const before = gateway.sent.length
    const { header, payloads } = read.value
    net.deliver({ ...request, bytes: encodeMessage(header, [...outer, ...payloads]) })
    expect([gateway.sent.length, gateway.closed]).toEqual([before, undefined])
    net.deliver(request)
    net.settle()
    expect([gateway.sent.length, client.closed, gateway.closed]).toEqual([before + 1, undefined, undefined])
    expect(net.pings()).toBe(true)
  })
})
