import type { WindowApi } from '../../core/contract/contract.ts'
import type { UnreadFile } from '../../core/contract/credential.ts'
import type {
  CheckedDocument,
  DocumentIssue,
  ProfileDocument,
  SecretsState,
} from '../../core/contract/profile.ts'
import type { ErrorSnapshot } from '../../core/contract/snapshot.ts'
import { fieldOf, sameDocument, withField } from './document.ts'
import type { NamedBytes } from './files.ts'
import { Probing } from './probing.svelte.ts'
import { besides, eapPath, inAnotherVersion, inAnotherWay, type Way, wayOf } from './sign-in.ts'

/** Ours: a person who types is not asked after every letter. */
const CALM_MS = 150

/** A profile while it is edited. The secret itself is never here: it stays in its field until it is sent. */
export class Editor {
  readonly #api: WindowApi
  /** `undefined`: a new one. */
  readonly profile: string | undefined
  #original = $state.raw<ProfileDocument | undefined>(undefined)
  #document = $state.raw<ProfileDocument | undefined>(undefined)
  checked = $state.raw<CheckedDocument | undefined>(undefined)
  secrets = $state.raw<SecretsState | undefined>(undefined)
  readonly probing: Probing
  fault = $state.raw<ErrorSnapshot | undefined>(undefined)
  saving = $state(false)
  /** Problems are shown of fields that were touched, and of all after an attempt to save. */
  attempted = $state(false)
  #touched = $state.raw<ReadonlySet<string>>(new Set())
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The key chosen a moment ago, which main holds. */
  #key = $state<number | undefined>(undefined)
  /** Authorities that came with it, PEM. */
  cameAlong = $state('')
  /** The profile as it was in a way to sign in, a version of IKE or with a part of it, so that a choice can be taken back. */
  readonly #aside = new Map<string, ProfileDocument>()

  constructor(api: WindowApi, profile: string | undefined) {
    this.#api = api
    this.profile = profile
    this.probing = new Probing(api)
    void this.load()
  }

  get document(): ProfileDocument | undefined {
    return this.#document
  }

  get changed(): boolean {
    const [before, now] = [this.#original, this.#document]
    return before !== undefined && now !== undefined && (this.holdsKey || !sameDocument(before, now))
  }

  get holdsKey(): boolean {
    return this.#key !== undefined
  }

  /** Names of the secrets that are typed, not chosen as a file. */
  get typed(): readonly string[] {
    return (this.checked?.wanted ?? []).filter((name) => name !== 'key')
  }

  /** Names of secrets that are kept and not needed any more. */
  get unused(): readonly string[] {
    const needed = this.checked?.wanted ?? []
    const kept = [...(this.secrets?.saved ?? []), ...(this.secrets?.inMemory ?? [])]
    return [...new Set(kept)].filter((name) => !needed.includes(name))
  }

  /** Whether a secret is kept, for good or for this run. */
  has(name: string): boolean {
    return this.secrets?.saved.includes(name) === true || this.secrets?.inMemory.includes(name) === true
  }

  async load(): Promise<void> {
    const { profiles } = this.#api
    const read =
      this.profile === undefined ? await profiles.blank() : await profiles.read({ profile: this.profile })
    if (!read.ok) {
      this.fault = read.error
      return
    }
    this.fault = undefined
    this.#original = read.value
    this.#document = read.value
    this.#touched = new Set()
    this.attempted = false
    await this.#check()
    await this.lookForSecrets()
  }

  async lookForSecrets(): Promise<void> {
    if (this.profile === undefined) return
    const found = await this.#api.profiles.secrets({ profile: this.profile })
    if (found.ok) this.secrets = found.value
  }

  set(path: string, value: unknown): void {
    const document = this.#document
    if (document === undefined) return
    if (path === 'ike.version') this.#speak(document, value as ProfileDocument['ike']['version'])
    else this.#change(path, withField(this.#explicit(path), path, value))
  }

  #speak(document: ProfileDocument, version: ProfileDocument['ike']['version']): void {
    this.#aside.set(`version ${document.ike.version}`, document)
    const before = this.#aside.get(`version ${version}`)
    this.#change('ike.version', inAnotherVersion(document, version, before))
  }

  /** A whole part of the profile, or none of it. `begun`: what there is of it at first. */
  part(path: string, on: boolean, begun: object): void {
    const document = this.#document
    if (document === undefined) return
    if (!on) this.#aside.set(path, document)
    const before = this.#aside.get(path)
    const value = on ? ((before && fieldOf(before, path)) ?? begun) : undefined
    this.#change(path, withField(document, path, value))
  }

  /** A name and a password besides the key or the certificate. */
  askBesides(on: boolean): void {
    const document = this.#document
    if (document === undefined) return
    if (!on) this.#aside.set('besides', document)
    this.#change('besides', besides(document, on, this.#aside.get('besides')))
  }

  /** Another way to sign in. What was said of the one before is put aside. */
  signInBy(way: Way): void {
    const document = this.#document
    if (document === undefined || wayOf(document) === way) return
    this.#aside.set(wayOf(document), document)
    this.#change('auth.method', inAnotherWay(document, way, this.#aside.get(way)))
  }

  /** Where the person's own certificate stands: what is shown first, or inside a sign-in by EAP. */
  get certificatePath(): string {
    const document = this.#document
    if (document === undefined || document.auth.method === 'certificate') return 'auth.certificate'
    return `${eapPath(document) ?? 'auth'}.certificate`
  }

  /** The person's certificate and key from files; main keeps the key until it is saved. */
  async readKey(
    files: readonly NamedBytes[],
    passphrase: string | undefined,
  ): Promise<{ readonly ok: true } | UnreadFile> {
    const path = this.certificatePath
    const beside = this.#document && fieldOf(this.#document, path)
    const outcome = await this.#api.credentials.read({
      files: [...files],
      passphrase,
      beside: typeof beside === 'string' ? beside : undefined,
    })
    if (!outcome.ok) return { ok: false, why: 'other', problem: outcome.error.title }
    const read = outcome.value
    if (!read.ok) return read
    this.#dropKey()
    this.#key = read.token
    this.cameAlong = read.authorities
    this.set(path, read.certificate)
    return { ok: true }
  }

  /** Authorities or lists of revoked certificates from files, into the profile. */
  async readTrust(
    path: string,
    files: readonly NamedBytes[],
    passphrase: string | undefined,
  ): Promise<{ readonly ok: true } | UnreadFile> {
    const { credentials } = this.#api
    const outcome = path.endsWith('crl')
      ? await credentials.revocations({ files: [...files] })
      : await credentials.authorities({ files: [...files], passphrase })
    if (!outcome.ok) return { ok: false, why: 'other', problem: outcome.error.title }
    if (outcome.value.ok) this.set(path, outcome.value.pem)
    return outcome.value
  }

  /** The gateway may have its certificate from these authorities, PEM. */
  trust(authorities: string): void {
    this.set('gatewayAuth.ca', authorities)
    this.cameAlong = ''
  }

  /** What follows from the sign-in is written down before a part of it is changed. */
  #explicit(path: string): ProfileDocument {
    const document = this.#document as ProfileDocument
    const method = this.checked?.gateway
    return path.startsWith('gatewayAuth.') && document.gatewayAuth === undefined && method !== undefined
      ? withField(document, 'gatewayAuth', { method })
      : document
  }

  #dropKey(): void {
    if (this.#key !== undefined) void this.#api.credentials.forget({ key: this.#key })
    this.#key = undefined
    this.cameAlong = ''
  }

  #change(path: string, document: ProfileDocument): void {
    this.#document = document
    this.#touched = new Set([...this.#touched, path])
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#check(), CALM_MS)
  }

  /** What is wrong with a field, once it is time to say so. */
  problemOf(path: string): string | undefined {
    const touched = this.attempted || [...this.#touched].some((one) => one === path)
    return touched ? this.checked?.issues.find((issue) => isAbout(issue, path))?.problem : undefined
  }

  /** All that keeps it from being saved, once somebody tried. */
  get mends(): readonly DocumentIssue[] {
    return this.attempted ? (this.checked?.issues ?? []) : []
  }

  /** Sends what was typed and is needed; resolves with the id it was saved under, or `undefined` with the reason shown. */
  async save(secrets: Readonly<Record<string, string>>): Promise<string | undefined> {
    const document = this.#named()
    if (document === undefined || this.saving) return undefined
    this.saving = true
    this.attempted = true
    // What is needed may have changed since the last look, a moment ago.
    await this.#check()
    const needed = Object.entries(secrets).filter(([name]) => this.typed.includes(name))
    const fresh = this.profile === undefined
    const saved = await this.#api.profiles.save({
      document: { ...document },
      fresh,
      key: this.#key,
      ...(needed.length === 0 ? {} : { secrets: Object.fromEntries(needed) }),
    })
    this.saving = false
    if (!saved.ok) {
      this.fault = saved.error
      return undefined
    }
    this.fault = undefined
    await this.#check()
    if (saved.value.issues.length > 0) return undefined
    this.attempted = false
    this.#touched = new Set()
    // What was typed meanwhile is not saved yet.
    this.#original = document
    this.#key = undefined
    this.cameAlong = ''
    this.secrets = saved.value.secrets
    return saved.value.id
  }

  async forget(name: string): Promise<void> {
    if (this.profile === undefined) return
    const outcome = await this.#api.profiles.forget({ profile: this.profile, name })
    if (outcome.ok) {
      this.secrets = outcome.value
      return
    }
    this.fault = outcome.error
    // What was kept in memory is gone all the same.
    await this.lookForSecrets()
  }

  discard(): void {
    this.#document = this.#original
    this.#dropKey()
    this.#aside.clear()
    this.attempted = false
    this.#touched = new Set()
    void this.#check()
  }

  /** A new connection nobody named is called like its gateway. */
  #named(): ProfileDocument | undefined {
    const document = this.#document
    if (document === undefined || document.name.trim() !== '') return document
    const named = withField(document, 'name', document.gateway.host.trim().slice(0, 80))
    this.#document = named
    return named
  }

  async #check(): Promise<void> {
    const document = this.#document
    if (document === undefined) return
    const outcome = await this.#api.profiles.check({ document: { ...document } })
    // Somebody typed on meanwhile: a newer check is on its way.
    if (outcome.ok && document === this.#document) this.checked = outcome.value
  }
}

const isAbout = ({ field }: DocumentIssue, path: string): boolean =>
  field === path || field.startsWith(`${path}.`)
