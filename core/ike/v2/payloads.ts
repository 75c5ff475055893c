import { NO_OCTETS } from '../../bytes/octets.ts'
import { isErrorType } from '../../iana/ikev2-notify.ts'
import type { Payload, PayloadType } from '../../wire/ikev2/payload.ts'

type Of<T extends PayloadType, P = Payload> = P extends { type: infer U } ? (T extends U ? P : never) : never

/** The first payload of a type. */
export function find<T extends PayloadType>(payloads: readonly Payload[], type: T): Of<T> | undefined {
  return payloads.find((p) => p.type === type) as Of<T> | undefined
}

export function all<T extends PayloadType>(payloads: readonly Payload[], type: T): Of<T>[] {
  return payloads.filter((p) => p.type === type) as Of<T>[]
}

export const notify = (
  type: number,
  data: Uint8Array = NO_OCTETS,
  protocol = 0,
  spi: Uint8Array = NO_OCTETS,
): Payload => ({
  type: 'Notify',
  protocol,
  spi,
  notify: type,
  data,
})

export const findNotify = (payloads: readonly Payload[], type: number) =>
  all(payloads, 'Notify').find((n) => n.notify === type)

/** The first notify that reports an error (types below 16384). RFC 7296 §3.10.1 */
export const errorOf = (payloads: readonly Payload[]) =>
  all(payloads, 'Notify').find((n) => isErrorType(n.notify))

/** A payload nobody knows, with the critical bit: the request must be refused. RFC 7296 §2.5 */
export const unknownCritical = (payloads: readonly Payload[]): number | undefined => {
  const found = payloads.find((p) => p.type === 'Unknown' && p.critical === true)
  return found?.type === 'Unknown' ? found.payload : undefined
}

export const spiBytes = (spi: number): Uint8Array =>
  Uint8Array.of(spi >>> 24, (spi >>> 16) & 0xff, (spi >>> 8) & 0xff, spi & 0xff)

export const spiNumber = (bytes: Uint8Array): number =>
  bytes.length === 4 ? ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0 : 0

/** The IKE SA, with everything on it. RFC 7296 §1.4.1 */
export const DELETE_IKE: Payload = { type: 'Delete', protocol: 1, spiBytes: 0, spis: [] }
