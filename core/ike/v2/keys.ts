import { concat, NO_OCTETS } from '../../bytes/octets.ts'
import { Secret } from '../../bytes/secret.ts'
import type { PrfInfo } from '../../crypto/transforms.ts'
import type { ChildSuite, IkeSuite } from './suite.ts'

/** Keys of an IKE SA. RFC 7296 §2.14 */
export interface IkeKeys {
  readonly d: Secret
  readonly ai: Secret
  readonly ar: Secret
  readonly ei: Secret
  readonly er: Secret
  readonly pi: Secret
  readonly pr: Secret
}

/** The keys that a post-quantum pre-shared key goes into: the others have been in use before. RFC 8784 §3 */
export type MixedKeys = Pick<IkeKeys, 'd' | 'pi' | 'pr'>

/** prf+ of RFC 7296 §2.13: `bytes` octets out of at most 255 blocks. */
export function prfPlus(prf: PrfInfo, key: Uint8Array, seed: Uint8Array, bytes: number): Uint8Array {
  const blocks = Math.ceil(bytes / prf.outputBytes)
  if (blocks > 255) throw new RangeError(`prf+ gives at most 255 blocks, not ${blocks}`)
  const out = new Uint8Array(bytes)
  let block: Uint8Array = NO_OCTETS
  for (let i = 1, at = 0; i <= blocks; i++, at += prf.outputBytes) {
    const next = prf.compute(key, concat(block, seed, Uint8Array.of(i)))
    block.fill(0)
    block = next
    out.set(block.subarray(0, Math.min(block.length, bytes - at)), at)
  }
  block.fill(0)
  return out
}

/** SKEYSEED of the first IKE SA: prf(Ni ‖ Nr, g^ir). RFC 7296 §2.14; a PRF with a fixed key takes half of it from each nonce. */
export function skeyseed(prf: PrfInfo, ni: Uint8Array, nr: Uint8Array, shared: Secret): Secret {
  const half = prf.keyBytes / 2
  const key = prf.fixedKey ? concat(ni.subarray(0, half), nr.subarray(0, half)) : concat(ni, nr)
  return new Secret(shared.use((g) => prf.compute(key, g)))
}

/**
 * SKEYSEED after a rekey of the IKE SA: prf(SK_d, g^ir ‖ Ni ‖ Nr ‖ SK(1) ‖ … ‖ SK(n)), with PRF and SK_d of the old one;
 * and after an IKE_INTERMEDIATE with a key exchange, where g^ir is what that one gave. RFC 7296 §2.18, RFC 9370 §2.2.2, §2.2.4
 */
export function rekeyedSkeyseed(
  oldPrf: PrfInfo,
  oldD: Secret,
  shared: Secret,
  ni: Uint8Array,
  nr: Uint8Array,
  more: readonly Secret[] = [],
): Secret {
  return withAll(more, (rest) =>
    oldD.use((d) => shared.use((g) => new Secret(oldPrf.compute(d, concat(g, ni, nr, rest))))),
  )
}

/** Lends several secrets joined, and wipes the copy. */
function withAll<T>(secrets: readonly Secret[], work: (joined: Uint8Array) => T): T {
  const joined = concat(...secrets.map((secret) => secret.use((octets) => octets.slice())))
  try {
    return work(joined)
  } finally {
    joined.fill(0)
  }
}

/** All SK_* from SKEYSEED, which is closed. `spiI`, `spiR`: of the IKE SA being keyed. RFC 7296 §2.14 */
export function ikeKeys(
  suite: IkeSuite,
  seed: Secret,
  ni: Uint8Array,
  nr: Uint8Array,
  spiI: Uint8Array,
  spiR: Uint8Array,
): IkeKeys {
  const d = suite.prf.keyBytes
  const a = suite.integrity?.keyBytes ?? 0
  const e = suite.keyBits / 8 + suite.encryption.saltBytes
  const stream = seed.use((s) => prfPlus(suite.prf, s, concat(ni, nr, spiI, spiR), 3 * d + 2 * a + 2 * e))
  seed.close()
  const take = slicer(stream)
  const keys = { d: take(d), ai: take(a), ar: take(a), ei: take(e), er: take(e), pi: take(d), pr: take(d) }
  stream.fill(0)
  return keys
}

/** KEYMAT of a CHILD_SA, prf+(SK_d, [g^ir ‖] Ni ‖ Nr [‖ SK(1) ‖ … ‖ SK(n)]), RFC 9370 §2.2.4: initiator to responder first, encryption before integrity. RFC 7296 §2.17 */
export function childKeys(
  prf: PrfInfo,
  d: Secret,
  suite: ChildSuite,
  shared: Secret | undefined,
  ni: Uint8Array,
  nr: Uint8Array,
  more: readonly Secret[] = [],
): { readonly ei: Secret; readonly ai: Secret; readonly er: Secret; readonly ar: Secret } {
  const e = suite.encryption === undefined ? 0 : suite.keyBits / 8 + suite.encryption.saltBytes
  const a = (suite.ah ?? suite.integrity)?.keyBytes ?? 0
  const from = (g: Uint8Array) =>
    withAll(more, (rest) => d.use((key) => prfPlus(prf, key, concat(g, ni, nr, rest), 2 * (e + a))))
  const stream = shared === undefined ? from(NO_OCTETS) : shared.use(from)
  const take = slicer(stream)
  const keys = { ei: take(e), ai: take(a), er: take(e), ar: take(a) }
  stream.fill(0)
  return keys
}

function slicer(stream: Uint8Array): (count: number) => Secret {
  let at = 0
  return (count) => {
    at += count
    return new Secret(stream.slice(at - count, at))
  }
}

export function closeIkeKeys(keys: IkeKeys): void {
  for (const key of Object.values(keys) as Secret[]) key.close()
}

export function closeMixedKeys({ d, pi, pr }: MixedKeys): void {
  for (const key of [d, pi, pr]) key.close()
}

/** SK_d, SK_pi and SK_pr as prf+(PPK, the same key without it). RFC 8784 §3 */
export function mixKeys(prf: PrfInfo, keys: MixedKeys, ppk: Secret): MixedKeys {
  const mix = (key: Secret): Secret =>
    new Secret(ppk.use((p) => key.use((k) => prfPlus(prf, p, k, prf.keyBytes))))
  return { d: mix(keys.d), pi: mix(keys.pi), pr: mix(keys.pr) }
}
