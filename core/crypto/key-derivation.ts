import { concat } from '../bytes/octets.ts'
import { Secret } from '../bytes/secret.ts'
import type { EncryptionInfo, IntegrityInfo, PrfInfo } from './transforms.ts'

/** What protects an IKE SA or a child SA. `integrity` is absent with an AEAD. */
export interface KeyedSuite {
  readonly encryption: EncryptionInfo
  /** Bits of the key proper, without salt. */
  readonly keyBits: number
  readonly integrity?: IntegrityInfo | undefined
}

/** The seven keys of an IKE SA. RFC 7296 §2.14 */
export interface IkeKeys {
  readonly skD: Secret
  /** Empty with an AEAD. */
  readonly skAi: Secret
  readonly skAr: Secret
  /** key ‖ salt */
  readonly skEi: Secret
  readonly skEr: Secret
  readonly skPi: Secret
  readonly skPr: Secret
  /** Wipes all of them. */
  close(): void
}

/** Keys of one direction of a child SA. */
export interface DirectionKeys {
  /** key ‖ salt */
  readonly encryption: Secret
  /** Empty with an AEAD. */
  readonly integrity: Secret
}

/** Keys of a child SA, by who sends. RFC 7296 §2.17 */
export interface ChildKeys {
  readonly initiator: DirectionKeys
  readonly responder: DirectionKeys
  close(): void
}

/** prf+ of RFC 7296 §2.13: `bytes` octets out of at most 255 blocks. */
export function prfPlus(prf: PrfInfo, key: Uint8Array, seed: Uint8Array, bytes: number): Uint8Array {
  const blocks = Math.ceil(bytes / prf.outputBytes)
  if (blocks > 255) throw new RangeError(`prf+ gives at most 255 blocks, not ${blocks}`)
  const stream = new Uint8Array(blocks * prf.outputBytes)
  let block: Uint8Array = new Uint8Array(0)
  for (let n = 1; n <= blocks; n++) {
    const next = prf.compute(key, concat(block, seed, Uint8Array.of(n)))
    block.fill(0)
    block = next
    stream.set(block, (n - 1) * prf.outputBytes)
  }
  block.fill(0)
  const wanted = stream.slice(0, bytes)
  stream.fill(0)
  return wanted
}

/** SKEYSEED of a first exchange: prf(Ni ‖ Nr, g^ir). RFC 7296 §2.14 */
export function deriveSkeyseed(prf: PrfInfo, ni: Uint8Array, nr: Uint8Array, shared: Secret): Secret {
  // A PRF with a fixed key takes its first half from each nonce.
  const half = prf.keyBytes / 2
  const key = prf.fixedKey ? concat(ni.subarray(0, half), nr.subarray(0, half)) : concat(ni, nr)
  return new Secret(shared.use((octets) => prf.compute(key, octets)))
}

/** SKEYSEED of a rekeyed IKE SA: prf(SK_d, g^ir ‖ Ni ‖ Nr), with PRF and SK_d of the old one. RFC 7296 §2.18 */
export function deriveRekeySkeyseed(
  oldPrf: PrfInfo,
  oldSkD: Secret,
  shared: Secret,
  ni: Uint8Array,
  nr: Uint8Array,
): Secret {
  return oldSkD.use((key) =>
    shared.use((octets) => {
      const seed = concat(octets, ni, nr)
      const skeyseed = new Secret(oldPrf.compute(key, seed))
      seed.fill(0)
      return skeyseed
    }),
  )
}

/** SK_d, SK_ai, SK_ar, SK_ei, SK_er, SK_pi, SK_pr. `spiI`, `spiR`: of the SA being keyed. RFC 7296 §2.14 */
export function deriveIkeKeys(
  prf: PrfInfo,
  suite: KeyedSuite,
  skeyseed: Secret,
  ni: Uint8Array,
  nr: Uint8Array,
  spiI: Uint8Array,
  spiR: Uint8Array,
): IkeKeys {
  const { integrityBytes, encryptionBytes } = lengthsOf(suite)
  const lengths = [
    prf.keyBytes,
    integrityBytes,
    integrityBytes,
    encryptionBytes,
    encryptionBytes,
    prf.keyBytes,
    prf.keyBytes,
  ]
  const stream = skeyseed.use((key) => prfPlus(prf, key, concat(ni, nr, spiI, spiR), sum(lengths)))
  const [skD, skAi, skAr, skEi, skEr, skPi, skPr] = cut(stream, lengths) as [
    Secret,
    Secret,
    Secret,
    Secret,
    Secret,
    Secret,
    Secret,
  ]
  const all = [skD, skAi, skAr, skEi, skEr, skPi, skPr]
  return { skD, skAi, skAr, skEi, skEr, skPi, skPr, close: () => all.forEach((key) => void key.close()) }
}

/** KEYMAT = prf+(SK_d, [g^ir ‖] Ni ‖ Nr), cut in the order of RFC 7296 §2.17. `shared`: of a PFS exchange. */
export function deriveChildKeymat(
  prf: PrfInfo,
  skD: Secret,
  suite: KeyedSuite,
  ni: Uint8Array,
  nr: Uint8Array,
  shared?: Secret,
): ChildKeys {
  const { integrityBytes, encryptionBytes } = lengthsOf(suite)
  const lengths = [encryptionBytes, integrityBytes, encryptionBytes, integrityBytes]
  const seed = shared ? shared.use((octets) => concat(octets, ni, nr)) : concat(ni, nr)
  const stream = skD.use((key) => prfPlus(prf, key, seed, sum(lengths)))
  seed.fill(0)
  const keys = cut(stream, lengths) as [Secret, Secret, Secret, Secret]
  return {
    initiator: { encryption: keys[0], integrity: keys[1] },
    responder: { encryption: keys[2], integrity: keys[3] },
    close: () => keys.forEach((key) => void key.close()),
  }
}

const lengthsOf = ({ encryption, keyBits, integrity }: KeyedSuite) => ({
  encryptionBytes: keyBits / 8 + encryption.saltBytes,
  integrityBytes: encryption.aead ? 0 : (integrity?.keyBytes ?? 0),
})

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)

/** Consecutive pieces as secrets; the stream itself is wiped. */
function cut(stream: Uint8Array, lengths: readonly number[]): Secret[] {
  let at = 0
  const pieces = lengths.map((length) => {
    const piece = new Secret(stream.slice(at, at + length))
    at += length
    return piece
  })
  stream.fill(0)
  return pieces
}
