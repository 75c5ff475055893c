import { concat, NO_OCTETS, utf8 } from '../../core/bytes/octets.ts'
import { Secret } from '../../core/bytes/secret.ts'
import { milenage, xor } from '../../core/crypto/milenage.ts'
import {
  akaMasterKey,
  akaPrimeKeys,
  boundKeys,
  keysOfMasterKey,
  type SimKeys,
  simCipher,
  simMac,
} from '../../core/crypto/sim-keys.ts'
import { type EapRequest, encodeEapPacket } from '../../core/wire/eap/packet.ts'
import {
  encodeSimAttributes,
  encodeSimMessage,
  type NewAttribute,
  reserved,
} from '../../core/wire/eap/sim.ts'
import { eapTools } from './eap-pair.ts'

/** Set 19 of 3GPP TS 35.208: the numbers of RFC 9048 App. D. */
export const CARD = {
  k: new Uint8Array(Buffer.from('5122250214c33e723a5dd523fc145fc0', 'hex')),
  opc: new Uint8Array(Buffer.from('981d464c7c52eb6e5036234984ad0bcf', 'hex')),
}
export const RAND = new Uint8Array(Buffer.from('81e92b6c0ee0e12ebceba8d92a99dfa5', 'hex'))

/** What a network sends for a sequence number, and the keys of both ends. */
export function umtsVector(sqn: Uint8Array, amf = Uint8Array.of(0x80, 0)) {
  const functions = milenage(CARD.k, CARD.opc)
  const { ak, ck, ik, res } = functions.f2345(RAND)
  const { macA } = functions.f1(RAND, sqn, amf)
  return { autn: concat(xor(sqn, ak), amf, macA), ck, ik, res }
}

export const akaKeys = (identity: string, sqn: Uint8Array): SimKeys => {
  const { ck, ik } = umtsVector(sqn)
  return keysOfMasterKey(eapTools().legacy, akaMasterKey(utf8(identity), ik, ck))
}

export const akaPrimeKeysOf = (identity: string, network: string, sqn: Uint8Array): SimKeys => {
  const { ck, ik, autn } = umtsVector(sqn)
  const bound = boundKeys(ck, ik, utf8(network), autn.subarray(0, 6))
  return akaPrimeKeys(utf8(identity), bound.ik, bound.ck)
}

export interface SimRequest {
  readonly type: 18 | 23 | 50
  readonly identifier: number
  readonly subtype: number
  readonly attributes: readonly NewAttribute[]
  /** With a MAC by this key, over the packet and `extra`. */
  readonly aut?: Secret
  readonly extra?: Uint8Array
}

/** A request of the network. */
export function simRequest({ type, identifier, subtype, attributes, aut, extra }: SimRequest): Uint8Array {
  const mac = aut === undefined ? [] : [reserved('AT_MAC', new Uint8Array(16))]
  const data = encodeSimMessage(subtype, [...attributes, ...mac])
  const request: EapRequest = {
    code: 'request',
    identifier,
    method: { vendor: 0, type },
    expanded: false,
    data,
  }
  if (aut !== undefined) {
    const packet = encodeEapPacket(request)
    data.set(simMac(type === 50, aut, packet, extra ?? NO_OCTETS), data.length - 16)
  }
  return encodeEapPacket(request)
}

/** AT_IV and AT_ENCR_DATA around these. */
export function sealedBy(encr: Secret, attributes: readonly NewAttribute[]): readonly NewAttribute[] {
  const plain = encodeSimAttributes(attributes)
  const missing = (16 - (plain.length % 16)) % 16
  const padding =
    missing === 0
      ? NO_OCTETS
      : encodeSimAttributes([{ name: 'AT_PADDING', value: new Uint8Array(missing - 2) }])
  const iv = new Uint8Array(16).fill(7)
  return [reserved('AT_IV', iv), reserved('AT_ENCR_DATA', simCipher(true, encr, iv, concat(plain, padding)))]
}

export const secretOf = (octets: Uint8Array): Secret => new Secret(octets.slice())
