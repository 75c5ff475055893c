import { toHex } from '../bytes/octets.ts'
import type { MessageLine } from '../contract/message.ts'
import { NotifyType } from '../iana/ikev2-notify.ts'
import { nameOf } from '../iana/registry.ts'
import type { LoggedMessage } from './message-log.ts'

/** A message as a line of the inspector's list. */
export function lineOf({ number, atMs, message }: LoggedMessage): MessageLine {
  return {
    number,
    atMs,
    direction: message.direction,
    exchange: message.exchange,
    messageId: message.messageId,
    response: message.response,
    retransmission: message.retransmission,
    problem: message.problem,
    payloads: message.payloads.map(nameOfPayload),
    bytes: toHex(message.bytes),
    ...(message.fragment === undefined ? {} : { fragment: message.fragment }),
    ...(message.fragments === undefined ? {} : { fragments: message.fragments }),
  }
}

/** As the RFCs write it: `SA`, `TSi`, `N(COOKIE)`. */
function nameOfPayload(payload: unknown): string {
  const { type, notify, payload: number } = payload as Partial<Record<'type' | 'notify' | 'payload', unknown>>
  if (type === 'Notify') return `N(${nameOf(NotifyType, Number(notify))})`
  return type === 'Unknown' ? `payload ${number}` : String(type)
}
