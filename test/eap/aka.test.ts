import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { concat, fromHex, toHex, utf8 } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { reauthMsk, reauthMskPrime, type SimKeys, simCipher } from '../../core/crypto/sim-keys.ts'
import type { EapPeerConfig } from '../../core/eap/config.ts'
import { type EapAction, EapPeer } from '../../core/eap/peer.ts'
import { emptySimMemory, MilenageCard, type SimMemory } from '../../core/eap/sim-card.ts'
import { decodeEapPacket } from '../../core/wire/eap/packet.ts'
import {
  body,
  counted,
  decodeSimMessage,
  find,
  type NewAttribute,
  number,
  reserved,
  type SimMessage,
  withLength,
  withNumber,
} from '../../core/wire/eap/sim.ts'
import { eapTools, hexOf } from '../support/eap-pair.ts'
import {
  akaKeys,
  akaPrimeKeysOf,
  CARD,
  RAND,
  sealedBy,
  secretOf,
  simRequest,
  umtsVector,
} from '../support/sim-network.ts'

const SQN = fromHex('000000000020')
const IDENTITY = '0232010000000000'
const cardAt = (sqn: string) => new MilenageCard(secretOf(CARD.k), secretOf(CARD.opc), fromHex(sqn))

interface Options {
  readonly sqn?: string
  readonly memory?: SimMemory
  readonly methods?: EapPeerConfig['methods']
  readonly networkName?: string
}

function begin(type: 23 | 50, { sqn = '000000000010', memory = emptySimMemory(), ...more }: Options = {}) {
  const card = cardAt(sqn)
  const network = more.networkName === undefined ? {} : { networkName: more.networkName }
  const peer = new EapPeer(
    {
      user: IDENTITY,
      methods: more.methods ?? [type === 23 ? 'aka' : 'aka-prime'],
      sim: { card, memory, ...network },
    },
    eapTools(),
  )
  const hear = (packet: Uint8Array) => peer.handle({ type: 'packet', packet })
  return { card, memory, hear, type }
}

const answer = (actions: readonly EapAction[]): { packet: Uint8Array; message: SimMessage } => {
  const [action] = actions
  if (action?.do !== 'send') throw new Error(JSON.stringify(actions))
  const packet = decodeEapPacket(action.packet)
  if (!packet.ok || !('data' in packet.value)) throw new Error('no response')
  const read = decodeSimMessage(packet.value.data)
  if (!read.ok) throw read.error
  return { packet: action.packet, message: read.value }
}
const clientError = (actions: readonly EapAction[]): number | undefined => {
  const { message } = answer(actions)
  return message.subtype === 14 ? number(message.attributes[0]!) : undefined
}
const challenge = (
  type: 23 | 50,
  keys: SimKeys,
  more: readonly NewAttribute[] = [],
  sqn = SQN,
  autn = umtsVector(sqn).autn,
  identifier = 7,
): Uint8Array =>
  simRequest({
    type,
    identifier,
    subtype: 1,
    attributes: [
      reserved('AT_RAND', RAND),
      reserved('AT_AUTN', autn),
      ...(type === 50 && !more.some(({ name }) => name === 'AT_KDF_INPUT') ? WLAN : []),
      ...more,
    ],
    aut: keys.aut,
  })
const WLAN: readonly NewAttribute[] = [withLength('AT_KDF_INPUT', utf8('WLAN')), withNumber('AT_KDF', 1)]
const keysFor = (type: 23 | 50, identity = IDENTITY): SimKeys =>
  type === 23 ? akaKeys(identity, SQN) : akaPrimeKeysOf(identity, 'WLAN', SQN)
const success = fromHex('03070004')

describe.each([
  [23, 'RFC 4187'],
  [50, 'RFC 9048'],
] as const)('EAP type %i, %s', (type, _document) => {
  const keys = keysFor(type)

  test('§9.3, §9.4: RES proves us, the MAC both, and the key is the same at both ends', () => {
    const { hear, card } = begin(type)
    const { message } = answer(hear(challenge(type, keys)))
    expect(message.subtype).toBe(1)
    const res = find(message.attributes, 'AT_RES')!
    expect([number(res), toHex(body(res))]).toEqual([64, toHex(umtsVector(SQN).res)])
    const [end] = hear(success)
    if (end?.do !== 'succeeded') throw new Error(JSON.stringify(end))
    expect(hexOf(end.msk)).toBe(hexOf(keys.msk))
    expect(card.sqn).toEqual(SQN)
  })

  test('§6.3.1: a network that does not know our key', () => {
    const { hear } = begin(type)
    const forged = umtsVector(SQN).autn.map((octet, i) => (i === 15 ? octet ^ 1 : octet))
    const { message } = answer(hear(challenge(type, keys, [], SQN, forged)))
    expect(message).toEqual({ subtype: 2, attributes: [] })
    expect(hear(fromHex('04070004'))).toMatchObject([{ error: { kind: 'authFailed', who: 'gateway' } }])
  })

  test('§6.3.1: a number that was used before; the network catches up and goes on', () => {
    const { hear } = begin(type, { sqn: '000000000020' })
    const behind = hear(challenge(type, keys))
    const auts = find(answer(behind).message.attributes, 'AT_AUTS')
    expect([answer(behind).message.subtype, auts?.value.length]).toEqual([4, 14])
    const kdfs = answer(behind).message.attributes.filter((attribute) => attribute.type === 24)
    expect(kdfs.map(number), 'RFC 9048 §3.2').toEqual(type === 50 ? [1] : [])
    const later = fromHex('000000000040')
    const fresh = type === 23 ? akaKeys(IDENTITY, later) : akaPrimeKeysOf(IDENTITY, 'WLAN', later)
    const packet = challenge(type, fresh, [], later, umtsVector(later).autn, 8)
    expect(answer(hear(packet)).message.subtype).toBe(1)
    expect(hear(fromHex('03080004'))).toMatchObject([{ do: 'succeeded' }])
  })

  test('a network that never catches up', () => {
    const { hear } = begin(type, { sqn: '000000000020' })
    const again = (identifier: number): Uint8Array =>
      challenge(type, keys).map((octet, i) => (i === 1 ? identifier : octet))
    expect(answer(hear(again(1))).message.subtype).toBe(4)
    expect(answer(hear(again(2))).message.subtype).toBe(4)
    expect(clientError(hear(again(3)))).toBe(0)
  })

  test('a wrong MAC after a good AUTN; Success counts nothing then', () => {
    const { hear } = begin(type)
    const packet = challenge(type, keys)
    packet[packet.length - 1]! ^= 1
    expect(clientError(hear(packet))).toBe(0)
    expect(hear(success)).toMatchObject([{ do: 'failed' }])
  })

  test('§10.13: identities that were changed on their way are noticed', () => {
    const ask = simRequest({
      type,
      identifier: 5,
      subtype: 5,
      attributes: [withNumber('AT_PERMANENT_ID_REQ', 0)],
    })
    const hash = type === 23 ? 'sha1' : 'sha256'
    const checkcode = (...packets: Uint8Array[]): NewAttribute =>
      reserved(
        'AT_CHECKCODE',
        new Uint8Array(
          createHash(hash)
            .update(concat(...packets))
            .digest(),
        ),
      )
    const good = begin(type)
    const { packet, message } = answer(good.hear(ask))
    expect(Buffer.from(counted(message.attributes[0]!)!).toString()).toBe(IDENTITY)
    const agreed = checkcode(ask, packet)
    const proven = answer(good.hear(challenge(type, keys, [agreed]))).message
    expect(find(proven.attributes, 'AT_CHECKCODE')?.value).toEqual(agreed.value)
    const bad = begin(type)
    bad.hear(ask)
    expect(clientError(bad.hear(challenge(type, keys, [checkcode(ask)])))).toBe(0)
    expect(clientError(begin(type).hear(challenge(type, keys, [agreed])))).toBe(0)
  })

  test('§4.1: identities asked for out of order, or too often', () => {
    const { hear } = begin(type)
    const ask = (identifier: number, name: 'AT_ANY_ID_REQ' | 'AT_PERMANENT_ID_REQ'): Uint8Array =>
      simRequest({ type, identifier, subtype: 5, attributes: [withNumber(name, 0)] })
    hear(ask(1, 'AT_PERMANENT_ID_REQ'))
    expect(clientError(hear(ask(2, 'AT_ANY_ID_REQ')))).toBe(0)
  })

  test('§6.2: where the server wants to say how it went, Success waits for its word', () => {
    const wanting = () => {
      const { hear } = begin(type)
      const { message } = answer(hear(challenge(type, keys, [withNumber('AT_RESULT_IND', 0)])))
      expect(find(message.attributes, 'AT_RESULT_IND')).toBeDefined()
      return hear
    }
    const told = (code: number): Uint8Array =>
      simRequest({
        type,
        identifier: 8,
        subtype: 12,
        attributes: [withNumber('AT_NOTIFICATION', code)],
        aut: keys.aut,
      })
    expect(wanting()(success)).toMatchObject([{ do: 'failed' }])
    const good = wanting()
    expect(answer(good(told(32768))).message.subtype).toBe(12)
    expect(good(success)).toMatchObject([{ do: 'succeeded' }])
    const bad = wanting()
    bad(told(1031))
    expect(bad(success)).toMatchObject([{ do: 'failed' }])
    expect(wanting()(told(1026))[0]).toMatchObject({ do: 'send' })
  })

  test('§5: names for the next time, and a re-authentication with them', () => {
    const { hear, memory } = begin(type)
    const names = [
      withLength('AT_NEXT_PSEUDONYM', utf8('2pseudo')),
      withLength('AT_NEXT_REAUTH_ID', utf8('4again')),
    ]
    hear(challenge(type, keys, sealedBy(keys.encr, names)))
    hear(success)
    expect(memory).toMatchObject({ pseudonym: '2pseudo', reauth: { identity: '4again', counter: 0 } })

    const next = begin(type, { memory })
    expect(
      Buffer.from((next.hear(fromHex('0101000501'))[0] as { packet: Uint8Array }).packet).toString(),
    ).toContain('4again')
    const nonceS = new Uint8Array(16).fill(5)
    const sealed = sealedBy(keys.encr, [withNumber('AT_COUNTER', 1), reserved('AT_NONCE_S', nonceS)])
    const again = simRequest({ type, identifier: 2, subtype: 13, attributes: sealed, aut: keys.aut })
    const { message } = answer(next.hear(again))
    const inside = simCipher(
      false,
      keys.encr,
      body(find(message.attributes, 'AT_IV')!),
      body(find(message.attributes, 'AT_ENCR_DATA')!),
    )
    expect(toHex(inside.subarray(0, 4))).toBe('13010001')
    const [end] = next.hear(fromHex('03020004'))
    if (end?.do !== 'succeeded') throw new Error(JSON.stringify(end))
    const wanted =
      type === 23
        ? reauthMsk(eapTools().legacy, utf8('4again'), 1, nonceS, keys.again)
        : reauthMskPrime(utf8('4again'), 1, nonceS, keys.again)
    expect(hexOf(end.msk)).toBe(hexOf(wanted))
    expect(memory.reauth, 'a name is used once').toBeUndefined()
    expect(memory.pseudonym).toBe('2pseudo')
  })

  test.each([
    ['half a block', reserved('AT_ENCR_DATA', new Uint8Array(20))],
    ['no IV', reserved('AT_ENCR_DATA', new Uint8Array(16))],
  ])('what is encrypted, with %s', (_, attribute) => {
    const iv = _ === 'no IV' ? [] : [reserved('AT_IV', new Uint8Array(16))]
    expect(clientError(begin(type).hear(challenge(type, keys, [...iv, attribute])))).toBe(0)
  })
})

describe('RFC 9048 §3: what EAP-AKA’ adds', () => {
  const name = (text: string): NewAttribute => withLength('AT_KDF_INPUT', utf8(text))
  const kdf = (id: number): NewAttribute => withNumber('AT_KDF', id)
  const REJECTED = { subtype: 2, attributes: [] }

  test('§3.1: the network’s name must be the one that was agreed', () => {
    const keys = akaPrimeKeysOf(IDENTITY, 'HRPD', SQN)
    const packet = challenge(50, keys, [name('HRPD'), kdf(1)])
    expect(answer(begin(50, { networkName: 'WLAN' }).hear(packet)).message).toEqual(REJECTED)
    expect(answer(begin(50, { networkName: 'HRPD' }).hear(packet)).message.subtype).toBe(1)
    const nameless = challenge(50, keys, [name(''), kdf(1)])
    expect(answer(begin(50).hear(nameless)).message).toEqual(REJECTED)
  })

  test('§3.2: another derivation first: we name ours, and it must come back before all of theirs', () => {
    const keys = keysFor(50)
    const offer = challenge(50, keys, [name('WLAN'), kdf(9), kdf(1)])
    const agreed = challenge(50, keys, [name('WLAN'), kdf(1), kdf(9), kdf(1)])
    const changed = challenge(50, keys, [name('WLAN'), kdf(1), kdf(1)])
    const { hear } = begin(50)
    const { message } = answer(hear(offer))
    expect(message.attributes.map(({ type }) => type)).toEqual([24])
    expect(answer(hear(agreed)).message.subtype).toBe(1)
    const other = begin(50)
    other.hear(offer)
    expect(clientError(other.hear(changed))).toBe(0)
  })

  test('§3.2: none in common, or one twice', () => {
    const keys = keysFor(50)
    for (const kdfs of [[kdf(9)], [kdf(1), kdf(1)], []])
      expect(answer(begin(50).hear(challenge(50, keys, [name('WLAN'), ...kdfs]))).message).toEqual(REJECTED)
  })

  test('3GPP TS 33.402: a challenge made for EAP-AKA is not taken', () => {
    const { autn } = umtsVector(SQN, new Uint8Array(2))
    expect(answer(begin(50).hear(challenge(50, keysFor(50), [], SQN, autn))).message).toEqual(REJECTED)
  })

  test('§4: a server that would rather use EAP-AKA’ was talked down by somebody', () => {
    const bidding = withNumber('AT_BIDDING', 0x8000)
    const packet = challenge(23, keysFor(23), [bidding])
    const both = begin(23, { methods: ['aka', 'aka-prime'] })
    expect(answer(both.hear(packet)).message).toEqual(REJECTED)
    expect(answer(begin(23).hear(packet)).message.subtype).toBe(1)
  })
})

test('a wiped card has no answer', () => {
  const k = new Secret(CARD.k.slice())
  const card = new MilenageCard(k, secretOf(CARD.opc), SQN)
  k.close()
  expect(() => card.umts(RAND, umtsVector(SQN).autn)).toThrow('this secret was closed')
})
