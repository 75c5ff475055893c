import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../core/bytes/octets.ts'
import type { EapPeerConfig } from '../../core/eap/config.ts'
import { type EapAction, EapPeer } from '../../core/eap/peer.ts'
import { emptySimMemory, type SimMemory, tripletCard } from '../../core/eap/sim-card.ts'
import { decodeEapPacket } from '../../core/wire/eap/packet.ts'
import {
  decodeSimAttributes,
  decodeSimMessage,
  number,
  withLength,
  withNumber,
} from '../../core/wire/eap/sim.ts'
import { eapTools, hexOf } from '../support/eap-pair.ts'
import { secretOf, simRequest } from '../support/sim-network.ts'
import { vectorJson } from '../support/vectors.ts'

// Every packet of RFC 4186 App. A, by its section.
const RFC =
  vectorJson<Record<'a1' | 'a2' | 'a3' | 'a4' | 'a5' | 'a6' | 'a7' | 'a8' | 'a9' | 'a10', string>>(
    'eap/rfc4186.json',
  )
const card = tripletCard(
  [
    ['101112131415161718191a1b1c1d1e1f', 'd1d2d3d4', 'a0a1a2a3a4a5a6a7'],
    ['202122232425262728292a2b2c2d2e2f', 'e1e2e3e4', 'b0b1b2b3b4b5b6b7'],
    ['303132333435363738393a3b3c3d3e3f', 'f1f2f3f4', 'c0c1c2c3c4c5c6c7'],
  ].map(([rand, sres, kc]) => ({ rand: fromHex(rand!), sres: fromHex(sres!), kc: fromHex(kc!) })),
)
const config = (memory: SimMemory, more: Partial<EapPeerConfig> = {}): EapPeerConfig => ({
  user: '1244070100000001@eapsim.foo',
  methods: ['sim'],
  sim: { card, memory },
  ...more,
})
/** Random octets as the RFC's client drew them. */
const drawing = (...draws: string[]) => ({
  ...eapTools(),
  random: { bytes: () => fromHex(draws.shift() ?? '') },
})
const NONCE_MT = '0123456789abcdeffedcba9876543210'

const begin = (
  memory = emptySimMemory(),
  draws: string[] = [NONCE_MT],
  more: Partial<EapPeerConfig> = {},
) => {
  const peer = new EapPeer(config(memory, more), drawing(...draws))
  return {
    memory,
    hear: (packet: string | Uint8Array) =>
      peer.handle({ type: 'packet', packet: typeof packet === 'string' ? fromHex(packet) : packet }),
  }
}
const sent = (actions: readonly EapAction[]): string =>
  actions
    .flatMap((action) => (action.do === 'send' ? [toHex(action.packet)] : [JSON.stringify(action)]))
    .join()
/** The Client-Error of an answer. RFC 4186 §10.19 */
const clientError = (actions: readonly EapAction[]): number | undefined => {
  const packet = actions[0]?.do === 'send' ? decodeEapPacket(actions[0].packet) : undefined
  if (packet?.ok !== true || !('data' in packet.value)) return undefined
  const read = decodeSimMessage(packet.value.data)
  return read.ok && read.value.subtype === 14 ? number(read.value.attributes[0]!) : undefined
}

describe('RFC 4186 App. A: octet for octet', () => {
  test('A.1–A.7: a full authentication with three triplets', () => {
    const { hear, memory } = begin()
    expect(sent(hear(RFC.a1))).toBe(RFC.a2)
    expect(sent(hear(RFC.a3))).toBe(RFC.a4)
    expect(sent(hear(RFC.a5))).toBe(RFC.a6)
    const [end] = hear(RFC.a7)
    if (end?.do !== 'succeeded') throw new Error(JSON.stringify(end))
    expect(hexOf(end.msk)).toMatch(/^39d45aeaf4e30601.*8f46b9a7886e4488$/)
    expect(memory.pseudonym).toBe('w8w49PexCazWJ&xCIARmxuMKht5S1sxRDqXSEFBEg3DcZP9cIxTe5J4OyIwNGVzxeJOU1G')
    expect(memory.reauth?.identity).toMatch(/^Y24fNSrz8BP274.*@eapsim\.foo$/)
  })

  test('A.8–A.10: a fast re-authentication on the keys of the last time', () => {
    const first = begin()
    for (const packet of [RFC.a1, RFC.a3, RFC.a5, RFC.a7]) first.hear(packet)
    const { hear, memory } = begin(first.memory, ['cdf7ffa65de04c026b56c86b76b102ea'])
    expect(sent(hear(RFC.a1))).toBe(RFC.a8)
    expect(sent(hear(RFC.a9))).toBe(RFC.a10)
    const [end] = hear('03010004')
    if (end?.do !== 'succeeded') throw new Error(JSON.stringify(end))
    expect(hexOf(end.msk)).toMatch(/^6263f614973895e1.*adbce441d47c4f5e$/)
    expect(memory.reauth).toMatchObject({ counter: 1, identity: expect.stringMatching(/^uta0M0iyIsMwWp5T/) })
  })
})

/** After A.1–A.7 and A.8: the network may re-authenticate. */
const agreed = () => {
  const first = begin()
  for (const packet of [RFC.a1, RFC.a3, RFC.a5, RFC.a7]) first.hear(packet)
  return first.memory
}

describe('RFC 4186 §5: re-authentication within bounds', () => {
  test('§5.4: a counter that was used before is answered with “too small”, and a full authentication may follow', () => {
    const memory = agreed()
    memory.reauth = { ...memory.reauth!, counter: 1 }
    const iv = 'aa'.repeat(16)
    const { hear } = begin(memory, [iv, NONCE_MT])
    hear(RFC.a1)
    const answer = sent(hear(RFC.a9))
    expect(answer).toContain('020100')
    expect(answer).not.toBe(RFC.a10)
    expect(memory.reauth).toBeUndefined()
    expect(sent(hear(RFC.a3.replace(/^0101/, '0102')))).toContain('120a')
  })

  test('one that was not agreed on', () => {
    const { hear } = begin()
    hear(RFC.a1)
    expect(clientError(hear(RFC.a9))).toBe(0)
  })

  test('a second one in the same conversation', () => {
    const { hear } = begin(agreed(), ['cd'.repeat(16)])
    hear(RFC.a1)
    expect(sent(hear(RFC.a9))).toMatch(/^0201/)
    expect(clientError(hear(RFC.a9.replace(/^0101/, '0102')))).toBe(0)
  })
})

describe('RFC 4186 §4.2: which name is said', () => {
  const START = 10
  const versions = withLength('AT_VERSION_LIST', fromHex('0001'))
  const start = (identifier: number, ...more: Parameters<typeof withNumber>[0][]): Uint8Array =>
    simRequest({
      type: 18,
      identifier,
      subtype: START,
      attributes: [versions, ...more.map((name) => withNumber(name, 0))],
    })
  const said = (actions: readonly EapAction[]): string => Buffer.from(sent(actions), 'hex').toString('latin1')

  test('any: the one for re-authentication; for a full one: the pseudonym; permanent: the real one', () => {
    const memory = agreed()
    const { hear } = begin(memory, [NONCE_MT, NONCE_MT])
    const any = said(hear(start(1, 'AT_ANY_ID_REQ')))
    expect(any).toContain('Y24fNSrz8BP274')
    expect(toHex(Buffer.from(any, 'latin1')), '§9.2: then no nonce').not.toContain(NONCE_MT)
    expect(said(hear(start(2, 'AT_FULLAUTH_ID_REQ')))).toContain('w8w49PexCazWJ&x')
    expect(said(hear(start(3, 'AT_PERMANENT_ID_REQ')))).toContain('1244070100000001@eapsim.foo')
  })

  test('§4.2.4: back from permanent to any, or two at once', () => {
    const { hear } = begin(agreed(), [NONCE_MT, NONCE_MT])
    hear(start(1, 'AT_PERMANENT_ID_REQ'))
    expect(clientError(hear(start(2, 'AT_ANY_ID_REQ')))).toBe(0)
    expect(clientError(begin().hear(start(1, 'AT_ANY_ID_REQ', 'AT_PERMANENT_ID_REQ')))).toBe(0)
  })

  test('starts without end', () => {
    const { hear } = begin(emptySimMemory(), Array(9).fill(NONCE_MT))
    for (let i = 0; i < 3; i++) expect(clientError(hear(start(i)))).toBeUndefined()
    expect(clientError(hear(start(4)))).toBe(0)
    expect(hear(start(5))).toMatchObject([{ do: 'failed' }])
  })

  test('§4.1: another version than 1', () => {
    const attributes = [withLength('AT_VERSION_LIST', fromHex('0002'))]
    expect(
      clientError(begin().hear(simRequest({ type: 18, identifier: 1, subtype: START, attributes }))),
    ).toBe(1)
  })
})

describe('RFC 4186 §6.3.1: challenges that are none', () => {
  const challenged = (packet: string) => {
    const { hear, memory } = begin()
    hear(RFC.a1)
    hear(RFC.a3)
    return { actions: hear(packet), memory, hear }
  }
  const swap = (from: string, to: string): string => RFC.a5.replace(from, to)

  test('a wrong MAC: nothing is kept, and Success counts nothing', () => {
    const { actions, memory, hear } = challenged(swap('fef324ac', 'fef324ad'))
    expect(clientError(actions)).toBe(0)
    expect(memory.pseudonym).toBeUndefined()
    expect(hear('03020004')).toMatchObject([{ do: 'failed' }])
  })

  test('the same challenge twice', () => {
    const packet = swap('202122232425262728292a2b2c2d2e2f', '101112131415161718191a1b1c1d1e1f')
    expect(clientError(challenged(packet).actions)).toBe(2)
  })

  test('one challenge alone', () => {
    const attributes = [{ name: 'AT_RAND', value: new Uint8Array(18) }] as const
    const packet = simRequest({
      type: 18,
      identifier: 2,
      subtype: 11,
      attributes,
      aut: secretOf(new Uint8Array(16)),
    })
    expect(clientError(challenged(toHex(packet)).actions)).toBe(2)
  })

  test('a challenge the card has no answer to', () => {
    expect(clientError(challenged(swap('10111213', '10111214')).actions)).toBe(0)
  })

  test('a challenge before the start, or twice', () => {
    expect(clientError(begin().hear(RFC.a5))).toBe(0)
    const { hear } = challenged(RFC.a5)
    expect(clientError(hear(RFC.a5.replace(/^0102/, '0103')))).toBe(0)
  })

  test.each([
    ['a length of 0 (CVE-2026-35330)', '0101000c120a00000f000001'],
    ['longer than the packet', '0101000c120a00000f020001'],
    ['unknown, and not to be skipped', '01010014120a00000f0200020001000064010000'],
    ['twice', '01010018120a00000f02000200010000' + '0f02000200010000'],
    ['a list longer than its attribute', '0101000c120a00000f010008'],
    ['half an IV', `0101001c120b00008104${'00'.repeat(18)}`],
  ])('refused: an attribute %s', (_, hex) => {
    expect(clientError(begin().hear(hex))).toBe(0)
  })
})

describe('RFC 4186 §6: notifications', () => {
  const note = (identifier: number, code: number): Uint8Array =>
    simRequest({ type: 18, identifier, subtype: 12, attributes: [withNumber('AT_NOTIFICATION', code)] })

  test('before there are keys: answered with nothing, and the reason told to the person', () => {
    const { hear } = begin()
    expect(sent(hear(note(1, 16384)))).toBe('02010008120c0000')
    expect(hear('04010004')).toMatchObject([{ error: { kind: 'authFailed', problem: 'general failure' } }])
  })

  test('§10.18: after that only with a MAC', () => {
    const { hear } = begin()
    hear(RFC.a1)
    hear(RFC.a3)
    hear(RFC.a5)
    expect(clientError(hear(note(3, 1031)))).toBe(0)
  })

  test('success before there is any', () => {
    expect(begin().hear(note(1, 0xc000))).toMatchObject([{ do: 'failed' }])
    expect(clientError(begin().hear(note(1, 32768)))).toBe(0)
  })
})

test('a card nobody has', () => {
  const { hear } = begin(emptySimMemory(), [NONCE_MT], { sim: { card: {} } })
  hear(RFC.a1)
  hear(RFC.a3)
  expect(clientError(hear(RFC.a5))).toBe(0)
})

describe('RFC 4186 §8.1: the length of an attribute', () => {
  const attributes = (hex: string) => decodeSimAttributes(fromHex(hex))

  test('CVE-2026-35330: of no octets, it would be read for ever', () => {
    for (const type of ['01', '0b', '80', 'c8', 'ff'])
      expect(attributes(`${type}00`), type).toMatchObject({ ok: false, error: { problem: '0 octets' } })
    expect(attributes('c8000000c8010000').ok).toBe(false)
  })

  test('longer than what is left', () => {
    expect(attributes('c8020000').ok).toBe(false)
    expect(attributes('c8ff0000').ok).toBe(false)
  })
})
