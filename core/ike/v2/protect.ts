import { concat, equalConstantTime, NO_OCTETS } from '../../bytes/octets.ts'
import type { Random } from '../../bytes/random.ts'
import type { Secret } from '../../bytes/secret.ts'
import { Writer } from '../../bytes/writer.ts'
import type { Header } from '../../wire/ikev2/message.ts'
import type { SkPayload } from '../../wire/ikev2/payload.ts'
import type { IkeSuite } from './suite.ts'

const SK = 46
const HEADER_BYTES = 28
const PAYLOAD_HEADER_BYTES = 4

/** Keys of one direction: SK_e and SK_a of whoever sends. */
export interface DirectionKeys {
  readonly encryption: Secret
  readonly integrity: Secret
}

/**
 * A message with everything inside one Encrypted payload. RFC 7296 §3.14, RFC 5282 §3.
 * `first`, `inner`: the encoded payloads. `counter` never repeats under these keys: it is the IV of counter modes.
 */
export function seal(
  suite: IkeSuite,
  keys: DirectionKeys,
  header: Header,
  first: number,
  inner: Uint8Array,
  counter: bigint,
  random: Random,
): Uint8Array {
  const { encryption, integrity } = suite
  const padding =
    (encryption.blockBytes - ((inner.length + 1) % encryption.blockBytes)) % encryption.blockBytes
  const plaintext = new Uint8Array(inner.length + padding + 1)
  plaintext.set(inner)
  plaintext[plaintext.length - 1] = padding
  const icvBytes = encryption.aead ? encryption.icvBytes : integrity!.icvBytes
  const bodyBytes = encryption.ivBytes + plaintext.length + icvBytes

  const w = new Writer(HEADER_BYTES + PAYLOAD_HEADER_BYTES)
  w.bytes(header.initiatorSpi)
  w.bytes(header.responderSpi)
  w.u8(SK)
  w.u8((header.majorVersion << 4) | header.minorVersion)
  w.u8(header.exchange)
  w.u8((header.initiator ? 0x08 : 0) | (header.higherVersion ? 0x10 : 0) | (header.response ? 0x20 : 0))
  w.u32(header.messageId)
  w.u32(HEADER_BYTES + PAYLOAD_HEADER_BYTES + bodyBytes)
  w.u8(first)
  w.u8(0)
  w.u16(PAYLOAD_HEADER_BYTES + bodyBytes)
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

/** The octets inside an Encrypted payload, or `undefined` when the integrity check fails. */
export function open(
  suite: IkeSuite,
  keys: DirectionKeys,
  message: Uint8Array,
  sk: Pick<SkPayload, 'body' | 'bodyOffset'>,
): Uint8Array | undefined {
  const { encryption, integrity } = suite
  const icvBytes = encryption.aead ? encryption.icvBytes : integrity!.icvBytes
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
