import type { AuthForm } from '../../cert/auth-signature.ts'
import { decodeSchemeDer, describeScheme, encodeScheme, type SignatureScheme } from '../../cert/signature.ts'
import { AuthMethod } from '../../iana/ikev2.ts'
import { NotifyType } from '../../iana/ikev2-notify.ts'
import { nameOf } from '../../iana/registry.ts'
import type { Payload } from '../../wire/ikev2/payload.ts'
import type { ConnectionConfig, TheirProof } from '../config.ts'
import { all, findNotify, notify } from './payloads.ts'

// Which ways of proving itself each end takes, announced to the other: advice, and never more. RFC 9593

const { SHARED_KEY_MIC, RSA_SIGNATURE, DIGITAL_SIGNATURE } = AuthMethod
const { ECDSA_SHA256_P256, ECDSA_SHA384_P384, ECDSA_SHA512_P521 } = AuthMethod

/** One way. RFC 9593 §3.2 */
export interface Announcement {
  readonly method: number
  /** Of method 14: in which algorithm; undefined where it is none we know. */
  readonly scheme?: SignatureScheme | undefined
}

/** Ours: announcements looked at of one message. */
const MOST = 64

const DIGITAL: readonly SignatureScheme[] = [
  ...(['sha256', 'sha384', 'sha512'] as const).map((hash) => ({ kind: 'ecdsa', hash }) as const),
  { kind: 'ed25519' },
  { kind: 'ed448' },
  { kind: 'pss', hash: 'sha256', saltOctets: 32 },
  { kind: 'pss', hash: 'sha384', saltOctets: 48 },
  { kind: 'pss', hash: 'sha512', saltOctets: 64 },
  ...(['sha256', 'sha384', 'sha512'] as const).map((hash) => ({ kind: 'rsa', hash }) as const),
]

/** What proves the peer to us, the most wanted first; of any authority. RFC 9593 §3.2.1 – §3.2.3 */
function announced(theirs: TheirProof, digital: boolean): readonly number[] {
  // After EAP both prove themselves by a key that the two have: that is no other method. RFC 7296 §2.16
  if (theirs.method !== 'certificate') return [2, SHARED_KEY_MIC.id]
  const older = [ECDSA_SHA256_P256, ECDSA_SHA384_P384, ECDSA_SHA512_P521]
  const rsa = theirs.weak.sha1 === true ? [RSA_SIGNATURE] : []
  return [
    ...(digital ? DIGITAL.map(encodeScheme) : []).flatMap((der) => [
      3 + der.length,
      DIGITAL_SIGNATURE.id,
      0,
      ...der,
    ]),
    ...[...older, ...rsa].flatMap(({ id }) => [3, id, 0]),
  ]
}

type Announcing = Pick<ConnectionConfig, 'authentication' | 'digitalSignatures' | 'announcesMethods'>

const ourAnnouncement = ({ authentication, digitalSignatures }: Announcing): Payload =>
  notify(
    NotifyType.SUPPORTED_AUTH_METHODS.id,
    Uint8Array.from(
      announced(
        authentication.method === 'psk' ? authentication : authentication.theirs,
        digitalSignatures !== false,
      ),
    ),
  )

/** The responder's, in the answer to IKE_SA_INIT, where it is to. RFC 9593 §3.1 */
export const announceMethods = (config: Announcing): Payload[] =>
  config.announcesMethods === true ? [ourAnnouncement(config)] : []

/** The initiator's, in its first IKE_AUTH, to a gateway that knows of such things. `theirs`: its IKE_SA_INIT. RFC 9593 §3.1 */
export const announceInReturn = (config: Announcing, theirs: readonly Payload[]): Payload[] =>
  findNotify(theirs, NotifyType.SUPPORTED_AUTH_METHODS.id) === undefined ? [] : [ourAnnouncement(config)]

/** What the peer says it takes, in its order; undefined where it says nothing. What breaks a rule ends the list. RFC 9593 §3.2 */
export function methodsIn(payloads: readonly Payload[]): readonly Announcement[] | undefined {
  const found: Announcement[] = []
  for (const { notify: type, data } of all(payloads, 'Notify')) {
    if (type !== NotifyType.SUPPORTED_AUTH_METHODS.id) continue
    for (let at = 0; at < data.length && found.length < MOST; at += data[at]!) {
      const length = data[at]!
      if (length < 2 || at + length > data.length) break
      const method = data[at + 1]!
      if (method !== DIGITAL_SIGNATURE.id) found.push({ method })
      else if (length > 3) {
        const scheme = decodeSchemeDer(data.subarray(at + 3, at + length))
        found.push({ method, scheme: scheme.ok ? scheme.value : undefined })
      }
    }
  }
  return found.length === 0 ? undefined : found
}

/** It says which RSA signatures it takes, and all are RSASSA-PSS. */
export const wantsPss = (payloads: readonly Payload[]): boolean => {
  const kinds = (methodsIn(payloads) ?? []).map(({ scheme }) => scheme?.kind)
  return kinds.includes('pss') && !kinds.includes('rsa')
}

/** What the peer takes, in words, where the proof we are about to give is not among it; else undefined. */
export function notTaken(
  payloads: readonly Payload[],
  ours: Pick<AuthForm, 'method'> & Partial<AuthForm>,
): string | undefined {
  const theirs = methodsIn(payloads)
  const isTaken = ({ method, scheme }: Announcement): boolean =>
    method === ours.method &&
    (ours.scheme === undefined ||
      method !== DIGITAL_SIGNATURE.id ||
      (scheme !== undefined && describeScheme(scheme) === describeScheme(ours.scheme)))
  if (theirs === undefined || theirs.some(isTaken)) return undefined
  return [...new Set(theirs.map(wordsOf))].join(', ')
}

const wordsOf = ({ method, scheme }: Announcement): string =>
  scheme === undefined ? nameOf(AuthMethod, method) : describeScheme(scheme)
