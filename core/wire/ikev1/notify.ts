import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { Doi, SecurityProtocol } from '../../iana/ikev1.ts'
import type { DeletePayload, NotifyPayload, VendorIdPayload } from './payload.ts'

/** Notification payload, RFC 2408 §3.14. Peers differ in the SPI they name in an error, so any size is taken. */
export function decodeNotify(r: Reader): NotifyPayload {
  const doi = r.u32('DOI')
  const protocol = r.u8('Protocol-ID')
  const spiBytes = r.u8('SPI Size')
  const notify = r.u16('Notify Message Type')
  const spi = r.bytes(spiBytes, 'SPI')
  return { type: 'Notify', doi, protocol, spi, notify, data: r.rest() }
}

export function encodeNotify(w: Writer, payload: NotifyPayload): void {
  if (payload.spi.length > 0xff) throw new RangeError('an SPI has at most 255 octets')
  w.u32(payload.doi)
  w.u8(payload.protocol)
  w.u8(payload.spi.length)
  w.u16(payload.notify)
  w.bytes(payload.spi)
  w.bytes(payload.data)
}

/** Octets of the SPI that names an SA: both cookies for ISAKMP. RFC 2408 §3.15 */
const spiSizes: ReadonlyMap<number, readonly number[]> = new Map([
  [SecurityProtocol.ISAKMP.id, [16]],
  [SecurityProtocol.AH.id, [4]],
  [SecurityProtocol.ESP.id, [4]],
  [SecurityProtocol.IPCOMP.id, [2, 4]],
])

/** Delete payload, RFC 2408 §3.15. */
export function decodeDelete(r: Reader): DeletePayload {
  const doi = r.u32('DOI')
  const protocol = r.u8('Protocol-Id')
  const at = r.offset
  const spiBytes = r.u8('SPI Size')
  const count = r.u16('# of SPIs')
  const sizes = doi === Doi.IPSEC.id ? spiSizes.get(protocol) : undefined
  if (sizes !== undefined && !sizes.includes(spiBytes))
    r.fail('SPI Size', `${spiBytes} octets do not fit protocol ${protocol}`, r.reference, at)
  // Otherwise four octets could ask for 65535 SPIs of no octets.
  if (spiBytes === 0 && count !== 0) r.fail('# of SPIs', `${count} SPIs of 0 octets`, r.reference, at + 1)
  const spis: Uint8Array[] = []
  for (let i = 1; i <= count; i++) spis.push(r.bytes(spiBytes, `SPI ${i}`))
  r.end()
  return { type: 'Delete', doi, protocol, spiBytes, spis }
}

export function encodeDelete(w: Writer, payload: DeletePayload): void {
  if (payload.spis.length > 0xffff) throw new RangeError('too many SPIs')
  w.u32(payload.doi)
  w.u8(payload.protocol)
  w.u8(payload.spiBytes)
  w.u16(payload.spis.length)
  for (const spi of payload.spis) {
    if (spi.length !== payload.spiBytes) throw new RangeError(`an SPI has ${payload.spiBytes} octets here`)
    w.bytes(spi)
  }
}

/** Vendor ID payload, RFC 2408 §3.16. */
export const decodeVendorId = (r: Reader): VendorIdPayload => ({ type: 'VendorID', data: r.rest() })

export const encodeVendorId = (w: Writer, payload: VendorIdPayload): void => w.bytes(payload.data)
