import { describe, expect, test } from 'vitest'
import { ExchangeType } from '../../core/iana/ikev2.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { Established } from '../../core/ike/v2/established.ts'
import { SPEC } from '../../core/ike/v2/numbers.ts'
import { findNotify, notify } from '../../core/ike/v2/payloads.ts'
import { identityOf, redirectOf } from '../../core/ike/v2/redirect.ts'
import { payloadsOf, run } from '../support/certificate-pair.ts'
import { connected, fqdn, type Net, type PairOptions, type Peer, pair, shape } from '../support/two-peers.ts'

const { REDIRECT, REDIRECTED_FROM, REDIRECT_SUPPORTED } = NotifyType
const ELSEWHERE = '192.0.2.77'

const sentOn = (where: 'IKE_SA_INIT' | 'IKE_AUTH', more: PairOptions = {}): PairOptions => ({
  client: { redirect: true, ...more.client },
  gateway: { redirectsTo: { host: ELSEWHERE, in: where } },
  second: { redirectsTo: undefined!, ...more.second },
})
/** The gateway asks an established client to go elsewhere. */
function askToGo(gateway: Peer, net: Net): void {
  const established = gateway.state as Established
  const request = {
    label: 'INFORMATIONAL redirect',
    exchange: ExchangeType.INFORMATIONAL.id,
    build: () => [notify(REDIRECT.id, identityOf(ELSEWHERE))],
    onReply: () => {},
  }
  established.ask(established.current, request, net.now)
  // What was asked for leaves with the next event, whatever that is.
  gateway.feed({ type: 'timer', timer: 'none' })
}

describe('RFC 5685 §3: in IKE_SA_INIT', () => {
  test('the client begins anew there, and says where it comes from', () => {
    const { client, net } = run(sentOn('IKE_SA_INIT'))
    expect(shape(client.sent[0]!)).toContain(`N(${REDIRECT_SUPPORTED.id})`)
    expect(shape(net.gateway.sent[0]!)).toBe(`IKE_SA_INIT response 0: N(${REDIRECT.id})`)
    expect(net.reached[1]).toBe(ELSEWHERE)
    const from = findNotify(payloadsOf(net, 'client', 1), REDIRECTED_FROM.id)
    expect([...from!.data]).toEqual([1, 4, 192, 0, 2, 1])
    expect(client.n.state).toBe('connected')
    expect(client.n.remote?.address).toBe(ELSEWHERE)
    expect(net.pings()).toBe(true)
  })

  test('RFC 7296 §2.23: on port 4500 it is still the other one', () => {
    const { client, net } = run({ ...sentOn('IKE_SA_INIT'), nat: true })
    expect(client.n.remote).toEqual({ address: ELSEWHERE, port: 4500 })
    expect(net.reached).toEqual(['192.0.2.1', ELSEWHERE, ELSEWHERE])
  })

  test('security: without our nonce it is nobody’s word', () => {
    const { client, net } = pair(sentOn('IKE_SA_INIT'))
    client.command('connect')
    net.step()
    const flight = net.take()
    flight.bytes[flight.bytes.length - 1]! ^= 1
    net.deliver(flight)
    expect(net.reached).toEqual(['192.0.2.1'])
    expect(client.state.name).toBe('AwaitInitReply')
  })

  test('who does not want to be sent on says nothing of it, and is served', () => {
    const { client, net } = run({ ...sentOn('IKE_SA_INIT'), client: {} })
    expect(shape(client.sent[0]!)).not.toContain(`${REDIRECT_SUPPORTED.id}`)
    expect(net.pings()).toBe(true)
  })

  test('security: the other gateway has to be whom we wanted', () => {
    const stranger = { redirectsTo: undefined!, localIdentity: fqdn('stranger.test') }
    const { client } = run(sentOn('IKE_SA_INIT', { second: stranger }))
    expect(client.closed?.error).toMatchObject({ kind: 'gatewayIdMismatch' })
  })

  test('RFC 5685 §7: round and round comes to an end', () => {
    const options = sentOn('IKE_SA_INIT')
    const { client, net } = run({ ...options, second: options.gateway! })
    net.advance(10_000)
    expect(client.closed?.error).toMatchObject({ kind: 'protocol', reference: 'RFC 5685 §7' })
    expect(net.reached).toHaveLength(1 + SPEC.mostRedirects)
  })
})

describe('RFC 5685 §6: in IKE_AUTH', () => {
  test('once it has proven itself: the IKE SA is deleted, and the other gateway serves us', () => {
    const { client, gateway, net } = run(sentOn('IKE_AUTH'))
    expect(gateway.sent.map(shape)[1]).toBe(`IKE_AUTH response 1: IDr AUTH N(${REDIRECT.id})`)
    expect(gateway.closed?.error?.kind).toBe('closedByGateway')
    expect([client.n.state, client.n.remote?.address]).toEqual(['connected', ELSEWHERE])
    expect(net.pings()).toBe(true)
  })
})

describe('RFC 5685 §5: later', () => {
  test('it is answered, everything is left, and a new tunnel stands elsewhere', () => {
    const { client, gateway, net } = connected({ client: { redirect: true }, second: {} })
    const [before] = client.children
    askToGo(gateway, net)
    net.settle()
    expect(gateway.closed?.error?.kind).toBe('closedByGateway')
    expect([client.n.state, client.n.remote?.address]).toEqual(['connected', ELSEWHERE])
    expect(client.children).toHaveLength(1)
    expect(client.children[0]).not.toBe(before)
    expect(client.actions.filter((a) => a.do === 'established')).toHaveLength(2)
    expect(net.pings()).toBe(true)
    net.advance(60_000)
    expect(client.closed).toBeUndefined()
  })

  test('not where it is not wanted', () => {
    const { client, gateway, net } = connected({ second: {} })
    askToGo(gateway, net)
    net.settle()
    expect(net.reached).toEqual(['192.0.2.1'])
    expect([client.n.state, gateway.closed]).toEqual(['connected', undefined])
  })
})

test('RFC 5685 §9: gateways by address and by name; what is broken is passed over', () => {
  const read = (data: Uint8Array) => redirectOf({ redirect: true }, [notify(REDIRECT.id, data)])?.host
  for (const host of ['192.0.2.9', '2001:db8::9', 'gw2.example.org'])
    expect(read(identityOf(host))).toBe(host)
  for (const broken of [[], [1, 4, 1, 2], [1, 3, 1, 2, 3], [9, 1, 1], [3, 200, 65], [3, 4, 97, 0, 98, 99]])
    expect(read(Uint8Array.from(broken))).toBeUndefined()
})
