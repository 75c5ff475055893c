import { describe, expect, test } from 'vitest'
import { Secret } from '../../core/bytes/secret.ts'
import { NotifyType } from '../../core/iana/ikev2-notify.ts'
import { crashAnswer } from '../../core/ike/v2/crash-detection.ts'
import { decodeMessage, encodeMessage, type Header } from '../../core/wire/ikev2/message.ts'
import type { Payload } from '../../core/wire/ikev2/payload.ts'
import { connected, type Flight, type Pair, shape } from '../support/two-peers.ts'

const TOKEN = NotifyType.QUICK_CRASH_DETECTION.id
const SECRET = 'the gateway has this on its disk'
const made = () => connected({ gateway: { crashSecret: Secret.fromText(SECRET) } })
const headerOf = ({ bytes }: Flight): Header => {
  const read = decodeMessage(bytes)
  if (!read.ok) throw read.error
  return read.value.header
}

/** What the client asks next, and what somebody answers to it in the clear. */
function answered({ client, net }: Pair, make: (header: Header) => Uint8Array | undefined): void {
  client.command('probe')
  const asked = net.take()
  const bytes = make(headerOf(asked))
  if (bytes === undefined) throw new Error('there is no answer')
  net.deliver({
    ...asked,
    bytes,
    from: asked.to,
    to: asked.from,
    source: asked.destination,
    destination: asked.source,
  })
}
const clear = (header: Header, payloads: readonly Payload[]): Uint8Array =>
  encodeMessage({ ...header, initiator: false, response: true }, payloads)
const notify = (type: number, data = new Uint8Array(0)): Payload => ({
  ...{ type: 'Notify', protocol: 0, spi: new Uint8Array(0) },
  ...{ notify: type, data },
})

describe('RFC 6290: a gateway that has lost all it knew', () => {
  test('§4.2: it gives its token beside the first CHILD_SA, where it has a secret', () => {
    expect(shape(made().gateway.sent[1]!)).toContain(`N(${TOKEN})`)
    expect(shape(connected().gateway.sent[1]!)).not.toContain(`N(${TOKEN})`)
  })

  test('§4.3: with it the gateway ends the tunnel at once, without keys', () => {
    const pair = made()
    answered(pair, (header) => crashAnswer(Secret.fromText(SECRET), header))
    expect(pair.client.closed?.error).toEqual({
      kind: 'closedByGateway',
      reason: 'it was started anew and has forgotten the tunnel',
    })
  })

  test.each([
    ['another token', (header: Header) => crashAnswer(Secret.fromText('a guess'), header)],
    ['no token', (header: Header) => clear(header, [notify(NotifyType.INVALID_IKE_SPI.id)])],
    [
      'tokens of wrong lengths',
      (header: Header) =>
        clear(header, [
          notify(NotifyType.INVALID_IKE_SPI.id),
          ...[0, 15, 129].map((octets) => notify(TOKEN, new Uint8Array(octets))),
        ]),
    ],
  ] as const)('§9: %s changes nothing', (_, make) => {
    const pair = made()
    answered(pair, make)
    pair.net.advance(10_000)
    expect([pair.client.closed, pair.net.pings()]).toEqual([undefined, true])
  })

  test('§4.3: the token alone is no answer, and a request with it neither', () => {
    const payloads = (header: Header) => {
      const read = decodeMessage(crashAnswer(Secret.fromText(SECRET), header)!)
      if (!read.ok) throw read.error
      return read.value.payloads
    }
    for (const make of [
      (header: Header) => clear(header, payloads(header).slice(1)),
      (header: Header) => encodeMessage({ ...header, initiator: false, response: false }, payloads(header)),
    ]) {
      const pair = made()
      answered(pair, make)
      expect(pair.client.closed).toBeUndefined()
    }
  })

  test('§4.2: fresh keys of the IKE SA have a token of their own', () => {
    const pair = made()
    pair.client.command('rekeyIke')
    pair.net.settle()
    const rekey = pair.gateway.sent.find((one) => shape(one).startsWith('CREATE_CHILD_SA response'))
    expect(shape(rekey!)).toContain(`N(${TOKEN})`)
    answered(pair, (header) => crashAnswer(Secret.fromText(SECRET), header))
    expect(pair.client.closed?.error?.kind).toBe('closedByGateway')
  })

  test('§4.3: only requests of an IKE SA get such an answer', () => {
    const pair = made()
    pair.client.command('probe')
    const header = headerOf(pair.net.take())
    const secret = Secret.fromText(SECRET)
    expect(crashAnswer(secret, { ...header, response: true })).toBeUndefined()
    expect(crashAnswer(secret, { ...header, exchange: 34 })).toBeUndefined()
  })
})
