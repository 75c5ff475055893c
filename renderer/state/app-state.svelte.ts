import type { WindowApi } from '../../core/contract/contract.ts'
import type { CredentialRead } from '../../core/contract/credential.ts'
import { areForInspector, Captures } from './captures.svelte.ts'
import { Checks } from './checks.svelte.ts'
import { Culvert } from './culvert.svelte.ts'
import { Editor } from './editor.svelte.ts'
import type { NamedBytes } from './files.ts'
import { Importing } from './importing.svelte.ts'
import { Inspector, type Messages } from './inspector.svelte.ts'
import { Lessons } from './lessons.svelte.ts'
import { Place, type Tab } from './place.svelte.ts'
import { Preferences } from './preferences.svelte.ts'

/** Everything the window shows: the mirrors of main, and where the person is. */
export class AppState {
  readonly api: WindowApi
  readonly culvert: Culvert
  readonly place = new Place()
  readonly preferences: Preferences
  readonly importing: Importing
  readonly captures: Captures
  readonly lessons: Lessons
  /** The new connection that is being typed in. */
  fresh = $state.raw<Editor | undefined>(undefined)
  readonly #editors = new Map<string, Editor>()
  readonly #inspectors = new Map<string, Inspector>()
  readonly #checks = new Map<string, Checks>()

  constructor(api: WindowApi) {
    this.api = api
    this.preferences = new Preferences(api)
    this.importing = new Importing(api)
    this.captures = new Captures(api)
    this.lessons = new Lessons(api)
    api.app.show((asked) => {
      const profile = this.place.follow(asked)
      if (profile !== undefined) this.culvert.choose(profile)
      if (asked.view === 'new') this.create()
    })
    api.files.opened((preview) => {
      this.importing.opened(preview)
      this.place.view = 'import'
    })
    api.files.failed((fault) => {
      this.importing.failed(fault)
      this.place.view = 'import'
    })
    api.captures.opened((outcome) => {
      this.captures.take(outcome)
      this.place.view = 'capture'
    })
    this.culvert = new Culvert(api)
  }

  /** What is typed and not saved stays while other connections are looked at. */
  editorOf(profile: string): Editor {
    return kept(this.#editors, profile, () => new Editor(this.api, profile))
  }

  inspectorOf(profile: string): Inspector {
    return kept(this.#inspectors, profile, () => new Inspector(messagesOf(this.api, profile)))
  }

  checksOf(profile: string): Checks {
    return kept(this.#checks, profile, () => new Checks(this.api, profile))
  }

  /** The key of the certificate a profile has, which main holds from now on. */
  async readKey(
    profile: string,
    files: readonly NamedBytes[],
    passphrase: string | undefined,
  ): Promise<CredentialRead> {
    const outcome = await this.api.credentials.read({ files: [...files], passphrase, profile })
    return outcome.ok ? outcome.value : { ok: false, why: 'other', problem: outcome.error.title }
  }

  look(profile: string, tab: Tab = 'status'): void {
    this.culvert.choose(profile)
    this.place.open(tab)
  }

  create(): void {
    this.fresh ??= new Editor(this.api, undefined)
    this.place.view = 'new'
  }

  /** A connection was saved, or is gone: what is held of it is out of date. */
  settle(profile: string | undefined): void {
    if (profile !== undefined) this.#editors.delete(profile)
    this.fresh = undefined
    void this.culvert.refresh()
  }

  async remove(profile: string): Promise<void> {
    const editor = this.editorOf(profile)
    const outcome = await this.api.profiles.remove({ profile })
    if (!outcome.ok) {
      editor.fault = outcome.error
      return
    }
    this.#inspectors.delete(profile)
    this.#checks.delete(profile)
    this.settle(profile)
    this.place.open('status')
  }

  /** The demo is an ordinary connection, whose gateway is inside this app. */
  async demo(): Promise<void> {
    const outcome = await this.api.profiles.demo()
    if (!outcome.ok) return
    await this.culvert.refresh()
    this.look(outcome.value)
    void this.culvert.connect(outcome.value)
  }

  async chooseFiles(): Promise<void> {
    this.place.view = 'import'
    await this.importing.choose()
  }

  async chooseCapture(): Promise<void> {
    if (await this.captures.choose()) this.place.view = 'capture'
  }

  /** The capture of a lesson, in the Inspector. */
  async openLesson(name: string): Promise<void> {
    this.captures.take(await this.api.lessons.open({ name }))
    this.place.view = 'capture'
  }

  async drop(files: readonly File[]): Promise<void> {
    if (files.length === 0) return
    if (await areForInspector(files)) {
      await this.captures.open(files)
      this.place.view = 'capture'
      return
    }
    this.place.view = 'import'
    void this.importing.take(files)
  }

  async compact(on: boolean): Promise<void> {
    this.place.compact = on
    if (on) this.place.open('status')
    await this.api.app.compact({ on })
  }
}

/** What travelled for a profile, as main tells it. */
const messagesOf = ({ session }: WindowApi, profile: string): Messages => ({
  lines: (after) => session.messages({ profile, after }),
  tree: (number) => session.tree({ profile, number }),
  find: (wanted, after) => session.find({ profile, wanted, after }),
  save: () => session.capture({ profile }),
})

function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const there = map.get(key)
  if (there !== undefined) return there
  const made = make()
  map.set(key, made)
  return made
}
