import { concat, NO_OCTETS } from '../../bytes/octets.ts'
import { Secret } from '../../bytes/secret.ts'
import type { PrfInfo } from '../../crypto/transforms.ts'
import { desKey } from './des-key.ts'

/** What phase 1 makes. RFC 2409 §5 */
export interface Phase1Keys {
  /** SKEYID: proves both ends. */
  readonly skeyid: Secret
  /** SKEYID_d: the keys of phase 2 come from it. */
  readonly d: Secret
  /** SKEYID_a: authenticates every message after phase 1. */
  readonly a: Secret
  /** Made of SKEYID_e: encrypts every message from the fifth on. */
  readonly cipher: Secret
}

/** The two cookies of an ISAKMP SA. */
export interface Cookies {
  readonly initiatorCookie: Uint8Array
  readonly responderCookie: Uint8Array
}

/** SKEYID of a pre-shared key: prf(psk, Ni_b ‖ Nr_b). RFC 2409 §5.4 */
export const skeyidOfPsk = (prf: PrfInfo, psk: Secret, ni: Uint8Array, nr: Uint8Array): Secret =>
  new Secret(psk.use((key) => prf.compute(key, concat(ni, nr))))

/** SKEYID of signatures: prf(Ni_b ‖ Nr_b, g^xy). RFC 2409 §5.1 */
export const skeyidOfSignatures = (prf: PrfInfo, ni: Uint8Array, nr: Uint8Array, shared: Secret): Secret =>
  new Secret(shared.use((g) => prf.compute(concat(ni, nr), g)))

/** SKEYID_d, SKEYID_a and SKEYID_e, each made of the one before. `shared`: g^xy at full group length. RFC 2409 §5 */
export function derivedKeys(
  prf: PrfInfo,
  skeyid: Secret,
  shared: Secret,
  { initiatorCookie, responderCookie }: Cookies,
): { readonly d: Secret; readonly a: Secret; readonly e: Secret } {
  const next = (before: Uint8Array, which: number): Uint8Array =>
    skeyid.use((key) =>
      shared.use((g) =>
        prf.compute(key, concat(before, g, initiatorCookie, responderCookie, Uint8Array.of(which))),
      ),
    )
  const d = next(NO_OCTETS, 0)
  const a = next(d, 1)
  const e = next(a, 2)
  return { d: new Secret(d), a: new Secret(a), e: new Secret(e) }
}

/** All keys of phase 1. Takes over `skeyid`. `cipherBytes`: octets the negotiated cipher wants. */
export function phase1Keys(
  prf: PrfInfo,
  skeyid: Secret,
  shared: Secret,
  cookies: Cookies,
  cipherBytes: number,
): Phase1Keys {
  const { d, a, e } = derivedKeys(prf, skeyid, shared, cookies)
  // Only DES has keys of eight octets.
  const cipher = new Secret(
    e.use((bytes) => (cipherBytes === 8 ? desKey(bytes) : stretched(prf, bytes, cipherBytes))),
  )
  e.close()
  return { skeyid, d, a, cipher }
}

/** SKEYID_e as it is when long enough, else K1 ‖ K2 ‖ … with K1 = prf(SKEYID_e, 0). RFC 2409 Appendix B */
export function stretched(prf: PrfInfo, e: Uint8Array, bytes: number): Uint8Array {
  if (e.length >= bytes) return e.slice(0, bytes)
  const out = new Uint8Array(bytes)
  let block: Uint8Array = Uint8Array.of(0)
  for (let at = 0; at < bytes; at += prf.outputBytes) {
    const next = prf.compute(e, block)
    block.fill(0)
    block = next
    out.set(block.subarray(0, Math.min(block.length, bytes - at)), at)
  }
  block.fill(0)
  return out
}

/**
 * KEYMAT of one SA in one direction: K1 ‖ K2 ‖ …, Kn = prf(SKEYID_d, Kn-1 ‖ [g(qm)^xy ‖] protocol ‖ SPI ‖ Ni_b ‖ Nr_b).
 * `spi`: chosen by whoever receives with it; the nonces are those of this quick mode. RFC 2409 §5.5
 */
export function keymat(
  prf: PrfInfo,
  d: Secret,
  shared: Secret | undefined,
  sa: { readonly protocol: number; readonly spi: Uint8Array },
  nonces: { readonly ni: Uint8Array; readonly nr: Uint8Array },
  bytes: number,
): Uint8Array {
  const public_ = concat(Uint8Array.of(sa.protocol), sa.spi, nonces.ni, nonces.nr)
  const out = new Uint8Array(bytes)
  let block: Uint8Array = NO_OCTETS
  for (let at = 0; at < bytes; at += prf.outputBytes) {
    const before = block
    const from = (g: Uint8Array) => d.use((key) => prf.compute(key, concat(before, g, public_)))
    block = shared === undefined ? from(NO_OCTETS) : shared.use(from)
    before.fill(0)
    out.set(block.subarray(0, Math.min(block.length, bytes - at)), at)
  }
  block.fill(0)
  return out
}

export function closePhase1Keys(keys: Phase1Keys): void {
  for (const key of [keys.skeyid, keys.d, keys.a, keys.cipher]) key.close()
}
