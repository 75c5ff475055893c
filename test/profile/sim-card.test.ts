import { expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { readSimCard } from '../../core/profile/sim-card.ts'

// 3GPP TS 35.208 test set 1
const K = '465b5ce8b199b49faa5f0a2ee238a6bc'
const OP = 'cdc202d5123e20f62b6d676ac72cb318'
const OPC = 'cd63cb71954a9f4e48a5994e37a02baf'
const RAND = new Uint8Array(Buffer.from('23553cbe9637a89d218ae64dae47bf35', 'hex'))
const hex = (octets: Uint8Array | undefined) => Buffer.from(octets ?? []).toString('hex')

/** The answer to a RAND, or what is wrong with the card. */
function answer(text: string, rand = RAND): string {
  const secret = Secret.fromText(text)
  const read = readSimCard(secret)
  expect(secret.closed).toBe(true)
  if ('problem' in read) return read.problem
  const given = read.card.gsm?.(rand)
  for (const held of read.secrets) held.close()
  return given === undefined ? 'no answer' : `${hex(given.sres)} ${hex(given.kc)}`
}

test('3GPP TS 35.206: a card by its key and OPc, or by the OP of its operator', () => {
  const expected = '46f8416a eae4be823af9a08b'
  expect(answer(`k=${K} opc=${OPC}`)).toBe(expected)
  expect(answer(`K=0x${K};OP=${OP}\nsqn=000000000020`)).toBe(expected)
})

test('triplets, with the identity in front or without', () => {
  const triplet = `${hex(RAND)},a1b2c3d4,0102030405060708`
  for (const text of [triplet, `1232010000000001@lab.test,${triplet}\n\n# more\n`])
    expect(answer(text)).toBe('a1b2c3d4 0102030405060708')
  expect(answer(triplet, new Uint8Array(16))).toBe('no answer')
})

test.each([
  ['', 'a card needs k, and opc or op'],
  [`k=${K}`, 'a card needs k, and opc or op'],
  [`k=${K.slice(1)} opc=${OPC}`, 'k of a card has 32 hex digits'],
  [`k=${K} opc=${OPC} pin=1234`, 'a card is written as k=… opc=… in hex, or as triplets'],
  ['a1,b2,c3', 'a triplet is RAND, SRES and Kc: 32, 8 and 16 hex digits'],
  [Array.from({ length: 1001 }, () => 'a,b,c').join('\n'), 'a card has at most 1000 triplets'],
])('%#: what is no card says so', (text, problem) => {
  expect(answer(text)).toBe(problem)
})
