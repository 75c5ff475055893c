import { concat, equalConstantTime, toHex, utf8 } from '../bytes/octets.ts'
import type { Random } from '../bytes/random.ts'
import { type LegacyCrypto, sha1 } from './legacy.ts'

// MS-CHAP and MS-CHAPv2, RFC 2433 and RFC 2759, and the keys that follow from them, RFC 3079.
// Passwords come as the UTF-16LE octets of `utf16Password`; whoever made them wipes them.

const MAGIC_SERVER = utf8('Magic server to client signing constant')
const MAGIC_ITERATION = utf8('Pad to make it do more than one iteration')
const MAGIC_MASTER = utf8('This is the MPPE Master Key')
const MAGIC_SEND = utf8(
  'On the client side, this is the send key; on the server side, it is the receive key.',
)
const MAGIC_RECEIVE = utf8(
  'On the client side, this is the receive key; on the server side, it is the send key.',
)
const PAD_ZERO = new Uint8Array(40)
const PAD_F2 = new Uint8Array(40).fill(0xf2)

/** A password in UTF-8 as the octets that are hashed: little-endian UTF-16 without an end. RFC 2759 §8.3 */
export const utf16Password = (password: Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.from(Buffer.from(password).toString('utf8'), 'utf16le'))

/** What stands after the domain: `DOMAIN\user` → `user`; a realm behind an @ stays. RFC 2759 §4 */
export function withoutDomain(user: Uint8Array): Uint8Array {
  const at = user.indexOf(0x5c)
  return at < 0 ? user : user.subarray(at + 1)
}

/** RFC 2759 §8.3. → 16 octets */
export const ntPasswordHash = (legacy: LegacyCrypto, utf16: Uint8Array): Uint8Array => legacy.md4(utf16)

/** `ChallengeHash`: `user` without its domain. → 8 octets. RFC 2759 §8.2 */
export const challengeHash = (
  peerChallenge: Uint8Array,
  serverChallenge: Uint8Array,
  user: Uint8Array,
): Uint8Array => sha1(peerChallenge, serverChallenge, user).subarray(0, 8)

/** `ChallengeResponse`: three DES keys from the hash, padded with zeros to 21 octets. → 24 octets. RFC 2759 §8.5 */
export function challengeResponse(
  legacy: LegacyCrypto,
  challenge: Uint8Array,
  passwordHash: Uint8Array,
): Uint8Array {
  const padded = new Uint8Array(21)
  padded.set(passwordHash)
  const out = concat(
    ...[0, 7, 14].map((at) => legacy.desEncrypt(desKey(padded.subarray(at, at + 7)), challenge)),
  )
  padded.fill(0)
  return out
}

/** Seven octets of key spread over eight, seven bits and an odd parity bit in each. RFC 2759 §8.6 */
export function desKey(raw: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: 8 }, (_, i) => {
    const octet = (7 * i) >> 3
    const word = (raw[octet]! << 8) | (raw[octet + 1] ?? 0)
    const seven = (word >> (9 - ((7 * i) & 7))) & 0x7f
    const folded = seven ^ (seven >> 4)
    // One bit for each value of four bits: set where they hold an even number of ones.
    const parity = (0x9669 >> (folded & 0x0f)) & 1
    return (seven << 1) | parity
  })
}

/** `GenerateAuthenticatorResponse`: `S=` and 40 hex digits. RFC 2759 §8.7 */
export function authenticatorResponse(
  legacy: LegacyCrypto,
  passwordHash: Uint8Array,
  ntResponse: Uint8Array,
  challenge: Uint8Array,
): string {
  const hashHash = legacy.md4(passwordHash)
  const first = sha1(hashHash, ntResponse, MAGIC_SERVER)
  hashHash.fill(0)
  return `S=${toHex(sha1(first, challenge, MAGIC_ITERATION)).toUpperCase()}`
}

/** Whether the server knows the password. `answer`: the text of its Success. RFC 2759 §5, §8.8 */
export const isAuthenticatorResponse = (wanted: string, answer: string): boolean =>
  equalConstantTime(utf8(wanted), utf8(answer.slice(0, wanted.length).toUpperCase()))

/** `GetMasterKey`. → 16 octets. RFC 3079 §3.4 */
export function masterKey(
  legacy: LegacyCrypto,
  passwordHash: Uint8Array,
  ntResponse: Uint8Array,
): Uint8Array {
  const hashHash = legacy.md4(passwordHash)
  const key = sha1(hashHash, ntResponse, MAGIC_MASTER).subarray(0, 16)
  hashHash.fill(0)
  return key
}

/** `GetAsymmetricStartKey` with 128 bits: the key from client to server, and the one back. RFC 3079 §3.4 */
export function startKeys(master: Uint8Array): {
  readonly toServer: Uint8Array
  readonly toClient: Uint8Array
} {
  const key = (magic: Uint8Array): Uint8Array => sha1(master, PAD_ZERO, magic, PAD_F2).subarray(0, 16)
  return { toServer: key(MAGIC_SEND), toClient: key(MAGIC_RECEIVE) }
}

/** Both start keys, and zeros up to the 64 octets that IKEv2 takes. */
export function mschapv2Msk(
  legacy: LegacyCrypto,
  passwordHash: Uint8Array,
  ntResponse: Uint8Array,
): Uint8Array {
  const master = masterKey(legacy, passwordHash, ntResponse)
  const { toServer, toClient } = startKeys(master)
  const msk = concat(toServer, toClient, new Uint8Array(32))
  for (const part of [master, toServer, toClient]) part.fill(0)
  return msk
}

/** Octets of the encrypted block with a new password: 512 for the password, 4 for its length. */
export const PASSWORD_BLOCK_BYTES = 516
const PASSWORD_BYTES = 512

/** `NewPasswordEncryptedWithOldNtPasswordHash`; `undefined`: longer than 256 code units. RFC 2759 §8.9 */
export function encryptNewPassword(
  legacy: LegacyCrypto,
  random: Random,
  newUtf16: Uint8Array,
  oldHash: Uint8Array,
): Uint8Array | undefined {
  if (newUtf16.length > PASSWORD_BYTES) return undefined
  const block = new Uint8Array(PASSWORD_BLOCK_BYTES)
  block.set(random.bytes(PASSWORD_BYTES - newUtf16.length))
  block.set(newUtf16, PASSWORD_BYTES - newUtf16.length)
  new DataView(block.buffer).setUint32(PASSWORD_BYTES, newUtf16.length, true)
  const sealed = legacy.rc4(oldHash, block)
  block.fill(0)
  return sealed
}

/** The new password of such a block; `undefined` when its length cannot be. */
export function decryptNewPassword(
  legacy: LegacyCrypto,
  sealed: Uint8Array,
  oldHash: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length !== PASSWORD_BLOCK_BYTES) return undefined
  const block = legacy.rc4(oldHash, sealed)
  const length = new DataView(block.buffer, block.byteOffset).getUint32(PASSWORD_BYTES, true)
  const password =
    length > PASSWORD_BYTES || length % 2 !== 0
      ? undefined
      : block.slice(PASSWORD_BYTES - length, PASSWORD_BYTES)
  block.fill(0)
  return password
}

/** `OldNtPasswordHashEncryptedWithNewNtPasswordHash`. → 16 octets. RFC 2759 §8.12 */
export function encryptOldHash(legacy: LegacyCrypto, oldHash: Uint8Array, newHash: Uint8Array): Uint8Array {
  const half = (at: number, key: number): Uint8Array =>
    legacy.desEncrypt(desKey(newHash.subarray(key, key + 7)), oldHash.subarray(at, at + 8))
  return concat(half(0, 0), half(8, 7))
}
