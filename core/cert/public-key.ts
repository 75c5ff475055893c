import { createPublicKey, type KeyObject } from 'node:crypto'
import * as asn1 from 'asn1js'
import { equal } from '../bytes/octets.ts'
import { type Der, integerOctets, oid, type Place, readDer, sequence, wholeBits } from './der.ts'
import { Curve, type CurveName, KeyAlgorithm, namedBy } from './oids.ts'

/** A key that can verify. RSA numbers are without leading zeros; `point` is x ‖ y. */
export type PublicKey =
  | {
      readonly kind: 'rsa'
      readonly modulus: Uint8Array
      readonly exponent: Uint8Array
      readonly bits: number
      /** An id-RSASSA-PSS key: it may not sign by PKCS#1 v1.5. RFC 4055 §1.2 */
      readonly pssOnly: boolean
    }
  | { readonly kind: 'ecdsa'; readonly curve: CurveName; readonly point: Uint8Array }
  | { readonly kind: 'ed25519' | 'ed448'; readonly point: Uint8Array }
  /** Of a kind we cannot use. `why` completes "the key …". */
  | { readonly kind: 'unusable'; readonly why: string }

export const CHOICE = {
  /** What a strong RSA key has at least. RFC 8247 §3.1: SHOULD NOT be shorter. */
  rsaBits: 2048,
  /** What it has even with the switch for weak ones. */
  rsaWeakBits: 1024,
  /** BoringSSL takes no longer ones, and each bit costs time. */
  rsaMostBits: 8192,
  /** Longer exponents only cost time; BoringSSL stops at 33 bits. */
  rsaExponentOctets: 4,
} as const

/** SubjectPublicKeyInfo. A key of an unknown or unfit kind is a value too; broken DER throws `Malformed`. RFC 5280 §4.1.2.7 */
export function decodePublicKey(node: Der | undefined, place: Place): PublicKey {
  const [algorithm, keyBits] = sequence(node, place)
  const [type, parameters] = sequence(algorithm, place)
  const bits = wholeBits(keyBits, place)
  const name = oid(type, place)
  switch (namedBy(KeyAlgorithm, name)) {
    case 'rsaEncryption':
      return decodeRsa(bits, false, place)
    case 'rsassaPss':
      // Parameters would narrow the hash and salt; every set that is accepted anywhere is strong, so they are not read.
      return decodeRsa(bits, true, place)
    case 'ecPublicKey':
      return decodeEc(bits, parameters, place)
    case 'ed25519':
      return decodeEdwards('ed25519', 32, bits)
    case 'ed448':
      return decodeEdwards('ed448', 57, bits)
    default:
      return { kind: 'unusable', why: `is of a kind (${name}) that Culvert does not know` }
  }
}

/** As {@link decodePublicKey}, from the octets. Throws `Malformed`. */
export function decodePublicKeyDer(der: Uint8Array): PublicKey {
  const place = { what: 'SubjectPublicKeyInfo', reference: 'RFC 5280 §4.1.2.7' }
  return decodePublicKey(readDer(der, place), place)
}

function decodeRsa(bits: Uint8Array, pssOnly: boolean, place: Place): PublicKey {
  const [n, e] = sequence(readDer(bits, place), place)
  return rsaKey(integerOctets(n, place), integerOctets(e, place), pssOnly)
}

/**
 * An RSA key of these numbers, big-endian, or why there cannot be one: signatures by an even modulus or an exponent
 * of 1 could be made by anybody.
 */
export function rsaKey(n: Uint8Array, e: Uint8Array, pssOnly: boolean): PublicKey {
  if ((n[0] ?? 0) >= 0x80 || (e[0] ?? 0) >= 0x80) return { kind: 'unusable', why: 'has negative numbers' }
  const modulus = withoutZeros(n)
  const exponent = withoutZeros(e)
  const bits = bitLength(modulus)
  if (bits > CHOICE.rsaMostBits) {
    return { kind: 'unusable', why: `has ${bits} bits, more than the ${CHOICE.rsaMostBits} that are taken` }
  }
  if (bits === 0 || (modulus.at(-1)! & 1) === 0) return { kind: 'unusable', why: 'has an even modulus' }
  if (exponent.length > CHOICE.rsaExponentOctets) {
    return { kind: 'unusable', why: 'has a public exponent of more than 32 bits' }
  }
  const value = exponent.reduce((sum, octet) => sum * 256 + octet, 0)
  if (value < 3 || value % 2 === 0) {
    return { kind: 'unusable', why: `has the public exponent ${value}, which proves nothing` }
  }
  return { kind: 'rsa', modulus, exponent, bits, pssOnly }
}

/** Named curves and uncompressed points only. RFC 5480 §2.1.1, §2.2 */
function decodeEc(bits: Uint8Array, parameters: Der | undefined, place: Place): PublicKey {
  if (!(parameters instanceof asn1.ObjectIdentifier)) {
    return { kind: 'unusable', why: 'names no curve' }
  }
  const name = oid(parameters, place)
  const curve = namedBy(Curve, name)
  if (curve === undefined)
    return { kind: 'unusable', why: `is on a curve (${name}) that Culvert does not know` }
  if (bits[0] !== 0x04 || bits.length !== 1 + 2 * Curve[curve].octets) {
    return { kind: 'unusable', why: `is no uncompressed point of ${curve}` }
  }
  return { kind: 'ecdsa', curve, point: bits.slice(1) }
}

const decodeEdwards = (kind: 'ed25519' | 'ed448', octets: number, bits: Uint8Array): PublicKey =>
  bits.length === octets
    ? { kind, point: bits.slice() }
    : { kind: 'unusable', why: `has ${bits.length} octets instead of ${octets}` }

/** Why a key is too weak to be believed; undefined when it is not. `weakRsa`: the switch is on. */
export function weaknessOf(key: PublicKey, weakRsa: boolean): string | undefined {
  if (key.kind === 'unusable') return key.why
  if (key.kind !== 'rsa') return undefined
  if (key.bits >= CHOICE.rsaBits || (weakRsa && key.bits >= CHOICE.rsaWeakBits)) return undefined
  return `is RSA of ${key.bits} bits, within reach of an attacker`
}

/** For people: `RSA 2048`, `ECDSA P-256`, `Ed25519`. */
export function describeKey(key: PublicKey): string {
  switch (key.kind) {
    case 'rsa':
      return `RSA ${key.bits}${key.pssOnly ? ' (PSS)' : ''}`
    case 'ecdsa':
      return `ECDSA ${key.curve}`
    case 'ed25519':
      return 'Ed25519'
    case 'ed448':
      return 'Ed448'
    case 'unusable':
      return 'unusable'
  }
}

/**
 * The key for `node:crypto`; undefined where the numbers make none, such as a point that is not on its curve.
 * By its numbers, because Electron's OpenSSL knows fewer encodings than Node's. Not for Ed448.
 */
export function toKeyObject(key: Exclude<PublicKey, { kind: 'unusable' | 'ed448' }>): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwkOf(key), format: 'jwk' })
  } catch {
    return undefined
  }
}

type Jwk = Readonly<Record<string, string>>
function jwkOf(key: Exclude<PublicKey, { kind: 'unusable' | 'ed448' }>): Jwk {
  switch (key.kind) {
    case 'rsa':
      return { kty: 'RSA', n: base64Url(key.modulus), e: base64Url(key.exponent) }
    case 'ecdsa': {
      const half = key.point.length / 2
      const [x, y] = [key.point.subarray(0, half), key.point.subarray(half)]
      return { kty: 'EC', crv: key.curve, x: base64Url(x), y: base64Url(y) }
    }
    default:
      return { kty: 'OKP', crv: 'Ed25519', x: base64Url(key.point) }
  }
}

const base64Url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url')

function withoutZeros(octets: Uint8Array): Uint8Array {
  const first = octets.findIndex((octet) => octet !== 0)
  return first === -1 ? new Uint8Array(0) : octets.slice(first)
}

const bitLength = (octets: Uint8Array): number =>
  octets.length === 0 ? 0 : octets.length * 8 - (Math.clz32(octets[0]!) - 24)

/** Both verify the same signatures. */
export function samePublicKey(a: PublicKey, b: PublicKey): boolean {
  if (a.kind === 'rsa' && b.kind === 'rsa') {
    return equal(a.modulus, b.modulus) && equal(a.exponent, b.exponent)
  }
  if (a.kind === 'ecdsa' && b.kind === 'ecdsa') return a.curve === b.curve && equal(a.point, b.point)
  return 'point' in a && 'point' in b && a.kind === b.kind && equal(a.point, b.point)
}
