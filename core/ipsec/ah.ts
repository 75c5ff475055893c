import { concat, equalConstantTime, NO_OCTETS } from '../bytes/octets.ts'
import type { CryptoRegistry, IntegrityInfo } from '../crypto/transforms.ts'
import type { AhSa } from '../esp/engine.ts'
import { highHalf, inferSequence } from '../esp/esn.ts'
import type { OpenFault } from '../esp/open.ts'
import type { ReplayWindow } from '../esp/replay-window.ts'
import { AH_FIXED_BYTES, decodeAh, encodeAh } from '../wire/ah.ts'
import { type IpPacket, Protocol, settle } from '../wire/ip-packet.ts'
import { asIcvCovers } from './mutable.ts'

/** @throws RangeError when the registry lacks the algorithm, or the key has another length */
export function integrityOf(registry: CryptoRegistry, sa: AhSa): IntegrityInfo {
  const integrity = registry.integrity.get(sa.integrity)
  if (integrity === undefined) throw new RangeError(`integrity ${sa.integrity} is not available`)
  if (sa.integrityKey.length !== integrity.keyBytes)
    throw new RangeError(`${integrity.name}: a key has ${integrity.keyBytes} octets`)
  return integrity
}

/** Puts an AH at `ip.at` of a packet whose headers stand already; `undefined` when they cannot be foretold. RFC 4302 §3.3 */
export function protectByAh(
  packet: Uint8Array,
  ip: IpPacket,
  {
    sa,
    integrity,
    sequence,
  }: { readonly sa: AhSa; readonly integrity: IntegrityInfo; readonly sequence: bigint },
): Uint8Array | undefined {
  const boundary = sa.boundary ?? (ip.version === 4 ? 4 : 8)
  const header = encodeAh({ nextHeader: ip.protocol, spi: sa.spi, sequence }, integrity.icvBytes, boundary)
  const made = concat(packet.subarray(0, ip.at), header, packet.subarray(ip.at, ip.length))
  made[ip.protocolAt] = Protocol.ah
  settle(made)
  const icv = icvOf(made, ip.at, sa, integrity, sequence)
  if (icv === undefined) return undefined
  made.set(icv, ip.at + AH_FIXED_BYTES)
  return made
}

export type AhOpened =
  | { readonly ok: true; readonly packet: Uint8Array; readonly sequence: bigint }
  | { readonly ok: false; readonly fault: OpenFault }

/** Replay check, ICV, window, in the order of RFC 4302 §3.4; `packet` is as it was before the AH came in. */
export function openAh(
  packet: Uint8Array,
  ip: IpPacket,
  {
    sa,
    integrity,
    window,
  }: { readonly sa: AhSa; readonly integrity: IntegrityInfo; readonly window: ReplayWindow },
): AhOpened {
  const header = decodeAh(packet.subarray(ip.at, ip.length))
  if (!header.ok || header.value.icv.length < integrity.icvBytes) return { ok: false, fault: 'malformed' }
  const { sequenceLow, icv, length, nextHeader } = header.value
  const sequence = sa.esn ? inferSequence(window.top, window.size, sequenceLow) : BigInt(sequenceLow)
  if (sequence === undefined || !window.check(sequence)) return { ok: false, fault: 'replayed' }
  const wanted = icvOf(packet.subarray(0, ip.length), ip.at, sa, integrity, sequence)
  if (wanted === undefined || !equalConstantTime(wanted, icv.subarray(0, integrity.icvBytes)))
    return { ok: false, fault: 'failedIcv' }
  window.accept(sequence)
  const made = concat(packet.subarray(0, ip.at), packet.subarray(ip.at + length, ip.length))
  made[ip.protocolAt] = nextHeader
  settle(made)
  return { ok: true, packet: made, sequence }
}

/**
 * Over the headers with what changes on the way as zero, the AH with its ICV as zero, everything behind it, and the half of
 * the sequence number that is not sent. RFC 4302 §3.3.3
 */
function icvOf(
  packet: Uint8Array,
  at: number,
  sa: AhSa,
  integrity: IntegrityInfo,
  sequence: bigint,
): Uint8Array | undefined {
  const covered = packet.slice()
  if (!asIcvCovers(covered.subarray(0, at))) return undefined
  // Padding behind the ICV is covered as it stands.
  covered.fill(0, at + AH_FIXED_BYTES, at + AH_FIXED_BYTES + integrity.icvBytes)
  const whole = concat(covered, sa.esn ? u32(highHalf(sequence)) : NO_OCTETS)
  return sa.integrityKey.use((key) => integrity.compute(key, whole))
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}
