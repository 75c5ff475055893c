import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { find } from '../../core/ike/v2/payloads.ts'
import { both, payloadsOf, run } from '../support/certificate-pair.ts'
import {
  connected,
  ECP256,
  encr,
  GCM16,
  ke,
  type PairOptions,
  pair,
  prf,
  SHA256,
  shape,
  sn,
  X25519,
} from '../support/two-peers.ts'

const INTERMEDIATE = NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED.id
const LINK = NotifyType.ADDITIONAL_KEY_EXCHANGE.id
const ML_KEM_512 = 35
const ML_KEM_768 = 36
/** ADDKE1 … ADDKE7. */
const addke = (place: number, id: number) => ({ type: 5 + place, id })

const ike = (...additional: ReturnType<typeof addke>[]) => [
  [encr(GCM16, 128), prf(SHA256), ke(X25519), ...additional],
]
const esp = (...additional: ReturnType<typeof addke>[]) => [[encr(GCM16, 128), sn(0), ...additional]]
const hybrid = ike(addke(1, ML_KEM_512))
const two = ike(addke(1, ML_KEM_512), addke(2, ECP256))
const agreeing = (ikeProposals = hybrid, more: PairOptions['client'] = {}): PairOptions => ({
  client: { ikeProposals, ...more },
  gateway: { ikeProposals, ...more },
})
const shapes = (peer: { readonly sent: readonly Parameters<typeof shape>[0][] }) => peer.sent.map(shape)

describe('RFC 9370 §2.2.2: more key exchanges before IKE_AUTH', () => {
  test('one IKE_INTERMEDIATE for each, in their order', () => {
    const { client, gateway, net } = run(agreeing(two))
    expect(shapes(client)).toEqual([
      `IKE_SA_INIT request 0: SA KE Nonce N(16388) N(16389) N(16430) N(${INTERMEDIATE})`,
      'IKE_INTERMEDIATE request 1: KE',
      'IKE_INTERMEDIATE request 2: KE',
      'IKE_AUTH request 3: IDi IDr AUTH N(16384) CP SA TSi TSr',
    ])
    expect(shapes(gateway)).toEqual([
      `IKE_SA_INIT response 0: SA KE Nonce N(16388) N(16389) N(16430) N(${INTERMEDIATE})`,
      'IKE_INTERMEDIATE response 1: KE',
      'IKE_INTERMEDIATE response 2: KE',
      'IKE_AUTH response 3: IDr AUTH CP SA TSi TSr',
    ])
    expect(find(payloadsOf(net, 'client', 1), 'KE')?.group).toBe(ML_KEM_512)
    expect(find(payloadsOf(net, 'client', 2), 'KE')?.group).toBe(ECP256)
    expect(net.pings()).toBe(true)
  })

  test('each makes all keys anew', () => {
    const plain = run(agreeing(ike()))
    const more = run(agreeing())
    const keys = ({ client }: typeof plain) =>
      Object.values(client.n.current!.keys as unknown as Record<string, Secret>).map((key) =>
        key.use((octets) => Buffer.from(octets).toString('hex')),
      )
    for (const [at, key] of keys(more).entries()) {
      if (key !== '') expect(key).not.toBe(keys(plain)[at])
    }
  })

  test('RFC 9242 §3.3.2: both AUTH cover the exchanges, also where they went in fragments', () => {
    const fragments = { fragmentDatagramBytes: 576 }
    const { client, gateway, net } = run(agreeing(ike(addke(1, ML_KEM_768)), fragments))
    expect(client.sent.filter((m) => m.fragment !== undefined).length).toBeGreaterThan(1)
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
    expect(net.pings()).toBe(true)
  })

  test('with certificates and a post-quantum key besides', () => {
    const ppk = () => ({
      ppk: { id: Uint8Array.of(1), secret: Secret.fromText('ppk'), required: true },
      ikeProposals: hybrid,
    })
    expect(run(both({ more: { client: ppk(), gateway: ppk() } })).net.pings()).toBe(true)
  })

  test('what is lost is asked and answered again, although the keys have changed meanwhile', () => {
    const { client, gateway, net } = pair(agreeing(two))
    let count = 0
    // The first of every answer is lost.
    net.onSend = (flight) => (flight.from === gateway && count++ % 2 === 0 ? [] : [flight])
    client.command('connect')
    net.advance(20_000)
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
    net.onSend = undefined
    expect(net.pings()).toBe(true)
  })

  test('ML-KEM alone, in IKE_SA_INIT', () => {
    const alone = [[encr(GCM16, 128), prf(SHA256), ke(ML_KEM_512)]]
    const { client, net } = run(agreeing(alone))
    expect(shape(client.sent[1]!)).toContain('IKE_AUTH request 1')
    expect(net.pings()).toBe(true)
  })

  test('through a NAT they go by port 4500', () => {
    const { client, net } = run({ ...agreeing(), nat: true })
    expect(client.n.remote?.port).toBe(4500)
    expect(net.pings()).toBe(true)
  })
})

describe('RFC 9370 §2.2.1: negotiation', () => {
  const optional = ike(addke(1, ML_KEM_512), addke(1, 0))

  test('NONE makes it optional: taken where both can', () => {
    const { client } = run({ client: { ikeProposals: optional }, gateway: { ikeProposals: hybrid } })
    expect(client.n.current?.suite.additional?.map((k) => k.id)).toEqual([ML_KEM_512])
  })

  test('and left out where the peer has none', () => {
    const { client, net } = run({ client: { ikeProposals: optional }, gateway: { ikeProposals: ike() } })
    expect(client.n.current?.suite.additional).toBeUndefined()
    expect(net.pings()).toBe(true)
  })

  test('security: required by us, and the gateway has none: no connection', () => {
    const { client, net } = run({ client: { ikeProposals: hybrid }, gateway: { ikeProposals: ike() } })
    net.advance(10_000)
    expect(client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 1 })
  })

  test('required by the gateway, and we have none: no connection', () => {
    const { client, net } = run({ client: { ikeProposals: ike() }, gateway: { ikeProposals: hybrid } })
    net.advance(10_000)
    expect(client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 1 })
  })

  test('no method is used twice', () => {
    const twice = ike(addke(1, ML_KEM_512), addke(1, ECP256), addke(2, ML_KEM_512))
    const { client } = run(agreeing(twice))
    expect(client.closed ?? client.n.current?.suite.additional?.map((k) => k.id)).not.toEqual([
      ML_KEM_512,
      ML_KEM_512,
    ])
  })

  test('security: a gateway that cannot read our value ends it there', () => {
    const { client, gateway, net } = pair(agreeing())
    client.command('connect')
    net.step()
    net.step()
    const flight = net.take()
    expect(shape(client.sent[1]!)).toBe('IKE_INTERMEDIATE request 1: KE')
    flight.bytes[60]! ^= 1
    net.deliver(flight)
    expect(gateway.notes.at(-1)).toMatch(/not the expected IKE_INTERMEDIATE/)
    net.advance(5_000)
    expect(client.n.state).toBe('connected')
  })
})

describe('RFC 9370 §2.2.4: more key exchanges later', () => {
  const mlkem = { pfsGroups: [X25519], espProposals: esp(addke(1, ML_KEM_512)) }

  test('CREATE_CHILD_SA, then IKE_FOLLOWUP_KE with what the peer gave to show', () => {
    const { client, gateway, net } = connected(agreeing(ike(), mlkem))
    const [before] = client.children
    client.command('rekeyChild')
    net.settle()
    expect(shapes(client).slice(2)).toEqual([
      'CREATE_CHILD_SA request 2: N(16393) SA Nonce KE TSi TSr',
      `IKE_FOLLOWUP_KE request 3: KE N(${LINK})`,
      'INFORMATIONAL request 4: Delete',
    ])
    expect(shapes(gateway).slice(2)).toEqual([
      `CREATE_CHILD_SA response 2: SA Nonce KE TSi TSr N(${LINK})`,
      'IKE_FOLLOWUP_KE response 3: KE',
      'INFORMATIONAL response 4: Delete',
    ])
    expect(client.children).toHaveLength(1)
    expect(client.children[0]).not.toBe(before)
    expect(net.pings()).toBe(true)
  })

  test('the other way round: the gateway rekeys', () => {
    const { client, gateway, net } = connected(agreeing(ike(), mlkem))
    gateway.command('rekeyChild')
    net.settle()
    expect(client.n.rekeys.child).toBe(1)
    expect(client.children).toHaveLength(1)
    expect(net.pings()).toBe(true)
  })

  test.each(['client', 'gateway'] as const)('the IKE SA, rekeyed by the %s', (who) => {
    const made = connected(agreeing(two))
    const old = made.client.n.current
    made[who].command('rekeyIke')
    made.net.settle()
    expect(shapes(made[who]).filter((m) => /FOLLOWUP_KE request/.test(m))).toHaveLength(2)
    expect(made.client.n.current).not.toBe(old)
    expect(made.client.n.rekeys.ike).toBe(1)
    made.client.command('rekeyChild')
    made.net.settle()
    expect(made.net.pings()).toBe(true)
  })

  test('childless, so that the very first CHILD_SA is as safe', () => {
    const options = { ...mlkem, childless: true }
    const { client, net } = run(agreeing(hybrid, options))
    expect(shapes(client).slice(2)).toEqual([
      'IKE_AUTH request 2: IDi IDr AUTH N(16384) CP',
      'CREATE_CHILD_SA request 3: SA Nonce KE TSi TSr',
      `IKE_FOLLOWUP_KE request 4: KE N(${LINK})`,
    ])
    expect(client.n.state).toBe('connected')
    expect(net.pings()).toBe(true)
  })

  test('STATE_NOT_FOUND: the tunnel stands, and the rekey is tried again', () => {
    const { client, gateway, net } = connected(agreeing(ike(), mlkem))
    client.command('rekeyChild')
    net.step()
    gateway.n.current!.series = undefined
    net.settle()
    expect(shapes(gateway).at(-1)).toBe(`IKE_FOLLOWUP_KE response 3: N(${NotifyType.STATE_NOT_FOUND.id})`)
    expect(net.pings()).toBe(true)
    net.advance(CHOICE.temporaryFailureMs + 1_000)
    expect(client.n.rekeys.child).toBe(1)
    expect(net.pings()).toBe(true)
  })

  test('security: a series that pauses too long is forgotten', () => {
    const { client, gateway, net } = connected(agreeing(ike(), mlkem))
    client.command('rekeyChild')
    net.step()
    const reply = net.take()
    net.advance(100)
    net.deliver(reply)
    gateway.n.current!.series = { ...gateway.n.current!.series!, until: net.now }
    net.settle()
    expect(shapes(gateway).at(-1)).toContain(`N(${NotifyType.STATE_NOT_FOUND.id})`)
    expect(net.pings()).toBe(true)
  })

  test('both ends at once: one tunnel is left', () => {
    const { client, gateway, net } = connected(agreeing(ike(), mlkem))
    client.command('rekeyChild')
    gateway.command('rekeyChild')
    net.settle()
    net.advance(120_000)
    expect([client.closed, gateway.closed]).toEqual([undefined, undefined])
    expect(client.children).toHaveLength(1)
    expect(net.pings()).toBe(true)
  })
})
