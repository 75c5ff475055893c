import { concat, NO_OCTETS } from '../../bytes/octets.ts'
import type { Secret } from '../../bytes/secret.ts'
import type { CipherInfo } from '../../crypto/transforms.ts'
import type { HashInfo } from './hash-algorithms.ts'
import { messageIdBytes } from './hashes.ts'

/** The IV of the first encrypted message of phase 1: hash(g^xi ‖ g^xr), cut to a block. RFC 2409 Appendix B */
export const firstIv = (
  hash: HashInfo,
  initiatorKe: Uint8Array,
  responderKe: Uint8Array,
  blockBytes: number,
): Uint8Array => hash.compute(concat(initiatorKe, responderKe)).slice(0, blockBytes)

/** The IV of the first message of an exchange after phase 1: hash(last block of phase 1 ‖ M-ID). RFC 2409 Appendix B */
export const exchangeIv = (hash: HashInfo, phase1Iv: Uint8Array, messageId: number): Uint8Array =>
  hash.compute(concat(phase1Iv, messageIdBytes(messageId))).slice(0, phase1Iv.length)

/** The last block of a ciphertext, which is the next message's IV. RFC 2409 Appendix B */
export const lastBlock = (ciphertext: Uint8Array, blockBytes: number): Uint8Array =>
  ciphertext.slice(ciphertext.length - blockBytes)

/** → ciphertext; zeros fill the last block. RFC 2409 Appendix B */
export function encrypt(cipher: CipherInfo, key: Secret, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const short = plaintext.length % cipher.blockBytes
  const padding = short === 0 ? NO_OCTETS : new Uint8Array(cipher.blockBytes - short)
  return key.use((bytes) => cipher.make(bytes).encrypt(iv, concat(plaintext, padding)))
}

/** → plaintext with its padding, or `undefined` for what is no whole number of blocks. Nothing proves it right yet. */
export function decrypt(
  cipher: CipherInfo,
  key: Secret,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  if (ciphertext.length === 0 || ciphertext.length % cipher.blockBytes !== 0) return undefined
  return key.use((bytes) => cipher.make(bytes).decrypt(iv, ciphertext))
}
