import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage, type Header } from '../../core/wire/ikev2/message.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { connected, type Flight, fqdn, type Pair, pair } from '../support/two-peers.ts'

// Key exchange in IPsec revisited (Cremers 2011): what we said ourselves must never pass for what the other end says.

interface Read {
  readonly header: Header
  readonly payloads: readonly Payload[]
}

function read(bytes: Uint8Array): Read {
  const decoded = decodeMessage(bytes)
  if (!decoded.ok) throw decoded.error
  return decoded.value
}

/** The answer to IKE_SA_INIT on its way, and the request it answers. */
function halfWay(): Pair & { readonly request: Read; readonly answer: Flight } {
  const made = pair()
  made.client.command('connect')
  const asked = made.net.take() as Flight
  made.net.deliver(asked)
  return { ...made, request: read(asked.bytes), answer: made.net.take() as Flight }
}

type Change = (answer: Read, request: Read) => Read
const fromRequest =
  (type: Payload['type']): Change =>
  ({ header, payloads }, request) => ({
    header,
    payloads: payloads.map((one) =>
      one.type === type ? request.payloads.find((r) => r.type === type)! : one,
    ),
  })
const inHeader =
  (change: (header: Header) => Partial<Header>): Change =>
  ({ header, payloads }) => ({ header: { ...header, ...change(header) }, payloads })

const FORGED: readonly [string, Change][] = [
  ['our own nonce', fromRequest('Nonce')],
  ['our own public value', fromRequest('KE')],
  ['our own SPI as that of the gateway', inHeader(({ initiatorSpi }) => ({ responderSpi: initiatorSpi }))],
  [
    'the SPIs the wrong way round',
    inHeader(({ initiatorSpi, responderSpi }) => ({
      initiatorSpi: responderSpi,
      responderSpi: initiatorSpi,
    })),
  ],
  ['the flag of an initiator', inHeader(() => ({ initiator: true }))],
  ['the flag of a request', inHeader(() => ({ response: false }))],
]

test.each(FORGED)('IKE_SA_INIT with %s is no answer; the real one still is', (_, change) => {
  const { client, net, request, answer } = halfWay()
  const forged = change(read(answer.bytes), request)
  net.deliver({ ...answer, bytes: encodeMessage(forged.header, forged.payloads) })
  expect(client.state.name).toBe('AwaitInitReply')
  expect(client.closed).toBeUndefined()
  net.deliver(answer)
  net.settle()
  expect(client.n.state).toBe('connected')
})

/** Back to where it came from, as if the other end had sent it. */
const echo = (flight: Flight): Flight => ({
  ...flight,
  from: flight.to,
  to: flight.from,
  source: flight.destination,
  destination: flight.source,
})

test('IKE_AUTH that comes back is no answer', () => {
  const { client, net, answer } = halfWay()
  net.deliver(answer)
  const auth = net.take() as Flight
  net.deliver(echo(auth))
  // With the flags of an answer it is not what was sealed any more.
  const { header, payloads } = read(auth.bytes)
  net.deliver({
    ...echo(auth),
    bytes: encodeMessage({ ...header, initiator: false, response: true }, payloads),
  })
  expect([client.state.name, client.closed]).toEqual(['AwaitAuthReply', undefined])
  net.deliver(auth)
  net.settle()
  expect(client.n.state).toBe('connected')
})

describe.each(['client', 'gateway'] as const)('a request of the %s that comes back', (name) => {
  test('is nobody’s request and nobody’s answer: RFC 7296 §2.14, each way has keys of its own', () => {
    const { net, ...peers } = connected()
    const peer = peers[name]
    const other = name === 'client' ? peers.gateway : peers.client
    const before = peer.sent.length
    peer.command('probe')
    const request = net.take() as Flight
    const { header, payloads } = read(request.bytes)
    for (const flags of [{}, { initiator: !header.initiator }, { response: true }])
      for (const response of [false, true])
        net.deliver({
          ...echo(request),
          bytes: encodeMessage({ ...header, response, ...flags }, payloads),
        })
    expect([peer.sent.length, peer.closed]).toEqual([before + 1, undefined])
    net.deliver(request)
    net.settle()
    expect([peer.closed, other.closed, net.pings()]).toEqual([undefined, undefined, true])
  })
})

describe('a gateway that goes by our own name', () => {
  const alike = { gateway: { localIdentity: fqdn('client.test'), remoteIdentity: fqdn('client.test') } }

  test('is our echo, where we expect nobody in particular', () => {
    const { client, net } = pair({ ...alike, client: { remoteIdentity: undefined } })
    client.command('connect')
    net.settle()
    expect(client.closed?.error).toMatchObject({
      kind: 'authFailed',
      who: 'gateway',
      problem: 'it calls itself client.test, as we do',
    })
  })

  test('is believed where the profile says that this is its name', () => {
    const { client, net } = pair({ ...alike, client: { remoteIdentity: fqdn('client.test') } })
    client.command('connect')
    net.settle()
    expect(client.n.state).toBe('connected')
  })
})
