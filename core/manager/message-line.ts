import { toHex } from '../bytes/octets.ts'
import type { MessageLine } from '../contract/message.ts'
import { EapCode, EapType } from '../iana/eap.ts'
import { NotifyType as NotifyTypeV1 } from '../iana/ikev1-notify.ts'
import { NotifyType } from '../iana/ikev2-notify.ts'
import { nameOf } from '../iana/registry.ts'
import type { LoggedMessage } from './message-log.ts'

/** A message as a line of the inspector's list. */
export function lineOf({ number, atMs, message }: LoggedMessage): MessageLine {
  const refusal = message.payloads.map(refusalOf).find((name) => name !== undefined)
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
    octets: message.bytes.length,
    sa: toHex(message.initiatorSpi),
    ...(refusal === undefined ? {} : { refusal }),
    ...(message.fragment === undefined ? {} : { fragment: message.fragment }),
    ...(message.fragments === undefined ? {} : { fragments: message.fragments }),
  }
}

/** What may stand in a payload of either version. */
type Parts = Partial<Record<'type' | 'notify' | 'payload' | 'doi' | 'packet', unknown>>

/** As the RFCs write it: `SA`, `TSi`, `N(COOKIE)`. */
function nameOfPayload(payload: unknown): string {
  const { type, notify, payload: number } = payload as Parts
  if (type === 'Notify') return `N(${notifyName(payload as Parts, Number(notify))})`
  if (type === 'EAP') return eapName(payload as Parts)
  return type === 'Unknown' ? `payload ${number}` : String(type)
}

/** `EAP Request, EAP-MSCHAPv2`, `EAP Failure`. RFC 3748 §4 */
function eapName({ packet }: Parts): string {
  if (!(packet instanceof Uint8Array) || packet[0] === undefined) return 'EAP'
  const code = `EAP ${nameOf(EapCode, packet[0])}`
  return packet[4] === undefined ? code : `${code}, ${nameOf(EapType, packet[4])}`
}

/** A Domain of Interpretation stands in those of IKEv1 alone, whose numbers are others. */
const notifyName = ({ doi }: Parts, notify: number): string =>
  nameOf(doi === undefined ? NotifyType : NotifyTypeV1, notify)

/** Below it are errors in both versions. RFC 7296 §3.10.1, RFC 2408 §3.14.1 */
const FIRST_STATUS = 16_384

function refusalOf(payload: unknown): string | undefined {
  const parts = payload as Parts
  if (parts.type === 'EAP') {
    const isFailure = parts.packet instanceof Uint8Array && parts.packet[0] === EapCode.Failure.id
    return isFailure ? 'EAP Failure' : undefined
  }
  const isError = parts.type === 'Notify' && typeof parts.notify === 'number' && parts.notify < FIRST_STATUS
  return isError ? notifyName(parts, Number(parts.notify)) : undefined
}
