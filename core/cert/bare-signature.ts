import { constants, type KeyObject, privateEncrypt, publicDecrypt } from 'node:crypto'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { concat, equal } from '../bytes/octets.ts'
import { octetString, type Place, readDer, sequence } from './der.ts'
import type { CurveName } from './oids.ts'
import { type PublicKey, toKeyObject } from './public-key.ts'

/**
 * Signatures of IKEv1, which are made over the octets of a HASH as they are: nothing is hashed once more, and RSA names
 * no hash. RFC 2409 §5.1, RFC 4754 §3
 */

const CURVES = { 'P-256': p256, 'P-384': p384, 'P-521': p521 } as const

/** No hashing once more, and either of the two values of s, as others make them. */
const BARE = { prehash: false, lowS: false } as const

const SEC1: Place = { what: 'ECPrivateKey', reference: 'RFC 5915 §3' }

/** PKCS#1 v1.5 with block type 1 over bare octets, without DigestInfo. */
export const signBareRsa = (key: KeyObject, octets: Uint8Array): Uint8Array =>
  new Uint8Array(privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, octets))

/** `curve`: that of the key. → r ‖ s. Node can only sign what it has hashed itself. */
export function signBareEcdsa(key: KeyObject, curve: CurveName, octets: Uint8Array): Uint8Array {
  const der = new Uint8Array(key.export({ format: 'der', type: 'sec1' }))
  const [, scalar] = sequence(readDer(der, SEC1), SEC1)
  const secret = octetString(scalar, SEC1).slice()
  try {
    return CURVES[curve].sign(octets, secret, { ...BARE, extraEntropy: true })
  } finally {
    for (const bytes of [der, secret]) bytes.fill(0)
  }
}

/** True for a signature over exactly these octets. Never throws. */
export function verifyBare(key: PublicKey, octets: Uint8Array, signature: Uint8Array): boolean {
  try {
    if (key.kind === 'ecdsa') {
      const point = concat(Uint8Array.of(4), key.point)
      return CURVES[key.curve].verify(signature, octets, point, BARE)
    }
    if (key.kind !== 'rsa' || key.pssOnly || signature.length !== key.modulus.length) return false
    const object = toKeyObject(key)
    if (object === undefined) return false
    const padding = constants.RSA_PKCS1_PADDING
    return equal(new Uint8Array(publicDecrypt({ key: object, padding }, signature)), octets)
  } catch {
    return false
  }
}
