import { expect, test } from 'vitest'
import { lineOf } from '../../core/manager/message-line.ts'
import { encr, GCM16, ke, prf, SHA256, X25519 } from '../support/bench.ts'
import { run } from '../support/eap-peers.ts'
import { recorded } from '../support/recorded.ts'
import { connected, pair } from '../support/two-peers.ts'
import { connected as connectedV1 } from '../support/two-peers-v1.ts'

test('a message is named as the standards name it', () => {
  const [request, response, auth] = recorded(connected().client, 1000).map(lineOf)
  expect(request).toMatchObject({
    number: 1,
    atMs: 1000,
    direction: 'out',
    exchange: 'IKE_SA_INIT',
    response: false,
    problem: undefined,
  })
  expect(request!.payloads.slice(0, 3)).toEqual(['SA', 'KE', 'Nonce'])
  expect(request!.payloads).toContain('N(NAT_DETECTION_SOURCE_IP)')
  expect(response).toMatchObject({ direction: 'in', response: true })
  expect(auth!.payloads).toEqual(expect.arrayContaining(['IDi', 'AUTH', 'SA', 'TSi', 'TSr']))
  for (const line of [request, response, auth]) expect(line).not.toHaveProperty('refusal')
})

test('RFC 3748 §4: what EAP asks and answers is named; its failure is a refusal', () => {
  const names = recorded(run({ methods: ['md5'], server: { lookUp: () => undefined } }).client)
    .map(lineOf)
    .flatMap(({ payloads, refusal }) => [...payloads.filter((name) => name.startsWith('EAP')), refusal])
    .filter((name) => name !== undefined)
  expect(names).toEqual(
    expect.arrayContaining(['EAP Request, Identity', 'EAP Response, Identity', 'EAP Failure']),
  )
  expect(names.filter((name) => name === 'EAP Failure')).toHaveLength(2)
})

test('an error its sender reports is named, in the numbers of either version', () => {
  const two = pair({ gateway: { ikeProposals: [[encr(GCM16, 256), prf(SHA256), ke(X25519)]] } })
  two.client.command('connect')
  two.net.settle()
  expect(lineOf(recorded(two.client).at(-1)!)).toMatchObject({
    direction: 'in',
    payloads: ['N(NO_PROPOSAL_CHOSEN)'],
    refusal: 'NO_PROPOSAL_CHOSEN',
  })
  const main = recorded(connectedV1().client)[1]!
  const none = new Uint8Array()
  const refused = { type: 'Notify', doi: 1, protocol: 1, spi: none, notify: 14, data: none }
  const line = lineOf({ ...main, message: { ...main.message, payloads: [refused] } })
  expect(line).toMatchObject({ payloads: ['N(NO_PROPOSAL_CHOSEN)'], refusal: 'NO_PROPOSAL_CHOSEN' })
})
