import { type Decoded, Malformed } from '../../bytes/malformed.ts'
import { NO_OCTETS } from '../../bytes/octets.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { PayloadNumber } from '../../iana/ikev1.ts'
import { LIMITS } from './limits.ts'
import type { Payload } from './payload.ts'
import { type Chain, decodeChain, encodeChain, numberOf, writeBody } from './payload-chain.ts'

/** The ISAKMP header, RFC 2408 §3.1. */
export interface Header {
  /** CKY-I, 8 octets. */
  readonly initiatorCookie: Uint8Array
  /** CKY-R, 8 octets, zero in the first message. */
  readonly responderCookie: Uint8Array
  readonly majorVersion: number
  readonly minorVersion: number
  readonly exchange: number
  /** E: what follows the header is encrypted. */
  readonly encrypted: boolean
  /** C: the sender will say when its SA is ready. */
  readonly commit: boolean
  /** A: integrity without encryption, in an Informational. */
  readonly authenticationOnly: boolean
  /** 0 in phase 1. */
  readonly messageId: number
  /** The other five flag bits, in place, when not zero. */
  readonly reserved?: number
}

export type Message =
  | ({ readonly sealed: false; readonly header: Header } & Chain)
  /** Its payloads are encrypted. `first`: the number of the first one. */
  | {
      readonly sealed: true
      readonly header: Header
      readonly first: number
      readonly ciphertext: Uint8Array
    }

/** Octets of the ISAKMP header. */
export const HEADER_BYTES = 28
const HEADER = 'RFC 2408 §3.1'
const FLAG_ENCRYPTED = 0x01
const FLAG_COMMIT = 0x02
const FLAG_AUTHENTICATION_ONLY = 0x04
const FLAGS = FLAG_ENCRYPTED | FLAG_COMMIT | FLAG_AUTHENTICATION_ONLY

/**
 * A whole datagram (without non-ESP marker) of major version 1: its payloads, or its ciphertext when it is
 * encrypted. A fragment is read whatever its flags say, for not all who cut messages clear E. RFC 2408 §3.1
 */
export function decodeMessage(bytes: Uint8Array): Decoded<Message> {
  return attempt(() => {
    const r = new Reader(bytes, ['Header'], HEADER)
    const { header, first, length } = readHeader(r)
    if (header.majorVersion !== 1)
      r.fail('Major Version', `${header.majorVersion}, 1 wanted`, 'RFC 2408 §5.2', 17)
    if (length !== bytes.length)
      r.fail('Length', `says ${length} octets, the datagram has ${bytes.length}`, HEADER, 24)
    if (header.encrypted && first !== PayloadNumber.FRAGMENT.id)
      return { sealed: true, header, first, ciphertext: r.rest() }
    const body = new Reader(r.rest(), [], 'RFC 2408 §3.2', HEADER_BYTES)
    const chain = decodeChain(body, first)
    if (chain.padding.length > LIMITS.clearPadding || chain.padding.some((octet) => octet !== 0))
      new Reader(chain.padding, [], 'RFC 2408 §3.2', bytes.length - chain.padding.length).end()
    return { sealed: false, header, ...chain }
  })
}

/** What was encrypted, decrypted. Whatever follows the last payload is padding. RFC 2409 Appendix B */
export function decodePayloads(first: number, plaintext: Uint8Array): Decoded<Chain> {
  return attempt(() => decodeChain(new Reader(plaintext, [], 'RFC 2408 §3.2', HEADER_BYTES), first))
}

/** A whole message in the clear. `padding` goes behind the payloads. RFC 2408 §3.1 */
export function encodeMessage(
  header: Header,
  payloads: readonly Payload[],
  padding: Uint8Array = NO_OCTETS,
): Uint8Array {
  const w = new Writer()
  writeHeader(w, header, numberOf(payloads[0]))
  encodeChain(w, payloads)
  w.bytes(padding)
  w.setU32(24, w.length)
  return w.finish()
}

/** A whole message whose payloads are encrypted. */
export function encodeSealed(header: Header, first: number, ciphertext: Uint8Array): Uint8Array {
  const w = new Writer()
  writeHeader(w, header, first)
  w.bytes(ciphertext)
  w.setU32(24, w.length)
  return w.finish()
}

/** Payloads as they are encrypted and hashed, and the number of the first one (0 for none). */
export function encodePayloads(payloads: readonly Payload[]): { first: number; bytes: Uint8Array } {
  const w = new Writer()
  encodeChain(w, payloads)
  return { first: numberOf(payloads[0]), bytes: w.finish() }
}

/** A payload without its generic header: what the standard writes `SAi_b`. RFC 2409 §3.2 */
export function encodeBody(payload: Payload): Uint8Array {
  const w = new Writer()
  writeBody(w, payload)
  return w.finish()
}

function readHeader(r: Reader): { header: Header; first: number; length: number } {
  const initiatorCookie = r.bytes(8, 'Initiator Cookie')
  const responderCookie = r.bytes(8, 'Responder Cookie')
  const first = r.u8('Next Payload')
  const version = r.u8('Version')
  const exchange = r.u8('Exchange Type')
  const flags = r.u8('Flags')
  const messageId = r.u32('Message ID')
  const length = r.u32('Length')
  const reserved = flags & ~FLAGS
  const header: Header = {
    initiatorCookie,
    responderCookie,
    majorVersion: version >> 4,
    minorVersion: version & 0x0f,
    exchange,
    encrypted: (flags & FLAG_ENCRYPTED) !== 0,
    commit: (flags & FLAG_COMMIT) !== 0,
    authenticationOnly: (flags & FLAG_AUTHENTICATION_ONLY) !== 0,
    messageId,
    ...(reserved === 0 ? {} : { reserved }),
  }
  return { header, first, length }
}

function writeHeader(w: Writer, header: Header, first: number): void {
  if (header.initiatorCookie.length !== 8 || header.responderCookie.length !== 8)
    throw new RangeError('a cookie has 8 octets')
  w.bytes(header.initiatorCookie)
  w.bytes(header.responderCookie)
  w.u8(first)
  w.u8((header.majorVersion << 4) | header.minorVersion)
  w.u8(header.exchange)
  w.u8(
    (header.encrypted ? FLAG_ENCRYPTED : 0) |
      (header.commit ? FLAG_COMMIT : 0) |
      (header.authenticationOnly ? FLAG_AUTHENTICATION_ONLY : 0) |
      (header.reserved ?? 0),
  )
  w.u32(header.messageId)
  w.u32(0)
}

function attempt<T>(read: () => T): Decoded<T> {
  try {
    return { ok: true, value: read() }
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error }
    throw error
  }
}
