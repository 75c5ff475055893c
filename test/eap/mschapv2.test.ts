import { describe, expect, test } from 'vitest'
import { concat, fromHex, toHex, utf8 } from '../../core/bytes/octets.ts'
import type { Secret } from '../../core/bytes/secret.ts'
import { type EapAction, EapPeer } from '../../core/eap/peer.ts'
import {
  decodeMsChapFailure,
  decodeMsChapRequest,
  decodeMsChapResponse,
  encodeMsChap,
} from '../../core/wire/eap/mschapv2.ts'
import { encodeEapPacket } from '../../core/wire/eap/packet.ts'
import { converse, eapTools, hexOf, revealed, secret, users } from '../support/eap-pair.ts'

const peer = { user: 'alice', methods: ['mschapv2'], password: secret('geheim') } as const
const server = {
  methods: ['mschapv2'],
  serverName: 'gw.test',
  lookUp: users({ alice: 'geheim', 'alice@lab.test': 'geheim', 'LAB\\alice': 'geheim', ü: 'pässwörd😀' }),
  retries: 1,
} as const
const ops = (done: ReturnType<typeof converse>): string[] =>
  done.packets.flatMap(({ from, bytes }) => (bytes[4] === 26 ? [`${from} ${bytes[5]}`] : []))

describe('RFC 2759 §9.1: the negotiations', () => {
  test('§9.1.1: success, and the key of RFC 3079 on both ends', () => {
    const done = converse({ peer, server })
    expect(ops(done)).toEqual(['server 1', 'peer 2', 'server 3', 'peer 3'])
    if (done.peer?.do !== 'succeeded' || done.server?.do !== 'succeeded') throw new Error('refused')
    const msk = hexOf(done.peer.msk)
    expect(msk).toHaveLength(128)
    expect(msk?.slice(64)).toBe('00'.repeat(32))
    expect(msk).not.toMatch(/^0{64}/)
    expect(hexOf(done.server.msk)).toBe(msk)
  })

  test.each(['alice@lab.test', 'LAB\\alice'])(
    '§4: %s signs in, with or without its domain in the hash',
    (user) => {
      expect(converse({ peer: { ...peer, user }, server }).peer).toMatchObject({ do: 'succeeded' })
    },
  )

  test('§2: a password is Unicode', () => {
    const umlaut = { ...peer, user: 'ü', password: secret('pässwörd😀') }
    expect(converse({ peer: umlaut, server }).peer).toMatchObject({ do: 'succeeded' })
  })

  test('§9.1.2: a server that does not know the password is told nothing more', () => {
    const forged = converse({
      peer,
      server,
      rewrite: (bytes, from) =>
        from === 'server' && bytes[5] === 3 ? encodeSuccess(bytes[1]!, `S=${'0'.repeat(40)}`) : bytes,
    })
    expect(forged.peer).toMatchObject({ do: 'failed', error: { kind: 'authFailed', who: 'gateway' } })
    expect(ops(forged).at(-1)).toBe('server 3')
  })

  test('§9.1.3: failed, and no other try', () => {
    const wrong = { ...peer, password: secret('falsch') }
    const done = converse({ peer: wrong, server: { ...server, retries: 0 } })
    expect(done.questions).toEqual([])
    expect(done.peer).toMatchObject({
      error: {
        kind: 'authFailed',
        who: 'us',
        problem: 'the name or the password is wrong; it says “Wrong password”',
      },
    })
  })

  test('§9.1.4: success after a second try under the next ID, with the challenge of the failure', () => {
    const done = converse({ peer: { ...peer, password: secret('falsch') }, server, answers: ['geheim'] })
    expect(done.questions).toEqual([
      { what: 'password', user: 'alice', retry: true, message: 'Wrong password' },
    ])
    expect(ops(done)).toEqual(['server 1', 'peer 2', 'server 4', 'peer 2', 'server 3', 'peer 3'])
    const ids = done.packets.filter(({ bytes }) => bytes[4] === 26).map(({ bytes }) => bytes[6])
    expect(ids[3]).toBe((ids[2]! + 1) & 0xff)
    expect(done.peer).toMatchObject({ do: 'succeeded' })
    if (done.peer?.do !== 'succeeded' || done.server?.do !== 'succeeded') throw new Error('refused')
    expect(hexOf(done.peer.msk)).toBe(hexOf(done.server.msk))
  })

  test('§9.1.5: wrong again and again; a person is asked three times at most', () => {
    const done = converse({
      peer: { ...peer, password: secret('falsch') },
      server: { ...server, retries: 99 },
      answers: Array(20).fill('auch falsch'),
    })
    expect(done.questions).toHaveLength(3)
    expect(done.peer).toMatchObject({ error: { kind: 'authFailed', who: 'us' } })
  })

  test('a prompt that is cancelled ends it', () => {
    const done = converse({ peer: { ...peer, password: secret('falsch') }, server, answers: [undefined] })
    expect(done.peer).toMatchObject({ error: { kind: 'cancelled' } })
  })

  test('the saved password is not touched by any of this', () => {
    const saved = secret('falsch')
    converse({ peer: { ...peer, password: saved }, server, answers: ['geheim'] })
    expect(revealed(saved)).toBe('falsch')
  })
})

describe('RFC 2759 §7: a password that has expired', () => {
  const expired = (kept: string[]) => ({
    ...server,
    lookUp: () => ({ password: secret('alt'), expired: true }),
    changePassword: (name: string, password: Secret) => {
      kept.push(`${name} ${revealed(password)}`)
    },
  })

  test('§9.1.6: the new one is asked for, travels under the old one, and gives the key', () => {
    const kept: string[] = []
    const done = converse({
      peer: { ...peer, password: secret('alt') },
      server: expired(kept),
      answers: ['neu und besser'],
    })
    expect(done.questions).toEqual([
      { what: 'newPassword', user: 'alice', message: 'The password has expired' },
    ])
    expect(ops(done)).toEqual(['server 1', 'peer 2', 'server 4', 'peer 7', 'server 3', 'peer 3'])
    expect(done.packets.find(({ bytes }) => bytes[5] === 7)?.bytes).toHaveLength(591)
    expect(kept).toEqual(['alice neu und besser'])
    if (done.peer?.do !== 'succeeded' || done.server?.do !== 'succeeded') throw new Error('refused')
    expect(hexOf(done.peer.msk)).toBe(hexOf(done.server.msk))
  })

  test('§9.1.7: after a second try', () => {
    const kept: string[] = []
    const done = converse({
      peer: { ...peer, password: secret('falsch') },
      server: expired(kept),
      answers: ['alt', 'neu'],
    })
    expect(done.questions.map(({ what }) => what)).toEqual(['password', 'newPassword'])
    expect(done.peer).toMatchObject({ do: 'succeeded' })
    expect(kept).toEqual(['alice neu'])
  })

  test('a new one that was changed on its way is not taken', () => {
    const kept: string[] = []
    const done = converse({
      peer: { ...peer, password: secret('alt') },
      server: expired(kept),
      answers: ['neu'],
      rewrite: (bytes) => (bytes[5] === 7 ? bytes.map((o, i) => (i === 520 ? o ^ 1 : o)) : bytes),
    })
    expect(done.peer).toMatchObject({
      error: { problem: 'the new password was not taken; it says “The password was not changed”' },
    })
    expect(kept).toEqual([])
  })

  test('more than 256 characters cannot be said', () => {
    const done = converse({
      peer: { ...peer, password: secret('alt') },
      server: expired([]),
      answers: ['x'.repeat(257)],
    })
    expect(done.peer).toMatchObject({ error: { problem: 'the new password is too long' } })
  })
})

describe('draft-kamath-pppext-eap-mschapv2-00 §2: the packets', () => {
  const challenge = (more = ''): Uint8Array => fromHex(`01 05 0018 10 ${'5b'.repeat(16)} 677731 ${more}`)

  test('the worked example of RFC 2759 as a Challenge and its Response', () => {
    const data = fromHex('01 05 0018 10 5B5D7C7D7B3F2F3E3C2C602132262628 677731')
    expect(decodeMsChapRequest(data)).toMatchObject({ ok: true, value: { op: 'challenge', id: 5 } })
    const response = encodeMsChap({
      op: 'response',
      id: 5,
      peerChallenge: fromHex('21402324255E262A28295F2B3A337C7E'),
      ntResponse: fromHex('82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF'),
      name: utf8('User'),
    })
    expect(toHex(response)).toBe(
      '0205003a3121402324255e262a28295f2b3a337c7e000000000000000082309ecd8d708b5ea08faa3981cd83544233114a3d85d6df0055736572',
    )
    expect(decodeMsChapResponse(response)).toMatchObject({ value: { op: 'response', name: utf8('User') } })
  })

  test.each([
    ['nothing', fromHex('')],
    ['an MS-Length that is not the length', fromHex(`01 05 0019 10 ${'5b'.repeat(16)} 677731`)],
    ['an MS-Length of 65535', fromHex(`01 05 ffff 10 ${'5b'.repeat(16)} 677731`)],
    ['a challenge of 8 octets', fromHex('01 05 0010 08 5b5b5b5b5b5b5b5b 677731')],
    ['a challenge that is cut', fromHex('01 05 0008 10 5b5b5b')],
    ['no name', fromHex(`01 05 0015 10 ${'5b'.repeat(16)}`)],
    ['a Success of 50 octets in all', concat(fromHex('03 05 002d'), utf8(`S=${'0'.repeat(39)}`))],
    ['a Failure too short for its text (CVE-2025-62291)', fromHex('04 05 0006 453d')],
    ['a Response from a server', fromHex('02 05 0004')],
    ['an unknown OpCode', fromHex('09 05 0004')],
  ])('refused: %s', (_, data) => {
    expect(decodeMsChapRequest(data)).toMatchObject({ ok: false })
  })

  test.each([
    ['a challenge twice', [challenge(), challenge()]],
    ['Success at first', [fromHex(`03050030 ${toHex(utf8(`S=${'0'.repeat(42)}`))}`)]],
    ['Failure at first', [concat(fromHex('04 05 0008'), utf8('E=69'))]],
  ])('out of order: %s', (_, messages) => {
    const client = new EapPeer(peer, eapTools())
    const last = messages
      .map((data, i) => client.handle({ type: 'packet', packet: asRequest(i, data) }))
      .at(-1)
    expect(last).toMatchObject([{ do: 'failed', error: { kind: 'protocol' } }])
  })

  test('RFC 3748 §4.2: EAP-Success before the server’s own proof counts nothing (CVE-2021-45079)', () => {
    const client = new EapPeer(peer, eapTools())
    client.handle({ type: 'packet', packet: asRequest(1, challenge()) })
    expect(client.handle({ type: 'packet', packet: fromHex('03010004') })).toMatchObject([
      {
        do: 'failed',
        error: { kind: 'protocol', problem: expect.stringContaining('before EAP-MSCHAPv2 has ended') },
      },
    ])
  })
})

describe('RFC 2759 §6: the text of a Failure', () => {
  test('every field, in any order, and a text with anything in it', () => {
    expect(decodeMsChapFailure(utf8('E=691 R=1 C=00112233445566778899aAbBcCdDeEfF V=3 M=E=1 R=0'))).toEqual({
      error: 691,
      retry: true,
      challenge: fromHex('00112233445566778899aabbccddeeff'),
      version: 3,
      text: utf8('E=1 R=0'),
    })
    expect(decodeMsChapFailure(utf8('V=3 R=0 E=648'))).toMatchObject({ error: 648, retry: false, version: 3 })
  })

  test('a challenge that is none, fields that are missing', () => {
    const bare = { error: 691, retry: true, version: 0, text: new Uint8Array(0) }
    expect(decodeMsChapFailure(utf8('E=691 R=1 C=0011'))).toEqual(bare)
    expect(decodeMsChapFailure(utf8(`E=691 R=1 C=${'0'.repeat(33)}`))).toEqual(bare)
    expect(decodeMsChapFailure(utf8('???'))).toEqual({ ...bare, error: 0, retry: false })
  })

  test.each([
    ['E=647 R=0', 'the account is disabled'],
    ['E=649 R=0', 'the account may not connect from outside'],
    ['E=646 R=1', 'not at this hour'],
    ['E=999 R=0 M=Ask Bob', 'ERROR(999); it says “Ask Bob”'],
    ['E=691 R=1 V=3', 'the name or the password is wrong'],
  ])('%s: %s', (text, problem) => {
    const client = new EapPeer(peer, eapTools())
    const challenge = fromHex(`01 05 0018 10 ${'5b'.repeat(16)} 677731`)
    client.handle({ type: 'packet', packet: asRequest(1, challenge) })
    const message = encodeMsChap({ op: 'failure', id: 5, message: utf8(text) })
    const end: readonly EapAction[] = client.handle({ type: 'packet', packet: asRequest(2, message) })
    expect(end).toMatchObject([{ do: 'failed', error: { kind: 'authFailed', who: 'us', problem } }])
  })
})

function asRequest(identifier: number, data: Uint8Array): Uint8Array {
  const method = { vendor: 0, type: 26 }
  return encodeEapPacket({ code: 'request', identifier, method, expanded: false, data })
}

function encodeSuccess(identifier: number, text: string): Uint8Array {
  return asRequest(identifier, encodeMsChap({ op: 'success', id: 1, message: utf8(text) }))
}
