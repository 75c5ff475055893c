import { asEspSpi, type EspSpi } from '../bytes/brands.ts'
import { caught, type Decoded, Malformed } from '../bytes/malformed.ts'
import { Reader } from '../bytes/reader.ts'

/** Octets of SPI and sequence number in front of every ESP packet. RFC 4303 §2 */
export const ESP_HEADER_BYTES = 8

/** Values of the Next Header field that ESP itself gives a meaning. RFC 4303 §2.6 */
export const NextHeader = { ipv4: 4, ipv6: 41, none: 59 } as const

/** The octets of an ESP packet that are not encrypted, and the rest as it stands. RFC 4303 §2 */
export interface EspPacket {
  readonly spi: EspSpi
  /** The low 32 bits of the sequence number; the high half is never on the wire. RFC 4303 §2.2.1 */
  readonly sequenceLow: number
  /** SPI and sequence number as they came: what the ICV covers first. */
  readonly header: Uint8Array
  /** IV, ciphertext and ICV. */
  readonly body: Uint8Array
}

/** Views into `packet`, which must start with the SPI (no IP or UDP header). RFC 4303 §2 */
export function decodeEsp(packet: Uint8Array): Decoded<EspPacket> {
  return caught(() => {
    const r = new Reader(packet, ['ESP'], 'RFC 4303 §2')
    const spi = r.u32('SPI')
    if (spi < 256) throw faulty('SPI', 0, `${spi} is reserved`, '§2.1')
    const sequenceLow = r.u32('Sequence Number')
    return { spi: asEspSpi(spi), sequenceLow, header: packet.subarray(0, ESP_HEADER_BYTES), body: r.rest() }
  })
}

/** SPI and the low 32 bits of `sequence`. RFC 4303 §2.1, §2.2 */
export function encodeEspHeader(spi: EspSpi, sequence: bigint): Uint8Array {
  const header = new Uint8Array(ESP_HEADER_BYTES)
  const view = new DataView(header.buffer)
  view.setUint32(0, spi)
  view.setUint32(4, Number(sequence & 0xffff_ffffn))
  return header
}

/** What was inside the encryption. `payload` may end with traffic flow confidentiality padding. RFC 4303 §2.7 */
export interface EspContent {
  readonly payload: Uint8Array
  readonly nextHeader: number
}

/**
 * Payload ‖ padding 1, 2, 3 … ‖ Pad Length ‖ Next Header, as short as the cipher allows.
 * `blockBytes`: block of the cipher; the whole is a multiple of it and of four octets. RFC 4303 §2.4
 */
export function encodeEspContent(content: EspContent, blockBytes: number): Uint8Array {
  const unit = Math.max(4, blockBytes)
  const { payload, nextHeader } = content
  const length = Math.ceil((payload.length + 2) / unit) * unit
  const plaintext = new Uint8Array(length)
  plaintext.set(payload)
  const padBytes = length - payload.length - 2
  for (let i = 0; i < padBytes; i++) plaintext[payload.length + i] = i + 1
  plaintext[length - 2] = padBytes
  plaintext[length - 1] = nextHeader
  return plaintext
}

/** Takes the trailer off decrypted octets; `payload` is a view. RFC 4303 §2.4 – §2.6 */
export function decodeEspContent(plaintext: Uint8Array): Decoded<EspContent> {
  return caught(() => {
    const trailerAt = plaintext.length - 2
    if (trailerAt < 0) throw faulty('Pad Length', 0, `${plaintext.length} octets left, 2 wanted`, '§2.5')
    const padBytes = plaintext[trailerAt]!
    const padAt = trailerAt - padBytes
    if (padAt < 0) throw faulty('Pad Length', trailerAt, `${padBytes} is more than the packet holds`, '§2.5')
    for (let i = 0; i < padBytes; i++) {
      if (plaintext[padAt + i] !== i + 1) throw faulty('Padding', padAt + i, `not 1, 2, 3 …`, '§2.4')
    }
    return { payload: plaintext.subarray(0, padAt), nextHeader: plaintext[trailerAt + 1]! }
  })
}

function faulty(field: string, offset: number, problem: string, section: string): Malformed {
  return new Malformed(['ESP', field], offset, problem, `RFC 4303 ${section}`)
}
