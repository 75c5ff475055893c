import { createDecipheriv, createHash } from 'node:crypto'
import { equal } from '../../bytes/octets.ts'
import { Secret } from '../../bytes/secret.ts'
import { Unreadable } from './keys.ts'

/** Octets before the ciphertext: 20 that the key is made of, 20 of a checksum. */
const HEADER = 40
const BLOCK = 8

/**
 * Undoes the disguise of `enc_GroupPwd`: 3DES under a key that stands in front of it, so it keeps nothing secret.
 * Throws `Unreadable` for what is damaged.
 */
export function revealCiscoPassword(hex: string): Secret {
  if (!/^(?:[0-9a-f]{2})+$/i.test(hex)) throw new Unreadable('an even number of hex digits is expected')
  const bytes = Buffer.from(hex, 'hex')
  if (bytes.length < HEADER + BLOCK || bytes.length % BLOCK !== 0) {
    throw new Unreadable('it has not the length of a disguised password')
  }
  const seed = bytes.subarray(0, 20)
  const sealed = bytes.subarray(HEADER)
  if (!equal(sha1(sealed), bytes.subarray(20, HEADER))) throw new Unreadable('its checksum is wrong')
  const key = Buffer.concat([sha1(plus(seed, 1)), sha1(plus(seed, 3)).subarray(0, 4)])
  const decipher = createDecipheriv('des-ede3-cbc', key, seed.subarray(0, BLOCK))
  decipher.setAutoPadding(false)
  const plain = Buffer.concat([decipher.update(sealed), decipher.final()])
  const padding = plain.at(-1) ?? 0
  if (padding < 1 || padding > BLOCK) throw new Unreadable('its padding is wrong')
  const secret = new Uint8Array(plain.subarray(0, plain.length - padding))
  plain.fill(0)
  return new Secret(secret)
}

const sha1 = (bytes: Uint8Array): Buffer => createHash('sha1').update(bytes).digest()

function plus(bytes: Uint8Array, amount: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[copy.length - 1] = ((copy.at(-1) ?? 0) + amount) & 0xff
  return copy
}
