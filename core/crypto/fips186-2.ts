import type { LegacyCrypto } from './legacy.ts'

/**
 * The generator of FIPS 186-2 with change notice 1, as EAP-SIM and EAP-AKA use it: G from SHA-1, b = 160, no further
 * seed. `xkey`: 20 octets. RFC 4186 App. B
 */
export function fips186Prf(legacy: LegacyCrypto, xkey: Uint8Array, count: number): Uint8Array {
  const key = xkey.slice()
  const block = new Uint8Array(64)
  const out = new Uint8Array(Math.ceil(count / 20) * 20)
  for (let at = 0; at < count; at += 20) {
    block.set(key)
    const w = legacy.sha1Compress(block)
    out.set(w, at)
    // XKEY = (1 + XKEY + w) mod 2^160
    let carry = 1
    for (let i = 19; i >= 0; i--) {
      carry += key[i]! + w[i]!
      key[i] = carry & 0xff
      carry >>= 8
    }
  }
  key.fill(0)
  block.fill(0)
  return out.subarray(0, count)
}
