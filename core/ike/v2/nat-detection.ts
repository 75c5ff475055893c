import { createHash } from 'node:crypto'
import { addressBytes } from '../../bytes/address.ts'
import { concat } from '../../bytes/octets.ts'
import type { Endpoint } from '../../net/plan.ts'

/** Data of NAT_DETECTION_SOURCE_IP and NAT_DETECTION_DESTINATION_IP, 20 octets. RFC 7296 §2.23 */
export function natDetectionHash(
  initiatorSpi: Uint8Array,
  responderSpi: Uint8Array,
  endpoint: Endpoint,
): Uint8Array {
  const port = Uint8Array.of(endpoint.port >> 8, endpoint.port & 0xff)
  return new Uint8Array(
    createHash('sha1')
      .update(concat(initiatorSpi, responderSpi, addressBytes(endpoint.address), port))
      .digest(),
  )
}
