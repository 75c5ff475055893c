import { describe, expect, test } from 'vitest'
import { fromHex, toHex, utf8 } from '../../core/bytes/octets.ts'
import { EapPeer } from '../../core/eap/peer.ts'
import { decodeEapPacket } from '../../core/wire/eap/packet.ts'
import { converse, eapTools, secret, users } from '../support/eap-pair.ts'

const lookUp = users({ alice: 'geheim' })
const peer = { user: 'alice', password: secret('geheim') }

describe('RFC 3748 §5.4: MD5-Challenge', () => {
  const server = { methods: ['md5'], serverName: 'gw.test', lookUp } as const

  test('RFC 1994 §4.1: MD5 over identifier, secret and challenge, with the name behind it', () => {
    const client = new EapPeer({ ...peer, methods: ['md5'] }, eapTools())
    const actions = client.handle({ type: 'packet', packet: fromHex('0117000a04 0411223344') })
    // printf '\x17geheim\x11\x22\x33\x44' | md5sum
    expect(actions).toMatchObject([{ do: 'send' }])
    const packet = actions[0]?.do === 'send' ? toHex(actions[0].packet) : ''
    expect(packet).toBe(`0217001b0410123f6522dc11a45070559c787fa0a4dc${toHex(utf8('alice'))}`)
  })

  test('both ends agree, and there is no key', () => {
    const { peer: us, server: them } = converse({ peer: { ...peer, methods: ['md5'] }, server })
    expect(us).toMatchObject({ do: 'succeeded', msk: undefined })
    expect(them).toMatchObject({ do: 'succeeded', identity: 'alice', msk: undefined })
  })

  test('no identity is asked for where it is known', () => {
    const { packets } = converse({ peer: { ...peer, methods: ['md5'] }, server, identity: 'alice' })
    expect(packets).toHaveLength(3)
  })

  test('a wrong password, an unknown name', () => {
    const wrong = { ...peer, password: secret('falsch'), methods: ['md5'] } as const
    expect(converse({ peer: wrong, server }).peer).toMatchObject({
      error: { kind: 'authFailed', who: 'us', method: 'MD5-Challenge' },
    })
    expect(converse({ peer: { ...wrong, user: 'bob' }, server }).server).toMatchObject({ do: 'failed' })
  })

  test('a password that is not saved is asked for, and the prompt may be cancelled', () => {
    const asking = { user: 'alice', methods: ['md5'] } as const
    const asked = converse({ peer: asking, server, answers: ['geheim'] })
    expect(asked.questions).toEqual([{ what: 'password', user: 'alice', retry: false }])
    expect(asked.peer).toMatchObject({ do: 'succeeded' })
    expect(converse({ peer: asking, server, answers: [undefined] }).peer).toMatchObject({
      error: { kind: 'cancelled' },
    })
  })

  test.each(['0117000504', '011700060400', '0117000604ff', '01170007040211'])('%s is no challenge', (hex) => {
    const client = new EapPeer({ ...peer, methods: ['md5'] }, eapTools())
    expect(client.handle({ type: 'packet', packet: fromHex(hex) })).toMatchObject([
      { do: 'failed', error: { kind: 'protocol' } },
    ])
  })
})

describe('RFC 3748 §5.6: Generic Token Card', () => {
  const server = { methods: ['gtc'], serverName: 'gw.test', lookUp, retries: 5 } as const

  test('a saved password answers the first question', () => {
    const done = converse({ peer: { ...peer, methods: ['gtc'] }, server })
    expect(done.questions).toEqual([])
    expect(done.peer).toMatchObject({ do: 'succeeded', msk: undefined })
  })

  test('whatever comes after that is asked, in the words of the gateway', () => {
    const saved = { ...peer, password: secret('falsch'), methods: ['gtc'] } as const
    const done = converse({ peer: saved, server, answers: ['noch falsch', 'geheim'] })
    expect(done.questions).toEqual([
      { what: 'code', user: 'alice', message: 'Wrong, once more' },
      { what: 'code', user: 'alice', message: 'Wrong, once more' },
    ])
    expect(done.peer).toMatchObject({ do: 'succeeded' })
  })

  test('a gateway that asks without end is left', () => {
    const done = converse({ peer: { user: 'alice', methods: ['gtc'] }, server, answers: Array(9).fill('x') })
    expect(done.questions).toHaveLength(3)
    expect(done.peer).toMatchObject({ error: { kind: 'authFailed', who: 'us' } })
  })

  test('§5.5: a one-time password is never a saved one', () => {
    const otp = { methods: ['otp'], serverName: 'gw.test', lookUp } as const
    const done = converse({ peer: { ...peer, methods: ['otp'] }, server: otp, answers: ['geheim'] })
    expect(done.questions).toHaveLength(1)
    expect(done.peer).toMatchObject({ do: 'succeeded' })
  })

  test('the server picks what we named in our Nak', () => {
    const both = { ...server, methods: ['md5', 'gtc'] } as const
    const done = converse({ peer: { ...peer, methods: ['gtc'] }, server: both })
    expect(done.peer).toMatchObject({ do: 'succeeded', method: { name: 'gtc' } })
    const types = done.packets
      .map(({ bytes }) => decodeEapPacket(bytes))
      .map((read) => {
        if (!read.ok) throw read.error
        return 'method' in read.value ? read.value.method.type : read.value.code
      })
    expect(types).toEqual([1, 1, 4, 3, 6, 6, 'success'])
  })
})
