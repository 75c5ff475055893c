import { describe, expect, test } from 'vitest'
import { fromHex, toHex, utf8 } from '../../core/bytes/octets.ts'
import type { EapPeerConfig } from '../../core/eap/config.ts'
import { chosenMethods, isSafeAlone, METHODS } from '../../core/eap/methods.ts'
import { type EapAction, EapPeer } from '../../core/eap/peer.ts'
import { shownText } from '../../core/eap/text.ts'
import { encodeEapPacket } from '../../core/wire/eap/packet.ts'
import { eapTools, secret } from '../support/eap-pair.ts'

const config = (more: Partial<EapPeerConfig> = {}): EapPeerConfig => ({
  user: 'alice',
  methods: ['gtc', 'md5'],
  password: secret('geheim'),
  ...more,
})
const request = (identifier: number, type: number, data: Uint8Array | string = ''): Uint8Array =>
  encodeEapPacket({
    code: 'request',
    identifier,
    method: { vendor: 0, type },
    expanded: false,
    data: typeof data === 'string' ? utf8(data) : data,
  })
const peerOf = (more: Partial<EapPeerConfig> = {}) => {
  const peer = new EapPeer(config(more), eapTools())
  return { peer, hear: (packet: Uint8Array) => peer.handle({ type: 'packet', packet }) }
}
const sent = (actions: readonly EapAction[]): string =>
  actions.flatMap((a) => (a.do === 'send' ? [toHex(a.packet)] : [])).join()
const fault = (actions: readonly EapAction[]): string =>
  actions.flatMap((a) => (a.do === 'failed' ? [JSON.stringify(a.error)] : [])).join()

describe('RFC 3748 §5.1: Identity', () => {
  test('the name, or the anonymous one where there is one; a prompt ends at a NUL', () => {
    expect(sent(peerOf().hear(request(7, 1)))).toBe(`0207000a01${toHex(utf8('alice'))}`)
    const { hear } = peerOf({ anonymousIdentity: 'anonymous@lab.test' })
    const actions = hear(request(8, 1, 'Hello\0networkid=x'))
    expect(actions[0]).toEqual({ do: 'note', text: 'the gateway says: Hello' })
    expect(sent(actions)).toBe(`0208001701${toHex(utf8('anonymous@lab.test'))}`)
  })

  test('asked without end, it ends', () => {
    const { hear } = peerOf()
    for (let i = 0; i < 4; i++) expect(fault(hear(request(i, 1)))).toBe('')
    expect(fault(hear(request(9, 1)))).toContain('who we are again and again')
    expect(hear(request(10, 1))).toEqual([])
  })
})

describe('RFC 3748 §5.2: Notification', () => {
  test('shown as data, answered with nothing, and nothing else changes', () => {
    const { hear } = peerOf()
    const actions = hear(request(1, 2, 'Hi\x1b[2J there\u202e'))
    expect(actions[0]).toEqual({ do: 'note', text: 'the gateway says: Hi [2J there' })
    expect(sent(actions)).toBe('0201000502')
    expect(sent(hear(request(2, 6, 'Password')))).toBe(`0202000b06${toHex(utf8('geheim'))}`)
  })

  test('without end, it ends', () => {
    const { hear } = peerOf()
    for (let i = 0; i < 8; i++) expect(fault(hear(request(i, 2, 'x')))).toBe('')
    expect(fault(hear(request(9, 2, 'x')))).toContain('too many notifications')
  })

  test('words of the gateway are cut and cleaned before they are shown', () => {
    expect(shownText(utf8('a'.repeat(5000)))).toHaveLength(300)
    expect(shownText(fromHex('ff00410a'))).toBe('\ufffd A')
  })
})

describe('RFC 3748 §5.3: Nak', () => {
  test('names what we want, the strongest first, and the server picks', () => {
    const { hear } = peerOf()
    const actions = hear(request(1, 52))
    expect(sent(actions)).toBe('02010007030604')
    expect(actions[0]).toMatchObject({ text: expect.stringContaining('EAP-pwd') })
    expect(sent(hear(request(2, 6, 'Password')))).toContain('020200')
  })

  test('a method of a vendor is declined in its own form', () => {
    expect(sent(peerOf().hear(fromHex('0107000dfe0001370000002100')))).toBe(
      '0207001cfe00000000000003fe00000000000006fe00000000000004',
    )
  })

  test('an IETF method in the long form is answered in the long form', () => {
    const { hear } = peerOf()
    expect(sent(hear(fromHex('0107000dfe0000000000000641')))).toBe(
      `02070012fe00000000000006${toHex(utf8('geheim'))}`,
    )
  })

  test('a server that never finds one gets its reason told to the person', () => {
    const { hear } = peerOf()
    hear(request(1, 52))
    expect(fault(hear(fromHex('04010004')))).toContain('"kind":"noSignInMethod","wanted":["EAP-pwd"]')
  })

  test('naks without end', () => {
    const { hear } = peerOf()
    for (let i = 0; i < 5; i++) expect(fault(hear(request(i, 52)))).toBe('')
    expect(fault(hear(request(9, 52)))).toContain('noSignInMethod')
  })
})

describe('RFC 3748 §2.1, §4: what no server may do', () => {
  test('Success before the method has come to its end (CVE-2021-45079)', () => {
    expect(fault(peerOf().hear(fromHex('03010004')))).toContain('Success before any method')
    const { peer, hear } = peerOf({ password: undefined })
    expect(hear(request(1, 4, fromHex('0411223344')))).toMatchObject([{ do: 'ask' }])
    expect(fault(hear(fromHex('03010004')))).toContain('before the last one was answered')
    peer.close()
  })

  test('change the method in the middle', () => {
    const { hear } = peerOf()
    hear(request(1, 4, fromHex('0411223344')))
    expect(fault(hear(request(2, 6, 'Password')))).toContain('GTC in the middle of MD5-Challenge')
  })

  test('send a response, or octets that are no packet', () => {
    expect(fault(peerOf().hear(fromHex('0201000501')))).toContain('a response from the server')
    expect(fault(peerOf().hear(fromHex('010100')))).toContain('"kind":"protocol"')
  })

  test('go on without end', () => {
    const { hear } = peerOf()
    let actions: readonly EapAction[] = []
    let rounds = 0
    while (fault(actions) === '' && rounds++ < 1000)
      actions = hear(request(rounds & 0xff, 4, fromHex('0411223344')))
    expect(rounds).toBe(121)
  })
})

test('§4.1: the very same request again gets the very same answer', () => {
  const { hear } = peerOf({ methods: ['otp'] })
  const packet = request(5, 1)
  const first = sent(hear(packet))
  for (let i = 0; i < 20; i++) expect(sent(hear(packet))).toBe(first)
})

describe('RFC 5998 §4: who may stand for the gateway', () => {
  test('only methods that prove both ends, give a key and cannot be guessed at', () => {
    const alone = METHODS.filter(isSafeAlone).map((method) => method.name)
    for (const weak of ['md5', 'gtc', 'otp', 'mschapv2']) expect(alone).not.toContain(weak)
  })

  test('the order in which we ask is ours, not the profile’s', () => {
    expect(chosenMethods(['md5', 'gtc']).map((method) => method.name)).toEqual(['gtc', 'md5'])
  })
})
