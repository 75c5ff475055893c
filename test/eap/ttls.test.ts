import { describe, expect, test } from 'vitest'
import { concat, fromHex, NO_OCTETS, toHex, utf8 } from '../../core/bytes/octets.ts'
import * as chap from '../../core/crypto/ms-chap.ts'
import type { EapPeerConfig, TtlsInner } from '../../core/eap/config.ts'
import type { EapServerConfig } from '../../core/eap/server-config.ts'
import { decodeAvps, encodeAvps } from '../../core/wire/eap/avp.ts'
import { converseOverTls, eapTools, hexOf, secret, users } from '../support/eap-pair.ts'
import { shown } from '../support/eap-tls.ts'
import { FakeTunnel, written } from '../support/fake-tunnel.ts'

const peer = (more: Partial<EapPeerConfig> = {}): EapPeerConfig => ({
  user: 'alice',
  anonymousIdentity: 'anonymous@lab.test',
  methods: ['ttls'],
  password: secret('geheim'),
  ...more,
})
const server = (more: Partial<EapServerConfig> = {}): EapServerConfig => ({
  methods: ['ttls'],
  serverName: 'gw.test',
  lookUp: users({ alice: 'geheim' }),
  tls: { certificate: shown('server') },
  ...more,
})
const KINDS: readonly TtlsInner[] = ['pap', 'chap', 'mschap', 'mschapv2', 'eap']

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('RFC 5281 §11.2 under %s', (version) => {
  const tls = { versions: [version] }

  test.each(KINDS)('%s inside: both ends agree on the tunnel’s key', async (ttls) => {
    const done = await converseOverTls({ peer: peer({ ttls, tls }), server: server() })
    if (done.peer?.do !== 'succeeded' || done.server?.do !== 'succeeded')
      throw new Error(JSON.stringify(done.peer))
    expect(hexOf(done.peer.msk)).toMatch(/^(?!0+$)[0-9a-f]{128}$/)
    expect(hexOf(done.server.msk)).toBe(hexOf(done.peer.msk))
  })

  test.each(KINDS)('%s inside, with a wrong password', async (ttls) => {
    const wrong = peer({ ttls, tls, password: secret('falsch') })
    const done = await converseOverTls({ peer: wrong, server: server() })
    expect(done.peer).toMatchObject({ do: 'failed', error: { kind: 'authFailed', who: 'us' } })
  })

  test('nothing of the person leaves to a server nobody vouches for', async () => {
    const done = await converseOverTls({
      peer: peer({ ttls: 'pap', tls }),
      server: server({ tls: { certificate: shown('impostor') } }),
    })
    expect(done.peer).toMatchObject({ error: { kind: 'certificateRefused' } })
    const sent = done.packets.filter(({ from }) => from === 'peer')
    expect(sent).toHaveLength(2) // the anonymous identity, ClientHello
    for (const { bytes } of sent) expect(toHex(bytes)).not.toContain(toHex(utf8('alice')))
  })
})

test('RFC 5281 §7.3: the name outside is the anonymous one', async () => {
  const { packets } = await converseOverTls({ peer: peer(), server: server() })
  expect(Buffer.from(packets[1]!.bytes.subarray(5)).toString()).toBe('anonymous@lab.test')
  for (const { bytes } of packets) expect(toHex(bytes)).not.toContain(toHex(utf8('alice')))
})

test('a password that is not saved is asked for inside the tunnel', async () => {
  const asked = await converseOverTls({
    peer: peer({ password: undefined, ttls: 'pap' }),
    server: server(),
    answers: ['geheim'],
  })
  expect(asked.questions).toEqual([{ what: 'password', user: 'alice', retry: false }])
  expect(asked.peer).toMatchObject({ do: 'succeeded' })
})

test('RFC 5281 §11.2.1: inside, an EAP method that wants another password asks for it', async () => {
  const done = await converseOverTls({
    peer: peer({ ttls: 'eap', inner: ['mschapv2'], password: secret('falsch') }),
    server: server({ inner: ['md5', 'mschapv2'], retries: 1 }),
    answers: ['geheim'],
  })
  expect(done.questions).toMatchObject([{ what: 'password', retry: true }])
  expect(done.reasons).toMatchObject([{ kind: 'authFailed', who: 'us', method: 'EAP-MSCHAPv2' }])
  expect(done.peer).toMatchObject({ do: 'succeeded' })
})

test('RFC 5281 §9.2: another version than 0', async () => {
  const done = await converseOverTls({
    peer: peer(),
    server: server(),
    rewrite: (bytes) =>
      bytes[4] === 21 && bytes[5] === 0x20 ? bytes.map((o, i) => (i === 5 ? 0x21 : o)) : bytes,
  })
  expect(done.peer).toMatchObject({ error: { kind: 'protocol', problem: 'EAP-TTLS version 1' } })
})

describe('RFC 5281 §10.1: AVPs', () => {
  test('a name, and one of Microsoft, with their padding', () => {
    const avps = [
      { code: 1, vendor: 0, mandatory: true, data: utf8('alice') },
      { code: 25, vendor: 311, mandatory: true, data: Uint8Array.of(7) },
    ]
    const octets = encodeAvps(avps)
    expect(toHex(octets)).toBe('000000014000000d616c696365000000' + '00000019c000000d0000013707000000')
    expect(decodeAvps(octets)).toEqual({ ok: true, value: avps })
  })

  test('the padding of the last one may be missing', () => {
    expect(decodeAvps(fromHex('000000014000000d616c696365'))).toMatchObject({ ok: true })
  })

  test.each([
    ['a length of 0', '0000000140000000'],
    ['a length of 7 (CVE-2026-25075)', '0000000140000007'],
    ['a vendor, and a length of 11', '00000001c000000b00000137'],
    ['more than there is', '000000014000000e616c696365'],
    ['16 megabytes', '0000000140ffffff616c696365'],
    ['half a header', '000000014000'],
  ])('refused: %s', (_, hex) => {
    expect(decodeAvps(fromHex(hex))).toMatchObject({ ok: false })
  })
})

describe('what comes out of the tunnel is not believed either', () => {
  const open = (ttls: TtlsInner, more: Partial<EapPeerConfig> = {}) => {
    const tunnel = new FakeTunnel(peer({ ttls, ...more }), 21)
    return { tunnel, first: tunnel.open('TLSv1.2', 128, 17) }
  }
  const avp = (code: number, data: Uint8Array, vendor = 0, mandatory = true): Uint8Array =>
    encodeAvps([{ code, vendor, mandatory, data }])

  test('RFC 5281 §11.2.5: PAP hides the length of the password', () => {
    const read = decodeAvps(written(open('pap').first)!)
    expect(read).toMatchObject({
      value: [
        { code: 1, data: utf8('alice') },
        { code: 2, data: fromHex(`${toHex(utf8('geheim'))}00000000000000000000`) },
      ],
    })
  })

  test('RFC 5281 §11.2.5: a Reply-Message asks for more, in the words of the server', () => {
    const { tunnel } = open('pap')
    const asked = tunnel.hear(avp(18, utf8('Code?')))
    expect(asked).toEqual([{ do: 'ask', question: { what: 'code', user: 'alice', message: 'Code?' } }])
    const answer = tunnel.peer.handle({ type: 'answered', answer: secret('123456') })
    expect(decodeAvps(written(answer)!)).toMatchObject({ value: [{ code: 1 }, { code: 2 }] })
    expect(tunnel.sent()).toMatchObject([{ do: 'send' }])
    expect(tunnel.success()).toMatchObject([{ do: 'succeeded' }])
  })

  test('… but not for ever', () => {
    const { tunnel } = open('pap')
    for (let i = 0; i < 3; i++) {
      expect(tunnel.hear(avp(18, utf8('Code?')))).toMatchObject([{ do: 'ask' }])
      tunnel.peer.handle({ type: 'answered', answer: secret('1') })
    }
    expect(tunnel.hear(avp(18, utf8('Code?')))).toMatchObject([{ do: 'failed' }])
  })

  test('RFC 5281 §11.2.4: a server that does not know the password', () => {
    const { tunnel } = open('mschapv2')
    const forged = avp(26, utf8(`\u0002S=${'0'.repeat(40)}`), 311)
    expect(tunnel.hear(forged)).toMatchObject([
      { do: 'failed', error: { kind: 'authFailed', who: 'gateway' } },
    ])
  })

  test('RFC 5281 §11.2.4: the right proof counts under the right identifier alone', () => {
    for (const [identifier, what] of [
      [2, 'send'],
      [3, 'failed'],
    ] as const) {
      const { tunnel, first } = open('mschapv2')
      const read = decodeAvps(written(first)!)
      if (!read.ok) throw read.error
      const response = read.value[2]!.data
      const { legacy } = eapTools()
      const hash = chap.ntPasswordHash(legacy, chap.utf16Password(utf8('geheim')))
      const short = chap.challengeHash(response.subarray(2, 18), read.value[1]!.data, utf8('alice'))
      const proof = chap.authenticatorResponse(legacy, hash, response.subarray(26), short)
      expect(response[0]).toBe(2)
      expect(tunnel.hear(avp(26, concat(Uint8Array.of(identifier), utf8(proof)), 311))).toMatchObject([
        { do: what },
      ])
    }
  })

  test('Success before the server’s own proof', () => {
    const { tunnel } = open('mschapv2')
    tunnel.sent()
    expect(tunnel.success()).toMatchObject([{ do: 'failed', error: { reference: 'RFC 3748 §4.2' } }])
  })

  test('RFC 5281 §10.1: a mandatory AVP nobody knows ends it, another one is passed over', () => {
    expect(open('pap').tunnel.hear(avp(999, NO_OCTETS))).toMatchObject([
      { do: 'failed', error: { problem: 'AVP 999 of vendor 0' } },
    ])
    const both = concat(avp(999, NO_OCTETS, 9, false), avp(18, utf8('Code?')))
    expect(open('pap').tunnel.hear(both)).toMatchObject([{ do: 'ask' }])
  })

  test('RFC 5281 §11.2.1: TLS inside TLS is declined', () => {
    const { tunnel, first } = open('eap', { inner: ['tls', 'md5'] })
    expect(decodeAvps(written(first)!)).toMatchObject({ value: [{ code: 79 }] })
    const start = tunnel.hear(avp(79, fromHex('010100060d20')))
    expect(decodeAvps(written(start)!)).toMatchObject({ value: [{ data: fromHex('020100060304') }] })
  })

  test('a packet in two AVPs, as RADIUS splits it', () => {
    const { tunnel } = open('eap', { inner: ['md5'] })
    const halves = concat(avp(79, fromHex('0101000a04')), avp(79, fromHex('0411223344')))
    expect(written(tunnel.hear(halves))).toBeDefined()
  })
})
