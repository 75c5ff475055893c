import { createHash } from 'node:crypto'
import { type Decoded, Malformed } from '../bytes/malformed.ts'
import { equal } from '../bytes/octets.ts'
import {
  type Der,
  fail,
  inside,
  integerOctets,
  isContext,
  type Place,
  rawOf,
  readDer,
  sequence,
  smallInteger,
  timeOf,
  wholeBits,
} from './der.ts'
import { decodeExtensions, type Extensions } from './extensions.ts'
import { type DistinguishedName, decodeName, formatName } from './name.ts'
import { decodePublicKey, type PublicKey } from './public-key.ts'
import { decodeScheme, type SignatureScheme } from './signature.ts'

/** An X.509 certificate, read but not believed. RFC 5280 §4.1 */
export interface Certificate {
  readonly der: Uint8Array
  /** What its signature covers. */
  readonly tbs: Uint8Array
  readonly version: 1 | 2 | 3
  readonly serial: Uint8Array
  readonly issuer: DistinguishedName
  readonly subject: DistinguishedName
  /** Milliseconds of the wall clock, both inclusive. */
  readonly notBefore: number
  readonly notAfter: number
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  readonly publicKey: PublicKey
  readonly extensions: Extensions
  /** Undefined for one we do not do; no such signature is ever good. */
  readonly scheme: SignatureScheme | undefined
  readonly signature: Uint8Array
}

const PLACE: Place = { what: 'Certificate', reference: 'RFC 5280 §4.1' }

/** A certificate in DER; whatever the octets are, a value comes back, in time and memory that are bounded. */
export function decodeCertificate(der: Uint8Array): Decoded<Certificate> {
  try {
    return { ok: true, value: decode(der.slice()) }
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error }
    throw error
  }
}

function decode(der: Uint8Array): Certificate {
  const [body, algorithm, signature, more] = sequence(readDer(der, PLACE), PLACE)
  if (more !== undefined) fail(PLACE, 'more than three parts')
  const fields = [...sequence(body, PLACE)]
  const version = isContext(fields[0], 0) ? decodeVersion(inside(fields.shift(), PLACE)[0]) : 1
  const [serial, innerAlgorithm, issuer, validity, subject, key, ...rest] = fields
  // The inner one is signed and the outer one is not. RFC 5280 §4.1.1.2
  if (!equal(rawOf(innerAlgorithm, PLACE), rawOf(algorithm, PLACE))) {
    fail(PLACE, 'two different signature algorithms')
  }
  const [notBefore, notAfter] = sequence(validity, PLACE)
  return {
    der,
    tbs: rawOf(body, PLACE),
    version,
    serial: integerOctets(serial, PLACE),
    issuer: decodeName(issuer, PLACE),
    subject: decodeName(subject, PLACE),
    notBefore: timeOf(notBefore, PLACE),
    notAfter: timeOf(notAfter, PLACE),
    spki: rawOf(key, PLACE),
    publicKey: decodePublicKey(key, PLACE),
    extensions: decodeExtensions(extensionsOf(rest, version)),
    scheme: decodeScheme(algorithm, PLACE),
    signature: wholeBits(signature, PLACE),
  }
}

function decodeVersion(node: Der | undefined): 1 | 2 | 3 {
  const value = smallInteger(node, PLACE)
  return value === 0 || value === 1 || value === 2
    ? ((value + 1) as 1 | 2 | 3)
    : fail(PLACE, `version ${value + 1}`)
}

/** What stands after the key: unique identifiers, which are skipped, then the extensions. */
function extensionsOf(rest: readonly Der[], version: number): readonly Der[] {
  const after = rest.filter((node) => !isContext(node, 1) && !isContext(node, 2))
  const [extensions, more] = after
  if (extensions === undefined) return []
  if (!isContext(extensions, 3) || more !== undefined) return fail(PLACE, 'an unknown field after the key')
  if (version !== 3) fail(PLACE, `extensions in a certificate of version ${version}`)
  return sequence(inside(extensions, PLACE)[0], PLACE)
}

/** The subject, or where it is empty the first alternative name. For messages. */
export function describeCertificate(certificate: Certificate): string {
  if (certificate.subject.rdns.length > 0) return formatName(certificate.subject)
  return `the certificate ${Buffer.from(certificate.serial.subarray(0, 20)).toString('hex')} of ${formatName(certificate.issuer)}`
}

/** SHA-256 over the whole certificate, hex: what people compare. */
export const fingerprint = (certificate: Certificate): string =>
  createHash('sha256').update(certificate.der).digest('hex')

/** Subject and issuer are the same name; who signed it is another question. RFC 5280 §3.2 */
export const isSelfIssued = (certificate: Certificate): boolean =>
  equal(certificate.subject.der, certificate.issuer.der)
