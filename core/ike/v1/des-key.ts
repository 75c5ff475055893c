import { fromHex, toHex } from '../../bytes/octets.ts'

/** The lowest bit of each octet is parity, which DES does not look at. */
const withoutParity = (key: Uint8Array): string => toHex(key.map((octet) => octet & 0xfe))

/**
 * Keys that undo themselves, and pairs of which each undoes the other. RFC 2409 Appendix A; where it prints two of the first four
 * differently, they stand here as FIPS 74 has them.
 */
const WEAK = new Set(
  [
    ...['0101010101010101', '1f1f1f1f0e0e0e0e', 'e0e0e0e0f1f1f1f1', 'fefefefefefefefe'],
    ...['01fe01fe01fe01fe', '1fe01fe00ef10ef1', '01e001e001f101f1', '1ffe1ffe0efe0efe'],
    ...['011f011f010e010e', 'e0fee0fef1fef1fe', 'fe01fe01fe01fe01', 'e01fe01ff10ef10e'],
    ...['e001e001f101f101', 'fe1ffe1ffe0efe0e', '1f011f010e010e01', 'fee0fee0fef1fef1'],
  ].map((key) => withoutParity(fromHex(key))),
)

/** The first eight octets that are no weak or semi-weak key; those at the end where all are. RFC 2409 Appendix B */
export function desKey(material: Uint8Array): Uint8Array {
  let at = 0
  while (at + 16 <= material.length && WEAK.has(withoutParity(material.subarray(at, at + 8)))) at += 8
  return material.slice(at, at + 8)
}
