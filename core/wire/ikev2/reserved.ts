import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'

/**
 * Octets a standard reserves: sent as zero, ignored on receipt (RFC 7296 §2.5), yet kept where a peer
 * set them, so that what came re-encodes to the same octets.
 */
export function decodeReserved(r: Reader, count: number): Uint8Array | undefined {
  const octets = r.bytes(count, 'RESERVED')
  return octets.some((octet) => octet !== 0) ? octets : undefined
}

export function encodeReserved(w: Writer, count: number, octets: Uint8Array | undefined): void {
  if (octets === undefined) w.zeros(count)
  else w.bytes(octets)
}

/** Spread into a payload: nothing for zeros, so that hand-written and decoded payloads compare equal. */
export const bodyReserved = (octets: Uint8Array | undefined): { bodyReserved?: Uint8Array } =>
  octets === undefined ? {} : { bodyReserved: octets }

/** Refuses to write a count or size that its field cannot hold. */
export function fitting(value: number, max: number, what: string): number {
  if (value > max) throw new RangeError(`${what}: ${value} does not fit, at most ${max}`)
  return value
}
