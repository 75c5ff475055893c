import { join } from 'node:path'
import type { BrowserWindow } from 'electron'
import type { Areas } from './bridge.ts'
import type { CaptureDesk } from './capture-desk.ts'
import type { CheckDesk } from './check-desk.ts'
import type { Engine } from './engine.ts'
import type { GivenSecrets } from './handlers/given-secrets.ts'
import type { ImportDesk } from './import-desk.ts'
import { type Later, later } from './later.ts'
import type { ProfileDesk } from './profile-desk.ts'
import type { Stores } from './stores.ts'

export interface DesksNeeds {
  /** Where main lies. */
  readonly folder: string
  readonly stores: Later<Stores>
  readonly engine: Engine
  /** The one dialogs belong to. Throws `VpnFailure` (`cancelled`) where there is none. */
  window(): BrowserWindow
  /** A push of the contract. */
  send(area: string, name: string, value: unknown): void
}

/** What the window asks for beside the tunnels, each part loaded when it is first needed. */
export class Desks {
  readonly #needs: DesksNeeds
  readonly #secrets: Later<GivenSecrets>
  readonly #profiles: Later<ProfileDesk>
  readonly #checks: Later<CheckDesk>
  readonly #probes = later(async () => new (await import('./probe-desk.ts')).ProbeDesk())
  readonly import: Later<ImportDesk>
  readonly captures: Later<CaptureDesk>
  readonly #credentials = later(async () => new (await import('./credential-desk.ts')).CredentialDesk())

  constructor(needs: DesksNeeds) {
    this.#needs = needs
    const { stores, engine, send } = needs
    const changed = (): Promise<void> => engine.refresh()
    this.#secrets = later(async () => {
      const { GivenSecrets } = await import('./handlers/given-secrets.ts')
      return new GivenSecrets(engine, stores, this.#credentials)
    })
    this.#profiles = later(async () => {
      const [{ ProfileDesk }, kept] = await Promise.all([import('./profile-desk.ts'), stores()])
      return new ProfileDesk({ ...kept, changed, busy: (profile) => engine.carries(profile) })
    })
    this.import = later(async () => {
      const [{ ImportDesk }, kept] = await Promise.all([import('./import-desk.ts'), stores()])
      return new ImportDesk({
        ...kept,
        changed,
        progress: (progress) => send('files', 'progress', progress),
      })
    })
    this.#checks = later(async () => {
      const [{ CheckDesk }, { resolveHost }, kept] = await Promise.all([
        import('./check-desk.ts'),
        import('../core/net/resolve.ts'),
        stores(),
      ])
      return new CheckDesk({
        ...kept,
        resolve: resolveHost,
        find: (profile) => kept.profiles.find(profile),
        snapshot: () => engine.snapshot(),
        messages: (profile, after, most) => engine.messages(profile, after, most),
        progress: (progress) => send('checks', 'progress', progress),
        reading: (messages) => send('checks', 'reading', messages),
        now: () => Date.now(),
      })
    })
    this.captures = later(async () => {
      const { CaptureDesk } = await import('./capture-desk.ts')
      return new CaptureDesk((state) => send('captures', 'changed', state))
    })
  }

  /** Who answers the window, `app` aside. */
  areas(): Omit<Areas, 'app'> {
    const { engine, stores, folder, window } = this.#needs
    return {
      session: later(async () => {
        const [{ sessionHandlers }, secrets] = await Promise.all([
          import('./handlers/session.ts'),
          this.#secrets(),
        ])
        return sessionHandlers(engine, secrets, window)
      }),
      prompts: later(async () => {
        const [{ promptHandlers }, secrets] = await Promise.all([
          import('./handlers/session.ts'),
          this.#secrets(),
        ])
        return promptHandlers(engine, secrets)
      }),
      profiles: later(async () => {
        const [{ profileHandlers }, desk, secrets] = await Promise.all([
          import('./handlers/profiles.ts'),
          this.#profiles(),
          this.#secrets(),
        ])
        return profileHandlers(desk, secrets, this.#probes, window)
      }),
      credentials: later(async () => {
        const [{ credentialHandlers }, desk, { profiles }] = await Promise.all([
          import('./handlers/credentials.ts'),
          this.#credentials(),
          stores(),
        ])
        return credentialHandlers(desk, profiles)
      }),
      captures: later(async () => {
        const [{ captureHandlers }, desk] = await Promise.all([
          import('./handlers/captures.ts'),
          this.captures(),
        ])
        return captureHandlers(desk, window)
      }),
      lessons: later(async () => {
        const [{ lessonHandlers }, desk] = await Promise.all([
          import('./handlers/captures.ts'),
          this.captures(),
        ])
        return lessonHandlers(desk, join(folder, 'lessons'))
      }),
      files: later(async () => {
        const [{ fileHandlers }, desk] = await Promise.all([import('./handlers/files.ts'), this.import()])
        return fileHandlers(desk, window)
      }),
      checks: later(async () => {
        const [{ checkHandlers }, desk] = await Promise.all([import('./handlers/files.ts'), this.#checks()])
        return checkHandlers(desk, window)
      }),
    }
  }

  /** Lets go of what waits for the person, and of keys. Never throws. */
  async close(): Promise<void> {
    ;(await this.import.loaded())?.forget()
    ;(await this.captures.loaded())?.close()
    ;(await this.#credentials.loaded())?.close()
    ;(await this.#probes.loaded())?.cancel()
  }
}
