import type { WindowApi } from '../../core/contract/contract.ts'
import type {
  CheckedDocument,
  DocumentIssue,
  ProfileDocument,
  SecretsState,
} from '../../core/contract/profile.ts'
import type { ErrorSnapshot } from '../../core/contract/snapshot.ts'
import { sameDocument, withField } from './document.ts'

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
  fault = $state.raw<ErrorSnapshot | undefined>(undefined)
  saving = $state(false)
  /** Problems are shown of fields that were touched, and of all after an attempt to save. */
  attempted = $state(false)
  #touched = $state.raw<ReadonlySet<string>>(new Set())
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(api: WindowApi, profile: string | undefined) {
    this.#api = api
    this.profile = profile
    void this.load()
  }

  get document(): ProfileDocument | undefined {
    return this.#document
  }

  get changed(): boolean {
    const [before, now] = [this.#original, this.#document]
    return before !== undefined && now !== undefined && !sameDocument(before, now)
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
    if (this.#document === undefined) return
    this.#document = withField(this.#document, path, value)
    this.#touched = new Set([...this.#touched, path])
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#check(), CALM_MS)
  }

  /** What is wrong with a field, once it is time to say so. */
  problemOf(path: string): string | undefined {
    const touched = this.attempted || [...this.#touched].some((one) => one === path)
    return touched ? this.checked?.issues.find((issue) => isAbout(issue, path))?.problem : undefined
  }

  /** Sends what was typed; resolves with the id it was saved under, or `undefined` with the reason shown. */
  async save(secrets: Readonly<Record<string, string>>): Promise<string | undefined> {
    const document = this.#named()
    if (document === undefined || this.saving) return undefined
    this.saving = true
    this.attempted = true
    const fresh = this.profile === undefined
    const saved = await this.#api.profiles.save({
      document: { ...document },
      fresh,
      ...(Object.keys(secrets).length === 0 ? {} : { secrets }),
    })
    this.saving = false
    if (!saved.ok) {
      this.fault = saved.error
      return undefined
    }
    this.fault = undefined
    await this.#check()
    if (saved.value.issues.length > 0) return undefined
    this.#original = document
    this.#document = document
    this.secrets = saved.value.secrets
    return saved.value.id
  }

  async forget(name: string): Promise<void> {
    if (this.profile === undefined) return
    const outcome = await this.#api.profiles.forget({ profile: this.profile, name })
    if (outcome.ok) this.secrets = outcome.value
    else this.fault = outcome.error
  }

  discard(): void {
    this.#document = this.#original
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
