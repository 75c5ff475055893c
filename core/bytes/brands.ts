/** Values of the same shape that must not be swapped carry a brand, minted only by the `as…` functions here. */
declare const brand: unique symbol
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Milliseconds on the driver's monotonic clock. */
export type Millis = Brand<number, 'Millis'>
/** IKE SPI, 8 octets, not all zero. RFC 7296 §3.1 */
export type IkeSpi = Brand<Uint8Array, 'IkeSpi'>
/** SPI of ESP or AH, 256 … 2³²−1. RFC 4303 §2.1 */
export type EspSpi = Brand<number, 'EspSpi'>
/** Nonce data, 16 … 256 octets. RFC 7296 §2.10 */
export type Nonce = Brand<Uint8Array, 'Nonce'>

export const asMillis = (value: number): Millis => value as Millis

export function asIkeSpi(value: Uint8Array): IkeSpi {
  if (value.length !== 8) throw new RangeError(`an IKE SPI has 8 octets, not ${value.length}`)
  return value as IkeSpi
}

export function asEspSpi(value: number): EspSpi {
  if (!Number.isInteger(value) || value < 256 || value > 0xffff_ffff) {
    throw new RangeError(`an ESP SPI lies in 256 … 4294967295, not ${value}`)
  }
  return value as EspSpi
}

export function asNonce(value: Uint8Array): Nonce {
  if (value.length < 16 || value.length > 256) {
    throw new RangeError(`a nonce has 16 … 256 octets, not ${value.length}`)
  }
  return value as Nonce
}
