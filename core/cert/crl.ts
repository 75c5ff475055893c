import { type Decoded, Malformed } from '../bytes/malformed.ts'
import { equal } from '../bytes/octets.ts'
import type { Certificate } from './certificate.ts'
import {
  boolean,
  CRL_LIMITS,
  contentOf,
  type Der,
  fail,
  inside,
  integerOctets,
  isContext,
  octetString,
  oid,
  type Place,
  rawOf,
  readDer,
  sequence,
  smallInteger,
  timeOf,
  wholeBits,
} from './der.ts'
import { pointNames } from './extensions.ts'
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
  /** Absent: it speaks of all certificates of its issuer. RFC 5280 §5.2.5 */
  readonly scope?: ListScope
}

/** The certificates a list is for: those that name one of these places, where there are any, and of one kind. */
export interface ListScope {
  readonly places: readonly string[]
  readonly only: 'authorities' | 'others' | undefined
}

export const isAuthority = ({ extensions }: Pick<Certificate, 'extensions'>): boolean =>
  extensions.basicConstraints?.ca === true

const PLACE: Place = { what: 'CertificateList', reference: 'RFC 5280 §5.1' }
const TIME_TAGS = [23, 24]
/** Those that change nothing of what the list means: authorityKeyIdentifier, cRLNumber, issuingDistributionPoint, which is read; of an entry reasonCode, invalidityDate. */
const KNOWN = ['2.5.29.35', '2.5.29.20', '2.5.29.21', '2.5.29.24', '2.5.29.28']

export const serialKey = (serial: Uint8Array): string => Buffer.from(serial).toString('hex')

/** A list in DER. One that is only a part of the truth (delta, indirect, for some reasons) is refused: it says so by a critical extension. */
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
  const extensions = rest[0] === undefined ? undefined : inside(rest[0], PLACE)[0]
  if (extensions !== undefined) refuseUnknownCritical(extensions)
  const scope = extensions === undefined ? undefined : scopeIn(extensions)
  return {
    tbs: rawOf(body, PLACE),
    issuer: decodeName(issuer, PLACE),
    thisUpdate: timeOf(thisUpdate, PLACE),
    nextUpdate,
    revoked: new Map(entries.map(decodeEntry)),
    scheme: decodeScheme(algorithm, PLACE),
    signature: wholeBits(signature, PLACE),
    ...(scope === undefined ? {} : { scope }),
  }
}

const ISSUING_POINT = '2.5.29.28'

/** issuingDistributionPoint. RFC 5280 §5.2.5 */
function scopeIn(extensions: Der): ListScope | undefined {
  const found = sequence(extensions, PLACE).find(
    (one) => oid(sequence(one, PLACE)[0], PLACE) === ISSUING_POINT,
  )
  if (found === undefined) return undefined
  const fields = sequence(readDer(octetString(sequence(found, PLACE).at(-1), PLACE), PLACE), PLACE)
  const says = (tag: number): boolean => {
    const flag = fields.find((field) => isContext(field, tag))
    return flag !== undefined && contentOf(flag)[0] !== 0
  }
  if (fields.some((field) => isContext(field, 3)) || says(4) || says(5))
    fail(PLACE, 'it is indirect, or only for some reasons')
  const [first] = fields
  const places = isContext(first, 0) ? pointNames(first, PLACE) : []
  if (isContext(first, 0) && places.length === 0) fail(PLACE, 'it is for a place without a URI')
  return { places, only: says(2) ? 'authorities' : says(1) ? 'others' : undefined }
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
