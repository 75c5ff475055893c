import { concat } from '../bytes/octets.ts'
import { AuthMethod, HashAlgorithm } from '../iana/ikev2.ts'
import { nameOf } from '../iana/registry.ts'
import { type CurveName, Hash, type HashName } from './oids.ts'
import { describeKey, type PublicKey } from './public-key.ts'
import {
  decodeSchemeDer,
  describeScheme,
  encodeScheme,
  fits,
  type SignatureScheme,
  verifySignature,
} from './signature.ts'

/** How one AUTH payload is signed: the method, the scheme, and how ECDSA writes its two numbers. */
export interface AuthForm {
  /** IANA Auth Method: 1, 9, 10, 11 or 14. */
  readonly method: number
  readonly scheme: SignatureScheme
  /** r ‖ s as in RFC 4754; DER otherwise. */
  readonly raw: boolean
}

/** The Data of our SIGNATURE_HASH_ALGORITHMS, in order of preference. SHA-1 only behind its switch. RFC 7427 §4, RFC 8247 §3.2 */
export const offeredHashes = (weakSha1: boolean): readonly number[] => [
  Hash.sha256.id,
  Hash.sha384.id,
  Hash.sha512.id,
  HashAlgorithm.IDENTITY.id,
  ...(weakSha1 ? [Hash.sha1.id] : []),
]

/** The older methods bind curve and hash together. RFC 4754 §3 */
const BY_CURVE: Readonly<Record<CurveName, { readonly method: number; readonly hash: HashName }>> = {
  'P-256': { method: AuthMethod.ECDSA_SHA256_P256.id, hash: 'sha256' },
  'P-384': { method: AuthMethod.ECDSA_SHA384_P384.id, hash: 'sha384' },
  'P-521': { method: AuthMethod.ECDSA_SHA512_P521.id, hash: 'sha512' },
}

export interface AuthChoice {
  /** What the peer's SIGNATURE_HASH_ALGORITHMS lists; undefined where one side sent none. */
  readonly peerHashes: readonly number[] | undefined
  /** RSASSA-PSS instead of PKCS#1 v1.5. */
  readonly pss: boolean
  readonly weakSha1: boolean
}
export type AuthChosen =
  | { readonly ok: true; readonly form: AuthForm }
  /** `weakSha1`: only a switched-off one would do. `problem`: a clause without a full stop. */
  | { readonly ok: false; readonly why: 'weakSha1' | 'unsupported'; readonly problem: string }

/** How we sign with this key for a peer that can do this. RFC 7427 §4: both announced hashes, so method 14 it is. */
export function chooseAuth(key: PublicKey, choice: AuthChoice): AuthChosen {
  if (key.kind === 'unusable') return { ok: false, why: 'unsupported', problem: `our key ${key.why}` }
  return choice.peerHashes === undefined
    ? chooseOlder(key, choice)
    : chooseDigital(key, choice, choice.peerHashes)
}

type Usable = Exclude<PublicKey, { kind: 'unusable' }>

function chooseOlder(key: Usable, { weakSha1 }: AuthChoice): AuthChosen {
  if (key.kind === 'ecdsa') {
    const { method, hash } = BY_CURVE[key.curve]
    return { ok: true, form: { method, scheme: { kind: 'ecdsa', hash }, raw: true } }
  }
  if (key.kind !== 'rsa' || key.pssOnly) {
    return {
      ok: false,
      why: 'unsupported',
      problem: `the gateway does not know signatures by ${describeKey(key)}`,
    }
  }
  // Peers of that age check for SHA-1 and nothing else. RFC 7296 §3.8
  return weakSha1
    ? {
        ok: true,
        form: { method: AuthMethod.RSA_SIGNATURE.id, scheme: { kind: 'rsa', hash: 'sha1' }, raw: false },
      }
    : { ok: false, why: 'weakSha1', problem: 'the gateway knows RSA signatures with SHA-1 only' }
}

function chooseDigital(key: Usable, { pss, weakSha1 }: AuthChoice, listed: readonly number[]): AuthChosen {
  const digital = (scheme: SignatureScheme): AuthChosen => ({
    ok: true,
    form: { method: AuthMethod.DIGITAL_SIGNATURE.id, scheme, raw: false },
  })
  if (key.kind === 'ed25519' || key.kind === 'ed448') {
    return listed.includes(HashAlgorithm.IDENTITY.id)
      ? digital({ kind: key.kind })
      : {
          ok: false,
          why: 'unsupported',
          problem: `the gateway does not know signatures by ${describeKey(key)}`,
        }
  }
  const preferred = key.kind === 'ecdsa' ? BY_CURVE[key.curve].hash : 'sha256'
  const strong: readonly HashName[] = [preferred, 'sha256', 'sha384', 'sha512']
  const hash = strong.find((name) => listed.includes(Hash[name].id))
  if (hash === undefined) {
    if (!listed.includes(Hash.sha1.id)) {
      const names = listed.map((id) => nameOf(HashAlgorithm, id)).join(', ')
      return {
        ok: false,
        why: 'unsupported',
        problem: `the gateway takes none of our hashes, only ${names || 'none'}`,
      }
    }
    if (!weakSha1)
      return { ok: false, why: 'weakSha1', problem: 'the gateway takes signatures with SHA-1 only' }
  }
  const chosen = hash ?? 'sha1'
  if (key.kind === 'ecdsa') return digital({ kind: 'ecdsa', hash: chosen })
  return pss || (key.kind === 'rsa' && key.pssOnly)
    ? digital({ kind: 'pss', hash: chosen, saltOctets: Hash[chosen].octets })
    : digital({ kind: 'rsa', hash: chosen })
}

/** Authentication Data of the payload. With method 14: length ‖ AlgorithmIdentifier ‖ signature. RFC 7427 §3 */
export function encodeAuthData({ method, scheme }: AuthForm, signature: Uint8Array): Uint8Array {
  if (method !== AuthMethod.DIGITAL_SIGNATURE.id) return signature
  const identifier = encodeScheme(scheme)
  return concat(Uint8Array.of(identifier.length), identifier, signature)
}

export interface AuthRules {
  /** What we announced; undefined where we did not. */
  readonly offeredHashes: readonly number[] | undefined
  readonly weakSha1: boolean
}
export type AuthVerdict =
  /** `scheme`: for people. */
  | { readonly ok: true; readonly scheme: string }
  | {
      readonly ok: false
      readonly why: 'malformed' | 'method' | 'notOffered' | 'weakSha1' | 'wrong'
      readonly problem: string
    }

const no = (why: Exclude<AuthVerdict, { ok: true }>['why'], problem: string): AuthVerdict => ({
  ok: false,
  why,
  problem,
})

/** Whether AUTH is a signature of `octets` by `key`, in a form we allow. Anything but an explicit yes is a no. */
export function verifyAuth(
  key: PublicKey,
  octets: Uint8Array,
  auth: { readonly method: number; readonly data: Uint8Array },
  rules: AuthRules,
): AuthVerdict {
  switch (auth.method) {
    case AuthMethod.DIGITAL_SIGNATURE.id:
      return verifyDigital(key, octets, auth.data, rules)
    case AuthMethod.RSA_SIGNATURE.id:
      return verifyRsa(key, octets, auth.data, rules)
    case AuthMethod.ECDSA_SHA256_P256.id:
    case AuthMethod.ECDSA_SHA384_P384.id:
    case AuthMethod.ECDSA_SHA512_P521.id:
      return verifyEcdsa(key, octets, auth)
    default:
      return no('method', `${nameOf(AuthMethod, auth.method)} is not a signature that is accepted`)
  }
}

function verifyDigital(key: PublicKey, octets: Uint8Array, data: Uint8Array, rules: AuthRules): AuthVerdict {
  if (rules.offeredHashes === undefined)
    return no('notOffered', 'method 14 was used though nobody announced it')
  const length = data[0] ?? 0
  if (length === 0 || data.length < 1 + length) return no('malformed', 'the algorithm identifier is cut off')
  const decoded = decodeSchemeDer(data.subarray(1, 1 + length))
  if (!decoded.ok) return no('malformed', decoded.error.message)
  const scheme = decoded.value
  if (scheme === undefined) return no('method', 'it is signed in a way Culvert does not know')
  const words = describeScheme(scheme)
  const hash = 'hash' in scheme ? Hash[scheme.hash].id : HashAlgorithm.IDENTITY.id
  if (hash === Hash.sha1.id && !rules.weakSha1)
    return no('weakSha1', `it is signed by ${words}, which is weak`)
  if (!rules.offeredHashes.includes(hash))
    return no('notOffered', `it is signed by ${words}, which was not offered`)
  // One set of parameters is enough for everybody. RFC 7427 §A.4
  if (scheme.kind === 'pss' && scheme.saltOctets !== Hash[scheme.hash].octets) {
    return no('method', `its PSS salt has ${scheme.saltOctets} octets, the hash ${Hash[scheme.hash].octets}`)
  }
  return check(key, scheme, octets, data.subarray(1 + length), false)
}

/** Method 1 leaves the hash to the signature itself; SHA-1 is what peers of that age use. RFC 7296 §3.8 */
function verifyRsa(
  key: PublicKey,
  octets: Uint8Array,
  signature: Uint8Array,
  { weakSha1 }: AuthRules,
): AuthVerdict {
  for (const hash of ['sha256', 'sha384', 'sha512', 'sha1'] as const) {
    const verdict = check(key, { kind: 'rsa', hash }, octets, signature, false)
    if (verdict.ok && hash === 'sha1' && !weakSha1)
      return no('weakSha1', 'it is signed by RSA with SHA-1, which is weak')
    if (verdict.ok || verdict.why === 'method') return verdict
  }
  return no('wrong', 'the signature does not fit')
}

function verifyEcdsa(
  key: PublicKey,
  octets: Uint8Array,
  { method, data }: { readonly method: number; readonly data: Uint8Array },
): AuthVerdict {
  if (key.kind !== 'ecdsa' || BY_CURVE[key.curve].method !== method) {
    return no('method', `${nameOf(AuthMethod, method)} does not go with a key that is ${describeKey(key)}`)
  }
  const half = key.point.length / 2
  if (data.length !== 2 * half)
    return no('malformed', `the signature has ${data.length} octets instead of ${2 * half}`)
  return check(key, { kind: 'ecdsa', hash: BY_CURVE[key.curve].hash }, octets, data, true)
}

function check(
  key: PublicKey,
  scheme: SignatureScheme,
  octets: Uint8Array,
  signature: Uint8Array,
  raw: boolean,
): AuthVerdict {
  if (!fits(key, scheme))
    return no('method', `${describeScheme(scheme)} does not go with a key that is ${describeKey(key)}`)
  return verifySignature(key, scheme, octets, signature, raw)
    ? { ok: true, scheme: describeScheme(scheme) }
    : no('wrong', 'the signature does not fit')
}
