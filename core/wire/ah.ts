import { asEspSpi, type EspSpi } from '../bytes/brands.ts'
import { caught, type Decoded, Malformed } from '../bytes/malformed.ts'
import { Reader } from '../bytes/reader.ts'

/** Octets in front of the Integrity Check Value. RFC 4302 §2 */
export const AH_FIXED_BYTES = 12

/** An Authentication Header as it stands in a packet. */
export interface AhHeader {
  /** What follows: an IP protocol number. */
  readonly nextHeader: number
  readonly spi: EspSpi
  /** The low 32 bits of the sequence number. RFC 4302 §2.5.1 */
  readonly sequenceLow: number
  /** The ICV, and padding where the header would not end on a boundary. */
  readonly icv: Uint8Array
  /** Octets of the whole header. */
  readonly length: number
}

/** Views into `octets`, which start with the Next Header field; what follows the header is left alone. RFC 4302 §2 */
export function decodeAh(octets: Uint8Array): Decoded<AhHeader> {
  return caught(() => {
    const r = new Reader(octets, ['AH'], 'RFC 4302 §2')
    const nextHeader = r.u8('Next Header')
    const length = (r.u8('Payload Len') + 2) * 4
    if (length < AH_FIXED_BYTES)
      throw new Malformed(['AH', 'Payload Len'], 1, `${length} octets, at least 12 wanted`, 'RFC 4302 §2.2')
    r.u16('RESERVED')
    const spi = r.u32('SPI')
    if (spi < 256) throw new Malformed(['AH', 'SPI'], 4, `${spi} is reserved`, 'RFC 4302 §2.4')
    const sequenceLow = r.u32('Sequence Number')
    const icv = r.bytes(length - AH_FIXED_BYTES, 'ICV')
    return { nextHeader, spi: asEspSpi(spi), sequenceLow, icv, length }
  })
}

/**
 * A header whose ICV is still zero.
 *
 * @param boundary octets the header is a multiple of: 4 in IPv4, 8 in IPv6. RFC 4302 §3.3.3.2.1
 */
export function encodeAh(
  {
    nextHeader,
    spi,
    sequence,
  }: { readonly nextHeader: number; readonly spi: EspSpi; readonly sequence: bigint },
  icvBytes: number,
  boundary: 4 | 8,
): Uint8Array {
  const length = Math.ceil((AH_FIXED_BYTES + icvBytes) / boundary) * boundary
  const header = new Uint8Array(length)
  const view = new DataView(header.buffer)
  header[0] = nextHeader
  header[1] = length / 4 - 2
  view.setUint32(4, spi)
  view.setUint32(8, Number(sequence & 0xffff_ffffn))
  return header
}
