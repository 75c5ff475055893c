import { createHash } from 'node:crypto'
import * as asn1 from 'asn1js'
import { decodeOcspResponse, type OcspResponse } from '../../core/cert/ocsp.ts'
import { signData } from '../../core/cert/private-key.ts'
import { encodeScheme, type SignatureScheme } from '../../core/cert/signature.ts'
import { bits, context, DAY, der, type Issued, NOW, octets, oid, sequence, usualScheme } from './pki.ts'

export interface Said {
  readonly status?: 'good' | 'revoked' | 'unknown'
  readonly thisUpdate?: number
  readonly nextUpdate?: number | undefined
  /** Who signs, where it is not the issuer; its certificate comes along. */
  readonly signer?: Issued
  /** Whose signature it says it is. */
  readonly named?: Issued
  readonly scheme?: SignatureScheme
  /** responseStatus, RFC 6960 §4.2.1. */
  readonly code?: number
}

/** What a responder of `issuer` says of `about`, in DER. */
export function makeOcsp(issuer: Issued, about: Issued, said: Said = {}): Uint8Array {
  const { status = 'good', thisUpdate = NOW - DAY, signer = issuer, code = 0 } = said
  if (code !== 0) return der(sequence(new asn1.Enumerated({ value: code })))
  const nextUpdate = 'nextUpdate' in said ? said.nextUpdate : NOW + DAY
  const scheme = said.scheme ?? usualScheme(signer.key.signing)
  const id = sequence(
    sequence(oid('1.3.14.3.2.26'), new asn1.Null()),
    octets(sha1(issuer.certificate.subject.der)),
    octets(sha1(keyBits(issuer))),
    new asn1.Integer({ valueHex: about.certificate.serial.slice().buffer as ArrayBuffer }),
  )
  const single = sequence(
    id,
    { good: implicit(0), revoked: context(1, time(NOW - 2 * DAY)), unknown: implicit(2) }[status],
    time(thisUpdate),
    ...(nextUpdate === undefined ? [] : [context(0, time(nextUpdate))]),
  )
  const responder = context(2, octets(sha1(keyBits(said.named ?? signer))))
  const tbs = der(sequence(responder, time(NOW - DAY), sequence(single)))
  const certificates = signer === issuer ? [] : [context(0, sequence(parsed(signer.der)))]
  const signature = bits(signData(signer.key.signing, scheme, tbs))
  const basic = sequence(parsed(tbs), parsed(encodeScheme(scheme)), signature, ...certificates)
  const bytes = sequence(oid('1.3.6.1.5.5.7.48.1.1'), octets(der(basic)))
  return der(sequence(new asn1.Enumerated({ value: 0 }), context(0, bytes)))
}

export function readOcsp(response: Uint8Array): OcspResponse {
  const read = decodeOcspResponse(response)
  if (!read.ok) throw read.error
  return read.value
}

const sha1 = (what: Uint8Array) => new Uint8Array(createHash('sha1').update(what).digest())
const keyBits = ({ key }: Issued): Uint8Array => {
  const [, value] = (parsed(key.spki) as asn1.Sequence).valueBlock.value
  return (value as asn1.BitString).valueBlock.valueHexView
}
const implicit = (tagNumber: number) => new asn1.Primitive({ idBlock: { tagClass: 3, tagNumber } })
const parsed = (bytes: Uint8Array): asn1.AsnType => asn1.fromBER(bytes, { parseEmbedded: false }).result
const time = (at: number) => new asn1.GeneralizedTime({ valueDate: new Date(Math.floor(at / 1000) * 1000) })
