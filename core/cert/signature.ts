import { constants, type KeyObject, sign, verify } from 'node:crypto'
import { ed448 } from '@noble/curves/ed448.js'
import * as asn1 from 'asn1js'
import { type Decoded, Malformed } from '../bytes/malformed.ts'
import { verifyBare } from './bare-signature.ts'
import { type Der, fail, inside, isContext, oid, type Place, readDer, sequence, smallInteger } from './der.ts'
import { Hash, type HashName, KeyAlgorithm, namedBy } from './oids.ts'
import { type PublicKey, toKeyObject } from './public-key.ts'

/** How a signature is made: in a certificate, a list of revoked ones, or AUTH. */
export type SignatureScheme =
  | { readonly kind: 'rsa'; readonly hash: HashName }
  | { readonly kind: 'pss'; readonly hash: HashName; readonly saltOctets: number }
  | { readonly kind: 'ecdsa'; readonly hash: HashName }
  | { readonly kind: 'ed25519' | 'ed448' }
  /** Over octets that are a hash already, as IKEv1 signs: see bare-signature.ts. */
  | { readonly kind: 'rsaBare' | 'ecdsaBare' }

/** Fixed algorithm identifiers. RFC 7427 appendix A, RFC 8420 appendix A */
const FIXED: readonly {
  readonly oid: string
  readonly scheme: SignatureScheme
  readonly reference: string
}[] = [
  { oid: '1.2.840.113549.1.1.5', scheme: { kind: 'rsa', hash: 'sha1' }, reference: 'RFC 7427 §A.1.1' },
  { oid: '1.2.840.113549.1.1.11', scheme: { kind: 'rsa', hash: 'sha256' }, reference: 'RFC 7427 §A.1.2' },
  { oid: '1.2.840.113549.1.1.12', scheme: { kind: 'rsa', hash: 'sha384' }, reference: 'RFC 7427 §A.1.3' },
  { oid: '1.2.840.113549.1.1.13', scheme: { kind: 'rsa', hash: 'sha512' }, reference: 'RFC 7427 §A.1.4' },
  { oid: '1.2.840.10045.4.1', scheme: { kind: 'ecdsa', hash: 'sha1' }, reference: 'RFC 7427 §A.3.1' },
  { oid: '1.2.840.10045.4.3.2', scheme: { kind: 'ecdsa', hash: 'sha256' }, reference: 'RFC 7427 §A.3.2' },
  { oid: '1.2.840.10045.4.3.3', scheme: { kind: 'ecdsa', hash: 'sha384' }, reference: 'RFC 7427 §A.3.3' },
  { oid: '1.2.840.10045.4.3.4', scheme: { kind: 'ecdsa', hash: 'sha512' }, reference: 'RFC 7427 §A.3.4' },
  { oid: KeyAlgorithm.ed25519.oid, scheme: { kind: 'ed25519' }, reference: 'RFC 8420 §A.1' },
  { oid: KeyAlgorithm.ed448.oid, scheme: { kind: 'ed448' }, reference: 'RFC 8420 §A.2' },
]
const MGF1 = '1.2.840.113549.1.1.8'

/** The scheme an AlgorithmIdentifier names; `undefined` for one we do not do. Throws `Malformed`. */
export function decodeScheme(node: Der | undefined, place: Place): SignatureScheme | undefined {
  const [type, parameters, more] = sequence(node, place)
  if (more !== undefined) fail(place, 'an algorithm identifier with three parts')
  const name = oid(type, place)
  if (name === KeyAlgorithm.rsassaPss.oid) return decodePss(parameters, place)
  const row = FIXED.find((candidate) => candidate.oid === name)
  if (row === undefined) return undefined
  // NULL belongs to RSA and nothing to the others, RFC 7427 appendix A; both are seen both ways.
  if (parameters !== undefined && !(parameters instanceof asn1.Null)) {
    fail(place, 'parameters where none belong')
  }
  return row.scheme
}

/** As {@link decodeScheme}, from the octets in AUTH. RFC 7427 §3 */
export function decodeSchemeDer(der: Uint8Array): Decoded<SignatureScheme | undefined> {
  const place = { what: 'AlgorithmIdentifier', reference: 'RFC 7427 §3' }
  try {
    return { ok: true, value: decodeScheme(readDer(der, place), place) }
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error }
    throw error
  }
}

/** RSASSA-PSS-params, RFC 4055 §3.1. What is left out means SHA-1. */
function decodePss(node: Der | undefined, place: Place): SignatureScheme | undefined {
  let hash: HashName | undefined = 'sha1'
  let mgfHash: HashName | undefined = 'sha1'
  let saltOctets = 20
  for (const field of sequence(node, place)) {
    const [value] = inside(field, place)
    if (isContext(field, 0)) hash = hashOf(value, place)
    else if (isContext(field, 1)) {
      const [type, inner] = sequence(value, place)
      if (oid(type, place) !== MGF1) return undefined
      mgfHash = hashOf(inner, place)
    } else if (isContext(field, 2)) saltOctets = smallInteger(value, place)
    else if (isContext(field, 3)) {
      if (smallInteger(value, place) !== 1) return undefined
    } else fail(place, 'an unknown field of RSASSA-PSS-params')
  }
  if (hash === undefined || hash !== mgfHash || saltOctets > 512) return undefined
  return { kind: 'pss', hash, saltOctets }
}

const hashOf = (node: Der | undefined, place: Place): HashName | undefined =>
  namedBy(Hash, oid(sequence(node, place)[0], place))

/** The AlgorithmIdentifier of a scheme, DER. RFC 7427 appendix A */
export function encodeScheme(scheme: SignatureScheme): Uint8Array {
  if (scheme.kind === 'pss') return encodePss(scheme.hash, scheme.saltOctets)
  const row = FIXED.find(
    ({ scheme: other }) =>
      other.kind === scheme.kind &&
      ('hash' in other ? other.hash : '') === ('hash' in scheme ? scheme.hash : ''),
  )
  if (row === undefined) throw new RangeError(`no algorithm identifier for ${describeScheme(scheme)}`)
  const value: asn1.AsnType[] = [new asn1.ObjectIdentifier({ value: row.oid })]
  if (scheme.kind === 'rsa') value.push(new asn1.Null())
  return new Uint8Array(new asn1.Sequence({ value }).toBER())
}

function encodePss(hash: HashName, saltOctets: number): Uint8Array {
  const identifier = (type: string, parameter: asn1.AsnType) =>
    new asn1.Sequence({ value: [new asn1.ObjectIdentifier({ value: type }), parameter] })
  const context = (tagNumber: number, value: asn1.AsnType) =>
    new asn1.Constructed({ idBlock: { tagClass: 3, tagNumber }, value: [value] })
  const hashed = () => identifier(Hash[hash].oid, new asn1.Null())
  const parameters = new asn1.Sequence({
    value: [
      context(0, hashed()),
      context(1, identifier(MGF1, hashed())),
      context(2, new asn1.Integer({ value: saltOctets })),
    ],
  })
  return new Uint8Array(identifier(KeyAlgorithm.rsassaPss.oid, parameters).toBER())
}

/** For people and logs: `RSA with SHA-256`, `RSA-PSS with SHA-256`, `ECDSA with SHA-384`, `Ed25519`. */
export function describeScheme(scheme: SignatureScheme): string {
  switch (scheme.kind) {
    case 'rsa':
      return `RSA with ${hashWords(scheme.hash)}`
    case 'pss':
      return `RSA-PSS with ${hashWords(scheme.hash)}`
    case 'ecdsa':
      return `ECDSA with ${hashWords(scheme.hash)}`
    case 'rsaBare':
      return 'RSA'
    case 'ecdsaBare':
      return 'ECDSA'
    case 'ed25519':
      return 'Ed25519'
    case 'ed448':
      return 'Ed448'
  }
}

const hashWords = (hash: HashName): string => hash.replace('sha', 'SHA-')

/** The scheme can be checked with this key at all. */
export function fits(key: PublicKey, scheme: SignatureScheme): boolean {
  if (scheme.kind === 'pss') return key.kind === 'rsa'
  if (scheme.kind === 'rsa' || scheme.kind === 'rsaBare') return key.kind === 'rsa' && !key.pssOnly
  if (scheme.kind === 'ecdsaBare') return key.kind === 'ecdsa'
  return key.kind === scheme.kind
}

/** True for a signature of `data` by `key`, false for everything else. ECDSA signatures are DER SEQUENCE(r, s), or r ‖ s with `raw`. */
export function verifySignature(
  key: PublicKey,
  scheme: SignatureScheme,
  data: Uint8Array,
  signature: Uint8Array,
  raw = false,
): boolean {
  if (!fits(key, scheme)) return false
  if (scheme.kind === 'rsaBare' || scheme.kind === 'ecdsaBare') return verifyBare(key, data, signature)
  try {
    if (key.kind === 'ed448') return ed448.verify(signature, data, key.point, { zip215: false })
    if (key.kind === 'unusable') return false
    const object = toKeyObject(key)
    return (
      object !== undefined &&
      verify(hashFor(scheme), data, { key: object, ...optionsFor(scheme, raw) }, signature)
    )
  } catch {
    // Libraries throw on some ill-formed signatures and answer false on others.
    return false
  }
}

/** Signs with a private key of `node:crypto`; Ed448 goes another way. */
export const signWith = (
  key: KeyObject,
  scheme: SignatureScheme,
  data: Uint8Array,
  raw = false,
): Uint8Array => new Uint8Array(sign(hashFor(scheme), data, { key, ...optionsFor(scheme, raw) }))

const hashFor = (scheme: SignatureScheme): HashName | null => ('hash' in scheme ? scheme.hash : null)

function optionsFor(scheme: SignatureScheme, raw: boolean) {
  switch (scheme.kind) {
    case 'rsa':
      return { padding: constants.RSA_PKCS1_PADDING }
    case 'pss':
      return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme.saltOctets }
    case 'ecdsa':
      return { dsaEncoding: raw ? ('ieee-p1363' as const) : ('der' as const) }
    default:
      return {}
  }
}
