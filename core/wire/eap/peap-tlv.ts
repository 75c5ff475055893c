import type { Decoded } from '../../bytes/malformed.ts'
import { Writer } from '../../bytes/writer.ts'
import { PeapTlv } from '../../iana/eap.ts'
import { decoding } from './decoding.ts'

/** One TLV of an EAP-TLV packet inside PEAP. draft-hiller-eap-tlv-01 §2, [MS-PEAP] §2.2.8 */
export interface Tlv {
  readonly mandatory: boolean
  readonly type: number
  readonly value: Uint8Array
}

/** Cryptobinding, [MS-PEAP] §2.2.8.1.1. */
export interface CryptoBinding {
  /** 0 a request, 1 a response. */
  readonly subtype: number
  /** 32 octets. */
  readonly nonce: Uint8Array
  /** 20 octets. */
  readonly mac: Uint8Array
}

const MANDATORY = 0x8000
const TYPE = 0x3fff
const BINDING_BYTES = 56
const REFERENCE = '[MS-PEAP] §2.2.8'
export const RESULT = { success: 1, failure: 2 } as const

/** What stands behind the type of an EAP-TLV packet. */
export const decodeTlvs = (data: Uint8Array): Decoded<readonly Tlv[]> =>
  decoding(data, 'PEAP', REFERENCE, (r) => {
    const tlvs: Tlv[] = []
    while (r.left > 0) {
      const head = r.u16('TLV Type')
      const length = r.u16('TLV Length')
      const value = r.bytes(length, 'TLV Value')
      tlvs.push({ mandatory: (head & MANDATORY) !== 0, type: head & TYPE, value })
    }
    return tlvs
  })

export function encodeTlvs(tlvs: readonly Tlv[]): Uint8Array {
  const w = new Writer()
  for (const { mandatory, type, value } of tlvs) {
    w.u16((mandatory ? MANDATORY : 0) | type)
    w.u16(value.length)
    w.bytes(value)
  }
  return w.finish()
}

/** The status of a Result TLV; `undefined` where there is none in it. */
export const resultOf = ({ value }: Tlv): number | undefined =>
  value.length === 2 ? (value[0]! << 8) | value[1]! : undefined

export const resultTlv = (status: number): Tlv => ({
  mandatory: true,
  type: PeapTlv.Result.id,
  value: Uint8Array.of(status >> 8, status & 0xff),
})

/** Of a mandatory TLV that we don't know. */
export const nakTlv = (type: number): Tlv => ({
  mandatory: true,
  type: PeapTlv.NAK.id,
  value: Uint8Array.of(0, 0, 0, 0, type >> 8, type & 0xff),
})

export const decodeCryptoBinding = (value: Uint8Array): Decoded<CryptoBinding> =>
  decoding(value, 'Cryptobinding TLV', REFERENCE, (r) => {
    if (r.left !== BINDING_BYTES) r.fail('Length', `${r.left} octets, ${BINDING_BYTES} wanted`)
    r.u8('Reserved')
    const at = r.offset
    const version = r.u8('Version')
    r.u8('RecvVersion')
    if (version !== 0) r.fail('Version', `${version}, 0 wanted`, REFERENCE, at)
    return { subtype: r.u8('SubType'), nonce: r.bytes(32, 'Nonce'), mac: r.bytes(20, 'Compound MAC') }
  })

export function cryptoBindingTlv({ subtype, nonce, mac }: CryptoBinding): Tlv {
  const w = new Writer()
  w.zeros(3)
  w.u8(subtype)
  w.bytes(nonce)
  w.bytes(mac)
  return { mandatory: false, type: PeapTlv.Cryptobinding.id, value: w.finish() }
}
