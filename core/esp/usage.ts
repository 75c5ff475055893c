import type { EspSpi, Millis } from '../bytes/brands.ts'
import type { EspEvents, EspLimits, LimitReason } from './engine.ts'

/** What an SA has carried. */
export interface Usage {
  bytes: number
  packets: number
  lastAtMs: number | undefined
  /** Limits already spoken of. */
  readonly told: Set<LimitReason>
}

export const nothingYet = (): Usage => ({ bytes: 0, packets: 0, lastAtMs: undefined, told: new Set() })

/** The last sequence number there is. RFC 4303 §2.2, §2.2.1 */
export const lastSequence = ({ esn }: { readonly esn: boolean }): bigint => (esn ? 2n ** 64n : 2n ** 32n) - 1n

/** The last one that may be used under these limits. */
export function hardSequence(sa: { readonly esn: boolean }, { hardSequence: hard }: EspLimits): bigint {
  const last = lastSequence(sa)
  return hard !== undefined && hard < last ? hard : last
}

/** Counts a packet, and tells of limits it reached. */
export function count(
  used: Usage,
  packet: { readonly bytes: number; readonly sequence: bigint; readonly at: Millis },
  sa: { readonly spi: EspSpi; readonly esn: boolean },
  { limits, onSoftLimit }: { readonly limits: EspLimits } & Pick<EspEvents, 'onSoftLimit'>,
): void {
  used.bytes += packet.bytes
  used.packets++
  used.lastAtMs = packet.at
  const reached = (reason: LimitReason): void => {
    if (used.told.has(reason)) return
    used.told.add(reason)
    onSoftLimit?.(sa.spi, reason)
  }
  const softSequence = limits.softSequence ?? (lastSequence(sa) / 4n) * 3n
  if (limits.softBytes !== undefined && used.bytes >= limits.softBytes) reached('bytes')
  if (limits.softPackets !== undefined && used.packets >= limits.softPackets) reached('packets')
  if (packet.sequence >= softSequence) reached('sequence')
}
