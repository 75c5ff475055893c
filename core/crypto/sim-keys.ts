import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concat, utf8 } from '../bytes/octets.ts'
import { Secret } from '../bytes/secret.ts'
import { fips186Prf } from './fips186-2.ts'
import { type LegacyCrypto, sha1 } from './legacy.ts'
import { hmac } from './macs.ts'

/** The keys of one full authentication. RFC 4186 §7, RFC 4187 §7, RFC 9048 §3.3 */
export interface SimKeys {
  /** 16 octets. */
  readonly encr: Secret
  /** 16 octets, 32 in EAP-AKA'. */
  readonly aut: Secret
  /** 64 octets. */
  readonly msk: Secret
  /** What a fast re-authentication starts from: MK, or K_re in EAP-AKA'. */
  readonly again: Secret
}

/** MK of EAP-SIM. `kcs`: 8 octets each, in the order of the RANDs. RFC 4186 §7 */
export const simMasterKey = (
  identity: Uint8Array,
  kcs: readonly Uint8Array[],
  nonceMt: Uint8Array,
  versionList: Uint8Array,
  selectedVersion: Uint8Array,
): Uint8Array => sha1(identity, ...kcs, nonceMt, versionList, selectedVersion)

/** MK of EAP-AKA. RFC 4187 §7 */
export const akaMasterKey = (identity: Uint8Array, ik: Uint8Array, ck: Uint8Array): Uint8Array =>
  sha1(identity, ik, ck)

/** The keys from an MK, which is taken over. */
export function keysOfMasterKey(legacy: LegacyCrypto, mk: Uint8Array): SimKeys {
  const material = fips186Prf(legacy, mk, 16 + 16 + 64)
  const [encr, aut, msk] = cut(material, 16, 16, 64)
  material.fill(0)
  return { encr: encr!, aut: aut!, msk: msk!, again: new Secret(mk) }
}

/** The MSK of a fast re-authentication. RFC 4186 §7, RFC 4187 §7 */
export function reauthMsk(
  legacy: LegacyCrypto,
  identity: Uint8Array,
  counter: number,
  nonceS: Uint8Array,
  mk: Secret,
): Secret {
  const xkey = mk.use((octets) => sha1(identity, twoOctets(counter), nonceS, octets))
  const material = fips186Prf(legacy, xkey, 64)
  xkey.fill(0)
  return new Secret(material.slice())
}

/** CK' and IK', bound to the network's name. `sqnAk`: the first six octets of AUTN. RFC 9048 §3.3 */
export function boundKeys(
  ck: Uint8Array,
  ik: Uint8Array,
  networkName: Uint8Array,
  sqnAk: Uint8Array,
): { readonly ck: Uint8Array; readonly ik: Uint8Array } {
  const key = concat(ck, ik)
  const seed = concat(
    Uint8Array.of(0x20),
    networkName,
    twoOctets(networkName.length),
    sqnAk,
    twoOctets(sqnAk.length),
  )
  const both = hmac('sha256', key, seed)
  key.fill(0)
  return { ck: both.subarray(0, 16), ik: both.subarray(16) }
}

/** The keys of EAP-AKA'. `ck`, `ik`: the bound ones. RFC 9048 §3.3 */
export function akaPrimeKeys(identity: Uint8Array, ik: Uint8Array, ck: Uint8Array): SimKeys {
  const key = concat(ik, ck)
  const material = prfPrime(key, concat(utf8("EAP-AKA'"), identity), 16 + 32 + 32 + 64)
  key.fill(0)
  const [encr, aut, again, msk] = cut(material, 16, 32, 32, 64)
  material.fill(0)
  return { encr: encr!, aut: aut!, again: again!, msk: msk! }
}

/** The MSK of a fast re-authentication of EAP-AKA'. RFC 9048 §3.3 */
export const reauthMskPrime = (
  identity: Uint8Array,
  counter: number,
  nonceS: Uint8Array,
  kRe: Secret,
): Secret =>
  kRe.use(
    (octets) =>
      new Secret(
        prfPrime(octets, concat(utf8("EAP-AKA' re-auth"), identity, twoOctets(counter), nonceS), 64),
      ),
  )

/** PRF' of RFC 9048 §3.4.1. */
function prfPrime(key: Uint8Array, seed: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(count / 32) * 32)
  let last: Uint8Array = new Uint8Array(0)
  for (let at = 0, n = 1; at < count; at += 32, n++) {
    last = hmac('sha256', key, concat(last, seed, Uint8Array.of(n)))
    out.set(last, at)
  }
  return out.slice(0, count)
}

/** AT_MAC over a packet whose MAC is zeros, and what else belongs to it. → 16 octets. RFC 4186 §10.14, RFC 9048 §3.4.2 */
export const simMac = (prime: boolean, aut: Secret, packet: Uint8Array, extra: Uint8Array): Uint8Array =>
  aut.use((key) => hmac(prime ? 'sha256' : 'sha1', key, concat(packet, extra)).subarray(0, 16))

/** AES-128-CBC without padding, for AT_ENCR_DATA. `data`: a multiple of 16. RFC 4186 §10.12 */
export function simCipher(encrypt: boolean, key: Secret, iv: Uint8Array, data: Uint8Array): Uint8Array {
  return key.use((octets) => {
    const cipher = (encrypt ? createCipheriv : createDecipheriv)('aes-128-cbc', octets, iv)
    cipher.setAutoPadding(false)
    return concat(cipher.update(data), cipher.final())
  })
}

const twoOctets = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff)

function cut(material: Uint8Array, ...lengths: readonly number[]): Secret[] {
  let at = 0
  return lengths.map((length) => {
    at += length
    return new Secret(material.slice(at - length, at))
  })
}
