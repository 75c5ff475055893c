import type { Decoded } from '../../bytes/malformed.ts'
import type { Payload } from './payload.ts'

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
}

export interface Message {
  readonly header: Header
  readonly payloads: readonly Payload[]
}

// to be written: decodeHeader, decodeMessage, decodePayloads, encodeMessage, encodePayloads
export type DecodeMessage = (bytes: Uint8Array) => Decoded<Message>
