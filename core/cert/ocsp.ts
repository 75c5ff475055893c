import { createHash } from 'node:crypto'
import * as asn1 from 'asn1js'
import { type Decoded, Malformed } from '../bytes/malformed.ts'
import { equal } from '../bytes/octets.ts'
import { type Certificate, decodeCertificate } from './certificate.ts'
import {
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
  timeOf,
  wholeBits,
} from './der.ts'
import { type DistinguishedName, decodeName, nameEquals } from './name.ts'
import { Hash, type HashName, KeyPurpose, namedBy } from './oids.ts'
import { weaknessOf } from './public-key.ts'
import { decodeScheme, type SignatureScheme, verifySignature } from './signature.ts'

/** What a responder says of one certificate. RFC 6960 §4.2.1 */
export interface OcspAnswer {
  readonly hash: HashName | undefined
  readonly issuerName: Uint8Array
  readonly issuerKey: Uint8Array
  readonly serial: Uint8Array
  readonly status: 'good' | 'revoked' | 'unknown'
  /** Milliseconds of the wall clock, as the next two. */
  readonly revokedAt: number | undefined
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
}

/** A response, read but not believed. RFC 6960 §4.2.1 */
export interface OcspResponse {
  readonly tbs: Uint8Array
  /** Who says to have signed it: a name, or SHA-1 of a key. */
  readonly responder: DistinguishedName | Uint8Array
  readonly answers: readonly OcspAnswer[]
  readonly scheme: SignatureScheme | undefined
  readonly signature: Uint8Array
  readonly certificates: readonly Certificate[]
}

const PLACE: Place = { what: 'OCSPResponse', reference: 'RFC 6960 §4.2.1' }
const BASIC = '1.3.6.1.5.5.7.48.1.1'
const SHA1 = '1.3.14.3.2.26'
/** RFC 6960 §4.2.1 */
const REFUSALS: Readonly<Record<number, string>> = {
  1: 'it calls our request malformed',
  2: 'it has an internal error',
  3: 'it is busy',
  5: 'it wants a signed request',
  6: 'it does not answer us',
}

/** Bounds of ours on what one response may cost. */
const CHOICE = {
  answers: 64,
  certificates: 8,
  /** Clocks differ. */
  skewMs: 5 * 60_000,
  /** An answer that does not say until when it holds is taken for this long. */
  undatedMs: 24 * 3_600_000,
} as const

/** A response in DER. One that is no answer (`tryLater` and the like) is an error that says so. */
export function decodeOcspResponse(der: Uint8Array): Decoded<OcspResponse> {
  try {
    return { ok: true, value: decode(der.slice()) }
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error }
    throw error
  }
}

function decode(der: Uint8Array): OcspResponse {
  const [status, bytes] = sequence(readDer(der, PLACE), PLACE)
  const code = status instanceof asn1.Enumerated ? (contentOf(status)[0] ?? 0) : fail(PLACE, 'no status')
  if (code !== 0) fail(PLACE, REFUSALS[code] ?? `it answers with status ${code}`)
  if (!isContext(bytes, 0)) fail(PLACE, 'a response without content')
  const [type, content] = sequence(inside(bytes, PLACE)[0], PLACE)
  if (oid(type, PLACE) !== BASIC) fail(PLACE, 'a response of an unknown type')
  const basic = readDer(octetString(content, PLACE), PLACE)
  const [data, algorithm, signature, certificates] = sequence(basic, PLACE)
  const fields = [...sequence(data, PLACE)]
  if (isContext(fields[0], 0)) fields.shift()
  const [responder, , responses] = fields
  const answers = sequence(responses, PLACE)
  if (answers.length > CHOICE.answers) fail(PLACE, `${answers.length} answers`)
  return {
    tbs: rawOf(data, PLACE),
    responder: decodeResponder(responder),
    answers: answers.map(decodeAnswer),
    scheme: decodeScheme(algorithm, PLACE),
    signature: wholeBits(signature, PLACE),
    certificates: isContext(certificates, 0) ? decodeCertificates(inside(certificates, PLACE)[0]) : [],
  }
}

function decodeResponder(node: Der | undefined): DistinguishedName | Uint8Array {
  if (isContext(node, 1)) return decodeName(inside(node, PLACE)[0], PLACE)
  if (isContext(node, 2)) return octetString(inside(node, PLACE)[0], PLACE)
  return fail(PLACE, 'a responder without a name')
}

function decodeAnswer(node: Der): OcspAnswer {
  const [id, said, thisUpdate, ...rest] = sequence(node, PLACE)
  const [algorithm, issuerName, issuerKey, serial] = sequence(id, PLACE)
  const [revokedAt] = isContext(said, 1) ? inside(said, PLACE) : []
  const until = rest.find((field) => isContext(field, 0))
  return {
    hash: namedBy(Hash, oid(sequence(algorithm, PLACE)[0], PLACE)),
    issuerName: octetString(issuerName, PLACE),
    issuerKey: octetString(issuerKey, PLACE),
    serial: integerOctets(serial, PLACE),
    status: isContext(said, 0) ? 'good' : isContext(said, 1) ? 'revoked' : 'unknown',
    revokedAt: revokedAt === undefined ? undefined : timeOf(revokedAt, PLACE),
    thisUpdate: timeOf(thisUpdate, PLACE),
    nextUpdate: until === undefined ? undefined : timeOf(inside(until, PLACE)[0], PLACE),
  }
}

/** Unreadable ones are passed over: whoever signed has to be among the others. */
function decodeCertificates(node: Der | undefined): Certificate[] {
  return sequence(node, PLACE)
    .slice(0, CHOICE.certificates)
    .map((one) => decodeCertificate(rawOf(one, PLACE)))
    .flatMap((read) => (read.ok ? [read.value] : []))
}

/** The question whether `certificate` was revoked, DER; unsigned, and without a nonce so that answers may be kept. RFC 5019 §2.1 */
export function encodeOcspRequest(certificate: Certificate, issuer: Certificate): Uint8Array {
  const seq = (...value: asn1.AsnType[]) => new asn1.Sequence({ value })
  const octets = (value: Uint8Array) =>
    new asn1.OctetString({ valueHex: value.slice().buffer as ArrayBuffer })
  const algorithm = seq(new asn1.ObjectIdentifier({ value: SHA1 }), new asn1.Null())
  const serial = new asn1.Integer({ valueHex: certificate.serial.slice().buffer as ArrayBuffer })
  const [name, key] = [hashOf('sha1', issuer.subject.der), hashOf('sha1', keyBits(issuer))]
  return new Uint8Array(seq(seq(seq(seq(seq(algorithm, octets(name), octets(key), serial))))).toBER())
}

/** What a response that can be believed at this time says of a certificate; undefined where it says nothing. RFC 6960 §3.2 */
export function answerFrom(
  response: OcspResponse,
  certificate: Certificate,
  issuer: Certificate,
  { at, weakSha1 }: { readonly at: number; readonly weakSha1: boolean },
): OcspAnswer | undefined {
  const answer = response.answers.find((one) => isAbout(one, certificate, issuer))
  if (answer === undefined || at < answer.thisUpdate - CHOICE.skewMs) return undefined
  const until = answer.nextUpdate ?? answer.thisUpdate + CHOICE.undatedMs
  // What was revoked stays revoked when the answer grows old.
  if (at > until + CHOICE.skewMs && answer.status !== 'revoked') return undefined
  const { scheme } = response
  if (scheme === undefined || ('hash' in scheme && scheme.hash === 'sha1' && !weakSha1)) return undefined
  const signer = signerOf(response, issuer, at)
  if (signer === undefined || weaknessOf(signer.publicKey, false) !== undefined) return undefined
  return verifySignature(signer.publicKey, scheme, response.tbs, response.signature) ? answer : undefined
}

const isAbout = (answer: OcspAnswer, certificate: Certificate, issuer: Certificate): boolean =>
  answer.hash !== undefined &&
  equal(answer.serial, certificate.serial) &&
  equal(answer.issuerName, hashOf(answer.hash, issuer.subject.der)) &&
  equal(answer.issuerKey, hashOf(answer.hash, keyBits(issuer)))

/** The issuer itself, or whom it has appointed by a certificate for just that. RFC 6960 §4.2.2.2 */
function signerOf({ responder, certificates }: OcspResponse, issuer: Certificate, at: number) {
  const isIt = (candidate: Certificate): boolean =>
    responder instanceof Uint8Array
      ? equal(responder, hashOf('sha1', keyBits(candidate)))
      : nameEquals(responder, candidate.subject)
  if (isIt(issuer)) return issuer
  return certificates.find((candidate) => isIt(candidate) && isAppointed(candidate, issuer, at))
}

function isAppointed(candidate: Certificate, issuer: Certificate, at: number): boolean {
  const { scheme, extensions, notBefore, notAfter } = candidate
  return (
    extensions.extendedKeyUsage?.includes(KeyPurpose.OCSPSigning.oid) === true &&
    at >= notBefore &&
    at <= notAfter &&
    nameEquals(candidate.issuer, issuer.subject) &&
    scheme !== undefined &&
    verifySignature(issuer.publicKey, scheme, candidate.tbs, candidate.signature)
  )
}

/** The key as it stands in the certificate, without its algorithm. RFC 6960 §4.1.1 */
const keyBits = ({ spki }: Certificate): Uint8Array =>
  wholeBits(sequence(readDer(spki, PLACE), PLACE)[1], PLACE)

const hashOf = (name: HashName, octets: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(name).update(octets).digest())
