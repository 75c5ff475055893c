import { NO_OCTETS } from '../../bytes/octets.ts'
import { isErrorType, NotifyType, SecurityProtocol } from '../../iana/ikev1.ts'
import { nameOf } from '../../iana/registry.ts'
import type { NotifyPayload, Payload, PayloadType } from '../../wire/ikev1/payload.ts'
import { SPEC } from './numbers.ts'

type Of<T extends PayloadType, P = Payload> = P extends { type: infer U } ? (T extends U ? P : never) : never

/** The first payload of a type. */
export const find = <T extends PayloadType>(payloads: readonly Payload[], type: T): Of<T> | undefined =>
  payloads.find((p) => p.type === type) as Of<T> | undefined

export const all = <T extends PayloadType>(payloads: readonly Payload[], type: T): Of<T>[] =>
  payloads.filter((p) => p.type === type) as Of<T>[]

/** The only payload of a type; none where there are two, which no exchange of ours has a use for. */
export function only<T extends PayloadType>(payloads: readonly Payload[], type: T): Of<T> | undefined {
  const [first, second] = all(payloads, type)
  return second === undefined ? first : undefined
}

export const notify = (
  type: number,
  spi: Uint8Array = NO_OCTETS,
  data: Uint8Array = NO_OCTETS,
  protocol: number = SecurityProtocol.ISAKMP.id,
): NotifyPayload => ({ type: 'Notify', doi: SPEC.doi, protocol, spi, notify: type, data })

/** The first notify that reports an error. RFC 2408 §3.14.1 */
export const errorOf = (payloads: readonly Payload[]): NotifyPayload | undefined =>
  all(payloads, 'Notify').find((n) => isErrorType(n.notify))

export const notifyName = (type: number): string => nameOf(NotifyType, type)
