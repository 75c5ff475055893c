import { describe, expect, test } from 'vitest'
import { checkChoice } from '../../core/ike/v2/suite.ts'
import { decodeMessage, encodeMessage } from '../../core/wire/ikev2/message.ts'
import type { Payload, Proposal, Transform } from '../../core/wire/ikev2/payload.ts'
import { ECP256, encr, type Flight, GCM16, ke, pair, prf, SHA256, X25519 } from '../support/two-peers.ts'

// Answers to IKE_SA_INIT that others have fallen for. Anybody can write one: it is remembered as the likely reason, and
// the real answer still counts.

type Change = (payloads: readonly Payload[]) => readonly Payload[]

const MLKEM_768 = 36
const more = { type: 6, id: MLKEM_768 }
const offers = { ikeProposals: [[encr(GCM16, 128), encr(GCM16, 256), prf(SHA256), ke(X25519), ke(ECP256)]] }
const withMore = { ikeProposals: [[encr(GCM16, 128), prf(SHA256), ke(X25519), more]] }

const inSa =
  (change: (proposal: Proposal) => Proposal): Change =>
  (payloads) =>
    payloads.map((one) => (one.type === 'SA' ? { ...one, proposals: one.proposals.map(change) } : one))
const inTransforms = (change: (transforms: readonly Transform[]) => readonly Transform[]): Change =>
  inSa((proposal) => ({ ...proposal, transforms: [...change(proposal.transforms)] }))
const inKe =
  (change: { group?: number; data?: Uint8Array }): Change =>
  (payloads) =>
    payloads.map((one) => (one.type === 'KE' ? { ...one, ...change } : one))
const keyed = (bits: number): Transform['attributes'] => [{ type: 14, value: bits }]
const transform = (type: number, id: number, attributes: Transform['attributes'] = []): Transform => ({
  type,
  id,
  attributes,
})

/** What comes of the changed answer alone, and then of the real one behind it. */
function answered(change: Change, ours: typeof offers | typeof withMore = offers) {
  const start = () => {
    const made = pair({ client: ours, gateway: ours })
    made.client.command('connect')
    made.net.step()
    const answer = made.net.take() as Flight
    const { header, payloads } = ((decoded) => {
      if (!decoded.ok) throw decoded.error
      return decoded.value
    })(decodeMessage(answer.bytes))
    made.net.deliver({ ...answer, bytes: encodeMessage(header, change(payloads)) })
    return { ...made, answer }
  }
  const alone = start()
  alone.net.onSend = () => []
  alone.net.advance(60_000)
  const rescued = start()
  rescued.net.deliver(rescued.answer)
  rescued.net.settle()
  return { error: alone.client.closed?.error, state: rescued.client.n.state }
}

const NO_PUBLIC_VALUES: readonly [string, Change][] = [
  ['zero (CVE-2015-3240)', inKe({ data: new Uint8Array(32) })],
  ['one, a point of small order', inKe({ data: new Uint8Array(32).map((_, at) => (at === 0 ? 1 : 0)) })],
  ['one octet short', inKe({ data: new Uint8Array(31).fill(9) })],
  ['one octet long (CVE-2023-41913)', inKe({ data: new Uint8Array(33).fill(9) })],
  ['of 4096 octets', inKe({ data: new Uint8Array(4096).fill(9) })],
]

test.each(NO_PUBLIC_VALUES)('RFC 6989 §2: a public value that is %s', (_, change) => {
  expect(answered(change)).toMatchObject({
    error: { kind: 'protocol', exchange: 'IKE_SA_INIT', reference: 'RFC 6989 §2' },
    state: 'connected',
  })
})

const NO_CHOICES: readonly [string, Change][] = [
  ['a private group in KE (CVE-2014-9221)', inKe({ group: 1025 })],
  ['a public value of another group than chosen', inKe({ group: ECP256 })],
  [
    'a group that was offered, and not asked for',
    inTransforms((all) => all.map((t) => (t.type === 4 ? transform(4, ECP256) : t))),
  ],
  ['no group (CVE-2016-5391)', inTransforms((all) => all.filter((t) => t.type !== 4))],
  ['the group NONE', inTransforms((all) => all.map((t) => (t.type === 4 ? transform(4, 0) : t)))],
  ['no PRF', inTransforms((all) => all.filter((t) => t.type !== 2))],
  ['no encryption', inTransforms((all) => all.filter((t) => t.type !== 1))],
  ['two kinds of encryption', inTransforms((all) => [...all, transform(1, GCM16, keyed(256))])],
  ['the same PRF twice', inTransforms((all) => [...all, transform(2, SHA256)])],
  ['integrity beside an AEAD', inTransforms((all) => [...all, transform(3, 12)])],
  [
    'an algorithm that was not offered (CVE-2016-3071)',
    inTransforms((all) => all.map((t) => (t.type === 2 ? transform(2, 4) : t))),
  ],
  [
    'a key length that was not offered',
    inTransforms((all) => all.map((t) => (t.type === 1 ? transform(1, GCM16, keyed(192)) : t))),
  ],
  ['no key length', inTransforms((all) => all.map((t) => (t.type === 1 ? transform(1, GCM16) : t)))],
  [
    'two key lengths',
    inTransforms((all) =>
      all.map((t) => (t.type === 1 ? transform(1, GCM16, [...keyed(128), ...keyed(128)]) : t)),
    ),
  ],
  ['a transform of a type nobody knows', inTransforms((all) => [...all, transform(200, 1)])],
  ['another protocol', inSa((proposal) => ({ ...proposal, protocol: 3, spi: Uint8Array.of(1, 2, 3, 4) }))],
  ['another number', inSa((proposal) => ({ ...proposal, number: 2 }))],
  ['an SPI', inSa((proposal) => ({ ...proposal, spi: new Uint8Array(8).fill(1) }))],
]

describe('RFC 7296 §3.3.6: a choice that is none of those we offered', () => {
  test.each(NO_CHOICES)('%s', (_, change) => {
    expect(answered(change)).toMatchObject({
      error: { kind: 'badProposalChosen', phase: 1 },
      state: 'connected',
    })
  })
})

test('RFC 5282 §8: integrity beside an AEAD is refused for itself, before any suite is made of it', () => {
  const offered = [[encr(GCM16, 128), prf(SHA256), ke(X25519)]]
  const answer = (...more: readonly Transform[]) => [
    {
      ...{ number: 1, protocol: 1, spi: new Uint8Array(0) },
      transforms: [transform(1, GCM16, keyed(128)), transform(2, SHA256), transform(4, X25519), ...more],
    },
  ]
  expect(checkChoice(offered, 1, 0, answer())).toMatchObject({ ok: true })
  expect(checkChoice(offered, 1, 0, answer(transform(3, 0)))).toMatchObject({ ok: true })
  expect(checkChoice(offered, 1, 0, answer(transform(3, 12)))).toEqual({
    ok: false,
    problem: 'transform 3/12 was not offered',
  })
})

test('RFC 9370 §2.2.1: additional key exchanges from a gateway that has no IKE_INTERMEDIATE for them', () => {
  const without: Change = (payloads) =>
    payloads.filter((one) => one.type !== 'Notify' || one.notify !== 16438)
  expect(answered(without, withMore)).toMatchObject({
    error: { kind: 'badProposalChosen', problem: 'additional key exchanges without IKE_INTERMEDIATE' },
    state: 'connected',
  })
})

const UNREADABLE: readonly [string, Change][] = [
  ['an empty public value', inKe({ data: new Uint8Array(0) })],
  ['a proposal without transforms', inTransforms(() => [])],
]
test.each(UNREADABLE)('RFC 7296 §3: %s cannot be read, and that is said', (_, change) => {
  expect(answered(change)).toMatchObject({
    error: { kind: 'protocol', exchange: 'IKE_SA_INIT' },
    state: 'connected',
  })
})
