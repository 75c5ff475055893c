import { describe, expect, test } from 'vitest'
import { authorityHash } from '../../core/cert/authorities.ts'
import type { CertReqPayload, NotifyPayload } from '../../core/wire/ikev2/payload.ts'
import {
  both,
  by,
  clientOf,
  each,
  FAILED,
  gatewayOf,
  HASHES,
  key,
  middle,
  payloadsOf,
  root,
  run,
  trusting,
} from '../support/certificate-pair.ts'
import { type KeyKind, makeKey, rsaPssOnly } from '../support/pki.ts'
import { pair, shape } from '../support/two-peers.ts'

describe('both ends by certificate', () => {
  test('RFC 7296 §1.2, RFC 7427 §4: the whole exchange', () => {
    const { client, gateway, net } = run(both())
    expect([...client.sent, ...gateway.sent].map(shape)).toEqual([
      `IKE_SA_INIT request 0: SA KE Nonce N(16388) N(16389) N(16430) N(${HASHES})`,
      'IKE_AUTH request 1: IDi CERT CERTREQ IDr AUTH N(16384) CP SA TSi TSr',
      `IKE_SA_INIT response 0: SA KE Nonce N(16388) N(16389) N(16430) N(${HASHES}) CERTREQ`,
      'IKE_AUTH response 1: IDr CERT AUTH CP SA TSi TSr',
    ])
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
    expect(net.pings()).toBe(true)
  })

  test.each(['rsa', 'P-256', 'P-384', 'P-521', 'ed25519', 'ed448'] as KeyKind[])(
    'with keys of %s',
    (kind) => {
      const { client, gateway } = run(
        both({
          gateway: by(gatewayOf({}, root, makeKey(kind))),
          client: by(clientOf({}, root, makeKey(kind))),
        }),
      )
      expect([client.closed?.error, client.n.state, gateway.n.state]).toEqual([
        undefined,
        'connected',
        'connected',
      ])
    },
  )

  test('RSASSA-PSS, by choice and by a key for nothing else', () => {
    const rsa = makeKey('rsa')
    const { client, gateway } = run(
      both({
        gateway: by(gatewayOf({}, root, rsa), [], { pss: true }),
        client: by(clientOf({}, root, rsaPssOnly(rsa))),
      }),
    )
    expect([client.n.remoteProof?.scheme, gateway.n.remoteProof?.scheme]).toEqual([
      'RSA-PSS with SHA-256',
      'RSA-PSS with SHA-256',
    ])
  })

  test('RFC 4055 §1.2: a certificate for RSASSA-PSS only decides, also where the key would do more', () => {
    const rsa = makeKey('rsa')
    const client = by(clientOf({}, root, rsaPssOnly(rsa)), [], { key: rsa.signing })
    expect(run(both({ client })).gateway.n.remoteProof?.scheme).toBe('RSA-PSS with SHA-256')
  })

  test('§3.6: the authority in between travels in a CERT payload of its own, after the end entity', () => {
    const { client, net } = run(both({ gateway: by(gatewayOf({}, middle), [middle]) }))
    expect(client.n.state).toBe('connected')
    expect(shape(net.last('gateway'))).toContain('IDr CERT CERT AUTH')
  })

  test('§3.7: CERTREQ names the authorities of the profile and no other', () => {
    const { net } = run(both({ clientTrusts: trusting([middle]) }))
    const request = payloadsOf(net, 'client', 1).find((p): p is CertReqPayload => p.type === 'CERTREQ')
    expect(request?.encoding).toBe(4)
    expect(request?.authorities).toEqual(authorityHash(middle.certificate))
  })

  test('§2.15: a name nobody wrote down is not put into IDr, and still the gateway must have it', () => {
    const more = { client: { asksForIdentity: false } }
    const { client, net } = run(both({ more }))
    expect(shape(net.client.sent[1]!)).toContain('IDi CERT CERTREQ AUTH')
    expect(client.n.state).toBe('connected')
    const other = run(both({ gateway: by(gatewayOf({ san: ['dns:other.test'] })), more }))
    expect(other.client.closed?.error).toMatchObject({ kind: 'gatewayIdMismatch' })
  })

  test('RFC 7427 §4: the data of SIGNATURE_HASH_ALGORITHMS, without SHA-1', () => {
    const { net } = run(both())
    const hashes = (name: 'client' | 'gateway') =>
      payloadsOf(net, name, 0).find((p): p is NotifyPayload => p.type === 'Notify' && p.notify === HASHES)
        ?.data
    expect(hashes('client')).toEqual(Uint8Array.of(0, 2, 0, 3, 0, 4, 0, 5))
    expect(hashes('gateway')).toEqual(hashes('client'))
  })
})

describe('each end in its own way', () => {
  test('gateway by certificate, client by pre-shared key', () => {
    const { client, gateway } = run({
      client: { authentication: each(key(), trusting()) },
      gateway: { authentication: each(by(gatewayOf()), key()) },
    })
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
  })

  test('and the other way round', () => {
    const { client, gateway } = run({
      client: { authentication: each(by(clientOf()), key()) },
      gateway: { authentication: each(key(), trusting()) },
    })
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
  })

  test('with keys on both sides nothing of certificates is said', () => {
    const { client, gateway } = run({})
    expect([...client.sent, ...gateway.sent].map(shape).join()).not.toMatch(new RegExp(`CERT|${HASHES}`))
  })
})

describe('RFC 7427 §4: a gateway that announces no hashes, or does not keep to it', () => {
  const old = (kind: KeyKind, weak: boolean) => {
    const own = makeKey(kind)
    const trust = trusting([root], { weak: { sha1: weak } })
    return run(
      both({
        gateway: by(gatewayOf({}, root, own), [], { weakSha1: true }),
        client: by(clientOf({}, root, own), [], { weakSha1: weak }),
        clientTrusts: trust,
        gatewayTrusts: trusting([root], { weak: { sha1: true } }),
        more: { gateway: { digitalSignatures: false } },
      }),
    )
  }

  test.each([
    ['P-256', 9],
    ['P-384', 10],
    ['P-521', 11],
  ] as const)('RFC 4754: %s is signed by method %i', (kind, method) => {
    const { client, gateway, net } = old(kind, false)
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
    expect(payloadsOf(net, 'client', 1).find((p) => p.type === 'AUTH')).toMatchObject({ method })
  })

  test('RFC 7296 §3.8: RSA would be SHA-1, which ends it before anything is sent', () => {
    const { client } = old('rsa', false)
    expect(client.closed?.error).toMatchObject({ kind: 'weakAlgorithm', switch: '"weak": ["sha1signature"]' })
    expect(client.sent).toHaveLength(1)
  })

  test('and works by its switch, as method 1', () => {
    const { client, net } = old('rsa', true)
    expect(client.n.state).toBe('connected')
    expect(client.n.remoteProof?.scheme).toBe('RSA with SHA-1')
    expect(payloadsOf(net, 'client', 1).find((p) => p.type === 'AUTH')).toMatchObject({ method: 1 })
  })

  test('a client by pre-shared key refuses such a signature of the gateway, and tells it', () => {
    const { client, net } = run({
      client: { authentication: each(key(), trusting()) },
      gateway: {
        authentication: each(by(gatewayOf({}, root, makeKey('rsa')), [], { weakSha1: true }), key()),
        digitalSignatures: false,
      },
    })
    expect(client.closed?.error).toMatchObject({ kind: 'weakAlgorithm' })
    expect(shape(net.last('client'))).toContain(`N(${FAILED})`)
  })

  /** Announces its hashes like anybody, and signs as if it had not. */
  const forgetful = (kind: KeyKind, weak: boolean) => {
    const made = pair({
      client: { authentication: each(key(), trusting([root], { weak: { sha1: weak } })) },
      gateway: {
        authentication: each(by(gatewayOf({}, root, makeKey(kind)), [], { weakSha1: true }), key()),
      },
    })
    let asked = 0
    Object.defineProperty(made.gateway.n.config, 'digitalSignatures', { get: () => asked++ === 0 })
    made.client.command('connect')
    made.net.settle()
    expect(shape(made.gateway.sent[0]!)).toContain(`N(${HASHES})`)
    return made.client
  }

  test('§4 asks nobody to use method 14: an older one is as good, whose curve fixes its hash', () => {
    const client = forgetful('P-384', false)
    expect([client.closed?.error, client.n.remoteProof?.scheme]).toEqual([undefined, 'ECDSA with SHA-384'])
  })

  test('method 1 in its place is SHA-1, and stays behind its switch', () => {
    expect(forgetful('rsa', false).closed?.error).toMatchObject({ kind: 'weakAlgorithm' })
    expect(forgetful('rsa', true).n.remoteProof?.scheme).toBe('RSA with SHA-1')
  })

  test('RFC 8420: Ed25519 has no older method', () => {
    expect(old('ed25519', false).client.closed?.error).toMatchObject({
      kind: 'authFailed',
      who: 'us',
      problem: 'the gateway does not know signatures by Ed25519',
    })
  })
})

describe('waiting for a key or for the verdict', () => {
  test('our signature takes its time: nothing is sent, the gateway may repeat itself, and then it goes on', () => {
    const { client, gateway, net } = pair(both())
    client.patient = true
    client.command('connect')
    net.settle()
    expect([client.state.name, client.sent.length]).toEqual(['AwaitSignature', 1])
    net.advance(2_000)
    client.answerAll()
    client.patient = false
    net.settle()
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
  })

  test('an answer to another question changes nothing', () => {
    const { client, net } = pair(both())
    client.patient = true
    client.command('connect')
    net.settle()
    client.feed({ type: 'answered', id: 99, answer: { what: 'signature', signature: new Uint8Array(64) } })
    expect(client.state.name).toBe('AwaitSignature')
  })

  test('the person gives up meanwhile', () => {
    const { client, net } = pair(both())
    client.patient = true
    client.command('connect')
    net.settle()
    client.command('disconnect')
    expect(client.closed?.error).toEqual({ kind: 'cancelled' })
  })

  test('a key that does not sign ends it with the reason', () => {
    const own = clientOf()
    const proof = by(own)
    if (proof.method === 'certificate') proof.key.secret.close()
    const { client } = run(both({ client: proof }))
    expect(client.closed?.error).toMatchObject({ kind: 'authFailed', who: 'us' })
  })

  test('the gateway waits for its own key: the request that comes again is answered once', () => {
    const { client, gateway, net } = pair(both())
    gateway.patient = true
    client.command('connect')
    net.settle()
    expect(gateway.state.name).toBe('AwaitVerdict')
    net.advance(5_000) // the client sends its request again
    gateway.answerAll()
    expect(gateway.state.name).toBe('AwaitSignature')
    gateway.patient = false
    gateway.answerAll()
    net.settle()
    expect([client.n.state, gateway.n.state]).toEqual(['connected', 'connected'])
    expect(gateway.sent.filter((m) => m.exchange === 'IKE_AUTH').length).toBeGreaterThan(0)
  })

  test('the gateway forgets a client whose verdict never comes', () => {
    const { client, gateway, net } = pair(both())
    gateway.patient = true
    client.command('connect')
    net.settle()
    net.advance(31_000)
    expect(gateway.closed?.error).toMatchObject({ kind: 'noAnswer' })
  })
})
