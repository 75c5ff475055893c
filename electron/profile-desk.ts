import { randomUUID } from 'node:crypto'
import type { Secret } from '../core/bytes/secret.ts'
import { type Certificate, describeCertificate } from '../core/cert/certificate.ts'
import { identitiesOf } from '../core/cert/identity.ts'
import { formatName } from '../core/cert/name.ts'
import type { CertificateWords } from '../core/contract/credential.ts'
import {
  type CheckedDocument,
  type DocumentIssue,
  EAP_DEFAULTS,
  type ProfileDocument,
  type SaveOutcome,
  type SecretsState,
} from '../core/contract/profile.ts'
import type { PastConnection } from '../core/contract/snapshot.ts'
import { VpnFailure } from '../core/errors.ts'
import type { History } from '../core/manager/history.ts'
import { forgetSecrets } from '../core/manager/saved-secrets.ts'
import { demoProfile } from '../core/profile/demo.ts'
import { formatIdentity } from '../core/profile/identity.ts'
import {
  checkProfile,
  gatewayAuthOf,
  PROFILE_FORMAT,
  type Profile,
  readProfile,
  requireProfile,
  secretNames,
} from '../core/profile/schema.ts'
import { ownCertificatePem, readPemCertificates, SECRET_NAMES } from '../core/profile/sign-in.ts'
import type { ProfileStore } from '../core/profile/store.ts'
import { suiteInWords, weakWords } from '../core/profile/suite-words.ts'
import { weaknessOf } from '../core/profile/suites.ts'
import type { MemorySecrets } from '../core/secrets/memory.ts'
import type { SecretStore } from '../core/secrets/store.ts'

export interface ProfileDeskNeeds {
  readonly profiles: ProfileStore
  readonly keychain: SecretStore
  readonly given: MemorySecrets
  readonly history: History
  /** Whether a tunnel of this profile runs. */
  busy(profile: string): Promise<boolean>
  /** The list is to be read again. */
  changed(): Promise<void>
}

type Document = Readonly<Record<string, unknown>>

/** What the editor does with profiles and their secrets. */
export class ProfileDesk {
  readonly #needs: ProfileDeskNeeds

  constructor(needs: ProfileDeskNeeds) {
    this.#needs = needs
  }

  /** A profile to begin with: everything by default, and what only the person knows left empty. */
  blank(): ProfileDocument {
    const begun = {
      format: PROFILE_FORMAT,
      version: 1,
      id: 'new',
      name: 'new',
      gateway: { host: 'x' },
      localId: 'x',
    }
    const filled = requireProfile({ ...begun, auth: { method: 'psk' } }, 'a new profile')
    return { ...filled, id: `new-${randomUUID()}`, name: '', gateway: { host: '' }, localId: '' }
  }

  /** The demo as an ordinary profile of the list; what is there under its id already stays. Its id. */
  async demo(): Promise<string> {
    const { profiles } = this.#needs
    const demo = demoProfile()
    const { profiles: known } = await profiles.list()
    if (!known.some(({ id }) => id === demo.id)) {
      await profiles.save(demo)
      await this.#needs.changed()
    }
    return demo.id
  }

  async read(profile: string): Promise<ProfileDocument> {
    return this.#needs.profiles.find(profile)
  }

  /** Everything that keeps it from being used, at once, and its suites in words. Never throws. */
  check(document: Document): CheckedDocument {
    const read = readProfile({ ...document, id: 'checked' })
    const { ike, esp } = document as { ike?: { proposals?: unknown }; esp?: { proposals?: unknown } }
    return {
      issues: read.ok ? wholeIssues(read.profile) : firstOfEach(read.issues),
      ike: wordsOf(ike?.proposals),
      esp: wordsOf(esp?.proposals),
      alsoWeak: alsoWeakIn(document),
      ...signInOf(document),
    }
  }

  /**
   * Saves it unless something keeps it from being used. Takes over the secrets: the keychain gets them, or where there
   * is none the memory of this run.
   */
  async save(document: Document, secrets: ReadonlyMap<string, Secret>, fresh: boolean): Promise<SaveOutcome> {
    const { profiles } = this.#needs
    try {
      const name = String(document.name ?? '')
      const id = fresh ? await profiles.freshId(name) : String(document.id)
      const issues = this.check(document).issues
      if (issues.length > 0) return { issues, id, secrets: EMPTY }
      const profile = requireProfile({ ...document, id }, name)
      await profiles.save(profile)
      for (const [secret, value] of secrets) await this.#keep(id, secret, value)
      await this.#needs.changed()
      return { issues: [], id, secrets: await this.secrets(id) }
    } finally {
      for (const secret of secrets.values()) secret.close()
    }
  }

  /** The profile, its secrets and its history. Throws `VpnFailure` (`alreadyRunning`) while its tunnel runs. */
  async remove(id: string): Promise<void> {
    const { profiles, keychain, given, history } = this.#needs
    const profile = await profiles.find(id)
    if (await this.#needs.busy(profile.id)) {
      throw new VpnFailure({ kind: 'alreadyRunning', profile: profile.name })
    }
    await forgetSecrets(given, profile.id)
    // A keychain that cannot be used holds nothing we could have saved from here.
    await forgetSecrets(keychain, profile.id)
    await history.forget(profile.id)
    await profiles.remove(profile.id)
    await this.#needs.changed()
  }

  /** Where its secrets are. A keychain that is locked or absent is an answer, not a fault. */
  async secrets(id: string): Promise<SecretsState> {
    const { profiles, keychain, given } = this.#needs
    const profile = await profiles.find(id)
    const wanted = secretNames(profile)
    const saved: string[] = []
    const inMemory: string[] = []
    let problem: string | undefined
    for (const name of SECRET_NAMES) {
      if (close(await given.get(profile.id, name))) inMemory.push(name)
      if (problem !== undefined) continue
      try {
        if (close(await keychain.get(profile.id, name))) saved.push(name)
      } catch (thrown) {
        problem = problemOf(thrown)
      }
    }
    return { problem, saved, inMemory, wanted }
  }

  /** Removes one from the keychain and from memory. Throws `VpnFailure` (`keychainUnavailable`). */
  async forget(id: string, name: string): Promise<SecretsState> {
    const { profiles, keychain, given } = this.#needs
    const profile = await profiles.find(id)
    await given.delete(profile.id, name)
    await keychain.delete(profile.id, name)
    return this.secrets(profile.id)
  }

  async history(id: string): Promise<readonly PastConnection[]> {
    return this.#needs.history.list((await this.#needs.profiles.find(id)).id)
  }

  async #keep(profile: string, name: string, secret: Secret): Promise<void> {
    const { keychain, given } = this.#needs
    try {
      await keychain.set(profile, name, secret)
      // What was typed for this run alone is out of date now.
      await given.delete(profile, name)
    } catch (thrown) {
      if (!(thrown instanceof VpnFailure)) throw thrown
      await given.set(profile, name, secret)
    }
  }
}

const EMPTY: SecretsState = { problem: undefined, saved: [], inMemory: [], wanted: [] }

/** One problem a field: mending it often mends the others. */
const firstOfEach = (issues: readonly DocumentIssue[]): readonly DocumentIssue[] =>
  issues
    .filter(({ field }, at) => issues.findIndex((other) => other.field === field) === at)
    .map(({ field, problem }) => ({ field, problem }))

/** What one field cannot know of another. */
function wholeIssues(profile: Profile): readonly DocumentIssue[] {
  try {
    checkProfile(profile, profile.name)
    return []
  } catch (thrown) {
    if (!(thrown instanceof VpnFailure)) throw thrown
    const { error } = thrown
    if (error.kind === 'profileInvalid') return [{ field: error.field, problem: error.problem }]
    if (error.kind === 'weakAlgorithm') {
      const field = alsoWeakIn(profile).find(({ why }) => why === error.weakness)?.field ?? 'weak'
      return [{ field, problem: `${error.algorithm} is switched off: ${error.weakness}` }]
    }
    throw thrown
  }
}

const wordsOf = (suites: unknown): CheckedDocument['ike'] =>
  (Array.isArray(suites) ? suites : [])
    .filter((suite): suite is string => typeof suite === 'string')
    .map((suite) => ({ suite, words: suiteInWords(suite), weak: weakWords(suite) }))

/** How IKEv1 signs in can be weak whatever its suites are. RFC 2409 §5.4 */
function alsoWeakIn(document: Document): CheckedDocument['alsoWeak'] {
  const { ike, auth, gatewayAuth } = document as Partial<Pick<Profile, 'ike' | 'auth' | 'gatewayAuth'>>
  if (ike?.aggressive !== true || ike.version === 2 || auth === undefined) return []
  if (gatewayAuthOf({ auth, gatewayAuth }).method !== 'psk') return []
  const word = 'aggressivepsk'
  return [{ field: 'ike.aggressive', word, why: weaknessOf(word) ?? '' }]
}

type SignInWords = Pick<CheckedDocument, 'wanted' | 'gateway' | 'own' | 'authorities' | 'serverAuthorities'>

/** What its sign-in means, as far as it can be told while it is typed. */
function signInOf(document: Document): SignInWords {
  try {
    const profile = withEapDefaults({ gateway: { host: '' }, ...document } as Profile)
    const { auth, secondAuth, gatewayAuth } = profile
    const theirs = gatewayAuthOf(profile)
    const eap = auth.method === 'eap' ? auth : secondAuth
    return {
      wanted: secretNames(profile),
      gateway: theirs.method,
      own: certificatesIn(ownCertificatePem(profile))[0],
      authorities:
        theirs.method === 'certificate' && gatewayAuth !== undefined ? certificatesIn(theirs.ca) : [],
      serverAuthorities: certificatesIn(eap?.server?.ca),
    }
  } catch {
    // Not yet a sign-in: its issues say so.
    return { wanted: [], gateway: '', own: undefined, authorities: [], serverAuthorities: [] }
  }
}

/** What is left out of a sign-in by EAP, filled in: what is typed need not be a whole profile yet. */
function withEapDefaults(profile: Profile): Profile {
  const { auth, secondAuth } = profile
  return {
    ...profile,
    auth: auth.method === 'eap' ? { ...eapDefaults(), ...auth } : auth,
    secondAuth: secondAuth === undefined ? undefined : { ...eapDefaults(), ...secondAuth },
  }
}

const eapDefaults = () => ({
  ...EAP_DEFAULTS,
  methods: [...EAP_DEFAULTS.methods],
  inner: [...EAP_DEFAULTS.inner],
})

function certificatesIn(pem: unknown): readonly CertificateWords[] {
  const read = typeof pem === 'string' && pem.includes('-----') ? readPemCertificates(pem) : []
  return 'problem' in read ? [] : read.map(certificateWords)
}

const certificateWords = (certificate: Certificate): CertificateWords => ({
  subject: describeCertificate(certificate),
  issuer: formatName(certificate.issuer),
  names: identitiesOf(certificate).map(formatIdentity),
  validUntilMs: certificate.notAfter,
})

/** Whether there was one. */
function close(secret: Secret | undefined): boolean {
  secret?.close()
  return secret !== undefined
}

const problemOf = (thrown: unknown): string =>
  thrown instanceof VpnFailure && thrown.error.kind === 'keychainUnavailable'
    ? thrown.error.problem
    : String(thrown)
