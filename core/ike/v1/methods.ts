import { Phase1Authentication as P } from '../../iana/ikev1.ts'
import { nameOf } from '../../iana/registry.ts'
import type { Authentication, OurProof } from '../config.ts'

/** What an Authentication attribute means for phase 1. RFC 2409 §5 */
export interface Phase1Method {
  /** Value of the attribute. */
  readonly value: number
  /** What SKEYID is made of. */
  readonly skeyid: 'psk' | 'signatures'
  /** What each end proves itself with: a HASH, or a signature over it. */
  readonly initiator: 'hash' | 'signature'
  readonly responder: 'hash' | 'signature'
  /** The kind of key that signs. */
  readonly key?: 'rsa' | 'P-256' | 'P-384' | 'P-521'
  /** Transform ID of the PRF that HASH_I and HASH_R are made with where they are signed; left out: the negotiated one. RFC 4754 §2 */
  readonly signedPrf?: number
  /** Who of both is asked for a name and a password afterwards: a gateway may begin a renewal. draft-beaulieu-ike-xauth §5 */
  readonly xauth: 'initiator' | 'responder' | false
}

const psk = { skeyid: 'psk', initiator: 'hash', responder: 'hash' } as const
const signed = { skeyid: 'signatures', initiator: 'signature', responder: 'signature' } as const

/**
 * What we can do. Public-key encryption is not among it: its answers to broken messages give the key's plaintext away.
 * RFC 4754: each curve brings its hash along.
 */
const METHODS: readonly Phase1Method[] = [
  { value: P.PRE_SHARED_KEY.id, ...psk, xauth: false },
  { value: P.RSA_SIGNATURE.id, ...signed, key: 'rsa', xauth: false },
  { value: P.ECDSA_SHA256_P256.id, ...signed, key: 'P-256', signedPrf: 5, xauth: false },
  { value: P.ECDSA_SHA384_P384.id, ...signed, key: 'P-384', signedPrf: 6, xauth: false },
  { value: P.ECDSA_SHA512_P521.id, ...signed, key: 'P-521', signedPrf: 7, xauth: false },
  // Only the gateway has a certificate. draft-ietf-ipsec-isakmp-hybrid-auth §3.2
  { value: P.HYBRID_INITIATOR_RSA.id, ...signed, initiator: 'hash', key: 'rsa', xauth: 'initiator' },
  { value: P.HYBRID_RESPONDER_RSA.id, ...signed, responder: 'hash', key: 'rsa', xauth: 'responder' },
  { value: P.XAUTH_INITIATOR_PRE_SHARED_KEY.id, ...psk, xauth: 'initiator' },
  { value: P.XAUTH_RESPONDER_PRE_SHARED_KEY.id, ...psk, xauth: 'responder' },
  { value: P.XAUTH_INITIATOR_RSA.id, ...signed, key: 'rsa', xauth: 'initiator' },
  { value: P.XAUTH_RESPONDER_RSA.id, ...signed, key: 'rsa', xauth: 'responder' },
]

/** The method behind a negotiated attribute. Throws for one that was never offered. */
export function methodOf(value: number): Phase1Method {
  const method = METHODS.find((m) => m.value === value)
  if (method === undefined) throw new RangeError(`${nameOf(P, value)} is not offered`)
  return method
}

/**
 * The method a configuration asks for; `undefined` where IKEv1 has none for it. `xauth`: who of both is asked for name
 * and password.
 */
export function methodFor(
  authentication: Authentication,
  xauth: Phase1Method['xauth'],
): Phase1Method | undefined {
  const fitting = METHODS.filter((m) => m.xauth === xauth)
  if (authentication.method === 'psk') return fitting.find((m) => m.skeyid === 'psk')
  const { ours, theirs } = authentication
  if (ours.method === 'certificate' && theirs.method === 'xauth' && keyKind(ours) !== 'rsa') return undefined
  if (ours.method === 'xauth' || theirs.method === 'xauth')
    return fitting.find((m) => m.skeyid === 'signatures' && m.initiator !== m.responder)
  if (ours.method !== 'certificate' || theirs.method !== 'certificate') return undefined
  const key = keyKind(ours)
  return fitting.find((m) => m.initiator === 'signature' && m.responder === 'signature' && m.key === key)
}

const keyKind = ({ key: { publicKey } }: Extract<OurProof, { method: 'certificate' }>) =>
  publicKey.kind === 'ecdsa'
    ? publicKey.curve
    : publicKey.kind === 'rsa' && !publicKey.pssOnly
      ? ('rsa' as const)
      : undefined
