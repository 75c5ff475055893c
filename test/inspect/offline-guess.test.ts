import { describe, expect, test } from 'vitest'
import { toHex } from '../../core/bytes/octets.ts'
import { type AggressiveAnswer, AggressiveAnswers, isKeyOf } from '../../core/inspect/offline-guess.ts'
import { TEXTBOOK } from '../captures/textbook.ts'
import { PSK } from '../support/certificate-pair.ts'
import { datagramsOf, ikeOf, readCapture } from '../support/pcap.ts'
import { wholeRegistry } from '../support/two-peers.ts'

const messagesOf = (name: string): readonly Uint8Array[] => {
  const capture = TEXTBOOK.map((make) => make()).find((one) => one.name === name)
  return datagramsOf(readCapture(capture!.pcapng)).flatMap((datagram) => ikeOf(datagram) ?? [])
}
const answersIn = (messages: readonly Uint8Array[]): readonly AggressiveAnswer[] => {
  const answers = new AggressiveAnswers(wholeRegistry())
  return messages.flatMap((message) => answers.next(message) ?? [])
}
const aggressive = messagesOf('ikev1-aggressive-mode')

describe('RFC 2409 §5.4: aggressive mode shows a hash of the pre-shared key to whoever listens', () => {
  test('two messages tell whether a word is the key', () => {
    const [answer, ...more] = answersIn(aggressive.slice(0, 2))
    expect(more).toEqual([])
    expect(['', 'secret', `${PSK} `, PSK].map((word) => isKeyOf(answer!, word))).toEqual([
      false,
      false,
      false,
      true,
    ])
  })

  test('the hash is that of the second message, and a message that comes again is one answer', () => {
    const [first, second, ...rest] = aggressive
    const answers = answersIn([first!, first!, second!, second!, ...rest])
    expect(answers).toHaveLength(1)
    expect(toHex(second!)).toContain(toHex(answers[0]!.hash))
  })

  test('an answer alone says nothing, nor do main mode and IKEv2', () => {
    expect(answersIn(aggressive.slice(1))).toEqual([])
    expect(answersIn(messagesOf('ikev1-main-mode'))).toEqual([])
    expect(answersIn(messagesOf('ikev2'))).toEqual([])
  })

  test('a part of an answer is none; a changed one is read or left, and a changed cookie makes the key unfit', () => {
    const [first, second] = aggressive as [Uint8Array, Uint8Array]
    for (let at = 0; at < second.length; at += 1) {
      expect(answersIn([first, second.subarray(0, at)])).toEqual([])
      const changed = Uint8Array.from(second)
      changed[at]! ^= 0x01
      expect(answersIn([first, changed]).length).toBeLessThanOrEqual(1)
    }
    const otherCookie = Uint8Array.from(second)
    otherCookie[15]! ^= 0x80
    expect(answersIn([first, otherCookie]).map((answer) => isKeyOf(answer, PSK))).toEqual([false])
  })
})
