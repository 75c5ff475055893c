import type { Decoded } from '../../bytes/malformed.ts'
import { concat, fromHex, utf8 } from '../../bytes/octets.ts'
import type { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { MsChapOpCode } from '../../iana/eap.ts'
import { decoding } from './decoding.ts'

// EAP-MSCHAPv2, draft-kamath-pppext-eap-mschapv2-00: what follows the type.

/** `message` is the text of the server as it came, e.g. `S=40… M=OK`. */
export type MsChapRequest =
  | {
      readonly op: 'challenge'
      readonly id: number
      /** 16 octets. */
      readonly challenge: Uint8Array
      readonly name: Uint8Array
    }
  | { readonly op: 'success' | 'failure'; readonly id: number; readonly message: Uint8Array }

export type MsChapResponse =
  | {
      readonly op: 'response'
      readonly id: number
      /** 16 octets. */
      readonly peerChallenge: Uint8Array
      /** 24 octets. */
      readonly ntResponse: Uint8Array
      readonly name: Uint8Array
    }
  | {
      readonly op: 'changePassword'
      readonly id: number
      /** 516 octets. */
      readonly password: Uint8Array
      /** 16 octets. */
      readonly oldHash: Uint8Array
      readonly peerChallenge: Uint8Array
      readonly ntResponse: Uint8Array
    }
  /** One octet: the verdict was heard. */
  | { readonly op: 'success' | 'failure' }

const DRAFT = 'draft-kamath-pppext-eap-mschapv2-00'
const CHALLENGE_BYTES = 16
const RESPONSE_BYTES = 49
/** `S=` and 40 digits, `E=` and a digit: less says nothing. */
const LEAST_TEXT = { success: 42, failure: 3 } as const

export const decodeMsChapRequest = (data: Uint8Array): Decoded<MsChapRequest> =>
  decoding(data, 'EAP-MSCHAPv2', `${DRAFT} §2`, (r) => {
    const op = r.u8('OpCode')
    const id = readId(r)
    switch (op) {
      case MsChapOpCode.Challenge.id: {
        readSize(r, CHALLENGE_BYTES)
        const challenge = r.bytes(CHALLENGE_BYTES, 'Challenge')
        if (r.left === 0) r.fail('Name', 'it is missing')
        return { op: 'challenge', id, challenge, name: r.rest() }
      }
      case MsChapOpCode.Success.id:
      case MsChapOpCode.Failure.id: {
        const verdict = op === MsChapOpCode.Success.id ? 'success' : 'failure'
        if (r.left < LEAST_TEXT[verdict])
          r.fail('Message', `${r.left} octets left, ${LEAST_TEXT[verdict]} wanted`)
        return { op: verdict, id, message: r.rest() }
      }
      default:
        return r.fail('OpCode', `${op} is not one of a server`, undefined, 0)
    }
  })

export const decodeMsChapResponse = (data: Uint8Array): Decoded<MsChapResponse> =>
  decoding(data, 'EAP-MSCHAPv2', `${DRAFT} §2`, (r) => {
    const op = r.u8('OpCode')
    if (op === MsChapOpCode.Success.id || op === MsChapOpCode.Failure.id)
      return { op: op === MsChapOpCode.Success.id ? 'success' : 'failure' }
    const id = readId(r)
    switch (op) {
      case MsChapOpCode.Response.id: {
        readSize(r, RESPONSE_BYTES)
        const proof = readProof(r)
        r.u8('Flags')
        return { op: 'response', id, ...proof, name: r.rest() }
      }
      case MsChapOpCode['Change-Password'].id: {
        const password = r.bytes(516, 'Encrypted-Password')
        const oldHash = r.bytes(16, 'Encrypted-Hash')
        const change = { op: 'changePassword' as const, id, password, oldHash, ...readProof(r) }
        r.bytes(2, 'Flags')
        r.end()
        return change
      }
      default:
        return r.fail('OpCode', `${op} is not one of a peer`, undefined, 0)
    }
  })

function readId(r: Reader): number {
  const all = r.left + 1
  const id = r.u8('MS-CHAPv2-ID')
  const length = r.u16('MS-Length')
  if (length !== all) r.fail('MS-Length', `says ${length} octets, ${all} present`, undefined, 2)
  return id
}

function readSize(r: Reader, wanted: number): void {
  const at = r.offset
  const size = r.u8('Value-Size')
  if (size !== wanted) r.fail('Value-Size', `${size} octets, ${wanted} wanted`, undefined, at)
}

function readProof(r: Reader): { readonly peerChallenge: Uint8Array; readonly ntResponse: Uint8Array } {
  const peerChallenge = r.bytes(CHALLENGE_BYTES, 'Peer-Challenge')
  r.bytes(8, 'Reserved')
  return { peerChallenge, ntResponse: r.bytes(24, 'NT-Response') }
}

export function encodeMsChap(packet: MsChapRequest | MsChapResponse): Uint8Array {
  const w = new Writer()
  if (!('id' in packet)) {
    w.u8(packet.op === 'success' ? MsChapOpCode.Success.id : MsChapOpCode.Failure.id)
    return w.finish()
  }
  w.u8(OP_CODES[packet.op])
  w.u8(packet.id)
  w.u16(0)
  switch (packet.op) {
    case 'challenge':
      w.u8(CHALLENGE_BYTES)
      w.bytes(packet.challenge)
      w.bytes(packet.name)
      break
    case 'response':
      w.u8(RESPONSE_BYTES)
      writeProof(w, packet)
      w.u8(0)
      w.bytes(packet.name)
      break
    case 'changePassword':
      w.bytes(packet.password)
      w.bytes(packet.oldHash)
      writeProof(w, packet)
      w.u16(0)
      break
    default:
      w.bytes(packet.message)
  }
  w.setU16(2, w.length)
  return w.finish()
}

const OP_CODES = {
  challenge: MsChapOpCode.Challenge.id,
  response: MsChapOpCode.Response.id,
  success: MsChapOpCode.Success.id,
  failure: MsChapOpCode.Failure.id,
  changePassword: MsChapOpCode['Change-Password'].id,
} as const

function writeProof(
  w: Writer,
  proof: { readonly peerChallenge: Uint8Array; readonly ntResponse: Uint8Array },
): void {
  w.bytes(proof.peerChallenge)
  w.zeros(8)
  w.bytes(proof.ntResponse)
}

/** `E=691 R=1 C=… V=3 M=…`: what a Failure says, in whatever order. RFC 2759 §6 */
export interface MsChapFailure {
  /** One of `MsChapError`, 0 where it is missing. */
  readonly error: number
  readonly retry: boolean
  /** 16 octets, for the next try. */
  readonly challenge?: Uint8Array
  readonly version: number
  readonly text: Uint8Array
}

export function decodeMsChapFailure(message: Uint8Array): MsChapFailure {
  // latin1 keeps every octet; the text behind M= is taken out as it came.
  const whole = Buffer.from(message).toString('latin1')
  const at = whole.search(/(?:^|\s)M=/)
  const head = at < 0 ? whole : whole.slice(0, at)
  const text = at < 0 ? new Uint8Array(0) : message.subarray(whole.indexOf('M=', at) + 2)
  const field = (name: string, form: string): string | undefined =>
    new RegExp(`(?:^|\\s)${name}=(${form})(?=\\s|$)`).exec(head)?.[1]
  const challenge = field('C', '[0-9A-Fa-f]{32}')
  return {
    error: Number(field('E', '\\d{1,10}') ?? 0),
    retry: field('R', '[01]') === '1',
    version: Number(field('V', '\\d{1,10}') ?? 0),
    text,
    ...(challenge === undefined ? {} : { challenge: fromHex(challenge) }),
  }
}

export const encodeMsChapFailure = (failure: MsChapFailure): Uint8Array =>
  concat(
    utf8(`E=${failure.error} R=${failure.retry ? 1 : 0}`),
    utf8(
      failure.challenge === undefined
        ? ''
        : ` C=${Buffer.from(failure.challenge).toString('hex').toUpperCase()}`,
    ),
    utf8(` V=${failure.version} M=`),
    failure.text,
  )
