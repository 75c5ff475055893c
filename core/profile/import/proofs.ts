import type { Secret } from '../../bytes/secret.ts'
import { describeCertificate } from '../../cert/certificate.ts'
import { type Credential, readCertificates, readCredential } from '../../cert/own-key.ts'
import type { CredentialProblem } from '../../cert/private-key.ts'
import { encodeKeyPem } from '../../cert/private-key.ts'
import type { ProfileInput } from '../schema.ts'
import { certificatesPem } from './credential.ts'
import type { Draft, SecretName } from './description.ts'
import { invalid } from './failure.ts'
import { answerTo, type ImportAnswers, type Question, question } from './result.ts'
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
 * The proofs of a draft whose sign-in Culvert does, or the question that must be answered first. Copies the secrets it
 * uses. Throws `VpnFailure` (`profileInvalid`) for certificates and keys that cannot be read.
 */
export function proofsOf(
  draft: Draft,
  profile: string,
  answers: ImportAnswers,
): { readonly proofs: Proofs } | { readonly question: Question } {
  const rounds = draft.value('auth') ?? []
  const { method = 'psk' } = SIGN_INS[rounds[0] ?? 'none']
  // First, since it may throw: nothing secret is held yet.
  const { gatewayAuth, warnings } = trustOf(draft)
  const showsCertificate = method === 'certificate'
  const passphrase = answerTo(answers, profile, 'passphrase')
  const credential = showsCertificate ? credentialOf(draft, passphrase) : undefined
  if (credential === 'locked') {
    const words = passphrase === undefined ? 'Passphrase' : 'Not that one: the passphrase'
    return { question: question(profile, 'passphrase', `${words} of the key for ${profile}`, SECRET) }
  }
  const secrets = new Map<string, Secret>()
  const keep = (name: SecretName): void => {
    const secret = draft.secrets.get(name)?.secret
    if (secret !== undefined) secrets.set(name, secret.clone())
  }
  if (method === 'psk' || gatewayAuth.method === 'psk') keep('psk')
  if (draft.value('ppkId') !== undefined) keep('ppk')
  let certificate: { readonly certificate?: string } = {}
  // Without one it is still to come: `culvert import FILE.p12 --profile NAME`.
  if (credential !== undefined) {
    certificate = { certificate: certificatesPem([credential.certificate, ...credential.intermediates]) }
    secrets.set('key', encodeKeyPem(credential.key))
    credential.key.secret.close()
  }
  const auth: Proofs['auth'] =
    method === 'psk' ? { method } : { method, rsaPss: draft.value('rsaPss') ?? false, ...certificate }
  return { proofs: { auth, gatewayAuth, secrets, warnings } }
}

function trustOf(draft: Draft): Pick<Proofs, 'gatewayAuth' | 'warnings'> {
  const proof = draft.value('gatewayAuth')
  if (proof === 'psk') return { gatewayAuth: { method: proof }, warnings: [] }
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
  const read = (octets: readonly Uint8Array[]) => readCredential(octets, passphrase ?? words)
  const result = key === undefined ? read(files) : key.secret.use((bytes) => read([...files, bytes]))
  if (result.ok) return result.credential
  const { why, problem } = result.problem
  if (isLocked(why)) return 'locked'
  const field = said?.fields[0] ?? key?.field ?? ''
  if (why !== 'missing') throw invalid(draft.placeOf(field), problem)
  draft.mark(field, 'changed', `${problem}: your certificate is still to come`)
  return undefined
}

/** A passphrase in the file may be an old one, and a person may mistype: they are asked again. */
const isLocked = (why: CredentialProblem['why']): boolean =>
  why === 'passphraseMissing' || why === 'passphraseWrong'

const SECRET = { secret: true, needed: true } as const
