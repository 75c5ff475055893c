import { concat, utf8 } from '../bytes/octets.ts'
import { hmac } from './macs.ts'

// The keys that bind what runs inside PEAP to its tunnel. [MS-PEAP] §3.1.5.5

/** `PRF+` of version 0: T(n) = HMAC-SHA-1(key, T(n-1) ‖ seed ‖ n ‖ 0 ‖ 0). */
export function peapPrfPlus(key: Uint8Array, label: string, seed: Uint8Array, count: number): Uint8Array {
  const out: Uint8Array[] = []
  let last: Uint8Array = new Uint8Array(0)
  for (let n = 1; out.length * 20 < count; n++) {
    last = hmac('sha1', key, concat(last, utf8(label), seed, Uint8Array.of(n, 0, 0)))
    out.push(last)
  }
  return concat(...out).subarray(0, count)
}

/** What both ends know once the inside is done. */
export interface CompoundKeys {
  /** 40 octets. */
  readonly ipmk: Uint8Array
  /** 20 octets. */
  readonly cmk: Uint8Array
}

/** `tunnel`: the tunnel's key material, of which 40 octets count. `inner`: MSK of the inner method, none: zeros. */
export function compoundKeys(tunnel: Uint8Array, inner: Uint8Array | undefined): CompoundKeys {
  const isk = new Uint8Array(32)
  if (inner !== undefined) isk.set(inner.subarray(0, 32))
  const keys = peapPrfPlus(tunnel.subarray(0, 40), 'Inner Methods Compound Keys', isk, 60)
  isk.fill(0)
  return { ipmk: keys.subarray(0, 40), cmk: keys.subarray(40) }
}

/** Over the whole TLV with zeros for the MAC, and the method type of PEAP. `tlv`: 60 octets. */
export const compoundMac = (cmk: Uint8Array, tlv: Uint8Array): Uint8Array =>
  hmac('sha1', cmk, concat(tlv.subarray(0, -20), new Uint8Array(20), Uint8Array.of(25)))

/** The MSK where the ends are bound to each other: 64 octets. */
export const boundMsk = (ipmk: Uint8Array): Uint8Array =>
  peapPrfPlus(ipmk, 'Session Key Generating Function', Uint8Array.of(0), 128).subarray(0, 64)
