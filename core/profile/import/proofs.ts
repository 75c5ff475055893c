import type { Secret } from '../../bytes/secret.ts'
import { describeCertificate } from '../../cert/certificate.ts'
import { type Credential, readCertificates, readCredential } from '../../cert/own-key.ts'
import type { CredentialProblem } from '../../cert/private-key.ts'
import { encodeKeyPem } from '../../cert/private-key.ts'
import type { ProfileInput } from '../schema.ts'
import { certificatesPem } from './credential.ts'
import type { Draft, SecretName, SignIn } from './description.ts'
import { invalid } from './failure.ts'
import { answerTo, type ImportAnswers, type Question, question } from './result.ts'
import { SIGN_INS, type SignInRow } from './sign-ins.ts'
import { identityWords } from './strongswan-values.ts'

/** How both ends prove themselves, as a profile says it. */
export type Proofs = Pick<ProfileInput, 'auth' | 'secondAuth' | 'gatewayAuth' | 'xauth'>

export interface ProofsRead {
  readonly proofs: Proofs
  /** For the keychain; the caller closes them. */
  readonly secrets: Map<string, Secret>
  readonly warnings: readonly string[]
}

/**
 * The proofs of a draft whose sign-in Culvert does, or the questions that must be answered first. Copies the secrets it
 * uses. Throws `VpnFailure` (`profileInvalid`) for certificates and keys that cannot be read.
 */
export function proofsOf(
  draft: Draft,
  profile: string,
  answers: ImportAnswers,
): ProofsRead | { readonly questions: readonly Question[] } {
  const rounds = draft.value('auth') ?? []
  const [first, second] = rounds.map((round) => SIGN_INS[round])
  // First, since it may throw: nothing secret is held yet.
  const { gatewayAuth, warnings } = trustOf(draft)
  const questions: Question[] = []
  const user = draft.value('user') ?? answerTo(answers, profile, 'user')
  // Who is named to IKE is named to EAP too, unless a person comes only after a key or certificate.
  const named = user !== undefined || (first?.method === 'eap' && draft.value('localId') !== undefined)
  if (needsUser(rounds) && !named) questions.push(question(profile, 'user', `User name for ${profile}`, OPEN))
  const passphrase = answerTo(answers, profile, 'passphrase')
  const credential = rounds.some(showsCertificate) ? credentialOf(draft, passphrase) : undefined
  if (credential === 'locked') {
    const words = passphrase === undefined ? 'Passphrase' : 'Not that one: the passphrase'
    questions.push(question(profile, 'passphrase', `${words} of the key for ${profile}`, SECRET))
  }
  if (credential === 'locked' || questions.length > 0) {
    if (credential !== 'locked') credential?.key.secret.close()
    return { questions }
  }
  const secrets = new Map<string, Secret>()
  const keep = (name: SecretName): void => {
    const secret = draft.secrets.get(name)?.secret
    if (secret !== undefined) secrets.set(name, secret.clone())
  }
  if (rounds.includes('psk') || gatewayAuth?.method === 'psk') keep('psk')
  if (needsUser(rounds)) keep('password')
  if (draft.value('ppkId') !== undefined) keep('ppk')
  let certificate: { readonly certificate?: string } = {}
  // Without one it is still to come: `culvert import FILE.p12 --profile NAME`.
  if (credential !== undefined) {
    certificate = { certificate: certificatesPem([credential.certificate, ...credential.intermediates]) }
    secrets.set('key', encodeKeyPem(credential.key))
    credential.key.secret.close()
  }
  const eapOf = ({ eap = [] }: SignInRow): EapInput => ({
    ...{ method: 'eap', methods: [...eap], ...eapDetails(draft, user, gatewayAuth) },
    ...(eap.includes('tls') ? certificate : {}),
  })
  const auth = (): Proofs['auth'] => {
    if (first?.method === 'eap') return eapOf(first)
    if (first?.method === 'certificate')
      return { method: 'certificate', rsaPss: draft.value('rsaPss') ?? false, ...certificate }
    return { method: rounds[0] === 'psk' ? 'psk' : 'xauth' }
  }
  const byXauth = rounds.includes('xauth') || rounds.includes('hybrid')
  const proofs = {
    ...{ auth: auth(), gatewayAuth },
    ...(second?.method === 'eap' ? { secondAuth: eapOf(second) } : {}),
    ...(byXauth && user !== undefined ? { xauth: { user } } : {}),
  }
  return { proofs, secrets, warnings }
}

const REVOCATION = { off: 'off', 'if-possible': 'ifAvailable', strict: 'strict' } as const

type EapInput = Extract<ProfileInput['auth'], { method: 'eap' }>

const showsCertificate = (round: SignIn): boolean =>
  SIGN_INS[round].method !== undefined && SIGN_INS[round].secrets.includes('key')

/** Somebody signs in with a password. */
const needsUser = (rounds: readonly SignIn[]): boolean =>
  rounds.some((round) => SIGN_INS[round].secrets.includes('password'))

/** Who we are to EAP, and whom its server of TLS has to be, where that is not the gateway itself. */
function eapDetails(
  draft: Draft,
  user: string | undefined,
  gateway: Proofs['gatewayAuth'],
): Pick<EapInput, 'user' | 'server'> {
  const id = identityWords(draft.value('aaaId') ?? '')
  const { method: _, ...trust } = gateway?.method === 'certificate' ? gateway : { method: undefined }
  return {
    ...(user === undefined ? {} : { user }),
    ...(id === undefined ? {} : { server: { id, ...trust } }),
  }
}

function trustOf(draft: Draft): Pick<ProofsRead, 'warnings'> & Pick<Proofs, 'gatewayAuth'> {
  const proof = draft.value('gatewayAuth')
  if (proof === 'psk' || proof === 'eap') return { gatewayAuth: { method: proof }, warnings: [] }
  const revocation = draft.value('revocation')
  const asked = revocation === undefined ? {} : { revocation: REVOCATION[revocation] }
  const said = draft.said('caCertificates')
  if (said === undefined || said.value.length === 0)
    return { gatewayAuth: { method: 'certificate', ...asked }, warnings: [] }
  const authorities = said.value.flatMap((octets) => {
    const read = readCertificates(octets)
    if (!read.ok) throw invalid(draft.placeOf(said.fields[0] ?? ''), `no certificate: ${read.problem}`)
    return read.certificates
  })
  const names = [...new Set(authorities.map(describeCertificate))].join('; ')
  return {
    gatewayAuth: { method: 'certificate', ca: certificatesPem(authorities), ...asked },
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
const OPEN = { secret: false, needed: true } as const
