import type { Reader } from '../../bytes/reader.ts'
import type { Writer } from '../../bytes/writer.ts'
import { SecurityProtocol } from '../../iana/ikev2.ts'
import type { DeletePayload, NotifyPayload, VendorIdPayload } from './payload.ts'
import { fitting } from './reserved.ts'

const isChildProtocol = (protocol: number): boolean =>
  protocol === SecurityProtocol.AH.id || protocol === SecurityProtocol.ESP.id

/** Notify payload, RFC 7296 §3.10. The Protocol ID means nothing where there is no SPI, so any is taken. */
export function decodeNotify(r: Reader): NotifyPayload {
  const protocol = r.u8('Protocol ID')
  const at = r.offset
  const spiBytes = r.u8('SPI Size')
  if (isChildProtocol(protocol) && spiBytes !== 0 && spiBytes !== 4) {
    r.fail('SPI Size', `${spiBytes} octets do not fit protocol ${protocol}`, r.reference, at)
  }
  const notify = r.u16('Notify Message Type')
  const spi = r.bytes(spiBytes, 'SPI')
  return { type: 'Notify', protocol, spi, notify, data: r.rest() }
}

export function encodeNotify(w: Writer, payload: NotifyPayload): void {
  w.u8(payload.protocol)
  w.u8(fitting(payload.spi.length, 0xff, 'SPI Size'))
  w.u16(payload.notify)
  w.bytes(payload.spi)
  w.bytes(payload.data)
}

/** Delete payload, RFC 7296 §3.11: an IKE SA is named by the header, children by four octets each. */
export function decodeDelete(r: Reader): DeletePayload {
  const protocol = r.u8('Protocol ID')
  const at = r.offset
  const spiBytes = r.u8('SPI Size')
  const count = r.u16('Num of SPIs')
  const wanted = isChildProtocol(protocol) ? 4 : protocol === SecurityProtocol.IKE.id ? 0 : spiBytes
  if (spiBytes !== wanted) {
    r.fail('SPI Size', `${spiBytes} octets do not fit protocol ${protocol}`, r.reference, at)
  }
  // Otherwise four octets could ask for 65535 SPIs of no octets.
  if (spiBytes === 0 && count !== 0) r.fail('Num of SPIs', `${count} SPIs of 0 octets`, r.reference, at + 1)
  const spis: Uint8Array[] = []
  for (let i = 1; i <= count; i++) spis.push(r.bytes(spiBytes, `SPI ${i}`))
  r.end()
  return { type: 'Delete', protocol, spiBytes, spis }
}

export function encodeDelete(w: Writer, payload: DeletePayload): void {
  w.u8(payload.protocol)
  w.u8(fitting(payload.spiBytes, 0xff, 'SPI Size'))
  w.u16(fitting(payload.spis.length, 0xffff, 'Num of SPIs'))
  for (const spi of payload.spis) {
    if (spi.length !== payload.spiBytes) throw new RangeError(`an SPI has ${payload.spiBytes} octets here`)
    w.bytes(spi)
  }
}

/** Vendor ID payload, RFC 7296 §3.12. */
export const decodeVendorId = (r: Reader): VendorIdPayload => ({ type: 'VendorID', data: r.rest() })

export function encodeVendorId(w: Writer, payload: VendorIdPayload): void {
  w.bytes(payload.data)
}
