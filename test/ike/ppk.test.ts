import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import type { PpkConfig } from '../../core/ike/config.ts'
import type { InitDone } from '../../core/ike/v2/exchanges/ike-sa-init.ts'
import { mixKeys, prfPlus } from '../../core/ike/v2/keys.ts'
import { findNotify } from '../../core/ike/v2/payloads.ts'
import { concludePpk } from '../../core/ike/v2/ppk.ts'
import { both, FAILED, payloadsOf, run } from '../support/certificate-pair.ts'
import { eapPair } from '../support/eap-peers.ts'
import { type PairOptions, shape, wholeRegistry } from '../support/two-peers.ts'

const USE = NotifyType.USE_PPK.id
const IDENTITY = NotifyType.PPK_IDENTITY.id
const WITHOUT = NotifyType.NO_PPK_AUTH.id

const ppk = (required: boolean, change: { id?: string; secret?: string } = {}): PpkConfig => ({
  id: new Uint8Array(Buffer.from(change.id ?? 'ppk-of-test')),
  secret: Secret.fromText(change.secret ?? 'a key no quantum computer can guess'),
  required,
})
/** A client and a gateway by key, each with this PPK or none. */
const pskPair = (client: PpkConfig | undefined, gateway: PpkConfig | undefined): PairOptions => ({
  client: client === undefined ? {} : { ppk: client },
  gateway: gateway === undefined ? {} : { ppk: gateway },
})

test('RFC 8784 §3: SK_d, SK_pi and SK_pr are prf+(PPK, the key without it), and no other key changes', () => {
  const prf = wholeRegistry().prf.get(5)!
  const key = (fill: number) => new Secret(new Uint8Array(32).fill(fill))
  const secret = Secret.fromText('ppk')
  const mixed = mixKeys(prf, { d: key(1), pi: key(2), pr: key(3) }, secret)
  const wanted = (fill: number) =>
    secret.use((p) => prfPlus(prf, Uint8Array.from(p), new Uint8Array(32).fill(fill), 32))
  expect(mixed.d.use((k) => Uint8Array.from(k))).toEqual(wanted(1))
  expect(mixed.pi.use((k) => Uint8Array.from(k))).toEqual(wanted(2))
  expect(mixed.pr.use((k) => Uint8Array.from(k))).toEqual(wanted(3))
  expect(Object.keys(mixed)).toEqual(['d', 'pi', 'pr'])
})

describe('both ends have the same', () => {
  test('RFC 8784 §3: USE_PPK both ways, PPK_IDENTITY beside AUTH, an empty one in the answer', () => {
    const { client, gateway, net } = run(pskPair(ppk(true), ppk(true)))
    expect([...client.sent, ...gateway.sent].map(shape)).toEqual([
      `IKE_SA_INIT request 0: SA KE Nonce N(16388) N(16389) N(16430) N(${USE})`,
      `IKE_AUTH request 1: IDi IDr AUTH N(${IDENTITY}) N(16384) CP SA TSi TSr`,
      `IKE_SA_INIT response 0: SA KE Nonce N(16388) N(16389) N(16430) N(${USE})`,
      `IKE_AUTH response 1: IDr AUTH N(${IDENTITY}) CP SA TSi TSr`,
    ])
    const named = findNotify(payloadsOf(net, 'client', 1), IDENTITY)!.data
    expect(Buffer.from(named).toString('latin1')).toBe('\u0002ppk-of-test')
    expect(findNotify(payloadsOf(net, 'gateway', 1), IDENTITY)!.data).toHaveLength(0)
    expect(net.pings()).toBe(true)
  })

  test('RFC 8784 §3: SK_d changes, so that CHILD_SAs and later IKE SAs are as safe', () => {
    const plain = run({})
    const mixed = run(pskPair(ppk(true), ppk(true)))
    const d = ({ client }: typeof plain) =>
      client.n.current!.keys.d.use((k) => Buffer.from(k).toString('hex'))
    expect(d(mixed)).not.toBe(d(plain))
    mixed.client.command('rekeyIke')
    mixed.net.settle()
    mixed.client.command('rekeyChild')
    mixed.net.settle()
    expect(mixed.client.n.rekeys).toEqual({ ike: 1, child: 1 })
    expect(mixed.net.pings()).toBe(true)
  })

  test('RFC 8784 §3: where it is optional, a proof without it goes along', () => {
    const { client, net } = run(pskPair(ppk(false), ppk(false)))
    expect(shape(client.sent[1]!)).toContain(`AUTH N(${IDENTITY}) N(${WITHOUT})`)
    expect(findNotify(payloadsOf(net, 'gateway', 1), IDENTITY)).toBeDefined()
    expect(net.pings()).toBe(true)
  })

  test.each([true, false])('with certificates, required: %s', (required) => {
    const more = { client: { ppk: ppk(required) }, gateway: { ppk: ppk(required) } }
    const { client, gateway, net } = run(both({ more }))
    expect([client.closed?.error, client.n.state, gateway.n.state]).toEqual([
      undefined,
      'connected',
      'connected',
    ])
    expect(findNotify(payloadsOf(net, 'client', 1), WITHOUT) === undefined).toBe(required)
    expect(net.pings()).toBe(true)
  })
})

describe('only one end has it, or another one', () => {
  test('security: required by us, and the gateway has none: no IKE_AUTH leaves', () => {
    const { client, net } = run(pskPair(ppk(true), undefined))
    net.advance(60_000)
    expect(client.closed?.error).toEqual({ kind: 'ppkNotUsed' })
    expect(client.sent.every((m) => m.exchange === 'IKE_SA_INIT')).toBe(true)
  })

  test('optional for us, and the gateway has none: as without', () => {
    const { client, net } = run(pskPair(ppk(false), undefined))
    expect(shape(client.sent[1]!)).not.toContain(`${IDENTITY}`)
    expect(net.pings()).toBe(true)
  })

  test('RFC 8784 §3: the gateway knows another one, and both may do without', () => {
    const { client, gateway, net } = run(pskPair(ppk(false), ppk(false, { id: 'other' })))
    expect(findNotify(payloadsOf(net, 'gateway', 1), IDENTITY)).toBeUndefined()
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
    expect(net.pings()).toBe(true)
  })

  test('the same with certificates: the proof without it is verified too', () => {
    const more = { client: { ppk: ppk(false) }, gateway: { ppk: ppk(false, { id: 'other' }) } }
    expect(run(both({ more })).net.pings()).toBe(true)
  })

  test('security: required by the gateway, and we have none: AUTHENTICATION_FAILED', () => {
    const { client, gateway } = run(pskPair(undefined, ppk(true)))
    expect(shape(gateway.sent[1]!)).toBe(`IKE_AUTH response 1: N(${FAILED})`)
    expect(client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us' })
  })

  test('security: required by us, and the gateway knows another one: no tunnel, whatever it answers', () => {
    const { client } = run(pskPair(ppk(true), ppk(false, { id: 'other' })))
    expect(client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us' })
  })

  test.each([true, false])('the same name and another key: AUTH fails, required: %s', (required) => {
    const { client, gateway } = run(pskPair(ppk(required), ppk(required, { secret: 'wrong' })))
    expect(shape(gateway.sent[1]!)).toBe(`IKE_AUTH response 1: N(${FAILED})`)
    expect(client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us' })
  })

  test('security: an answer without PPK_IDENTITY is too little where it is required, and mixes no key', () => {
    const { client } = run({})
    const sa = client.n.current!
    const answered = (required: boolean): boolean => {
      sa.mixed = mixKeys(sa.suite.prf, sa.keys, Secret.fromText('ppk'))
      const { keys } = sa
      const enough = concludePpk({ ppk: ppk(required) }, { sa } as InitDone, [])
      expect([sa.keys === keys, sa.mixed]).toEqual([true, undefined])
      return enough
    }
    expect([answered(true), answered(false)]).toEqual([false, true])
  })
})

describe('RFC 8784 §3: beside EAP', () => {
  const outcome = (client: PpkConfig | undefined, gateway: PpkConfig | undefined, methods?: ['md5']) => {
    const made = eapPair({
      ...(methods === undefined ? {} : { methods }),
      more: {
        client: client === undefined ? {} : { ppk: client },
        gateway: gateway === undefined ? {} : { ppk: gateway },
      },
    })
    made.net.settle()
    return made
  }
  const ends = ({ client, gateway }: ReturnType<typeof outcome>) => [client.n.state, gateway.n.state]
  const withPpk = ({ client }: ReturnType<typeof outcome>) =>
    client.sent.map(shape).filter((text) => text.includes(`N(${IDENTITY})`))

  test.each([undefined, ['md5'] as ['md5']])(
    'it goes beside the last AUTH, with a key of the method or without (%s)',
    (methods) => {
      const made = outcome(ppk(true), ppk(true), methods)
      expect(ends(made)).toEqual(['connected', 'connected'])
      const [asked, ...more] = withPpk(made)
      expect([asked?.replace(/\d+: /, ''), more]).toEqual([`IKE_AUTH request AUTH N(${IDENTITY})`, []])
      expect(shape(made.gateway.sent.at(-1)!)).toMatch(new RegExp(`: AUTH N\\(${IDENTITY}\\) CP SA`))
      expect(made.net.pings()).toBe(true)
    },
  )

  test('optional at both ends, and another one: both go on without', () => {
    const made = outcome(ppk(false), ppk(false, { id: 'another' }))
    expect(ends(made)).toEqual(['connected', 'connected'])
    expect(withPpk(made)[0]).toContain(`N(${WITHOUT})`)
    expect(made.net.pings()).toBe(true)
  })

  test('the same name and another key: refused', () => {
    const made = outcome(ppk(true), ppk(true, { secret: 'not the same' }))
    expect([made.client.closed?.error?.kind, made.gateway.closed?.error?.kind]).toEqual([
      'authFailed',
      'authFailed',
    ])
  })

  test('required there, and the client has none', () => {
    const made = outcome(undefined, ppk(true))
    expect([made.client.closed?.error?.kind, made.gateway.closed?.error]).toMatchObject([
      'authFailed',
      { kind: 'authFailed', method: 'post-quantum key', problem: 'it does not use the PPK' },
    ])
  })

  test('required here, and the gateway does without in its last answer: never', () => {
    const made = outcome(ppk(true), ppk(false, { id: 'another' }))
    expect(made.client.closed?.error?.kind).toBe('authFailed')
    expect(made.gateway.closed).toBeDefined()
    const none = outcome(ppk(true), undefined)
    none.net.advance(2_000)
    expect(none.client.closed?.error).toEqual({ kind: 'ppkNotUsed' })
  })
})
