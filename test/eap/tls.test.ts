import { describe, expect, test } from 'vitest'
import { fromHex, NO_OCTETS, utf8 } from '../../core/bytes/octets.ts'
import type { TlsVersion } from '../../core/crypto/tls.ts'
import type { EapPeerConfig } from '../../core/eap/config.ts'
import { type EapAction, EapPeer } from '../../core/eap/peer.ts'
import type { EapServerConfig } from '../../core/eap/server-config.ts'
import { TlsMessages } from '../../core/eap/tls-messages.ts'
import { encodeEapPacket } from '../../core/wire/eap/packet.ts'
import { decodeTlsFragment, encodeTlsFragment } from '../../core/wire/eap/tls-fragment.ts'
import { type Conversation, converseOverTls, eapTools, hexOf, users } from '../support/eap-pair.ts'
import { judge, shown } from '../support/eap-tls.ts'
import { FakeTunnel } from '../support/fake-tunnel.ts'

const peer = (version: TlsVersion, more: Partial<EapPeerConfig> = {}): EapPeerConfig => ({
  user: 'alice@lab.test',
  methods: ['tls'],
  tls: { certificate: shown('client'), versions: [version] },
  ...more,
})
const server = (certificate: 'server' | 'impostor' | 'large' = 'server'): EapServerConfig => ({
  methods: ['tls'],
  serverName: 'gw.test',
  lookUp: users({}),
  tls: { certificate: shown(certificate) },
})

/** `server 20`, `peer 80 97`: who, the flags, and how many octets follow. */
const shape = ({ packets }: Conversation): string[] =>
  packets
    .filter(({ bytes }) => bytes[4] === 13)
    .map(
      ({ from, bytes }) =>
        `${from} ${bytes[5]?.toString(16).padStart(2, '0')}${bytes.length > 6 ? ' …' : ''}`,
    )

describe('RFC 5216 §2.1.1, RFC 9190 §2.1.1: mutual authentication', () => {
  test('TLS 1.2: the client acknowledges the server’s Finished, then comes Success', async () => {
    const done = await converseOverTls({ peer: peer('TLSv1.2'), server: server() })
    expect(shape(done)).toEqual([
      'server 20', // TLS Start
      'peer 80 …', // ClientHello
      'server 80 …', // ServerHello … ServerHelloDone
      'peer 80 …', // Certificate … Finished
      'server 80 …', // ChangeCipherSpec, Finished
      'peer 00',
    ])
    if (done.peer?.do !== 'succeeded' || done.server?.do !== 'succeeded')
      throw new Error(JSON.stringify(done.peer))
    expect(hexOf(done.peer.msk)).toMatch(/^(?!0+$)[0-9a-f]{128}$/)
    expect(hexOf(done.server.msk)).toBe(hexOf(done.peer.msk))
  })

  test('TLS 1.3: one octet of zero is the server’s own word before Success', async () => {
    const done = await converseOverTls({ peer: peer('TLSv1.3'), server: server() })
    expect(shape(done)).toEqual([
      'server 20',
      'peer 80 …', // ClientHello
      'server 80 …', // ServerHello … Finished
      'peer 80 …', // Certificate, CertificateVerify, Finished
      'server 80 …', // NewSessionTicket, 0x00
      'peer 00',
    ])
    if (done.peer?.do !== 'succeeded' || done.server?.do !== 'succeeded')
      throw new Error(JSON.stringify(done.peer))
    expect(hexOf(done.server.msk)).toBe(hexOf(done.peer.msk))
  })

  test('RFC 9190 §2.5: Success without that octet is none', async () => {
    let messages = 0
    const done = await converseOverTls({
      peer: peer('TLSv1.3'),
      server: server(),
      // The third TLS message of the server carries it.
      rewrite: (bytes, from) =>
        from === 'server' && bytes[4] === 13 && ++messages === 3
          ? encodeEapPacket({ code: 'success', identifier: bytes[1]! })
          : bytes,
    })
    expect(done.peer).toMatchObject({ do: 'failed', error: { kind: 'protocol', reference: 'RFC 3748 §4.2' } })
  })
})

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('who is who, %s', (version) => {
  test('a server nobody vouches for never sees our certificate (CVE-2023-26463)', async () => {
    const done = await converseOverTls({ peer: peer(version), server: server('impostor') })
    expect(done.peer).toMatchObject({ error: { kind: 'certificateRefused' } })
    expect(shape(done).filter((line) => line.startsWith('peer'))).toEqual(['peer 80 …'])
  })

  test('a server with a good certificate for another name', async () => {
    const done = await converseOverTls({
      peer: peer(version),
      server: server(),
      judgeServer: judge('other.lab.test'),
    })
    expect(done.peer).toMatchObject({
      error: { kind: 'certificateRefused', problem: 'it is for somebody else' },
    })
  })

  test('a client without a certificate is not let in', async () => {
    const done = await converseOverTls({
      peer: peer(version, { tls: { versions: [version] } }),
      server: server(),
    })
    expect(done.server).toMatchObject({ do: 'failed' })
    expect(done.peer).toMatchObject({ do: 'failed' })
  })
})

describe('RFC 5216 §2.1.5: fragments', () => {
  test('a chain that is too large for one packet goes in several, each asked for', async () => {
    const done = await converseOverTls({ peer: peer('TLSv1.3'), server: server('large') })
    expect(done.peer).toMatchObject({ do: 'succeeded' })
    const lines = shape(done)
    expect(lines.slice(2, 5)).toEqual(['server c0 …', 'peer 00', 'server 40 …'])
    for (const { bytes } of done.packets) expect(bytes.length).toBeLessThanOrEqual(1310)
  })

  const fragment = (hex: string) => {
    const read = decodeTlsFragment(fromHex(hex))
    if (!read.ok) throw read.error
    return read.value
  }
  const arrivals = (...hex: string[]): string[] => {
    const messages = new TlsMessages(0)
    return hex.map((one) => {
      const arrival = messages.receive(fragment(one))
      return arrival.what === 'broken' ? arrival.problem : arrival.what
    })
  }

  test.each([
    ['in one', ['00 0102'], ['message']],
    ['in one, with its length', ['80 00000002 0102'], ['message']],
    ['in three', ['c0 00000003 01', '40 02', '00 03'], ['part', 'part', 'message']],
    ['the length in each', ['c0 00000002 01', '80 00000002 02'], ['part', 'message']],
    ['nothing', ['00', ''], ['acknowledgement', 'acknowledgement']],
    ['two messages', ['c0 00000002 01', '00 02', '00 03'], ['part', 'message', 'message']],
  ])('taken: %s', (_, hex, what) => {
    expect(arrivals(...hex)).toEqual(what)
  })

  test.each([
    ['more than announced', ['c0 00000002 01', '00 0203'], 'a message longer than announced'],
    ['less than announced', ['c0 00000004 01', '00 02'], 'a message shorter than announced'],
    ['an announcement that grows', ['c0 00000004 01', 'c0 00000005 02'], 'a message that changes its length'],
    ['more to come, but no data', ['40'], 'a fragment without data'],
    ['a start in the middle', ['40 01', '20'], 'a start in the middle'],
    ['four gigabytes', ['c0 ffffffff 01'], 'a message of 4294967295 octets'],
  ])('refused: %s', (_, hex, problem) => {
    expect(arrivals(...hex).at(-1)).toBe(problem)
  })

  test('a message that never ends, unannounced', () => {
    const messages = new TlsMessages(0)
    const part = { start: false, more: true, version: 0, data: new Uint8Array(1000) }
    let arrival = messages.receive(part)
    let count = 1
    while (arrival.what === 'part' && count++ < 1000) arrival = messages.receive(part)
    expect(count).toBe(66)
  })

  test('an answer before our message was whole', () => {
    const messages = new TlsMessages(0)
    messages.send(new Uint8Array(3000))
    expect(messages.receive(fragment('00 01'))).toMatchObject({ what: 'broken' })
  })

  test.each(['80', '80 0000', '80 00000001 0102'])('%s: a length that cannot be', (hex) => {
    expect(decodeTlsFragment(fromHex(hex))).toMatchObject({ ok: false })
  })

  test('§3.1: encoded as decoded', () => {
    for (const hex of ['20', '00', 'c0000000030102', '4005', '8000000001ff'])
      expect(encodeTlsFragment(fragment(hex))).toEqual(fromHex(hex))
  })
})

describe('what no server may do', () => {
  const begin = (): {
    peer: EapPeer
    hear: (identifier: number, data: Uint8Array) => readonly EapAction[]
  } => {
    const client = new EapPeer(peer('TLSv1.3'), eapTools())
    return {
      peer: client,
      hear: (identifier, data) =>
        client.handle({
          type: 'packet',
          packet: encodeEapPacket({
            code: 'request',
            identifier,
            method: { vendor: 0, type: 13 },
            expanded: false,
            data,
          }),
        }),
    }
  }

  test('begin without a start, or start with data', () => {
    expect(begin().hear(1, fromHex('00'))).toMatchObject([{ do: 'failed' }])
    expect(begin().hear(1, fromHex('2001'))).toMatchObject([{ do: 'failed' }])
  })

  test('fall silent in the middle of the handshake and ask on without end', () => {
    const { peer: client, hear } = begin()
    expect(hear(1, fromHex('20'))).toMatchObject([{ do: 'tls' }])
    client.handle({ type: 'tls', turn: { output: utf8('hello'), data: NO_OCTETS } })
    expect(hear(2, fromHex('00'))).toMatchObject([{ do: 'failed', error: { kind: 'protocol' } }])
  })

  test('RFC 9190 §2.5: say anything else than one octet of zero, or say it twice, or in TLS 1.2', () => {
    const open = (version: TlsVersion): FakeTunnel => {
      const tunnel = new FakeTunnel(peer(version), 13)
      tunnel.open(version, 128)
      return tunnel
    }
    const hear = (tunnel: FakeTunnel, hex: string): readonly EapAction[] => {
      tunnel.request({ data: Uint8Array.of(1) })
      return tunnel.peer.handle({ type: 'tls', turn: { output: NO_OCTETS, data: fromHex(hex) } })
    }
    for (const hex of ['01', '0000']) expect(hear(open('TLSv1.3'), hex)).toMatchObject([{ do: 'failed' }])
    expect(hear(open('TLSv1.2'), '00')).toMatchObject([{ do: 'failed' }])
    const good = open('TLSv1.3')
    expect(hear(good, '00')).toMatchObject([{ do: 'send' }])
    expect(hear(good, '00')).toMatchObject([{ do: 'failed' }])
  })

  test('send what is no TLS: our alert is delivered, then it is over', async () => {
    const done = await converseOverTls({
      peer: peer('TLSv1.3'),
      server: server(),
      rewrite: (bytes, from) =>
        from === 'server' && bytes[5] === 0x80 ? bytes.map((octet, i) => (i === 10 ? 0x42 : octet)) : bytes,
    })
    expect(done.peer).toMatchObject({ do: 'failed', error: { kind: 'protocol', exchange: 'TLS' } })
  })
})
