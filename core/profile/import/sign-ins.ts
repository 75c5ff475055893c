import type { GatewayProof, SecretName, SignIn } from './description.ts'

/** What a way to sign in needs, and whether this Culvert can do it. */
export interface SignInRow {
  /** For people, in the middle of a sentence. */
  readonly words: string
  /** Absent where Culvert does not do it yet. */
  readonly method?: 'psk' | 'certificate'
  /** Secrets that go to the keychain with it. */
  readonly secrets: readonly SecretName[]
}

/** The one table that says which sign-ins an imported profile may have. */
export const SIGN_INS: Readonly<Record<SignIn, SignInRow>> = {
  psk: { words: 'a pre-shared key', method: 'psk', secrets: ['psk'] },
  certificate: { words: 'a certificate', method: 'certificate', secrets: ['key', 'passphrase'] },
  eap: { words: 'EAP', secrets: ['password'] },
  'eap-mschapv2': { words: 'EAP-MSCHAPv2', secrets: ['password'] },
  'eap-md5': { words: 'EAP-MD5', secrets: ['password'] },
  'eap-gtc': { words: 'EAP-GTC', secrets: ['password'] },
  'eap-tls': { words: 'EAP-TLS', secrets: ['key', 'passphrase'] },
  'eap-ttls': { words: 'EAP-TTLS', secrets: ['password'] },
  'eap-peap': { words: 'PEAP', secrets: ['password'] },
  'eap-peap-tls': { words: 'PEAP with a certificate inside', secrets: ['key', 'passphrase'] },
  'eap-sim': { words: 'EAP-SIM', secrets: [] },
  'eap-aka': { words: 'EAP-AKA', secrets: [] },
  xauth: { words: 'XAuth', secrets: ['password'] },
  hybrid: { words: 'hybrid authentication', secrets: ['psk', 'password'] },
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
  eap: { words: 'EAP alone', can: false },
  'raw-key': { words: 'a raw public key', can: false },
  none: { words: 'no authentication', can: false },
}

/** What IKEv1 can do so far, as rounds joined by `+`. */
const IKEV1_SIGN_INS: readonly string[] = ['psk']

/**
 * Why a profile that signs in so cannot be used yet, or `undefined`. `rounds` in order; none means that the file
 * does not say.
 */
export function signInProblem(
  rounds: readonly SignIn[],
  gateway: GatewayProof | undefined,
  version: 1 | 2 | 'auto',
): string | undefined {
  const words = rounds.map((round) => SIGN_INS[round].words).join(' and then ')
  if (version === 1) {
    return rounds.length === 0 || IKEV1_SIGN_INS.includes(rounds.join('+'))
      ? undefined
      : `it signs in by ${words} in IKEv1, which this version of Culvert does not do yet`
  }
  const lacking = rounds.filter((round) => SIGN_INS[round].method === undefined)
  if (lacking.length > 0) return `it signs in by ${words}, which this version of Culvert does not do yet`
  if (rounds.length > 1) {
    return `it signs in by ${words}, and this version of Culvert does not do several rounds yet`
  }
  if (gateway !== undefined && !GATEWAY_PROOFS[gateway].can) {
    return `its gateway proves itself by ${GATEWAY_PROOFS[gateway].words}, which this version of Culvert cannot check yet`
  }
  return undefined
}
