import { mkdirSync, readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { DEFAULT_SETTINGS, type Settings } from '../core/contract/settings.ts'

const schema = v.object({
  theme: v.fallback(v.picklist(['system', 'light', 'dark']), DEFAULT_SETTINGS.theme),
  startAtLogin: v.fallback(v.boolean(), DEFAULT_SETTINGS.startAtLogin),
  startHidden: v.fallback(v.boolean(), DEFAULT_SETTINGS.startHidden),
  keepInTray: v.fallback(v.boolean(), DEFAULT_SETTINGS.keepInTray),
  notifications: v.fallback(v.boolean(), DEFAULT_SETTINGS.notifications),
  confirmWhileBusy: v.fallback(v.boolean(), DEFAULT_SETTINGS.confirmWhileBusy),
})

/** What is not named stays as it is. */
export type SettingsChange = { readonly [Name in keyof Settings]?: Settings[Name] | undefined }

/** The settings of the app in `home`/settings.json. A field that cannot be read is as it is by default. */
export class SettingsFile {
  readonly #home: string
  #now: Settings
  #writing: Promise<void> = Promise.resolve()

  constructor(home: string) {
    this.#home = home
    this.#now = read(this.#path)
  }

  get now(): Settings {
    return this.#now
  }

  /** Resolves when it is written. Throws when the folder cannot be written to. */
  change(part: SettingsChange): Promise<Settings> {
    const given = Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined))
    this.#now = { ...this.#now, ...given }
    const text = `${JSON.stringify(this.#now, undefined, 2)}\n`
    const written = this.#writing.then(async () => {
      mkdirSync(this.#home, { recursive: true, mode: 0o700 })
      await writeFile(`${this.#path}.new`, text, { mode: 0o600 })
      await rename(`${this.#path}.new`, this.#path)
    })
    this.#writing = written.catch(() => {})
    return written.then(() => this.#now)
  }

  get #path(): string {
    return join(this.#home, 'settings.json')
  }
}

function read(path: string): Settings {
  try {
    const parsed = v.safeParse(schema, JSON.parse(readFileSync(path, 'utf8')))
    return parsed.success ? parsed.output : DEFAULT_SETTINGS
  } catch {
    return DEFAULT_SETTINGS
  }
}
