import { type Decoded, Malformed } from '../bytes/malformed.ts'
import { equal } from '../bytes/octets.ts'
import {
  boolean,
  CRL_LIMITS,
  type Der,
  fail,
  inside,
  integerOctets,
  isContext,
  oid,
  type Place,
  rawOf,
  readDer,
  sequence,
  smallInteger,
  timeOf,
  wholeBits,
} from './der.ts'
import { type DistinguishedName, decodeName } from './name.ts'
import { decodeScheme, type SignatureScheme } from './signature.ts'

/** A list of revoked certificates, read but not believed. RFC 5280 §5.1 */
export interface RevocationList {
  readonly tbs: Uint8Array
  readonly issuer: DistinguishedName
  /** Milliseconds of the wall clock. */
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
  /** By serial number as in the certificate, hex; the value is when. */
  readonly revoked: ReadonlyMap<string, number>
  readonly scheme: SignatureScheme | undefined
  readonly signature: Uint8Array
}

const PLACE: Place = { what: 'CertificateList', reference: 'RFC 5280 §5.1' }
const TIME_TAGS = [23, 24]
/** Those that change nothing of what the list means: authorityKeyIdentifier, cRLNumber; of an entry reasonCode, invalidityDate. */
const KNOWN = ['2.5.29.35', '2.5.29.20', '2.5.29.21', '2.5.29.24']

export const serialKey = (serial: Uint8Array): string => Buffer.from(serial).toString('hex')

/** A list in DER. One that is only a part of the truth (delta, indirect, by distribution point) is refused: it says so by a critical extension. */
export function decodeRevocationList(der: Uint8Array): Decoded<RevocationList> {
  try {
    return { ok: true, value: decode(der.slice()) }
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error }
    throw error
  }
}

function decode(der: Uint8Array): RevocationList {
  const [body, algorithm, signature] = sequence(readDer(der, PLACE, CRL_LIMITS), PLACE)
  const fields = [...sequence(body, PLACE)]
  if (fields[0]?.idBlock.tagNumber === 2 && smallInteger(fields.shift(), PLACE) !== 1) {
    fail(PLACE, 'an unknown version')
  }
  const [innerAlgorithm, issuer, thisUpdate, ...rest] = fields
  if (!equal(rawOf(innerAlgorithm, PLACE), rawOf(algorithm, PLACE))) {
    fail(PLACE, 'two different signature algorithms')
  }
  const isTime = (node: Der | undefined): boolean =>
    node?.idBlock.tagClass === 1 && TIME_TAGS.includes(node.idBlock.tagNumber)
  const nextUpdate = isTime(rest[0]) ? timeOf(rest.shift(), PLACE) : undefined
  const entries = rest[0] !== undefined && !isContext(rest[0], 0) ? sequence(rest.shift(), PLACE) : []
  if (rest[0] !== undefined) refuseUnknownCritical(inside(rest[0], PLACE)[0])
  return {
    tbs: rawOf(body, PLACE),
    issuer: decodeName(issuer, PLACE),
    thisUpdate: timeOf(thisUpdate, PLACE),
    nextUpdate,
    revoked: new Map(entries.map(decodeEntry)),
    scheme: decodeScheme(algorithm, PLACE),
    signature: wholeBits(signature, PLACE),
  }
}

function decodeEntry(node: Der): [string, number] {
  const [serial, at, extensions] = sequence(node, PLACE)
  if (extensions !== undefined) refuseUnknownCritical(extensions)
  return [serialKey(integerOctets(serial, PLACE)), timeOf(at, PLACE)]
}

function refuseUnknownCritical(extensions: Der | undefined): void {
  for (const extension of sequence(extensions, PLACE)) {
    const [type, critical, value] = sequence(extension, PLACE)
    const id = oid(type, PLACE)
    if (value !== undefined && boolean(critical, PLACE) && !KNOWN.includes(id)) {
      fail(PLACE, `the critical extension ${id} is not understood`)
    }
  }
}
