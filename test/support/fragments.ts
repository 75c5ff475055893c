import { asMillis } from '../../core/bytes/brands.ts'
import { ExchangeType, PayloadNumber } from '../../core/iana/ikev2.ts'
import { fragmentSizes } from '../../core/ike/v2/fragmentation.ts'
import type { IkeSa, Opened } from '../../core/ike/v2/ike-sa.ts'
import { CHOICE } from '../../core/ike/v2/numbers.ts'
import { seal } from '../../core/ike/v2/protect.ts'
import { decodeMessage, type Header } from '../../core/wire/ikev2/message.ts'
import type { Payload, SkfPayload } from '../../core/wire/ikev2/payload.ts'
import { saPair } from './sa-pair.ts'
import { SeededRandom } from './seeded-random.ts'

export const IKE_AUTH = ExchangeType.IKE_AUTH.id
export const START = asMillis(0)
export const IPV4 = '192.0.2.1'

/** Something of the size of a certificate. */
export const certificate = (bytes: number): Payload => ({
  type: 'CERT',
  encoding: 4,
  data: Uint8Array.from({ length: bytes }, (_, i) => (i * 31) & 0xff),
})
export const identity: Payload = {
  type: 'IDi',
  idType: 2,
  data: new TextEncoder().encode('alice.example.org'),
}
export const large: readonly Payload[] = [identity, certificate(1_800)]

/** Two ends that both said IKEV2_FRAGMENTATION_SUPPORTED, with small fragments so that there are several. */
export function pair(proposal?: Parameters<typeof saPair>[0]) {
  const ends = saPair(proposal)
  ends.client.fragments = fragmentSizes({ address: IPV4, port: 4500 }, CHOICE.smallDatagramBytes)
  ends.gateway.fragments = fragmentSizes({ address: IPV4, port: 4500 }, CHOICE.smallDatagramBytes)
  return ends
}

export const request = (sa: IkeSa, payloads = large, messageId = 1): Uint8Array[] =>
  sa.seal(IKE_AUTH, messageId, false, payloads).datagrams.map((d) => d.bytes)

export function give(sa: IkeSa, bytes: Uint8Array, now = START): Opened | undefined {
  const decoded = decodeMessage(bytes)
  return decoded.ok ? sa.open(bytes, decoded.value, now) : undefined
}

export const outcomes = (sa: IkeSa, datagrams: readonly Uint8Array[], now = START) =>
  datagrams.map((bytes) => give(sa, bytes, now)?.outcome)

export function messageIn(opened: Opened | undefined): readonly Payload[] {
  if (opened?.outcome !== 'message' || !opened.payloads.ok) throw new Error(`got ${opened?.outcome}`)
  return opened.payloads.value
}

export const skfOf = (bytes: Uint8Array): SkfPayload => {
  const decoded = decodeMessage(bytes)
  const skf = decoded.ok ? decoded.value.payloads.at(-1) : undefined
  if (skf?.type !== 'SKF') throw new Error('no SKF payload')
  return skf
}

export const changed = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice()
  copy[at]! ^= 1
  return copy
}

/** A fragment the client could have made, with numbers of the test's choice. */
export function fragmentOf(
  client: IkeSa,
  number: number,
  total: number,
  content: Uint8Array,
  header: Partial<Header> = {},
): Uint8Array {
  return seal(
    client.suite,
    { encryption: client.keys.ei, integrity: client.keys.ai },
    {
      initiatorSpi: client.initiatorSpi,
      responderSpi: client.responderSpi,
      majorVersion: 2,
      minorVersion: 0,
      exchange: IKE_AUTH,
      initiator: true,
      higherVersion: false,
      response: false,
      messageId: 1,
      ...header,
    },
    { first: number === 1 ? PayloadNumber.IDi.id : 0, bytes: content, fragment: { number, total } },
    BigInt(1000 + number),
    new SeededRandom(3),
  )
}
