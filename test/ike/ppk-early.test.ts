import { describe, expect, test } from 'vitest'
import { concat } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { PpkConfig } from '../../core/ike/config.ts'
import type { InitDone } from '../../core/ike/v2/exchanges/ike-sa-init.ts'
import { ikeKeys, prfPlus } from '../../core/ike/v2/keys.ts'
import { find, findNotify, notify } from '../../core/ike/v2/payloads.ts'
import { chooseEarly, mixEarly, ppkKey, tookEarly } from '../../core/ike/v2/ppk.ts'
import { both, payloadsOf, run } from '../support/certificate-pair.ts'
import { eapPair } from '../support/eap-peers.ts'
import { encr, GCM16, ke, type PairOptions, prf, SHA256, shape, X25519 } from '../support/two-peers.ts'

const USE = NotifyType.USE_PPK.id
const EARLY = NotifyType.USE_PPK_INT.id
const INTERMEDIATE = NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED.id
const KEY = NotifyType.PPK_IDENTITY_KEY.id
const IDENTITY = NotifyType.PPK_IDENTITY.id
const ML_KEM_512 = 35

const ppk = (
  change: Partial<Omit<PpkConfig, 'secret' | 'id'>> & { id?: string; secret?: string } = {},
): PpkConfig => ({
  id: new Uint8Array(Buffer.from(change.id ?? 'ppk-of-test')),
  secret: Secret.fromText(change.secret ?? 'a key no quantum computer can guess'),
  required: change.required ?? true,
  early: change.early ?? true,
})
const pskPair = (
  client: PpkConfig,
  gateway: PpkConfig | undefined,
  more: PairOptions['client'] = {},
): PairOptions => ({
  client: { ppk: client, ...more },
  gateway: { ...(gateway === undefined ? {} : { ppk: gateway }), ...more },
})
const stateOf = ({ client, gateway }: ReturnType<typeof run>) => [client.n.state, gateway.n.state]

describe('RFC 9867 §3.1: a PPK in IKE_INTERMEDIATE', () => {
  test('both offers go out, one is taken; the key is named, confirmed and taken before IKE_AUTH', () => {
    const { client, gateway, net } = run(pskPair(ppk(), ppk()))
    expect([...client.sent, ...gateway.sent].map(shape)).toEqual([
      `IKE_SA_INIT request 0: SA KE Nonce N(16388) N(16389) N(16430) N(${USE}) N(${EARLY}) N(${INTERMEDIATE})`,
      `IKE_INTERMEDIATE request 1: N(${KEY})`,
      'IKE_AUTH request 2: IDi IDr AUTH N(16384) CP SA TSi TSr',
      `IKE_SA_INIT response 0: SA KE Nonce N(16388) N(16389) N(16430) N(${EARLY}) N(${INTERMEDIATE})`,
      `IKE_INTERMEDIATE response 1: N(${IDENTITY})`,
      'IKE_AUTH response 2: IDr AUTH CP SA TSi TSr',
    ])
    const sent = findNotify(payloadsOf(net, 'client', 1), KEY)!.data
    expect(Buffer.from(sent.subarray(0, -8)).toString('latin1')).toBe('\u0002ppk-of-test')
    expect(net.pings()).toBe(true)
  })

  test('the confirmation is the beginning of prf(PPK, Ni | Nr | SPIi | SPIr)', () => {
    const { client, net } = run(pskPair(ppk(), ppk()))
    const nonce = (from: 'client' | 'gateway') => find(payloadsOf(net, from, 0), 'Nonce')!.nonce
    const { suite, initiatorSpi, responderSpi } = client.n.current!
    const wanted = ppk().secret.use((key) =>
      suite.prf.compute(key, concat(nonce('client'), nonce('gateway'), initiatorSpi, responderSpi)),
    )
    const sent = findNotify(payloadsOf(net, 'client', 1), KEY)!.data
    expect(sent.slice(-8)).toEqual(wanted.slice(0, 8))
  })

  test('all keys change: SKEYSEED = prf+(PPK, SK_d), and SK_* of that as at first', () => {
    const { client } = run({})
    const sa = client.n.current!
    const [ni, nr] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    const key = ppk()
    const seed = key.secret.use((p) =>
      sa.keys.d.use((d) => prfPlus(sa.suite.prf, p, d, sa.suite.prf.keyBytes)),
    )
    const wanted = ikeKeys(sa.suite, new Secret(seed), ni, nr, sa.initiatorSpi, sa.responderSpi)
    mixEarly({ ppk: key }, { sa, ni, nr } as unknown as Parameters<typeof mixEarly>[1])
    for (const name of ['d', 'ei', 'er', 'pi', 'pr'] as const)
      expect(
        sa.keys[name].use((k) => Uint8Array.from(k)),
        name,
      ).toEqual(wanted[name].use((k) => Uint8Array.from(k)))
  })

  test('RFC 9370: it goes into the last of several, beside its key exchange, and both count', () => {
    const ikeProposals = [[encr(GCM16, 128), prf(SHA256), ke(X25519), { type: 6, id: ML_KEM_512 }]]
    const { client, gateway, net } = run(pskPair(ppk(), ppk(), { ikeProposals }))
    expect([client.sent[1]!, gateway.sent[1]!].map(shape)).toEqual([
      `IKE_INTERMEDIATE request 1: KE N(${KEY})`,
      `IKE_INTERMEDIATE response 1: KE N(${IDENTITY})`,
    ])
    expect(net.pings()).toBe(true)
  })

  test('with certificates and with EAP, and keys that are renewed', () => {
    const more = { client: { ppk: ppk() }, gateway: { ppk: ppk() } }
    const peers = run(both({ more }))
    expect(stateOf(peers)).toEqual(['connected', 'connected'])
    peers.client.command('rekeyIke')
    peers.net.settle()
    expect(peers.client.n.rekeys.ike).toBe(1)
    const byEap = eapPair({ more })
    byEap.net.settle()
    expect(stateOf(byEap)).toEqual(['connected', 'connected'])
    expect(byEap.net.pings()).toBe(true)
  })
})

describe('RFC 9867 §3.1: where the two do not fit', () => {
  test.each([
    ['another key under the same name', { secret: 'another' }],
    ['another name', { id: 'another' }],
  ])('%s: a gateway that insists refuses, a client that insists leaves', (_, change) => {
    const refused = run(pskPair(ppk({ required: false }), ppk(change)))
    expect(refused.client.closed?.error).toMatchObject({ kind: 'refused', exchange: 'IKE_INTERMEDIATE' })
    const left = run(pskPair(ppk(), ppk({ ...change, required: false })))
    expect(left.client.closed?.error).toEqual({ kind: 'ppkNotUsed' })
  })

  test('nobody insists: it goes on without', () => {
    const { client, gateway, net } = run(
      pskPair(ppk({ required: false }), ppk({ id: 'other', required: false })),
    )
    expect(shape(gateway.sent[1]!)).toBe('IKE_INTERMEDIATE response 1:')
    expect(client.n.state).toBe('connected')
    expect(net.pings()).toBe(true)
  })

  test('RFC 8784 is enough where the gateway knows nothing newer', () => {
    const { client, gateway, net } = run(pskPair(ppk(), ppk({ early: false })))
    expect(shape(gateway.sent[0]!)).toContain(`N(${USE})`)
    expect(shape(client.sent[1]!)).toContain(`IKE_AUTH request 1: IDi IDr AUTH N(${IDENTITY})`)
    expect(net.pings()).toBe(true)
  })

  test('a gateway without any is left where the client insists', () => {
    const { client, net } = run(pskPair(ppk(), undefined))
    net.advance(60_000)
    expect(client.closed?.error).toEqual({ kind: 'ppkNotUsed' })
    expect(client.sent.every((m) => m.exchange === 'IKE_SA_INIT')).toBe(true)
  })

  test('security: a name without the right confirmation, of whatever length, takes no key', () => {
    const { client } = run({})
    const key = ppk()
    const [ni, nr] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    const init = { sa: client.n.current!, ni, nr, ppk: 'early' } as unknown as InitDone
    const right = (ppkKey({ ppk: key }, init)[0] as { readonly data: Uint8Array }).data
    const chosen = (data: Uint8Array): number => chooseEarly({ ppk: key }, init, [notify(KEY, data)]).length
    expect(chosen(right)).toBe(1)
    const flipped = right.slice()
    flipped[flipped.length - 1]! ^= 1
    for (const wrong of [
      flipped,
      right.subarray(0, -8),
      right.subarray(0, -1),
      concat(right, right),
      new Uint8Array(0),
    ])
      expect(chosen(wrong)).toBe(0)
  })

  test('security: an answer that takes another PPK than ours is none', () => {
    expect(tookEarly({ ppk: ppk() }, [notify(IDENTITY, Uint8Array.of(2, 65))])).toBe(false)
    expect(tookEarly({ ppk: ppk() }, [notify(IDENTITY)])).toBe(false)
    expect(tookEarly({}, [notify(IDENTITY, Uint8Array.of(2, 65))])).toBe(false)
  })
})
