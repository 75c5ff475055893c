import type { Malformed } from '../../core/bytes/malformed.ts'
import { fromHex } from '../../core/bytes/octets.ts'
import { ExchangeType } from '../../core/iana/ikev1.ts'
import { decodeMessage, type Header, type Message } from '../../core/wire/ikev1/message.ts'

/** A header to start from. */
export const HEADER: Header = {
  initiatorCookie: fromHex('0102030405060708'),
  responderCookie: fromHex('1112131415161718'),
  majorVersion: 1,
  minorVersion: 0,
  exchange: ExchangeType.MAIN.id,
  encrypted: false,
  commit: false,
  authenticationOnly: false,
  messageId: 0,
}

export function decoded(bytes: Uint8Array): Message {
  const result = decodeMessage(bytes)
  if (!result.ok) throw result.error
  return result.value
}

/** A message in the clear. */
export function opened(bytes: Uint8Array): Extract<Message, { sealed: false }> {
  const message = decoded(bytes)
  if (message.sealed) throw new Error('this message is encrypted')
  return message
}

export function complaint(bytes: Uint8Array): Malformed {
  const result = decodeMessage(bytes)
  if (result.ok) throw new Error('decoded, though it should not')
  return result.error
}

/** A copy with one octet changed. */
export function altered(bytes: Uint8Array, offset: number, octet: number): Uint8Array {
  const copy = bytes.slice()
  copy[offset] = octet
  return copy
}
