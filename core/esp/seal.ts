import type { EspSpi } from '../bytes/brands.ts'
import { concat, NO_OCTETS } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import { type EspContent, encodeEspContent, encodeEspHeader } from '../wire/esp.ts'
import { highHalf } from './esn.ts'
import type { EspSuite } from './suite.ts'

/** Where a packet stands in its SA. */
export interface SealAt {
  readonly spi: EspSpi
  /** Never used before with this SA. */
  readonly sequence: bigint
  readonly esn: boolean
}

/** A whole ESP packet, from the SPI on. `iv`: `suite.ivBytes` octets. RFC 4303 §3.3 */
export function seal(suite: EspSuite, at: SealAt, iv: Uint8Array, content: EspContent): Uint8Array {
  const header = encodeEspHeader(at.spi, at.sequence)
  const plaintext = encodeEspContent(content, suite.blockBytes)
  const high = at.esn ? highHalf(at.sequence) : undefined
  return concat(header, iv, suite.protect(header, high, iv, plaintext))
}

/**
 * The IV for the packet `sequence`. Counter modes fail utterly when one repeats, so theirs is the
 * sequence number, which cannot; CBC takes fresh random octets. RFC 4106 §3.1, RFC 3602 §3
 */
export function ivFor(suite: EspSuite, sequence: bigint, random: Random): Uint8Array {
  if (suite.ivBytes === 0) return NO_OCTETS
  if (suite.unpredictableIv) return random.bytes(suite.ivBytes)
  const iv = new Uint8Array(suite.ivBytes)
  new DataView(iv.buffer).setBigUint64(suite.ivBytes - 8, sequence)
  return iv
}
