import type { Secret } from '../../bytes/secret.ts'
import { describeCertificate } from '../../cert/certificate.ts'
import { type Credential, readCertificates, readCredential } from '../../cert/own-key.ts'
import type { CredentialProblem } from '../../cert/private-key.ts'
import { encodeKeyPem } from '../../cert/private-key.ts'
import type { ProfileInput } from '../schema.ts'
import { certificatesPem } from './credential.ts'
import type { Draft, SecretName } from './description.ts'
import { invalid } from './failure.ts'
import type { Question } from './result.ts'
import { SIGN_INS } from './sign-ins.ts'

/** How both ends prove themselves, as a profile says it. */
export interface Proofs {
  readonly auth: ProfileInput['auth']
  readonly gatewayAuth: NonNullable<ProfileInput['gatewayAuth']>
  /** For the keychain; the caller closes them. */
  readonly secrets: ReadonlyMap<string, Secret>
  readonly warnings: readonly string[]
}

/**
 * The proofs of a draft whose sign-in Culvert does, or the question that must be answered first. Takes the secrets it
 * uses out of the draft. Throws `VpnFailure` (`profileInvalid`) for certificates and keys that cannot be read.
 */
export function proofsOf(
  draft: Draft,
  profile: string,
  passphrase: string | undefined,
): { readonly proofs: Proofs } | { readonly question: Question } {
  const method = SIGN_INS[draft.value('auth')?.[0] ?? 'none'].method
  const secrets = new Map<string, Secret>()
  const keep = (name: SecretName): void => {
    const secret = draft.secrets.get(name)?.secret
    if (secret !== undefined) secrets.set(name, secret.clone())
  }
  const { gatewayAuth, warnings } = trustOf(draft)
  if (method === 'psk' || gatewayAuth.method === 'psk') keep('psk')
  if (method !== 'certificate') return { proofs: { auth: { method: 'psk' }, gatewayAuth, secrets, warnings } }
  const rsaPss = draft.value('rsaPss') ?? false
  const read = credentialOf(draft, passphrase)
  if (read === 'locked') {
    for (const secret of secrets.values()) secret.close()
    return { question: passphraseFor(profile) }
  }
  if (read === undefined) {
    // It is still to come: `culvert import FILE.p12 --profile NAME`.
    return { proofs: { auth: { method, rsaPss }, gatewayAuth, secrets, warnings } }
  }
  const { certificate, intermediates, key } = read
  secrets.set('key', encodeKeyPem(key))
  key.secret.close()
  const auth = { method, rsaPss, certificate: certificatesPem([certificate, ...intermediates]) } as const
  return { proofs: { auth, gatewayAuth, secrets, warnings } }
}

function trustOf(draft: Draft): Pick<Proofs, 'gatewayAuth' | 'warnings'> {
  if (draft.value('gatewayAuth') === 'psk') return { gatewayAuth: { method: 'psk' }, warnings: [] }
  const said = draft.said('caCertificates')
  if (said === undefined || said.value.length === 0)
    return { gatewayAuth: { method: 'certificate' }, warnings: [] }
  const authorities = said.value.flatMap((octets) => {
    const read = readCertificates(octets)
    if (!read.ok) throw invalid(draft.placeOf(said.fields[0] ?? ''), `no certificate: ${read.problem}`)
    return read.certificates
  })
  const names = [...new Set(authorities.map(describeCertificate))].join('; ')
  return {
    gatewayAuth: { method: 'certificate', ca: certificatesPem(authorities) },
    warnings: [`It brings its own authority, ${names}: whoever holds its key can pass for the gateway.`],
  }
}

/** Our certificate with its key; `undefined` where one of them did not come along. */
function credentialOf(draft: Draft, passphrase: string | undefined): Credential | 'locked' | undefined {
  const said = draft.said('ownCertificates')
  const files = [...(said?.value ?? [])]
  const key = draft.secrets.get('key')
  if (files.length === 0 && key === undefined) return undefined
  const words = draft.secrets.get('passphrase')?.secret.use((bytes) => Buffer.from(bytes).toString('utf8'))
  const read = (octets: readonly Uint8Array[]) => readCredential(octets, words ?? passphrase)
  const result = key === undefined ? read(files) : key.secret.use((bytes) => read([...files, bytes]))
  if (result.ok) return result.credential
  const { why, problem } = result.problem
  if (isLocked(why, passphrase)) return 'locked'
  const field = said?.fields[0] ?? key?.field ?? ''
  if (why !== 'missing') throw invalid(draft.placeOf(field), problem)
  draft.mark(field, 'changed', `${problem}: your certificate is still to come`)
  return undefined
}

/** A passphrase in the file may be an old one: the person is asked then too. */
const isLocked = (why: CredentialProblem['why'], given: string | undefined): boolean =>
  why === 'passphraseMissing' || (why === 'passphraseWrong' && given === undefined)

const passphraseFor = (profile: string): Question => ({
  profile,
  name: 'passphrase',
  prompt: `Passphrase of the key for ${profile}`,
  secret: true,
  needed: true,
})
