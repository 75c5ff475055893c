import { describe, expect, test } from 'vitest'
import { Secret } from '../../../core/bytes/secret.ts'
import type { IkeV1Config } from '../../../core/ike/config.ts'
import type { PairOptions } from '../../support/bench.ts'
import {
  both,
  by,
  clientOf,
  each,
  gatewayOf,
  middle,
  root,
  trusting,
} from '../../support/certificate-pair.ts'
import { type KeyKind, makeKey, makeRoot } from '../../support/pki.ts'
import { line, type PairV1, pair } from '../../support/two-peers-v1.ts'

const xauth = (name: 'client' | 'gateway', password = 'wonder'): IkeV1Config =>
  name === 'client'
    ? { xauth: { role: 'client', user: 'alice', password: Secret.fromText(password) } }
    : { xauth: { role: 'gateway', users: new Map([['alice', Secret.fromText('wonder')]]) } }

function run(options: PairOptions, ms = 5_000): PairV1 {
  const two = pair(options)
  two.client.command('connect')
  two.net.advance(ms)
  return two
}

const states = ({ client, gateway }: PairV1) => [client.n.state, gateway.n.state]

/** Both modes do the same with other messages. */
const modes = [
  ['main mode', false],
  ['aggressive mode', true],
] as const

const inMode = (aggressive: boolean, options: PairOptions): PairOptions => ({
  client: { ...options.client, ikev1: { ...options.client?.ikev1, aggressive } },
  gateway: { ...options.gateway, ikev1: { ...options.gateway?.ikev1, aggressive } },
})

describe('RFC 2409 §5.1: signatures', () => {
  test('main mode: certificates and signatures travel encrypted, and the gateway says whom it would believe', () => {
    const two = run(both())
    expect(two.client.sent.slice(0, 3).map(line)).toEqual([
      'MAIN SA',
      'MAIN KE Nonce NATD NATD',
      'MAIN* ID CERT SIG CERTREQ Notify',
    ])
    expect(two.gateway.sent.slice(0, 3).map(line)).toEqual([
      'MAIN SA',
      'MAIN KE Nonce CERTREQ NATD NATD',
      'MAIN* ID CERT SIG',
    ])
    expect(two.net.pings()).toBe(true)
  })

  test('aggressive mode: three messages, the last of which is encrypted', () => {
    const two = run(inMode(true, both()))
    expect(two.client.sent.slice(0, 2).map(line)).toEqual([
      'AGGRESSIVE SA KE Nonce ID CERTREQ',
      'AGGRESSIVE* CERT SIG NATD NATD Notify',
    ])
    expect(two.gateway.sent.slice(0, 1).map(line)).toEqual([
      'AGGRESSIVE SA KE Nonce ID CERT SIG CERTREQ NATD NATD',
    ])
    expect(two.net.pings()).toBe(true)
  })

  describe.each(modes)('%s', (_, aggressive) => {
    test.each(['rsa', 'P-256', 'P-384', 'P-521'] as KeyKind[])('RFC 4754: with keys of %s', (kind) => {
      const two = run(
        inMode(
          aggressive,
          both({
            gateway: by(gatewayOf({}, root, makeKey(kind))),
            client: by(clientOf({}, root, makeKey(kind))),
          }),
        ),
      )
      expect(states(two)).toEqual(['connected', 'connected'])
      expect(two.client.n.facts.proof?.scheme).toBe(kind === 'rsa' ? 'RSA' : 'ECDSA')
      expect(two.net.pings()).toBe(true)
    })

    test('a chain of certificates, and a renewal that proves it all once more', () => {
      const two = run(inMode(aggressive, both({ gateway: by(gatewayOf({}, middle), [middle]) })))
      const { children } = two.client
      two.client.command('rekeyIke')
      two.net.settle()
      two.gateway.command('rekeyIke')
      two.net.settle()
      expect(two.client.n.rekeys.ike).toBe(2)
      expect(two.client.children).toEqual(children)
      expect(two.net.pings()).toBe(true)
    })

    test('a gateway of another authority is not believed, after a moment for the real one', () => {
      const rogue = makeRoot('C=CH, O=Rogue, CN=Root')
      const two = run(inMode(aggressive, both({ gateway: by(gatewayOf({}, rogue)) })))
      expect(two.client.closed?.error).toMatchObject({ kind: 'certificateRefused', rule: 'untrusted' })
      expect(two.client.children).toEqual([])
    })

    test('a good certificate with the signature of another key', () => {
      const gateway = by(gatewayOf(), [], { key: makeKey().signing })
      const two = run(inMode(aggressive, both({ gateway })))
      expect(two.client.closed?.error).toMatchObject({
        kind: 'authFailed',
        who: 'gateway',
        problem: 'the signature does not fit',
      })
    })

    test('RFC 4945 §3.1: a certificate for somebody else', () => {
      const two = run(inMode(aggressive, both({ gateway: by(gatewayOf({ san: ['dns:other.test'] })) })))
      expect(two.client.closed?.error).toMatchObject({ kind: 'gatewayIdMismatch' })
    })

    test('a client the gateway does not believe hears that it is its own fault', () => {
      const rogue = makeRoot('C=CH, O=Rogue, CN=Root')
      const two = run(inMode(aggressive, both({ client: by(clientOf({}, rogue)) })), 60_000)
      expect(two.client.closed?.error).toBeDefined()
      expect(two.client.n.state).toBe('closed')
      expect(two.gateway.children).toEqual([])
    })
  })

  test('two keys of different kinds have no method in common', () => {
    const two = run(both({ client: by(clientOf({}, root, makeKey('rsa'))) }))
    expect(two.client.closed?.error).toMatchObject({ kind: 'noProposalChosen', phase: 1 })
  })

  test('Ed25519 has no number in IKEv1, and nothing is sent', () => {
    const two = run(both({ client: by(clientOf({}, root, makeKey('ed25519'))) }))
    expect(two.client.closed?.error).toMatchObject({ kind: 'algorithmUnavailable' })
    expect(two.client.sent).toEqual([])
  })
})

describe('draft-ietf-ipsec-isakmp-hybrid-auth: only the gateway signs', () => {
  const hybrid = (aggressive: boolean, password?: string): PairOptions => ({
    client: {
      authentication: each({ method: 'xauth' }, trusting()),
      ikev1: { ...xauth('client', password), aggressive },
    },
    gateway: {
      authentication: each(by(gatewayOf({}, root, makeKey('rsa'))), { method: 'xauth' }),
      ikev1: { ...xauth('gateway'), aggressive },
    },
  })

  test.each(modes)('%s: then the name and the password, and then all the rest', (_, aggressive) => {
    const two = run(hybrid(aggressive))
    expect(states(two)).toEqual(['connected', 'connected'])
    expect(two.client.sent.map(line)).toContain(
      aggressive ? 'AGGRESSIVE* HASH NATD NATD Notify' : 'MAIN* ID HASH CERTREQ Notify',
    )
    expect(two.net.pings()).toBe(true)
  })

  test.each(modes)('%s: nothing but XAuth is possible before it is over', (_, aggressive) => {
    const two = run(hybrid(aggressive, 'glass'))
    expect(two.client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us', method: 'xauth' })
    expect(two.gateway.children).toEqual([])
  })

  test('§3.2: the password is not given to a gateway whose certificate is not believed', () => {
    const options = hybrid(false)
    const rogue = makeRoot('C=CH, O=Rogue, CN=Root')
    const authentication = each(by(gatewayOf({}, rogue, makeKey('rsa'))), { method: 'xauth' })
    const two = run({ ...options, gateway: { ...options.gateway, authentication } })
    expect(two.client.closed?.error).toMatchObject({ kind: 'certificateRefused' })
    expect(two.client.sent.map(({ exchange }) => exchange)).not.toContain('TRANSACTION')
  })

  test('XAuth after signatures of both', () => {
    const rsa = both({
      gateway: by(gatewayOf({}, root, makeKey('rsa'))),
      client: by(clientOf({}, root, makeKey('rsa'))),
      more: { client: { ikev1: xauth('client') }, gateway: { ikev1: xauth('gateway') } },
    })
    const two = run(rsa)
    expect(states(two)).toEqual(['connected', 'connected'])
    expect(two.net.pings()).toBe(true)
  })
})

test('RFC 2408 §5.1: an answer to a question of before changes nothing of what phase 1 waits for, and is wiped', () => {
  const two = pair(both())
  const { client, net } = two
  client.patient = true
  // Everything of the gateway comes twice, the second time while our own proof is being made.
  net.onSend = (flight) => (flight.from === client ? [flight] : [flight, flight])
  client.command('connect')
  net.settle()
  expect(client.waiting.map((action) => action.do)).toEqual(['sign'])
  // Of an XAuth at the gateway that sent us here.
  const late = Secret.fromText('123456')
  client.feed({ type: 'answered', id: 4711, answer: { what: 'secret', secret: late } })
  expect(late.closed).toBe(true)
  client.answerAll()
  expect(client.notes.filter((note) => note.includes('dropped'))).toEqual([])
  client.patient = false
  client.answerAll()
  net.advance(5_000)
  expect(states(two)).toEqual(['connected', 'connected'])
})
