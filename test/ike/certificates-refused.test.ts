import { describe, expect, test } from 'vitest'
import type { OurProof, TheirProof } from '../../core/ike/config.ts'
import {
  both,
  by,
  clientOf,
  each,
  FAILED,
  gatewayOf,
  key,
  middle,
  root,
  run,
  trusting,
} from '../support/certificate-pair.ts'
import { DAY, makeKey, makeRoot, NOW } from '../support/pki.ts'
import { fqdn, shape } from '../support/two-peers.ts'

describe('a gateway that is not believed: nothing is installed, and it is told AUTHENTICATION_FAILED', () => {
  const rogue = makeRoot('CN=Rogue')
  const refused = (gateway: OurProof, clientTrusts: TheirProof = trusting(), more = {}) => {
    const { client, gateway: peer, net } = run(both({ gateway, clientTrusts, more }))
    expect(client.actions.some((action) => action.do === 'addInbound')).toBe(false)
    expect(shape(net.last('client'))).toContain(`N(${FAILED})`)
    expect(peer.closed).toBeDefined()
    return client.closed?.error
  }

  test.each([
    ['expired', () => gatewayOf({ notAfter: NOW - DAY })],
    ['notYetValid', () => gatewayOf({ notBefore: NOW + DAY })],
    ['untrusted', () => gatewayOf({}, rogue)],
    ['signature', () => gatewayOf({}, makeRoot(root.subject))],
    ['selfSigned', () => makeRoot('CN=alone', { ca: undefined, keyUsage: [0], san: ['dns:gw.test'] })],
    ['extendedKeyUsage', () => gatewayOf({ eku: ['1.3.6.1.5.5.7.3.2'] })],
    ['keyUsage', () => gatewayOf({ keyUsage: [2] })],
    ['key', () => gatewayOf({}, root, makeKey('rsa', 1024))],
  ] as const)('%s', (rule, make) => {
    expect(refused(by(make()))).toMatchObject({ kind: 'certificateRefused', rule })
  })

  test('another name than the one asked for', () => {
    expect(
      refused(by(gatewayOf({ san: ['dns:other.test'] })), trusting(), {
        gateway: { localIdentity: fqdn('other.test') },
      }),
    ).toEqual({
      kind: 'gatewayIdMismatch',
      wanted: 'gw.test',
      has: ['other.test', 'C=CH, O=Test, CN=gw'],
    })
  })

  test('a name its certificate does not have', () => {
    expect(refused(by(gatewayOf({ san: ['dns:other.test'] })))).toEqual({
      kind: 'gatewayIdMismatch',
      wanted: 'gw.test',
      has: ['other.test', 'C=CH, O=Test, CN=gw'],
    })
  })

  test('RFC 4945 §3.1.9: the common name, unless it was asked for', () => {
    const bare = () => by(gatewayOf({ subject: 'CN=gw.test', san: [] }))
    expect(refused(bare())).toMatchObject({ kind: 'gatewayIdMismatch' })
    const { client } = run(both({ gateway: bare(), clientTrusts: trusting([root], { commonName: true }) }))
    expect(client.n.state).toBe('connected')
  })

  test('a good certificate and the key of another', () => {
    const good = gatewayOf()
    const stolen = by({ ...good, key: makeKey() })
    expect(refused(stolen)).toEqual({
      kind: 'authFailed',
      who: 'gateway',
      method: 'certificate',
      problem: 'the signature does not fit',
    })
  })

  test('a pre-shared key where a certificate is expected', () => {
    const { client } = run({
      client: { authentication: each(by(clientOf()), trusting()) },
      gateway: { authentication: each(key(), trusting()) },
    })
    expect(client.closed?.error).toEqual({
      kind: 'authFailed',
      who: 'gateway',
      method: 'certificate',
      problem: 'it proved itself by SHARED_KEY_MIC',
    })
  })

  test('a certificate where a pre-shared key is expected', () => {
    const { client } = run({
      client: { authentication: each(by(clientOf()), key()) },
      gateway: { authentication: each(by(gatewayOf()), trusting()) },
    })
    expect(client.closed?.error).toMatchObject({
      kind: 'authFailed',
      who: 'gateway',
      method: 'pre-shared key',
    })
  })

  test('a certificate and no name to hold it against is our own mistake, and fails', () => {
    const { client } = run(both({ more: { client: { remoteIdentity: undefined } } }))
    expect(client.closed?.error).toMatchObject({ kind: 'internal' })
  })

  test('40 certificates', () => {
    expect(
      refused(
        by(
          gatewayOf(),
          Array.from({ length: 39 }, () => middle),
        ),
      ),
    ).toMatchObject({ kind: 'certificateRefused', rule: 'tooMany' })
  })
})

describe('a client that is not believed hears AUTHENTICATION_FAILED and no more', () => {
  test.each([
    ['expired', { notAfter: NOW - DAY }],
    ['extendedKeyUsage', { eku: ['1.3.6.1.5.5.7.3.1'] }],
  ] as const)('%s', (rule, wanted) => {
    const { client, gateway, net } = run(both({ client: by(clientOf(wanted)) }))
    expect(shape(net.last('gateway'))).toBe(`IKE_AUTH response 1: N(${FAILED})`)
    expect(gateway.closed?.error).toMatchObject({ kind: 'certificateRefused', rule })
    expect(client.closed?.error).toEqual({ kind: 'authFailed', who: 'us', method: 'certificate' })
  })

  test('nobody took the certificate: CERT is missing', () => {
    const { gateway } = run(both({ client: by(clientOf(), [], { chain: [] } as never) }))
    expect(gateway.closed?.error).toMatchObject({ kind: 'certificateRefused', rule: 'missing' })
  })
})
