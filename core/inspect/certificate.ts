import { type Decoded, Malformed } from '../bytes/malformed.ts'
import { type Certificate, decodeCertificate } from '../cert/certificate.ts'
import { type Der, type Place, rawOf, readDer, sequence } from '../cert/der.ts'
import { formatGeneralName } from '../cert/general-name.ts'
import { decodeNameDer, formatName } from '../cert/name.ts'
import { KeyPurpose, namedBy } from '../cert/oids.ts'
import type { PublicKey } from '../cert/public-key.ts'
import type { Cursor } from './cursor.ts'
import { X509 } from './fields/certificate.ts'
import { type Field, Node } from './tree.ts'

const PLACE: Place = { what: 'Certificate', reference: 'RFC 5280 §4.1' }

/** A certificate in DER that fills the cursor; one that cannot be read stays octets, with a remark. */
export function readCertificate(parent: Node, body: Cursor, data: Field): void {
  const { at, layer } = body
  const der = body.octets(parent, data)
  const decoded = decodeCertificate(der)
  if (!decoded.ok) {
    parent.remark('badValue', `not a certificate: ${decoded.error.problem}`)
    return
  }
  const node = parent.add(new Node(X509.certificate, layer, at, der.length))
  addParts(node, decoded.value, partsOf(der))
}

const CONTEXT = 3

/** Where a part lies: offset in the certificate and octets. */
interface Span {
  readonly at: number
  readonly length: number
}
interface Parts {
  readonly tbs: readonly Span[]
  /** Whether the first of them is the version. */
  readonly versioned: boolean
  readonly signature: Span
}

/** The elements of the certificate by place; what was decoded knows values only. */
function partsOf(der: Uint8Array): Decoded<Parts> {
  try {
    const outer = readDer(der, PLACE)
    const [body, algorithm, signature] = spansOf(outer, 0)
    const inner = sequence(outer, PLACE)[0]
    if (body === undefined || algorithm === undefined || signature === undefined)
      return { ok: false, error: new Malformed([PLACE.what], 0, 'it ends too early', PLACE.reference) }
    const versioned = sequence(inner, PLACE)[0]?.idBlock.tagClass === CONTEXT
    return { ok: true, value: { tbs: spansOf(inner, body.at), versioned, signature } }
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error }
    throw error
  }
}

/** Where the elements of a sequence lie that begins at `at`: one after the other, to its very end. */
function spansOf(node: Der | undefined, at: number): readonly Span[] {
  const lengths = sequence(node, PLACE).map((child) => rawOf(child, PLACE).length)
  const header = rawOf(node, PLACE).length - lengths.reduce((sum, length) => sum + length, 0)
  let next = at + header
  return lengths.map((length) => {
    next += length
    return { at: next - length, length }
  })
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

function addParts(node: Node, certificate: Certificate, parts: Decoded<Parts>): void {
  const whole: Span = { at: 0, length: node.length }
  const fields = parts.ok ? parts.value.tbs : []
  const from = parts.ok && parts.value.versioned ? 1 : 0
  const add = (parent: Node, field: Field, span: Span | undefined, value: Node['value']): Node => {
    const { at, length } = span ?? whole
    return parent.add(new Node(field, node.layer, node.at + at, length, value))
  }
  node.title = `X.509 certificate of ${formatName(certificate.subject)}`
  add(node, X509.version, from === 1 ? fields[0] : undefined, certificate.version - 1)
  add(node, X509.serial, fields[from], certificate.serial)
  add(node, X509.issuer, fields[from + 2], formatName(certificate.issuer))
  const { notBefore, notAfter } = certificate
  add(node, X509.validity, fields[from + 3], `${day(notBefore)} to ${day(notAfter)}`)
  add(node, X509.subject, fields[from + 4], formatName(certificate.subject))
  add(node, X509.key, fields[from + 5], keyText(certificate.publicKey))
  const last = fields.length > from + 6 ? fields.at(-1) : undefined
  const { subjectAltName, basicConstraints, extendedKeyUsage } = certificate.extensions
  if (last !== undefined) {
    const extensions = add(node, X509.extensions, last, undefined)
    for (const name of subjectAltName) add(extensions, X509.alternative, last, formatGeneralName(name))
    if (basicConstraints !== undefined) {
      add(extensions, X509.authority, last, basicConstraints.ca ? 'an authority' : 'no authority')
    }
    for (const oid of extendedKeyUsage ?? []) {
      add(extensions, X509.purpose, last, namedBy(KeyPurpose, oid) ?? oid)
    }
  }
  add(node, X509.signature, parts.ok ? parts.value.signature : undefined, certificate.signature)
}

function keyText(key: PublicKey): string {
  switch (key.kind) {
    case 'rsa':
      return `RSA, ${key.bits} bits`
    case 'ecdsa':
      return `elliptic curve ${key.curve}`
    case 'unusable':
      return `unknown: it ${key.why}`
    default:
      return key.kind
  }
}

/** A distinguished name in DER that fills the cursor. */
export function readName(parent: Node, body: Cursor, field: Field): void {
  const { at, layer } = body
  const der = body.bytes.subarray(at, body.end)
  body.skip(der.length)
  const node = parent.add(new Node(field, layer, at, der.length, der))
  try {
    node.value = formatName(decodeNameDer(der))
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    parent.remark('badValue', `not a distinguished name: ${error.problem}`)
  }
}
