import { createCipheriv, createHmac } from 'node:crypto'
import { concat } from '../bytes/octets.ts'

const BLOCK = 16
const ZERO = new Uint8Array(BLOCK)

/** HMAC, RFC 2104, of a hash both runtimes have. */
export const hmac = (hash: string, key: Uint8Array, data: Uint8Array): Uint8Array =>
  new Uint8Array(createHmac(hash, key).update(data).digest())

/** AES-XCBC-MAC, RFC 3566 §4. `key`: 16 octets. → 16 octets. */
export function aesXcbc(key: Uint8Array, data: Uint8Array): Uint8Array {
  const subkey = (filler: number): Uint8Array => encryptBlock(key, new Uint8Array(BLOCK).fill(filler))
  return maskedCbcMac(subkey(1), subkey(2), subkey(3), data)
}

/** AES-CMAC, RFC 4493 §2.4. `key`: 16, 24 or 32 octets. → 16 octets. */
export function aesCmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  const whole = doubled(encryptBlock(key, ZERO))
  return maskedCbcMac(key, whole, doubled(whole), data)
}

/**
 * What XCBC and CMAC share: a CBC-MAC whose last block is masked, with `whole` when it is a full block and with
 * `partial` when it had to be padded.
 */
function maskedCbcMac(key: Uint8Array, whole: Uint8Array, partial: Uint8Array, data: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(data.length / BLOCK))
  const padded = new Uint8Array(blocks * BLOCK)
  padded.set(data)
  const isWhole = data.length === padded.length
  if (!isWhole) padded[data.length] = 0x80
  const mask = isWhole ? whole : partial
  const last = padded.length - BLOCK
  for (let i = 0; i < BLOCK; i++) padded[last + i]! ^= mask[i]!
  const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, ZERO)
  return new Uint8Array(cipher.update(padded).subarray(last))
}

function encryptBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
  const cipher = createCipheriv(`aes-${key.length * 8}-cbc`, key, ZERO)
  return new Uint8Array(cipher.update(block))
}

/** Times x in GF(2¹²⁸), RFC 4493 §2.3. No branch on the octets: they are a key. */
function doubled(block: Uint8Array): Uint8Array {
  const result = new Uint8Array(BLOCK)
  for (let i = 0; i < BLOCK; i++) result[i] = (block[i]! << 1) | ((block[i + 1] ?? 0) >> 7)
  result[BLOCK - 1]! ^= 0x87 & -(block[0]! >> 7)
  return result
}

/** AES-XCBC-PRF-128, RFC 4434 §2: short keys are padded with zeros, long ones hashed. */
export function xcbcPrf(key: Uint8Array, data: Uint8Array): Uint8Array {
  if (key.length > BLOCK) return aesXcbc(aesXcbc(ZERO, key), data)
  return aesXcbc(concat(key, new Uint8Array(BLOCK - key.length)), data)
}

/** AES-CMAC-PRF-128, RFC 4615 §3: keys of any other length are hashed. */
export function cmacPrf(key: Uint8Array, data: Uint8Array): Uint8Array {
  return aesCmac(key.length === BLOCK ? key : aesCmac(ZERO, key), data)
}
