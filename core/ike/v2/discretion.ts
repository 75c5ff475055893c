import { EapType } from '../../iana/eap.ts'
import { decodeEapPacket, encodeEapPacket } from '../../wire/eap/packet.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'

/** What is typed travels readable inside EAP. RFC 3748 §5.5, §5.6 */
const READABLE: readonly number[] = [EapType.GTC.id, EapType.OTP.id]

const STAR = 0x2a

/**
 * The same message as it may be shown, logged and captured: with stars for a password or a code. The very same array
 * where there is nothing to hide.
 */
export function withoutSecrets(payloads: readonly Payload[]): readonly Payload[] {
  if (!payloads.some((payload) => hides(payload))) return payloads
  return payloads.map((payload) =>
    payload.type === 'EAP' ? { ...payload, packet: starred(payload.packet) } : payload,
  )
}

const answerIn = (bytes: Uint8Array) => {
  const read = decodeEapPacket(bytes)
  if (!read.ok || read.value.code !== 'response') return undefined
  const { vendor, type } = read.value.method
  return vendor === 0 && READABLE.includes(type) ? read.value : undefined
}

const hides = (payload: Payload): boolean => payload.type === 'EAP' && answerIn(payload.packet) !== undefined

/** As long as it was, so that it takes as many fragments. */
function starred(packet: Uint8Array): Uint8Array {
  const answer = answerIn(packet)
  if (answer === undefined) return packet
  return encodeEapPacket({ ...answer, data: new Uint8Array(answer.data.length).fill(STAR) })
}
