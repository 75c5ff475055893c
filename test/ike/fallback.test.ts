import { describe, expect, test } from 'vitest'
import { asMillis } from '../../core/bytes/brands.ts'
import type { ConnectionConfig } from '../../core/ike/config.ts'
import { Fallback } from '../../core/ike/fallback.ts'
import type { State } from '../../core/ike/session.ts'
import { Negotiation as NegotiationV1 } from '../../core/ike/v1/negotiation.ts'
import { AwaitFirst } from '../../core/ike/v1/responder.ts'
import { Negotiation } from '../../core/ike/v2/negotiation.ts'
import { AwaitInitRequest } from '../../core/ike/v2/responder.ts'
import {
  ECP256,
  encr,
  type Flight,
  integ,
  ke,
  type PairOptions,
  pairOf,
  prf,
  SHA256,
  sn,
  type Version,
} from '../support/bench.ts'
import { by, clientOf, each, gatewayOf, trusting } from '../support/certificate-pair.ts'
import type { PeerNegotiation } from '../support/peer.ts'
import { makeKey } from '../support/pki.ts'

const suite = [encr(12, 256), prf(SHA256), integ(12), ke(ECP256)]
const offers = { ikeProposals: [suite], espProposals: [[encr(12, 128), integ(12), sn(0)]] }

/** The client, whichever version it speaks by now. */
class Either implements PeerNegotiation {
  readonly config: ConnectionConfig
  readonly state: Fallback

  constructor(config: ConnectionConfig, state: Fallback) {
    this.config = config
    this.state = state
  }
  get local() {
    return this.state.negotiation.local
  }
  get remote() {
    return this.state.negotiation.remote
  }
  get children() {
    return this.state.negotiation.children
  }
}

/** A client that may fall back, and a gateway of one version. */
function pair(gatewayVersion: 1 | 2, options: PairOptions = {}) {
  const version: Version<PeerNegotiation> = {
    make: (config, registry, random) =>
      config.version === 'auto'
        ? new Either(config, new Fallback(config, registry, random))
        : gatewayVersion === 1
          ? new NegotiationV1(config, registry, random)
          : new Negotiation(config, registry, random),
    client: (n) => (n as Either).state,
    gateway: (n): State =>
      n instanceof NegotiationV1 ? new AwaitFirst(n) : new AwaitInitRequest(n as Negotiation),
    offers,
  }
  return pairOf(version, { ...options, client: { version: 'auto', ...options.client } })
}

type Two = ReturnType<typeof pair>

const view = ({ client }: Two) =>
  (client.n as Either).state.view({ inbound: () => undefined, outbound: () => undefined }, (at) => at)
const versions = ({ client }: Two): readonly number[] => client.sent.map(({ bytes }) => bytes[17]! >> 4)
const toGateway = (flight: Flight): boolean => flight.to.name === 'gateway'

describe('version auto', () => {
  test('against a gateway of IKEv2 no message of IKEv1 is sent, not even much later', () => {
    const two = pair(2)
    two.client.command('connect')
    two.net.settle()
    two.net.advance(60_000)
    expect(view(two)).toMatchObject({ state: 'connected', phase1: { version: 'IKEv2' } })
    expect(new Set(versions(two))).toEqual(new Set([2]))
    expect(two.net.pings()).toBe(true)
  })

  test('a gateway that is silent about IKEv2 is reached by IKEv1, and everybody can see that and why', () => {
    const two = pair(1)
    two.client.command('connect')
    two.net.advance(15_000)
    expect(view(two)).toMatchObject({
      state: 'connected',
      phase1: { version: 'IKEv1 main mode, for the gateway answers nothing to IKEv2' },
    })
    expect(two.client.notes).toContain('falling back to IKEv1: the gateway answers nothing to IKEv2')
    expect(two.net.pings()).toBe(true)
  })

  test('a dead host fails once, as what it is, and has had both versions', () => {
    const two = pair(1)
    two.net.onSend = () => []
    two.client.command('connect')
    two.net.advance(120_000)
    expect(two.client.closed?.error).toEqual({ kind: 'unreachable', host: 'gw.test', tries: 7 })
    expect(two.client.actions.filter(({ do: what }) => what === 'closed')).toHaveLength(1)
    expect(new Set(versions(two))).toEqual(new Set([2, 1]))
    expect(two.client.timers.size).toBe(0)
  })

  test.each([
    ['RFC 7296 §2.5: INVALID_MAJOR_VERSION', 0x20, 5, 'IKE'],
    ['an answer of IKEv1', 0x10, 5, 'IKE'],
    ['a gateway that has no IKEv2 for us: NO_PROPOSAL_CHOSEN', 0x20, 14, 'no IKEv2'],
  ])('%s', (_, major, type, why) => {
    const two = pair(1)
    two.net.onSend = (flight) => {
      if (!toGateway(flight) || flight.bytes[17] !== 0x20) return [flight]
      const answer = refusal(flight.bytes, major, type)
      return [
        {
          ...flight,
          from: flight.to,
          to: flight.from,
          bytes: answer,
          source: flight.destination,
          destination: flight.source,
        },
      ]
    }
    two.client.command('connect')
    two.net.advance(7_000)
    expect(view(two).state).toBe('connected')
    expect(view(two).phase1?.version).toContain(why)
    expect(two.client.notes.join()).toContain('falling back to IKEv1')
  })

  test('a gateway of IKEv2 that refuses the key is not asked by IKEv1', () => {
    const two = pair(2, { gateway: { remoteIdentity: { type: 2, data: new Uint8Array(3) } } })
    two.client.command('connect')
    two.net.advance(60_000)
    expect(two.client.closed?.error).toMatchObject({ kind: 'authFailed' })
    expect(new Set(versions(two))).toEqual(new Set([2]))
  })

  test('with nothing that IKEv1 could sign with, the end of IKEv2 is the end', () => {
    const ed25519 = by(clientOf({}, undefined, makeKey('ed25519')))
    const two = pair(1, { client: { authentication: each(ed25519, trusting()) } })
    two.client.command('connect')
    two.net.advance(120_000)
    expect(two.client.closed?.error).toMatchObject({ kind: 'unreachable' })
    expect(new Set(versions(two))).toEqual(new Set([2]))
  })

  test('given up while it waits, it is over', () => {
    const two = pair(1)
    two.net.onSend = () => []
    two.client.command('connect')
    two.net.advance(1_000)
    two.client.command('disconnect')
    expect(two.client.closed?.error).toEqual({ kind: 'cancelled' })
    expect(asMillis(two.client.timers.size)).toBe(0)
  })

  test('certificates serve both versions', () => {
    const rsa = makeKey('rsa')
    const two = pair(1, {
      client: { authentication: each(by(clientOf({}, undefined, rsa)), trusting()) },
      gateway: { authentication: each(by(gatewayOf({}, undefined, makeKey('rsa'))), trusting()) },
    })
    two.client.command('connect')
    two.net.advance(15_000)
    expect(view(two).phase1?.version).toContain('IKEv1 main mode')
    expect(two.net.pings()).toBe(true)
  })
})

/** What a gateway answers that does not speak our IKEv2: a notify in the clear. */
function refusal(request: Uint8Array, version: number, type: number): Uint8Array {
  const bytes = new Uint8Array(36)
  bytes.set(request.subarray(0, 8), 0)
  bytes.fill(version === 0x10 ? 9 : 0, 8, 16)
  bytes[16] = 41
  bytes[17] = version
  bytes[18] = 34
  bytes[19] = 0x20
  bytes.set([0, 0, 0, 36], 24)
  bytes.set([0, 0, 0, 8, 0, 0, 0, type], 28)
  return bytes
}
