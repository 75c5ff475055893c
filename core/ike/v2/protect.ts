import { concat, equalConstantTime, NO_OCTETS } from '../../bytes/octets.ts'
import type { Random } from '../../bytes/random.ts'
import type { Secret } from '../../bytes/secret.ts'
import { Writer } from '../../bytes/writer.ts'
import type { Header } from '../../wire/ikev2/message.ts'
import type { SkPayload } from '../../wire/ikev2/payload.ts'
import type { IkeSuite } from './suite.ts'

const SK = 46
const SKF = 53
const HEADER_BYTES = 28
const PAYLOAD_HEADER_BYTES = 4
/** Fragment Number and Total Fragments. RFC 7383 §2.5 */
const FRAGMENT_BYTES = 4

/** Keys of one direction: SK_e and SK_a of whoever sends. */
export interface DirectionKeys {
  readonly encryption: Secret
  readonly integrity: Secret
}

/** What goes into an Encrypted payload, or a part of it into an Encrypted Fragment payload. */
export interface Content {
  /** Type of the first payload inside; 0 in all fragments but the first. RFC 7383 §2.5 */
  readonly first: number
  readonly bytes: Uint8Array
  readonly fragment?: { readonly number: number; readonly total: number }
}

/** Octets of the message that {@link seal} makes of an unfragmented content. */
export function sealedBytes(suite: IkeSuite, contentBytes: number): number {
  const { blockBytes, ivBytes } = suite.encryption
  const padded = Math.ceil((contentBytes + 1) / blockBytes) * blockBytes
  return HEADER_BYTES + PAYLOAD_HEADER_BYTES + ivBytes + padded + icvBytesOf(suite)
}

/** Octets of content for which a message with an Encrypted Fragment payload stays within `messageBytes`. RFC 7383 §2.5.1 */
export function fragmentRoom(suite: IkeSuite, messageBytes: number): number {
  const { blockBytes, ivBytes } = suite.encryption
  const fixed = HEADER_BYTES + PAYLOAD_HEADER_BYTES + FRAGMENT_BYTES + ivBytes + icvBytesOf(suite)
  const room = Math.floor((messageBytes - fixed) / blockBytes) * blockBytes - 1
  if (room < 1) throw new RangeError(`no fragment fits a message of ${messageBytes} octets`)
  return room
}

const icvBytesOf = ({ encryption, integrity }: IkeSuite): number =>
  encryption.aead ? encryption.icvBytes : integrity!.icvBytes

/**
 * A message with everything inside one Encrypted payload, or a fragment of one. RFC 7296 §3.14, RFC 5282 §3,
 * RFC 7383 §2.5. `counter` never repeats under these keys: it is the IV of counter modes.
 */
export function seal(
  suite: IkeSuite,
  keys: DirectionKeys,
  header: Header,
  { first, bytes: inner, fragment }: Content,
  counter: bigint,
  random: Random,
): Uint8Array {
  const { encryption, integrity } = suite
  const padding =
    (encryption.blockBytes - ((inner.length + 1) % encryption.blockBytes)) % encryption.blockBytes
  const plaintext = new Uint8Array(inner.length + padding + 1)
  plaintext.set(inner)
  plaintext[plaintext.length - 1] = padding
  const bodyBytes =
    (fragment === undefined ? 0 : FRAGMENT_BYTES) + encryption.ivBytes + plaintext.length + icvBytesOf(suite)

  const w = new Writer(HEADER_BYTES + PAYLOAD_HEADER_BYTES)
  w.bytes(header.initiatorSpi)
  w.bytes(header.responderSpi)
  w.u8(fragment === undefined ? SK : SKF)
  w.u8((header.majorVersion << 4) | header.minorVersion)
  w.u8(header.exchange)
  w.u8((header.initiator ? 0x08 : 0) | (header.higherVersion ? 0x10 : 0) | (header.response ? 0x20 : 0))
  w.u32(header.messageId)
  w.u32(HEADER_BYTES + PAYLOAD_HEADER_BYTES + bodyBytes)
  w.u8(first)
  w.u8(0)
  w.u16(PAYLOAD_HEADER_BYTES + bodyBytes)
  if (fragment !== undefined) {
    w.u16(fragment.number)
    w.u16(fragment.total)
  }
  const prefix = w.finish()

  // A block cipher in CBC mode needs an IV nobody can predict, a counter mode one that never repeats.
  const iv =
    encryption.blockBytes > 1 && !encryption.aead
      ? random.bytes(encryption.ivBytes)
      : counterIv(counter, encryption.ivBytes)
  return keys.encryption.use((key) => {
    if (encryption.aead) return concat(prefix, iv, encryption.make(key).seal(iv, prefix, plaintext))
    const unsigned = concat(prefix, iv, encryption.make(key).encrypt(iv, plaintext))
    return concat(
      unsigned,
      keys.integrity.use((k) => integrity!.compute(k, unsigned)),
    )
  })
}

/** The octets inside an Encrypted or Encrypted Fragment payload, or `undefined` when the integrity check fails. */
export function open(
  suite: IkeSuite,
  keys: DirectionKeys,
  message: Uint8Array,
  sk: Pick<SkPayload, 'body' | 'bodyOffset'>,
): Uint8Array | undefined {
  const { encryption, integrity } = suite
  const icvBytes = icvBytesOf(suite)
  const { body } = sk
  const cipherBytes = body.length - encryption.ivBytes - icvBytes
  if (cipherBytes < 1 || cipherBytes % encryption.blockBytes !== 0) return undefined
  const iv = body.subarray(0, encryption.ivBytes)
  const rest = body.subarray(encryption.ivBytes)
  const plaintext = keys.encryption.use((key) => {
    if (encryption.aead) return encryption.make(key).open(iv, message.subarray(0, sk.bodyOffset), rest)
    const signed = message.subarray(0, sk.bodyOffset + body.length - icvBytes)
    const icv = keys.integrity.use((k) => integrity!.compute(k, signed))
    if (!equalConstantTime(icv, body.subarray(body.length - icvBytes))) return undefined
    return encryption.make(key).decrypt(iv, rest.subarray(0, cipherBytes))
  })
  if (plaintext === undefined || plaintext.length === 0) return undefined
  const padding = plaintext[plaintext.length - 1]!
  if (padding + 1 > plaintext.length) return undefined
  return plaintext.subarray(0, plaintext.length - padding - 1)
}

function counterIv(counter: bigint, bytes: number): Uint8Array {
  if (bytes === 0) return NO_OCTETS
  const iv = new Uint8Array(bytes)
  new DataView(iv.buffer).setBigUint64(bytes - 8, counter)
  return iv
}
