import { describe, expect, test } from 'vitest'
import { concat, fromHex, NO_OCTETS, toHex, utf8 } from '../../core/bytes/octets.ts'
import { boundMsk, compoundKeys, compoundMac } from '../../core/crypto/peap.ts'
import type { EapMethodName, EapPeerConfig } from '../../core/eap/config.ts'
import { dressed } from '../../core/eap/peap.ts'
import type { EapAction } from '../../core/eap/peer.ts'
import type { EapServerConfig } from '../../core/eap/server-config.ts'
import { cryptoBindingTlv, decodeTlvs, encodeTlvs, resultTlv } from '../../core/wire/eap/peap-tlv.ts'
import { converseOverTls, hexOf, secret, users } from '../support/eap-pair.ts'
import { shown } from '../support/eap-tls.ts'
import { FakeTunnel, written } from '../support/fake-tunnel.ts'

const peer = (more: Partial<EapPeerConfig> = {}): EapPeerConfig => ({
  user: 'alice',
  anonymousIdentity: 'anonymous',
  methods: ['peap'],
  inner: ['mschapv2', 'gtc'],
  password: secret('geheim'),
  ...more,
})
const server = (more: Partial<EapServerConfig> = {}): EapServerConfig => ({
  methods: ['peap'],
  inner: ['mschapv2', 'gtc'],
  serverName: 'gw.test',
  lookUp: users({ alice: 'geheim' }),
  tls: { certificate: shown('server') },
  ...more,
})

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('[MS-PEAP] under %s', (version) => {
  const tls = { versions: [version] }

  test.each([
    ['mschapv2', true],
    ['mschapv2', false],
    ['gtc', true],
    ['gtc', false],
  ] as const)('%s inside, bound to the tunnel: %s', async (name: EapMethodName, peapBinding) => {
    const done = await converseOverTls({
      peer: peer({ inner: [name], tls }),
      server: server({ peapBinding }),
    })
    if (done.peer?.do !== 'succeeded' || done.server?.do !== 'succeeded')
      throw new Error(JSON.stringify(done.peer))
    expect(hexOf(done.peer.msk)).toHaveLength(128)
    expect(hexOf(done.server.msk)).toBe(hexOf(done.peer.msk))
  })

  test('a wrong password is asked for anew, inside the tunnel', async () => {
    const done = await converseOverTls({
      peer: peer({ password: secret('falsch'), tls }),
      server: server({ retries: 1 }),
      answers: ['geheim'],
    })
    expect(done.questions).toMatchObject([{ what: 'password', retry: true }])
    expect(done.reasons).toMatchObject([{ kind: 'authFailed', who: 'us', method: 'EAP-MSCHAPv2' }])
    expect(done.peer).toMatchObject({ do: 'succeeded' })
  })

  test('a wrong token ends with a failure of both ends', async () => {
    const done = await converseOverTls({
      peer: peer({ inner: ['gtc'], password: secret('falsch'), tls }),
      server: server(),
    })
    expect(done.peer).toMatchObject({ error: { kind: 'authFailed', who: 'us', method: 'PEAP' } })
    expect(done.server).toMatchObject({ error: { kind: 'authFailed' } })
  })

  test('insisting on the binding', async () => {
    const done = await converseOverTls({
      peer: peer({ peapBinding: 'required', tls }),
      server: server({ peapBinding: false }),
    })
    expect(done.peer).toMatchObject({ error: { kind: 'authFailed', who: 'gateway' } })
    expect(done.server).toMatchObject({ do: 'failed' })
  })
})

describe('[MS-PEAP] §3.1.5.5: the numbers of the binding', () => {
  const tunnel = new Uint8Array(128).fill(1)
  const IPMK = '095b0015e5335edf6aedd43c13c812c15fa82cdc9951935c10951c7ffdfa93f80714a3290ad06eb6'
  const CMK = '13ab3061ce477c4b1e561c2a206d6b8129606518'
  const MAC = '025483ce68a024ec74ead41853c076b91bb2b3e4'
  const MSK =
    '5806c5a4b62232ecdf9a9de85285ec22b3e64cbe0345f06b327bf29de52aea4ce9fe339f1319a42487b759b594cb8df3f7d03eb9ecb4358130981daa21033b3e'

  test('60 octets of PRF+, of which 40 and 20; the MAC is over the TLV without it and the type 0x19', () => {
    // HMAC-SHA-1 three times over, by another program.
    const { ipmk, cmk } = compoundKeys(tunnel, undefined)
    expect(toHex(ipmk)).toBe(IPMK)
    expect(toHex(cmk)).toBe(CMK)
    expect(compoundKeys(tunnel, new Uint8Array(64)).cmk).toEqual(cmk)
    const tlv = encodeTlvs([
      cryptoBindingTlv({ subtype: 1, nonce: new Uint8Array(32), mac: new Uint8Array(20) }),
    ])
    expect(tlv).toHaveLength(60)
    expect(toHex(compoundMac(cmk, tlv))).toBe(MAC)
    expect(toHex(boundMsk(ipmk))).toBe(MSK)
  })
})

describe('[MS-PEAP] §3.1.5.6: how a packet looks inside', () => {
  test('without its header, but for TLVs and the Identity of some servers', () => {
    expect(toHex(dressed(fromHex('01'), 1, 7))).toBe('0107000501')
    expect(toHex(dressed(fromHex('0107000501'), 1, 9))).toBe('0107000501')
    expect(toHex(dressed(fromHex('0107000b21800300020001'), 1, 9))).toBe('0107000b21800300020001')
    // A request of type 1 with text is no header.
    expect(toHex(dressed(fromHex('010000'), 1, 7))).toBe('01070007010000')
  })

  test.each(['80030003 0001', '8003', '8003 0002 00', 'ffff ffff'])('%s is no TLV', (hex) => {
    expect(decodeTlvs(fromHex(hex))).toMatchObject({ ok: false })
  })
})

describe('what comes out of the tunnel is not believed either', () => {
  const open = (more: Partial<EapPeerConfig> = {}) => {
    const tunnel = new FakeTunnel(peer({ inner: ['gtc'], ...more }), 25)
    expect(tunnel.open('TLSv1.2', 128)).toMatchObject([{ do: 'send' }])
    return tunnel
  }
  const tlvs = (...list: Uint8Array[]): Uint8Array => {
    const data = concat(...list)
    return concat(Uint8Array.of(1, 9, 0, data.length + 5, 33), data)
  }
  const good = encodeTlvs([resultTlv(1)])
  const answered = (actions: readonly EapAction[]): string => toHex(written(actions) ?? NO_OCTETS)
  const FAILURE = '21' + '80030002' + '0002'

  test('the whole run: Identity, GTC, result', () => {
    const tunnel = open()
    expect(answered(tunnel.hear(fromHex('01')))).toBe(toHex(utf8('\u0001alice')))
    expect(answered(tunnel.hear(fromHex('0650')))).toBe(toHex(utf8('\u0006geheim')))
    expect(answered(tunnel.hear(tlvs(good)))).toBe('0209000b21800300020001')
    tunnel.sent()
    expect(tunnel.success()).toMatchObject([{ do: 'succeeded' }])
  })

  test('a good result before there is any', () => {
    const tunnel = open()
    expect(answered(tunnel.hear(tlvs(good)))).toContain(FAILURE)
    tunnel.sent()
    expect(tunnel.success()).toMatchObject([{ do: 'failed' }])
  })

  test('EAP-Success of the outside without a result of the inside', () => {
    const tunnel = open()
    tunnel.hear(fromHex('0650'))
    tunnel.sent()
    expect(tunnel.success()).toMatchObject([{ do: 'failed', error: { reference: 'RFC 3748 §4.2' } }])
  })

  test('a binding with another tunnel: somebody sits in the middle', () => {
    const tunnel = open()
    tunnel.hear(fromHex('0650'))
    const forged = { subtype: 0, nonce: new Uint8Array(32), mac: new Uint8Array(20) }
    expect(answered(tunnel.hear(tlvs(good, encodeTlvs([cryptoBindingTlv(forged)]))))).toContain(FAILURE)
    tunnel.sent()
    expect(tunnel.success()).toMatchObject([{ do: 'failed' }])
  })

  test('a binding that is too short', () => {
    const tunnel = open()
    tunnel.hear(fromHex('0650'))
    expect(answered(tunnel.hear(tlvs(good, fromHex('000c0002 0000'))))).toContain(FAILURE)
  })

  test('a bad result is final, whatever comes after it', () => {
    const tunnel = open()
    tunnel.hear(fromHex('0650'))
    expect(answered(tunnel.hear(tlvs(encodeTlvs([resultTlv(2)]))))).toContain(FAILURE)
    expect(tunnel.hear(tlvs(good))).toMatchObject([
      { do: 'failed', error: { kind: 'authFailed', who: 'us' } },
    ])
  })

  test('a mandatory TLV nobody knows is named', () => {
    expect(answered(open().hear(tlvs(fromHex('80630000'))))).toContain('80040006000000000063')
  })

  test('Microsoft’s statement of health is declined in its own form', () => {
    expect(answered(open().hear(fromHex('fe000137 00000021 00')))).toBe('fe00000000000003fe00000000000006')
  })

  test('some servers end with nothing at all: only after the inner method, and never where binding is wanted', () => {
    const tunnel = open()
    expect(tunnel.request({})).toMatchObject([{ do: 'failed' }])
    const later = open()
    later.hear(fromHex('0650'))
    later.sent()
    expect(later.request({})).toMatchObject([{ do: 'send' }])
    expect(later.success()).toMatchObject([{ do: 'succeeded' }])
    const strict = open({ peapBinding: 'required' })
    strict.hear(fromHex('0650'))
    strict.sent()
    expect(strict.request({})).toMatchObject([{ do: 'failed' }])
  })
})
