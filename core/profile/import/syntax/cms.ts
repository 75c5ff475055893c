import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import * as asn1 from 'asn1js'
import { concat, equal } from '../../../bytes/octets.ts'
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

type Node = asn1.AsnType

/**
 * What a CMS SignedData wraps, after every signature in it was found right. Who the signers are is for a person to
 * judge: their certificates are not followed to an authority here. RFC 5652 §5. Throws `VpnFailure`
 * (`profileInvalid`), also where a signature is wrong or cannot be checked.
 */
export function openSigned(bytes: Uint8Array, file: string): SignedContent {
  try {
    return open(bytes)
  } catch (thrown) {
    if (!(thrown instanceof Damaged)) throw thrown
    throw invalid({ file }, thrown.message)
  }
}

class Damaged extends Error {}

function open(bytes: Uint8Array): SignedContent {
  const [type, wrapped] = inside(decode(bytes))
  if (oid(type) !== SIGNED_DATA) throw new Damaged('it is no signed message')
  const parts = inside(inside(wrapped)[0])
  const encapsulated = inside(parts[2])
  const content = encapsulated[1] === undefined ? undefined : octets(inside(encapsulated[1])[0])
  if (content === undefined) throw new Damaged('what was signed is not in it')
  const certificates = inside(parts.find((part) => isContext(part, 0)) ?? new asn1.Sequence())
  const infos = parts.at(-1)
  if (!(infos instanceof asn1.Set)) throw new Damaged('it is no signed message')
  const signers = inside(infos).map((info) => checkSigner(info, certificates, content))
  if (signers.length === 0) throw new Damaged('nobody signed it')
  return { content, signers }
}

function checkSigner(info: Node, certificates: readonly Node[], content: Uint8Array): Signer {
  const parts = inside(info)
  const [, id, digestAlgorithm] = parts
  const signed = parts[3] !== undefined && isContext(parts[3], 0) ? parts[3] : undefined
  const [signatureAlgorithm, signature] = parts.slice(signed === undefined ? 3 : 4)
  const certificate = certificates.find((one) => isOf(one, id))
  if (certificate === undefined) throw new Damaged("the signer's certificate is not in it")
  const digest = DIGESTS[oid(inside(digestAlgorithm)[0])]
  if (digest === undefined) throw new Damaged('it is signed with a digest that Culvert does not know')
  const fields = fieldsOf(certificate)
  const covered = signed === undefined ? content : coveredBy(signed, content, digest)
  const scheme = inside(signatureAlgorithm)[0]
  if (!isRight(oid(scheme), digest, fields.key, covered, octets(signature))) {
    throw new Damaged('its signature is wrong: it was changed after it was signed')
  }
  return { name: nameOf(fields.subject), issuer: nameOf(fields.issuer), weak: digest === 'sha1' }
}

/** With signed attributes the signature covers them, as a SET, and they hold the digest of the content. RFC 5652 §5.4 */
function coveredBy(signed: Node, content: Uint8Array, digest: string): Uint8Array {
  const attribute = inside(signed).find((one) => oid(inside(one)[0]) === MESSAGE_DIGEST)
  const [value] = attribute === undefined ? [] : inside(inside(attribute)[1])
  const wanted = createHash(digest).update(content).digest()
  if (value === undefined || !equal(octets(value), wanted)) {
    throw new Damaged('its signature is wrong: it was changed after it was signed')
  }
  const raw = rawOf(signed)
  return concat(Uint8Array.of(0x31), raw.subarray(1))
}

function isRight(
  scheme: string,
  digest: string,
  key: Uint8Array,
  covered: Uint8Array,
  signature: Uint8Array,
): boolean {
  let publicKey: KeyObject
  try {
    publicKey = createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' })
  } catch {
    throw new Damaged("the signer's key is of a kind that Culvert does not know")
  }
  const pss = scheme === PSS ? { padding: 6 /* RSA_PKCS1_PSS_PADDING */, saltLength: -2 /* any */ } : {}
  const plain = /^ed/.test(publicKey.asymmetricKeyType ?? '')
  try {
    return verify(plain ? null : digest, covered, { key: publicKey, ...pss }, signature)
  } catch {
    return false
  }
}

interface CertificateFields {
  readonly serial: Uint8Array
  readonly issuer: Node
  readonly subject: Node
  /** SubjectPublicKeyInfo. */
  readonly key: Uint8Array
  readonly extensions: Node | undefined
}

/** RFC 5280 §4.1 */
function fieldsOf(certificate: Node): CertificateFields {
  const parts = [...inside(inside(certificate)[0])]
  if (isContext(parts[0], 0)) parts.shift()
  const [serial, , issuer, , subject, key] = parts
  if (serial === undefined || issuer === undefined || subject === undefined || key === undefined) {
    throw new Damaged('a certificate in it is damaged')
  }
  const extensions = parts.find((part) => isContext(part, 3))
  return { serial: rawOf(serial), issuer, subject, key: rawOf(key), extensions }
}

/** By issuer and number, or by the identifier of the key. RFC 5652 §5.3 */
function isOf(certificate: Node, id: Node | undefined): boolean {
  const fields = fieldsOf(certificate)
  if (id === undefined) return false
  if (isContext(id, 0)) {
    const wanted = Buffer.from(contentOf(id))
    return fields.extensions !== undefined && Buffer.from(rawOf(fields.extensions)).includes(wanted)
  }
  const [issuer, serial] = inside(id)
  return (
    issuer !== undefined &&
    serial !== undefined &&
    equal(rawOf(issuer), rawOf(fields.issuer)) &&
    equal(rawOf(serial), fields.serial)
  )
}

const NAMES = ['2.5.4.3', '2.5.4.10', '1.2.840.113549.1.9.1']

/** The common name, else the organisation, else the mail address. */
function nameOf(name: Node): string {
  const parts = inside(name).flatMap((set) => inside(set).map((pair) => inside(pair)))
  for (const wanted of NAMES) {
    const value = parts.find(([type]) => oid(type) === wanted)?.[1]
    if (value === undefined) continue
    const text = Buffer.from(contentOf(value)).toString('utf8')
    return text.replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 100)
  }
  return 'somebody without a name'
}

function decode(bytes: Uint8Array): Node {
  let read: asn1.FromBerResult
  try {
    read = asn1.fromBER(bytes, {
      maxDepth: LIMITS.depth,
      maxNodes: LIMITS.items,
      maxContentLength: LIMITS.fileOctets,
      parseEmbedded: false,
    })
  } catch {
    throw new Damaged('it is no signed message, or it ends too early')
  }
  if (read.offset === -1) throw new Damaged('it is no signed message, or it ends too early')
  return read.result
}

function inside(node: Node | undefined): readonly Node[] {
  if (node instanceof asn1.Constructed) return node.valueBlock.value as Node[]
  throw new Damaged('it is no signed message')
}

function oid(node: Node | undefined): string {
  if (node instanceof asn1.ObjectIdentifier) return node.valueBlock.toString()
  throw new Damaged('it is no signed message')
}

/** In one piece or in several, as BER allows. */
function octets(node: Node | undefined): Uint8Array {
  if (!(node instanceof asn1.OctetString)) throw new Damaged('it is no signed message')
  return new Uint8Array(node.getValue())
}

const rawOf = (node: Node): Uint8Array => node.valueBeforeDecodeView

const contentOf = (node: Node): Uint8Array =>
  rawOf(node).subarray(node.idBlock.blockLength + node.lenBlock.blockLength)

const isContext = (node: Node | undefined, tag: number): boolean =>
  node !== undefined && node.idBlock.tagClass === 3 && node.idBlock.tagNumber === tag
