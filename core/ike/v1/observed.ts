import type { IkeSpi } from '../../bytes/brands.ts'
import { ExchangeType } from '../../iana/ikev1.ts'
import { nameOf } from '../../iana/registry.ts'
import type { Header } from '../../wire/ikev1/message.ts'
import type { Payload } from '../../wire/ikev1/payload.ts'
import type { ObservedMessage } from '../session.ts'

/** A message for the inspector. `response`: its sender did not begin the exchange. */
export function observed(
  direction: 'in' | 'out',
  bytes: Uint8Array,
  header: Header,
  payloads: readonly Payload[],
  response: boolean,
  extra: { readonly plaintext?: Uint8Array; readonly problem?: string } = {},
): ObservedMessage {
  return {
    direction,
    bytes,
    exchange: nameOf(ExchangeType, header.exchange),
    messageId: header.messageId,
    response,
    initiatorSpi: header.initiatorCookie as IkeSpi,
    responderSpi: header.responderCookie,
    payloads,
    retransmission: false,
    ...extra,
  }
}
