import { type Decoded, Malformed } from '../../bytes/malformed.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import type { Payload } from './payload.ts'
import { decodeChain, encodeChain, numberOf } from './payload-chain.ts'

/** The IKE header, RFC 7296 §3.1. */
export interface Header {
  /** 8 octets. */
  readonly initiatorSpi: Uint8Array
  /** 8 octets, zero in the first request. */
  readonly responderSpi: Uint8Array
  readonly majorVersion: number
  readonly minorVersion: number
  readonly exchange: number
  /** I: sent by the original initiator of this IKE SA. */
  readonly initiator: boolean
  /** V: the sender could do a higher major version. */
  readonly higherVersion: boolean
  /** R: this answers the request with the same Message ID. */
  readonly response: boolean
  readonly messageId: number
  /** The other five flag bits, in place, when not zero. */
  readonly reserved?: number
}

export interface Message {
  readonly header: Header
  readonly payloads: readonly Payload[]
}

/** Octets of the IKE header. */
export const HEADER_BYTES = 28
const HEADER = 'RFC 7296 §3.1'
const FLAG_INITIATOR = 0x08
const FLAG_VERSION = 0x10
const FLAG_RESPONSE = 0x20
const FLAGS = FLAG_INITIATOR | FLAG_VERSION | FLAG_RESPONSE

/** The header alone, of any major version: enough to find the SA, or to say which version is spoken. */
export function decodeHeader(bytes: Uint8Array): Decoded<Header> {
  return attempt(() => readHeader(new Reader(bytes, ['Header'], HEADER)).header)
}

/**
 * A whole datagram (without non-ESP marker) of major version 2. The numbers of payloads mean other
 * things in other versions, so those are refused here. RFC 7296 §2.5, §3.1
 */
export function decodeMessage(bytes: Uint8Array): Decoded<Message> {
  return attempt(() => {
    const r = new Reader(bytes, ['Header'], HEADER)
    const { header, first, length } = readHeader(r)
    if (header.majorVersion !== 2) {
      r.fail('Major Version', `${header.majorVersion}, 2 wanted`, 'RFC 7296 §2.5', 17)
    }
    if (length !== bytes.length) {
      r.fail('Length', `says ${length} octets, the datagram has ${bytes.length}`, HEADER, 24)
    }
    const body = new Reader(r.rest(), [], 'RFC 7296 §3.2', HEADER_BYTES)
    return { header, payloads: decodeChain(body, first, 'message') }
  })
}

/**
 * What was inside an SK payload, decrypted and without padding. `first`: the Next Payload of SK.
 * `base`: offset for complaints, RFC 7296 §3.14
 */
export function decodePayloads(first: number, bytes: Uint8Array, base = 0): Decoded<readonly Payload[]> {
  return attempt(() => decodeChain(new Reader(bytes, ['SK'], 'RFC 7296 §3.2', base), first, 'inside SK'))
}

/** A whole message with its length filled in. RFC 7296 §3.1 */
export function encodeMessage(header: Header, payloads: readonly Payload[]): Uint8Array {
  if (header.initiatorSpi.length !== 8 || header.responderSpi.length !== 8) {
    throw new RangeError('an IKE SPI has 8 octets')
  }
  const w = new Writer()
  w.bytes(header.initiatorSpi)
  w.bytes(header.responderSpi)
  w.u8(numberOf(payloads[0]))
  w.u8((header.majorVersion << 4) | header.minorVersion)
  w.u8(header.exchange)
  w.u8(
    (header.initiator ? FLAG_INITIATOR : 0) |
      (header.higherVersion ? FLAG_VERSION : 0) |
      (header.response ? FLAG_RESPONSE : 0) |
      (header.reserved ?? 0),
  )
  w.u32(header.messageId)
  w.u32(0)
  encodeChain(w, payloads)
  w.setU32(24, w.length)
  return w.finish()
}

/** Payloads as they go into an SK payload, and the number of the first one (0 for none). */
export function encodePayloads(payloads: readonly Payload[]): { first: number; bytes: Uint8Array } {
  const w = new Writer()
  encodeChain(w, payloads)
  return { first: numberOf(payloads[0]), bytes: w.finish() }
}

function readHeader(r: Reader): { header: Header; first: number; length: number } {
  const initiatorSpi = r.bytes(8, "IKE SA Initiator's SPI")
  const responderSpi = r.bytes(8, "IKE SA Responder's SPI")
  const first = r.u8('Next Payload')
  const version = r.u8('Version')
  const exchange = r.u8('Exchange Type')
  const flags = r.u8('Flags')
  const messageId = r.u32('Message ID')
  const length = r.u32('Length')
  const reserved = flags & ~FLAGS
  const header: Header = {
    initiatorSpi,
    responderSpi,
    majorVersion: version >> 4,
    minorVersion: version & 0x0f,
    exchange,
    initiator: (flags & FLAG_INITIATOR) !== 0,
    higherVersion: (flags & FLAG_VERSION) !== 0,
    response: (flags & FLAG_RESPONSE) !== 0,
    messageId,
    ...(reserved !== 0 ? { reserved } : {}),
  }
  return { header, first, length }
}

/** The one place where a complaint becomes a value. Anything else thrown is a fault of ours. */
function attempt<T>(decode: () => T): Decoded<T> {
  try {
    return { ok: true, value: decode() }
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error }
    throw error
  }
}
