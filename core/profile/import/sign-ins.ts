import { safeAlone } from '../../eap/methods.ts'
import type { ProfileInput } from '../schema.ts'
import type { GatewayProof, SecretName, SignIn } from './description.ts'

type EapMethods = NonNullable<Extract<ProfileInput['auth'], { method: 'eap' }>['methods']>

/** What a way to sign in needs, and whether this Culvert can do it. */
export interface SignInRow {
  /** For people, in the middle of a sentence. */
  readonly words: string
  /** Absent where Culvert does not do it yet, or only after another round. */
  readonly method?: 'psk' | 'certificate' | 'eap'
  /** The methods EAP may use. */
  readonly eap?: Readonly<EapMethods>
  /** Secrets that go to the keychain with it. */
  readonly secrets: readonly SecretName[]
}

const byEap = (words: string, ...eap: EapMethods): SignInRow => ({
  words,
  method: 'eap',
  eap,
  secrets: eap.includes('tls') ? ['key', 'passphrase'] : ['password'],
})

/** The one table that says which sign-ins an imported profile may have. */
export const SIGN_INS: Readonly<Record<SignIn, SignInRow>> = {
  psk: { words: 'a pre-shared key', method: 'psk', secrets: ['psk'] },
  certificate: { words: 'a certificate', method: 'certificate', secrets: ['key', 'passphrase'] },
  // By name and password, in whatever way the gateway has: nobody is told the password before the gateway is proven.
  eap: byEap('EAP', 'mschapv2', 'gtc', 'md5'),
  'eap-mschapv2': byEap('EAP-MSCHAPv2', 'mschapv2'),
  'eap-md5': byEap('EAP-MD5', 'md5'),
  'eap-gtc': byEap('EAP-GTC', 'gtc'),
  'eap-tls': byEap('EAP-TLS', 'tls'),
  'eap-ttls': byEap('EAP-TTLS', 'ttls'),
  'eap-peap': byEap('PEAP', 'peap'),
  'eap-peap-tls': { words: 'PEAP with a certificate inside', secrets: ['key', 'passphrase'] },
  'eap-sim': { words: 'EAP-SIM', secrets: [] },
  'eap-aka': { words: 'EAP-AKA', secrets: [] },
  xauth: { words: 'XAuth', secrets: ['password'] },
  hybrid: { words: 'hybrid authentication', secrets: ['password'] },
  'raw-key': { words: 'a raw public key', secrets: ['key'] },
  smartcard: { words: 'a smart card', secrets: ['pin'] },
  agent: { words: 'a key of the SSH agent', secrets: [] },
  none: { words: 'no authentication', secrets: [] },
}

/** How the gateway may prove itself, of what this Culvert can check. */
export const GATEWAY_PROOFS: Readonly<
  Record<GatewayProof, { readonly words: string; readonly can: boolean }>
> = {
  psk: { words: 'a pre-shared key', can: true },
  certificate: { words: 'a certificate', can: true },
  eap: { words: 'EAP alone', can: true },
  'raw-key': { words: 'a raw public key', can: false },
  none: { words: 'no authentication', can: false },
}

/** What IKEv1 can do, as rounds joined by `+`. RFC 2409 §5, draft-beaulieu-ike-xauth, draft-ietf-ipsec-isakmp-hybrid-auth */
const IKEV1_SIGN_INS: readonly string[] = [
  ...['psk', 'certificate', 'psk+xauth', 'certificate+xauth'],
  // Two words for one thing: only the gateway proves itself before the name and password.
  ...['hybrid', 'xauth'],
]

const wordsFor = (rounds: readonly SignIn[]): string =>
  rounds.map((round) => SIGN_INS[round].words).join(' and then ')

/** The version that alone has such rounds, where a file leaves it open, and why, for people. */
export function onlyVersion(rounds: readonly SignIn[]): { version: 1 | 2; because: string } | undefined {
  const version = rounds.some((round) => round === 'xauth' || round === 'hybrid')
    ? 1
    : rounds.some((round) => SIGN_INS[round].method === 'eap')
      ? 2
      : undefined
  if (version === undefined) return undefined
  return { version, because: `IKEv${version}, which alone can sign in by ${wordsFor(rounds)}` }
}

/**
 * Why a profile that signs in so cannot be used yet, or `undefined`. `rounds` in order; none means that the file
 * does not say.
 */
export function signInProblem(
  rounds: readonly SignIn[],
  gateway: GatewayProof | undefined,
  version: 1 | 2 | 'auto',
): string | undefined {
  const words = wordsFor(rounds)
  if (version === 1) {
    if (rounds.length === 0 || IKEV1_SIGN_INS.includes(rounds.join('+'))) return undefined
    return `it signs in by ${words} in IKEv1, which this version of Culvert does not do yet`
  }
  const lacking = rounds.filter((round) => SIGN_INS[round].method === undefined)
  if (lacking.length > 0) return `it signs in by ${words}, which this version of Culvert does not do yet`
  if (rounds.length > 1 && !areTwoProofs(rounds)) {
    return `it signs in by ${words}, and this version of Culvert does not do these rounds together yet`
  }
  if (gateway === undefined) return undefined
  const proof = GATEWAY_PROOFS[gateway]
  if (!proof.can) {
    return `its gateway proves itself by ${proof.words}, which this version of Culvert cannot check yet`
  }
  // Whoever knows nothing of the password can pass for such a gateway. RFC 5998 §4
  const methods = SIGN_INS[rounds[0] ?? 'none'].eap ?? []
  return gateway !== 'eap' || (methods.length > 0 && safeAlone(methods).length === methods.length)
    ? undefined
    : `its gateway proves itself by EAP alone, and ${words} proves no gateway`
}

/** A key or a certificate, and EAP after it; one certificate is all there is. RFC 4739 */
function areTwoProofs([first = 'none', then = 'none', ...more]: readonly SignIn[]): boolean {
  const { eap } = SIGN_INS[then]
  if (more.length > 0 || eap === undefined) return false
  return first === 'psk' || (first === 'certificate' && !eap.includes('tls'))
}
