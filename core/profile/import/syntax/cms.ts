import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import * as asn1 from 'asn1js'
import { Malformed } from '../../../bytes/malformed.ts'
import { concat, equal } from '../../../bytes/octets.ts'
import { type Certificate, decodeCertificate, describeCertificate } from '../../../cert/certificate.ts'
import {
  contentOf,
  type Der,
  fail,
  inside,
  integerOctets,
  isContext,
  oid,
  type Place,
  printable,
  rawOf,
  sequence,
  setOf,
} from '../../../cert/der.ts'
import { formatName } from '../../../cert/name.ts'
import { invalid } from '../failure.ts'
import { LIMITS } from '../limits.ts'

export interface SignedContent {
  readonly content: Uint8Array
  readonly signers: readonly Signer[]
}

export interface Signer {
  /** Whose certificate it is, for people. */
  readonly name: string
  /** Who gave the certificate. */
  readonly issuer: string
  /** The digest is one that can be forged. */
  readonly weak: boolean
}

const PLACE: Place = { what: 'SignedData', reference: 'RFC 5652 §5' }

const SIGNED_DATA = '1.2.840.113549.1.7.2'
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4'
const PSS = '1.2.840.113549.1.1.10'

/** Digests by OID. RFC 5754 §2, RFC 3370 §2.1 */
const DIGESTS: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

const CHANGED = 'its signature is wrong: it was changed after it was signed'

/**
 * What a CMS SignedData wraps, after every signature in it was found right. Who the signers are is for a person to
 * judge: their certificates are not followed to an authority here. RFC 5652 §5. Throws `VpnFailure`
 * (`profileInvalid`), also where a signature is wrong or cannot be checked.
 */
export function openSigned(bytes: Uint8Array, file: string): SignedContent {
  try {
    return open(bytes)
  } catch (thrown) {
    if (!(thrown instanceof Malformed)) throw thrown
    throw invalid({ file }, thrown.problem)
  }
}

function open(bytes: Uint8Array): SignedContent {
  const [type, wrapped] = sequence(decodeBer(bytes), PLACE)
  if (oid(type, PLACE) !== SIGNED_DATA) fail(PLACE, 'it is no signed message')
  const parts = sequence(inside(wrapped, PLACE)[0], PLACE)
  const [, wrappedContent] = sequence(parts[2], PLACE)
  if (wrappedContent === undefined) fail(PLACE, 'what was signed is not in it')
  const content = octets(inside(wrappedContent, PLACE)[0])
  const held = parts.find(isTagged)
  const certificates = held === undefined ? [] : inside(held, PLACE).flatMap(certificateOf)
  const signers = setOf(parts.at(-1), PLACE).map((info) => checkSigner(info, certificates, content))
  if (signers.length === 0) fail(PLACE, 'nobody signed it')
  return { content, signers }
}

function certificateOf(node: Der): readonly Certificate[] {
  const read = decodeCertificate(rawOf(node, PLACE))
  return read.ok ? [read.value] : []
}

function checkSigner(info: Der, certificates: readonly Certificate[], content: Uint8Array): Signer {
  const parts = sequence(info, PLACE)
  const [, id, digestAlgorithm] = parts
  const signed = isTagged(parts[3]) ? parts[3] : undefined
  const [signatureAlgorithm, signature] = parts.slice(signed === undefined ? 3 : 4)
  const certificate = certificates.find((one) => isOf(one, id))
  if (certificate === undefined) return fail(PLACE, "the signer's certificate is not in it, or is damaged")
  const digest = DIGESTS[oid(sequence(digestAlgorithm, PLACE)[0], PLACE)]
  if (digest === undefined) return fail(PLACE, 'it is signed with a digest that Culvert does not know')
  const covered = signed === undefined ? content : coveredBy(signed, content, digest)
  const scheme = oid(sequence(signatureAlgorithm, PLACE)[0], PLACE)
  if (!isRight(scheme, digest, certificate, covered, octets(signature))) fail(PLACE, CHANGED)
  return {
    name: printable(describeCertificate(certificate)),
    issuer: printable(formatName(certificate.issuer)),
    weak: digest === 'sha1',
  }
}

/** With signed attributes the signature covers them, as a SET, and they hold the digest of the content. RFC 5652 §5.4 */
function coveredBy(signed: Der, content: Uint8Array, digest: string): Uint8Array {
  const attributes = inside(signed, PLACE).map((one) => sequence(one, PLACE))
  const [, values] = attributes.find(([type]) => oid(type, PLACE) === MESSAGE_DIGEST) ?? []
  const wanted = createHash(digest).update(content).digest()
  if (values === undefined || !equal(octets(setOf(values, PLACE)[0]), wanted)) fail(PLACE, CHANGED)
  return concat(Uint8Array.of(0x31), rawOf(signed, PLACE).subarray(1))
}

function isRight(
  scheme: string,
  digest: string,
  certificate: Certificate,
  covered: Uint8Array,
  signature: Uint8Array,
): boolean {
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.from(certificate.spki), format: 'der', type: 'spki' })
  } catch {
    return fail(PLACE, "the signer's key is of a kind that Culvert does not know")
  }
  const pss = scheme === PSS ? { padding: 6 /* RSA_PKCS1_PSS_PADDING */, saltLength: -2 /* any */ } : {}
  const plain = /^ed/.test(key.asymmetricKeyType ?? '')
  try {
    return verify(plain ? null : digest, covered, { key, ...pss }, signature)
  } catch {
    return false
  }
}

/** By issuer and number, or by the identifier of the key. RFC 5652 §5.3 */
function isOf(certificate: Certificate, id: Der | undefined): boolean {
  if (id !== undefined && isTagged(id)) {
    const own = certificate.extensions.subjectKeyIdentifier
    return own !== undefined && equal(own, contentOf(id))
  }
  const [issuer, serial] = sequence(id, PLACE)
  return (
    issuer !== undefined &&
    equal(rawOf(issuer, PLACE), certificate.issuer.der) &&
    equal(integerOctets(serial, PLACE), certificate.serial)
  )
}

/** A signed message may be BER, with lengths left open: what is signed inside is DER all the same. RFC 5652 §2 */
function decodeBer(bytes: Uint8Array): Der {
  let read: asn1.FromBerResult
  try {
    read = asn1.fromBER(bytes, {
      maxDepth: LIMITS.depth,
      maxNodes: LIMITS.items,
      maxContentLength: LIMITS.fileOctets,
      parseEmbedded: false,
    })
  } catch {
    return fail(PLACE, 'it is no signed message, or it ends too early')
  }
  return read.offset === -1 ? fail(PLACE, 'it is no signed message, or it ends too early') : read.result
}

const isTagged = (node: Der | undefined): boolean => node !== undefined && isContext(node, 0)

/** In one piece or in several, as BER allows. */
function octets(node: Der | undefined): Uint8Array {
  if (!(node instanceof asn1.OctetString)) return fail(PLACE, 'an OCTET STRING was expected')
  return new Uint8Array(node.getValue())
}
