import { createHash } from 'node:crypto'
import { addressBytes } from '../../bytes/address.ts'
import { concat, equal } from '../../bytes/octets.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import type { Endpoint } from '../../net/plan.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { IkeSa } from './ike-sa.ts'
import type { Negotiation } from './negotiation.ts'
import { all, notify } from './payloads.ts'

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

/**
 * Where we are and where we believe the peer is. A source hash that can't match makes the peer believe in a NAT, and so
 * encapsulate in UDP; RFC 3947 §3.2 knows the trick. RFC 7296 §2.23
 */
export function natNotifies(
  n: Negotiation,
  spiI: Uint8Array,
  spiR: Uint8Array,
  { local, remote }: Pick<Negotiation, 'local' | 'remote'> = n,
): Payload[] {
  const source = n.config.forceEncapsulation ? n.random.bytes(20) : natDetectionHash(spiI, spiR, local!)
  return [
    notify(NotifyType.NAT_DETECTION_SOURCE_IP.id, source),
    notify(NotifyType.NAT_DETECTION_DESTINATION_IP.id, natDetectionHash(spiI, spiR, remote!)),
  ]
}

/** Who sits behind a NAT: any source hash that fits clears the peer, the destination hash clears us. RFC 7296 §2.23 */
export function readNat(
  n: Negotiation,
  payloads: readonly Payload[],
  sa: Pick<IkeSa, 'initiatorSpi' | 'responderSpi'> & { seenAs?: Uint8Array | undefined },
): void {
  const notifies = all(payloads, 'Notify')
  const sources = notifies.filter((p) => p.notify === NotifyType.NAT_DETECTION_SOURCE_IP.id)
  const destination = notifies.find((p) => p.notify === NotifyType.NAT_DETECTION_DESTINATION_IP.id)
  if (sources.length === 0 || destination === undefined) return
  const theirs = natDetectionHash(sa.initiatorSpi, sa.responderSpi, n.remote!)
  const ours = natDetectionHash(sa.initiatorSpi, sa.responderSpi, n.local!)
  sa.seenAs = destination.data.slice()
  n.nat = {
    known: true,
    gateway: !sources.some((s) => equal(s.data, theirs)),
    us: !equal(destination.data, ours),
  }
}
